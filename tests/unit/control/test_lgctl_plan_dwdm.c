/* SPDX-License-Identifier: BSD-3-Clause */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/lgctl.h"
#include "control/plan_dwdm.h"
#include "tests/unit/unit.h"

#define SOURCE                                                                                     \
	"\"source\":{\"mu\":[0.5,0.1],\"p\":[0.7,0.3],\"p_z\":0.9},\"receiver\":{\"p_z\":0.9}"
#define FIBRE   "\"fibre\":{\"length_km\":25}"
#define QUANTUM "\"quantum\":{\"channel\":\"C34\"}"
#define HEAD    "{" SOURCE "," FIBRE "," QUANTUM

static int plan(const char *text, json_t **result, struct err *err)
{
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	int rc;

	*err = (struct err){0};
	*result = NULL;
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	rc = lgctl_plan_dwdm(f, result, err);
	fclose(f);
	return rc;
}

static json_t *planned(const char *text)
{
	struct err err;
	json_t *r;

	if (plan(text, &r, &err) != 0)
		printf("%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	return r;
}

static double of(const json_t *o, const char *part, const char *name)
{
	if (part != NULL)
		o = json_object_get(o, part);
	CU_ASSERT_TRUE(json_is_number(json_object_get(o, name)));
	return json_number_value(json_object_get(o, name));
}

static const json_t *item(const json_t *r, const char *list, size_t i)
{
	return json_array_get(json_object_get(r, list), i);
}

static void test_dark_and_lit(void)
{
	json_t *dark = planned(HEAD "}");
	json_t *lit = planned(HEAD ",\"channels\":[{\"channel\":\"C39\",\"dbm\":-8}]}");

	CU_ASSERT_EQUAL(of(json_object_get(dark, "quantum"), "counts_per_gate", "total"), 0);
	CU_ASSERT_EQUAL(of(dark, "quantum", "rate"), of(dark, "dark_fibre", "rate"));
	CU_ASSERT(of(lit, "quantum", "qber_z") > of(lit, "dark_fibre", "qber_z"));
	CU_ASSERT(of(lit, "quantum", "rate") < of(lit, "dark_fibre", "rate"));
	CU_ASSERT_EQUAL(of(lit, "dark_fibre", "rate"), of(dark, "dark_fibre", "rate"));
	/* All free slots of C21 to C61 but that of the neighbour, the best first. */
	CU_ASSERT_EQUAL(json_array_size(json_object_get(dark, "slots")), 41);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(lit, "slots")), 40);
	for (size_t i = 1; i < 40; i++)
		CU_ASSERT(of(item(lit, "slots", i - 1), NULL, "rate") >=
		          of(item(lit, "slots", i), NULL, "rate"));
	json_decref(dark);
	json_decref(lit);
}

/* At its highest power the target is met, a little above it is not. */
static void test_highest_power(void)
{
	const char *text =
	        HEAD ",\"target_rate\":%s,\"channels\":[{\"channel\":\"C39\",\"dbm\":%.4f},"
	             "{\"channel\":\"C44\",\"dbm\":-12,\"direction\":\"counter\"}]}";
	char file[1024];
	json_t *r, *at;
	double most;

	snprintf(file, sizeof(file), text, "100000", -10.);
	r = planned(file);
	most = of(item(r, "channels", 0), NULL, "max_dbm");
	CU_ASSERT(most > -40 && most < 27);
	for (int over = 0; over < 2; over++) {
		snprintf(file, sizeof(file), text, "100000", most + (over ? 0.02 : 0));
		at = planned(file);
		CU_ASSERT_EQUAL(of(at, "quantum", "rate") >= 100000, !over);
		json_decref(at);
	}
	CU_ASSERT(json_is_number(json_object_get(r, "headroom_db")));
	json_decref(r);
	/* More than there is without it: no power will do. */
	snprintf(file, sizeof(file), text, "1e9", -10.);
	r = planned(file);
	CU_ASSERT_TRUE(json_is_null(json_object_get(item(r, "channels", 0), "max_dbm")));
	CU_ASSERT_TRUE(json_is_null(json_object_get(r, "headroom_db")));
	json_decref(r);
}

static void test_adding(void)
{
	json_t *r = planned(
	        HEAD ",\"channels\":[{\"channel\":\"C39\",\"dbm\":-12}],\"add\":[{\"channel\":"
	             "\"C45\",\"dbm\":-8},{\"channel\":\"C45\",\"dbm\":-8,\"direction\":"
	             "\"counter\"}]}");
	json_t *with = planned(
	        HEAD ",\"channels\":[{\"channel\":\"C39\",\"dbm\":-12},{\"channel\":\"C45\","
	             "\"dbm\":-8}]}");

	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "added")), 2);
	CU_ASSERT(of(item(r, "added", 0), NULL, "qber_z_rise") > 0);
	CU_ASSERT(of(item(r, "added", 0), NULL, "rate_change") < 0);
	CU_ASSERT_DOUBLE_EQUAL(of(item(r, "added", 0), NULL, "rate"), of(with, "quantum", "rate"),
	                       1e-6);
	/* Backward scattering is the stronger. */
	CU_ASSERT(of(item(r, "added", 1), NULL, "qber_z_rise") >
	          of(item(r, "added", 0), NULL, "qber_z_rise"));
	json_decref(r);
	json_decref(with);
}

