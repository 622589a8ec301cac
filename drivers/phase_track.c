/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/phase_track.h"

#include <math.h>
#include <string.h>

#define TABLE_BITS 10
#define TABLE_SIZE (1 << TABLE_BITS)
#define TWO_PI     6.283185307179586

/* Windows of the loop: about 1 ms at 1 GHz, longer where clicks are rare. */
#define WINDOW_SLOTS     (1u << 20)
#define WINDOW_SLOTS_MAX (1u << 23)
#define WINDOW_CLICKS    32
/* No coherent window for so long (17 ms at 1 GHz): the light is gone. */
#define LOSS_SLOTS (1u << 24)

/* Acquisition: enough clicks to tell a frequency from chance in the whole search. */
#define ACQUIRE_CLICKS    128
#define ACQUIRE_SLOTS     (1u << 20)
#define ACQUIRE_SLOTS_MAX (1u << 25)
#define ACQUIRE_POWER     25.0 /* n R^2; exceeded by chance with exp(-25) at one frequency */
#define CONFIRM_WINDOWS   4

/*
 * Random walk of the frequency difference, variance per slot: 1e-9 over a window of 2^20
 * slots. Well above the drift of a crystal or a fibre, so that the filter never lags by more
 * than a hundredth of a slot, and low enough to bridge tens of milliseconds.
 */
#define WALK_PER_SLOT (1e-18 / WINDOW_SLOTS)

/* A lock is carried over an outage while the predicted phase is this sure, in slots. */
#define CARRY_SIGMA 0.1

static struct {
	float cos, sin;
} table[TABLE_SIZE];

__attribute__((constructor)) static void fill_table(void)
{
	for (int i = 0; i < TABLE_SIZE; i++) {
		table[i].cos = (float)cos(TWO_PI * i / TABLE_SIZE);
		table[i].sin = (float)sin(TWO_PI * i / TABLE_SIZE);
	}
}

/* Index of phase X, in turns, above -1000; the bias makes truncation round to nearest. */
static unsigned int turn(double x)
{
	return (unsigned int)(int64_t)((x + 1024) * TABLE_SIZE + 0.5) & (TABLE_SIZE - 1);
}

static double arrival(unsigned int sub)
{
	return (sub + 0.5) / 256;
}

static double phase_at(const struct phase_track *t, uint64_t slot)
{
	return t->phase + t->frequency * (double)(int64_t)(slot - t->ref);
}

static void window_start(struct phase_track *t, uint64_t slot)
{
	t->window = slot;
	t->count = 0;
	t->sum_cos = t->sum_sin = t->sum_slot = 0;
}

void phase_track_init(struct phase_track *t)
{
	memset(t, 0, sizeof(*t));
}

/* Prediction of the covariance over DT slots: constant frequency plus its random walk. */
static void predict(struct phase_track *t, double dt)
{
	double walk = WALK_PER_SLOT * fabs(dt);

	t->var_p += 2 * dt * t->cov_pf + dt * dt * (t->var_f + walk / 3);
	t->cov_pf += dt * (t->var_f + walk / 2);
	t->var_f += walk;
}

/* Start over; what is known of phase and frequency stays for the next acquisition. */
static void lose(struct phase_track *t)
{
	if (t->state == PHASE_TRACK_CONFIRMING)
		t->carry = false; /* they may come from a false acquisition */
	t->state = PHASE_TRACK_ACQUIRING;
	t->locked = false;
	t->coherence = 0;
	t->count = 0;
}

/* The phasor of clicks A to B of the acquisition at frequency F. */
static double phasor(const struct phase_track *t, unsigned int a, unsigned int b, double f,
                     double *angle)
{
	double c = 0, s = 0;

	for (unsigned int i = a; i < b; i++) {
		unsigned int k = turn(arrival(t->acquire_sub[i]) - f * t->acquire_slot[i]);

		c += table[k].cos;
		s += table[k].sin;
	}
	*angle = atan2(s, c) / TWO_PI;
	return c * c + s * s;
}

/*
 * The most coherent of the frequencies in range, a quarter turn over the window apart from
 * the truth at most, then a finer value from the phases of the window's halves.
 */
static bool search(const struct phase_track *t, double *f, double *phase, double *coherence)
{
	unsigned int n = t->count, half = n / 2;
	double span = t->acquire_slot[n - 1], step = 0.5 / span, best = -1, angle, first, second;
	double middle[2] = {0}, turns;
	int steps = (int)ceil(PHASE_TRACK_RANGE / step);

	for (int i = -steps; i <= steps; i++) {
		double power = phasor(t, 0, n, i * step, &angle);

		if (power > best) {
			best = power;
			*f = i * step;
		}
	}
	if (best / n < ACQUIRE_POWER)
		return false;
	for (unsigned int i = 0; i < n; i++)
		middle[i >= half] += t->acquire_slot[i];
	phasor(t, 0, half, *f, &first);
	phasor(t, half, n, *f, &second);
	turns = second - first;
	turns -= rint(turns);
	*f += turns / (middle[1] / (n - half) - middle[0] / half);
	*coherence = sqrt(phasor(t, 0, n, *f, phase)) / n;
	return fabs(*f) < PHASE_TRACK_RANGE + step;
}

/* Variance of the mean phase of N clicks of coherence R, in slots squared. */
static double phase_variance(double r, unsigned int n)
{
	return 1 / (2 * n * r * r * TWO_PI * TWO_PI);
}

