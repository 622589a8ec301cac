/* SPDX-License-Identifier: BSD-3-Clause */

/* The hand-over of this process, and what its status says of it, of grants and audit. */

#ifndef CONTROL_KMS_HANDOVER_STATUS_H
#define CONTROL_KMS_HANDOVER_STATUS_H

#include <jansson.h>
#include <stdint.h>

struct kms_handover;

struct kms_handover *kms_handover(void);
/* Messages of the other KME, of no kind that there is. */
uint64_t kms_handover_unknown(void);

json_t *kms_handover_json(void);

#endif
