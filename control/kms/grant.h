/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Grants: keys for several slaves. The pair tag of a key identifier names one slave (key_uuid.h),
 * so the KME that gives tells the other one who else may fetch, and answers its SAE only when the
 * other has that on disk.
 *
 *     giver    kms_grant_send(): GRANT to the peer  ->  ACK  ->  done(0): answer enc_keys
 *     fetcher  kms_grant_find(): may this slave have this key? Has it had it?
 *              kms_grant_fetched(): it has it now; done(0) when that is durable: answer dec_keys
 *
 * Every slave fetches each key once, the path's too; a grant is gone when all have, or when its
 * keys expire. A grant whose ACK comes too late is withdrawn: nobody was told the identifiers.
 *
 * Pure but for the rows that it keeps: messages go out by send(), come in by kms_grants_receive(),
 * and what touches the disk is done in kms_grants_work(), on the store thread. A lock is held for
 * microseconds, never over a row or a callback. What messages look like: peer_message.h.
 */

#ifndef CONTROL_KMS_GRANT_H
#define CONTROL_KMS_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "control/kms/key_uuid.h"

#define KMS_GRANT_KEYS   1024 /* in one grant */
#define KMS_GRANT_SLAVES 32

struct kms_records;
struct kms_grants;

struct kms_grants_config {
	const struct kms_records *records; /* rows of kind "grant"; must outlive the grants */
	/* To the other KME, any thread; false: there is no session, or no room. */
	bool (*send)(void *ctx, const uint8_t *msg, size_t len);
	void (*wake)(void *ctx); /* any thread: there is work for the store thread; may be NULL */
	void *ctx;
	uint64_t timeout_ns; /* for the ACK; 0: 3 s */
	size_t keys_max;     /* of all grants at the fetcher; 0: 65536 */
	size_t sending_max;  /* without an ACK, at the giver; 0: 256 */
};

/* Reads what was recorded and has not expired; -EINVAL when a row is damaged. */
int kms_grants_new(const struct kms_grants_config *config, uint64_t wall_ns,
                   struct kms_grants **out, struct err *err);
/* No other thread may be inside. What waits is told -ECANCELED. */
void kms_grants_free(struct kms_grants *g);

struct kms_grant {
	const uint8_t (*ids)[KEY_UUID_BYTES];
	size_t count; /* 1 to KMS_GRANT_KEYS */
	const char *master;
	const char *const *slaves; /* all of them, that of the path first */
	size_t slave_count;        /* 1 to KMS_GRANT_SLAVES */
	uint64_t expiry_wall_ns;   /* of the keys */
};

/*
 * DONE is called exactly once, from any thread, without the lock held:
 *     0 durable; at the giver: at the peer
 *     -ENOTCONN the session ended; -ETIMEDOUT no ACK in time; -ENOSPC the peer's table is
 *     full; -EIO a disk failed, here or there; -ECANCELED the process ends
 * A giver whose DONE is not 0 gives these keys to nobody.
 */
typedef void (*kms_grant_done)(void *ctx, int rc);

/*
 * Giver, any thread. -ENOTCONN (there is no session), -EINVAL, -EMSGSIZE, -ENOBUFS (too many under
 * way), -ENOMEM: DONE is not called.
 */
int kms_grant_send(struct kms_grants *g, const struct kms_grant *grant, uint64_t now_ns,
                   kms_grant_done done, void *ctx);

enum kms_grant_found {
	KMS_GRANT_NONE,   /* no grant names the key: the pair tag decides */
	KMS_GRANT_OTHERS, /* one does, for another master or without this slave: 401 */
	KMS_GRANT_TAKEN,  /* this slave has had it: as any spent key */
	KMS_GRANT_GIVEN,  /* it may have it */
};

/*
 * Fetcher, any thread, memory only. *LAST: all other slaves have had it, whether SLAVE is
 * still to get it (GIVEN) or has had it (TAKEN).
 */
enum kms_grant_found kms_grant_find(struct kms_grants *g, const uint8_t id[KEY_UUID_BYTES],
                                    const char *master, const char *slave, bool *last);

/*
 * Fetcher, any thread: SLAVE gets all these keys, which kms_grant_find() gave it. -EALREADY when
 * one was taken meanwhile, -ENOENT when one has no grant, -ENOBUFS: none is marked and DONE is not
 * called. When the row cannot be written the marks are undone and DONE says -EIO.
 */
int kms_grant_fetched(struct kms_grants *g, const uint8_t (*ids)[KEY_UUID_BYTES], size_t count,
                      const char *slave, kms_grant_done done, void *ctx);

/* A message of the other KME, of a kind that is a grant's (peer_message.h). Any thread. */
void kms_grants_receive(struct kms_grants *g, const uint8_t *msg, size_t len);

/* The session with the other KME began, or ended: what waits for an ACK is over. Any thread. */
void kms_grants_session(struct kms_grants *g, bool up);

/* Store thread, each turn: rows, ACKs, time-outs, expiry. True when there was something. */
bool kms_grants_work(struct kms_grants *g, uint64_t now_ns, uint64_t wall_ns);

struct kms_grants_stats {
	uint64_t sent, acked, timed_out, refused;  /* giver: grants */
	uint64_t stored, withdrawn, expired, full; /* fetcher: grants */
	uint64_t fetched;                          /* fetcher: keys times slaves */
	uint64_t bad_messages, row_errors;
	size_t sending, keys, grants; /* now */
};
void kms_grants_stats_read(struct kms_grants *g, struct kms_grants_stats *out);

#endif
