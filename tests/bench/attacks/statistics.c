/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers/watch/loss.h"
#include "drivers/watch/monitors.h"
#include "tests/bench/attacks/fibre.h"

#define LOSS_DB_KM 0.21 /* at 1625 nm */
#define NEAR_KM    0.02
#define WINDOW_S   5 /* drivers/watch/loss.c */
#define STEP_S     1
/* The laser's bias, which the power monitor's reading follows: shm_monitor.c of the model. */
#define BIAS_SD      4.3e-4
#define BIAS_S       60.0
#define POWER_NW     8000
#define LEARN_S      600
#define FANO_WINDOWS 4000
#define FANO_LEAST   100
#define FANO_S       0.1
#define YEAR_S       31557600.0

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_attacks: %s\n", why);
	exit(1);
}

static void lay(struct otdr_fibre *fibre, double km, uint64_t seed)
{
	struct rng rng;

	rng_init_seed(&rng, seed);
	otdr_fibre_lay(fibre, km, LOSS_DB_KM, &rng);
}

static void compare(struct fibre_otdr *o, const struct otdr_fibre *fibre)
{
	struct trace t = fibre_otdr_trace(o, fibre);
	struct err err = {0};

	if (trace_compare(&o->otdr.baseline, &t, &o->otdr.changes, &err) < 0)
		fail(err.text);
	trace_free(&t);
}

static void add_trace(struct fibre_otdr *o, const struct otdr_fibre *fibre,
                      struct otdr_statistics *out)
{
	struct trace_baseline *b = &o->otdr.baseline;
	struct trace t = fibre_otdr_trace(o, fibre);
	struct trace_change found[TRACE_CHANGES_MAX];
	struct err err = {0};

	/* All cells' statistics, before those that are reported are taken out of the trace. */
	trace_statistics(b, &t, 1 + 1.0 / b->traces);
	for (uint32_t c = 0; c < b->cells; c++) {
		double z = b->statistic[c] / b->sigma[c];

		out->statistics++;
		out->variance += z * z;
		out->kurtosis += z * z * z * z;
		out->largest = fmax(out->largest, fabs(z));
		out->sigma_db = fmax(out->sigma_db, b->sigma[c]);
		out->above_more += fabs(z) >= TRACE_K_MORE;
		out->above_one += fabs(z) >= TRACE_K_ONE;
	}
	if (trace_compare(b, &t, &o->otdr.changes, &err) < 0)
		fail(err.text);
	out->reported += trace_watch_report(&o->otdr.watch, &o->otdr.changes, found) > 0;
	out->traces++;
	trace_free(&t);
}

void statistics_otdr(double count, double km, uint64_t seed, struct otdr_statistics *out)
{
	struct otdr_fibre fibre;
	struct fibre_otdr o;
	double begin = cpu_s();

	memset(out, 0, sizeof(*out));
	lay(&fibre, km, seed);
	fibre_otdr_init(&o, &fibre, 0, seed + 1);
	while (out->statistics < count)
		add_trace(&o, &fibre, out);
	out->variance /= out->statistics;
	out->kurtosis /= out->statistics * out->variance * out->variance;
	out->cpu_s = cpu_s() - begin;
	fibre_otdr_free(&o);
}

/* Somewhere that no zone covers. */
static double anywhere(struct fibre_otdr *o)
{
	const struct trace_baseline *b = &o->otdr.baseline;

	for (;;) {
		double from = b->zones[0].to_km, to = b->zones[b->zone_count - 1].from_km;
		double km = from + (to - from) * rng_uniform(&o->rng);
		bool dead = false;

		for (unsigned int k = 0; k < b->zone_count; k++)
			dead |= km > b->zones[k].from_km && km < b->zones[k].to_km;
		if (!dead)
			return km;
	}
}

static const struct trace_change *most(const struct fibre_otdr *o)
{
	return o->otdr.changes.count > 0 ? &o->otdr.changes.list[0] : NULL;
}

/* Three traces of one tap: the first alone, and any two of them at one place. */
static void add_tap(struct fibre_otdr *o, const struct otdr_fibre *fibre, double km,
                    struct otdr_taps *out)
{
	unsigned int agree = 0;

	out->taps++;
	for (unsigned int i = 0; i < 3; i++) {
		const struct trace_change *c;

		compare(o, fibre);
		c = most(o);
		agree += c != NULL && c->sigmas >= TRACE_K_MORE && fabs(c->km - km) < 0.5;
		if (i > 0)
			continue;
		if (c != NULL && c->sigmas < out->least_sigmas)
			out->least_sigmas = c->sigmas;
		if (c == NULL || c->sigmas < TRACE_K_ONE)
			continue;
		out->one++;
		out->within_20m += fabs(c->km - km) <= NEAR_KM;
		out->furthest_m = fmax(out->furthest_m, 1e3 * fabs(c->km - km));
		out->rms_m += 1e6 * (c->km - km) * (c->km - km);
		out->sigma_db = fmax(out->sigma_db, c->sd_db);
	}
	out->of_three += agree >= 2;
}

