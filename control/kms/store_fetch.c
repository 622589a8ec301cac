/* SPDX-License-Identifier: BSD-3-Clause */

/* Fetching keys that the other end gave: copied and marked at once, answered when it is durable. */

#include "control/kms/store_state.h"

#include <stdlib.h>
#include <string.h>

static uint32_t units_in(const struct key_uuid_place *p)
{
	return (p->length + KEY_UUID_UNIT - 1u) / KEY_UUID_UNIT;
}

static bool has_all(const uint64_t *bits, uint32_t from, uint32_t units)
{
	uint32_t end = from + units;

	for (uint32_t w = from / CHUNK_UNITS; w * CHUNK_UNITS < end; w++) {
		uint64_t mask = range_mask(from, units, w);

		if ((bits[w] & mask) != mask)
			return false;
	}
	return true;
}

static bool has_any(const uint64_t *bits, uint32_t from, uint32_t units)
{
	uint32_t end = from + units;

	for (uint32_t w = from / CHUNK_UNITS; w * CHUNK_UNITS < end; w++)
		if (bits[w] & range_mask(from, units, w))
			return true;
	return false;
}

static enum kms_found found_gone(const struct stream *st, uint64_t position)
{
	size_t at = gone_after(st, position);

	if (at == st->gone_count || st->gone[at].position > position)
		return KMS_NOT_YET;
	switch (st->gone[at].state) {
	case KMS_SEGMENT_SPENT:
		return KMS_SPENT;
	case KMS_SEGMENT_EXPIRED:
		return KMS_EXPIRED;
	default:
		return KMS_VOIDED;
	}
}

/* Lock held. Where the key at P lies, when it can be had. */
static enum kms_found find(const struct kms_store *s, const struct key_uuid_place *p,
                           struct segment **segment, uint32_t *from)
{
	const struct stream *st = stream_get(s, p->link, p->class);
	uint32_t units = units_in(p);
	struct segment *seg;
	size_t at;

	if (st == NULL || st->own || p->length == 0 || p->length > KEY_UUID_LENGTH)
		return KMS_NOT_YET;
	at = live_after(st, p->position);
	if (at == st->live_count || st->live[at]->position > p->position)
		return found_gone(st, p->position);
	seg = st->live[at];
	*from = (uint32_t)(p->position - seg->position);
	/* None is given over the end of a segment, or by another route: it is not this one. */
	if (units > seg->units - *from || seg->route != p->route)
		return KMS_NOT_YET;
	if (has_any(seg->invalid, *from, units))
		return KMS_VOIDED;
	if (!has_all(seg->live, *from, units))
		return KMS_SPENT;
	*segment = seg;
	return KMS_FOUND;
}

static void mark(struct segment *seg, uint32_t from, uint32_t units, bool live)
{
	uint32_t end = from + units;

	for (uint32_t w = from / CHUNK_UNITS; w * CHUNK_UNITS < end; w++) {
		uint64_t mask = range_mask(from, units, w);

		seg->live[w] = live ? seg->live[w] | mask : seg->live[w] & ~mask;
	}
}

/* A key that follows the one before it is one piece with it. */
static void add_piece(struct fetch *f, struct segment *seg, uint32_t from, uint32_t units)
{
	struct piece *last = f->n > 0 ? &f->piece[f->n - 1] : NULL;

	if (last != NULL && last->segment == seg && last->from + last->units == from) {
		last->units += units;
		return;
	}
	f->piece[f->n++] =
	        (struct piece){.segment = seg, .from = from, .units = units, .reason = TAKE_SPENT};
}

/* Lock held. All of PLACE marked, or nothing. */
static enum kms_found mark_all(struct kms_store *s, const struct key_uuid_place *place, uint32_t n,
                               struct fetch *f)
{
	enum kms_found verdict = KMS_FOUND;

	for (uint32_t i = 0; i < n; i++) {
		struct segment *seg = NULL;
		uint32_t from = 0, units = units_in(&place[i]);
		enum kms_found found = find(s, &place[i], &seg, &from);

		if (found == KMS_FOUND && verdict == KMS_FOUND) {
			mark(seg, from, units, false);
			add_piece(f, seg, from, units);
		} else if (found != KMS_FOUND) {
			verdict = found;
		}
		/* What no waiting changes goes before what is still to come. */
		if (found != KMS_FOUND && found != KMS_NOT_YET)
			break;
	}
	for (uint32_t i = 0; verdict != KMS_FOUND && i < f->n; i++)
		mark(f->piece[i].segment, f->piece[i].from, f->piece[i].units, true);
	return verdict;
}

/* Lock held; all are there, marked or not. */
static void copy_all(const struct kms_store *s, const struct key_uuid_place *place, uint32_t n,
                     uint8_t *keys)
{
	const struct segment *seg = NULL;

	for (uint32_t i = 0; i < n; i++) {
		const struct stream *st = stream_get(s, place[i].link, place[i].class);

		if (seg == NULL || seg->stream != st || place[i].position < seg->position ||
		    place[i].position >= seg->position + seg->units)
			seg = st->live[live_after(st, place[i].position)];
		bytes_copy(seg, (uint32_t)(place[i].position - seg->position), place[i].length,
		           keys);
		keys += place[i].length;
	}
}

enum kms_found kms_store_fetch(struct kms_store *s, const struct key_uuid_place *place, uint32_t n,
                               uint8_t *keys, void (*done)(void *ctx, int rc), void *ctx)
{
	enum kms_found verdict = KMS_BUSY;
	struct fetch *f;

	if (n == 0 || n > KMS_STORE_BATCH)
		return KMS_BUSY;
	f = malloc(sizeof(*f) + n * sizeof(f->piece[0]));
	if (f == NULL)
		return KMS_BUSY;
	*f = (struct fetch){.done = done, .ctx = ctx};
	store_lock(s);
	if (s->pending_keys + n <= PENDING_MAX)
		verdict = mark_all(s, place, n, f);
	if (verdict == KMS_FOUND) {
		copy_all(s, place, n, keys);
		for (uint32_t i = 0; i < f->n; i++)
			f->piece[i].segment->stream->pending += f->piece[i].units;
		f->keys = n;
		s->pending_keys += n;
		*s->fetches_last = f;
		s->fetches_last = &f->next;
		if (s->wake != NULL)
			s->wake(s->wake_ctx);
	}
	store_unlock(s);
	if (verdict != KMS_FOUND)
		free(f);
	return verdict;
}

enum kms_found kms_store_peek(struct kms_store *s, const struct key_uuid_place *place, uint32_t n,
                              uint8_t *keys)
{
	enum kms_found verdict = n == 0 || n > KMS_STORE_BATCH ? KMS_BUSY : KMS_FOUND;

	store_lock(s);
	for (uint32_t i = 0; i < n && (verdict == KMS_FOUND || verdict == KMS_NOT_YET); i++) {
		struct segment *seg;
		uint32_t from;
		enum kms_found found = find(s, &place[i], &seg, &from);

		if (found != KMS_FOUND)
			verdict = found;
	}
	if (verdict == KMS_FOUND)
		copy_all(s, place, n, keys);
	store_unlock(s);
	return verdict;
}
