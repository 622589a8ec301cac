/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl alarm and lgctl why: whom they ask, and what people read. */

#include "control/lgctl.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct lgctl_request request;
static struct err err;
static char out[4096];

/* The words of a command line; its result, and the request. */
static int words(const char *line)
{
	char copy[256], *argv[16], *rest;
	int argc = 0;

	json_decref(request.params);
	json_decref(request.answer);
	request = (struct lgctl_request){0};
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	return lgctl_command(argc, argv, &request, &err);
}

static bool params_are(const char *text)
{
	json_t *wanted = json_loads(text, 0, NULL);
	bool same = json_equal(wanted, request.params);

	json_decref(wanted);
	return same;
}

static bool asks(const char *socket)
{
	return socket == NULL ? request.socket == NULL
	                      : request.socket != NULL && strcmp(request.socket, socket) == 0;
}

static void test_whom_it_asks(void)
{
	CU_ASSERT_EQUAL(words("alarm ack no-light link/demo"), 0);
	CU_ASSERT_STRING_EQUAL(request.method, "alarm_ack");
	CU_ASSERT_TRUE(params_are("{\"kind\": \"no-light\", \"resource\": \"link/demo\"}"));
	CU_ASSERT_TRUE(asks(NULL));
	CU_ASSERT_EQUAL(words("alarm unack kms-disk kms moved"), 0);
	CU_ASSERT_TRUE(
	        params_are("{\"kind\": \"kms-disk\", \"resource\": \"kms\", \"text\": \"moved\"}"));
	CU_ASSERT_TRUE(asks(LGCTL_KMS_SOCKET_DEFAULT));
	/* The gateway's, in spite of its name. */
	CU_ASSERT_EQUAL(words("alarm ack kms-down link/demo"), 0);
	CU_ASSERT_TRUE(asks(NULL));
	CU_ASSERT_EQUAL(words("alarm shelve --resource kms --duration-s 60"), 0);
	CU_ASSERT_TRUE(params_are("{\"resource\": \"kms\", \"duration_s\": 60}"));
	CU_ASSERT_TRUE(asks(LGCTL_KMS_SOCKET_DEFAULT));
	CU_ASSERT_EQUAL(words("alarm unshelve --kind web-sink"), 0);
	CU_ASSERT_TRUE(asks(LGCTL_WEB_SOCKET_DEFAULT));
	CU_ASSERT_EQUAL(words("alarm history --kind tunnel-down"), 0);
	CU_ASSERT_TRUE(params_are("{\"kind\": \"tunnel-down\"}"));
	CU_ASSERT_EQUAL(words("alarm list shelved"), 0);
	CU_ASSERT_TRUE(params_are("{\"shelved\": true}"));
	CU_ASSERT_EQUAL(words("why traffic dc"), 0);
	CU_ASSERT_TRUE(params_are("{\"tunnel\": \"dc\"}"));
	CU_ASSERT_EQUAL(words("kms why"), 0);
	CU_ASSERT_TRUE(asks(LGCTL_KMS_SOCKET_DEFAULT));
}

