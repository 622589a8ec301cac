/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/store_audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "control/kms/store_state.h"

/* A failure is told to the caller by its number, and in the store's statistics in words. */
static int failed(struct kms_store *s, int rc, const struct err *err)
{
	if (rc < 0)
		store_failed(s, err);
	return rc;
}

static int oldest(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t *position)
{
	const struct stream *st = stream_get(ctx, link, class);

	*position = st == NULL || st->live_count == 0 ? UINT64_MAX : st->live[0]->position;
	return 0;
}

static int bind_stream(sqlite3_stmt *q, uint8_t link, enum key_uuid_class class)
{
	sqlite3_bind_int(q, 1, link);
	return sqlite3_bind_int(q, 2, (int)class);
}

/* A damaged hash is one that the other end does not have: the audit voids the segment. */
static void open_hash(struct kms_store *s, struct stream *st, uint64_t position,
                      const uint8_t *salt, const uint8_t *sealed, uint8_t hash[32])
{
	const struct segment at = {.stream = st, .position = position};
	struct seal *seal = row_sealer(s, salt);
	uint8_t aad[AAD_BYTES];

	memset(hash, 0, 32);
	if (seal == NULL)
		return;
	row_aad(&at, HASH_CHUNK, 0, aad);
	(void)seal_open(seal, sealed, aad, sizeof(aad), sealed + GCM_IV_BYTES, 32, hash);
	seal_free(seal);
}

static int read_segment(struct kms_store *s, struct stream *st, struct kms_audit_segment *out,
                        struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_AUDIT];
	uint64_t age = age_of(s, (uint64_t)sqlite3_column_int64(q, 4));

	if (sqlite3_column_bytes(q, 2) != HASH_SEALED || sqlite3_column_bytes(q, 3) != SALT_BYTES)
		return err_set(err, EUCLEAN, STORE_WHAT ": the record at %lld is damaged",
		               (long long)sqlite3_column_int64(q, 0));
	*out = (struct kms_audit_segment){
	        .position = (uint64_t)sqlite3_column_int64(q, 0),
	        .units = (uint32_t)sqlite3_column_int64(q, 1),
	        .voided = sqlite3_column_int(q, 5) != 0,
	        .added_wall_ns = age < s->wall_ns ? s->wall_ns - age : 0,
	};
	open_hash(s, st, out->position, sqlite3_column_blob(q, 3), sqlite3_column_blob(q, 2),
	          out->hash);
	return 0;
}

static int list(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t from,
                struct kms_audit_segment *out, int max)
{
	struct kms_store *s = ctx;
	struct stream *st = stream_get(s, link, class);
	sqlite3_stmt *q = s->statement[Q_AUDIT];
	int n = 0, step = SQLITE_DONE, rc = 0;
	struct err err;

	if (st == NULL)
		return 0;
	bind_stream(q, link, class);
	sqlite3_bind_int64(q, 3,
	                   (sqlite3_int64)(from < KEY_UUID_POSITIONS ? from : KEY_UUID_POSITIONS));
	sqlite3_bind_int(q, 4, max);
	while (rc == 0 && n < max && (step = sqlite3_step(q)) == SQLITE_ROW)
		rc = read_segment(s, st, &out[n++], &err);
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		rc = db_fail(s, "list segments", &err);
	db_reset(s, Q_AUDIT);
	return rc < 0 ? failed(s, rc, &err) : n;
}

static int void_begun(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t position,
                      uint64_t units)
{
	struct kms_store *s = ctx;
	struct stream *st = stream_make(s, link, class);
	int n = 0, rc;
	struct err err;
	struct txn t;

	if (st == NULL)
		return -ENOMEM;
	if (position >= KEY_UUID_POSITIONS || units > KEY_UUID_POSITIONS - position)
		return -EINVAL;
	rc = txn_begin(s, &t, &err);
	if (rc < 0)
		return failed(s, rc, &err);
	rc = n = row_shun(s, st, position, position + units, &err);
	if (rc >= 0)
		rc = void_segments(s, st, position, units, &err);
	rc = txn_end(s, &t, rc, &err);
	return rc < 0 ? failed(s, rc, &err) : n;
}

