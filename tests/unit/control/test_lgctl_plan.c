/* SPDX-License-Identifier: BSD-3-Clause */

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/lgctl.h"
#include "tests/unit/unit.h"

/* Row 50 km of tests/vectors/finite_key_wiesemann2024.txt. */
#define BLOCK                                                                                      \
	"\"n_z\":[9095040,783009],\"m_z\":[91398,8022],\"n_x\":[112284,9667],"                     \
	"\"m_x\":[1128,99]"
#define SOURCE "\"mu\":[0.5,0.1],\"p\":[0.7,0.3]"
#define EPS    "\"eps_sec\":1e-10,\"eps_cor\":1e-15"
#define LEAK   "\"leak\":930685.50"
#define GOOD   "{" BLOCK "," SOURCE "," EPS "," LEAK "}"

static int plan(const char *text, const char *protocol, json_t **result, struct err *err)
{
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	int rc;

	*err = (struct err){0};
	*result = NULL;
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	rc = lgctl_plan_finite_key(f, protocol, result, err);
	fclose(f);
	return rc;
}

static double of(const json_t *o, const char *basis, const char *name)
{
	if (basis != NULL)
		o = json_object_get(o, basis);
	CU_ASSERT_TRUE(json_is_number(json_object_get(o, name)));
	return json_number_value(json_object_get(o, name));
}

static void test_vector(void)
{
	struct err err;
	json_t *r;

	CU_ASSERT_EQUAL_FATAL(plan(GOOD, "wiesemann", &r, &err), 0);
	CU_ASSERT_DOUBLE_EQUAL(of(r, "z", "s1_lower"), 5654243.007, 6);
	CU_ASSERT_DOUBLE_EQUAL(of(r, "x", "s1_lower"), 45661.284, 0.05);
	CU_ASSERT_DOUBLE_EQUAL(of(r, "x", "v1_upper"), 1729.872, 0.002);
	CU_ASSERT_DOUBLE_EQUAL(of(r, NULL, "phi_z_upper"), 0.06172068, 1e-7);
	CU_ASSERT_DOUBLE_EQUAL(of(r, NULL, "length"), 2833497.089 - 0.5, 3);
	CU_ASSERT_EQUAL(of(r, NULL, "secret_bits"), floor(of(r, NULL, "length")));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r, "proof")), "wiesemann2024");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r, "reason")), "");
	json_decref(r);
	CU_ASSERT_EQUAL_FATAL(plan(GOOD, "rusca", &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r, "proof")), "rusca2018");
	json_decref(r);
}

/* A record of block_list says which proof it is of, and carries more than is needed. */
static void test_record(void)
{
	struct err err;
	json_t *r;

	CU_ASSERT_EQUAL_FATAL(plan("{" BLOCK "," SOURCE "," EPS
	                           ",\"leaked_bits\":930686,\"proof\":\"rusca2018\",\"number\":3,"
	                           "\"slots\":[1,2],\"simulated\":true}",
	                           NULL, &r, &err),
	                      0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r, "proof")), "rusca2018");
	CU_ASSERT_EQUAL(of(r, NULL, "leak"), 930686);
	json_decref(r);
	/* As the key store has it: ks_record(). */
	CU_ASSERT_EQUAL_FATAL(
	        plan("{\"number\":3,\"protocol\":\"four-state one-decoy BB84\",\"proof\":"
	             "\"wiesemann2024\",\"leak_mode\":\"one-way\",\"method\":\"ldpc\","
	             "\"reason\":\"more key\",\"auth\":\"information-theoretic\","
	             "\"pad_keys\":4,\"hash_keys\":1," SOURCE "," EPS ",\"eps_auth\":1e-34,"
	             "\"qber_z\":0.010065,\"qber_x\":0.010062,\"efficiency_f\":1.15," BLOCK
	             ",\"cross\":[0,0],\"planned_z\":[92000,8100],\"sifted_bits\":9878049,"
	             "\"leaked_bits\":930686,\"disclosed_bits\":930000,"
	             "\"secret_bits\":2833408,\"slots\":[1,2]}",
	             NULL, &r, &err),
	        0);
	CU_ASSERT_DOUBLE_EQUAL(of(r, NULL, "length"), 2833497.089 - 0.5, 3);
	json_decref(r);
}

