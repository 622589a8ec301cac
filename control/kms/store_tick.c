/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What time does: expiry, and forgetting of old records.
 *
 * Age is a clock of the store's own. While the process runs it goes with the monotonic clock, so
 * that a wall clock which jumps changes nothing. For the time that the process was down there is
 * the wall clock alone: a step back counts as no time, a step forward as time that went by, which
 * loses key and repeats none.
 */

#include "control/kms/store_state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"

#define SAVE_NS       (60 * NS_PER_S)
#define COMPACT_BATCH 256
#define WITHDRAWN_MAX 65536
#define AGE_FIRST_NS  (50 * 365 * 86400 * NS_PER_S) /* key may be older than the store */

int age_save(struct kms_store *s, uint64_t wall_ns, struct err *err)
{
	int rc = db_meta_put_u64(s, "age", s->age_ns, err);

	if (rc == 0)
		rc = db_meta_put_u64(s, "wall", wall_ns, err);
	if (rc == 0)
		s->age_saved_ns = s->age_ns;
	return rc;
}

int age_restore(struct kms_store *s, struct err *err)
{
	uint64_t age = AGE_FIRST_NS, wall = s->config.wall_ns;
	int rc = db_meta_get_u64(s, "age", &age, err);

	if (rc == 0)
		rc = db_meta_get_u64(s, "wall", &wall, err);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (s->config.wall_ns >= wall)
		age += s->config.wall_ns - wall;
	else
		s->stats.clock_back++;
	s->age_ns = s->age_base_ns = age;
	s->mono_base_ns = s->config.mono_ns;
	s->wall_ns = s->config.wall_ns;
	return 0;
}

uint64_t life_ns(const struct kms_store *s, const struct stream *st)
{
	/* What is given in its last moment can be fetched as long again. */
	return s->config.ttl_s * NS_PER_S * (st->own ? 1 : 2);
}

static bool is_old(const struct kms_store *s, const struct segment *seg)
{
	return s->config.ttl_s > 0 && age_of(s, seg->born_ns) >= life_ns(s, seg->stream);
}

int expire(struct kms_store *s, int max, struct err *err)
{
	int n = 0, rc = 0;

	for (struct stream *st = s->streams; st != NULL; st = st->next)
		for (size_t i = 0; i < st->live_count && n < max; i++)
			if (is_old(s, st->live[i])) {
				rc = txn_take_rest(s, st->live[i], 0, st->live[i]->units,
				                   TAKE_EXPIRED, NULL, err);
				if (rc < 0)
					return rc;
				n++;
			}
	return n;
}

/* A record that cannot be written keeps no other segment from its end. */
static void expire_one_by_one(struct kms_store *s)
{
	struct err err;
	int tried = 0;

	for (struct stream *st = s->streams; st != NULL; st = st->next)
		for (size_t i = 0; i < st->live_count && tried < EXPIRE_BATCH;) {
			struct segment *seg = st->live[i];
			size_t before = st->live_count;
			struct txn t;
			int rc;

			if (is_old(s, seg) && txn_begin(s, &t, &err) == 0) {
				rc = txn_take_rest(s, seg, 0, seg->units, TAKE_EXPIRED, NULL, &err);
				txn_end(s, &t, rc, &err);
				tried++;
			}
			if (st->live_count == before)
				i++;
		}
}

/* What need not be told any more, as it is gone at the other end too, or is too much. */
static int forget_withdrawn(struct kms_store *s, struct err *err)
{
	uint64_t life = 3 * s->config.ttl_s * NS_PER_S;

	sqlite3_bind_int64(s->statement[Q_WITHDRAWN_OLD], 1,
	                   life > 0 && life < s->age_ns ? (sqlite3_int64)(s->age_ns - life) : 0);
	sqlite3_bind_int64(s->statement[Q_WITHDRAWN_OLD], 2, WITHDRAWN_MAX);
	return db_done(s, Q_WITHDRAWN_OLD, "forget what is not given", err);
}

static bool has_too_many(const struct kms_store *s, const struct stream *st)
{
	return st->closed >= s->config.records + COMPACT_BATCH;
}

/* One closed record becomes part of a range. */
static int compact_row(struct kms_store *s, const struct stream *st, int64_t row,
                       const struct gone *g, struct err *err)
{
	int rc = row_gone(s, st->link, st->class, g, true, err);

	if (rc < 0)
		return rc;
	sqlite3_bind_int64(s->statement[Q_OLD_DROP], 1, row);
	return db_done(s, Q_OLD_DROP, "forget a record", err);
}

