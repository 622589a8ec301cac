/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/qrng_watch.h"

#include <stdio.h>

#include "common/clock.h"
#include "control/alarm.h"

#define RATE_NS (10 * NS_PER_S)

static uint64_t from_ns, from_samples;
static double rate;

static void measure(uint64_t samples, uint64_t now_ns)
{
	uint64_t passed = now_ns - from_ns;

	if (from_ns != 0 && passed < (rate > 0 ? RATE_NS : NS_PER_S))
		return;
	if (from_ns != 0 && samples >= from_samples)
		rate = (double)(samples - from_samples) * NS_PER_S / (double)passed;
	from_ns = now_ns;
	from_samples = samples;
}

double qrng_watch_rate(void)
{
	return rate;
}

void qrng_watch(const char *resource, const struct optics_status *s, uint64_t now_ns)
{
	measure(s->qrng.samples, now_ns);
	for (int f = QRNG_FAULT_STUCK; f < QRNG_FAULTS; f++) {
		char kind[32], text[160];

		snprintf(kind, sizeof(kind), "qrng-%s", qrng_fault_name((enum qrng_fault)f));
		if (!s->qrng.latched || s->qrng.fault != (enum qrng_fault)f) {
			alarm_clear(kind, resource,
			            s->qrng.latched ? "its start-up tests failed in another way"
			                            : "start-up tests of the random source passed");
			continue;
		}
		snprintf(text, sizeof(text), "lane %u: %s; no key until lgctl qrng rearm",
		         s->qrng.fault_lane, s->qrng.fault_text);
		alarm_raise(kind, resource, ALARM_CRITICAL, text);
	}
}
