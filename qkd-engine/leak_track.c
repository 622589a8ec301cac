/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/leak_track.h"

#include <math.h>

#include "qkd-engine/finite_key.h"

#define QBER_FIRST 0.03 /* when nothing is known, with the weight of 20 outcomes */
#define FIRST      20.0
#define QBER_LEAST 0.002
#define QBER_MOST  0.25
/* A rate is taken to have drifted by so much of itself until the blocks say otherwise. */
#define DRIFT_FIRST 0.02
#define DRIFT_GAIN  0.1
/* The sample contradicts what came before when it is so many deviations off. */
#define SUDDEN 4.0
/*
 * Cascade: mean 1.031 to 1.048 at frames of 2^16 over 0.5 to 11 %, 1.043 at 2^14, somewhat more in
 * shorter ones; deviation of a block of n bits below 0.001 + 1 / sqrt(n), measured
 * for 20000 to 10^6 bits.
 */
#define F_FIRST        1.075
#define F_SPREAD_FIRST 0.005
#define F_GAIN         0.3
/* Frames seen to be right before the first one: none of 3 x 10^5 failed (bench cascade). */
#define FRAMES_FIRST 1e5
#define FAILED_FIRST 0.1
#define RESERVE_MOST 8

static double clamp(double v, double least, double most)
{
	return v < least ? least : v > most ? most : v;
}

/* Bernstein's inequality has a third of the exponent beside the normal deviation. */
static double most(double mean, double variance)
{
	return mean + LEAK_TRACK_SIGMAS * sqrt(variance) +
	       LEAK_TRACK_SIGMAS * LEAK_TRACK_SIGMAS / 6;
}

/* Mean and variance of the rate at intensity K. */
static void rate(const struct leak_track *t, const struct leak_sample *s, unsigned int k,
                 double *mean, double *variance)
{
	double n = (double)s->sampled[k], e = (double)s->errors[k];
	double q = clamp((e + FIRST * QBER_FIRST) / (n + FIRST), QBER_LEAST, QBER_MOST);
	double own, prior;

	/* So that four deviations are those of a Poisson count with the rate at their end. */
	own = (e + FIRST * QBER_FIRST + 8 + 4 * sqrt(e + 4)) / ((n + FIRST) * (n + FIRST));
	*mean = q;
	*variance = own;
	if (!t->known)
		return;
	prior = t->variance[k] + t->drift[k];
	/* The sample's own deviation, if the rate is what it was. */
	if (n > 0) {
		double r = clamp(t->rate[k], QBER_LEAST, QBER_MOST);
		double off = fabs(e / n - t->rate[k]);

		if (off > SUDDEN * sqrt(prior + r * (1 - r) / n) + SUDDEN / n)
			return;
		own = r * (1 - r) / n;
		q = e / n;
	} else {
		q = t->rate[k];
		own = prior;
	}
	*mean = (t->rate[k] * own + q * prior) / (own + prior);
	*variance = own * prior / (own + prior);
}

void leak_track_expect(const struct leak_track *t, const struct leak_sample *s,
                       struct leak_expect *out)
{
	double total = (double)(s->n[0] + s->n[1]), sum = 0, spread = 0;

	for (unsigned int k = 0; k < 2; k++) {
		double n = (double)s->n[k], q, v;

		rate(t, s, k, &q, &v);
		q = clamp(q, 0, QBER_MOST);
		v = n * q * (1 - q) + n * n * v;
		out->errors_most[k] = (uint64_t)ceil(clamp(most(n * q, v), 0, n));
		sum += n * q;
		spread += v;
	}
	out->qber = total > 0 ? clamp(sum / total, QBER_LEAST, QBER_MOST) : QBER_FIRST;
	out->qber_most = total > 0 ? clamp(most(sum, spread) / total, QBER_LEAST, 0.5) : 0.5;
}

