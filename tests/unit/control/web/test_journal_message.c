/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/journal_message.h"
#include "control/alarm_kinds.h"
#include "tests/unit/control/web/alarm_sample.h"
#include "tests/unit/unit.h"

#include <stdint.h>
#include <string.h>

static char out[JOURNAL_MESSAGE_MAX];
static size_t len;

/* The value of a field, as the journal would take it; NULL: there is none. */
static const char *field(const char *name)
{
	static char value[JOURNAL_MESSAGE_MAX];
	const char *at = out, *end = out + len;

	while (at < end) {
		const char *stop = at + strcspn(at, "=\n"), *from;
		uint64_t n = 0;
		bool wanted =
		        strncmp(at, name, (size_t)(stop - at)) == 0 && name[stop - at] == '\0';

		if (*stop == '=') {
			from = stop + 1;
			n = (uint64_t)((const char *)memchr(from, '\n', (size_t)(end - from)) -
			               from);
		} else {
			for (int i = 0; i < 8; i++)
				n |= (uint64_t)(unsigned char)stop[1 + i] << 8 * i;
			from = stop + 9;
		}
		CU_ASSERT_FATAL(from + n < end && from[n] == '\n');
		if (wanted) {
			memcpy(value, from, n);
			value[n] = '\0';
			return value;
		}
		at = from + n + 1;
	}
	return NULL;
}

static void test_fields(void)
{
	struct web_alarm a =
	        alarm_sample("major", "{\"change\": \"raised\", \"number\": 12, \"uid\": 0}");

	len = journal_message(&a, out);
	CU_ASSERT_STRING_EQUAL(field("MESSAGE"),
	                       "major no-light at link/demo of gw-a: no detection for 2 s");
	CU_ASSERT_STRING_EQUAL(field("PRIORITY"), "2");
	CU_ASSERT_STRING_EQUAL(field("SYSLOG_IDENTIFIER"), "lumengate-alarm");
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_PROGRAM"), "lumengate");
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_KIND"), "no-light");
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_RESOURCE"), "link/demo");
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_SEVERITY"), "major");
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_CHANGE"), "raised");
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_NUMBER"), "12");
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_UID"), "0");
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_TIME"), "2026-01-31T08:00:00.000Z");
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_ACTION"), alarm_kind_find("no-light")->action);
	CU_ASSERT_PTR_NULL(field("LUMENGATE"));
	alarm_release(&a);
}

/* A text cannot pass for a field. */
static void test_lines(void)
{
	struct web_alarm a = alarm_sample("cleared", "{}");

	a.text = "over\nPRIORITY=0\nLUMENGATE_KIND=x";
	len = journal_message(&a, out);
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_TEXT"), a.text);
	CU_ASSERT_STRING_EQUAL(field("PRIORITY"), "5");
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_KIND"), "no-light");
	CU_ASSERT_STRING_EQUAL(field("LUMENGATE_CHANGE"), "cleared");
	CU_ASSERT_PTR_NULL(field("LUMENGATE_ACTION"));
	CU_ASSERT_PTR_NULL(field("LUMENGATE_UID"));
	alarm_release(&a);
}

UNIT_MAIN(UNIT(test_fields), UNIT(test_lines))
