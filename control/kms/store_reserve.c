/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The own stream's cursors. Of each segment the units before `given` are given, those before
 * `reserved` are off the disk. Giving moves the first in memory alone; the disk learns it with the
 * next commit, so after a crash what lies between is lost, and may have been given.
 */

#include "control/kms/store_state.h"

#include <string.h>

static uint64_t ahead_units(const struct kms_store *s, const struct queue *q)
{
	uint64_t ahead = s->config.ahead_bytes / KEY_UUID_UNIT;

	return q->want > ahead ? q->want : ahead;
}

static bool is_short(const struct kms_store *s, const struct queue *q)
{
	return q->unreserved != NULL && (q->ready < q->want || q->ready <= ahead_units(s, q) / 2);
}

bool reserve_wanted(const struct kms_store *s)
{
	for (const struct stream *st = s->streams; st != NULL; st = st->next)
		if (st->own && (is_short(s, &st->queue[0]) || is_short(s, &st->queue[1])))
			return true;
	return false;
}

static void write_later(struct kms_store *s, struct segment *seg)
{
	txn_touch(s, seg);
	if (seg->writing)
		return;
	seg->writing = true;
	seg->given_before = seg->given_disk;
	seg->cut_before = seg->cut_disk;
	seg->next_writing = s->writing;
	s->writing = seg;
}

/* Lock held. The given cursor as the disk shall have it. */
static void note_given(struct segment *seg)
{
	uint32_t given = seg->given - seg->given_disk, cut = seg->cut - seg->cut_disk;

	seg->given_disk += given;
	seg->cut_disk += cut;
	seg->spent += given - cut;
	seg->voided += cut;
	seg->stream->disk.delivered += given - cut;
	seg->stream->disk.voided += cut;
}

void given_collect(struct kms_store *s)
{
	struct segment *seg;

	store_lock(s);
	while ((seg = TAILQ_FIRST(&s->dirty)) != NULL) {
		TAILQ_REMOVE(&s->dirty, seg, dirty);
		seg->is_dirty = false;
		write_later(s, seg);
		note_given(seg);
	}
	store_unlock(s);
}

void writing_undo(struct kms_store *s)
{
	while (s->writing != NULL) {
		struct segment *seg = s->writing;
		uint32_t given = seg->given_disk - seg->given_before;
		uint32_t cut = seg->cut_disk - seg->cut_before;
		struct queue *q = &seg->stream->queue[seg->simulated];

		s->writing = seg->next_writing;
		seg->writing = false;
		seg->given_disk -= given;
		seg->cut_disk -= cut;
		seg->spent -= given - cut;
		seg->voided -= cut;
		seg->stream->disk.delivered -= given - cut;
		seg->stream->disk.voided -= cut;
		seg->stream->counts_touched = true;
		if (given > 0 && !seg->is_dirty) {
			TAILQ_INSERT_TAIL(&s->dirty, seg, dirty);
			seg->is_dirty = true;
		}
		if (seg->reserved_disk != seg->reserved) {
			seg->reserved_disk = seg->reserved;
			q->unreserved = TAILQ_FIRST(&q->segments);
			while (q->unreserved != NULL &&
			       q->unreserved->reserved == q->unreserved->units)
				q->unreserved = TAILQ_NEXT(q->unreserved, queued);
		}
	}
}

/* The next segment's chunks go off the disk with the transaction, as many as UNITS need. */
static uint32_t reserve_segment(struct kms_store *s, struct segment *seg, uint64_t units)
{
	uint32_t from = seg->reserved_disk, to = seg->units;

	if (units < to - from)
		to = ((uint32_t)(from + units) + CHUNK_UNITS - 1) / CHUNK_UNITS * CHUNK_UNITS;
	if (to > seg->units)
		to = seg->units;
	write_later(s, seg);
	seg->reserved_disk = to;
	return to - from;
}

static void reserve_queue(struct kms_store *s, struct queue *q)
{
	uint64_t target, got;
	struct segment *seg;

	store_lock(s);
	target = is_short(s, q) ? ahead_units(s, q) : 0;
	got = q->ready;
	seg = q->unreserved;
	q->want = 0;
	store_unlock(s);
	/* The store thread alone puts segments into the queue; those behind are not given from. */
	while (seg != NULL && got < target) {
		struct segment *next;

		got += reserve_segment(s, seg, target - got);
		store_lock(s);
		next = TAILQ_NEXT(seg, queued);
		if (seg->reserved_disk == seg->units)
			q->unreserved = next;
		store_unlock(s);
		seg = next;
	}
}

void reserve_ahead(struct kms_store *s)
{
	for (struct stream *st = s->streams; st != NULL; st = st->next)
		for (int i = 0; st->own && i < 2; i++)
			reserve_queue(s, &st->queue[i]);
}

int reserve_return(struct kms_store *s, struct err *err)
{
	int rc = 0;

	for (struct stream *st = s->streams; rc == 0 && st != NULL; st = st->next)
		for (size_t i = 0; rc == 0 && st->own && i < st->live_count; i++) {
			struct segment *seg = st->live[i];

			if (seg->reserved == seg->given || seg->given == seg->units)
				continue;
			write_later(s, seg);
			seg->reserved_disk = seg->given;
			rc = row_seal(s, seg, seg->given / CHUNK_UNITS,
			              segment_words(seg->reserved), err);
		}
	return rc;
}
