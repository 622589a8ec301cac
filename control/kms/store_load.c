/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Start: the records and the key that the file has. A segment that cannot be opened is voided; a
 * record that cannot be read means that nobody knows what was delivered, and nothing is.
 */

#include "control/kms/store_state.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static int damaged(const struct kms_store *s, const char *what, struct err *err)
{
	return err_set(err, EUCLEAN, STORE_WHAT " %s: %s is damaged", s->config.path, what);
}

static int no_room(struct err *err)
{
	return err_set(err, ENOMEM,
	               STORE_WHAT
	               ": the stored key does not fit into secret memory: raise max-size-kib");
}

/* Calls EACH for the rows of Q. */
static int each_row(struct kms_store *s, enum statement q,
                    int (*each)(struct kms_store *s, sqlite3_stmt *q, struct err *err),
                    struct err *err)
{
	int rc = 0;

	while (rc == 0) {
		int step = sqlite3_step(s->statement[q]);

		if (step == SQLITE_DONE)
			break;
		rc = step == SQLITE_ROW ? each(s, s->statement[q], err)
		                        : db_fail(s, "read what was delivered", err);
	}
	db_reset(s, q);
	return rc;
}

/* The stream of a row's first two columns, with room for one more. */
static struct stream *stream_of(struct kms_store *s, sqlite3_stmt *q, int column, struct err *err)
{
	int64_t link = sqlite3_column_int64(q, column), class = sqlite3_column_int64(q, column + 1);
	struct stream *st;

	if (link < 0 || link >= LINKS || (class != KEY_UUID_FROM_A && class != KEY_UUID_FROM_B)) {
		damaged(s, "a record's stream", err);
		return NULL;
	}
	st = stream_make(s, (uint8_t)link, (enum key_uuid_class) class);
	if (st == NULL || stream_reserve(s, st) < 0) {
		err_set(err, ENOMEM, STORE_WHAT ": out of memory");
		return NULL;
	}
	return st;
}

static bool sane_range(uint64_t position, uint64_t units)
{
	return position < KEY_UUID_POSITIONS && units >= 1 &&
	       units <= KEY_UUID_POSITIONS - position;
}

static int load_counts(struct kms_store *s, sqlite3_stmt *q, struct err *err)
{
	struct stream *st = stream_of(s, q, 0, err);
	uint64_t v[7];

	if (st == NULL)
		return -err->code;
	for (int i = 0; i < 7; i++)
		v[i] = (uint64_t)sqlite3_column_int64(q, i + 2);
	st->disk = (struct counts){.came = v[0],
	                           .delivered = v[1],
	                           .both = v[2],
	                           .expired = v[3],
	                           .voided = v[4],
	                           .lost = v[5],
	                           .damaged = v[6]};
	st->now = st->disk;
	st->next_position = (uint64_t)sqlite3_column_int64(q, 9);
	return 0;
}

static int load_gone(struct kms_store *s, sqlite3_stmt *q, struct err *err)
{
	struct stream *st = stream_of(s, q, 0, err);
	uint64_t had[CHUNKS];
	size_t n = 0;
	struct gone g;

	if (st == NULL)
		return -err->code;
	g = (struct gone){(uint64_t)sqlite3_column_int64(q, 2),
	                  (uint64_t)sqlite3_column_int64(q, 3),
	                  (enum kms_segment_state)sqlite3_column_int(q, 4)};
	if (!sane_range(g.position, g.units) || g.state < KMS_SEGMENT_SPENT ||
	    g.state > KMS_SEGMENT_VOIDED ||
	    (q == s->statement[Q_CLOSED] && g.units > KMS_SEGMENT_UNITS))
		return damaged(s, "the record of a range", err);
	if (sqlite3_column_count(q) > 5 && sqlite3_column_type(q, 5) == SQLITE_BLOB)
		n = (size_t)sqlite3_column_bytes(q, 5);
	if (n > 0 && n != segment_words((uint32_t)g.units) * sizeof(uint64_t))
		return damaged(s, "the record of a segment", err);
	if (n > 0)
		memcpy(had, sqlite3_column_blob(q, 5), n);
	store_lock(s);
	gone_put_segment(st, &g, n > 0 ? had : NULL);
	store_unlock(s);
	return 0;
}

