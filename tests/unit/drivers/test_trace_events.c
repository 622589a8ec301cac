/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/trace_events.h"
#include "tests/unit/drivers/otdr_rig.h"
#include "tests/unit/unit.h"

#include <errno.h>

static void find(struct otdr_rig *r, struct trace_events *e)
{
	struct trace t = otdr_rig_trace(r);
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(trace_events_find(&t, 0.02, e, &err), 0);
	trace_free(&t);
}

/* The event nearest to there. */
static const struct trace_event *nearest(const struct trace_events *e, double km)
{
	const struct trace_event *best = &e->list[0];

	for (unsigned int i = 1; i < e->count; i++)
		if (fabs(e->list[i].km - km) < fabs(best->km - km))
			best = &e->list[i];
	return best;
}

/* All that the model put on fibres of many lengths, and nothing else. */
static void test_fibres(void)
{
	static const struct {
		double km;
		uint32_t pulse_ns;
	} link[] = {{2, 30}, {10, 100}, {20, 100}, {50, 500}, {50, 1000}, {80, 1000}};

	for (unsigned int k = 0; k < 6 * 5; k++) {
		double km = link[k / 5].km, pulse_km = link[k / 5].pulse_ns * 1.02e-4;
		struct trace_events e;
		struct otdr_rig r;
		unsigned int found = 0;
		double loss = 0;

		otdr_rig_init(&r, km, link[k / 5].pulse_ns, k);
		find(&r, &e);
		CU_ASSERT(e.has_end);
		CU_ASSERT(otdr_near(e.end_km, km, 0.1 * pulse_km + 1e-5 * km));
		CU_ASSERT_EQUAL(e.list[e.count - 1].kind, TRACE_END);
		CU_ASSERT(otdr_near(e.list[e.count - 1].reflectance_db, -45, 1));
		CU_ASSERT(otdr_near(e.list[0].km, 0, 1e-9));
		CU_ASSERT(otdr_near(e.list[0].reflectance_db, -45, 1));
		for (unsigned int i = 1; i < r.fibre.points; i++) {
			const struct otdr_point *p = &r.fibre.point[i];
			const struct trace_event *x = nearest(&e, p->km);

			loss += p->loss_db;
			/* A small splice may drown, a reflection of 5 dB above the fibre may not.
			 */
			if (p->reflectance_db == 0 && fabs(x->km - p->km) > 0.2) {
				CU_ASSERT(p->loss_db < 0.09);
				continue;
			}
			found++;
			if (p->reflectance_db < 0) {
				CU_ASSERT_EQUAL(x->kind, TRACE_REFLECTION);
				CU_ASSERT(otdr_near(x->km, p->km, 5 * x->sd_km + 1e-5 * km));
				CU_ASSERT(otdr_near(x->reflectance_db, p->reflectance_db, 1.5));
				CU_ASSERT(x->confidence > 0.99);
				CU_ASSERT(x->sd_km < 0.2 * pulse_km);
			} else {
				CU_ASSERT_EQUAL(x->kind, TRACE_SPLICE);
				CU_ASSERT(otdr_near(x->km, p->km, 5 * x->sd_km + 1e-5 * km));
				CU_ASSERT(x->confidence > 0.99);
			}
			CU_ASSERT(otdr_near(x->loss_db, p->loss_db, 5 * x->sd_db + 0.01));
		}
		CU_ASSERT_EQUAL(e.count, found + 2);
		CU_ASSERT(otdr_near(e.slope_db_km, 0.21, 0.02));
		CU_ASSERT(otdr_near(e.total_loss_db, 0.21 * km + loss, 0.1 + 0.01 * km));
	}
}

