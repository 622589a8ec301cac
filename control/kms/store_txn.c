/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Transactions and their effects. A transaction within another is a savepoint: what it did can be
 * undone alone, and becomes durable with the outer one.
 */

#include "control/kms/store_state.h"

#include <errno.h>
#include <stdlib.h>

void txn_touch(struct kms_store *s, struct segment *seg)
{
	seg->stream->counts_touched = true;
	if (seg->touched)
		return;
	seg->touched = true;
	seg->next_touched = s->touched;
	s->touched = seg;
}

int txn_both(struct kms_store *s, struct stream *st, uint32_t units, struct err *err)
{
	struct both *b = malloc(sizeof(*b));

	if (b == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": out of memory");
	*b = (struct both){s->effects.both, st, units};
	s->effects.both = b;
	st->disk.both += units;
	st->counts_touched = true;
	return 0;
}

/* What the transaction touched is written. */
static int flush(struct kms_store *s, struct err *err)
{
	int rc = 0;

	while (rc == 0 && s->touched != NULL) {
		struct segment *seg = s->touched;

		rc = row_write(s, seg, err);
		if (rc < 0)
			break;
		s->touched = seg->next_touched;
		seg->touched = false;
		seg->touched_chunks = 0;
	}
	for (struct stream *st = s->streams; rc == 0 && st != NULL; st = st->next)
		if (st->counts_touched) {
			rc = row_counts(s, st, err);
			st->counts_touched = rc < 0;
		}
	return rc;
}

static void untouch(struct kms_store *s)
{
	while (s->touched != NULL) {
		s->touched->touched = false;
		s->touched->touched_chunks = 0;
		s->touched = s->touched->next_touched;
	}
}

/* All of the transaction is written once more, in another one. */
static int again(struct kms_store *s, struct err *err)
{
	int rc;

	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->stuck_found = false;
	untouch(s);
	rc = db_run(s, "BEGIN IMMEDIATE", "begin", err);
	for (struct piece *p = s->effects.pieces; p != NULL; p = p->next)
		piece_touch(s, p);
	for (struct segment *seg = s->writing; seg != NULL; seg = seg->next_writing)
		txn_touch(s, seg);
	return rc < 0 ? rc : flush(s, err);
}

static void undo(struct kms_store *s, const struct effects *before, bool inner)
{
	/* What the outer transaction touched before is flushed already, or is so by it. */
	untouch(s);
	store_lock(s);
	while (s->effects.pieces != before->pieces) {
		struct piece *p = s->effects.pieces;

		s->effects.pieces = p->next;
		p->segment->stream->counts_touched = true;
		piece_undo(p);
		piece_free(p);
	}
	if (!inner)
		writing_undo(s);
	store_unlock(s);
	while (s->effects.added != before->added) {
		struct segment *seg = s->effects.added;

		s->effects.added = seg->next_added;
		seg->stream->disk.came -= seg->units;
		segment_free(seg);
	}
	while (s->effects.tombstones != before->tombstones) {
		struct tombstone *t = s->effects.tombstones;

		s->effects.tombstones = t->next;
		free(t);
	}
	while (s->effects.both != before->both) {
		struct both *b = s->effects.both;

		s->effects.both = b->next;
		b->stream->disk.both -= b->units;
		free(b);
	}
}

int txn_begin(struct kms_store *s, struct txn *t, struct err *err)
{
	int rc = 0;

	t->inner = s->depth > 0;
	t->replay = false;
	/* Else SAVEPOINT would begin a transaction of its own. */
	if (t->inner && sqlite3_get_autocommit(s->db))
		return err_set(err, EIO, STORE_WHAT ": the transaction was rolled back");
	if (t->inner)
		rc = flush(s, err);
	if (rc == 0)
		rc = db_run(s, t->inner ? "SAVEPOINT job" : "BEGIN IMMEDIATE", "begin", err);
	t->before = s->effects;
	if (rc == 0)
		s->depth++;
	return rc;
}

/* Segments with nothing left, in a list through next_touched. */
static void note_end(struct segment *seg, struct segment **ended)
{
	if (row_state(seg) == KMS_SEGMENT_LIVE || seg->touched)
		return;
	seg->touched = true;
	seg->next_touched = *ended;
	*ended = seg;
}

static void apply_pieces(struct kms_store *s, struct segment **ended)
{
	while (s->effects.pieces != NULL) {
		struct piece *p = s->effects.pieces;

		s->effects.pieces = p->next;
		piece_apply(p);
		note_end(p->segment, ended);
		piece_free(p);
	}
}

static void apply_writing(struct kms_store *s, struct segment **ended)
{
	while (s->writing != NULL) {
		struct segment *seg = s->writing;

		s->writing = seg->next_writing;
		seg->writing = false;
		seg->stream->queue[seg->simulated].ready += seg->reserved_disk - seg->reserved;
		seg->reserved = seg->reserved_disk;
		note_end(seg, ended);
	}
}

static void apply(struct kms_store *s)
{
	struct segment *ended = NULL;

	for (struct piece *p = s->effects.pieces; p != NULL; p = p->next)
		piece_wipe(p);
	store_lock(s);
	while (s->effects.added != NULL) {
		struct segment *seg = s->effects.added;

		s->effects.added = seg->next_added;
		live_put(seg->stream, seg);
		seg->stream->now.came += seg->units;
	}
	while (s->effects.tombstones != NULL) {
		struct tombstone *t = s->effects.tombstones;

		s->effects.tombstones = t->next;
		gone_put(t->stream, &t->gone);
		free(t);
	}
	while (s->effects.both != NULL) {
		struct both *b = s->effects.both;

		s->effects.both = b->next;
		b->stream->now.both += b->units;
		free(b);
	}
	apply_pieces(s, &ended);
	apply_writing(s, &ended);
	for (struct segment *seg = ended; seg != NULL; seg = seg->next_touched) {
		const struct gone g = {seg->position, seg->units, row_state(seg)};

		if (seg->is_dirty)
			TAILQ_REMOVE(&s->dirty, seg, dirty);
		live_drop(seg->stream, seg);
		gone_put_segment(seg->stream, &g, seg->had);
		seg->stream->closed++;
	}
	s->stats.commits++;
	s->stats.last_failure.code = 0;
	store_unlock(s);
	while (ended != NULL) {
		struct segment *seg = ended;

		ended = seg->next_touched;
		segment_free(seg);
	}
}

int txn_end(struct kms_store *s, struct txn *t, int rc, struct err *err)
{
	if (rc == 0)
		rc = flush(s, err);
	while (rc == -EUCLEAN && t->replay && s->stuck_found)
		rc = again(s, err);
	if (rc == 0)
		rc = db_run(s, t->inner ? "RELEASE job" : "COMMIT", "commit", err);
	if (rc < 0) {
		/* SQLite may have rolled all back by itself, when the disk was full. */
		sqlite3_exec(s->db, t->inner ? "ROLLBACK TO job; RELEASE job" : "ROLLBACK", NULL,
		             NULL, NULL);
		undo(s, &t->before, t->inner);
	} else if (!t->inner) {
		apply(s);
	}
	s->depth--;
	return rc;
}
