/* SPDX-License-Identifier: BSD-3-Clause */

/* Tables of lgctl for people. */

#include "control/lgctl.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static char printed[4096];

static void print(void (*fn)(FILE *, const json_t *), const char *json)
{
	json_t *o = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	fn(f, o);
	fclose(f);
	snprintf(printed, sizeof(printed), "%s", text);
	free(text);
	json_decref(o);
}

static void test_status_without_zero_counters(void)
{
	print(lgctl_print_status, "{\"counters\": {\"esp.sealed\": 3, \"icmp.errors\": 0},"
	                          " \"drops\": {\"drop.ttl\": 0, \"drop.auth\": 2},"
	                          " \"alarms\": {\"major\": 0}}");
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, "  esp.sealed                 3\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, "  drop.auth                  2\n"));
	CU_ASSERT_PTR_NULL(strstr(printed, "icmp.errors"));
	CU_ASSERT_PTR_NULL(strstr(printed, "drop.ttl"));
	/* Zeros of other sections say something. */
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, "  major                      0\n"));
	print(lgctl_print_status, "{\"drops\": {\"drop.ttl\": 0}}");
	CU_ASSERT_STRING_EQUAL(printed, "drops                        none\n");
}

/* What needs a restart is a list of paths. */
static void test_lists_of_texts(void)
{
	print(lgctl_print_tree, "{\"valid\": true, \"restart\": [\"/a/b\", \"/c\"],"
	                        " \"of\": [{\"x\": 1}]}");
	CU_ASSERT_STRING_EQUAL(printed, "valid                        yes\n"
	                                "restart                      /a/b\n"
	                                "restart                      /c\n"
	                                "of 0:\n"
	                                "  x                          1\n");
}

static void test_blocks(void)
{
	print(lgctl_print_blocks,
	      "{\"blocks\": ["
	      "{\"number\": 12, \"time\": \"2026-01-01T00:00:00.000Z\", \"sifted_bits\": 1000123,"
	      " \"leaked_bits\": 200456, \"secret_bits\": 300032, \"efficiency_f\": 1.17049,"
	      " \"leak_mode\": \"two-way\", \"method\": \"cascade\","
	      " \"n_z\": [700000, 300123], \"m_z\": [7000, 3500], \"n_x\": [30000, 10000],"
	      " \"m_x\": [600, 200]},"
	      "{\"number\": 11, \"time\": \"2026-01-01T00:00:00.000Z\", \"sifted_bits\": 5000,"
	      " \"leaked_bits\": 900, \"secret_bits\": 256, \"efficiency_f\": 1.2,"
	      " \"leak_mode\": \"two-way\", \"method\": \"cascade\","
	      " \"n_z\": [5000, 0], \"m_z\": [0, 0], \"n_x\": [0, 0], \"m_x\": [0, 0]}]}");
	CU_ASSERT_STRING_EQUAL(
	        printed,
	        "BLOCK  TIME                      SIFTED   LEAKED  SECRET  LEAK MODE  METHOD   "
	        "QBER "
	        "Z %  QBER X %  F\n"
	        "   12  2026-01-01T00:00:00.000Z  1000123  200456  300032  two-way    cascade      "
	        "1.05         2  1.17\n"
	        "   11  2026-01-01T00:00:00.000Z     5000     900     256  two-way    cascade      "
	        "   0  -         1.2\n");
}

static void test_block_list_command(void)
{
	struct lgctl_request r = {0};
	struct err err = {0};
	char *words[] = {"block", "list", "5"}, *wrong[] = {"block", "list", "five"};

	CU_ASSERT_EQUAL(lgctl_command(2, words, &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(r.method, "block_list");
	CU_ASSERT_PTR_NULL(r.params);
	CU_ASSERT_EQUAL(lgctl_command(3, words, &r, &err), 0);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(r.params, "limit")), 5);
	json_decref(r.params);
	CU_ASSERT_NOT_EQUAL(lgctl_command(3, wrong, &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.text, "block list: five is not a number");
}

/* Columns are of characters, and none is cut in two. */
static void test_columns_of_utf8(void)
{
	char name[400] = "x", *text, *line;
	json_t *r;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	/* An odd number of bytes of characters of two. */
	for (int i = 0; i < 150; i++)
		strcat(name, "\xc3\xa9");
	r = json_pack("{s:[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}]}", "wires", "name", "Z\xc3\xbcrich",
	              "tunnel", "one", "name", "Geneva", "tunnel", "two", "name", "B", "tunnel",
	              name);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	lgctl_print_wires(f, r);
	fclose(f);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nZ\xc3\xbcrich  one  "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nGeneva  two  "));
	line = strstr(text, "\nB       x\xc3\xa9");
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	/* json_string() takes UTF-8 alone. */
	json_decref(r);
	r = json_string(text);
	CU_ASSERT_PTR_NOT_NULL(r);
	free(text);
	json_decref(r);
}

/* A name from elsewhere does not clear the operator's screen. */
static void test_controls_are_not_printed(void)
{
	json_t *r = json_pack("{s:[{s:s, s:s}]}", "wires", "name", "a\033[2Jb\n", "tunnel",
	                      "\xc2\x9b"
	                      "1m\xc3\xa9\x7f");
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	lgctl_print_wires(f, r);
	lgctl_print_tree(f, json_array_get(json_object_get(r, "wires"), 0));
	fclose(f);
	CU_ASSERT_PTR_NULL(strchr(text, '\033'));
	CU_ASSERT_PTR_NULL(strchr(text, '\x7f'));
	CU_ASSERT_PTR_NULL(strstr(text, "\xc2\x9b"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "a?[2Jb?  "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " ?1m\xc3\xa9?"));
	free(text);
	json_decref(r);
}

static void test_audit(void)
{
	json_t *r = json_loads(
	        "{\"entries\": [{\"number\": 12, \"time\": \"T\", \"uid\": 0, \"pid\": 7,"
	        "\"method\": \"tunnel_rekey\", \"params\": {\"tunnel\": \"dc\"},"
	        "\"code\": 0, \"result\": \"done\"}]}",
	        0, NULL);
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	lgctl_print_audit(f, r);
	fclose(f);
	CU_ASSERT_STRING_EQUAL(text, "NUMBER  TIME  UID  PID  METHOD        RESULT  PARAMS\n"
	                             "    12  T       0    7  tunnel_rekey  done    "
	                             "{\"tunnel\":\"dc\"}\n");
	free(text);
	json_decref(r);
}

UNIT_MAIN(UNIT(test_status_without_zero_counters), UNIT(test_lists_of_texts), UNIT(test_blocks),
          UNIT(test_block_list_command), UNIT(test_audit), UNIT(test_controls_are_not_printed),
          UNIT(test_columns_of_utf8))
