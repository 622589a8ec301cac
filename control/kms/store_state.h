/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The store's insides; private to store*.c.
 *
 * Each stream has its live segments, those with key left, and the ranges that are gone. "Lock" says
 * that a field is read and written with the store's lock; what the store thread alone writes it
 * also reads without. Whatever changes the disk is an effect of a transaction: it is marked in
 * memory first, so that nobody else takes the same units, then written, and then either applied or
 * undone.
 */

#ifndef CONTROL_KMS_STORE_STATE_H
#define CONTROL_KMS_STORE_STATE_H

#include <pthread.h>
#include <sys/queue.h>

#include <sqlite3.h>

#include "common/gcm.h"
#include "common/seal.h"
#include "control/kms/store_audit.h"
#include "control/kms/store_db.h"

/* A chunk is what is sealed and destroyed on its own: the units of one word of a bitmap. */
#define CHUNK_UNITS  64
#define CHUNK_BYTES  (CHUNK_UNITS * KEY_UUID_UNIT)
#define CHUNKS       (KMS_SEGMENT_UNITS / CHUNK_UNITS)
#define SEALED_MAX   (GCM_IV_BYTES + CHUNK_BYTES + GCM_TAG_BYTES)
#define HASH_SEALED  (GCM_IV_BYTES + 32 + GCM_TAG_BYTES)
#define HASH_CHUNK   255 /* in place of a chunk's number */
#define NAME_BYTES   16
#define LINKS        256
#define AHEAD_BYTES  (256 << 10)
#define PENDING_MAX  (256 << 10) /* keys that wait for one commit */
#define WAL_PAGES    2048 /* 8 MiB: then the WAL is checkpointed without waiting for tick() */
#define STORE_WHAT   "delivery store"
#define EXPIRE_BATCH 256 /* segments a tick */
#define GONE_RUNS    4   /* ranges that a segment leaves at most */

/* Of a record; its columns' numbers. */
enum kms_segment_state {
	KMS_SEGMENT_LIVE,
	KMS_SEGMENT_SPENT,   /* every unit was given or fetched, or lost */
	KMS_SEGMENT_EXPIRED, /* what was left of it */
	KMS_SEGMENT_VOIDED,  /* the same */
};

struct stream;

struct segment {
	TAILQ_ENTRY(segment) queued; /* lock; own: in the order to be given */
	TAILQ_ENTRY(segment) dirty;  /* lock; own: given since the cursor was written */
	/* Store thread: lists of the open transaction. */
	struct segment *next_added, *next_touched, *next_writing;
	struct stream *stream;
	int64_t row;
	uint64_t position;
	uint64_t born_ns; /* by the store's age clock */
	uint32_t units;
	uint8_t route;
	bool simulated;
	uint8_t salt[SALT_BYTES], name[NAME_BYTES];
	uint8_t **chunk; /* secret memory; NULL where nothing is left; what is gone is zero */

	/* Lock. Of the own stream; units from the start on. */
	uint32_t given, reserved;
	uint32_t cut;  /* of given: ends that were too short for a key */
	bool shut;     /* expires or is voided: no more of it */
	uint32_t held; /* lock: units that the chunks have room for */
	bool is_dirty; /* in the list */
	bool is_queued;

	/* Store thread. */
	bool touched, writing;
	bool damaged; /* could not be opened */
	bool stuck;   /* a chunk of it lies on a damaged page, which SQLite does not change */
	uint64_t touched_chunks;
	uint32_t given_disk, cut_disk, reserved_disk; /* own */
	uint32_t given_before, cut_before;            /* for undoing */
	uint32_t spent, expired, voided, lost;        /* units, as on the disk */

	/* Of the other's stream: a bit a unit. */
	uint64_t *live;    /* lock: can be fetched */
	uint64_t *invalid; /* lock: gone, and not fetched */
	uint64_t *kept;    /* store thread: the disk has it */
	uint64_t *had;     /* store thread: fetched, as on the disk */
	uint64_t tail[];   /* the chunks, and the bitmaps */
};
TAILQ_HEAD(segments, segment);

/* A range of positions whose key is gone, or was never there and shall not come. */
struct gone {
	uint64_t position, units;
	enum kms_segment_state state;
};

/* Units. */
struct counts {
	uint64_t came, delivered, both, expired, voided, lost, damaged;
};

struct stream {
	struct stream *next;
	uint8_t link;
	enum key_uuid_class class;
	bool own;

