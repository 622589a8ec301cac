/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/otdr_trace.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define POINTS 12000

static double watts[2 * POINTS];

static bool near(double got, double want, double by)
{
	bool ok = fabs(got - want) <= by;

	if (!ok)
		printf("got %.6g, want %.6g +- %.2g\n", got, want, by);
	return ok;
}

/* No noise, no drift, no speckle. */
static struct otdr_instrument quiet(void)
{
	struct otdr_instrument i = otdr_instrument_default;

	i.nep_w_rthz = 0;
	i.width_hz = 1e18;
	i.launch_db = i.slope_db_km = i.path_loss_db = 0;
	return i;
}

static struct otdr_fibre bare(double km)
{
	return (struct otdr_fibre){.length_km = km,
	                           .loss_db_per_km = 0.2,
	                           .group_index = 1.468,
	                           .backscatter_db = -82};
}

static double km_of(const struct otdr_settings *s, uint32_t i)
{
	return 299792.458 / 1.468 * s->spacing_ps * 1e-12 / 2 * i;
}

static uint32_t point_at(const struct otdr_settings *s, double km)
{
	return (uint32_t)(km / km_of(s, 1));
}

static double db(double w)
{
	return 10 * log10(w);
}

/* -72, -62, -52, -42 dB of the launch for 10 ns to 10 us. */
static void test_backscatter_level(void)
{
	struct otdr_instrument i = quiet();
	struct otdr_fibre f = bare(1000);
	struct rng rng;

	rng_init_seed(&rng, 1);
	f.loss_db_per_km = 0;
	i.peak_w = 0.01;
	for (uint32_t ns = 10, n = 0; ns <= 10000; ns *= 10, n++) {
		struct otdr_settings s = {ns, 10000, POINTS, 1};

		otdr_trace(&f, &i, &s, &rng, watts);
		CU_ASSERT(near(db(watts[POINTS - 1] / i.peak_w), -72 + 10.0 * n, 1e-3));
	}
}

/* Two-way: 0.2 dB/km make 0.4 dB/km of power, a splice of 0.1 dB makes 0.2 dB. */
static void test_slope_and_splice(void)
{
	struct otdr_settings s = {500, 49000, POINTS, 1};
	struct otdr_instrument i = quiet();
	struct otdr_fibre f = bare(50);
	struct rng rng;

	rng_init_seed(&rng, 1);
	CU_ASSERT_EQUAL(otdr_fibre_add(&f, &(struct otdr_point){30, 0.1, 0}), 0);
	otdr_trace(&f, &i, &s, &rng, watts);
	CU_ASSERT(near(db(watts[point_at(&s, 10)] / watts[point_at(&s, 20)]), 4, 0.003));
	CU_ASSERT(near(db(watts[point_at(&s, 25)] / watts[point_at(&s, 35)]), 4.2, 0.003));
	/* The step is as long as the pulse, 51 m, and the receiver's response. */
	CU_ASSERT(near(db(watts[point_at(&s, 29.99)] / watts[point_at(&s, 30.2)]), 0.2 + 0.084,
	               0.006));
	CU_ASSERT(near(db(watts[point_at(&s, 29.99)] / watts[point_at(&s, 30.025)]), 0.05, 0.04));
	/* Beyond the end there is nothing. */
	CU_ASSERT(watts[point_at(&s, 50.5)] < 1e-4 * watts[point_at(&s, 49.9)]);
}

/* R dB of the launch, less the way there and back; and as long as the pulse. */
static void test_reflection(void)
{
	struct otdr_settings s = {500, 49000, POINTS, 1};
	struct otdr_instrument i = quiet();
	struct otdr_fibre f = bare(50);
	struct rng rng;
	uint32_t at = point_at(&s, 20);
	unsigned int above = 0;
	double top = 0;

	rng_init_seed(&rng, 1);
	otdr_fibre_add(&f, &(struct otdr_point){20, 0, -40});
	otdr_trace(&f, &i, &s, &rng, watts);
	for (uint32_t k = at; k < at + 20; k++)
		top = watts[k] > top ? watts[k] : top;
	CU_ASSERT(near(db(top / i.peak_w), -40 - 8, 0.1));
	for (uint32_t k = at - 100; k < at + 100; k++)
		above += watts[k] > 0.5 * top;
	CU_ASSERT(near(above, 500e3 / 49000, 2));
	/* A dead zone: it takes more than the pulse until the backscatter shows again. */
	CU_ASSERT(watts[at + 18] > 1.1 * watts[at + 60]);

	i.saturation_w = 1e-7;
	otdr_trace(&f, &i, &s, &rng, watts);
	CU_ASSERT(watts[at + 10] <= 1e-7);
}

