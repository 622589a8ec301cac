/* SPDX-License-Identifier: BSD-3-Clause */

/* Voiding: what is there goes, and what is not shall not come. */

#include "control/kms/store_state.h"

#include <errno.h>
#include <stdlib.h>

/* Nothing shall come to [POSITION, POSITION + UNITS) any more. */
static int put_tombstone(struct kms_store *s, struct stream *st, uint64_t position, uint64_t units,
                         struct err *err)
{
	struct tombstone *t = malloc(sizeof(*t));
	int rc;

	if (t == NULL || stream_reserve(s, st) < 0) {
		free(t);
		return err_set(err, ENOMEM, STORE_WHAT ": out of memory");
	}
	t->stream = st;
	t->gone = (struct gone){position, units, KMS_SEGMENT_VOIDED};
	rc = row_gone(s, st->link, st->class, &t->gone, false, err);
	if (rc < 0) {
		free(t);
		return rc;
	}
	t->next = s->effects.tombstones;
	s->effects.tombstones = t;
	return 0;
}

/* From POSITION on: where what is there ends, or, when nothing is, begins; and which of them. */
static uint64_t next_edge(const struct stream *st, uint64_t position, uint64_t end, bool *there)
{
	size_t l = live_after(st, position), g = gone_after(st, position);
	const struct segment *seg = l < st->live_count ? st->live[l] : NULL;
	const struct gone *gone = g < st->gone_count ? &st->gone[g] : NULL;
	uint64_t edge = end;

	*there = true;
	if (seg != NULL && seg->position <= position)
		return seg->position + seg->units;
	if (gone != NULL && gone->position <= position)
		return gone->position + gone->units;
	*there = false;
	if (seg != NULL && seg->position < edge)
		edge = seg->position;
	if (gone != NULL && gone->position < edge)
		edge = gone->position;
	return edge;
}

/* Wherever nothing is. */
static int put_tombstones(struct kms_store *s, struct stream *st, uint64_t position, uint64_t end,
                          struct err *err)
{
	uint64_t next;
	bool there;
	int rc = 0;

	for (; rc == 0 && position < end; position = next) {
		next = next_edge(st, position, end, &there);
		if (!there)
			rc = put_tombstone(s, st, position, next - position, err);
	}
	return rc;
}

int take_range(struct kms_store *s, struct stream *st, uint64_t position, uint64_t units,
               enum reason reason, uint64_t *bytes, struct err *err)
{
	uint64_t end = position + units;
	int rc = 0;

	for (size_t i = live_after(st, position);
	     rc == 0 && i < st->live_count && st->live[i]->position < end; i++) {
		struct segment *seg = st->live[i];
		uint64_t from = position > seg->position ? position - seg->position : 0;
		uint64_t to = end - seg->position < seg->units ? end - seg->position : seg->units;

		rc = txn_take_rest(s, seg, (uint32_t)from, (uint32_t)(to - from), reason, bytes,
		                   err);
	}
	return rc;
}

int void_segments(struct kms_store *s, struct stream *st, uint64_t position, uint64_t units,
                  struct err *err)
{
	uint64_t end = position + units;
	int rc = 0;

	for (size_t i = live_after(st, position);
	     rc == 0 && i < st->live_count && st->live[i]->position < end; i++)
		if (st->live[i]->position >= position)
			rc = txn_take_rest(s, st->live[i], 0, st->live[i]->units, TAKE_VOIDED, NULL,
			                   err);
	return rc == 0 ? put_tombstones(s, st, position, end, err) : rc;
}

int kms_store_void(struct kms_store *s, uint8_t link, enum key_uuid_class class, uint64_t position,
                   uint64_t units, uint64_t *bytes, struct err *err)
{
	uint64_t destroyed = 0;
	struct stream *st;
	struct txn t;
	int rc;

	if ((class != KEY_UUID_FROM_A && class != KEY_UUID_FROM_B) || units == 0 ||
	    position >= KEY_UUID_POSITIONS || units > KEY_UUID_POSITIONS - position)
		return err_set(err, EINVAL, STORE_WHAT ": no such range to be voided");
	st = stream_make(s, link, class);
	if (st == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": out of memory");
	for (const struct segment *seg = s->effects.added; seg != NULL; seg = seg->next_added)
		if (seg->stream == st && seg->position < position + units &&
		    position < seg->position + seg->units)
			return err_set(err, EBUSY, STORE_WHAT ": comes in the same transaction");
	rc = txn_begin(s, &t, err);
	if (rc < 0)
		return rc;
	rc = take_range(s, st, position, units, TAKE_VOIDED, &destroyed, err);
	if (rc == 0)
		rc = put_tombstones(s, st, position, position + units, err);
	rc = txn_end(s, &t, rc, err);
	if (bytes != NULL)
		*bytes = rc == 0 ? destroyed : 0;
	return rc;
}