static int fetched(void *ctx, uint8_t link, enum key_uuid_class class, struct kms_audit_use *out,
                   int max)
{
	struct kms_store *s = ctx;
	sqlite3_stmt *q = s->statement[Q_UNTOLD];
	int n = 0, step = SQLITE_DONE;
	struct err err;

	bind_stream(q, link, class);
	sqlite3_bind_int(q, 3, max);
	while (n < max && (step = sqlite3_step(q)) == SQLITE_ROW) {
		struct kms_audit_use *use = &out[n++];

		memset(use, 0, sizeof(*use));
		use->position = (uint64_t)sqlite3_column_int64(q, 0);
		use->units = (uint32_t)sqlite3_column_int64(q, 1);
		if (sqlite3_column_type(q, 3) == SQLITE_BLOB &&
		    (size_t)sqlite3_column_bytes(q, 3) <= sizeof(use->bitmap))
			memcpy(use->bitmap, sqlite3_column_blob(q, 3),
			       (size_t)sqlite3_column_bytes(q, 3));
		else if (sqlite3_column_int(q, 2) == KMS_SEGMENT_SPENT)
			for (uint32_t i = 0; i < use->units; i++)
				use->bitmap[i / 8] |= (uint8_t)(1u << (i % 8));
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		n = failed(s, db_fail(s, "list what was fetched", &err), &err);
	db_reset(s, Q_UNTOLD);
	return n;
}

static uint32_t units_of(const struct kms_audit_use *use)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < use->units && i < KMS_SEGMENT_UNITS; i++)
		n += use->bitmap[i / 8] >> (i % 8) & 1;
	return n;
}

static int told_one(struct kms_store *s, uint8_t link, enum key_uuid_class class,
                    const struct kms_audit_use *use, struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_TOLD];

	sqlite3_bind_int64(q, 1, units_of(use));
	sqlite3_bind_int(q, 2, link);
	sqlite3_bind_int(q, 3, (int)class);
	sqlite3_bind_int64(q, 4, (sqlite3_int64)use->position);
	return db_done(s, Q_TOLD, "mark what was told", err);
}

/* The record of a segment that the other end fetched from; one that is gone changes nothing. */
static int both_one(struct kms_store *s, uint8_t link, enum key_uuid_class class,
                    const struct kms_audit_use *use, struct err *err)
{
	int rc = class == s->config.own ? kms_store_both(s, link, use->position, units_of(use), err)
	                                : 0;

	return rc == -ENOENT ? 0 : rc;
}

static int for_all(struct kms_store *s, uint8_t link, enum key_uuid_class class,
                   const struct kms_audit_use *use, int n,
                   int (*one)(struct kms_store *s, uint8_t link, enum key_uuid_class class,
                              const struct kms_audit_use *use, struct err *err))
{
	struct err err;
	struct txn t;
	int rc = txn_begin(s, &t, &err);

	if (rc < 0)
		return failed(s, rc, &err);
	for (int i = 0; rc == 0 && i < n; i++)
		rc = one(s, link, class, &use[i], &err);
	return failed(s, txn_end(s, &t, rc, &err), &err);
}

static int reported(void *ctx, uint8_t link, enum key_uuid_class class,
                    const struct kms_audit_use *use, int n)
{
	return for_all(ctx, link, class, use, n, told_one);
}

static int both(void *ctx, uint8_t link, enum key_uuid_class class, const struct kms_audit_use *use,
                int n)
{
	return for_all(ctx, link, class, use, n, both_one);
}

/* Of LINK what the other end may drop: at once, or when nobody can ask for it any more. */
struct withdrawal {
	struct kms_store *s;
	uint8_t link;
	struct kms_audit_range *out;
	int n, max;
};