static int compact(struct kms_store *s, struct stream *st, struct err *err)
{
	int64_t row[COMPACT_BATCH];
	sqlite3_stmt *q = s->statement[Q_OLD];
	uint32_t n = 0;
	int rc = 0;

	st->compacted = malloc(COMPACT_BATCH * sizeof(*st->compacted));
	if (st->compacted == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": out of memory");
	sqlite3_bind_int(q, 1, st->link);
	sqlite3_bind_int(q, 2, (int)st->class);
	sqlite3_bind_int(q, 3, COMPACT_BATCH);
	while (n < COMPACT_BATCH && sqlite3_step(q) == SQLITE_ROW) {
		row[n] = sqlite3_column_int64(q, 0);
		st->compacted[n++] = (struct gone){
		        (uint64_t)sqlite3_column_int64(q, 1), (uint64_t)sqlite3_column_int64(q, 2),
		        (enum kms_segment_state)sqlite3_column_int(q, 3)};
	}
	db_reset(s, Q_OLD);
	st->compacted_count = n;
	for (uint32_t i = 0; rc == 0 && i < n; i++)
		rc = compact_row(s, st, row[i], &st->compacted[i], err);
	return rc;
}

static void compact_apply(struct kms_store *s, struct stream *st, bool durable)
{
	store_lock(s);
	for (uint32_t i = 0; durable && i < st->compacted_count; i++)
		gone_coarsen(st, &st->compacted[i]);
	store_unlock(s);
	st->closed -= durable ? st->compacted_count : 0;
	st->compacted_count = 0;
	free(st->compacted);
	st->compacted = NULL;
}

static int tick(struct kms_store *s, uint64_t wall_ns, struct err *err)
{
	struct txn t;
	bool given, old = false;
	int rc;

	store_lock(s);
	given = !TAILQ_EMPTY(&s->dirty);
	store_unlock(s);
	for (const struct stream *st = s->streams; st != NULL; st = st->next)
		for (size_t i = 0; i < st->live_count && !old; i++)
			old = is_old(s, st->live[i]);
	for (const struct stream *st = s->streams; st != NULL; st = st->next)
		old |= has_too_many(s, st);
	if (!given && !old && s->age_ns - s->age_saved_ns < SAVE_NS)
		return 0;
	rc = txn_begin(s, &t, err);
	if (rc < 0)
		return rc;
	given_collect(s);
	rc = expire(s, EXPIRE_BATCH, err);
	for (struct stream *st = s->streams; rc >= 0 && st != NULL; st = st->next)
		if (has_too_many(s, st))
			rc = compact(s, st, err);
	if (rc >= 0)
		rc = forget_withdrawn(s, err);
	if (rc >= 0)
		rc = age_save(s, wall_ns, err);
	rc = txn_end(s, &t, rc < 0 ? rc : 0, err);
	for (struct stream *st = s->streams; st != NULL; st = st->next)
		compact_apply(s, st, rc == 0);
	return rc;
}

static void read_pages(struct kms_store *s)
{
	sqlite3_stmt *q = s->statement[Q_PAGES];
	uint64_t pages = 0;

	if (sqlite3_step(q) == SQLITE_ROW)
		pages = (uint64_t)sqlite3_column_int64(q, 0);
	db_reset(s, Q_PAGES);
	store_lock(s);
	s->stats.file_bytes = pages * 4096;
	store_unlock(s);
}

void kms_store_tick(struct kms_store *s, uint64_t wall_ns, uint64_t mono_ns, struct err *err)
{
	struct err own;
	int rc;

	if (err == NULL)
		err = &own;
	err->code = 0;
	if (mono_ns - s->mono_base_ns < UINT64_MAX / 2 &&
	    s->age_base_ns + (mono_ns - s->mono_base_ns) > s->age_ns)
		s->age_ns = s->age_base_ns + (mono_ns - s->mono_base_ns);
	s->wall_ns = wall_ns;
	s->failing = false;
	rc = tick(s, wall_ns, err);
	if (rc == -EUCLEAN || rc == -EIO)
		expire_one_by_one(s);
	if (rc == 0 && s->wal_dirty)
		rc = db_checkpoint(s, err);
	if (rc < 0)
		store_failed(s, err);
	read_pages(s);
}