	/* Lock; changed by the store thread alone. Both sorted by position. */
	struct segment **live;
	struct gone *gone;
	size_t live_count, live_room, gone_count, gone_room;
	uint64_t held; /* units of live segments' chunks */
	uint64_t next_position;

	/* Lock. */
	struct counts now;
	uint64_t pending; /* units */
	struct queue {
		struct segments segments;
		struct segment *unreserved; /* the first that is not reserved whole */
		uint64_t ready;             /* units reserved and not given */
		uint64_t want;              /* units that somebody asked for in vain */
	} queue[2];                         /* own: real, simulated */

	/* Store thread. */
	struct counts disk;
	bool counts_touched;
	uint32_t closed;        /* records on the disk with nothing left */
	struct gone *compacted; /* of these, by the open transaction */
	uint32_t compacted_count;
};

enum reason { TAKE_SPENT, TAKE_EXPIRED, TAKE_VOIDED };

/* Units of one segment that go. */
struct piece {
	struct piece *next;
	struct segment *segment;
	uint32_t from, units;
	enum reason reason;
	uint32_t given, cut; /* own: given since the cursor was written */
	uint32_t freed;      /* units that its chunks had room for */
	uint64_t *mask;      /* of the whole segment, in place of FROM and UNITS; NULL: these */
};

struct fetch {
	struct fetch *next;
	void (*done)(void *ctx, int rc);
	void *ctx;
	uint32_t keys;
	uint32_t n; /* pieces */
	struct piece piece[];
};

struct tombstone {
	struct tombstone *next;
	struct stream *stream;
	struct gone gone;
};

/* Units that the other end is known to have delivered too. */
struct both {
	struct both *next;
	struct stream *stream;
	uint32_t units;
};

/* The effects of the open transaction, the newest first. */
struct effects {
	struct piece *pieces;
	struct segment *added;
	struct tombstone *tombstones;
	struct both *both;
};

struct kms_store {
	struct kms_store_config config;
	uint8_t *keys; /* secret memory: storage key, key of names */
	uint8_t *text; /* secret memory: a chunk, for the store thread */

	/* Store thread. */
	sqlite3 *db;
	sqlite3_stmt *statement[STATEMENTS];
	int depth; /* of transactions */
	struct effects effects;
	struct segment *touched;
	struct segment *writing; /* own segments whose cursors this transaction writes */
	uint64_t age_ns, age_base_ns, mono_base_ns;
	uint64_t age_saved_ns, wall_ns;
	bool failing; /* the disk refused the last reservation: not again before tick() */
	bool wal_dirty;
	int wal_pages;
	bool stuck_found; /* since it was last set to false */

	pthread_mutex_t lock;
	/* Lock. */
	struct stream *streams;
	struct stream *by_link[LINKS][2]; /* 0: from A */
	struct fetch *fetches, **fetches_last;
	struct kms_store_job *jobs, **jobs_last;
	struct segments dirty;
	uint32_t pending_keys;
	struct kms_store_stats stats; /* what is not a stream's */
	void (*wake)(void *ctx);
	void *wake_ctx;
};

static inline void store_lock(struct kms_store *s)
{
	pthread_mutex_lock(&s->lock);
}

static inline void store_unlock(struct kms_store *s)
{
	pthread_mutex_unlock(&s->lock);
}

/* A clock that was set back makes nothing younger than new. */
static inline uint64_t age_of(const struct kms_store *s, uint64_t born_ns)
{
	return born_ns < s->age_ns ? s->age_ns - born_ns : 0;
}

static inline uint32_t segment_words(uint32_t units)
{
	return (units + CHUNK_UNITS - 1) / CHUNK_UNITS;
}

/* Units of chunk C of SEG. */
static inline uint32_t chunk_units(const struct segment *seg, uint32_t c)
{
	uint32_t left = seg->units - c * CHUNK_UNITS;

	return left < CHUNK_UNITS ? left : CHUNK_UNITS;
}

/* The bits of word W that [FROM, FROM + UNITS) has. */
static inline uint64_t range_mask(uint32_t from, uint32_t units, uint32_t w)
{
	uint32_t low = w * CHUNK_UNITS, high = low + CHUNK_UNITS, to = from + units;

	if (from < low)
		from = low;
	if (to > high)
		to = high;
	if (from >= to)
		return 0;
	return (~UINT64_C(0) >> (CHUNK_UNITS - (to - from))) << (from - low);
}

