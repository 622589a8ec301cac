/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/trace_change.h"
#include "tests/unit/drivers/otdr_rig.h"
#include "tests/unit/unit.h"

#include <errno.h>

static void baseline(struct otdr_rig *r, struct trace_baseline *b, unsigned int count)
{
	struct trace traces[TRACE_BASELINE_MAX] = {0};
	struct err err = {0};

	for (unsigned int k = 0; k < count; k++)
		traces[k] = otdr_rig_trace(r);
	CU_ASSERT_EQUAL_FATAL(trace_baseline_make(b, traces, count, &err), 0);
	for (unsigned int k = 0; k < count; k++)
		trace_free(&traces[k]);
}

static void compare(struct otdr_rig *r, struct trace_baseline *b, struct trace_changes *out)
{
	struct trace t = otdr_rig_trace(r);
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(trace_compare(b, &t, out, &err), 0);
	trace_free(&t);
}

static double first_km(const struct trace_baseline *b)
{
	return b->zones[0].to_km;
}

static double last_km(const struct trace_baseline *b)
{
	return b->zones[b->zone_count - 1].from_km;
}

/* Somewhere outside the zones that are listed. */
static double anywhere(struct otdr_rig *r, const struct trace_baseline *b)
{
	for (;;) {
		double km = first_km(b) + (last_km(b) - first_km(b)) * rng_uniform(&r->rng);
		bool dead = false;

		for (unsigned int k = 0; k < b->zone_count; k++)
			dead |= km > b->zones[k].from_km && km < b->zones[k].to_km;
		if (!dead)
			return km;
	}
}

/*
 * 0.1 dB on 50 km: in one trace at 6.2 deviations, within 20 m, and the deviation of the
 * difference at most 0.0117 dB.
 */
static void test_tap(void)
{
	const char *many = getenv("OTDR_TAPS");
	unsigned int found = 0, taps = many != NULL ? (unsigned int)atoi(many) : 60;
	double squares = 0, furthest = 0, most = 0;
	struct trace_changes c;
	struct trace_baseline b;
	struct otdr_rig r;

	otdr_rig_init(&r, 50, 500, 11);
	baseline(&r, &b, 16);
	for (unsigned int k = 0; k < taps; k++) {
		struct otdr_fibre honest = r.fibre;
		double km = anywhere(&r, &b);

		otdr_fibre_add(&r.fibre, &(struct otdr_point){km, 0.1, 0});
		compare(&r, &b, &c);
		CU_ASSERT_FATAL(c.count >= 1);
		for (unsigned int i = 1; i < c.count; i++) /* one in 300 traces has one by chance */
			CU_ASSERT(fabs(c.list[i].sigmas) < TRACE_K_ONE);
		found += c.list[0].sigmas >= TRACE_K_ONE;
		CU_ASSERT(c.list[0].sd_db <= 0.0117);
		CU_ASSERT(otdr_near(c.list[0].km, km, 0.02));
		squares += 1e6 * (c.list[0].km - km) * (c.list[0].km - km);
		furthest = fmax(furthest, 1e3 * fabs(c.list[0].km - km));
		most = fmax(most, c.list[0].sd_db);
		CU_ASSERT(otdr_near(c.list[0].loss_db, 0.1, 5 * c.list[0].sd_db));
		CU_ASSERT(c.list[0].kind == TRACE_CHANGE_BEND ||
		          c.list[0].kind == TRACE_CHANGE_SPLICE);
		CU_ASSERT(c.list[0].confidence > 0.999999);
		r.fibre = honest;
	}
	if (many != NULL)
		printf("%u of %u taps at %.1f deviations, place %.1f m rms, %.1f m at most, "
		       "deviation "
		       "%.4f dB at most\n",
		       found, taps, TRACE_K_ONE, sqrt(squares / taps), furthest, most);
	CU_ASSERT_EQUAL(found, taps);
	trace_baseline_free(&b);
}

/* The same with a narrow laser, whose grain is three times as large, up to the stated deviation. */
static void test_tap_narrow_laser(void)
{
	unsigned int found = 0, taps = 30;
	struct trace_changes c;
	struct trace_baseline b;
	struct otdr_rig r;

	otdr_rig_init(&r, 50, 500, 12);
	r.instrument.width_hz = 1e10;
	baseline(&r, &b, 16);
	for (unsigned int k = 0; k < taps; k++) {
		struct otdr_fibre honest = r.fibre;

		otdr_fibre_add(&r.fibre, &(struct otdr_point){anywhere(&r, &b), 0.1, 0});
		compare(&r, &b, &c);
		found += c.count > 0 && c.list[0].sigmas >= TRACE_K_ONE;
		for (uint32_t i = 0; i < b.cells; i++)
			CU_ASSERT(b.sigma[i] <= 0.0117 * 1.1);
		r.fibre = honest;
	}
	CU_ASSERT_EQUAL(found, taps);
	trace_baseline_free(&b);
}