static int load_closed(struct kms_store *s, sqlite3_stmt *q, struct err *err)
{
	int rc = load_gone(s, q, err);

	if (rc == 0)
		stream_get(s, (uint8_t)sqlite3_column_int(q, 0),
		           (enum key_uuid_class)sqlite3_column_int(q, 1))
		        ->closed++;
	return rc;
}

/* Bitmaps of the other's stream. What is neither there nor fetched was voided. */
static int load_bits(struct kms_store *s, struct segment *seg, sqlite3_stmt *q, struct err *err)
{
	size_t n = segment_words(seg->units) * sizeof(uint64_t);

	if ((size_t)sqlite3_column_bytes(q, 16) != n ||
	    (sqlite3_column_type(q, 17) != SQLITE_NULL && (size_t)sqlite3_column_bytes(q, 17) != n))
		return damaged(s, "the bitmap of a segment", err);
	memcpy(seg->kept, sqlite3_column_blob(q, 16), n);
	memcpy(seg->live, seg->kept, n);
	if (sqlite3_column_type(q, 17) != SQLITE_NULL)
		memcpy(seg->had, sqlite3_column_blob(q, 17), n);
	for (uint32_t w = 0; w < segment_words(seg->units); w++)
		seg->invalid[w] = ~seg->kept[w] & ~seg->had[w] & range_mask(0, seg->units, w);
	return 0;
}

static int load_key(struct kms_store *s, struct segment *seg, struct err *err)
{
	struct seal *seal;
	int rc = 0;

	seal = row_sealer(s, seg->salt);
	if (seal == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": no secret memory left");
	for (uint32_t c = 0; rc == 0 && c < segment_words(seg->units); c++) {
		if (seg->stream->own ? (c + 1) * CHUNK_UNITS <= seg->reserved : seg->kept[c] == 0)
			continue;
		/* What lies past the cursor, however many units the last chunk has. */
		if (seg->stream->own && seg->reserved == seg->units)
			continue;
		rc = bytes_alloc(seg, c) < 0 ? no_room(err) : row_open(s, seg, c, seal, err);
	}
	seal_free(seal);
	if (rc == -EBADMSG) {
		seg->damaged = true;
		rc = 0;
	}
	return rc;
}

static bool read_segment(struct segment *seg, sqlite3_stmt *q)
{
	const int64_t given = sqlite3_column_int64(q, 10), reserved = sqlite3_column_int64(q, 11);

	seg->row = sqlite3_column_int64(q, 0);
	seg->position = (uint64_t)sqlite3_column_int64(q, 3);
	seg->route = (uint8_t)sqlite3_column_int(q, 5);
	seg->simulated = sqlite3_column_int(q, 6) != 0;
	seg->born_ns = (uint64_t)sqlite3_column_int64(q, 9);
	seg->spent = (uint32_t)sqlite3_column_int64(q, 12);
	seg->expired = (uint32_t)sqlite3_column_int64(q, 13);
	seg->voided = (uint32_t)sqlite3_column_int64(q, 14);
	seg->lost = (uint32_t)sqlite3_column_int64(q, 15);
	if (!sane_range(seg->position, seg->units) || sqlite3_column_bytes(q, 7) != NAME_BYTES ||
	    sqlite3_column_bytes(q, 8) != SALT_BYTES || given < 0 || given > reserved ||
	    reserved > seg->units)
		return false;
	memcpy(seg->name, sqlite3_column_blob(q, 7), NAME_BYTES);
	memcpy(seg->salt, sqlite3_column_blob(q, 8), SALT_BYTES);
	seg->given = seg->given_disk = (uint32_t)given;
	seg->reserved = seg->reserved_disk = (uint32_t)reserved;
	return true;
}

