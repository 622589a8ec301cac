/* SPDX-License-Identifier: BSD-3-Clause */

/* What the audit and the grants ask of the store and do to it. Store thread, or in a job. */

#ifndef CONTROL_KMS_STORE_AUDIT_H
#define CONTROL_KMS_STORE_AUDIT_H

#include "control/kms/audit.h"
#include "control/kms/store.h"

/*
 * The audit's table of calls on this store. Records of segments outlive their bytes; of those that
 * have none the newest are listed (kms_store_config.records), older ones are ranges without hashes.
 * A segment is voided for the audit when the audit did it, or when it could not be opened; not when
 * single keys of it were.
 */
void kms_store_audit(struct kms_store *s, struct kms_audit_store *out);

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
 * Key of the own stream that this end does not give, for the other end to drop: its half would be
 * there until it is twice as old as key may be. SURE: it was never given, an end too short for a
 * key, or it expired or was voided here. Not sure: a crash lost it, and some of it may have been
 * given in the last moment; the other end must serve whoever has an identifier, so it is not told
 * before keys given then are too old to be asked for (AGE_NS above the time to live). Listed until
 * forgotten, or three times the time to live, the oldest first.
 */
struct kms_withdrawn {
	int64_t id; /* grows */
	uint8_t link;
	uint64_t position, units;
	uint64_t age_ns; /* since then */
	bool sure;
};
int kms_store_withdrawn_list(struct kms_store *s,
                             int (*each)(void *arg, const struct kms_withdrawn *w), void *arg,
                             struct err *err);
int kms_store_withdrawn_forget(struct kms_store *s, const int64_t *id, size_t n, struct err *err);

/*
 * The other end's part: these units of its stream, CLASS, will not be asked for. What is left of
 * them is dropped as expired, durably on return or with the job.
 */
int kms_store_withdraw(struct kms_store *s, uint8_t link, enum key_uuid_class class,
                       uint64_t position, uint64_t units, struct err *err);

#endif
