/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/error_cause.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "control/dwdm_watch.h"

#define PATIENCE_NS   (1500 * NS_PER_MS)
#define SCANS         2        /* the first may have begun before the light came */
#define SAME_NS       NS_PER_S /* from one kind's end to another's begin */
#define PERCENT_STEPS 10       /* a text changes when its figures do by as many */

static struct cause {
	bool raised, shown;
	char resource[64], text[160];
	uint64_t since_ns, since_scan;
	int least, most; /* percent that is shown; -1: it is not known, -2: nothing to explain it */
} causes[ENGINE_ALARM_COUNT];

static uint64_t ended_ns; /* when one that was shown was cleared, the last time */

#define UNKNOWN (-1)
#define NOTHING (-2)

void error_cause_reset(void)
{
	memset(causes, 0, sizeof(causes));
	ended_ns = 0;
}

unsigned int error_cause_percent(double planned, double predicted, double measured)
{
	double part = (predicted - planned) / (measured - planned);

	if (!(measured > planned) || !(part < 1))
		return 100;
	return part > 0 ? (unsigned int)(100 * part) : 0;
}

/* LEAST to MOST percent; the same words for all alarms. */
static void explains(const char *light, unsigned int least, unsigned int most, const char *also,
                     char *out, size_t n)
{
	if (least == most)
		snprintf(out, n, "light of %s explains %u %% of it%s: ", light, least, also);
	else
		snprintf(out, n, "light of %s explains %u to %u %% of it%s: ", light, least, most,
		         also);
}

void error_cause_of_rise(unsigned int basis, double rise, uint64_t now_ns, char *out, size_t n)
{
	const struct dwdm_prediction *p = dwdm_watch_prediction();
	double plan = basis == 0 ? p->plan.qber_z : p->plan.qber_x;
	double least = basis == 0 ? p->least.qber_z : p->least.qber_x;
	double most = basis == 0 ? p->most.qber_z : p->most.qber_x;
	char light[40];

	out[0] = '\0';
	if (dwdm_watch_scans(now_ns) == 0 || dwdm_watch_unplanned(light, sizeof(light)) == 0)
		return;
	if (!p->known || !p->scanned) {
		snprintf(out, n, "light of %s may explain it: ", light);
		return;
	}
	explains(light, error_cause_percent(plan, least, plan + rise),
	         error_cause_percent(plan, most, plan + rise), "", out, n);
}

/* Of both bases' alarms the one that is explained less counts. */
static int percent(enum engine_alarm alarm, const struct dwdm_prediction *p,
                   const struct dwdm_errors *by, const double qber[2])
{
	unsigned int z = error_cause_percent(p->plan.qber_z, by->qber_z, qber[0]);
	unsigned int x = error_cause_percent(p->plan.qber_x, by->qber_x, qber[1]);

	if (alarm == ENGINE_ALARM_QBER_Z)
		return (int)z;
	if (alarm == ENGINE_ALARM_QBER_X)
		return (int)x;
	return (int)(z < x ? z : x);
}

static void show(enum engine_alarm alarm, const double qber[2], bool watched)
{
	const struct dwdm_prediction *p = dwdm_watch_prediction();
	struct cause *c = &causes[alarm];
	int least = NOTHING, most = NOTHING;
	char light[40], cause[112] = "", text[sizeof(c->text) + sizeof(cause)];

	if (watched && dwdm_watch_unplanned(light, sizeof(light)) > 0)
		least = most = UNKNOWN;
	if (least == UNKNOWN && p->known && p->scanned) {
		least = percent(alarm, p, &p->least, qber);
		most = percent(alarm, p, &p->most, qber);
	}
	if (c->shown && (least < 0) == (c->least < 0) && abs(least - c->least) < PERCENT_STEPS &&
	    abs(most - c->most) < PERCENT_STEPS && (least >= 0 || least == c->least))
		return;
	if (least == UNKNOWN)
		snprintf(cause, sizeof(cause),
		         "light of %s may explain it; no key is made: ", light);
	else if (least >= 0)
		explains(light, (unsigned int)least, (unsigned int)most, "; no key is made", cause,
		         sizeof(cause));
	snprintf(text, sizeof(text), "%s%s", cause, c->text);
	c->shown = true;
	c->least = least;
	c->most = most;
	alarm_raise(engine_alarm_name(alarm), c->resource, ALARM_CRITICAL, text);
}

bool error_cause_take(enum engine_alarm alarm, bool raised, const char *resource, const char *text,
                      uint64_t now_ns)
{
	static const double none[2];
	struct cause *c = &causes[alarm];
	bool another = ended_ns != 0 && now_ns - ended_ns < SAME_NS;

	if (alarm != ENGINE_ALARM_QBER_Z && alarm != ENGINE_ALARM_QBER_X &&
	    alarm != ENGINE_ALARM_INTERCEPT)
		return false;
	if (!raised) {
		if (c->raised && !c->shown) /* it was there: the history has it */
			show(alarm, none, false);
		if (c->shown)
			ended_ns = now_ns;
		alarm_clear(engine_alarm_name(alarm), resource, text);
		*c = (struct cause){0};
		return true;
	}
	for (unsigned int i = 0; i < ENGINE_ALARM_COUNT; i++)
		another |= causes[i].shown;
	*c = (struct cause){.raised = true,
	                    .since_ns = now_ns,
	                    .since_scan = dwdm_watch_scans(now_ns),
	                    .least = NOTHING,
	                    .most = NOTHING};
	snprintf(c->resource, sizeof(c->resource), "%s", resource);
	snprintf(c->text, sizeof(c->text), "%s", text);
	/* Errors are shown already, and just their kind is another. */
	if (another)
		c->since_ns = now_ns - PATIENCE_NS;
	if (c->since_scan == 0)
		show(alarm, none, false);
	return true;
}

void error_cause_poll(double qber_z, double qber_x, uint64_t now_ns)
{
	const double qber[2] = {qber_z, qber_x};
	uint64_t scans = dwdm_watch_scans(now_ns);

	for (unsigned int i = 0; i < ENGINE_ALARM_COUNT; i++) {
		struct cause *c = &causes[i];

		if (c->raised && (c->shown || scans >= c->since_scan + SCANS ||
		                  now_ns - c->since_ns >= PATIENCE_NS))
			show((enum engine_alarm)i, qber, scans > 0);
	}
}
