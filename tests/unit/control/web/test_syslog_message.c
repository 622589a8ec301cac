/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/syslog_message.h"
#include "tests/unit/control/web/alarm_sample.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define BOM "\xef\xbb\xbf"

static const struct syslog_origin origin = {
        .facility = 3, .enterprise = 32473, .hostname = "host", .pid = 71};

static const char *say(const struct web_alarm *a)
{
	static char out[SYSLOG_MESSAGE_MAX];
	size_t n;

	memset(out, 'x', sizeof(out));
	n = syslog_message(a, &origin, out);
	CU_ASSERT_EQUAL(strnlen(out, sizeof(out)), n);
	return out;
}

static void test_a_message(void)
{
	struct web_alarm a = alarm_sample("major", "{\"change\": \"raised\", \"number\": 12}");

	CU_ASSERT_STRING_EQUAL(
	        say(&a),
	        "<26>1 2026-01-31T08:00:00.000Z gw-a lumengate 71 no-light [alarm "
	        "resource=\"link/demo\" probableCause=\"other\" perceivedSeverity=\"major\"]"
	        "[lumengate@32473 kind=\"no-light\" change=\"raised\" number=\"12\"] " BOM
	        "no detection for 2 s");
	a.severity = "cleared";
	a.standing = true;
	a.source = "kms";
	a.host = "";
	CU_ASSERT_STRING_EQUAL(
	        say(&a),
	        "<29>1 2026-01-31T08:00:00.000Z host lumengate-kms 71 no-light [alarm "
	        "resource=\"link/demo\" probableCause=\"other\" perceivedSeverity=\"cleared\"]"
	        "[lumengate@32473 kind=\"no-light\" change=\"cleared\" number=\"12\"] " BOM
	        "no detection for 2 s");
	alarm_release(&a);
}

/* RFC 5674, table 1. */
static void test_severities(void)
{
	CU_ASSERT_EQUAL(syslog_severity("critical"), 1);
	CU_ASSERT_EQUAL(syslog_severity("major"), 2);
	CU_ASSERT_EQUAL(syslog_severity("minor"), 3);
	CU_ASSERT_EQUAL(syslog_severity("warning"), 4);
	CU_ASSERT_EQUAL(syslog_severity("cleared"), 5);
	CU_ASSERT_EQUAL(syslog_facility("kern"), 0);
	CU_ASSERT_EQUAL(syslog_facility("daemon"), 3);
	CU_ASSERT_EQUAL(syslog_facility("local0"), 16);
	CU_ASSERT_EQUAL(syslog_facility("local7"), 23);
	CU_ASSERT_EQUAL(syslog_facility("local8"), -1);
}

/* What names and texts have in them breaks no field. */
static void test_hostile_names(void)
{
	struct web_alarm a = alarm_sample(
	        "minor", "{\"change\": \"acknowledged\", \"number\": 1, \"uid\": 1000}");

	a.host = "gw a\nb\xc3\xa9";
	a.resource = "tunnel/a\"] [x@1 y=\"z\\";
	a.text = "line one\nline two";
	CU_ASSERT_STRING_EQUAL(
	        say(&a),
	        "<27>1 2026-01-31T08:00:00.000Z gw_a_b__ lumengate 71 no-light [alarm "
	        "resource=\"tunnel/a\\\"\\] [x@1 y=\\\"z\\\\\" probableCause=\"other\" "
	        "perceivedSeverity=\"minor\"][lumengate@32473 kind=\"no-light\" "
	        "change=\"acknowledged\" number=\"1\" uid=\"1000\"] " BOM "line one\nline two");
	alarm_release(&a);
}

/* It ends at a whole character. */
static void test_too_long(void)
{
	char text[3 * SYSLOG_MESSAGE_MAX + 1];
	struct web_alarm a = alarm_sample("minor", "{}");

	for (size_t shift = 0; shift < 3; shift++) {
		const char *out;
		size_t n;

		memset(text, 'a', shift);
		for (size_t i = 0; shift + 3 * i + 3 < sizeof(text); i++)
			memcpy(text + shift + 3 * i, "\xe2\x82\xac", 4); /* the euro */
		a.text = text;
		out = say(&a);
		n = strlen(out);
		CU_ASSERT(n >= SYSLOG_MESSAGE_MAX - 4 && n < SYSLOG_MESSAGE_MAX);
		CU_ASSERT_EQUAL(memcmp(out + n - 3, "\xe2\x82\xac", 3), 0);
	}
	alarm_release(&a);
}

UNIT_MAIN(UNIT(test_a_message), UNIT(test_severities), UNIT(test_hostile_names),
          UNIT(test_too_long))