void statistics_taps(unsigned int taps, double loss_db, double width_hz, double km, uint64_t seed,
                     struct otdr_taps *out)
{
	struct otdr_fibre fibre;
	struct fibre_otdr o;

	memset(out, 0, sizeof(*out));
	out->least_sigmas = INFINITY;
	lay(&fibre, km, seed);
	fibre_otdr_init(&o, &fibre, width_hz, seed + 1);
	for (unsigned int i = 0; i < taps; i++) {
		struct otdr_fibre tapped = fibre;
		double at = anywhere(&o);

		if (otdr_fibre_add(&tapped, &(struct otdr_point){.km = at, .loss_db = loss_db}) < 0)
			fail("a fibre of too many points");
		add_tap(&o, &tapped, at, out);
	}
	out->rms_m = out->one > 0 ? sqrt(out->rms_m / out->one) : 0;
	fibre_otdr_free(&o);
}

size_t statistics_zones(double km, uint64_t seed, char *buf, size_t n)
{
	struct otdr_fibre fibre;
	struct fibre_otdr o;
	size_t used = 0;

	lay(&fibre, km, seed);
	fibre_otdr_init(&o, &fibre, 0, seed + 1);
	for (unsigned int k = 0; k < o.otdr.baseline.zone_count && used < n; k++) {
		const struct trace_zone *z = &o.otdr.baseline.zones[k];

		used += (size_t)snprintf(
		        buf + used, n - used, "%s{\"from_km\":%.3f,\"to_km\":%.3f,\"why\":\"%s\"}",
		        k > 0 ? "," : "[", z->from_km, z->to_km, trace_zone_name(z->why));
	}
	fibre_otdr_free(&o);
	if (used + 2 > n)
		fail("a fibre of too many zones");
	return used + (size_t)snprintf(buf + used, n - used, "]");
}

/* Clicks in windows of FANO_S on the same link at rest. */
static double fano(const struct link_params *p, const struct optics_source *source,
                   unsigned int windows, uint64_t seed)
{
	static struct click batch[1024];
	struct light light = {.mode = CARD_TX_MODE_QKD, .source = *source};
	struct optics_link still = p->optics;
	static struct clicks c;
	double sum = 0, square = 0, mean;
	struct rng rng;

	still.drift = *drift_find("none");
	rng_init_seed(&rng, seed);
	clicks_init(&c, &still, &rng);
	clicks_set_receiver(&c, true, p->holdoff_ns * 1e6 / still.slot_fs, 0, 256);
	if (clicks_set_light(&c, &light) < 0)
		fail("the light is refused");
	for (unsigned int i = 0; i < windows; i++) {
		uint64_t until = c.n + (uint64_t)(FANO_S * 1e15 / still.slot_fs);
		double n = 0;

		while (c.n < until)
			n += (double)clicks_run(&c, until, batch, 1024);
		sum += n;
		square += n * n;
	}
	mean = sum / windows;
	return (square / windows - mean * mean) / mean;
}

static void count_alarms(uint32_t over, struct loss_statistics *out)
{
	out->loss += over >> WATCH_LOSS & 1;
	out->gain += over >> WATCH_GAIN & 1;
	out->drifted += over >> WATCH_LOSS_DRIFT & 1;
}

void statistics_loss(double count, const struct link_params *p, uint64_t seed,
                     struct loss_statistics *out)
{
	struct optics_source source = {.mu1 = p->source.mu[0],
	                               .mu2 = p->source.mu[1],
	                               .p_mu1 = p->source.p[0],
	                               .p_z = p->p_z};
	double begin = cpu_s(), end = LEARN_S + count * WINDOW_S, bias = 0;
	double keep = exp(-STEP_S / BIAS_S);
	struct drift drift;
	struct watch_loss w;
	struct rng rng;

	memset(out, 0, sizeof(*out));
	out->fano = fano(p, &source,
	                 (unsigned int)fmin(fmax(count / 100, FANO_LEAST), FANO_WINDOWS), seed);
	rng_init_seed(&rng, seed);
	drift_init(&drift, &p->optics.drift, rng_next(&rng));
	watch_loss_init(&w);
	for (double t = 0; t < end; t += STEP_S) {
		struct optics_source now = source;
		struct optics_link link = p->optics;
		struct physics_expect e;
		double n, power = POWER_NW * (1 + drift.intensity), live;
		uint32_t over;

		physics_drifted(&drift, &link, &now);
		physics_expect(&link, &now, p->holdoff_ns * 1e-9, &e);
		n = e.clicks_s * STEP_S;
		n = floor(n + sqrt(n * out->fano) * rng_gauss(&rng) + rng_uniform(&rng));
		live = STEP_S * 1e15 / link.slot_fs - n * p->holdoff_ns * 1e6 / link.slot_fs;
		bias = keep * bias + BIAS_SD * sqrt(1 - keep * keep) * rng_gauss(&rng);
		power *= 1 + bias;
		over = watch_loss_add(&w, (uint64_t)n, live, power, STEP_S);
		if (t >= LEARN_S)
			count_alarms(over, out);
		drift_step(&drift, STEP_S);
	}
	out->windows = count;
	out->years = count * WINDOW_S / YEAR_S;
	out->cpu_s = cpu_s() - begin;
}
