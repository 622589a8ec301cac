/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The gateway's HELLO at rest: with it a KME that was started anew knows its link and the secret of
 * key identifiers, and gives and fetches what it has stored though the gateway is away.
 */

#ifndef CONTROL_KMS_LINK_RECORD_H
#define CONTROL_KMS_LINK_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "common/seal.h"
#include "control/kms/handover_wire.h"

#define KMS_LINK_RECORD "link" /* the kind of its row */

#define KMS_LINK_RECORD_MAX                                                                        \
	(GCM_IV_BYTES + 6 + HANDOVER_SECRET_BYTES + 2 * (1 + HANDOVER_TEXT_MAX) + GCM_TAG_BYTES)

/* Sealed into OUT under a fresh nonce: its bytes. -EINVAL: not a HELLO; -ENOMEM: secret memory. */
int kms_link_record_write(const struct seal *seal, const struct handover_message *hello,
                          uint8_t out[KMS_LINK_RECORD_MAX]);

/*
 * HELLO, which is for secret memory, out of N bytes at DATA. -EBADMSG: not what was sealed;
 * -EPROTO, -EPROTONOSUPPORT: of another version; -ENOMEM. HELLO is zero then.
 */
int kms_link_record_read(const struct seal *seal, const void *data, size_t n,
                         struct handover_message *hello);

#endif
