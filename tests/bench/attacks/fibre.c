/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/fibre.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

#define PULSE_NS    500
#define PS_PER_NS   98 /* of a pulse, a sample: control/otdr.c */
#define AVERAGES    32768
#define RANGE       1.2 /* of the fibre, so that noise behind it is seen */
#define KM_PS       (299792.458 * 1e-12)
#define BASELINE    16
#define INTERVAL_NS (60 * NS_PER_S)
#define STRETCH     5e-6 /* of the fibre, from trace to trace */
#define OTDR_NM     1625

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_attacks: %s\n", why);
	exit(1);
}

static double trace_s(const struct fibre_otdr *o)
{
	return (double)o->set.points * o->set.spacing_ps * 1e-12 * o->set.averages;
}

struct trace fibre_otdr_trace(struct fibre_otdr *o, const struct otdr_fibre *fibre)
{
	struct otdr_fibre now = *fibre;
	struct trace t, like = {.wavelength_nm = OTDR_NM,
	                        .group_index = fibre->group_index,
	                        .backscatter_db = fibre->backscatter_db,
	                        .spacing_ns = o->set.spacing_ps / 1000.0,
	                        .pulse_ns = o->set.pulse_ns,
	                        .response_ns = otdr_response_ns(o->set.pulse_ns),
	                        .averages = o->set.averages,
	                        .seconds = (uint32_t)trace_s(o),
	                        .simulated = true};

	if (trace_alloc(&t, &like, o->set.points) < 0)
		fail("out of memory");
	now.stretch += STRETCH * rng_gauss(&o->rng);
	otdr_trace(&now, &o->instrument, &o->set, &o->rng, o->work);
	memcpy(t.watts, o->work, o->set.points * sizeof(*o->work));
	return t;
}

void fibre_otdr_init(struct fibre_otdr *o, const struct otdr_fibre *fibre, double width_hz,
                     uint64_t seed)
{
	struct trace traces[BASELINE];
	double range_ps = RANGE * fibre->length_km * 2 * fibre->group_index / KM_PS;
	struct err err = {0};

	memset(o, 0, sizeof(*o));
	rng_init_seed(&o->rng, seed);
	snprintf(o->otdr.resource, sizeof(o->otdr.resource), "otdr");
	o->instrument = otdr_instrument_default;
	if (width_hz > 0)
		o->instrument.width_hz = width_hz;
	o->set.pulse_ns = PULSE_NS;
	o->set.spacing_ps = PS_PER_NS * PULSE_NS;
	o->set.points = (uint32_t)(range_ps / o->set.spacing_ps);
	o->set.averages = AVERAGES;
	o->work = malloc(2 * o->set.points * sizeof(*o->work));
	if (o->work == NULL)
		fail("out of memory");
	for (unsigned int i = 0; i < BASELINE; i++)
		traces[i] = fibre_otdr_trace(o, fibre);
	if (trace_baseline_make(&o->otdr.baseline, traces, BASELINE, &err) < 0)
		fail(err.text);
	for (unsigned int i = 0; i < BASELINE; i++)
		trace_free(&traces[i]);
	o->otdr.has_baseline = true;
	trace_watch_reset(&o->otdr.watch);
}

void fibre_otdr_free(struct fibre_otdr *o)
{
	trace_baseline_free(&o->otdr.baseline);
	free(o->work);
}

void fibre_otdr_begin(struct fibre_otdr *o, uint64_t now_ns, uint64_t seed)
{
	rng_init_seed(&o->rng, seed);
	o->ready_ns = 0;
	o->next_ns = now_ns + (uint64_t)(rng_uniform(&o->rng) * INTERVAL_NS);
}

void fibre_otdr_poll(struct fibre_otdr *o, const struct otdr_fibre *fibre, uint64_t now_ns)
{
	struct err err = {0};
	struct trace t;

	if (now_ns >= o->next_ns) {
		o->ready_ns = o->next_ns + (uint64_t)(trace_s(o) * NS_PER_S);
		o->next_ns += INTERVAL_NS;
	}
	if (o->ready_ns == 0 || now_ns < o->ready_ns)
		return;
	o->ready_ns = 0;
	t = fibre_otdr_trace(o, fibre);
	if (trace_compare(&o->otdr.baseline, &t, &o->otdr.changes, &err) < 0)
		fail(err.text);
	trace_free(&t);
	o->otdr.traces++;
	otdr_alarms(&o->otdr);
}
