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
 * What a crash of this end lost: reserved, and not known to have been given. Some of it may have
 * been given in the last moment: the other end must go on to serve whoever has an identifier, and
 * may void it only when keys given then are too old to be asked for (the time to live). Listed
 * until kms_store_lost_forget(), or until it expired there too.
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
