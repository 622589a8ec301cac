/* SPDX-License-Identifier: BSD-3-Clause */

/* What the audit asks of the store and does to it. Store thread, or in a job. */

#ifndef CONTROL_KMS_STORE_AUDIT_H
#define CONTROL_KMS_STORE_AUDIT_H

#include "control/kms/store.h"

enum kms_segment_state {
	KMS_SEGMENT_LIVE,
	KMS_SEGMENT_SPENT,   /* every unit was given or fetched */
	KMS_SEGMENT_EXPIRED, /* what was left of it */
	KMS_SEGMENT_VOIDED,  /* the same */
};

/* The record of a segment; it outlives the bytes. */
struct kms_audit_entry {
	uint64_t position;
	uint32_t units;
	uint8_t block[16];
	uint8_t mac[32]; /* HMAC-SHA-256 of its hash */
	enum kms_segment_state state;
	uint64_t age_ns;         /* since it came */
	uint32_t delivered;      /* units, here */
	uint32_t delivered_both; /* units */
};

/*
 * The segments of LINK and CLASS that begin in [FROM, TO), in order, until EACH returns non-zero,
 * which is returned. Records of closed segments are kept for KMS_AUDIT_KEPT a stream, the newest;
 * older ones are ranges without hashes, and are not listed: *WHOLE_FROM is the position from which
 * on nothing is left out. KEY (32 bytes) is one that both ends have. EACH must not change the
 * store.
 */
#define KMS_AUDIT_KEPT 65536
int kms_store_audit_list(struct kms_store *s, uint8_t link, enum key_uuid_class class,
                         uint64_t from, uint64_t to, const uint8_t *key,
                         int (*each)(void *arg, const struct kms_audit_entry *e), void *arg,
                         uint64_t *whole_from, struct err *err);

/*
 * Void [POSITION, POSITION + UNITS), durably on return or with the job. In the other's stream just
 * these units; in the own one what is left of each segment that the range touches. Where no
 * segment was, a tombstone: one that comes later and touches it is refused with -ESTALE. What is
 * delivered stays delivered. *BYTES (may be NULL): how many were destroyed.
 */
int kms_store_void(struct kms_store *s, uint8_t link, enum key_uuid_class class, uint64_t position,
                   uint64_t units, uint64_t *bytes, struct err *err);

/*
 * The other end delivered UNITS of the segment that begins at POSITION in the own stream: so many
 * are delivered at both. Larger than before counts, smaller changes nothing. -ENOENT: there is no
 * record of that segment.
 */
int kms_store_both(struct kms_store *s, uint8_t link, uint64_t position, uint32_t units,
                   struct err *err);

/*
 * What a crash of this end lost: reserved, and not known to have been given. Some of it may have
 * been given in the last moment: the other end must go on to serve whoever has an identifier, and
 * may void it only when keys given then are too old to be asked for (the time to live). Listed
 * until kms_store_lost_forget(); it expires there by itself too.
 */
struct kms_lost {
	int64_t id; /* grows */
	uint8_t link;
	uint64_t position, units;
	uint64_t age_ns; /* since the crash was found */
};
int kms_store_lost_list(struct kms_store *s, int (*each)(void *arg, const struct kms_lost *l),
                        void *arg, struct err *err);
int kms_store_lost_forget(struct kms_store *s, int64_t id, struct err *err);

#endif
