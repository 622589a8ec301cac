/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/decoy_share.h"
#include "drivers/watch/decoy.h"
#include "tests/unit/unit.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "drivers/watch/monitors.h"

#define MU   0.5
#define NU   0.1
#define P_MU 0.7
#define Y0   2e-6

static double gain(double mu, double eta)
{
	return 1 - (1 - Y0) * exp(-eta * mu);
}

static uint32_t block(struct watch_decoy *w, double pulses, double q_mu, double q_nu)
{
	return watch_decoy_add(w, number_binomial((uint64_t)(pulses * P_MU), q_mu),
	                       number_binomial((uint64_t)(pulses * (1 - P_MU)), q_nu));
}

/* Honest links of any length, with as much drift of the ratio as is allowed for. */
static void test_honest(void)
{
	for (double km = 0; km <= 150; km += 10) {
		double eta = 0.1 * pow(10, -0.02 * km);
		struct watch_decoy w;

		watch_decoy_init(&w, MU, NU, P_MU, 1 - P_MU);
		for (unsigned int i = 0; i < 2000; i++)
			CU_ASSERT_EQUAL(block(&w, 1e7, gain(MU, eta),
			                      gain(NU * (1 - 0.9 * DECOY_TOLERANCE), eta)),
			                0);
	}
}

/* The decoy's gain as the reference has it for photon-number splitting at 25 to 100 km. */
static void test_photon_number_splitting(void)
{
	static const struct {
		double km, left;
	} rows[] = {{25, 0.646}, {50, 0.231}, {75, 0.235}, {100, 0.245}};

	for (unsigned int i = 0; i < 4; i++) {
		double eta = 0.1 * pow(10, -0.02 * rows[i].km);

		for (unsigned int r = 0; r < 50; r++) {
			struct watch_decoy w;

			watch_decoy_init(&w, MU, NU, P_MU, 1 - P_MU);
			/* 10^7 decoy pulses. */
			CU_ASSERT_EQUAL(block(&w, 1e7 / (1 - P_MU), gain(MU, eta),
			                      rows[i].left * gain(NU, eta)),
			                1u << WATCH_DECOY);
		}
	}
}

static void test_weak(void)
{
	double eta = 0.1 * pow(10, -0.02 * 50);
	struct watch_decoy w;
	unsigned int blocks = 0;

	watch_decoy_init(&w, MU, NU, P_MU, 1 - P_MU);
	while (blocks < 1000 && block(&w, 1e7, gain(MU, eta), 0.9 * gain(NU, eta)) == 0)
		blocks++;
	CU_ASSERT(blocks < 100);
}

static void test_vacuum(void)
{
	struct watch_decoy w;

	watch_decoy_init(&w, MU, 0, P_MU, 1 - P_MU);
	CU_ASSERT_EQUAL(watch_decoy_add(&w, 100000, 0), 0);
	watch_decoy_init(&w, MU, NU, P_MU, 1 - P_MU);
	CU_ASSERT_EQUAL(watch_decoy_add(&w, 0, 0), 0);
}

UNIT_MAIN(UNIT(test_honest), UNIT(test_photon_number_splitting), UNIT(test_weak), UNIT(test_vacuum))
