/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The keys that wait for delivery: one SQLite file, the streams of all links. A stream is one
 * sequence of positions in units of KEY_UUID_UNIT bytes; key lies only where segments lie. From the
 * own stream this end gives (enc_keys); from the other's, what the other end gave is fetched
 * (dec_keys).
 *
 * Once only. What may be given was reserved before, in batches: its bytes are already gone from the
 * disk, so a crash loses what was reserved and repeats nothing. What is fetched is copied and
 * marked at once, and is answered when the mark is durable; if it cannot be made so, the keys stay
 * for their owner. Delivered bytes are wiped from memory and from the file (secure_delete, the WAL
 * cut to nothing about each second); the record of positions stays.
 *
 * Threads. The store thread alone touches the disk: open() to close(), and all but the calls marked
 * "any thread", which take one lock for microseconds. Its loop:
 *
 *     kms_store_open(&config, &store, &err);
 *     kms_store_wake(store, ring, bell);
 *     for (;;) {
 *             while (kms_store_work(store, &err)) ;
 *             wait for the bell, at most a second;
 *             kms_store_tick(store, clock_wall_ns(), clock_mono_ns(), &err);   once a second
 *     }
 *
 * Memory: all stored key lies in secret memory, at most KMS_STORE_SECRET(max_bytes) for both
 * streams of one link together; about 3 KiB of other memory a live segment.
 */

#ifndef CONTROL_KMS_STORE_H
#define CONTROL_KMS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "control/kms/key_uuid.h"
#include "control/kms/record.h"

#define KMS_SEGMENT_UNITS 4096 /* 32 KiB of key */
#define KMS_STORE_VERSION 1    /* PRAGMA user_version of the file */
#define KMS_STORE_BATCH   1024 /* keys a call */
#define KMS_STORE_RECORDS 65536

/* What secret_init() must have room for: each 512 bytes, and an end of a segment, have a header. */
#define KMS_STORE_SECRET(max_bytes) (2 * (max_bytes) + (max_bytes) / 2 + (1 << 20))

struct kms_store;

struct kms_store_config {
	const char *path;
	const uint8_t *storage_key; /* 32 bytes; copied to secret memory */
	enum key_uuid_class own;    /* the stream to give from; 0: as the file says */
	/* Of each stream. It counts by 512 bytes: so much room is held until the last of them is
	 * gone. */
	uint64_t max_bytes; /* beyond: -ENOSPC */
	/* Beyond, no room is told; between: what is under way. 0: 7/8 of max. */
	uint64_t high_bytes;
	uint64_t low_bytes; /* below: stats say low */
	uint64_t ttl_s; /* 0: for ever. Key is given until it is so old, fetched twice as long */
	uint32_t ahead_bytes; /* reserved ahead: what a crash may lose; 0: 256 KiB */
	uint32_t records;     /* of segments without key, kept one by one; 0: KMS_STORE_RECORDS */
	uint64_t wall_ns, mono_ns; /* now */
};

/*
 * Opens or makes the file (mode 0600) and recovers: what was reserved and not given is lost, and
 * counted; a segment that cannot be opened is voided, and counted. -EBUSY: another process has the
 * file. -EKEYREJECTED: the storage key is not the file's. -EINVAL: the file gives from the other
 * stream. -ENODATA: own is 0 and the file is new. -EUCLEAN: the file, or its record of positions,
 * is damaged: nothing is given rather than something twice. -ENOMEM: secret memory is too small.
 * -EROFS, -ENOSPC, -EIO: the disk. gcm_provider_init() and secret_init() come before.
 */
int kms_store_open(const struct kms_store_config *config, struct kms_store **out, struct err *err);

/*
 * Clean stop, when no other thread is inside: commits what is pending and calls its done(), gives
 * the unused part of the reservation back durably.
 */
void kms_store_close(struct kms_store *s);

/* Whose stream is given from. */
enum key_uuid_class kms_store_own(const struct kms_store *s);

/* A piece of one block of key, the same at both ends. */
struct kms_segment {
	uint8_t block[16];
	uint8_t link, route;
	enum key_uuid_class class;
	uint64_t position; /* in units */
	uint32_t units;    /* 1 to KMS_SEGMENT_UNITS */
	uint8_t hash[32];  /* SHA-256 of its bytes */
	bool simulated;
	uint64_t time_wall_ns; /* made: how old it is already when it is added */
	const uint8_t *bytes;
};

/*
 * Durable on return, or with the job that it is called in. -EEXIST: it is here or was; -ESTALE: it
 * was voided before it came, or is too old; -ENOSPC: the stream is full; -EBADMSG: the hash is not
 * that of the bytes; -ENOTUNIQ: other key lies there, or the same bytes elsewhere; -ERANGE: the
 * positions of the stream are used up; -EINVAL; -ENOMEM; or the disk.
 */
int kms_store_add(struct kms_store *s, const struct kms_segment *segment, struct err *err);

/*
 * One turn: makes fetches durable and calls their done(), reserves ahead, does the jobs. True:
 * there was something to do. *ERR has the last failure of the disk, code 0 when there was none.
 */
bool kms_store_work(struct kms_store *s, struct err *err);

