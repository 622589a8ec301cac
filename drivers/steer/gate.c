/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/steer/gate.h"

#include <math.h>
#include <string.h>

/* Of the clicks of a histogram, outside of the width that is asked for: dark counts besides. */
#define OUTSIDE 2e-3
/* So many standard deviations of what is everywhere may be left out as well. */
#define SIGMAS 3.0
/* Share of the clicks that a peak has. */
#define PEAK 0.5
/* Of a new speed; and how many there must be. */
#define SMOOTH 0.2
#define SPEEDS 5

void steer_gate_init(struct steer_gate *g, bool wanted)
{
	*g = (struct steer_gate){.wanted = wanted};
	g->s.set = STEER_GATE_UNIT;
	g->s.state = wanted ? STEER_SETTLING : STEER_OFF;
}

/*
 * The narrowest width around the middle beyond which there are no more than OUTSIDE of the clicks,
 * less the level that is everywhere: it is taken from the half of the slot that is farthest off.
 */
static void measure(struct steer_gate *g)
{
	const unsigned int half = STEER_GATE_BINS / 2, far = STEER_GATE_BINS / 4;
	double level = 0, inside = 0, total = 0, beyond;
	unsigned int k;

	for (unsigned int i = 0; i < far; i++) /* the quarters at both ends */
		level += g->bin[i < far / 2 ? i : STEER_GATE_BINS - 1 - (i - far / 2)];
	level /= far;
	for (unsigned int i = 0; i < STEER_GATE_BINS; i++)
		total += fmax(g->bin[i] - level, 0);
	for (k = 0; k < half; k++) {
		inside += fmax(g->bin[half - 1 - k] - level, 0) + fmax(g->bin[half + k] - level, 0);
		beyond = total - inside;
		if (beyond <= OUTSIDE * total + SIGMAS * sqrt(level * (STEER_GATE_BINS - 2 * k)))
			break;
	}
	g->width = 2 * (k + 1) * (STEER_GATE_UNIT / STEER_GATE_BINS) + 2 * STEER_GATE_MARGIN;
	if (g->width < STEER_GATE_LEAST)
		g->width = STEER_GATE_LEAST;
	/* No peak: light that comes at any time, or of another clock. */
	if (total < PEAK * g->clicks || g->width > STEER_GATE_MOST)
		g->width = STEER_GATE_UNIT;
}

void steer_gate_click(struct steer_gate *g, double late)
{
	int i = (int)floor((late + 0.5) * STEER_GATE_BINS);

	/* Behind closed gates there is no histogram of all that arrives. */
	if (!g->wanted || g->s.set != STEER_GATE_UNIT || g->width != 0)
		return;
	g->bin[i < 0 ? 0 : i >= STEER_GATE_BINS ? STEER_GATE_BINS - 1 : i]++;
	if (++g->clicks == STEER_GATE_CLICKS)
		measure(g);
}

static void forget(struct steer_gate *g)
{
	memset(g->bin, 0, sizeof(g->bin));
	g->clicks = g->width = 0;
}

static bool put(struct steer_gate *g, unsigned int start, int32_t width)
{
	if (g->s.set == width && (g->start == start || width == STEER_GATE_UNIT))
		return false;
	g->start = start;
	g->s.set = width;
	g->s.moves++;
	return true;
}

static bool open_up(struct steer_gate *g, enum steer_state state)
{
	if (state != g->s.state) {
		g->s.limits += state == STEER_LIMIT;
		g->s.refused += state == STEER_REFUSED;
	}
	g->s.state = state;
	return put(g, 0, STEER_GATE_UNIT);
}

/* How far the place moves in a step: the clock's own estimate of it is for windows of 1 ms. */
static void follow(struct steer_gate *g, double place, uint64_t now_ns)
{
	double steps = (double)(now_ns - g->place_ns) / (double)STEER_GATE_STEP_NS;

	if (g->known && steps > 0) {
		double speed = (place - g->place) / steps;

		g->speed = g->speeds == 0 ? speed : g->speed + SMOOTH * (speed - g->speed);
		g->speeds++;
	}
	g->known = true;
	g->place = place;
	g->place_ns = now_ns;
}

bool steer_gate_turn(struct steer_gate *g, bool locked, double place, uint64_t now_ns)
{
	double at;
	long start;

	if (!g->wanted)
		return false;
	if (!locked) {
		forget(g);
		g->known = false;
		g->speeds = 0;
		g->next_ns = now_ns;
		return open_up(g, STEER_SETTLING);
	}
	if (now_ns < g->next_ns)
		return false;
	g->next_ns = now_ns + STEER_GATE_STEP_NS;
	follow(g, place, now_ns);
	if (g->speeds < SPEEDS)
		return open_up(g, STEER_SETTLING);
	/* Until the next step, and as long again until it holds. */
	if (fabs(2 * g->speed) * STEER_GATE_UNIT > STEER_GATE_MARGIN / 2.0)
		return open_up(g, STEER_LIMIT);
	if (g->width == 0) /* what was refused is so until another histogram says better */
		return open_up(g, g->s.state == STEER_REFUSED ? STEER_REFUSED : STEER_SETTLING);
	if (g->width == STEER_GATE_UNIT) {
		bool opened = open_up(g, STEER_REFUSED);

		forget(g); /* and look again */
		return opened;
	}
	at = place + g->speed - floor(place + g->speed);
	start = lrint(at * STEER_GATE_UNIT - g->width / 2.0);
	g->s.state = STEER_HELD;
	return put(g, (unsigned int)(start & (STEER_GATE_UNIT - 1)), (int32_t)g->width);
}
