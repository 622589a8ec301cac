/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/clicks_watch.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "control/alarm.h"

#define PERIOD_NS (1 * NS_PER_S)
#define QUIET_NS  (30 * NS_PER_S) /* until the alarm is cleared */
#define FS_PER_NS 1e6

static struct {
	uint64_t next_ns, last_ns, seen_ns; /* seen_ns 0: no alarm */
	uint64_t gaps, gap_slots;
	bool known;
} watch;

void clicks_watch_reset(void)
{
	memset(&watch, 0, sizeof(watch));
}

static void raise(const char *resource, const struct card_status *s, uint64_t now)
{
	double lost_ns =
	        (double)(s->gap_slots - watch.gap_slots) * (double)s->slot_period_fs / FS_PER_NS;
	double share = lost_ns / (double)(now - watch.last_ns);
	char text[200];

	snprintf(text, sizeof(text), "clicks are missing for %.3g %% of the last second: %s",
	         100 * (share < 1 ? share : 1),
	         s->simulated
	                 ? "the simulated link is slower than real time, or this gateway reads "
	                   "its card too slowly"
	                 : "this gateway reads its card too slowly");
	alarm_raise("clicks-lost", resource, ALARM_MINOR, text);
	watch.seen_ns = now;
}

void clicks_watch_poll(const char *link, const struct card_status *s, uint64_t now)
{
	char resource[80];

	if (now < watch.next_ns)
		return;
	watch.next_ns = now + PERIOD_NS;
	snprintf(resource, sizeof(resource), "link/%s", link);
	/* A card that was opened anew counts from 0. */
	if (s != NULL && watch.known && s->gaps > watch.gaps && s->gap_slots >= watch.gap_slots)
		raise(resource, s, now);
	else if (watch.seen_ns != 0 && now - watch.seen_ns >= QUIET_NS) {
		alarm_clear("clicks-lost", resource, "no click was missing for 30 s");
		watch.seen_ns = 0;
	}
	watch.known = s != NULL;
	watch.gaps = s != NULL ? s->gaps : 0;
	watch.gap_slots = s != NULL ? s->gap_slots : 0;
	watch.last_ns = now;
}