static void test_wrong_words(void)
{
	CU_ASSERT_EQUAL(words("alarm list all"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "alarm list: all: active or shelved");
	CU_ASSERT_EQUAL(words("alarm explain no-such"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "alarm explain: there is no kind no-such");
	CU_ASSERT_EQUAL(words("alarm shelve --kind no-key --for 1h"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "alarm shelve: there is no option --for");
	CU_ASSERT_EQUAL(words("alarm unshelve --duration-s 1"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "alarm unshelve: there is no option --duration-s");
	CU_ASSERT_EQUAL(words("alarm ack no-key"), -EINVAL);
	CU_ASSERT_EQUAL(words("alarm ack no-key tunnel/dc \xff"), -EINVAL);
}

static const char *print(const char *line, const char *json)
{
	FILE *f = fmemopen(out, sizeof(out), "w");
	json_t *result = json != NULL ? json_loads(json, 0, NULL) : NULL;

	CU_ASSERT_EQUAL_FATAL(words(line), 0);
	request.print(f, json != NULL ? result : request.answer);
	fclose(f);
	json_decref(result);
	return out;
}

static void test_explained(void)
{
	size_t all;

	print("alarm explain no-light", NULL);
	CU_ASSERT_EQUAL(strncmp(out, "no-light: major, at link/NAME\n  cause:  Site B", 46), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "\n  action: Check the fibre"));
	CU_ASSERT_EQUAL(words("alarm explain"), 0);
	all = json_array_size(request.answer);
	CU_ASSERT(all > 60);
}

#define ALARM(kind, active, ack, held)                                                             \
	"{\"kind\": \"" kind "\", \"resource\": \"link/demo\", \"severity\": \"major\", "          \
	"\"active\": " active ", \"text\": \"dark\", \"raised\": \"T1\", \"cleared\": null, "      \
	"\"raised_count\": 3, \"held\": " held ", \"shelved\": false, \"acknowledged\": " ack "}"

static void test_tables(void)
{
	print("alarm list", "{\"alarms\": [" ALARM("a", "true", "null", "false") ", " ALARM(
	                            "b", "true", "{\"uid\": 0, \"text\": \"x\"}",
	                            "false") ", " ALARM("c", "true", "null", "true") ", " //
	      ALARM("d", "false", "null", "false") "]}");
	CU_ASSERT_STRING_EQUAL(
	        out, "SEVERITY  STATE        KIND  RESOURCE   RAISED  CLEARED  TIMES  TEXT\n"
	             "major     active       a     link/demo  T1      -            3  dark\n"
	             "major     ack by root  b     link/demo  T1      -            3  dark\n"
	             "major     held         c     link/demo  T1      -            3  dark\n"
	             "major     cleared      d     link/demo  T1      -            3  dark\n");
	print("alarm history",
	      "{\"changes\": [{\"number\": 2, \"time\": \"T2\", \"change\": \"acknowledged\", "
	      "\"kind\": \"a\", \"resource\": \"r\", \"severity\": \"major\", \"text\": \"x\", "
	      "\"uid\": 3999999999}, {\"number\": 1, \"time\": \"T1\", \"change\": \"raised\", "
	      "\"kind\": \"a\", \"resource\": \"r\", \"severity\": \"major\", \"text\": \"y\"}]}");
	CU_ASSERT_STRING_EQUAL(out, "NUMBER  TIME  CHANGE        SEVERITY  KIND  RESOURCE  USER    "
	                            "        TEXT\n"
	                            "     2  T2    acknowledged  major     a     r         uid "
	                            "3999999999  x\n"
	                            "     1  T1    raised        major     a     r         -       "
	                            "        y\n");
	print("alarm shelves", "{\"shelves\": [{\"kind\": \"a\", \"since\": \"T1\", \"uid\": 0, "
	                       "\"text\": \"works\"}]}");
	CU_ASSERT_STRING_EQUAL(out, "KIND  RESOURCE  SINCE  UNTIL  USER  TEXT\n"
	                            "a     -         T1     -      root  works\n");
}

static void test_one_line(void)
{
	print("why key", "{\"well\": true, \"cause\": \"made\", \"text\": \"Key is made\"}");
	CU_ASSERT_STRING_EQUAL(out, "Key is made.\n");
	print("why key", "{\"well\": false, \"cause\": \"no-light\", \"resource\": \"link/demo\", "
	                 "\"text\": \"no detection for 2 s\", \"action\": \"lgctl link show\"}");
	CU_ASSERT_STRING_EQUAL(
	        out, "no-light at link/demo: No detection for 2 s. To do: lgctl link show.\n");
	print("why traffic", "{\"well\": false, \"cause\": \"x\", \"text\": \"Why.\", "
	                     "\"action\": \"Is it up?\"}");
	CU_ASSERT_STRING_EQUAL(out, "x: Why. To do: Is it up?\n");
}

UNIT_MAIN(UNIT(test_whom_it_asks), UNIT(test_wrong_words), UNIT(test_explained), UNIT(test_tables),
          UNIT(test_one_line))