static void acquired(struct phase_track *t, double f, double phase, double r)
{
	double span = t->acquire_slot[t->count - 1], var = phase_variance(r, t->count);
	double mean = 0, expected;
	uint64_t ref;

	for (unsigned int i = 0; i < t->count; i++)
		mean += t->acquire_slot[i];
	mean /= t->count;
	ref = t->window + (uint64_t)mean;
	phase += f * floor(mean);
	expected = phase_at(t, ref);
	predict(t, (double)(int64_t)(ref - t->ref));
	/* Of the phases a whole slot apart, the one nearest to where the last lock would be. */
	phase += rint(expected - phase);
	if (sqrt(t->var_p) > CARRY_SIGMA || fabs(phase - expected) > 0.25)
		t->carry = false;
	t->ref = ref;
	t->phase = phase;
	t->frequency = f;
	t->coherence = r;
	/* Halves of a uniform window: 16 var / span^2; doubled for the chosen grid point. */
	t->var_p = 2 * var;
	t->cov_pf = 0;
	t->var_f = 32 * var / (span * span);
	t->state = PHASE_TRACK_CONFIRMING;
	t->good = 0;
}

static void acquire(struct phase_track *t, uint64_t slot, unsigned int sub)
{
	double f = 0, phase = 0, r = 0;
	uint64_t span;

	if (t->count > 0 && slot - t->window > ACQUIRE_SLOTS_MAX)
		t->count = 0;
	if (t->count == 0)
		t->window = slot;
	span = slot - t->window;
	t->acquire_slot[t->count] = (uint32_t)span;
	t->acquire_sub[t->count++] = (uint8_t)sub;
	if (t->count < PHASE_TRACK_ACQUIRE && (t->count < ACQUIRE_CLICKS || span < ACQUIRE_SLOTS))
		return;
	if (span > 0 && search(t, &f, &phase, &r))
		acquired(t, f, phase, r);
	window_start(t, slot);
}

/* Move phase and frequency by the mean phase error E, measured at the window's mean slot. */
static void correct(struct phase_track *t, double e, double r)
{
	uint64_t at = t->window + (uint64_t)(t->sum_slot / t->count);
	double dt = (double)(int64_t)(at - t->ref), gain_p, gain_f, s;

	t->phase = phase_at(t, at);
	t->ref = at;
	predict(t, dt);
	s = t->var_p + phase_variance(r, t->count);
	gain_p = t->var_p / s;
	gain_f = t->cov_pf / s;
	t->phase += gain_p * e;
	t->frequency += gain_f * e;
	t->var_f -= gain_f * t->cov_pf;
	t->cov_pf -= gain_p * t->cov_pf;
	t->var_p -= gain_p * t->var_p;
}

/* End the window in front of SLOT. */
static void window_end(struct phase_track *t, uint64_t slot)
{
	double r = t->count > 0 ? hypot(t->sum_cos, t->sum_sin) / t->count : 0;
	double e = atan2(t->sum_sin, t->sum_cos) / TWO_PI;
	/* Clicks without a common phase exceed sqrt(6 / n) in 0.25 % of windows. */
	bool good = t->count > 0 && r > fmax(0.25, sqrt(6.0 / t->count));

	t->coherence = r;
	if (good && fabs(e) > 0.25) { /* nearer to the next slot than filter and drift explain */
		t->carry = false;
		lose(t);
		return;
	}
	if (good) {
		correct(t, e, r);
		t->last_good = t->last_click;
	}
	window_start(t, slot);
	if (t->state == PHASE_TRACK_LOCKED) {
		if (slot - t->last_good > LOSS_SLOTS)
			lose(t);
	} else if (!good) {
		lose(t);
	} else if (++t->good == CONFIRM_WINDOWS) {
		t->state = PHASE_TRACK_LOCKED;
		t->locked = true;
		t->epoch += !t->carry;
		t->carry = true;
	}
}

void phase_track_idle(struct phase_track *t, uint64_t slot)
{
	if (t->state != PHASE_TRACK_ACQUIRING && slot > t->window + WINDOW_SLOTS_MAX)
		window_end(t, slot);
}

bool phase_track_late(const struct phase_track *t, uint64_t slot, unsigned int sub, double *late)
{
	if (!t->locked || slot - t->last_good > LOSS_SLOTS)
		return false;
	*late = arrival(sub) - phase_at(t, slot);
	*late -= rint(*late);
	return true;
}

double phase_track_place(const struct phase_track *t, uint64_t slot)
{
	return phase_at(t, slot);
}

uint64_t phase_track_slot(const struct phase_track *t, uint64_t slot)
{
	int64_t late = (int64_t)rint(phase_at(t, slot));

	return late > 0 && (uint64_t)late > slot ? 0 : slot - (uint64_t)late;
}

bool phase_track_click(struct phase_track *t, uint64_t slot, unsigned int sub, uint64_t *slot_out)
{
	double late, nearest;
	unsigned int k;
	uint64_t out;

	if (t->state != PHASE_TRACK_ACQUIRING) {
		uint64_t length = slot - t->window;

		if (length >= WINDOW_SLOTS_MAX ||
		    (length >= WINDOW_SLOTS && t->count >= WINDOW_CLICKS))
			window_end(t, slot);
	}
	if (t->state == PHASE_TRACK_ACQUIRING) {
		acquire(t, slot, sub);
		return false;
	}
	late = arrival(sub) - phase_at(t, slot);
	nearest = rint(late);
	k = turn(late - nearest);
	t->sum_cos += table[k].cos;
	t->sum_sin += table[k].sin;
	t->sum_slot += (double)(slot - t->window);
	t->count++;
	t->last_click = slot;
	if (!t->locked)
		return false;
	out = slot + (uint64_t)(int64_t)nearest;
	if ((int64_t)out < 0)
		out = 0;
	if (out < t->last_out)
		out = t->last_out;
	*slot_out = t->last_out = out;
	return true;
}