double leak_track_f_most(const struct leak_track *t, uint64_t bits)
{
	double least = 0.001 + 1 / sqrt((double)bits);
	double f = t->f_known ? t->f : F_FIRST;
	double spread = t->f_known ? 1.25 * t->f_spread : F_SPREAD_FIRST;

	return f + LEAK_TRACK_SIGMAS * (spread > least ? spread : least);
}

unsigned int leak_track_reserve(const struct leak_track *t, unsigned int frames,
                                uint64_t frame_bits, double secret)
{
	double fails = frames * (t->failed + FAILED_FIRST) / (t->frames + FRAMES_FIRST);
	double exactly = exp(-fails), more = 1 - exactly;
	unsigned int r = 0;

	/* Poisson: room for one more while what is lost without is more than it costs. */
	while (r < RESERVE_MOST && r < frames && more * secret > (double)frame_bits) {
		r++;
		exactly *= fails / r;
		more -= exactly;
	}
	return r;
}

static void learn_f(struct leak_track *t, const uint64_t n[2], const uint64_t m[2], uint64_t alice)
{
	double total = (double)(n[0] + n[1]);
	double entropy = total * binary_entropy((double)(m[0] + m[1]) / total);
	double f = entropy > 0 ? (double)alice / entropy : 0;

	if (!(f >= 0.5 && f <= 3))
		return;
	if (!t->f_known) {
		t->f = f;
		t->f_spread = 0;
		t->f_known = true;
		return;
	}
	t->f_spread += F_GAIN * (fabs(f - t->f) - t->f_spread);
	t->f += F_GAIN * (f - t->f);
}

void leak_track_errors(struct leak_track *t, const uint64_t n[2], const uint64_t m[2],
                       uint64_t alice)
{
	for (unsigned int k = 0; k < 2; k++) {
		double bits = (double)n[k], q, v, off;

		if (n[k] == 0)
			continue;
		q = clamp((double)m[k] / bits, 0, 1);
		v = clamp(q, 1 / bits, 0.5) * (1 - clamp(q, 0, 0.5)) / bits;
		if (!t->known) {
			t->drift[k] = DRIFT_FIRST * q * DRIFT_FIRST * q;
		} else {
			/* How much the rate moved beyond what chance moves it. */
			off = (q - t->rate[k]) * (q - t->rate[k]) - v - t->variance[k];
			t->drift[k] += DRIFT_GAIN * (off - t->drift[k]);
			if (off > 16 * (v + t->variance[k] + t->drift[k]))
				t->drift[k] = off / 4;
			t->drift[k] = t->drift[k] > 0 ? t->drift[k] : 0;
		}
		t->rate[k] = q;
		t->variance[k] = v;
	}
	t->known = true;
	t->missed = 0;
	if (n[0] + n[1] > 0)
		learn_f(t, n, m, alice);
}

void leak_track_sample(struct leak_track *t, const struct leak_sample *s)
{
	double q[2], v[2];

	for (unsigned int k = 0; k < 2; k++)
		rate(t, s, k, &q[k], &v[k]);
	for (unsigned int k = 0; k < 2; k++) {
		if (!t->known)
			t->drift[k] = DRIFT_FIRST * q[k] * DRIFT_FIRST * q[k];
		t->rate[k] = q[k];
		t->variance[k] = v[k];
	}
	t->known = true;
}

void leak_track_frames(struct leak_track *t, unsigned int frames, unsigned int failed)
{
	t->frames += frames;
	t->failed += failed;
}

void leak_track_missed(struct leak_track *t)
{
	/* Once may be chance; twice, and the blocks before say nothing of these any more. */
	if (t->missed++ > 0)
		t->known = false;
	for (unsigned int k = 0; k < 2; k++)
		t->drift[k] = 4 * t->drift[k] + t->variance[k];
	t->f_spread = 2 * t->f_spread + 0.01;
	if (!t->f_known) {
		t->f = F_FIRST;
		t->f_known = true;
	}
}