/* Honest statistics are what they are said to be: deviation 1, and tails as a Gaussian's. */
static void test_false_alarms(void)
{
	const char *many = getenv("OTDR_TRACES");
	unsigned int traces = many != NULL ? (unsigned int)atoi(many) : 150, above = 0;
	unsigned int above_more = 0, above_one = 0, reported = 0;
	double square = 0, fourth = 0, n = 0, most = 0;
	struct trace_changes c;
	struct trace_baseline b;
	struct trace_watch w;
	struct otdr_rig r;

	otdr_rig_init(&r, 50, 500, 13);
	baseline(&r, &b, 32);
	trace_watch_reset(&w);
	for (unsigned int k = 0; k < traces; k++) {
		struct trace_change out[TRACE_CHANGES_MAX];

		compare(&r, &b, &c);
		reported += trace_watch_report(&w, &c, out);
		CU_ASSERT(c.spread > 0.6 && c.spread < 1.6);
		CU_ASSERT(c.cells > 300 && c.cells < 450);
		for (uint32_t i = 0; i < b.cells; i++) {
			double z = b.statistic[i] / b.sigma[i];

			square += z * z;
			fourth += z * z * z * z;
			above += fabs(z) > 3;
			above_more += z > TRACE_K_MORE;
			above_one += z > TRACE_K_ONE;
			most = fmax(most, fabs(z));
			n++;
		}
	}
	if (many != NULL)
		printf("%.0f statistics of %u traces: variance %.4f, kurtosis %.3f, %.3e above 3 "
		       "(Gaussian "
		       "2.700e-3), %u above %.1f (%.1f expected), %u above %.1f, largest %.2f, %u "
		       "reports\n",
		       n, traces, square / n, fourth / n / (square / n) / (square / n), above / n,
		       above_more, TRACE_K_MORE, n * 0.5 * erfc(TRACE_K_MORE / sqrt(2)), above_one,
		       TRACE_K_ONE, most, reported);
	CU_ASSERT_EQUAL(reported, 0);
	CU_ASSERT_EQUAL(above_one, 0);
	CU_ASSERT(otdr_near(square / n, 1, 0.1));
	CU_ASSERT(otdr_near(fourth / n / (square / n) / (square / n), 3, 0.15));
	CU_ASSERT(otdr_near(above / n, 0.0027, 0.0015));
	trace_baseline_free(&b);
}

/* Half as large as one trace shows at 6.2: two of three show it. */
static void test_two_of_three(void)
{
	struct trace_change out[TRACE_CHANGES_MAX];
	struct trace_changes c;
	struct trace_baseline b;
	struct trace_watch w;
	struct otdr_rig r;
	unsigned int single = 0, reported = 0, n = 0;
	double km = 0;

	otdr_rig_init(&r, 50, 500, 14);
	r.instrument.width_hz = 1e10;
	baseline(&r, &b, 16);
	trace_watch_reset(&w);
	otdr_fibre_add(&r.fibre, &(struct otdr_point){24.6, 0.056, 0});
	for (int k = 0; k < 12; k++) {
		compare(&r, &b, &c);
		single += c.count > 0 && c.list[0].sigmas >= TRACE_K_ONE;
		n = trace_watch_report(&w, &c, out);
		reported += n > 0;
		km = n > 0 ? out[0].km : km;
	}
	CU_ASSERT(single < 6);
	CU_ASSERT(reported > single + 2);
	CU_ASSERT(otdr_near(km, 24.6, 0.1));
	trace_baseline_free(&b);
}

/* In a dead zone: seen, and placed to the zone. */
static void test_within_a_zone(void)
{
	struct trace_changes c;
	struct trace_baseline b;
	struct otdr_rig r;

	otdr_rig_init(&r, 30, 500, 15);
	otdr_fibre_add(&r.fibre, &(struct otdr_point){13, 0.2, -40});
	baseline(&r, &b, 8);
	otdr_fibre_add(&r.fibre, &(struct otdr_point){13.01, 0.1, 0});
	compare(&r, &b, &c);
	CU_ASSERT_EQUAL_FATAL(c.count, 1);
	CU_ASSERT(c.list[0].in_zone);
	CU_ASSERT_EQUAL(c.list[0].kind, TRACE_CHANGE_SPLICE);
	CU_ASSERT(otdr_near(c.list[0].km, 13, 0.1));
	CU_ASSERT(otdr_near(c.list[0].loss_db, 0.1, 5 * c.list[0].sd_db));
	trace_baseline_free(&b);
}

