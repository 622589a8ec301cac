/* SPDX-License-Identifier: BSD-3-Clause */

/* The watch of the fibre, with the role and its card played here, on traces of the model. */

#include "control/otdr.h"

#include <sqlite3.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "drivers/sor.h"
#include "tests/unit/drivers/otdr_rig.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

#define LINK "link/demo"

static char dir[] = "/tmp/test_otdr.XXXXXX";
static struct config config;
static struct optics_otdr card;
static struct otdr_rig rig;
static uint64_t now;
static int32_t *samples;
static unsigned int asked;

static void set_up(void)
{
	memset(&config, 0, sizeof(config));
	snprintf(config.link, sizeof(config.link), "demo");
	snprintf(config.keystore.path, sizeof(config.keystore.path), "%s/keys.db", dir);
	config.qkd.enabled = true;
	config.qkd.otdr.interval_s = 60;
	config.qkd.otdr.wavelength_nm = 1625;
	config.qkd.otdr.pulse_ns = 200;
	config.qkd.otdr.range_m = 24000;
	config.qkd.otdr.averages = 32768;
	config.qkd.otdr.keep = 64;
	config.qkd.otdr.group_index = 1.468;
	config.qkd.otdr.backscatter_db = -82.8;
	config.qkd.otdr.threshold_db = 0.03;
	memset(&card, 0, sizeof(card));
	otdr_rig_init(&rig, 20, 200, 3);
	now = 1000 * NS_PER_S;
	asked = 0;
	alarm_reset(NULL);
}

/* What the role does with what is asked for: a trace at once. */
static void role(int error)
{
	struct trace t;

	if (optics_otdr_state(&card) == OPTICS_OTDR_TAKEN)
		card.state = OPTICS_OTDR_IDLE;
	if (optics_otdr_state(&card) != OPTICS_OTDR_ASKED)
		return;
	asked++;
	card.error = error;
	card.state = OPTICS_OTDR_FAILED;
	if (error != 0)
		return;
	rig.set.spacing_ps = card.set.sample_ps;
	rig.set.points = 12000;
	t = otdr_rig_trace(&rig);
	samples = realloc(samples, t.points * sizeof(*samples));
	for (uint32_t i = 0; i < t.points; i++)
		samples[i] = (int32_t)lrint(t.watts[i] / 5e-15);
	card.simulated = true;
	card.trace = (struct card_otdr_trace){.samples = samples,
	                                      .points = t.points,
	                                      .averages = card.set.averages,
	                                      .wavelength_pm = card.set.wavelength_pm,
	                                      .pulse_ns = card.set.pulse_ns,
	                                      .sample_ps = card.set.sample_ps,
	                                      .response_ps = 50000,
	                                      .lsb_w = 5e-15};
	card.state = OPTICS_OTDR_READY;
	trace_free(&t);
}

static void pass(struct otdr *o, unsigned int seconds, int error)
{
	for (unsigned int i = 0; i < seconds; i++) {
		now += NS_PER_S;
		otdr_poll(o, &card, &config, now);
		role(error);
	}
}

static struct otdr *open_otdr(void)
{
	struct err err = {0};
	struct otdr *o = otdr_create(&config, LINK, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	return o;
}

static double report_number(struct otdr *o, const char *name)
{
	struct err err = {0};
	json_t *r = NULL;
	double v;

	CU_ASSERT_EQUAL_FATAL(otdr_report(o, 0, &r, &err), 0);
	v = json_number_value(json_object_get(r, name));
	json_decref(r);
	return v;
}

static void test_schedule(void)
{
	struct err err = {0};
	struct otdr *o;
	json_t *list;

	set_up();
	o = open_otdr();
	CU_ASSERT_EQUAL(otdr_run(o, &err), -ENODEV);
	pass(o, 605, 0);
	CU_ASSERT_EQUAL(asked, 10);
	CU_ASSERT_EQUAL(card.set.pulse_ns, 200);
	CU_ASSERT_EQUAL(card.set.sample_ps, 19600);
	CU_ASSERT(otdr_near(report_number(o, "end_km"), 20, 0.005));
	list = otdr_history(o, 5);
	CU_ASSERT_EQUAL(json_array_size(list), 5);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_array_get(list, 0), "trace")), 10);
	json_decref(list);
	/* On command, and without a schedule on command alone. */
	config.qkd.otdr.interval_s = 0;
	pass(o, 300, 0);
	CU_ASSERT_EQUAL(asked, 10);
	CU_ASSERT_EQUAL(otdr_run(o, &err), 0);
	CU_ASSERT_EQUAL(otdr_run(o, &err), -EBUSY);
	pass(o, 5, 0);
	CU_ASSERT_EQUAL(asked, 11);
	otdr_destroy(o);
}

