/* SPDX-License-Identifier: BSD-3-Clause */

/* The card's random bytes and its telemetry. */

#include <errno.h>
#include <string.h>

#include "common/secret.h"
#include "drivers/card_priv.h"

void card_random_discard(struct card *card)
{
	if (card->pool_bytes > 0)
		secret_wipe(card->pool, card->pool_bytes);
	card->pool_bytes = 0;
}

unsigned int card_random_poll(struct card *card)
{
	struct card_ring *r = &card->ring[CARD_RING_QRNG];
	struct card_buffer b;
	unsigned int n = 0;

	while (CARD_RANDOM_MAX - card->pool_bytes >= CARD_RING_BUFFER_BYTES &&
	       card_ring_next(r, &b)) {
		/* A buffer out of sequence may be an old one: its bytes were used. */
		if (b.error || !b.in_sequence) {
			card_status_add(card, sequence_errors, 1);
		} else if (card->status.qrng_ok) {
			memcpy(card->pool + card->pool_bytes, b.data, b.used);
			card->pool_bytes += b.used;
		}
		secret_wipe((void *)(uintptr_t)b.data, CARD_RING_BUFFER_BYTES);
		card_ring_release(r, 1);
		n++;
	}
	card_ring_refill(r);
	return n;
}

int card_random(struct card *card, void *buf, size_t n)
{
	if (card->state < 0)
		return card->state;
	if (card->pool == NULL)
		return -ENOTSUP;
	if (n > CARD_RANDOM_MAX)
		return -EMSGSIZE;
	if (card->ops->read32(card->t, CARD_QRNG_STATE) == CARD_QRNG_FAIL) {
		card_random_discard(card);
		return -EIO;
	}
	if (n > card->pool_bytes)
		return -EAGAIN;
	card->pool_bytes -= n;
	memcpy(buf, card->pool + card->pool_bytes, n);
	secret_wipe(card->pool + card->pool_bytes, n);
	return 0;
}

static bool telemetry_sound(const struct card_telemetry *t)
{
	uint32_t words[sizeof(*t) / 4], sum = 0;

	_Static_assert(sizeof(*t) == 64, "telemetry records have 64 bytes");
	memcpy(words, t, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / 4 - 1; i++)
		sum += words[i];
	return sum == t->check;
}

unsigned int card_telemetry_poll(struct card *card)
{
	struct card_ring *r = &card->ring[CARD_RING_TELEMETRY];
	struct card_telemetry t;
	struct card_buffer b;
	unsigned int n = 0;

	while (card_ring_next(r, &b)) {
		if (b.used >= sizeof(t))
			memcpy(&t, b.data, sizeof(t));
		if (b.error || b.used < sizeof(t) || !telemetry_sound(&t)) {
			card_status_add(card, sequence_errors, 1);
		} else {
			if (!b.in_sequence)
				card_status_add(card, sequence_errors, 1);
			card_status_set(card, temperature_mc, t.temperature_mc);
			card_status_set(card, photocurrent_na, t.photocurrent_na);
			card_status_set(card, tx_power_nw, t.tx_power_nw);
		}
		card_ring_release(r, 1);
		n++;
	}
	card_ring_refill(r);
	return n;
}
