/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The fibre's channel plan beside what the card's channel monitor sees: alarms "dwdm-new",
 * "dwdm-missing", "dwdm-power" and "dwdm-drift". Errors from a new data channel are its light, not
 * an eavesdropper's work, as far as its power explains them, and the alarm says how far.
 */

#ifndef CONTROL_DWDM_WATCH_H
#define CONTROL_DWDM_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "control/dwdm_compare.h"

void dwdm_watch_reset(void);

/*
 * SCAN: the last one, NULL while there is none; FAR: of the other end, or NULL. Cheap but for a new
 * scan, which costs up to some milliseconds with as many channels as it can hold.
 */
void dwdm_watch_poll(const struct config *config, double slot_hz, const struct card_ocm_scan *scan,
                     const struct card_ocm_scan *far, uint64_t now_ns);

/* Scans that were compared with a plan so far; 0: there is no plan, or none in the last 3 s. */
uint64_t dwdm_watch_scans(uint64_t now_ns);

/* As of the last scan. */
const struct dwdm_prediction *dwdm_watch_prediction(void);

/*
 * Light that was not planned: the strongest channel that is new, else one that is too strong, as
 * words; how many there are, 0 for none.
 */
unsigned int dwdm_watch_unplanned(char *out, size_t n);

#endif
