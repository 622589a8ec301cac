/* SPDX-License-Identifier: BSD-3-Clause */

/* Traces of a modelled fibre, for what reads traces. */

#ifndef TESTS_UNIT_DRIVERS_OTDR_RIG_H
#define TESTS_UNIT_DRIVERS_OTDR_RIG_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/model/otdr_trace.h"
#include "drivers/trace.h"

struct otdr_rig {
	struct rng rng;
	struct otdr_fibre fibre;
	struct otdr_instrument instrument;
	struct otdr_settings set;
};

/* Range enough for the fibre and a fifth of noise, as a gateway asks for. */
static inline void otdr_rig_init(struct otdr_rig *r, double km, uint32_t pulse_ns, uint64_t seed)
{
	double range_ps = 1.2 * km * 2 * 1.468 / 299792.458 * 1e12;

	memset(r, 0, sizeof(*r));
	rng_init_seed(&r->rng, seed);
	otdr_fibre_lay(&r->fibre, km, 0.21, &r->rng);
	r->instrument = otdr_instrument_default;
	r->set.pulse_ns = pulse_ns;
	r->set.spacing_ps = 98 * pulse_ns;
	r->set.points = (uint32_t)(range_ps / r->set.spacing_ps);
	r->set.averages = 32768;
}

/* One more trace, of a fibre that is a little longer or shorter each time. */
static inline struct trace otdr_rig_trace(struct otdr_rig *r)
{
	struct trace t, like = {.wavelength_nm = 1625,
	                        .group_index = r->fibre.group_index,
	                        .backscatter_db = r->fibre.backscatter_db,
	                        .spacing_ns = r->set.spacing_ps / 1000.0,
	                        .pulse_ns = r->set.pulse_ns,
	                        .response_ns = otdr_response_ns(r->set.pulse_ns),
	                        .averages = r->set.averages,
	                        .seconds = 20,
	                        .simulated = true};
	double *work = malloc(2 * r->set.points * sizeof(*work));

	if (work == NULL || trace_alloc(&t, &like, r->set.points) < 0)
		abort();
	r->fibre.stretch = 5e-6 * rng_gauss(&r->rng);
	otdr_trace(&r->fibre, &r->instrument, &r->set, &r->rng, work);
	memcpy(t.watts, work, r->set.points * sizeof(*work));
	free(work);
	return t;
}

static inline bool otdr_near(double got, double want, double by)
{
	bool ok = fabs(got - want) <= by;

	if (!ok)
		printf("got %.6g, want %.6g +- %.2g\n", got, want, by);
	return ok;
}

#endif
