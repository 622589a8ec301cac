/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A scan of one site's channel monitor on its way to the other, over the authenticated channel.
 * Each site sees its own end of the fibre alone: what is launched at one and what arrives at the
 * other is known to both together.
 */

#ifndef CONTROL_DWDM_MESSAGE_H
#define CONTROL_DWDM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/card.h"

#define DWDM_MESSAGE_HEAD    10
#define DWDM_MESSAGE_CHANNEL 8
#define DWDM_MESSAGE_MAX     (DWDM_MESSAGE_HEAD + CARD_OCM_CHANNELS * DWDM_MESSAGE_CHANNEL)

/* Number, floor (mdBm), channels; of each MHz and mdBm: big-endian. The bytes used. */
size_t dwdm_message_put(const struct card_ocm_scan *scan, uint8_t out[DWDM_MESSAGE_MAX]);
/* False: MSG is malformed, and OUT unchanged. Widths and OSNR are not told: 0. */
bool dwdm_message_get(const uint8_t *msg, size_t len, struct card_ocm_scan *out);

#endif
