/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a segment has on the disk: its row, and its sealed chunks. Each segment has a sealing key of
 * its own (salt), each sealing a random nonce: a chunk is sealed a few times at most. Which units
 * a chunk has is associated data: a damaged bitmap or cursor opens nothing.
 */

#include "control/kms/store_state.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/random.h"
#include "common/secret.h"

struct seal *row_sealer(const struct kms_store *s, const uint8_t salt[SALT_BYTES])
{
	return seal_new(s->keys, salt, SALT_BYTES, "lumengate delivery store segment");
}

void row_aad(const struct segment *seg, uint8_t chunk, uint64_t units, uint8_t aad[AAD_BYTES])
{
	aad[0] = seg->stream->link;
	aad[1] = (uint8_t)seg->stream->class;
	aad[2] = chunk;
	put_be64(aad + 3, seg->position);
	put_be64(aad + 11, units);
}

/* The units that chunk C has, as bitmap or cursor say. */
static uint64_t units_there(const struct segment *seg, uint32_t c)
{
	return seg->stream->own ? range_mask(seg->reserved_disk, seg->units - seg->reserved_disk, c)
	                        : seg->kept[c];
}

static int64_t chunk_id(const struct segment *seg, uint32_t c)
{
	return seg->row * CHUNKS + c;
}

enum kms_segment_state row_state(const struct segment *seg)
{
	if (seg->spent + seg->expired + seg->voided + seg->lost < seg->units)
		return KMS_SEGMENT_LIVE;
	if (seg->expired > 0)
		return KMS_SEGMENT_EXPIRED;
	/* An end too short for a key does not make a given segment a voided one. */
	return seg->voided > seg->cut_disk ? KMS_SEGMENT_VOIDED : KMS_SEGMENT_SPENT;
}

/*
 * That a key is spent stands in the segment's row; a chunk on a damaged page cannot be destroyed,
 * and must not keep others from their keys. SQLite changes nothing more in the transaction that
 * found it: the next one leaves the segment's chunks alone.
 */
static int note_stuck(struct kms_store *s, struct segment *seg, int rc)
{
	if (rc == -EUCLEAN)
		seg->stuck = s->stuck_found = true;
	return rc;
}

static int put_chunk(struct kms_store *s, struct segment *seg, uint32_t c, const struct seal *seal,
                     struct err *err)
{
	uint8_t sealed[SEALED_MAX], aad[AAD_BYTES];
	uint32_t n = chunk_units(seg, c) * KEY_UUID_UNIT;
	const uint8_t *bytes = seg->chunk[c];

	if (!seg->stream->own) {
		/* Those that are gone are still in memory until it is durable. */
		memset(s->text, 0, CHUNK_BYTES);
		for (uint32_t i = 0; i < chunk_units(seg, c); i++)
			if (seg->kept[c] >> i & 1)
				memcpy(s->text + i * KEY_UUID_UNIT, bytes + i * KEY_UUID_UNIT,
				       KEY_UUID_UNIT);
		bytes = s->text;
	}
	random_bytes(sealed, GCM_IV_BYTES);
	row_aad(seg, (uint8_t)c, units_there(seg, c), aad);
	seal_close(seal, sealed, aad, sizeof(aad), bytes, n, sealed + GCM_IV_BYTES);
	secret_wipe(s->text, CHUNK_BYTES);
	if (seg->stuck)
		return 0;
	sqlite3_bind_int64(s->statement[Q_CHUNK_PUT], 1, chunk_id(seg, c));
	sqlite3_bind_blob64(s->statement[Q_CHUNK_PUT], 2, sealed, GCM_IV_BYTES + n + GCM_TAG_BYTES,
	                    SQLITE_STATIC);
	return note_stuck(s, seg, db_done(s, Q_CHUNK_PUT, "write a chunk", err));
}

int row_seal(struct kms_store *s, struct segment *seg, uint32_t from, uint32_t to, struct err *err)
{
	struct seal *seal = row_sealer(s, seg->salt);
	int rc = 0;

	if (seal == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": no secret memory left");
	for (uint32_t c = from; rc == 0 && c < to; c++)
		rc = put_chunk(s, seg, c, seal, err);
	seal_free(seal);
	return rc;
}

int row_drop(struct kms_store *s, struct segment *seg, uint32_t from, uint32_t to, struct err *err)
{
	if (from >= to || seg->stuck)
		return 0;
	sqlite3_bind_int64(s->statement[Q_CHUNK_DROP], 1, chunk_id(seg, from));
	sqlite3_bind_int64(s->statement[Q_CHUNK_DROP], 2, chunk_id(seg, to));
	return note_stuck(s, seg, db_done(s, Q_CHUNK_DROP, "destroy a chunk", err));
}

