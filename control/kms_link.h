/* SPDX-License-Identifier: BSD-3-Clause */

/* The link that the gateway tells of, known again after a start without the gateway. */

#ifndef CONTROL_KMS_LINK_H
#define CONTROL_KMS_LINK_H

#include "control/kms/handover_wire.h"

/* The service and the audit go by HELLO, and the database remembers it. */
int kms_link_take(const struct handover_message *hello, struct err *err);

/* At start, before the store thread runs: what the database remembers. The number of the link in
 * *LINK; false: nothing, or it cannot be read. */
bool kms_link_restore(uint8_t *link);

#endif
