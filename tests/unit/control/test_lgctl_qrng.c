/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl's words for the random source, and what it makes of a recording. */

#include "common/base64.h"
#include "control/lgctl.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/lumengate-qrng-XXXXXX";
static struct err err;
static struct lgctl_request request;

/* The gateway: so many looks until its recording is ready. */
static const uint8_t *recorded;
static size_t recorded_bytes;
static unsigned int restarts, looks;

int __wrap_lgctl_call(const char *socket, const struct lgctl_request *r, json_t **result,
                      struct err *e);

int __wrap_lgctl_call(const char *socket, const struct lgctl_request *r, json_t **result,
                      struct err *e)
{
	char *text = NULL;

	CU_ASSERT_STRING_EQUAL(socket, "socket");
	CU_ASSERT_STRING_EQUAL(r->method, "qrng_recorded");
	if (looks-- == 0) {
		text = malloc(4 * (recorded_bytes / 3 + 1) + 1);
		base64_encode(recorded, recorded_bytes, text);
	}
	*result =
	        json_pack("{s:b, s:s, s:i, s:i, s:f, s:s*}", "ready", text != NULL, "stream", "raw",
	                  "done", 0, "restarts", (int)restarts, "min_entropy", 0.5, "data", text);
	free(text);
	return 0;
}

static int command(const char *words)
{
	static char copy[256];
	char *argv[16], *save = NULL;
	int n = 0;

	snprintf(copy, sizeof(copy), "qrng %s", words);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	json_decref(request.params);
	request = (struct lgctl_request){0};
	return lgctl_command(n, argv, &request, &err);
}

static json_int_t given(const char *name)
{
	return json_integer_value(json_object_get(request.params, name));
}

