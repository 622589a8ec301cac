/* SPDX-License-Identifier: BSD-3-Clause */

/* Traces as files, and files as plots. */

#include "drivers/trace_sor.h"
#include "drivers/sor_svg.h"
#include "tests/unit/drivers/otdr_rig.h"
#include "tests/unit/unit.h"

static const struct trace_sor_names names = {.fibre = "demo",
                                             .from = "A",
                                             .to = "B",
                                             .serial = "1",
                                             .software = "0.1.0",
                                             .threshold_db = 0.03};

static void make(struct trace *t, struct trace_events *e, struct sor *s)
{
	struct err err = {0};
	struct otdr_rig r;

	otdr_rig_init(&r, 20, 200, 5);
	*t = otdr_rig_trace(&r);
	t->time_ns = UINT64_C(1764115200) * 1000000000;
	CU_ASSERT_EQUAL_FATAL(trace_events_find(t, 0.03, e, &err), 0);
	CU_ASSERT_EQUAL_FATAL(trace_to_sor(t, e, &names, s, &err), 0);
}

/* Each field is what was measured, in the file's one-way units. */
static void test_fields(void)
{
	struct trace_events e;
	struct trace t;
	struct sor s;
	double top;

	make(&t, &e, &s);
	CU_ASSERT_EQUAL(s.date, 1764115200);
	CU_ASSERT(otdr_near(sor_wavelength_nm(&s), 1625, 1e-9));
	CU_ASSERT_EQUAL(s.pulse_ns, 200);
	CU_ASSERT_EQUAL(s.event_count, e.count);
	for (unsigned int i = 0; i < e.count; i++) {
		const struct sor_event *x = &s.events[i];

		CU_ASSERT(otdr_near(sor_distance_km(&s, x->time), e.list[i].km, 2e-5));
		CU_ASSERT(otdr_near(x->loss * 1e-3, e.list[i].loss_db, 6e-4));
		CU_ASSERT(otdr_near(x->reflectance * 1e-3, e.list[i].reflectance_db, 6e-4));
		CU_ASSERT_EQUAL(x->type[1], e.list[i].kind == TRACE_END ? 'E' : 'F');
	}
	/* The last point is where the range ends, and the losses are those of the trace. */
	CU_ASSERT(otdr_near(
	        sor_distance_km(&s, s.offset + (double)s.spacing * 1e-4 * (s.point_count - 1)),
	        trace_km(&t, t.points - 1), 1e-3));
	top = sor_point_db(&s, 1000) - trace_loss_db(t.watts[1000], 1e-30);
	for (uint32_t i = 500; i < 9000; i += 100)
		CU_ASSERT(otdr_near(sor_point_db(&s, i), top + trace_loss_db(t.watts[i], 1e-30),
		                    1.1e-3));
	sor_free(&s);
	trace_free(&t);
}

/* Texts of a file are anybody's: none of them ends an element, and all is finite. */
static void test_plot(void)
{
	struct trace_events e;
	struct trace t;
	struct sor s;
	char *text;
	size_t size;
	FILE *out;

	make(&t, &e, &s);
	snprintf(s.events[0].comment, sizeof(s.events[0].comment), "</text><script>&\"\xff");
	out = open_memstream(&text, &size);
	CU_ASSERT_EQUAL(sor_svg(&s, "<title>&", out), 0);
	fclose(out);
	CU_ASSERT_PTR_NULL(strstr(text, "<script>"));
	CU_ASSERT_PTR_NULL(strstr(text, "<title>"));
	CU_ASSERT_PTR_NULL(strchr(text, '&'));
	CU_ASSERT_PTR_NULL(strstr(text, "nan"));
	CU_ASSERT_PTR_NULL(strstr(text, "inf"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "splice"));
	CU_ASSERT_STRING_EQUAL(text + size - 7, "</svg>\n");
	free(text);

	/* A file without an index, with one point. */
	s.group_index = 0;
	s.point_count = 1;
	s.event_count = 0;
	out = open_memstream(&text, &size);
	CU_ASSERT_EQUAL(sor_svg(&s, "", out), 0);
	fclose(out);
	CU_ASSERT_PTR_NULL(strstr(text, "nan"));
	free(text);
	sor_free(&s);
	trace_free(&t);
	out = fopen("/dev/full", "w");
	if (out != NULL) {
		make(&t, &e, &s);
		CU_ASSERT(sor_svg(&s, "", out) < 0);
		fclose(out);
		sor_free(&s);
		trace_free(&t);
	}
}

UNIT_MAIN(UNIT(test_fields), UNIT(test_plot))
