/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/clicks_watch.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "control/alarm.h"

#define PERIOD_NS (1 * NS_PER_S)
#define QUIET_NS  (30 * NS_PER_S) /* until the alarm is cleared */
#define FS_PER_NS 1e6
/*
 * A gateway whose core was another's for a moment loses a few ms, or, when it was so for longer
 * than clicks may wait, tenths of a second: counters tell. A core or a link that is too slow loses
 * more: a simulated one leaves out a second at a time.
 */
#define SECONDS   10
#define SHARE_MAX 0.05

static struct {
	uint64_t next_ns, last_ns, seen_ns; /* seen_ns 0: no alarm */
	uint64_t gaps, gap_slots, not_taken, clicks, held_ns;
	bool known;
	double share[SECONDS]; /* that was missing, of the last periods */
	unsigned int periods;
} watch;

void clicks_watch_reset(void)
{
	memset(&watch, 0, sizeof(watch));
}

/* Clicks that the card made and nobody took. */
static uint64_t not_taken(const struct optics_status *s)
{
	return s->card.dropped_tags + s->clicks_too_old;
}

/* Of the time since the last turn, or of the clicks in it if that is more. */
static double missing(const struct optics_status *s, uint64_t now)
{
	const struct card_status *c = &s->card;
	double slots = (double)(c->gap_slots - watch.gap_slots) * (double)c->slot_period_fs;
	double of_time = slots / FS_PER_NS / (double)(now - watch.last_ns);
	double lost = (double)(not_taken(s) - watch.not_taken);
	double came = c->clicks > watch.clicks ? (double)(c->clicks - watch.clicks) : 0;
	double of_clicks = lost > 0 ? lost / (lost + came) : 0;

	return fmin(fmax(of_time, of_clicks), 1);
}

static double last_share(void)
{
	double sum = 0;

	for (unsigned int i = 0; i < SECONDS; i++)
		sum += watch.share[i];
	return sum / SECONDS;
}

static void raise(const char *resource, const struct optics_status *s, uint64_t now)
{
	uint64_t n = not_taken(s) - watch.not_taken;
	char text[200];

	if (s->held_ns > watch.held_ns || s->held)
		snprintf(text, sizeof(text),
		         "post-processing is behind, here or at the peer: %llu clicks were not "
		         "taken in the last second, %.3g %% of the last ten; `link show` says what "
		         "blocks wait for",
		         (unsigned long long)n, 100 * last_share());
	else
		snprintf(text, sizeof(text),
		         "clicks are missing for %.3g %% of the last ten seconds: %s",
		         100 * last_share(),
		         s->simulated ? "the simulated link is slower than real time, or this "
		                        "gateway reads its card too slowly"
		                      : "this gateway reads its card too slowly");
	alarm_raise("clicks-lost", resource, ALARM_MINOR, text);
	watch.seen_ns = now;
}

void clicks_watch_poll(const char *link, const struct optics_status *s, uint64_t now)
{
	const struct card_status *c = &s->card;
	char resource[80];
	bool lost;

	if (now < watch.next_ns)
		return;
	watch.next_ns = now + PERIOD_NS;
	snprintf(resource, sizeof(resource), "link/%s", link);
	/* A card that was opened anew counts from 0. */
	lost = s->present && watch.known && not_taken(s) >= watch.not_taken &&
	       c->gap_slots >= watch.gap_slots &&
	       (c->gaps > watch.gaps || not_taken(s) > watch.not_taken);
	watch.share[watch.periods++ % SECONDS] = lost ? missing(s, now) : 0;
	if (lost && last_share() > SHARE_MAX) {
		raise(resource, s, now);
	} else if (watch.seen_ns != 0 && now - watch.seen_ns >= QUIET_NS) {
		alarm_clear("clicks-lost", resource, "hardly a click was missing for 30 s");
		watch.seen_ns = 0;
	}
	watch.known = s->present;
	watch.gaps = s->present ? c->gaps : 0;
	watch.gap_slots = s->present ? c->gap_slots : 0;
	watch.not_taken = s->present ? not_taken(s) : 0;
	watch.clicks = s->present ? c->clicks : 0;
	watch.held_ns = s->held_ns;
	watch.last_ns = now;
}
