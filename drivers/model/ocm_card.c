/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/ocm_card.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "drivers/model/shm_card.h"

#define SCAN_NS        (200 * NS_PER_MS)
#define FIRST_GHZ      191300.0
#define LAST_GHZ       196200.0
#define RESOLUTION_MHZ 6250
#define WIDTH_MHZ      35000 /* a coherent channel of 32 GBd */
#define FLOOR_DBM      -50.0
#define NOISE_DB       0.05
/* 58 dB of shot noise limit, less a noise figure of 5 dB; no source is better than 45 dB. */
#define OSNR_AT_0_DBM 53.0
#define OSNR_MOST     45.0

void ocm_card_init(struct ocm_card *o, const struct lit *lit, bool bob, uint64_t seed)
{
	memset(o, 0, sizeof(*o));
	o->lit = lit;
	o->bob = bob;
	rng_init_seed(&o->rng, seed);
}

void ocm_card_reset(struct shm_card *card)
{
	card->ocm.running = false;
	card->ocm.scans = card->ocm.period_ms = 0;
	shm_card_put(card, CARD_OCM_FIRST_MHZ, (uint32_t)(FIRST_GHZ * 1e3));
	shm_card_put(card, CARD_OCM_LAST_MHZ, (uint32_t)(LAST_GHZ * 1e3));
	shm_card_put(card, CARD_OCM_RESOLUTION, RESOLUTION_MHZ);
}

static bool accepted(const struct shm_card *card)
{
	return (card->features_used & CARD_FEATURE_OCM) != 0;
}

uint32_t ocm_card_write(struct shm_card *card, uint32_t offset, uint32_t value)
{
	struct ocm_card *o = &card->ocm;

	if (offset == CARD_OCM_PERIOD_MS) {
		shm_card_put(card, offset, value);
		o->period_ms = value;
		o->next_ns = card->now_ns;
	} else if (offset == CARD_OCM_CTRL && value & 1 && accepted(card) && card->enabled &&
	           !o->running) {
		o->running = true;
		o->start_ns = card->now_ns;
		shm_card_put(card, CARD_OCM_CTRL, 1);
	}
	return 0;
}

static int by_frequency(const void *a, const void *b)
{
	const struct card_ocm_channel *x = a, *y = b;

	return x->centre_mhz < y->centre_mhz ? -1 : x->centre_mhz > y->centre_mhz;
}

static uint32_t channels(struct ocm_card *o, struct card_ocm_channel *out)
{
	uint32_t n = 0;

	for (unsigned int i = 0; o->lit != NULL && i < o->lit->channels; i++) {
		const struct lit_channel *c = &o->lit->channel[i];
		/* What is launched at this end has not been through the fibre. */
		double dbm = c->dbm - (c->counter == o->bob ? 0 : o->fibre_db), osnr;

		if (dbm < FLOOR_DBM || c->ghz < FIRST_GHZ || c->ghz > LAST_GHZ)
			continue;
		osnr = fmin(OSNR_AT_0_DBM + dbm, OSNR_MOST);
		out[n++] = (struct card_ocm_channel){
		        .centre_mhz = (uint32_t)lrint(c->ghz * 1e3),
		        .power_mdbm = (int32_t)lrint(1e3 * (dbm + NOISE_DB * rng_gauss(&o->rng))),
		        .width_mhz = WIDTH_MHZ,
		        .osnr_mdb = (int32_t)lrint(1e3 * osnr),
		};
	}
	qsort(out, n, sizeof(out[0]), by_frequency);
	return n;
}

static void put_scan(struct shm_card *card)
{
	struct ocm_card *o = &card->ocm;
	struct {
		struct card_ocm_head head;
		struct card_ocm_channel channel[LIT_MODEL_CHANNELS];
	} scan = {.head = {.slot = card->slot & 0xffffffffffffULL,
	                   .scan = ++o->scans,
	                   .floor_mdbm = (int32_t)(1e3 * FLOOR_DBM)}};
	uint32_t bytes, words[sizeof(scan) / 4];
	void *place;

	shm_card_put(card, CARD_OCM_SCANS, o->scans);
	scan.head.channels = channels(o, scan.channel);
	bytes = (uint32_t)(sizeof(scan.head) + scan.head.channels * sizeof(scan.channel[0]));
	memcpy(words, &scan, bytes);
	/* All words but the sum itself, which is 0 as yet. */
	for (uint32_t i = 0; i < bytes / 4; i++)
		scan.head.check += words[i];
	place = shm_ring_record(card, CARD_RING_OCM, bytes, card->slot);
	if (place == NULL) {
		card->ring[CARD_RING_OCM].dropped += card->ring[CARD_RING_OCM].run;
		return;
	}
	memcpy(place, &scan, bytes);
	shm_ring_commit(card, CARD_RING_OCM, bytes);
	shm_ring_complete(card, CARD_RING_OCM, 0);
}

void ocm_card_turn(struct shm_card *card)
{
	struct ocm_card *o = &card->ocm;

	if (!accepted(card) || !card->enabled || card->faulted) {
		o->running = false;
		return;
	}
	if (!o->running && o->period_ms > 0 && card->now_ns >= o->next_ns) {
		o->running = true;
		o->start_ns = card->now_ns;
		o->next_ns = card->now_ns + o->period_ms * NS_PER_MS;
		shm_card_put(card, CARD_OCM_CTRL, 1);
	}
	if (o->running && card->now_ns - o->start_ns >= SCAN_NS) {
		o->running = false;
		shm_card_put(card, CARD_OCM_CTRL, 0);
		put_scan(card);
	}
}