static bool warns(const json_t *r, const char *words)
{
	const json_t *v;
	size_t i;

	json_array_foreach (json_object_get(r, "warnings"), i, v)
		if (strstr(json_string_value(v), words) != NULL)
			return true;
	return false;
}

static void test_warnings(void)
{
	json_t *r = planned(HEAD ",\"amplifiers\":[{\"km\":10}]}");

	/* What is not said to bypass the quantum channel is in its way. */
	CU_ASSERT_TRUE(warns(r, "error: the amplifier at 10 km is on the quantum path"));
	CU_ASSERT_EQUAL(of(r, "quantum", "rate"), 0);
	json_decref(r);
	r = planned(HEAD ",\"amplifiers\":[{\"km\":0,\"path\":\"bypass\",\"notch_db\":40}]}");
	CU_ASSERT_TRUE(warns(r, "notch"));
	CU_ASSERT_FALSE(warns(r, "error"));
	json_decref(r);
	r = planned(
	        HEAD
	        ",\"channels\":[{\"channel\":\"C35\",\"dbm\":0},{\"channel\":\"C36\",\"dbm\":0}]}");
	CU_ASSERT_TRUE(warns(r, "four-wave mixing"));
	CU_ASSERT_TRUE(warns(r, "C35 needs 109 dB of isolation and has 105 dB"));
	CU_ASSERT_FALSE(warns(r, "C36 needs"));
	json_decref(r);
}

static void test_refusals(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
	        {"{" SOURCE "," QUANTUM "}", "fibre.length_km: is missing"},
	        {"{" SOURCE "," FIBRE "}", "quantum.channel: is missing"},
	        {"{" SOURCE "," FIBRE ",\"quantum\":{\"channel\":\"C340\"}}",
	         "quantum.channel: is neither"},
	        {"{" SOURCE "," FIBRE ",\"quantum\":{\"channel\":\"C34\",\"colour\":1}}",
	         "quantum.colour: there is no such field"},
	        {HEAD ",\"channels\":[{\"channel\":\"C34\",\"dbm\":0}]}",
	         "channels[0]: C34 is nearer to the quantum channel"},
	        {HEAD ",\"channels\":[{\"channel\":\"C30\"}]}", "channels[0].dbm: is missing"},
	        {HEAD ",\"channels\":[{\"channel\":\"C30\",\"dbm\":99}]}",
	         "channels[0]: dbm: 99 is outside"},
	        {HEAD ",\"channels\":[{\"dbm\":0}]}", "channels[0].channel: is neither"},
	        {HEAD
	         ",\"channels\":[{\"channel\":\"C30\",\"dbm\":0},{\"channel\":193.0,\"dbm\":0}]}",
	         "channels[1]: the channel is there already"},
	        {HEAD ",\"channels\":[{\"channel\":\"C30\",\"dbm\":0,\"direction\":\"up\"}]}",
	         "channels[0]: direction: is not co or counter"},
	        {HEAD ",\"amplifiers\":[{\"km\":30}]}", "amplifiers[0]: km: 30 is outside 0 to 25"},
	        {HEAD ",\"slots\":{\"first\":\"C60\",\"last\":\"C20\"}}", "slots: are none"},
	        {HEAD ",\"distances_km\":[1]}", "distances_km: there is no such field"},
	        {HEAD ",\"target_rate\":-1}", "target_rate: -1 is outside"},
	};
	struct err err;
	json_t *r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT(plan(cases[i].text, &r, &err) < 0);
		if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0)
			printf("%s\n", err.text);
		CU_ASSERT(strncmp(err.text, cases[i].says, strlen(cases[i].says)) == 0);
	}
}

static void test_table(void)
{
	json_t *r = planned(
	        HEAD ",\"channels\":[{\"channel\":\"C39\",\"dbm\":-8}],\"add\":[{\"channel\":"
	             "\"C45\",\"dbm\":-8}]}");
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	lgctl_print_plan_dwdm(out, r);
	fclose(out);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "four-state one-decoy BB84, wiesemann2024, 25 km"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "adding C45 at -8 dBm (co): QBER"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "... 28 more with --json"));
	free(text);
	json_decref(r);
}

UNIT_MAIN(UNIT(test_dark_and_lit), UNIT(test_highest_power), UNIT(test_adding), UNIT(test_warnings),
          UNIT(test_refusals), UNIT(test_table))
