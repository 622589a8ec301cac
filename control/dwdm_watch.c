/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/dwdm_watch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "drivers/physics/itu_grid.h"

#define STALE_NS (3 * NS_PER_S)

static struct {
	struct dwdm_finding now[DWDM_FINDINGS_MAX];
	unsigned int count;
	uint32_t scan; /* 0: none yet */
	uint64_t scans, scan_ns;
	struct dwdm_prediction prediction;
} watch;

void dwdm_watch_reset(void)
{
	memset(&watch, 0, sizeof(watch));
}

static const char *const kinds[] = {[DWDM_NEW] = "dwdm-new",
                                    [DWDM_MISSING] = "dwdm-missing",
                                    [DWDM_POWER] = "dwdm-power",
                                    [DWDM_DRIFT] = "dwdm-drift"};

static void resource_of(const char *link, const struct dwdm_finding *f, char *out, size_t n)
{
	char name[16];

	itu_grid_name(f->ghz, name, sizeof(name));
	snprintf(out, n, "link/%s/%s", link, name);
}

/* What errors the light that is there makes, and what they would be as planned. */
static void say_errors(char *out, size_t n)
{
	const struct dwdm_prediction *p = &watch.prediction;

	out[0] = '\0';
	if (!p->known)
		return;
	snprintf(out, n, ", %.1f to %.1f %% in Z instead of %.1f %%", 100 * p->least.qber_z,
	         100 * p->most.qber_z, 100 * p->plan.qber_z);
}

static void raise(const char *link, const struct dwdm_finding *f)
{
	char resource[96], text[200], rise[64];

	resource_of(link, f, resource, sizeof(resource));
	say_errors(rise, sizeof(rise));
	switch (f->kind) {
	case DWDM_NEW:
		snprintf(text, sizeof(text),
		         "data channel at %.1f dBm not in the plan: errors by its light%s%s are "
		         "not an eavesdropper's",
		         f->dbm, rise, rise[0] != '\0' ? "," : "");
		break;
	case DWDM_MISSING:
		snprintf(text, sizeof(text), "planned data channel is not there, %.1f dBm expected",
		         f->expected_dbm);
		break;
	case DWDM_POWER:
		snprintf(text, sizeof(text), "data channel at %.1f dBm, %.1f dBm expected: %s%s",
		         f->dbm, f->expected_dbm,
		         f->dbm > f->expected_dbm ? "its scattered light raises the errors"
		                                  : "its laser, or the fibre",
		         f->dbm > f->expected_dbm ? rise : "");
		break;
	case DWDM_DRIFT:
		snprintf(text, sizeof(text), "data channel is %+.1f GHz off its frequency",
		         f->off_ghz);
		break;
	}
	alarm_raise(kinds[f->kind], resource, ALARM_MINOR, text);
}

static bool has(const struct dwdm_finding *list, unsigned int n, const struct dwdm_finding *f)
{
	for (unsigned int i = 0; i < n; i++)
		if (list[i].kind == f->kind && fabs(list[i].ghz - f->ghz) <= DWDM_SAME_GHZ)
			return true;
	return false;
}

void dwdm_watch_poll(const struct config *config, double slot_hz, const struct card_ocm_scan *scan,
                     const struct card_ocm_scan *far, uint64_t now_ns)
{
	static struct dwdm_finding next[DWDM_FINDINGS_MAX];
	const struct config_dwdm *plan = &config->qkd.dwdm;
	unsigned int count = 0;
	char resource[96];

	if (scan == NULL || scan->scan == watch.scan)
		return;
	watch.scan = scan->scan;
	watch.scan_ns = now_ns;
	watch.scans = plan->planned ? watch.scans + 1 : 0;
	dwdm_predict(config, slot_hz, scan, far, &watch.prediction);
	if (plan->planned)
		count = dwdm_compare(plan, config->site == CONFIG_SITE_B, scan, next);
	for (unsigned int i = 0; i < count; i++)
		if (!has(watch.now, watch.count, &next[i]))
			raise(config->link, &next[i]);
	for (unsigned int i = 0; i < watch.count; i++) {
		if (has(next, count, &watch.now[i]))
			continue;
		resource_of(config->link, &watch.now[i], resource, sizeof(resource));
		alarm_clear(kinds[watch.now[i].kind], resource, "as planned");
	}
	memcpy(watch.now, next, count * sizeof(next[0]));
	watch.count = count;
}

uint64_t dwdm_watch_scans(uint64_t now_ns)
{
	return now_ns - watch.scan_ns <= STALE_NS ? watch.scans : 0;
}

const struct dwdm_prediction *dwdm_watch_prediction(void)
{
	return &watch.prediction;
}

unsigned int dwdm_watch_unplanned(char *out, size_t n)
{
	const struct dwdm_finding *best = NULL;
	unsigned int count = 0;
	char name[16];

	for (unsigned int i = 0; i < watch.count; i++) {
		const struct dwdm_finding *f = &watch.now[i];

		if (f->kind != DWDM_NEW && !(f->kind == DWDM_POWER && f->dbm > f->expected_dbm))
			continue;
		count++;
		if (best == NULL || f->kind < best->kind ||
		    (f->kind == best->kind && f->dbm > best->dbm))
			best = f;
	}
	out[0] = '\0';
	if (best == NULL)
		return 0;
	itu_grid_name(best->ghz, name, sizeof(name));
	snprintf(out, n, "%s%s (%s)", name, count > 1 ? " and others" : "", kinds[best->kind]);
	return count;
}