static int withdrawn_one(void *arg, const struct kms_withdrawn *w)
{
	struct withdrawal *list = arg;
	uint64_t ttl_ns = list->s->config.ttl_s * NS_PER_S;

	if (w->link == list->link && (w->sure || (ttl_ns > 0 && w->age_ns > ttl_ns)))
		list->out[list->n++] = (struct kms_audit_range){w->id, w->position, w->units};
	return list->n == list->max;
}

static int withdrawn(void *ctx, uint8_t link, struct kms_audit_range *out, int max)
{
	struct withdrawal list = {.s = ctx, .link = link, .out = out, .max = max};
	struct err err;
	int rc = kms_store_withdrawn_list(ctx, withdrawn_one, &list, &err);

	return rc < 0 ? failed(ctx, rc, &err) : list.n;
}

static int forget(void *ctx, const struct kms_audit_range *range, int n)
{
	struct err err;
	int rc = 0;

	for (int at = 0; rc >= 0 && at < n;) {
		int64_t id[64];
		size_t count = 0;

		while (at < n && count < 64)
			id[count++] = range[at++].id;
		rc = kms_store_withdrawn_forget(ctx, id, count, &err);
	}
	return failed(ctx, rc, &err);
}

static int withdraw(void *ctx, uint8_t link, enum key_uuid_class class,
                    const struct kms_audit_range *range, int n)
{
	struct kms_store *s = ctx;
	struct err err;
	struct txn t;
	int rc = txn_begin(s, &t, &err);

	if (rc < 0)
		return failed(s, rc, &err);
	for (int i = 0; rc >= 0 && i < n; i++)
		rc = kms_store_withdraw(s, link, class, range[i].position, range[i].units, &err);
	return failed(s, txn_end(s, &t, rc, &err), &err);
}

void kms_store_audit(struct kms_store *s, struct kms_audit_store *out)
{
	*out = (struct kms_audit_store){.oldest = oldest,
	                                .list = list,
	                                .void_range = void_begun,
	                                .fetched = fetched,
	                                .reported = reported,
	                                .both = both,
	                                .withdrawn = withdrawn,
	                                .forget = forget,
	                                .withdraw = withdraw,
	                                .ctx = s};
}

int kms_store_both(struct kms_store *s, uint8_t link, uint64_t position, uint32_t units,
                   struct err *err)
{
	struct stream *st = stream_get(s, link, s->config.own);
	sqlite3_stmt *q = s->statement[Q_BOTH_GET];
	uint32_t before = 0;
	struct txn t;
	int rc;

	if (st == NULL)
		return err_set(err, ENOENT, STORE_WHAT ": link %u has no stream", link);
	sqlite3_bind_int(q, 1, link);
	sqlite3_bind_int(q, 2, (int)st->class);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)position);
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW) {
		before = (uint32_t)sqlite3_column_int64(q, 0);
		if (units > (uint32_t)sqlite3_column_int64(q, 1))
			units = (uint32_t)sqlite3_column_int64(q, 1);
		rc = 0;
	} else if (rc == SQLITE_DONE) {
		rc = err_set(err, ENOENT, STORE_WHAT ": no record of a segment at %llu",
		             (unsigned long long)position);
	} else {
		rc = db_fail(s, "read a record", err);
	}
	db_reset(s, Q_BOTH_GET);
	if (rc < 0 || units <= before)
		return rc;
	rc = txn_begin(s, &t, err);
	if (rc < 0)
		return rc;
	q = s->statement[Q_BOTH_SET];
	sqlite3_bind_int64(q, 1, units);
	sqlite3_bind_int(q, 2, link);
	sqlite3_bind_int(q, 3, (int)st->class);
	sqlite3_bind_int64(q, 4, (sqlite3_int64)position);
	rc = db_done(s, Q_BOTH_SET, "mark what is delivered at both", err);
	if (rc == 0)
		rc = txn_both(s, st, units - before, err);
	return txn_end(s, &t, rc, err);
}