/* Clicks in both bases, as a record has them. */
static void test_cross(void)
{
	double phi[2];
	struct err err;
	json_t *r;

	CU_ASSERT_EQUAL_FATAL(
	        plan("{" BLOCK "," SOURCE "," EPS "," LEAK ",\"cross\":[0,0]}", "rusca", &r, &err),
	        0);
	phi[0] = of(r, NULL, "phi_z_upper");
	json_decref(r);
	CU_ASSERT_EQUAL_FATAL(plan("{" BLOCK "," SOURCE "," EPS "," LEAK ",\"cross\":[300,900]}",
	                           "rusca", &r, &err),
	                      0);
	phi[1] = of(r, NULL, "phi_z_upper");
	json_decref(r);
	CU_ASSERT(phi[0] > 0 && phi[0] < phi[1] && phi[1] < 0.5);
}

static void test_f(void)
{
	struct err err;
	json_t *r;

	CU_ASSERT_EQUAL_FATAL(
	        plan("{" BLOCK "," SOURCE "," EPS ",\"f\":1.16}", "wiesemann", &r, &err), 0);
	CU_ASSERT_DOUBLE_EQUAL(of(r, NULL, "leak"), 930685.50, 0.01);
	json_decref(r);
	CU_ASSERT_EQUAL_FATAL(plan("{\"n_z\":1e5,\"m_z\":1000,\"n_x\":[100000],\"m_x\":1000," EPS
	                           ",\"f\":1.1}",
	                           "tomamichel", &r, &err),
	                      0);
	CU_ASSERT_DOUBLE_EQUAL(of(r, NULL, "length"), 70515.659, 0.01);
	json_decref(r);
}

static void expect_not_used(const json_t *r, const char *const *names, size_t n)
{
	const json_t *list = json_object_get(r, "not_used");

	CU_ASSERT_EQUAL(json_array_size(list), n);
	for (size_t i = 0; i < n; i++) {
		bool found = false;

		for (size_t k = 0; k < json_array_size(list); k++)
			found |= strcmp(json_string_value(json_array_get(list, k)), names[i]) == 0;
		CU_ASSERT_TRUE(found);
	}
}

/* What is given, but of no account in the proof, is told. */
static void test_not_used(void)
{
	static const char *const source[] = {"mu", "p"};
	static const char *const record[] = {"proof", "number", "time"};
	char *text = NULL;
	struct err err;
	size_t len;
	FILE *out;
	json_t *r;

	CU_ASSERT_EQUAL_FATAL(plan("{\"n_z\":1e5,\"m_z\":1000,\"n_x\":1e5,\"m_x\":1000," SOURCE
	                           "," EPS ",\"f\":1.1}",
	                           "tomamichel", &r, &err),
	                      0);
	CU_ASSERT_DOUBLE_EQUAL(of(r, NULL, "length"), 70515.659, 0.01);
	expect_not_used(r, source, 2);
	out = open_memstream(&text, &len);
	lgctl_print_plan(out, r);
	fclose(out);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nin the input, but not used: mu, p\n"));
	free(text);
	json_decref(r);
	CU_ASSERT_EQUAL_FATAL(plan(GOOD, "wiesemann", &r, &err), 0);
	expect_not_used(r, NULL, 0);
	json_decref(r);
	/* Of a record, beside what was asked for. */
	CU_ASSERT_EQUAL_FATAL(plan("{" BLOCK "," SOURCE "," EPS "," LEAK
	                           ",\"proof\":\"wiesemann2024\",\"number\":3,\"time\":\"-\"}",
	                           "rusca", &r, &err),
	                      0);
	expect_not_used(r, record, 3);
	json_decref(r);
	CU_ASSERT_EQUAL_FATAL(plan("{" BLOCK "," SOURCE "," EPS "," LEAK
	                           ",\"proof\":\"wiesemann2024\",\"number\":3,\"time\":\"-\"}",
	                           NULL, &r, &err),
	                      0);
	expect_not_used(r, record + 1, 2);
	json_decref(r);
}