static double deviation(const double *x, uint32_t n, double *mean)
{
	double sum = 0, square = 0;

	for (uint32_t k = 0; k < n; k++)
		sum += x[k];
	*mean = sum / n;
	for (uint32_t k = 0; k < n; k++)
		square += (x[k] - *mean) * (x[k] - *mean);
	return sqrt(square / n);
}

/* Four times the averages: half the noise, 1.5 dB of range. */
static void test_noise(void)
{
	struct otdr_settings s = {500, 49000, POINTS, 1000};
	struct otdr_instrument i = otdr_instrument_default;
	struct otdr_fibre f = bare(5);
	double mean, d1, d4, range;
	struct rng rng;

	rng_init_seed(&rng, 2);
	otdr_trace(&f, &i, &s, &rng, watts);
	d1 = deviation(watts + 2000, POINTS - 2000, &mean);
	CU_ASSERT(near(d1 / otdr_noise_w(&i, &s), 1, 0.05));
	CU_ASSERT(fabs(mean) < 0.1 * d1);
	s.averages = 4000;
	otdr_trace(&f, &i, &s, &rng, watts);
	d4 = deviation(watts + 2000, POINTS - 2000, &mean);
	CU_ASSERT(near(d1 / d4, 2, 0.1));
	/* Half of P + backscatter - NEP, and the averages: here -100 dBm in 1 Hz. */
	range = 0.5 * (db(watts[20]) - db(d4));
	CU_ASSERT(near(range,
	               0.5 * (20 - 3 - 82 + 10 * log10(500) + 100 - 5 * log10(0.25e9 / 125) +
	                      5 * log10(4000)),
	               0.1));
}

/* 1 / sqrt(2 W B), the same however long one averages, over one pulse's length. */
static void test_coherent_rayleigh_noise(void)
{
	struct otdr_instrument i = otdr_instrument_default;
	struct otdr_fibre f = bare(1000);
	struct rng rng;

	rng_init_seed(&rng, 3);
	f.loss_db_per_km = 0;
	i.launch_db = i.slope_db_km = i.nep_w_rthz = 0;
	i.width_hz = 1e10;
	for (uint32_t ns = 200; ns <= 3200; ns *= 4) {
		struct otdr_settings s = {ns, 49000, POINTS, 1 << 30};
		double mean, d, c = 0;
		uint32_t pulse = ns * 1000 / 49000;

		otdr_trace(&f, &i, &s, &rng, watts);
		d = deviation(watts + 200, POINTS - 200, &mean) / mean;
		/* The receiver's response takes a quarter of the variance or less. */
		CU_ASSERT(d < 1.1 / sqrt(2e-9 * ns * i.width_hz));
		CU_ASSERT(d > 0.75 / sqrt(2e-9 * ns * i.width_hz));
		for (uint32_t k = 200; k < POINTS - 4 * pulse; k++)
			c += (watts[k] / mean - 1) * (watts[k + 3 * pulse] / mean - 1);
		CU_ASSERT(near(c / (POINTS - 200 - 4 * pulse) / d / d, 0, 0.25));
	}
}

static void test_laid_fibre(void)
{
	struct otdr_fibre f;
	double loss = 0;
	struct rng rng;

	rng_init_seed(&rng, 4);
	otdr_fibre_lay(&f, 50, 0.21, &rng);
	CU_ASSERT(f.points >= 10 && f.points <= 16);
	for (unsigned int i = 0; i < f.points; i++) {
		CU_ASSERT(i == 0 || f.point[i].km > f.point[i - 1].km + 2);
		CU_ASSERT(f.point[i].km < 50);
		loss += f.point[i].loss_db;
	}
	CU_ASSERT(loss > 0.5 && loss < 2);
	for (unsigned int i = f.points; i < OTDR_POINTS_OF_FIBRE; i++)
		CU_ASSERT_EQUAL(otdr_fibre_add(&f, &(struct otdr_point){1, 0, 0}), 0);
	CU_ASSERT(otdr_fibre_add(&f, &(struct otdr_point){1, 0, 0}) < 0);
}

UNIT_MAIN(UNIT(test_backscatter_level), UNIT(test_slope_and_splice), UNIT(test_reflection),
          UNIT(test_noise), UNIT(test_coherent_rayleigh_noise), UNIT(test_laid_fibre))
