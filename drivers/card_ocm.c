/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Scans of the card's optical channel monitor. The role's core takes them from their ring; any
 * thread reads the last one.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/card_priv.h"

#define HEAD    ((uint32_t)sizeof(struct card_ocm_head))
#define CHANNEL ((uint32_t)sizeof(struct card_ocm_channel))
#define RETRIES 100

/*
 * A sequence lock: VERSION is odd while the owner writes. The words are relaxed atomics, so that a
 * reader that comes between sees a mix, notices and tries again.
 */
struct card_ocm {
	uint32_t version;
	uint32_t words[sizeof(struct card_ocm_scan) / 4];
};

int card_ocm_open(struct card *card)
{
	if ((card->features & CARD_FEATURE_OCM) == 0)
		return 0;
	card->ocm = calloc(1, sizeof(*card->ocm));
	card_status_set(card, ocm, card->ocm != NULL);
	return card->ocm != NULL ? 0 : -ENOMEM;
}

void card_ocm_close(struct card *card)
{
	free(card->ocm);
	card->ocm = NULL;
}

static bool take(const struct card_buffer *b, struct card_ocm_scan *out)
{
	struct card_ocm_head h;
	const uint8_t *p = b->data;
	uint32_t sum = 0, word;

	if (b->error || !b->in_sequence || b->used < HEAD)
		return false;
	/* The card may still write: what was checked is what is used. */
	memcpy(&h, p, HEAD);
	if (h.channels > CARD_OCM_CHANNELS || b->used != HEAD + h.channels * CHANNEL)
		return false;
	memset(out, 0, sizeof(*out));
	out->scan = h.scan;
	out->count = h.channels;
	out->floor_mdbm = h.floor_mdbm;
	memcpy(out->channel, p + HEAD, h.channels * CHANNEL);
	for (uint32_t i = 0; i < HEAD / 4; i++) {
		memcpy(&word, (const uint8_t *)&h + 4 * i, 4);
		sum += word;
	}
	sum -= h.check;
	for (uint32_t i = 0; i < h.channels * CHANNEL / 4; i++) {
		memcpy(&word, (const uint8_t *)out->channel + 4 * i, 4);
		sum += word;
	}
	return sum == h.check;
}

static void publish(struct card_ocm *o, const struct card_ocm_scan *scan)
{
	uint32_t words[sizeof(*scan) / 4];

	memcpy(words, scan, sizeof(words));
	__atomic_store_n(&o->version, o->version + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (size_t i = 0; i < sizeof(words) / 4; i++)
		__atomic_store_n(&o->words[i], words[i], __ATOMIC_RELAXED);
	__atomic_store_n(&o->version, o->version + 1, __ATOMIC_RELEASE);
}

unsigned int card_ocm_poll(struct card *card)
{
	struct card_ring *r = &card->ring[CARD_RING_OCM];
	struct card_ocm_scan scan;
	struct card_buffer b;

	if (card->ocm == NULL || !card_ring_next(r, &b))
		return 0;
	if (take(&b, &scan))
		publish(card->ocm, &scan);
	else
		card_status_add(card, sequence_errors, 1);
	card_ring_release(r, 1);
	card_ring_refill(r);
	return 1;
}

bool card_ocm_read(const struct card *card, struct card_ocm_scan *out)
{
	const struct card_ocm *o = card->ocm;
	uint32_t words[sizeof(*out) / 4], before;

	for (int try = 0; o != NULL && try < RETRIES; try++) {
		before = __atomic_load_n(&o->version, __ATOMIC_ACQUIRE);
		if (before == 0)
			return false;
		for (size_t i = 0; i < sizeof(words) / 4; i++)
			words[i] = __atomic_load_n(&o->words[i], __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (before % 2 == 0 && __atomic_load_n(&o->version, __ATOMIC_RELAXED) == before) {
			memcpy(out, words, sizeof(*out));
			return true;
		}
	}
	return false;
}
