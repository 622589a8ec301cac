/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/dwdm_watch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "control/alarm.h"
#include "drivers/physics/itu_grid.h"

/* Half of the finest grid of fixed channels. */
#define SAME_GHZ 12.5

static struct {
	struct dwdm_finding now[DWDM_FINDINGS_MAX];
	unsigned int count;
	uint32_t scan; /* 0: none yet */
} watch;

void dwdm_watch_reset(void)
{
	memset(&watch, 0, sizeof(watch));
}

static double milliwatt(double dbm)
{
	return pow(10, dbm / 10);
}

/* What the plan lets expect at this end at GHZ, dBm; negative infinity: nothing. */
static double expected(const struct config_dwdm *plan, bool bob, double ghz)
{
	double sum = 0;

	for (unsigned int i = 0; i < plan->count; i++) {
		const struct config_dwdm_channel *c = &plan->channel[i];

		if (fabs(itu_grid_ghz(c->name) - ghz) > SAME_GHZ)
			continue;
		/* What is launched here has not been through the fibre. */
		sum += milliwatt(c->power_dbm - (c->counter == bob ? 0 : plan->fibre_loss_db));
	}
	return 10 * log10(sum);
}

static const struct card_ocm_seen *seen_at(const struct card_ocm_scan *scan, double ghz)
{
	for (uint32_t i = 0; i < scan->count; i++)
		if (fabs(scan->channel[i].centre_mhz * 1e-3 - ghz) <= SAME_GHZ)
			return &scan->channel[i];
	return NULL;
}

/* An earlier channel of the plan has the same frequency. */
static bool is_twin(const struct config_dwdm *plan, unsigned int i)
{
	for (unsigned int k = 0; k < i; k++)
		if (fabs(itu_grid_ghz(plan->channel[k].name) -
		         itu_grid_ghz(plan->channel[i].name)) <= SAME_GHZ)
			return true;
	return false;
}

unsigned int dwdm_compare(const struct config_dwdm *plan, bool bob,
                          const struct card_ocm_scan *scan, struct dwdm_finding *out)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < scan->count; i++) {
		double ghz = scan->channel[i].centre_mhz * 1e-3;
		double dbm = scan->channel[i].power_mdbm * 1e-3;
		double want = expected(plan, bob, ghz);

		if (isinf(want))
			out[n++] = (struct dwdm_finding){DWDM_NEW, ghz, dbm, want};
		else if (fabs(dbm - want) > plan->tolerance_db)
			out[n++] = (struct dwdm_finding){DWDM_POWER, ghz, dbm, want};
	}
	for (unsigned int i = 0; i < plan->count; i++) {
		double ghz = itu_grid_ghz(plan->channel[i].name), want = expected(plan, bob, ghz);

		/* Nobody can miss what is weaker than the monitor sees. */
		if (is_twin(plan, i) || seen_at(scan, ghz) != NULL ||
		    want < scan->floor_mdbm * 1e-3)
			continue;
		out[n++] = (struct dwdm_finding){DWDM_MISSING, ghz, -INFINITY, want};
	}
	return n;
}

static const char *const kinds[] = {
        [DWDM_NEW] = "dwdm-new", [DWDM_MISSING] = "dwdm-missing", [DWDM_POWER] = "dwdm-power"};

static void resource_of(const char *link, const struct dwdm_finding *f, char *out, size_t n)
{
	char name[16];

	itu_grid_name(f->ghz, name, sizeof(name));
	snprintf(out, n, "link/%s/%s", link, name);
}

static void raise(const char *link, const struct dwdm_finding *f)
{
	char resource[96], text[200];

	resource_of(link, f, resource, sizeof(resource));
	if (f->kind == DWDM_NEW)
		snprintf(text, sizeof(text),
		         "data channel at %.1f dBm that is not in the plan: errors that rise with "
		         "it "
		         "are its scattered light, not an eavesdropper",
		         f->dbm);
	else if (f->kind == DWDM_MISSING)
		snprintf(text, sizeof(text), "planned data channel is not there, %.1f dBm expected",
		         f->expected_dbm);
	else
		snprintf(text, sizeof(text), "data channel at %.1f dBm, %.1f dBm expected: %s",
		         f->dbm, f->expected_dbm,
		         f->dbm > f->expected_dbm ? "its scattered light raises the errors"
		                                  : "its laser, or the fibre");
	alarm_raise(kinds[f->kind], resource, ALARM_MINOR, text);
}

static bool has(const struct dwdm_finding *list, unsigned int n, const struct dwdm_finding *f)
{
	for (unsigned int i = 0; i < n; i++)
		if (list[i].kind == f->kind && fabs(list[i].ghz - f->ghz) <= SAME_GHZ)
			return true;
	return false;
}

void dwdm_watch_poll(const char *link, const struct config_dwdm *plan, bool bob,
                     const struct card_ocm_scan *scan)
{
	static struct dwdm_finding next[DWDM_FINDINGS_MAX];
	unsigned int count = 0;
	char resource[96];

	if (scan == NULL || scan->scan == watch.scan)
		return;
	watch.scan = scan->scan;
	if (plan->planned)
		count = dwdm_compare(plan, bob, scan, next);
	for (unsigned int i = 0; i < count; i++)
		if (!has(watch.now, watch.count, &next[i]))
			raise(link, &next[i]);
	for (unsigned int i = 0; i < watch.count; i++) {
		if (has(next, count, &watch.now[i]))
			continue;
		resource_of(link, &watch.now[i], resource, sizeof(resource));
		alarm_clear(kinds[watch.now[i].kind], resource, "as planned");
	}
	memcpy(watch.now, next, count * sizeof(next[0]));
	watch.count = count;
}