int row_open(struct kms_store *s, struct segment *seg, uint32_t c, const struct seal *seal,
             struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_CHUNK_GET];
	uint32_t n = chunk_units(seg, c) * KEY_UUID_UNIT;
	uint8_t aad[AAD_BYTES];
	int rc = -EBADMSG;

	row_aad(seg, (uint8_t)c, units_there(seg, c), aad);
	sqlite3_bind_int64(q, 1, chunk_id(seg, c));
	switch (sqlite3_step(q)) {
	case SQLITE_ROW:
		if ((uint32_t)sqlite3_column_bytes(q, 0) == GCM_IV_BYTES + n + GCM_TAG_BYTES) {
			const uint8_t *sealed = sqlite3_column_blob(q, 0);

			rc = seal_open(seal, sealed, aad, sizeof(aad), sealed + GCM_IV_BYTES, n,
			               seg->chunk[c]);
		}
		break;
	case SQLITE_DONE:
		break;
	default: /* a damaged page is this segment's alone; a disk that does not answer is not */
		rc = note_stuck(s, seg, db_fail(s, "read a chunk", err));
		if (rc == -EUCLEAN)
			rc = -EBADMSG;
	}
	db_reset(s, Q_CHUNK_GET);
	return rc;
}

int row_add(struct kms_store *s, struct segment *seg, const struct kms_segment *in, struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_ADD];
	struct seal *seal = row_sealer(s, seg->salt);
	uint8_t hash[HASH_SEALED], aad[AAD_BYTES];
	int rc;

	if (seal == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": no secret memory left");
	/* Short key could be found by its hash: that is sealed too. */
	random_bytes(hash, GCM_IV_BYTES);
	row_aad(seg, HASH_CHUNK, 0, aad);
	seal_close(seal, hash, aad, sizeof(aad), in->hash, 32, hash + GCM_IV_BYTES);
	sqlite3_bind_int(q, 1, seg->stream->link);
	sqlite3_bind_int(q, 2, (int)seg->stream->class);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)seg->position);
	sqlite3_bind_int64(q, 4, seg->units);
	sqlite3_bind_int(q, 5, seg->route);
	sqlite3_bind_int(q, 6, seg->simulated);
	sqlite3_bind_blob(q, 7, in->block, sizeof(in->block), SQLITE_STATIC);
	sqlite3_bind_blob(q, 8, seg->name, NAME_BYTES, SQLITE_STATIC);
	sqlite3_bind_blob(q, 9, hash, HASH_SEALED, SQLITE_STATIC);
	sqlite3_bind_blob(q, 10, seg->salt, SALT_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(q, 11, (sqlite3_int64)in->time_wall_ns);
	sqlite3_bind_int64(q, 12, (sqlite3_int64)seg->born_ns);
	if (!seg->stream->own)
		sqlite3_bind_blob64(q, 13, seg->kept, segment_words(seg->units) * 8ULL,
		                    SQLITE_STATIC);
	/* The own stream's is never told. */
	sqlite3_bind_int(q, 14, seg->stream->own ? KMS_SEGMENT_UNITS : 0);
	rc = sqlite3_step(q);
	if (rc == SQLITE_CONSTRAINT)
		rc = err_set(err, ENOTUNIQ,
		             STORE_WHAT ": segment at %llu: its key is stored elsewhere",
		             (unsigned long long)seg->position);
	else
		rc = rc == SQLITE_DONE ? 0 : db_fail(s, "add a segment", err);
	db_reset(s, Q_ADD);
	seg->row = sqlite3_last_insert_rowid(s->db);
	seal_free(seal);
	return rc < 0 ? rc : row_seal(s, seg, 0, segment_words(seg->units), err);
}

static int write_chunks(struct kms_store *s, struct segment *seg, struct err *err)
{
	struct seal *seal = NULL;
	int rc = 0;

	for (uint32_t c = 0; rc == 0 && c < segment_words(seg->units); c++) {
		uint32_t to = c;

		while (to < segment_words(seg->units) && seg->touched_chunks >> to & 1 &&
		       seg->kept[to] == 0)
			to++;
		if (to > c) {
			rc = row_drop(s, seg, c, to, err);
			c = to - 1;
		} else if (seg->touched_chunks >> c & 1) {
			if (seal == NULL)
				seal = row_sealer(s, seg->salt);
			rc = seal == NULL
			             ? err_set(err, ENOMEM, STORE_WHAT ": no secret memory left")
			             : put_chunk(s, seg, c, seal, err);
		}
	}
	seal_free(seal);
	return rc;
}

/* What is reserved from now on goes; at its end all, and what was not given need not wait there. */
static int drop_own(struct kms_store *s, struct segment *seg, struct err *err)
{
	bool ends = row_state(seg) != KMS_SEGMENT_LIVE;
	uint32_t given = seg->given_disk - seg->cut_disk;
	uint32_t to = ends ? seg->units : seg->reserved_disk;
	int rc = 0;

	/* Less is reserved than before at a clean stop alone. */
	if (to > seg->reserved)
		rc = row_drop(s, seg, seg->reserved / CHUNK_UNITS, segment_words(to), err);
	if (rc == 0 && ends && given < seg->units)
		rc = withdraw_own(s, seg, given, seg->units - given, true, err);
	return rc;
}

