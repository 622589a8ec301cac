/* SPDX-License-Identifier: BSD-3-Clause */

/* dec_keys: which keys (ETSI GS QKD 014 sections 5.3, 6.4), and may the caller have them. */

#ifndef CONTROL_KMS_KEY_IDS_H
#define CONTROL_KMS_KEY_IDS_H

#include <stddef.h>
#include <stdint.h>

#include "control/kms/fault.h"
#include "control/kms/key_uuid.h"
#include "control/kms/target.h"

struct kms_key_ids {
	uint32_t count;
	uint8_t (*uuid)[KEY_UUID_BYTES]; /* in the order of the request, none twice */
};

/*
 * The identifiers of T, one by GET with a query, or 1 to MAX by POST with N bytes of BODY. 0, or
 * -STATUS with F set and nothing in OUT to free.
 */
int kms_key_ids_read(const struct kms_target *t, const char *body, size_t n, uint32_t max,
                     struct kms_key_ids *out, struct http_fault *f);

/*
 * Where the keys lie into PLACE, which has room for all; or none of them. -401 with F set when one
 * was issued to another pair than MASTER and SLAVE, who asks; else -400 when one was never issued.
 */
int kms_key_ids_check(const struct kms_key_ids *ids, const struct key_uuid_keys *keys,
                      const char *master, const char *slave, struct key_uuid_place *place,
                      struct http_fault *f);

void kms_key_ids_free(struct kms_key_ids *ids);

#endif