static void test_no_key_has_a_reason(void)
{
	struct err err;
	json_t *r;

	CU_ASSERT_EQUAL_FATAL(
	        plan("{\"n_z\":[10,10],\"m_z\":[0,0],\"n_x\":[0,0],\"m_x\":[0,0]," SOURCE "," EPS
	             "," LEAK "}",
	             "wiesemann", &r, &err),
	        0);
	CU_ASSERT_EQUAL(of(r, NULL, "secret_bits"), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r, "reason")),
	                       "no detections in the test basis");
	json_decref(r);
}

static void test_refusals(void)
{
	static const struct {
		const char *text, *protocol, *says;
	} cases[] = {
	        {"{", "wiesemann", "counts: line 1 column 1"},
	        {"", "wiesemann", "counts: line 1 column 0"},
	        {"[1]", "wiesemann", "counts: not an object"},
	        {GOOD, NULL, "plan finite-key: --protocol is missing"},
	        {GOOD, "ekert", "--protocol: ekert is not"},
	        {GOOD, "lim", "n_z: is not a list of 3"},
	        {"{" BLOCK "," SOURCE "," EPS "," LEAK ",\"cross\":[1]}", "rusca",
	         "cross: is not a list of 2"},
	        {"{" SOURCE "," EPS "," LEAK "}", "rusca", "n_z: is missing"},
	        {"{" BLOCK "," EPS "," LEAK "}", "rusca", "mu: is missing"},
	        {"{" BLOCK "," SOURCE "," LEAK "}", "rusca", "eps_sec: is missing"},
	        {"{" BLOCK "," SOURCE "," EPS "}", "rusca", "leak: is missing"},
	        {"{" BLOCK "," SOURCE "," EPS "," LEAK ",\"f\":1.2}", "rusca",
	         "f: is there beside"},
	        {"{" BLOCK "," SOURCE "," EPS ",\"f\":0.9}", "rusca", "f: 0.9 is below 1"},
	        {"{" BLOCK "," SOURCE "," EPS ",\"f\":\"1\"}", "rusca", "f: is not a number"},
	        {"{" BLOCK "," SOURCE "," EPS ",\"leak\":-1}", "rusca", "leak: -1 is not within"},
	        {"{" BLOCK "," SOURCE "," EPS "," LEAK ",\"nz\":1}", "rusca",
	         "nz: there is no such"},
	        {"{" BLOCK "," SOURCE "," LEAK ",\"eps_sec\":2,\"eps_cor\":1e-9}", "rusca",
	         "eps_sec: 2 is not within"},
	        {"{" BLOCK "," EPS "," LEAK ",\"mu\":[0.1,0.5],\"p\":[0.7,0.3]}", "rusca",
	         "mu[1]: 0.5 is not below"},
	        {"{" BLOCK "," EPS "," LEAK ",\"mu\":[0.5,0.1],\"p\":[0.7,0.2]}", "rusca",
	         "p: 0.9 is the sum"},
	        {"{" BLOCK "," EPS "," LEAK ",\"mu\":[0.5,null],\"p\":[0.7,0.2]}", "rusca",
	         "mu[1]: is not a number"},
	        {"{\"n_z\":[1.5,2],\"m_z\":[0,0],\"n_x\":[1,1],\"m_x\":[0,0]}", "rusca",
	         "n_z[0]: 1.5 is not a whole number"},
	        {"{\"n_z\":[1,-2],\"m_z\":[0,0],\"n_x\":[1,1],\"m_x\":[0,0]}", "rusca",
	         "n_z[1]: -2 is not a whole number"},
	        {"{\"n_z\":[1,2],\"m_z\":[3,0],\"n_x\":[1,1],\"m_x\":[0,0]," SOURCE "," EPS "," LEAK
	         "}",
	         "rusca", "m_z[0]: 3 errors are more than the 1"},
	        {"{\"n_z\":9,\"m_z\":1,\"n_x\":9,\"m_x\":1," EPS ",\"f\":1.1,\"mu\":\"a\"}",
	         "tomamichel", "mu: is not a list"},
	        {"{\"n_z\":9,\"m_z\":1,\"n_x\":9,\"m_x\":1," EPS ",\"f\":1.1,\"p\":[true]}",
	         "tomamichel", "p[0]: is not a number"},
	        {"{\"n_z\":9,\"m_z\":1,\"n_x\":9,\"m_x\":1," EPS ",\"f\":1.1,\"cross\":[1,0]}",
	         "tomamichel", "cross: the proof is for a receiver that chooses"},
	        {"{\"n_z\":[1,2],\"n_z\":[3,0]}", "rusca", "counts: line 1 column"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err;
		json_t *r;

		CU_ASSERT_NOT_EQUAL(plan(cases[i].text, cases[i].protocol, &r, &err), 0);
		CU_ASSERT_EQUAL(strncmp(err.text, cases[i].says, strlen(cases[i].says)), 0);
		if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0)
			fprintf(stderr, "%zu: %s\n", i, err.text);
		CU_ASSERT_PTR_NULL(r);
	}
}

