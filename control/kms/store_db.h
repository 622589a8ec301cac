/* SPDX-License-Identifier: BSD-3-Clause */

/* The store's file: statements, and what a segment has on the disk; private to store*.c. */

#ifndef CONTROL_KMS_STORE_DB_H
#define CONTROL_KMS_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "control/kms/store.h"

#define AAD_BYTES  19
#define SALT_BYTES 16

struct gone;
struct seal;
struct segment;
struct stream;

/* The statements that run over and over, prepared once. */
enum statement {
	Q_ADD,
	Q_CHUNK_PUT,
	Q_CHUNK_GET,
	Q_CHUNK_DROP,
	Q_PROGRESS,
	Q_BOTH_GET,
	Q_BOTH_SET,
	Q_COUNTS,
	Q_GONE_PUT,
	Q_GONE_BEFORE,
	Q_GONE_AT,
	Q_GONE_DROP,
	Q_OLD,
	Q_OLD_DROP,
	Q_META_PUT,
	Q_META_GET,
	Q_WITHDRAWN_ADD,
	Q_WITHDRAWN_LIST,
	Q_WITHDRAWN_DROP,
	Q_WITHDRAWN_OLD,
	Q_RECORD_PUT,
	Q_RECORD_DROP,
	Q_RECORD_LIST,
	Q_AUDIT,
	Q_SHUN,
	Q_UNTOLD,
	Q_TOLD,
	Q_PAGES,
	Q_LIVE,
	Q_CLOSED,
	Q_GONE_ALL,
	Q_COUNTS_ALL,
	STATEMENTS
};

/* store_db.c */
int db_open(struct kms_store *s, struct err *err);
void db_close(struct kms_store *s);
int db_fail(struct kms_store *s, const char *doing, struct err *err);
int db_run(struct kms_store *s, const char *text, const char *doing, struct err *err);
/* Steps a statement that gives no rows, and resets it. */
int db_done(struct kms_store *s, enum statement q, const char *doing, struct err *err);
void db_reset(struct kms_store *s, enum statement q);
/* Blobs of META; get: -ENOENT. */
int db_meta_put(struct kms_store *s, const char *name, const void *data, size_t n, struct err *err);
int db_meta_get(struct kms_store *s, const char *name, void *data, size_t n, struct err *err);
int db_meta_put_u64(struct kms_store *s, const char *name, uint64_t v, struct err *err);
int db_meta_get_u64(struct kms_store *s, const char *name, uint64_t *v, struct err *err);
/* Empty the WAL into the file and cut it. */
int db_checkpoint(struct kms_store *s, struct err *err);

/* store_rows.c: what a segment has on the disk. */
int row_add(struct kms_store *s, struct segment *seg, const struct kms_segment *in,
            struct err *err);
/* Seals chunks FROM to TO - 1 of what memory has. */
int row_seal(struct kms_store *s, struct segment *seg, uint32_t from, uint32_t to, struct err *err);
int row_drop(struct kms_store *s, struct segment *seg, uint32_t from, uint32_t to, struct err *err);
/* Writes SEG's cursors, counts, bitmap and state; takes its touched chunks off the disk. */
int row_write(struct kms_store *s, struct segment *seg, struct err *err);
/* Opens chunk C into the segment's bytes: -EBADMSG when it cannot be. */
int row_open(struct kms_store *s, struct segment *seg, uint32_t c, const struct seal *seal,
             struct err *err);
/* Segments that begin in [FROM, TO) are void for good; how many were not before, or -errno. */
int row_shun(struct kms_store *s, const struct stream *st, uint64_t from, uint64_t to,
             struct err *err);
int row_counts(struct kms_store *s, struct stream *st, struct err *err);
/* Joins the range before it, where they touch and are alike; COARSE: both that it touches. */
int row_gone(struct kms_store *s, uint8_t link, enum key_uuid_class class, const struct gone *g,
             bool coarse, struct err *err);
enum kms_segment_state row_state(const struct segment *seg);
struct seal *row_sealer(const struct kms_store *s, const uint8_t salt[SALT_BYTES]);
void row_aad(const struct segment *seg, uint8_t chunk, uint64_t units, uint8_t aad[AAD_BYTES]);

#endif
