/* SPDX-License-Identifier: BSD-3-Clause */

/* Units that go: fetched, expired or voided. Marked, then part of a transaction, then gone or back.
 */

#include "control/kms/store_state.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t piece_word(const struct piece *p, uint32_t w)
{
	return p->mask != NULL ? p->mask[w] : range_mask(p->from, p->units, w);
}

static void count(struct counts *c, const struct piece *p, bool own, int64_t sign)
{
	uint64_t n = (uint64_t)(sign * (int64_t)p->units);

	switch (p->reason) {
	case TAKE_SPENT:
		c->delivered += n;
		/* The other end gave it before: only so there is an identifier to ask with. */
		if (!own)
			c->both += n;
		break;
	case TAKE_EXPIRED:
		c->expired += n;
		break;
	case TAKE_VOIDED:
		c->voided += n;
		break;
	}
	if (p->reason == TAKE_VOIDED && p->segment->damaged)
		c->damaged += n;
}

void piece_apply(struct piece *p)
{
	struct stream *st = p->segment->stream;

	count(&st->now, p, st->own, 1);
	if (!st->own)
		st->pending -= p->units;
	st->held -= p->freed;
	p->segment->held -= p->freed;
}

static uint32_t *units_of(struct segment *seg, enum reason reason)
{
	return reason == TAKE_SPENT     ? &seg->spent
	       : reason == TAKE_EXPIRED ? &seg->expired
	                                : &seg->voided;
}

static void piece_words(const struct piece *p, uint32_t *from, uint32_t *to)
{
	*from = p->mask != NULL ? 0 : p->from / CHUNK_UNITS;
	*to = p->mask != NULL ? segment_words(p->segment->units)
	                      : segment_words(p->from + p->units);
}

/* Own: what was given before it was shut, and is not written yet, is written with it. */
static void count_given(struct piece *p, int sign)
{
	struct segment *seg = p->segment;
	uint32_t given = p->given * (uint32_t)sign, cut = p->cut * (uint32_t)sign;

	seg->given_disk += given;
	seg->cut_disk += cut;
	seg->spent += given - cut;
	seg->voided += cut;
	seg->stream->disk.delivered += (uint64_t)(int32_t)(given - cut);
	seg->stream->disk.voided += (uint64_t)(int32_t)cut;
}

void piece_touch(struct kms_store *s, struct piece *p)
{
	uint32_t from, to;

	piece_words(p, &from, &to);
	for (uint32_t w = from; !p->segment->stream->own && w < to; w++)
		if (piece_word(p, w) != 0)
			p->segment->touched_chunks |= UINT64_C(1) << w;
	txn_touch(s, p->segment);
}

void txn_take(struct kms_store *s, struct piece *p)
{
	struct segment *seg = p->segment;
	uint32_t from, to;

	*units_of(seg, p->reason) += p->units;
	count(&seg->stream->disk, p, seg->stream->own, 1);
	piece_words(p, &from, &to);
	if (seg->stream->own)
		count_given(p, 1);
	for (uint32_t w = from; !seg->stream->own && w < to; w++) {
		seg->kept[w] &= ~piece_word(p, w);
		if (p->reason == TAKE_SPENT)
			seg->had[w] |= piece_word(p, w);
	}
	p->next = s->effects.pieces;
	s->effects.pieces = p;
	piece_touch(s, p);
}

/* Lock held. */
void piece_undo(struct piece *p)
{
	struct segment *seg = p->segment;
	uint32_t from, to;

	*units_of(seg, p->reason) -= p->units;
	count(&seg->stream->disk, p, seg->stream->own, -1);
	if (seg->stream->own) {
		count_given(p, -1);
		seg->shut = false;
		seg->stream->queue[seg->simulated].ready += seg->reserved - seg->given;
		return;
	}
	piece_words(p, &from, &to);
	for (uint32_t w = from; w < to; w++) {
		uint64_t word = piece_word(p, w);

		seg->kept[w] |= word;
		seg->had[w] &= ~word;
		seg->live[w] |= word;
		seg->invalid[w] &= ~word;
	}
	seg->stream->pending -= p->units;
}

/* It is durable: the bytes go from memory too. Nobody else reads these units any more. */
void piece_wipe(struct piece *p)
{
	struct segment *seg = p->segment;
	uint32_t from, to;

	if (p->mask == NULL)
		bytes_wipe(seg, p->from, p->units);
	for (uint32_t i = 0; p->mask != NULL && i < seg->units; i++)
		if (p->mask[i / CHUNK_UNITS] >> (i % CHUNK_UNITS) & 1)
			bytes_wipe(seg, i, 1);
	if (seg->stream->own)
		return; /* the whole segment goes */
	piece_words(p, &from, &to);
	for (uint32_t w = from; w < to; w++)
		if (seg->kept[w] == 0)
			p->freed += bytes_free(seg, w);
}

/* What is left of SEG of the other's stream is marked; the mask of what was. */
static struct piece *mark_live(struct segment *seg, uint32_t from, uint32_t units)
{
	uint32_t words = segment_words(seg->units);
	struct piece *p = calloc(1, sizeof(*p) + words * sizeof(uint64_t));

	if (p == NULL)
		return NULL;
	p->mask = (uint64_t *)(p + 1);
	for (uint32_t w = 0; w < words; w++) {
		p->mask[w] = seg->live[w] & range_mask(from, units, w);
		p->units += (uint32_t)__builtin_popcountll(p->mask[w]);
		seg->live[w] &= ~p->mask[w];
		seg->invalid[w] |= p->mask[w];
	}
	seg->stream->pending += p->units;
	return p;
}

static struct piece *shut(struct segment *seg)
{
	struct piece *p;

	if (seg->shut || seg->given == seg->units)
		return calloc(1, sizeof(*p));
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->from = seg->given;
	p->units = seg->units - seg->given;
	p->given = seg->given - seg->given_disk;
	p->cut = seg->cut - seg->cut_disk;
	seg->shut = true;
	seg->stream->queue[seg->simulated].ready -= seg->reserved - seg->given;
	return p;
}

int txn_take_rest(struct kms_store *s, struct segment *seg, uint32_t from, uint32_t units,
                  enum reason reason, uint64_t *taken, struct err *err)
{
	struct piece *p;

	store_lock(s);
	p = seg->stream->own ? shut(seg) : mark_live(seg, from, units);
	store_unlock(s);
	if (p == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": out of memory");
	if (p->units == 0) {
		free(p);
		return 0;
	}
	p->segment = seg;
	p->reason = reason;
	if (taken != NULL)
		*taken += (uint64_t)p->units * KEY_UUID_UNIT;
	txn_take(s, p);
	return 0;
}

/* Pieces of fetches belong to them; others were made by txn_take_rest(). */
void piece_free(struct piece *p)
{
	if (p->reason != TAKE_SPENT)
		free(p);
}