/* store_stream.c */
struct stream *stream_get(const struct kms_store *s, uint8_t link, enum key_uuid_class class);
/* The same, made where there is none; NULL: no memory. */
struct stream *stream_make(struct kms_store *s, uint8_t link, enum key_uuid_class class);
/* Room for one more segment, and what is left of all; -ENOMEM. Takes the lock. */
int stream_reserve(struct kms_store *s, struct stream *st);
/* The index of the first live segment, or range, that ends after POSITION. */
size_t live_after(const struct stream *st, uint64_t position);
size_t gone_after(const struct stream *st, uint64_t position);
/* Lock held; room was made before. */
void live_put(struct stream *st, struct segment *seg);
void live_drop(struct stream *st, struct segment *seg);
void gone_put(struct stream *st, const struct gone *g);
/* A segment that is G: what was fetched is told from the rest, where that is few ranges. */
void gone_put_segment(struct stream *st, const struct gone *g, const uint64_t *had);
/* G, which is gone, is too old to be told from what lies before it: both are expired. */
void gone_coarsen(struct stream *st, const struct gone *g);
bool gone_joins(const struct gone *before, const struct gone *g, bool coarse);
void queue_drop(struct stream *st, struct segment *seg);
struct segment *segment_new(struct stream *st, uint32_t units);
void segment_free(struct segment *seg);
uint64_t stream_available(const struct stream *st);
void streams_free(struct kms_store *s);

/* store_bytes.c: a segment's key in memory, chunk by chunk. */
/* -ENOMEM: secret memory is full. */
int bytes_alloc(struct segment *seg, uint32_t c);
int bytes_set(struct segment *seg, const uint8_t *in);
void bytes_copy(const struct segment *seg, uint32_t from, uint32_t len, uint8_t *out);
void bytes_wipe(struct segment *seg, uint32_t from, uint32_t units);
/* Frees a chunk: the units that it had room for. */
uint32_t bytes_free(struct segment *seg, uint32_t c);

/* store_txn.c */
struct txn {
	struct effects before;
	bool inner;
	bool replay; /* it has nothing but pieces and cursors: flush() may be done again */
};
int txn_begin(struct kms_store *s, struct txn *t, struct err *err);
/* RC below 0 undoes it; what is returned is RC, or why it could not be made durable. */
int txn_end(struct kms_store *s, struct txn *t, int rc, struct err *err);
void txn_touch(struct kms_store *s, struct segment *seg);
int txn_both(struct kms_store *s, struct stream *st, uint32_t units, struct err *err);
/* store_piece.c */
/* A piece that is marked in memory becomes part of the transaction. */
void txn_take(struct kms_store *s, struct piece *p);
/* What is left of SEG within [FROM, FROM + UNITS) goes; in the own stream all of it. */
int txn_take_rest(struct kms_store *s, struct segment *seg, uint32_t from, uint32_t units,
                  enum reason reason, uint64_t *taken, struct err *err);
/* Outside of the lock: what is durable goes from memory too. */
void piece_wipe(struct piece *p);
/* Lock held. */
void piece_undo(struct piece *p);
void piece_apply(struct piece *p);
void piece_free(struct piece *p);
void piece_touch(struct kms_store *s, struct piece *p);

/* store_reserve.c: cursors of the own stream, within a transaction. */
bool reserve_wanted(const struct kms_store *s); /* lock held */
void reserve_ahead(struct kms_store *s);
/* What was given since is to be written. */
void given_collect(struct kms_store *s);
void writing_undo(struct kms_store *s); /* lock held */
/* Clean stop: what was reserved and not given is on the disk again. */
int reserve_return(struct kms_store *s, struct err *err);

/* store_load.c */
int store_load(struct kms_store *s, struct err *err);

/* store_withdrawn.c: units of the own stream that are not given, or, unless SURE, maybe were. */
int withdraw_own(struct kms_store *s, const struct segment *seg, uint32_t from, uint32_t units,
                 bool sure, struct err *err);

/* store_void.c, within a transaction: what is left of a range goes. */
int take_range(struct kms_store *s, struct stream *st, uint64_t position, uint64_t units,
               enum reason reason, uint64_t *bytes, struct err *err);
/* The segments that begin there go, whole, and none shall come. */
int void_segments(struct kms_store *s, struct stream *st, uint64_t position, uint64_t units,
                  struct err *err);

/* store_tick.c */
uint64_t life_ns(const struct kms_store *s, const struct stream *st);
/* Up to MAX segments that are too old go; how many, or -errno. Within a transaction. */
int expire(struct kms_store *s, int max, struct err *err);
int age_save(struct kms_store *s, uint64_t wall_ns, struct err *err);
int age_restore(struct kms_store *s, struct err *err);
void store_failed(struct kms_store *s, const struct err *err);

#endif
