/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdlib.h>
#include <string.h>

#include "control/lgctl.h"
#include "tests/unit/unit.h"

#define SOURCE "\"source\":{\"mu\":[0.5,0.1],\"p\":[0.7,0.3]}"
#define AT(km) "\"distances_km\":" km

static int plan(const char *text, json_t **result, struct err *err)
{
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	int rc;

	*err = (struct err){0};
	*result = NULL;
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	rc = lgctl_plan_link(f, result, err);
	fclose(f);
	return rc;
}

static void test_result(void)
{
	const json_t *point, *key;
	struct err err;
	json_t *r;
	char *text;
	size_t len;
	FILE *out;

	CU_ASSERT_EQUAL_FATAL(
	        plan("{" SOURCE "," AT("{\"from\":0,\"to\":100,\"step\":50}") "}", &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r, "proof")), "wiesemann2024");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r, "protocol")),
	                       "four-state one-decoy BB84");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "points")), 3);
	point = json_array_get(json_object_get(r, "points"), 1);
	CU_ASSERT_EQUAL(json_number_value(json_object_get(point, "distance_km")), 50);
	key = json_object_get(point, "finite_key");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(key, "proof")), "wiesemann2024");
	CU_ASSERT(json_number_value(json_object_get(key, "rate")) > 0);
	CU_ASSERT(json_number_value(json_object_get(json_object_get(point, "asymptotic"), "rate")) >
	          json_number_value(json_object_get(key, "rate")));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(json_object_get(point, "x"), "gain")), 2);

	out = open_memstream(&text, &len);
	lgctl_print_plan_link(out, r);
	fclose(out);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "four-state one-decoy BB84, wiesemann2024"));
	CU_ASSERT_PTR_NULL(strstr(text, "no key"));
	free(text);
	json_decref(r);
}

static void test_no_key(void)
{
	struct err err;
	json_t *r;
	char *text;
	size_t len;
	FILE *out;

	CU_ASSERT_EQUAL_FATAL(plan("{" SOURCE "," AT("[10,300]") "}", &r, &err), 0);
	out = open_memstream(&text, &len);
	lgctl_print_plan_link(out, r);
	fclose(out);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "no key from 300 km: "));
	free(text);
	json_decref(r);
}

static void test_refusals(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
	        {"{" SOURCE "}", "distances_km: is missing"},
	        {"{" AT("[1]") "}", "source.mu: is missing"},
	        {"{" AT("[1]") ",\"source\":{\"mu\":[0.5,0.1]}}", "source.p: is missing"},
	        {"[1]", "link: not an object"},
	        {"{", "link: line 1 column"},
	        {"{" SOURCE "," AT("[]") "}", "distances_km: is not a list of 1 to 1001"},
	        {"{" SOURCE "," AT("[1,-1]") "}", "distances_km[1]: -1 is outside 0 to 1000"},
	        {"{" SOURCE "," AT("{\"from\":5,\"to\":4,\"step\":1}") "}",
	         "distances_km: is neither a list nor {from, to, step}"},
	        {"{" SOURCE "," AT("{\"from\":0,\"to\":1000,\"step\":0.01}") "}",
	         "distances_km: are more than 1001"},
	        {"{" SOURCE "," AT("[1]") ",\"colour\":1}", "colour: there is no such field"},
	        {"{" SOURCE "," AT("[1]") ",\"block\":{\"n\":1}}",
	         "block.n: there is no such field"},
	        {"{" SOURCE "," AT("[1]") ",\"block\":3}", "block: is not an object"},
	        {"{" SOURCE "," AT("[1]") ",\"block\":{\"f\":0.9}}",
	         "block.f: 0.9 is outside 1 to 100"},
	        {"{" SOURCE "," AT("[1]") ",\"protocol\":\"e91\"}",
	         "protocol: is not one-decoy, two-decoy or three-state"},
	        {"{" SOURCE "," AT("[1]") ",\"proof\":\"lim\"}",
	         "proof: lim2014 is not for four-state one-decoy BB84"},
	        {"{" SOURCE "," AT("[1]") ",\"proof\":\"tomamichel\"}",
	         "proof: is not wiesemann, rusca or lim"},
	        {"{" SOURCE "," AT("[1]") ",\"protocol\":\"two-decoy\"}",
	         "source: mu: is not a list of 3"},
	        {"{\"source\":{\"mu\":[0.1,0.5],\"p\":[0.7,0.3]}," AT("[1]") "}",
	         "source.mu[1]: 0.5 is not below mu[0], 0.1"},
	        {"{\"source\":{\"mu\":[0.5,0.1],\"p\":[0.7,0.7]}," AT("[1]") "}",
	         "source.p: 1.4 is the sum, not 1"},
	        {"{" SOURCE "," AT("[1]") ",\"detector\":{\"preset\":\"pmt\"}}",
	         "detector.preset: is not ingaas-gated"},
	        {"{" SOURCE
	         "," AT("[1]") ",\"detector\":{\"dark_rate_hz\":1,\"dark_probability\":0}}",
	         "detector: dark_rate_hz: is there beside dark_probability"},
	        {"{" SOURCE "," AT("[1]") ",\"detector\":{\"traps\":[[2,1]]}}",
	         "detector.traps[0]: is not [amplitude up to 1"},
	        {"{" SOURCE "," AT("[1]") ",\"receiver\":{\"basis\":\"splitter\",\"background\":"
	                                  "\"additive\"}}",
	         "receiver.basis: a splitter goes with"},
	        {"{" SOURCE "," AT("[1]") ",\"receiver\":{\"misalignment\":0.6}}",
	         "receiver: misalignment: 0.6 is outside 0 to 0.5"},
	};
	struct err err;
	json_t *r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT(plan(cases[i].text, &r, &err) < 0);
		if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0)
			printf("%s\n", err.text);
		CU_ASSERT(strncmp(err.text, cases[i].says, strlen(cases[i].says)) == 0);
		CU_ASSERT_PTR_NULL(r);
	}
}

static void test_presets(void)
{
	struct err err;
	json_t *r;

	/* Its figures may be changed; dark counts by time follow the slot. */
	CU_ASSERT_EQUAL_FATAL(
	        plan("{" SOURCE "," AT("[20]") ",\"detector\":{\"preset\":\"snspd\",\"efficiency\":"
	                                       "0.9}}",
	             &r, &err),
	        0);
	CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(
	                               json_array_get(json_object_get(r, "points"), 0), "y0")),
	                       2e-7, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(
	                               json_array_get(json_object_get(r, "points"), 0), "eta")),
	                       0.9 * 0.19952623, 1e-6);
	json_decref(r);
}

UNIT_MAIN(UNIT(test_result), UNIT(test_no_key), UNIT(test_refusals), UNIT(test_presets))