/*
 * About each second: expires, destroys what is left of delivered bytes in the WAL, forgets old
 * records. Age goes by MONO while the process runs; WALL is read for the time that it was down,
 * where a clock that was set back counts as no time, and for how old a segment is that comes.
 */
void kms_store_tick(struct kms_store *s, uint64_t wall_ns, uint64_t mono_ns, struct err *err);

/*
 * Something for the store thread, from any thread: RUN is called there in a transaction and may
 * call what is the store thread's (add, void, records); when it fails, what it did is undone. DONE
 * comes after it, when that is durable (0) or not (-errno), without the store's lock. The job is
 * the caller's until then.
 */
struct kms_store_job {
	int (*run)(void *ctx, struct kms_store *s, struct err *err);
	void (*done)(void *ctx, int rc, const struct err *err); /* may be NULL */
	void *ctx;
	struct kms_store_job *next; /* the store's */
};
void kms_store_post(struct kms_store *s, struct kms_store_job *job); /* any thread */

/* FN is called, in any thread and maybe with the lock held, when there is work. */
void kms_store_wake(struct kms_store *s, void (*fn)(void *ctx), void *ctx);

/* Keys to give. */
struct kms_take {
	uint8_t link;
	uint32_t number;    /* 1 to KMS_STORE_BATCH */
	uint32_t key_bytes; /* each, 1 to KEY_UUID_LENGTH */
	bool want_real;     /* none from a simulated link */
	bool want_simulated;
};

/*
 * Any thread. NUMBER keys, one after the other in KEYS, their places in PLACE; each takes whole
 * units of one segment. 0, or -EAGAIN: not so many are reserved just now, and none was taken;
 * kms_store_bytes() tells whether there will be.
 */
int kms_store_give(struct kms_store *s, const struct kms_take *take, struct key_uuid_place *place,
                   uint8_t *keys);

enum kms_found {
	KMS_FOUND,
	KMS_NOT_YET, /* no such segment here so far */
	KMS_SPENT,
	KMS_EXPIRED, /* or partly spent, and expired since */
	KMS_VOIDED,
	KMS_BUSY, /* too many requests wait for the disk, or no memory */
};

/*
 * Any thread. Keys of the other's stream, all or none, one after the other in KEYS by the lengths
 * of PLACE. KMS_FOUND: copied and marked, and DONE is called from the store thread without the lock
 * when that is durable (0), or was undone (-EIO, -ENOSPC, -EROFS ...): then KEYS must not be used.
 * Else the first verdict that no waiting changes, or KMS_NOT_YET; DONE is not called.
 */
enum kms_found kms_store_fetch(struct kms_store *s, const struct key_uuid_place *place, uint32_t n,
                               uint8_t *keys, void (*done)(void *ctx, int rc), void *ctx);

/* Any thread. The same without a mark, and at once: for keys with several slaves. */
enum kms_found kms_store_peek(struct kms_store *s, const struct key_uuid_place *place, uint32_t n,
                              uint8_t *keys);

/*
 * Bytes of one stream. Each byte that came is in one of available, reserved, pending, delivered,
 * expired, voided and lost; destroyed is the sum of the last four. All but the first three outlive
 * a restart.
 */
struct kms_stream_stats {
	uint64_t came;
	uint64_t available;      /* neither reserved nor delivered */
	uint64_t reserved;       /* to be given without the disk */
	uint64_t pending;        /* fetched, and not yet durable */
	uint64_t delivered;      /* here */
	uint64_t delivered_both; /* of these, at both ends, as far as is known */
	uint64_t expired;
	uint64_t voided; /* by the audit, damaged, or an end too short for a key */
	uint64_t lost;   /* reserved when the process was killed: given, or never */
	uint64_t destroyed;
	uint64_t held;    /* of max_bytes */
	uint64_t damaged; /* of voided: could not be opened */
	uint32_t segments;
	uint64_t next; /* position after the last that came */
};

struct kms_store_stats {
	struct kms_stream_stats from_a, from_b; /* all links together; next: the largest */
	bool low;                               /* the own stream is below the low mark */
	bool high;                              /* one is above the high mark */
	uint64_t commits, commit_failures, fetches, undone, refused;
	uint32_t damaged_segments; /* found at open */
	uint64_t clock_back;       /* times that the wall clock was found set back */
	uint64_t secret_bytes;     /* held in secret memory */
	uint64_t file_bytes;       /* the database's pages */
	struct err last_failure;   /* of the disk; code 0: the last commit went well */
};

/* Any thread. */
void kms_store_stats_read(struct kms_store *s, struct kms_store_stats *out);
/* Bytes of LINK's stream that can be given or fetched. */
uint64_t kms_store_bytes(struct kms_store *s, uint8_t link, enum key_uuid_class class);
/* Bytes of CLASS that the gateway may send: up to the high mark. */
uint64_t kms_store_room(struct kms_store *s, enum key_uuid_class class);

/* Rows of others, store thread (or in a job): the functions of struct kms_records, CTX the store.
 */
int kms_store_records_write(void *store, const struct kms_record *record, size_t count,
                            struct err *err);
int kms_store_records_read(void *store, const char *kind,
                           int (*each)(void *arg, const struct kms_record *r), void *arg,
                           struct err *err);

#endif
