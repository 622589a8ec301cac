/* SPDX-License-Identifier: BSD-3-Clause */

/* Segments on their way from the gateway to the store. */

#ifndef CONTROL_KMS_SEGMENT_H
#define CONTROL_KMS_SEGMENT_H

#include "control/kms/handover.h"

/*
 * Copies the segment of M, of LINK, and has the store thread add it; what became of it HANDOVER
 * hears by TICKET. -ENOMEM: secret memory is full.
 */
int kms_segment_post(struct kms_handover *handover, uint8_t link, const struct handover_message *m,
                     uint64_t ticket);

#endif
