/* SPDX-License-Identifier: BSD-3-Clause */

/* Alice's light, and her choices by slot number. */

#include <errno.h>
#include <string.h>

#include "drivers/card_priv.h"

int card_tx_mode(struct card *card, enum card_tx_mode mode, uint64_t *from_slot)
{
	static const uint32_t codes[] = {[CARD_TX_DARK] = CARD_TX_MODE_DARK,
	                                 [CARD_TX_QKD] = CARD_TX_MODE_QKD,
	                                 [CARD_TX_SYNC] = CARD_TX_MODE_SYNC};
	uint64_t start = clock_mono_ns(), from;

	if (card->state < 0)
		return card->state;
	if (card->role != CARD_IS_ALICE || (unsigned int)mode > CARD_TX_SYNC)
		return -EINVAL;
	if (mode == CARD_TX_SYNC && (card->features & CARD_FEATURE_SYNC_PATTERN) == 0)
		return -ENOTSUP;
	if (card_write(card, CARD_TX_MODE, codes[mode]) < 0 ||
	    card_write(card, CARD_TX_APPLY, 1) < 0)
		return -ETIMEDOUT;
	while (card->ops->read64(card->t, CARD_TX_FROM_LO, &from) < 0) {
		if (clock_mono_ns() - start > 3 * CARD_WRITE_NS)
			return -ETIMEDOUT;
		transport_relax(start);
	}
	if (from >> 48 != 0)
		return -ENODEV;
	card_slot_now(card);
	*from_slot = card->mode_from = card_slot_extend(card, from);
	card_status_set(card, tx_mode, mode);
	return 0;
}

unsigned int card_queries_poll(struct card *card)
{
	struct card_ring *r = &card->ring[CARD_RING_QUERIES];
	struct card_buffer b;
	unsigned int n = 0;

	while (card_ring_next(r, &b)) {
		if (b.error || !b.in_sequence)
			card_status_add(card, sequence_errors, 1);
		card_ring_release(r, 1);
		n++;
	}
	return n;
}

int card_lookup(struct card *card, const uint64_t *slots, size_t n)
{
	struct card_ring *r = &card->ring[CARD_RING_QUERIES];
	struct card_query *q;
	uint64_t *buffer;

	if (card->state < 0)
		return card->state;
	if (n == 0 || n > CARD_LOOKUP_MAX || card->role != CARD_IS_ALICE)
		return -EINVAL;
	if (card->query_next - card->query_oldest == CARD_QUERIES)
		return -EAGAIN;
	buffer = card_ring_free(r);
	if (buffer == NULL)
		return -EAGAIN;
	q = &card->query[card->query_next % CARD_QUERIES];
	q->first_slot = slots[0] & 0xffffffffffffULL;
	q->n = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		buffer[i] = slots[i] & 0xffffffffffffULL;
		q->slot24[i] = (uint32_t)slots[i] & 0xffffff;
	}
	card->query_next++;
	card_ring_post(r, (uint32_t)(8 * n));
	card_status_add(card, lookups, n);
	return 0;
}

size_t card_choices(struct card *card, struct card_choice out[CARD_LOOKUP_MAX])
{
	struct card_ring *r = &card->ring[CARD_RING_CHOICES];
	const struct card_query *q;
	struct card_buffer b;
	uint64_t stale = 0, wrong = 0;

	if (card->state < 0 || card->query_next == card->query_oldest || !card_ring_next(r, &b))
		return 0;
	q = &card->query[card->query_oldest % CARD_QUERIES];
	if (!b.in_sequence || b.error || b.used != 4 * q->n || b.first_slot != q->first_slot) {
		/* Which answer belongs to which question is no longer known. */
		card_status_add(card, sequence_errors, 1);
		card_fail(card, -EIO);
		return 0;
	}
	for (uint32_t i = 0; i < q->n; i++) {
		uint32_t c = __atomic_load_n((const uint32_t *)b.data + i, __ATOMIC_RELAXED);
		bool echo = CARD_CHOICE_SLOT(c) == q->slot24[i];
		bool valid = (c & CARD_CHOICE_VALID) != 0;

		wrong += !echo;
		stale += echo && !valid;
		out[i] = (struct card_choice){
		        .basis = (c & CARD_CHOICE_BASIS_X) != 0,
		        .bit = (c & CARD_CHOICE_BIT) != 0,
		        .intensity = (uint8_t)CARD_CHOICE_INTENSITY(c),
		        .valid = valid && echo && CARD_CHOICE_INTENSITY(c) < 2,
		};
	}
	card_status_add(card, stale_lookups, stale);
	card_status_add(card, sequence_errors, wrong);
	card->query_oldest++;
	card_ring_release(r, 1);
	return q->n;
}
