/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The fibre's channel plan beside a scan of the card's channel monitor: what is not as planned, and
 * what errors the plan and the scan let expect.
 */

#ifndef CONTROL_DWDM_COMPARE_H
#define CONTROL_DWDM_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "drivers/card.h"

/* Half of the finest grid of fixed channels: no farther off, it is the same channel. */
#define DWDM_SAME_GHZ 12.5

/* Of a plan and a scan that have nothing in common; or all of one that drifted both ways. */
#define DWDM_FINDINGS_MAX (2 * (CARD_OCM_CHANNELS + CONFIG_DWDM_MAX))

enum dwdm_kind { DWDM_NEW, DWDM_MISSING, DWDM_POWER, DWDM_DRIFT };
struct dwdm_finding {
	enum dwdm_kind kind;
	double ghz;               /* as planned; of a new one, as seen */
	double dbm, expected_dbm; /* EXPECTED of what is planned, DBM of what is seen */
	double off_ghz;           /* seen less planned */
};

/*
 * What of SCAN, taken at site BOB or not, is not as in PLAN; by frequency. A channel that is
 * planned both ways is expected as strong as both together.
 */
unsigned int dwdm_compare(const struct config_dwdm *plan, bool bob,
                          const struct card_ocm_scan *scan, struct dwdm_finding *out);

/* What PLAN lets expect at this end at GHZ, dBm; negative infinity: nothing. */
double dwdm_expected(const struct config_dwdm *plan, bool bob, double ghz);
/* The channel of SCAN at GHZ, or NULL. */
const struct card_ocm_seen *dwdm_seen(const struct card_ocm_scan *scan, double ghz);
/* The plan's channel at GHZ, or -1: the first of those at one frequency. */
int dwdm_planned(const struct config_dwdm *plan, double ghz);

/* Where a channel that is not planned comes from, as both ends see it. */
enum dwdm_launch { DWDM_ANYWHERE, DWDM_HERE, DWDM_FAR };
/* HERE and FAR: the last scans of this end and of the other, FAR may be NULL. */
enum dwdm_launch dwdm_launched(const struct config_dwdm *plan, const struct card_ocm_scan *here,
                               const struct card_ocm_scan *far, double ghz);

/* Counts of other light a slot, all detectors together, and error rates with them. */
struct dwdm_errors {
	double counts, qber_z, qber_x;
};

/*
 * By the parameters in qkd/dwdm/prediction. Whether a channel that is not planned was launched at
 * this end or at the other one monitor cannot tell: LEAST and MOST of the errors that it can make.
 * With the other end's, FAR (NULL: there is none), it is known mostly, and both are the same.
 * Planned ones are taken as strong as they are seen, those below the monitor's floor as planned.
 */
struct dwdm_prediction {
	bool known, scanned; /* there are parameters; LEAST and MOST are set */
	struct dwdm_errors plan, least, most;
};
void dwdm_predict(const struct config *config, double slot_hz, const struct card_ocm_scan *scan,
                  const struct card_ocm_scan *far, struct dwdm_prediction *out);

#endif
