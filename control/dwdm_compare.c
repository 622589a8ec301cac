/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/dwdm_compare.h"

#include <math.h>

#include "drivers/physics/itu_grid.h"

static double milliwatt(double dbm)
{
	return pow(10, dbm / 10);
}

double dwdm_expected(const struct config_dwdm *plan, bool bob, double ghz)
{
	double sum = 0;

	for (unsigned int i = 0; i < plan->count; i++) {
		const struct config_dwdm_channel *c = &plan->channel[i];

		if (fabs(itu_grid_ghz(c->name) - ghz) > DWDM_SAME_GHZ)
			continue;
		/* What is launched here has not been through the fibre. */
		sum += milliwatt(c->power_dbm - (c->counter == bob ? 0 : plan->fibre_loss_db));
	}
	return 10 * log10(sum);
}

const struct card_ocm_seen *dwdm_seen(const struct card_ocm_scan *scan, double ghz)
{
	const struct card_ocm_seen *nearest = NULL;
	double least = DWDM_SAME_GHZ;

	for (uint32_t i = 0; i < scan->count; i++) {
		double off = fabs(scan->channel[i].centre_mhz * 1e-3 - ghz);

		if (off <= least) {
			nearest = &scan->channel[i];
			least = off;
		}
	}
	return nearest;
}

int dwdm_planned(const struct config_dwdm *plan, double ghz)
{
	for (unsigned int i = 0; i < plan->count; i++)
		if (fabs(itu_grid_ghz(plan->channel[i].name) - ghz) <= DWDM_SAME_GHZ)
			return (int)i;
	return -1;
}

/* Too little for the ends to tell a channel's way by. */
#define LOSS_LEAST_DB 1.0

enum dwdm_launch dwdm_launched(const struct config_dwdm *plan, const struct card_ocm_scan *here,
                               const struct card_ocm_scan *far, double ghz)
{
	const struct card_ocm_seen *a = dwdm_seen(here, ghz);
	const struct card_ocm_seen *b = far != NULL ? dwdm_seen(far, ghz) : NULL;
	double loss = plan->fibre_loss_db, more;

	if (far == NULL || loss < LOSS_LEAST_DB)
		return DWDM_ANYWHERE;
	/* Seen at one end alone: what would arrive at the other is below what is seen there. */
	if (a == NULL && b == NULL)
		return DWDM_ANYWHERE;
	if (b == NULL)
		return a->power_mdbm * 1e-3 - loss < far->floor_mdbm * 1e-3 ? DWDM_HERE
		                                                            : DWDM_ANYWHERE;
	if (a == NULL)
		return b->power_mdbm * 1e-3 - loss < here->floor_mdbm * 1e-3 ? DWDM_FAR
		                                                             : DWDM_ANYWHERE;
	more = (a->power_mdbm - b->power_mdbm) * 1e-3;
	return more >= loss / 2 ? DWDM_HERE : more <= -loss / 2 ? DWDM_FAR : DWDM_ANYWHERE;
}

unsigned int dwdm_compare(const struct config_dwdm *plan, bool bob,
                          const struct card_ocm_scan *scan, struct dwdm_finding *out)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < scan->count; i++) {
		double seen = scan->channel[i].centre_mhz * 1e-3, dbm, off;
		int planned = dwdm_planned(plan, seen);
		struct dwdm_finding f;

		dbm = scan->channel[i].power_mdbm * 1e-3;
		if (planned < 0) {
			out[n++] = (struct dwdm_finding){DWDM_NEW, seen, dbm, -INFINITY, 0};
			continue;
		}
		f.ghz = itu_grid_ghz(plan->channel[planned].name);
		off = seen - f.ghz;
		f = (struct dwdm_finding){DWDM_POWER, f.ghz, dbm, dwdm_expected(plan, bob, f.ghz),
		                          off};
		if (fabs(dbm - f.expected_dbm) > plan->tolerance_db)
			out[n++] = f;
		f.kind = DWDM_DRIFT;
		if (fabs(off) > plan->tolerance_ghz)
			out[n++] = f;
	}
	for (unsigned int i = 0; i < plan->count; i++) {
		double ghz = itu_grid_ghz(plan->channel[i].name);
		double want = dwdm_expected(plan, bob, ghz);

		/* Once for a frequency; nobody can miss what is weaker than the monitor sees. */
		if (dwdm_planned(plan, ghz) != (int)i || dwdm_seen(scan, ghz) != NULL ||
		    want < scan->floor_mdbm * 1e-3)
			continue;
		out[n++] = (struct dwdm_finding){DWDM_MISSING, ghz, -INFINITY, want, 0};
	}
	return n;
}