/* The whole program, without a gateway: what people see, and what scripts do. */
static void test_run(void)
{
	char *argv[] = {"lgctl", "--json", "plan", "finite-key", "--protocol", "wiesemann"};
	char *bad[] = {"lgctl", "plan", "finite-key", "--protocol"};
	char path[] = "/tmp/lumengate-plan-XXXXXX", *text = NULL, *said = NULL;
	size_t len, said_len;
	int fd = mkstemp(path);
	FILE *out, *errors = open_memstream(&said, &said_len);
	json_t *r;

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, GOOD, strlen(GOOD)), (ssize_t)strlen(GOOD));
	close(fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(freopen(path, "r", stdin));
	out = open_memstream(&text, &len);
	CU_ASSERT_EQUAL(lgctl_run(6, argv, out, errors), LGCTL_OK);
	fclose(out);
	r = json_loadb(text, len, 0, NULL);
	CU_ASSERT_DOUBLE_EQUAL(of(r, NULL, "length"), 2833497.089 - 0.5, 3);
	json_decref(r);
	free(text);

	CU_ASSERT_PTR_NOT_NULL_FATAL(freopen(path, "r", stdin));
	out = open_memstream(&text, &len);
	argv[1] = "plan";
	argv[2] = "finite-key";
	argv[3] = "--protocol";
	argv[4] = "rusca";
	CU_ASSERT_EQUAL(lgctl_run(5, argv, out, errors), LGCTL_OK);
	fclose(out);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "four-state one-decoy BB84, rusca2018\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "secret bits"));
	CU_ASSERT_PTR_NULL(strstr(text, "no key"));
	free(text);
	CU_ASSERT_EQUAL(lgctl_run(4, bad, stdout, errors), LGCTL_USAGE);
	fclose(errors);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "--protocol takes a value"));
	free(said);
	unlink(path);
}

/* Names from the input are told, but nothing in them moves the terminal's cursor. */
static void test_control_characters(void)
{
	static const char odd[] = "{\"n\\u001b[31m\\u009b\\u007f\\u00b5\":1}";
	char *argv[] = {"lgctl", "plan", "finite-key", "--protocol", "rusca"}, *said = NULL;
	char path[] = "/tmp/lumengate-plan-XXXXXX";
	size_t said_len;
	int fd = mkstemp(path);
	FILE *errors = open_memstream(&said, &said_len);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, odd, strlen(odd)), (ssize_t)strlen(odd));
	close(fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(freopen(path, "r", stdin));
	CU_ASSERT_EQUAL(lgctl_run(5, argv, stdout, errors), LGCTL_USAGE);
	fclose(errors);
	CU_ASSERT_STRING_EQUAL(said, "lgctl: n?[31m??\u00b5: there is no such field\n");
	free(said);
	unlink(path);
}

UNIT_MAIN(UNIT(test_control_characters), UNIT(test_vector), UNIT(test_record), UNIT(test_cross),
          UNIT(test_f), UNIT(test_not_used), UNIT(test_no_key_has_a_reason), UNIT(test_refusals),
          UNIT(test_run))