/* Larger things, each by itself in the middle of a fibre. */
static void test_losses_and_reflections(void)
{
	static const struct otdr_point points[] = {
	        {10, 0.5, 0},   {10, 3, 0},     {10, -0.1, 0}, {10, 0, -30},
	        {10, 1, -14.7}, {10, 0.1, -55}, {10, 0.05, 0},
	};

	for (size_t k = 0; k < sizeof(points) / sizeof(points[0]); k++) {
		const struct otdr_point *p = &points[k];
		const struct trace_event *x;
		struct trace_events e;
		struct otdr_rig r;

		otdr_rig_init(&r, 20, 200, 100 + k);
		r.fibre.points = 1; /* the front connector alone */
		otdr_fibre_add(&r.fibre, p);
		find(&r, &e);
		CU_ASSERT_EQUAL_FATAL(e.count, 3);
		x = &e.list[1];
		CU_ASSERT_EQUAL(x->kind, p->reflectance_db < 0 ? TRACE_REFLECTION : TRACE_SPLICE);
		CU_ASSERT(otdr_near(x->km, p->km, 4 * x->sd_km + 0.002));
		CU_ASSERT(otdr_near(x->loss_db, p->loss_db, 5 * x->sd_db + 0.005));
		/* One that saturates the receiver is at least as strong as it looks. */
		CU_ASSERT(x->reflectance_db < p->reflectance_db + 1);
		CU_ASSERT(x->saturated || x->reflectance_db > p->reflectance_db - 1);
	}
}

/* An end without a reflection, and none at all within the range. */
static void test_ends(void)
{
	struct trace_events e;
	struct otdr_rig r;
	struct trace t;
	struct err err = {0};

	otdr_rig_init(&r, 20, 200, 1);
	r.fibre.end_reflectance_db = 0;
	find(&r, &e);
	CU_ASSERT(e.has_end);
	CU_ASSERT(otdr_near(e.end_km, 20, 0.006));
	CU_ASSERT(otdr_near(e.list[e.count - 1].reflectance_db, 0, 1e-9));

	otdr_rig_init(&r, 20, 200, 1);
	r.set.points /= 2;
	find(&r, &e);
	CU_ASSERT_FALSE(e.has_end);

	/* Drowned: the light is lost in noise long before 200 km. */
	otdr_rig_init(&r, 200, 100, 1);
	find(&r, &e);
	CU_ASSERT_FALSE(e.has_end);
	CU_ASSERT(e.end_km > 70 && e.end_km < 180);
	CU_ASSERT(otdr_near(e.range_db, 22, 3));

	otdr_rig_init(&r, 20, 200, 1);
	t = otdr_rig_trace(&r);
	for (uint32_t i = 0; i < t.points; i++)
		t.watts[i] = 1e-12 * rng_gauss(&r.rng);
	CU_ASSERT_EQUAL(trace_events_find(&t, 0.02, &e, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no backscatter"));
	memset(t.watts, 0, t.points * sizeof(*t.watts));
	CU_ASSERT_EQUAL(trace_events_find(&t, 0.02, &e, &err), -EINVAL);
	t.points = 100;
	CU_ASSERT_EQUAL(trace_events_find(&t, 0.02, &e, &err), -EINVAL);
	trace_free(&t);
}

/* Whatever a card sends, the finder comes to an end and stays within its list. */
static void test_rubbish(void)
{
	struct trace_events e;
	struct err err;
	struct otdr_rig r;
	struct trace t;

	otdr_rig_init(&r, 20, 500, 7);
	t = otdr_rig_trace(&r);
	for (int k = 0; k < 60; k++) {
		for (uint32_t i = 0; i < t.points; i++) {
			double x = rng_uniform(&r.rng);

			t.watts[i] = k % 3 == 0   ? x
			             : k % 3 == 1 ? (x < 0.01 ? 1 : 1e-9 * x)
			                          : pow(10, -20 * x) * (x < 0.5 ? -1 : 1);
		}
		if (trace_events_find(&t, 0.02, &e, &err) == 0)
			CU_ASSERT(e.count <= TRACE_EVENTS_MAX);
	}
	trace_free(&t);
}

UNIT_MAIN(UNIT(test_fibres), UNIT(test_losses_and_reflections), UNIT(test_ends), UNIT(test_rubbish))
