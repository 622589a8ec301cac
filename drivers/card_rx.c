/* SPDX-License-Identifier: BSD-3-Clause */

/* Bob's clicks: tags out of their ring, checked, with gaps where some are missing. */

#include "drivers/card_priv.h"

/* A tag cannot be ahead of the slot counter, which was read a moment ago: some 17 s at 1 GHz. */
#define AHEAD_MAX (1ULL << 34)

/* Advance to a buffer with unread tags. */
static bool next_tags(struct card *card)
{
	struct card_ring *r = &card->ring[CARD_RING_TAGS];

	while (card->tag_at == card->tag_count) {
		if (card->tag_count > 0)
			card_ring_release(r, 1);
		card->tag_at = card->tag_count = 0;
		if (!card_ring_next(r, &card->tags))
			return false;
		if (!card->tags.in_sequence || card->tags.error || card->tags.used % 8 != 0) {
			card_status_add(card, sequence_errors, 1);
			card->hole = true;
		}
		card->tag_count = card->tags.error ? 0 : card->tags.used / 8;
		if (card->tag_count == 0)
			card_ring_release(r, 1);
	}
	return true;
}

/* Slots after tag_last, up to LAST, had clicks that were lost. */
static void put_gap(struct card *card, uint64_t last, struct card_click *out)
{
	*out = (struct card_click){.slot = card->tag_last + 1, .gap = true, .gap_last = last};
	card_status_add(card, gap_slots, last - card->tag_last);
	card->tag_last = last;
	card->hole = false;
	card->in_gap = false;
	card_status_add(card, gaps, 1);
}

/* Act on a tag; true when *out was filled. *again: the same tag is to be taken once more. */
static bool take(struct card *card, uint64_t tag, struct card_click *out, bool *again)
{
	unsigned int type = CARD_TAG_TYPE(tag), channel = CARD_TAG_CHANNEL(tag);
	uint64_t slot = card_slot_extend(card, CARD_TAG_SLOT(tag));
	bool click = type == CARD_TAG_CLICK || type == CARD_TAG_DOUBLE;

	*again = false;
	if (!click && type != CARD_TAG_GAP && type != CARD_TAG_GAP_END)
		return false; /* types of later minor versions */
	if (slot <= card->tag_last || slot > card->slot_ref + AHEAD_MAX ||
	    (type == CARD_TAG_CLICK && channel > CARD_DETECTOR_X1) ||
	    (type == CARD_TAG_DOUBLE && __builtin_popcount(channel) < 2) ||
	    (type == CARD_TAG_GAP_END && !card->in_gap)) {
		card_status_add(card, sequence_errors, 1);
		return false;
	}
	if (type == CARD_TAG_GAP) {
		if (!card->hole)
			card->tag_last = slot - 1;
		card->in_gap = true;
		return false;
	}
	if (type == CARD_TAG_GAP_END) {
		card_status_add(card, lost_tags, channel << 8 | CARD_TAG_SUB(tag));
		put_gap(card, slot, out);
		return true;
	}
	if (card->in_gap) { /* its end did not come */
		card_status_add(card, sequence_errors, 1);
		card->hole = true;
	}
	if (card->hole && slot > card->tag_last + 1) {
		put_gap(card, slot - 1, out);
		*again = true;
		return true;
	}
	card->hole = card->in_gap = false;
	card->tag_last = slot;
	*out = (struct card_click){.slot = slot, .sub = (uint8_t)CARD_TAG_SUB(tag)};
	out->detectors = (uint8_t)(type == CARD_TAG_DOUBLE ? channel : 1u << channel);
	card_status_set(card, last_slot, slot);
	card_status_add(card, clicks, 1);
	if (type == CARD_TAG_DOUBLE)
		card_status_add(card, doubles, 1);
	return true;
}

size_t card_clicks(struct card *card, struct card_click *out, size_t max)
{
	size_t n = 0;

	if (card->state < 0)
		return 0;
	while (n < max && next_tags(card)) {
		const uint64_t *tags = (const uint64_t *)card->tags.data;
		bool again;

		n += take(card, __atomic_load_n(&tags[card->tag_at], __ATOMIC_RELAXED), &out[n],
		          &again);
		card->tag_at += !again;
	}
	return n;
}
