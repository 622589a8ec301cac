/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/exposition.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct metric_family sent = {"lumengate_port_sent_bytes", METRIC_COUNTER, "bytes",
                                          "Bytes sent"},
                                  up = {"lumengate_up", METRIC_GAUGE, "", "1 when\nit \\ answers"},
                                  build = {"lumengate_web", METRIC_INFO, "", "The program"};

static void fill(struct exposition *x, enum exposition_format format)
{
	exposition_begin(x, format);
	exposition_family(x, &sent);
	exposition_uint(x, UINT64_MAX, &(struct metric_label){"port", "wan"}, 1);
	exposition_family(x, &up);
	exposition_real(x, 0.5, (const struct metric_label[]){{"a", "x\"y\\z\n"}, {"b", ""}}, 2);
	exposition_real(x, NAN, NULL, 0);
	exposition_real(x, INFINITY, NULL, 0);
	exposition_family(x, &build);
	exposition_uint(x, 1, &(struct metric_label){"version", "1.0"}, 1);
}

static void check(enum exposition_format format, const char *expected)
{
	struct exposition x;
	size_t len = 0;
	char *text;

	fill(&x, format);
	text = exposition_end(&x, &len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(len, strlen(expected));
	CU_ASSERT_NSTRING_EQUAL(text, expected, strlen(expected));
	if (len != strlen(expected) || memcmp(text, expected, len) != 0)
		printf("\n%.*s\n", (int)len, text);
	free(text);
}

/* OpenMetrics 1.0: names of families without suffixes, units, an end. */
static void test_openmetrics(void)
{
	check(EXPOSITION_OPENMETRICS,
	      "# TYPE lumengate_port_sent_bytes counter\n"
	      "# UNIT lumengate_port_sent_bytes bytes\n"
	      "# HELP lumengate_port_sent_bytes Bytes sent.\n"
	      "lumengate_port_sent_bytes_total{port=\"wan\"} 18446744073709551615\n"
	      "# TYPE lumengate_up gauge\n"
	      "# HELP lumengate_up 1 when\\nit \\\\ answers.\n"
	      "lumengate_up{a=\"x\\\"y\\\\z\\n\",b=\"\"} 0.5\n"
	      "lumengate_up +Inf\n"
	      "# TYPE lumengate_web info\n"
	      "# HELP lumengate_web The program.\n"
	      "lumengate_web_info{version=\"1.0\"} 1\n"
	      "# EOF\n");
}

/* The format before it: names with suffixes throughout, no units, no info. */
static void test_text(void)
{
	check(EXPOSITION_TEXT,
	      "# TYPE lumengate_port_sent_bytes_total counter\n"
	      "# HELP lumengate_port_sent_bytes_total Bytes sent.\n"
	      "lumengate_port_sent_bytes_total{port=\"wan\"} 18446744073709551615\n"
	      "# TYPE lumengate_up gauge\n"
	      "# HELP lumengate_up 1 when\\nit \\\\ answers.\n"
	      "lumengate_up{a=\"x\\\"y\\\\z\\n\",b=\"\"} 0.5\n"
	      "lumengate_up +Inf\n"
	      "# TYPE lumengate_web_info gauge\n"
	      "# HELP lumengate_web_info The program.\n"
	      "lumengate_web_info{version=\"1.0\"} 1\n");
}

static void test_choice(void)
{
	/* What Prometheus 2.42 says. */
	CU_ASSERT_EQUAL(exposition_choose("application/openmetrics-text;version=1.0.0,"
	                                  "application/openmetrics-text;version=0.0.1;q=0.75,"
	                                  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
	                EXPOSITION_OPENMETRICS);
	CU_ASSERT_EQUAL(exposition_choose("*/*"), EXPOSITION_TEXT);
	CU_ASSERT_EQUAL(exposition_choose(NULL), EXPOSITION_TEXT);
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(exposition_content_type(EXPOSITION_OPENMETRICS), "version=1.0.0"));
	CU_ASSERT_PTR_NOT_NULL(strstr(exposition_content_type(EXPOSITION_TEXT), "version=0.0.4"));
}

static void test_much(void)
{
	struct exposition x;
	size_t len = 0;
	char *text;

	exposition_begin(&x, EXPOSITION_TEXT);
	exposition_family(&x, &up);
	for (uint64_t i = 0; i < 100000; i++)
		exposition_uint(&x, i, NULL, 0);
	text = exposition_end(&x, &len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_NSTRING_EQUAL(text + len - 19, "lumengate_up 99999\n", 19);
	free(text);
}

UNIT_MAIN(UNIT(test_openmetrics), UNIT(test_text), UNIT(test_choice), UNIT(test_much))
