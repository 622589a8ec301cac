/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The fibre's channel plan beside what the card's channel monitor sees: alarms "dwdm-new",
 * "dwdm-missing" and "dwdm-power". More errors from a new data channel are its light, not an
 * eavesdropper's work, and the alarm says so.
 */

#ifndef CONTROL_DWDM_WATCH_H
#define CONTROL_DWDM_WATCH_H

#include <stdint.h>

#include "config/config.h"
#include "drivers/card.h"

#define DWDM_FINDINGS_MAX 320 /* of a plan and a scan that have nothing in common */

enum dwdm_kind { DWDM_NEW, DWDM_MISSING, DWDM_POWER };
struct dwdm_finding {
	enum dwdm_kind kind;
	double ghz, dbm, expected_dbm; /* EXPECTED of what is planned, DBM of what is seen */
};

/*
 * What of SCAN, taken at site BOB or not, is not as in PLAN; by frequency. A channel that is
 * planned both ways is expected as strong as both together.
 */
unsigned int dwdm_compare(const struct config_dwdm *plan, bool bob,
                          const struct card_ocm_scan *scan, struct dwdm_finding *out);

void dwdm_watch_reset(void);

/* SCAN: the last one, NULL while there is none. Cheap but for a new scan. */
void dwdm_watch_poll(const char *link, const struct config_dwdm *plan, bool bob,
                     const struct card_ocm_scan *scan);

#endif