static int load_segment(struct kms_store *s, sqlite3_stmt *q, struct err *err)
{
	struct stream *st = stream_of(s, q, 1, err);
	int64_t units = sqlite3_column_int64(q, 4);
	struct segment *seg;
	int rc;

	if (st == NULL)
		return -err->code;
	if (units < 1 || units > KMS_SEGMENT_UNITS)
		return damaged(s, "the record of a segment", err);
	seg = segment_new(st, (uint32_t)units);
	if (seg == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": out of memory");
	rc = read_segment(seg, q) ? 0 : damaged(s, "the record of a segment", err);
	if (rc == 0 && !st->own)
		rc = load_bits(s, seg, q, err);
	if (rc == 0)
		rc = load_key(s, seg, err);
	if (rc < 0) {
		segment_free(seg);
		return rc;
	}
	/* A clock that was set back, and an age that was not saved in time: no key is of the
	 * future. */
	if (seg->born_ns > s->age_ns)
		s->age_ns = s->age_base_ns = seg->born_ns;
	store_lock(s);
	live_put(st, seg);
	store_unlock(s);
	return 0;
}

/* Killed: what was reserved is off the disk. Some of it may have been given. */
static int lose(struct kms_store *s, struct segment *seg, struct err *err)
{
	uint32_t units = seg->reserved - seg->given;
	int rc = withdraw_own(s, seg, seg->given, units, false, err);

	seg->given = seg->given_disk = seg->reserved;
	seg->lost += units;
	seg->stream->disk.lost += units;
	seg->stream->now.lost += units;
	txn_touch(s, seg);
	return rc;
}

static int recover(struct kms_store *s, struct stream *st, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < st->live_count; i++) {
		struct segment *seg = st->live[i];

		if (st->own && seg->reserved > seg->given)
			rc = lose(s, seg, err);
		if (rc == 0 && seg->damaged && row_state(seg) == KMS_SEGMENT_LIVE) {
			s->stats.damaged_segments++;
			rc = txn_take_rest(s, seg, 0, seg->units, TAKE_VOIDED, NULL, err);
			/* The other end shall have it no more either. */
			if (rc == 0)
				rc = row_shun(s, st, seg->position, seg->position + 1, err);
			rc = rc < 0 ? rc : 0;
		}
	}
	return rc;
}

/* Those that are lost to the last unit are closed. */
static void close_lost(struct kms_store *s, struct stream *st)
{
	for (size_t i = 0; i < st->live_count;) {
		struct segment *seg = st->live[i];
		const struct gone g = {seg->position, seg->units, row_state(seg)};

		if (g.state == KMS_SEGMENT_LIVE) {
			i++;
			continue;
		}
		store_lock(s);
		live_drop(st, seg);
		gone_put(st, &g);
		st->closed++;
		store_unlock(s);
		segment_free(seg);
	}
}

int store_load(struct kms_store *s, struct err *err)
{
	struct txn t;
	int rc;

	/* Outside of a transaction: in one that met a damaged page SQLite changes nothing more. */
	rc = age_restore(s, err);
	if (rc == 0)
		rc = each_row(s, Q_COUNTS_ALL, load_counts, err);
	if (rc == 0)
		rc = each_row(s, Q_GONE_ALL, load_gone, err);
	if (rc == 0)
		rc = each_row(s, Q_CLOSED, load_closed, err);
	if (rc == 0)
		rc = each_row(s, Q_LIVE, load_segment, err);
	if (rc == 0)
		rc = txn_begin(s, &t, err);
	if (rc < 0)
		return rc;
	rc = age_save(s, s->wall_ns, err);
	for (struct stream *st = s->streams; rc == 0 && st != NULL; st = st->next)
		rc = recover(s, st, err);
	/* Before anybody asks. */
	if (rc == 0)
		rc = expire(s, INT_MAX, err);
	rc = txn_end(s, &t, rc < 0 ? rc : 0, err);
	for (struct stream *st = s->streams; rc == 0 && st != NULL; st = st->next)
		close_lost(s, st);
	return rc;
}