int row_write(struct kms_store *s, struct segment *seg, struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_PROGRESS];
	int rc = 0;

	if (!seg->stream->own)
		rc = write_chunks(s, seg, err);
	else
		rc = drop_own(s, seg, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int(q, 1, (int)row_state(seg));
	sqlite3_bind_int64(q, 2, seg->given_disk);
	sqlite3_bind_int64(q, 3, seg->reserved_disk);
	sqlite3_bind_int64(q, 4, seg->spent);
	sqlite3_bind_int64(q, 5, seg->expired);
	sqlite3_bind_int64(q, 6, seg->voided);
	sqlite3_bind_int64(q, 7, seg->lost);
	if (!seg->stream->own && row_state(seg) == KMS_SEGMENT_LIVE)
		sqlite3_bind_blob64(q, 8, seg->kept, segment_words(seg->units) * 8ULL,
		                    SQLITE_STATIC);
	if (!seg->stream->own && row_state(seg) != KMS_SEGMENT_SPENT)
		sqlite3_bind_blob64(q, 9, seg->had, segment_words(seg->units) * 8ULL,
		                    SQLITE_STATIC);
	sqlite3_bind_int64(q, 10, seg->row);
	return db_done(s, Q_PROGRESS, "write a segment's progress", err);
}

int row_shun(struct kms_store *s, const struct stream *st, uint64_t from, uint64_t to,
             struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_SHUN];
	int rc;

	sqlite3_bind_int(q, 1, st->link);
	sqlite3_bind_int(q, 2, (int)st->class);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)from);
	sqlite3_bind_int64(q, 4, (sqlite3_int64)to);
	rc = db_done(s, Q_SHUN, "void segments", err);
	return rc < 0 ? rc : sqlite3_changes(s->db);
}

int row_counts(struct kms_store *s, struct stream *st, struct err *err)
{
	const struct counts *c = &st->disk;
	uint64_t v[] = {c->came,   c->delivered, c->both,    c->expired,
	                c->voided, c->lost,      c->damaged, st->next_position};

	for (const struct segment *seg = s->effects.added; seg != NULL; seg = seg->next_added)
		if (seg->stream == st && seg->position + seg->units > v[7])
			v[7] = seg->position + seg->units;
	sqlite3_bind_int(s->statement[Q_COUNTS], 1, st->link);
	sqlite3_bind_int(s->statement[Q_COUNTS], 2, (int)st->class);
	for (int i = 0; i < 8; i++)
		sqlite3_bind_int64(s->statement[Q_COUNTS], i + 3, (sqlite3_int64)v[i]);
	return db_done(s, Q_COUNTS, "write counts", err);
}

static void bind_place(sqlite3_stmt *q, uint8_t link, enum key_uuid_class class, uint64_t position)
{
	sqlite3_bind_int(q, 1, link);
	sqlite3_bind_int(q, 2, (int)class);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)position);
}

/* The range of Q at or before POSITION; no units where there is none. */
static int read_gone(struct kms_store *s, enum statement id, uint8_t link,
                     enum key_uuid_class class, uint64_t position, struct gone *out,
                     struct err *err)
{
	sqlite3_stmt *q = s->statement[id];
	int rc;

	*out = (struct gone){0};
	bind_place(q, link, class, position);
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		*out = (struct gone){(uint64_t)sqlite3_column_int64(q, 0),
		                     (uint64_t)sqlite3_column_int64(q, 1),
		                     (enum kms_segment_state)sqlite3_column_int(q, 2)};
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(s, "read what is gone", err);
	db_reset(s, id);
	return rc;
}

static void join(struct gone *g, const struct gone *other)
{
	if (other->position < g->position)
		g->position = other->position;
	g->units += other->units;
	if (other->state != g->state)
		g->state = KMS_SEGMENT_EXPIRED;
}

int row_gone(struct kms_store *s, uint8_t link, enum key_uuid_class class, const struct gone *g,
             bool coarse, struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_GONE_PUT];
	struct gone out = *g, other;
	int rc = read_gone(s, Q_GONE_BEFORE, link, class, g->position, &other, err);

	if (rc == 0 && gone_joins(&other, g, coarse))
		join(&out, &other);
	if (rc == 0 && coarse) {
		rc = read_gone(s, Q_GONE_AT, link, class, g->position + g->units, &other, err);
		if (rc == 0 && other.units > 0) {
			join(&out, &other);
			bind_place(s->statement[Q_GONE_DROP], link, class, other.position);
			rc = db_done(s, Q_GONE_DROP, "write what is gone", err);
		}
	}
	if (rc < 0)
		return rc;
	bind_place(q, link, class, out.position);
	sqlite3_bind_int64(q, 4, (sqlite3_int64)out.units);
	sqlite3_bind_int(q, 5, (int)out.state);
	return db_done(s, Q_GONE_PUT, "write what is gone", err);
}