/* Settings that change live hold from the next trace on; a range too wide gets wider samples. */
static void test_settings(void)
{
	struct otdr *o;

	set_up();
	o = open_otdr();
	pass(o, 65, 0);
	config.qkd.otdr.pulse_ns = 10;
	config.qkd.otdr.range_m = 300000;
	pass(o, 60, 0);
	CU_ASSERT_EQUAL(card.set.pulse_ns, 10);
	CU_ASSERT(card.set.sample_ps > 44000 && card.set.sample_ps < 46000);
	otdr_destroy(o);
}

/* A trace that is not kept is told, until one is: another holds the file, or there is none. */
static void test_history_fails(void)
{
	const struct alarm *a;
	struct otdr *o;
	sqlite3 *other;

	set_up();
	snprintf(config.qkd.otdr.history, sizeof(config.qkd.otdr.history), "%s/held.db", dir);
	o = open_otdr();
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(config.qkd.otdr.history, &other), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	pass(o, 65, 0);
	a = alarm_find("otdr-history", LINK);
	CU_ASSERT_FATAL(a != NULL && a->active);
	CU_ASSERT_STRING_EQUAL(a->text, "OTDR history: database is locked");
	CU_ASSERT_EQUAL(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	pass(o, 65, 0);
	a = alarm_find("otdr-history", LINK);
	CU_ASSERT_FALSE(a->active);
	otdr_destroy(o);

	set_up();
	snprintf(config.qkd.otdr.history, sizeof(config.qkd.otdr.history), "%s/none/x.db", dir);
	o = open_otdr();
	pass(o, 65, 0);
	a = alarm_find("otdr-history", LINK);
	CU_ASSERT_FATAL(a != NULL && a->active);
	CU_ASSERT_PTR_NOT_NULL(strstr(a->text, "kept until the gateway stops"));
	otdr_destroy(o);
}

static void test_failures(void)
{
	const struct alarm *a;
	struct otdr *o;

	set_up();
	o = open_otdr();
	pass(o, 400, -ENOTSUP);
	CU_ASSERT_PTR_NULL(alarm_find("otdr-failed", LINK));
	pass(o, 60, -EIO);
	CU_ASSERT_PTR_NULL(alarm_find("otdr-failed", LINK));
	pass(o, 60, -EIO);
	a = alarm_find("otdr-failed", LINK);
	CU_ASSERT(a != NULL && a->active);
	pass(o, 65, 0);
	a = alarm_find("otdr-failed", LINK);
	CU_ASSERT(a != NULL && !a->active);
	otdr_destroy(o);
}

static bool active(const char *kind)
{
	const struct alarm *a = alarm_find(kind, LINK);

	return a != NULL && a->active;
}

/* Approve, tap, alarm with its distance; mended, it goes; the baseline outlives a restart. */
static void test_tap(void)
{
	struct otdr_fibre honest;
	struct err err = {0};
	const struct alarm *a;
	struct otdr *o;
	json_t *state;
	double km;

	set_up();
	snprintf(config.keystore.path, sizeof(config.keystore.path), "%s/tap/../keys.db", dir);
	snprintf(config.qkd.otdr.history, sizeof(config.qkd.otdr.history), "%s/history.db", dir);
	o = open_otdr();
	pass(o, 200, 0);
	CU_ASSERT_EQUAL(otdr_approve(o, 8, &err), -ENOENT);
	CU_ASSERT_EQUAL(otdr_approve(o, 3, &err), -EINVAL);
	pass(o, 300, 0);
	CU_ASSERT_EQUAL_FATAL(otdr_approve(o, 8, &err), 0);
	state = otdr_state(o);
	CU_ASSERT_EQUAL(
	        json_integer_value(json_object_get(json_object_get(state, "baseline"), "traces")),
	        8);
	CU_ASSERT(json_array_size(
	                  json_object_get(json_object_get(state, "baseline"), "dead_zones")) >= 2);
	json_decref(state);
	pass(o, 180, 0);
	CU_ASSERT_FALSE(active("fibre-bend"));
	CU_ASSERT(report_number(o, "spread") > 0.5 && report_number(o, "spread") < 1.5);

	honest = rig.fibre;
	otdr_fibre_add(&rig.fibre, &(struct otdr_point){10.55, 0.1, 0});
	pass(o, 60, 0);
	CU_ASSERT_FATAL(active("fibre-bend"));
	a = alarm_find("fibre-bend", LINK);
	CU_ASSERT_EQUAL(a->severity, ALARM_CRITICAL);
	CU_ASSERT_EQUAL_FATAL(sscanf(a->text, "new loss, a bend or a tap at %lf km", &km), 1);
	CU_ASSERT(otdr_near(km, 10.55, 0.02));

	/* Restarted: the baseline is the one that was approved. */
	otdr_destroy(o);
	alarm_reset(NULL);
	memset(&card, 0, sizeof(card));
	o = open_otdr();
	pass(o, 70, 0);
	CU_ASSERT(active("fibre-bend"));
	rig.fibre = honest;
	pass(o, 120, 0);
	CU_ASSERT(active("fibre-bend"));
	pass(o, 60, 0);
	CU_ASSERT_FALSE(active("fibre-bend"));

	rig.fibre.length_km = 12.345;
	pass(o, 60, 0);
	CU_ASSERT(active("fibre-cut"));
	CU_ASSERT_FALSE(active("fibre-reflection"));
	a = alarm_find("fibre-cut", LINK);
	CU_ASSERT_EQUAL_FATAL(sscanf(a->text, "the fibre ends at %lf km", &km), 1);
	CU_ASSERT(otdr_near(km, 12.345, 0.02));
	CU_ASSERT_EQUAL(otdr_approve(o, 0, &err), 0);
	CU_ASSERT_FALSE(active("fibre-cut"));
	otdr_destroy(o);
}

static void test_baseline_of_other_settings(void)
{
	struct err err = {0};
	struct otdr *o;

	set_up();
	snprintf(config.qkd.otdr.history, sizeof(config.qkd.otdr.history), "%s/other.db", dir);
	o = open_otdr();
	pass(o, 300, 0);
	CU_ASSERT_EQUAL_FATAL(otdr_approve(o, 4, &err), 0);
	config.qkd.otdr.averages = 1000;
	pass(o, 60, 0);
	CU_ASSERT(active("otdr-baseline"));
	config.qkd.otdr.averages = 32768;
	pass(o, 60, 0);
	CU_ASSERT_FALSE(active("otdr-baseline"));
	otdr_destroy(o);
}

static void test_export(void)
{
	struct err err = {0};
	struct otdr *o;
	uint8_t *file;
	struct sor s;
	size_t n;

	set_up();
	snprintf(config.qkd.otdr.history, sizeof(config.qkd.otdr.history), "%s/export.db", dir);
	o = open_otdr();
	CU_ASSERT_EQUAL(otdr_export(o, 0, &file, &n, &err), -ENOENT);
	pass(o, 65, 0);
	CU_ASSERT_EQUAL(otdr_export(o, 99, &file, &n, &err), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(otdr_export(o, 0, &file, &n, &err), 0);
	CU_ASSERT_EQUAL_FATAL(sor_read(file, n, &s, &err), 0);
	CU_ASSERT_EQUAL(s.checksum, SOR_CHECKSUM_GOOD);
	CU_ASSERT_EQUAL(s.point_count, 12000);
	CU_ASSERT_STRING_EQUAL(s.comment, "simulated card");
	CU_ASSERT(otdr_near(sor_distance_km(&s, s.events[s.event_count - 1].time), 20, 0.005));
	CU_ASSERT_EQUAL(s.events[s.event_count - 1].type[1], 'E');
	sor_free(&s);
	free(file);
	otdr_destroy(o);
}

/* Old traces go, those of the baseline stay. */
static void test_keep(void)
{
	struct err err = {0};
	struct otdr *o;
	json_t *list, *r = NULL;

	set_up();
	snprintf(config.qkd.otdr.history, sizeof(config.qkd.otdr.history), "%s/keep.db", dir);
	config.qkd.otdr.keep = 6;
	o = open_otdr();
	pass(o, 245, 0);
	CU_ASSERT_EQUAL_FATAL(otdr_approve(o, 4, &err), 0);
	pass(o, 600, 0);
	list = otdr_history(o, 100);
	CU_ASSERT_EQUAL(json_array_size(list), 10);
	json_decref(list);
	CU_ASSERT_EQUAL(otdr_report(o, 1, &r, &err), 0);
	json_decref(r);
	CU_ASSERT_EQUAL(otdr_report(o, 5, &r, &err), -ENOENT);
	otdr_destroy(o);
}

int main(void)
{
	static const struct unit units[] = {
	        UNIT(test_schedule), UNIT(test_settings),
	        UNIT(test_failures), UNIT(test_history_fails),
	        UNIT(test_tap),      UNIT(test_baseline_of_other_settings),
	        UNIT(test_export),   UNIT(test_keep),
	};
	int rc;

	if (mkdtemp(dir) == NULL)
		return 2;
	rc = unit_main(__FILE__, units, sizeof(units) / sizeof(units[0]));
	if (remove_tree(dir) != 0)
		rc = 2;
	free(samples);
	return rc;
}
