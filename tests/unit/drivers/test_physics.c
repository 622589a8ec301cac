/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/physics.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static bool near(double got, double want, double relative)
{
	bool ok = fabs(got - want) <= relative * fabs(want);

	if (!ok)
		printf("got %.8g, want %.8g\n", got, want);
	return ok;
}

static void test_afterpulse_share(void)
{
	struct optics_link link = optics_link_default;

	link.afterpulse = 0.01;
	CU_ASSERT(near(physics_afterpulse_left(&link, 6.4e6, 1e-6) * exp(1) *
	                       physics_afterpulse_yield(6.4e6, 1e-6, 1e-6),
	               0.01 / 1.01, 1e-9));
	/* A time constant far below the hold-off: what is left follows at once. */
	link.afterpulse_tau_ns = 1;
	CU_ASSERT(near(physics_afterpulse_left(&link, 6.4e6, 1e-6), 0.01 / 1.01 * 1.0064, 1e-6));
	link.afterpulse_tau_ns = 1e6;
	CU_ASSERT_EQUAL(physics_afterpulse_left(&link, 1e9, 1e-6), 1);
	link.afterpulse = 0;
	CU_ASSERT_EQUAL(physics_afterpulse_left(&link, 6.4e6, 1e-6), 0);
}

static void test_demonstration_link(void)
{
	struct optics_source source = {.mu1 = 0.3, .mu2 = 0.1, .p_mu1 = 0.3, .p_z = 0.8};
	struct physics_expect e;

	physics_expect(&optics_link_default, &source, 1e-6, &e);
	CU_ASSERT(near(physics_transmittance(&optics_link_default), 0.0399052, 1e-5));
	CU_ASSERT(near(e.clicks_s, 8.6e5, 0.02));
	CU_ASSERT(near(e.qber_z, 0.015, 0.01));
	CU_ASSERT(e.qber_x > e.qber_z && near(e.qber_x, 0.0156, 0.02));
	/* mu1 makes three times the clicks of mu2 a pulse: 0.9 / (0.9 + 0.7). */
	CU_ASSERT(near(e.p_mu1, 0.5625, 0.01));
}

UNIT_MAIN(UNIT(test_afterpulse_share), UNIT(test_demonstration_link))