static void test_words(void)
{
	CU_ASSERT_EQUAL(command("record /dev/null"), 0);
	CU_ASSERT_STRING_EQUAL(request.method, "qrng_record");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(request.params, "stream")), "raw");
	CU_ASSERT_EQUAL(given("bytes"), 1000000);
	CU_ASSERT_STRING_EQUAL(request.path, "8/dev/null");
	CU_ASSERT_EQUAL(command("record /dev/null --bytes 10 --symbol 1 --lane 3"), 0);
	CU_ASSERT_EQUAL(given("bytes"), 10);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(request.params, "lane")), "3");
	CU_ASSERT_PTR_NULL(json_object_get(request.params, "symbol"));
	CU_ASSERT_STRING_EQUAL(request.path, "1/dev/null");
	CU_ASSERT_EQUAL(command("restart-test /dev/null"), 0);
	CU_ASSERT_STRING_EQUAL(request.method, "qrng_record");
	CU_ASSERT_EQUAL(given("restarts"), 1000);
	CU_ASSERT_EQUAL(given("bytes"), 1000);
	CU_ASSERT_EQUAL(command("restart-test /dev/null --symbol 1 --restarts 20 --samples 400"),
	                0);
	CU_ASSERT_EQUAL(given("restarts"), 20);
	CU_ASSERT_EQUAL(given("bytes"), 50);
	CU_ASSERT_PTR_NULL(json_object_get(request.params, "samples"));
	CU_ASSERT_EQUAL(command("record /dev/null --symbol 2"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "qrng record: --symbol is 1 or 8 bits");
	CU_ASSERT_EQUAL(command("restart-test /dev/null --symbol 1 --samples 10"), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "10 is no multiple of 8"));
	/* No card goes dark for what cannot be written. */
	CU_ASSERT_EQUAL(command("restart-test /there/is/none"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "/there/is/none: No such file or directory");
	CU_ASSERT_EQUAL(command("record /dev/null --loud 1"), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no option --loud"));
}

/* Runs WORDS against a gateway that recorded N bytes; what lgctl shows. */
static int run(const char *words, const uint8_t *data, size_t n, unsigned int rows, json_t **shown)
{
	char line[160];
	int rc;

	snprintf(line, sizeof(line), words, path);
	CU_ASSERT_EQUAL_FATAL(command(line), 0);
	recorded = data;
	recorded_bytes = n;
	restarts = rows;
	looks = 1;
	*shown = json_object();
	rc = request.follow(&request, "socket", shown, NULL, &err);
	return rc;
}

static size_t file(uint8_t *out, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	n = fread(out, 1, size, f);
	fclose(f);
	return n;
}

static double shows(json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

static void test_setup(void)
{
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
}

/* A symbol a byte, as NIST's tool reads it, and the estimate beside the claim. */
static void test_writes_symbols(void)
{
	static const uint8_t bytes[] = {0x35, 0x80},
	                     bits[] = {1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	uint8_t fair[4000], got[64];
	json_t *o;

	CU_ASSERT_EQUAL(run("record %s --symbol 1", bytes, sizeof(bytes), 0, &o), 0);
	CU_ASSERT_EQUAL(file(got, sizeof(got)), sizeof(bits));
	CU_ASSERT_EQUAL(memcmp(got, bits, sizeof(bits)), 0);
	CU_ASSERT_EQUAL(shows(o, "symbols"), 16);
	CU_ASSERT_EQUAL(shows(o, "claimed"), 0.5);
	CU_ASSERT_TRUE(json_is_false(json_object_get(o, "claim_holds"))); /* too few to tell */
	CU_ASSERT_PTR_NULL(json_object_get(o, "data"));
	CU_ASSERT_PTR_NULL(json_object_get(o, "sane"));
	json_decref(o);
	for (size_t i = 0; i < sizeof(fair); i++)
		fair[i] = (uint8_t)dice(256);
	CU_ASSERT_EQUAL(run("record %s", fair, sizeof(fair), 0, &o), 0);
	CU_ASSERT_EQUAL(file(got, sizeof(got)), sizeof(got));
	CU_ASSERT_EQUAL(memcmp(got, fair, sizeof(got)), 0);
	CU_ASSERT_EQUAL(shows(o, "claimed"), 4);
	CU_ASSERT(shows(o, "most_common_value") > 6 && shows(o, "most_common_value") < 8);
	CU_ASSERT_TRUE(json_is_true(json_object_get(o, "claim_holds")));
	json_decref(o);
	/* Nine bits of ten are ones: 0.15 bits each. */
	for (size_t i = 0; i < sizeof(fair); i++)
		for (unsigned int k = 0; k < 8; k++)
			fair[i] = (uint8_t)(fair[i] << 1 | (dice(10) > 0));
	CU_ASSERT_EQUAL(run("record %s --symbol 1", fair, sizeof(fair), 0, &o), 0);
	CU_ASSERT_DOUBLE_EQUAL(shows(o, "most_common_value"), 0.147, 0.02);
	CU_ASSERT_TRUE(json_is_false(json_object_get(o, "claim_holds")));
	json_decref(o);
}

static void test_restart_test(void)
{
	static uint8_t rows[100][1000];
	json_t *o;

	for (size_t i = 0; i < sizeof(rows); i++)
		rows[i / 1000][i % 1000] = (uint8_t)dice(256);
	CU_ASSERT_EQUAL(run("restart-test %s --restarts 100", rows[0], sizeof(rows), 100, &o), 0);
	CU_ASSERT_TRUE(json_is_true(json_object_get(o, "sane")));
	CU_ASSERT_EQUAL(shows(o, "row_cutoff"), 104);
	CU_ASSERT_EQUAL(shows(o, "column_cutoff"), 22);
	CU_ASSERT(shows(o, "row_most") < 30 && shows(o, "column_most") < 15);
	json_decref(o);
	/* The same at each start. */
	for (unsigned int r = 1; r < 100; r++)
		memcpy(rows[r], rows[0], 1000);
	CU_ASSERT_EQUAL(run("restart-test %s --restarts 100", rows[0], sizeof(rows), 100, &o),
	                -ERANGE);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "100 in a column"));
	json_decref(o);
}

static void test_print(void)
{
	static const char text[] =
	        "{\"present\": true, \"simulated\": true, \"state\": \"failed\", \"latched\": true,"
	        " \"fault\": \"stuck\", \"fault_lane\": 3, \"fault_sample\": 1024,"
	        " \"fault_text\": \"why\", \"min_entropy\": 0.5, \"false_alarm_log2\": -60,"
	        " \"cutoffs\": {\"repetition\": 121}, \"samples\": 5, \"samples_s\": 33e6,"
	        " \"lanes\": 4, \"kernel\": \"AVX2\", \"false_latches_a_year\": 0.001,"
	        " \"uses\": [{\"use\": \"distillation\", \"source\": \"getrandom\", \"bytes\": 7},"
	        " {\"use\": \"basis\", \"source\": \"card\"}]}";
	json_t *o = json_loads(text, 0, NULL);
	char *printed = NULL;
	size_t n;
	FILE *f = open_memstream(&printed, &n);

	lgctl_print_qrng(f, o);
	fclose(f);
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, "random source of a simulated card: failed; latched "
	                                       "fault: stuck, lane 3, sample 1024: why\n"));
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(printed, "33.0 Mb/s in 4 lanes by AVX2: 0.001 false latches"));
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(printed, "    distillation                 getrandom, 7 bytes\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, "    basis                        card\n"));
	free(printed);
	json_decref(o);
	json_decref(request.params);
	unlink(path);
}

UNIT_MAIN(UNIT(test_setup), UNIT(test_words), UNIT(test_writes_symbols), UNIT(test_restart_test),
          UNIT(test_print))