static void test_kinds(void)
{
	struct trace_changes c;
	struct trace_baseline b;
	struct otdr_rig r;
	struct otdr_fibre honest;

	otdr_rig_init(&r, 30, 500, 16);
	r.fibre.points = 1;
	otdr_fibre_add(&r.fibre, &(struct otdr_point){10, 0.1, 0});
	otdr_fibre_add(&r.fibre, &(struct otdr_point){20, 0.2, -50});
	baseline(&r, &b, 8);
	honest = r.fibre;

	r.fibre.point[1].loss_db = 0.2; /* a splice that got worse */
	compare(&r, &b, &c);
	CU_ASSERT_EQUAL_FATAL(c.count, 1);
	CU_ASSERT_EQUAL(c.list[0].kind, TRACE_CHANGE_SPLICE);
	CU_ASSERT(otdr_near(c.list[0].km, 10, 0.03));

	r.fibre.point[1].loss_db = 0.02;
	compare(&r, &b, &c);
	CU_ASSERT_EQUAL_FATAL(c.count, 1);
	CU_ASSERT_EQUAL(c.list[0].kind, TRACE_CHANGE_GAIN);

	r.fibre = honest;
	r.fibre.length_km = 17.5; /* a cut; a dull end */
	r.fibre.end_reflectance_db = 0;
	compare(&r, &b, &c);
	CU_ASSERT_EQUAL_FATAL(c.count, 1);
	CU_ASSERT_EQUAL(c.list[0].kind, TRACE_CHANGE_CUT);
	CU_ASSERT(otdr_near(c.list[0].km, 17.5, 0.02));

	r.fibre = honest; /* two bends */
	otdr_fibre_add(&r.fibre, &(struct otdr_point){6, 0.1, 0});
	otdr_fibre_add(&r.fibre, &(struct otdr_point){25, 0.15, 0});
	compare(&r, &b, &c);
	CU_ASSERT_EQUAL_FATAL(c.count, 2);
	CU_ASSERT_EQUAL(c.list[0].kind, TRACE_CHANGE_BEND);
	CU_ASSERT(otdr_near(c.list[0].km, 25, 0.02));
	CU_ASSERT(otdr_near(c.list[1].km, 6, 0.02));

	r.fibre = honest; /* something that reflects */
	otdr_fibre_add(&r.fibre, &(struct otdr_point){15, 0, -50});
	compare(&r, &b, &c);
	CU_ASSERT_FATAL(c.count >= 1);
	CU_ASSERT_EQUAL(c.list[0].kind, TRACE_CHANGE_REFLECTION);
	CU_ASSERT(otdr_near(c.list[0].km, 15, 0.06));
	CU_ASSERT(otdr_near(c.list[0].reflectance_db, -50, 1.5));
	trace_baseline_free(&b);
}

static void test_zones(void)
{
	struct trace_changes c;
	struct trace_baseline b;
	struct otdr_rig r;
	double sigma;

	otdr_rig_init(&r, 30, 500, 17);
	r.fibre.points = 1;
	otdr_fibre_add(&r.fibre, &(struct otdr_point){20, 0.2, -50});
	baseline(&r, &b, 8);
	CU_ASSERT_EQUAL_FATAL(b.zone_count, 3);
	CU_ASSERT_EQUAL(b.zones[0].why, TRACE_ZONE_START);
	CU_ASSERT(b.zones[0].to_km < 0.6);
	CU_ASSERT_EQUAL(b.zones[1].why, TRACE_ZONE_REFLECTION);
	CU_ASSERT(b.zones[1].from_km < 20 && b.zones[1].to_km > 20.05 && b.zones[1].to_km < 20.3);
	CU_ASSERT_EQUAL(b.zones[2].why, TRACE_ZONE_END);
	CU_ASSERT(b.zones[2].from_km > 29.4);
	/* What it will find is known before there is a trace to compare. */
	sigma = b.sigma[b.cells / 2];
	compare(&r, &b, &c);
	CU_ASSERT(sigma > 0.001);
	CU_ASSERT(otdr_near(b.sigma[b.cells / 2], sigma, 1e-12));
	trace_baseline_free(&b);
}

static void test_refused(void)
{
	struct trace traces[TRACE_BASELINE_MIN] = {0};
	struct trace_changes c;
	struct trace_baseline b;
	struct err err = {0};
	struct otdr_rig r;

	otdr_rig_init(&r, 10, 200, 18);
	for (int k = 0; k < TRACE_BASELINE_MIN; k++)
		traces[k] = otdr_rig_trace(&r);
	CU_ASSERT_EQUAL(trace_baseline_make(&b, traces, 1, &err), -EINVAL);
	traces[2].pulse_ns = 100;
	CU_ASSERT_EQUAL(trace_baseline_make(&b, traces, TRACE_BASELINE_MIN, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "trace 3"));
	traces[2].pulse_ns = 200;
	CU_ASSERT_EQUAL_FATAL(trace_baseline_make(&b, traces, TRACE_BASELINE_MIN, &err), 0);
	traces[0].averages++;
	CU_ASSERT_EQUAL(trace_compare(&b, &traces[0], &c, &err), -EINVAL);
	trace_baseline_free(&b);
	for (int k = 0; k < TRACE_BASELINE_MIN; k++)
		trace_free(&traces[k]);
}

UNIT_MAIN(UNIT(test_tap), UNIT(test_tap_narrow_laser), UNIT(test_false_alarms),
          UNIT(test_two_of_three), UNIT(test_within_a_zone), UNIT(test_kinds), UNIT(test_zones),
          UNIT(test_refused))
