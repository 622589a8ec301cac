/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/alarm_table.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct alarm_table table;
static char told[1000]; /* one word a change: "+kind" live, "*kind" standing */

static void tell(void *ctx, const json_t *data, bool standing)
{
	size_t n = strlen(told);

	CU_ASSERT_PTR_EQUAL(ctx, &table);
	snprintf(told + n, sizeof(told) - n, "%s%s:%s:%s ", standing ? "*" : "+",
	         json_string_value(json_object_get(data, "kind")),
	         json_string_value(json_object_get(data, "severity")),
	         json_string_value(json_object_get(data, "time")));
}

static void expect(const char *words)
{
	CU_ASSERT_STRING_EQUAL(told, words);
	told[0] = '\0';
}

static void begin(void)
{
	told[0] = '\0';
	CU_ASSERT_TRUE_FATAL(alarm_table_init(&table));
}

static void event(const char *kind, const char *severity, bool shelved)
{
	json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:b}", "kind", kind, "resource", "link/x",
	                         "severity", severity, "text", severity, "shelved", shelved);

	alarm_table_event(&table, data, "now", tell, &table);
	json_decref(data);
}

static json_t *entry(const char *kind, const char *severity, bool active)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "kind", kind, "resource", "link/x",
	                 "severity", severity, "text", severity, "active", active, "changed",
	                 "before");
}

/* A page of TOTAL entries; takes over both. */
static bool page(int offset, int total, json_t *a, json_t *b)
{
	json_t *list = json_array(), *result;
	bool whole;

	json_array_append_new(list, a);
	if (b != NULL)
		json_array_append_new(list, b);
	result = json_pack("{s:o, s:i, s:i}", "alarms", list, "offset", offset, "total", total);
	whole = alarm_table_list_page(&table, result, tell, &table);
	json_decref(result);
	return whole;
}

static void test_events_are_told_once(void)
{
	begin();
	event("qber-z", "major", false);
	event("qber-z", "critical", false);
	event("qber-z", "cleared", false);
	expect("+qber-z:major:now +qber-z:critical:now +qber-z:cleared:now ");
	event("qber-z", "cleared", false);
	expect("");
	CU_ASSERT_EQUAL(json_object_size(table.raised), 0);
	alarm_table_free(&table);
}

/* What stood before we came is told as that, in the end of the list, and not again by the next. */
static void test_list_tells_what_stands(void)
{
	begin();
	alarm_table_list_begin(&table);
	CU_ASSERT_FALSE(
	        page(0, 3, entry("no-key", "critical", true), entry("old", "minor", false)));
	expect("");
	CU_ASSERT_TRUE(page(2, 3, entry("qber-z", "major", true), NULL));
	expect("*no-key:critical:before *qber-z:major:before ");
	CU_ASSERT_EQUAL(json_object_size(table.raised), 2);
	/* The connection came back: one is gone, one is worse. */
	alarm_table_list_begin(&table);
	CU_ASSERT_TRUE(
	        page(0, 2, entry("no-key", "critical", false), entry("qber-z", "critical", true)));
	expect("*qber-z:critical:before *no-key:cleared:before ");
	alarm_table_list_begin(&table);
	CU_ASSERT_TRUE(page(0, 1, entry("qber-z", "critical", true), NULL));
	expect("");
	alarm_table_free(&table);
}

/* Events between two pages are newer than what the pages say. */
static void test_events_within_a_list_hold(void)
{
	begin();
	event("a", "minor", false);
	event("b", "minor", false);
	told[0] = '\0';
	alarm_table_list_begin(&table);
	CU_ASSERT_FALSE(page(0, 4, entry("a", "minor", true), entry("b", "minor", true)));
	event("a", "cleared", false);
	event("c", "major", false);
	expect("+a:cleared:now +c:major:now ");
	CU_ASSERT_TRUE(page(2, 4, entry("c", "warning", true), entry("d", "minor", true)));
	expect("*d:minor:before ");
	CU_ASSERT_EQUAL(json_object_size(table.raised), 3);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(
	                               json_object_get(table.raised, "c\nlink/x"), "severity")),
	                       "major");
	CU_ASSERT_PTR_NULL(json_object_get(table.raised, "a\nlink/x"));
	alarm_table_free(&table);
}

static void test_shelved_is_not_raised(void)
{
	begin();
	event("no-key", "critical", false);
	event("no-key", "critical", true);
	CU_ASSERT_EQUAL(json_object_size(table.raised), 0);
	event("no-key", "critical", false);
	CU_ASSERT_EQUAL(json_object_size(table.raised), 1);
	alarm_table_free(&table);
}

/* What is no alarm changes nothing. */
static void test_nonsense(void)
{
	json_t *list = json_pack("{s:[i, n]}", "alarms", 1);

	begin();
	alarm_table_event(&table, list, "now", tell, &table);
	alarm_table_event(&table, NULL, "now", tell, &table);
	told[0] = '\0';
	alarm_table_list_begin(&table);
	CU_ASSERT_TRUE(alarm_table_list_page(&table, NULL, tell, &table));
	alarm_table_list_begin(&table);
	CU_ASSERT_TRUE(alarm_table_list_page(&table, list, tell, &table));
	json_decref(list);
	alarm_table_free(&table);
}

UNIT_MAIN(UNIT(test_events_are_told_once), UNIT(test_list_tells_what_stands),
          UNIT(test_events_within_a_list_hold), UNIT(test_shelved_is_not_raised),
          UNIT(test_nonsense))
