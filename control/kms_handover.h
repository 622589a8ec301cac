/* SPDX-License-Identifier: BSD-3-Clause */

/* What the key delivery's status says of its gateway, of grants and audit. */

#ifndef CONTROL_KMS_HANDOVER_STATUS_H
#define CONTROL_KMS_HANDOVER_STATUS_H

#include <jansson.h>

json_t *kms_handover_json(void);

#endif
