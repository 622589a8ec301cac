/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/store_audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "control/kms/store_state.h"

#define HASH_CHUNK 255

/* HMAC of the row's hash, as the other end computes it of its own. */
static int mac_of(struct kms_store *s, const struct stream *st, uint64_t position,
                  const uint8_t *salt, const uint8_t *sealed, const uint8_t *key, uint8_t mac[32],
                  struct err *err)
{
	const struct segment at = {.stream = (struct stream *)st, .position = position};
	struct seal *seal = row_sealer(s, salt);
	uint8_t hash[32], aad[11], out[EVP_MAX_MD_SIZE];
	int rc;

	if (seal == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": no secret memory left");
	row_aad(&at, HASH_CHUNK, aad);
	rc = seal_open(seal, sealed, aad, sizeof(aad), sealed + GCM_IV_BYTES, 32, hash);
	seal_free(seal);
	/* A damaged hash is one that the other end does not have: the audit voids the segment. */
	if (rc < 0)
		memset(hash, 0, sizeof(hash));
	if (HMAC(EVP_sha256(), key, 32, hash, 32, out, NULL) == NULL)
		return err_set(err, EIO, STORE_WHAT ": OpenSSL refuses HMAC");
	memcpy(mac, out, 32);
	return 0;
}

static int read_entry(struct kms_store *s, const struct stream *st, const uint8_t *key,
                      struct kms_audit_entry *e, struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_AUDIT];

	if (sqlite3_column_bytes(q, 3) != sizeof(e->block) ||
	    sqlite3_column_bytes(q, 4) != HASH_SEALED || sqlite3_column_bytes(q, 5) != SALT_BYTES)
		return err_set(err, EUCLEAN, STORE_WHAT ": the record at %lld is damaged",
		               (long long)sqlite3_column_int64(q, 1));
	*e = (struct kms_audit_entry){
	        .position = (uint64_t)sqlite3_column_int64(q, 1),
	        .units = (uint32_t)sqlite3_column_int64(q, 2),
	        .state = (enum kms_segment_state)sqlite3_column_int(q, 6),
	        .age_ns = s->age_ns - (uint64_t)sqlite3_column_int64(q, 7),
	        .delivered = (uint32_t)sqlite3_column_int64(q, 8),
	        .delivered_both =
	                (uint32_t)sqlite3_column_int64(q, st->own ? 9 : 8), /* as in txn_take() */
	};
	memcpy(e->block, sqlite3_column_blob(q, 3), sizeof(e->block));
	return mac_of(s, st, e->position, sqlite3_column_blob(q, 5), sqlite3_column_blob(q, 4), key,
	              e->mac, err);
}

int kms_store_audit_list(struct kms_store *s, uint8_t link, enum key_uuid_class class,
                         uint64_t from, uint64_t to, const uint8_t *key,
                         int (*each)(void *arg, const struct kms_audit_entry *e), void *arg,
                         uint64_t *whole_from, struct err *err)
{
	const struct stream *st = stream_get(s, link, class);
	sqlite3_stmt *q = s->statement[Q_AUDIT];
	struct kms_audit_entry e;
	char name[32];
	int rc;

	*whole_from = 0;
	if (st == NULL)
		return 0;
	whole_from_name(st, name);
	rc = db_meta_get_u64(s, name, whole_from, err);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (to > KEY_UUID_POSITIONS)
		to = KEY_UUID_POSITIONS;
	sqlite3_bind_int(q, 1, link);
	sqlite3_bind_int(q, 2, (int)class);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)(from > to ? to : from));
	sqlite3_bind_int64(q, 4, (sqlite3_int64)to);
	rc = 0;
	while (rc == 0) {
		int step = sqlite3_step(q);

		if (step == SQLITE_DONE)
			break;
		rc = step != SQLITE_ROW ? db_fail(s, "list segments", err)
		                        : read_entry(s, st, key, &e, err);
		if (rc == 0)
			rc = each(arg, &e);
	}
	db_reset(s, Q_AUDIT);
	return rc;
}

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
	rc = row_gone(s, st->link, st->class, &t->gone, err);
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

static int void_range(struct kms_store *s, struct stream *st, uint64_t position, uint64_t units,
                      uint64_t *bytes, struct err *err)
{
	uint64_t end = position + units, next;
	bool there;
	int rc = 0;

	for (size_t i = live_after(st, position);
	     rc == 0 && i < st->live_count && st->live[i]->position < end; i++) {
		struct segment *seg = st->live[i];
		uint64_t from = position > seg->position ? position - seg->position : 0;
		uint64_t to = end - seg->position < seg->units ? end - seg->position : seg->units;

		rc = txn_take_rest(s, seg, (uint32_t)from, (uint32_t)(to - from), TAKE_VOIDED,
		                   bytes, err);
	}
	for (; rc == 0 && position < end; position = next) {
		next = next_edge(st, position, end, &there);
		if (!there)
			rc = put_tombstone(s, st, position, next - position, err);
	}
	return rc;
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
	rc = void_range(s, st, position, units, &destroyed, err);
	rc = txn_end(s, &t, rc, err);
	if (bytes != NULL)
		*bytes = rc == 0 ? destroyed : 0;
	return rc;
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

int kms_store_lost_list(struct kms_store *s, int (*each)(void *arg, const struct kms_lost *l),
                        void *arg, struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_LOST_LIST];
	int rc = 0;

	while (rc == 0) {
		struct kms_lost l;
		int step = sqlite3_step(q);

		if (step == SQLITE_DONE)
			break;
		if (step != SQLITE_ROW) {
			rc = db_fail(s, "list what was lost", err);
			break;
		}
		l = (struct kms_lost){
		        .id = sqlite3_column_int64(q, 0),
		        .link = (uint8_t)sqlite3_column_int(q, 1),
		        .position = (uint64_t)sqlite3_column_int64(q, 2),
		        .units = (uint64_t)sqlite3_column_int64(q, 3),
		        .age_ns = s->age_ns - (uint64_t)sqlite3_column_int64(q, 4),
		};
		rc = each(arg, &l);
	}
	db_reset(s, Q_LOST_LIST);
	return rc;
}

int kms_store_lost_forget(struct kms_store *s, int64_t id, struct err *err)
{
	struct txn t;
	int rc = txn_begin(s, &t, err);

	if (rc < 0)
		return rc;
	sqlite3_bind_int64(s->statement[Q_LOST_DROP], 1, id);
	rc = db_done(s, Q_LOST_DROP, "forget what was lost", err);
	return txn_end(s, &t, rc, err);
}
