/* SPDX-License-Identifier: BSD-3-Clause */

/* Every list that comes in pages: whole, whatever the size of the page. */

#include "control/page.h"

#include <stdio.h>
#include <string.h>

#include "control/alarm.h"
#include "control/audit.h"
#include "common/counter.h"
#include "tests/unit/unit.h"

COUNTER_DEFINE(counter_page_i, "page.i", "of the test")
COUNTER_DEFINE(counter_page_h, "page.h", "of the test")
COUNTER_DEFINE(counter_page_g, "page.g", "of the test")
COUNTER_DEFINE(counter_page_f, "page.f", "of the test")
COUNTER_DEFINE(counter_page_e, "page.e", "of the test")
COUNTER_DEFINE(counter_page_d, "page.d", "of the test")
COUNTER_DEFINE(counter_page_c, "page.c", "of the test")
COUNTER_DEFINE(counter_page_b, "page.b", "of the test")
COUNTER_DEFINE(counter_page_a, "page.a", "of the test")
COUNTER_DEFINE(counter_drop_b, "drop.b", "of the test")
COUNTER_DEFINE(counter_drop_a, "drop.a", "of the test")

static enum method_right right = METHOD_WRITE;

static json_t *call(const char *method, json_t *params)
{
	struct jsonrpc_error error = {0};
	json_t *result = method_call(&right, method, params, &error);

	if (result == NULL)
		printf("\n  %s: %s\n", method, error.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(result);
	json_decref(params);
	return result;
}

static void test_elements_of_a_page(void)
{
	struct page page = page_begin(&(struct page_params){.offset = 3, .limit = 2});
	json_t *o;

	for (int i = 0; i < 10; i++)
		if (page_next(&page))
			json_array_append_new(page.list, json_integer(i));
	o = page_end(&page, "numbers");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "total")), 10);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "offset")), 3);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "numbers")), 2);
	CU_ASSERT_EQUAL(json_integer_value(json_array_get(json_object_get(o, "numbers"), 0)), 3);
	json_decref(o);
	/* Behind the end there is nothing, and that is no error. */
	page = page_begin(&(struct page_params){.offset = INT32_MAX, .limit = 1000});
	CU_ASSERT_FALSE(page_next(&page));
	o = page_end(&page, "numbers");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "numbers")), 0);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "total")), 1);
	json_decref(o);
}

/* All of METHOD's list NAME by LIMIT at a time. */
static json_t *walk(const char *method, const char *name, int limit)
{
	json_t *all = json_array(), *answer, *list;
	size_t total;

	do {
		answer = call(method, json_pack("{s:i, s:i}", "offset", (int)json_array_size(all),
		                                "limit", limit));
		list = json_object_get(answer, name);
		total = (size_t)json_integer_value(json_object_get(answer, "total"));
		CU_ASSERT_EQUAL((size_t)json_integer_value(json_object_get(answer, "offset")),
		                json_array_size(all));
		CU_ASSERT(json_array_size(list) > 0 && json_array_size(list) <= (size_t)limit);
		json_array_extend(all, list);
		list = json_array_size(list) > 0 ? list : NULL;
		json_decref(answer);
	} while (list != NULL && json_array_size(all) < total);
	return all;
}

static void is_whole(const char *method, const char *name, size_t count)
{
	static const int limits[] = {1, 7, 999, 1000};
	json_t *first = walk(method, name, PAGE_LIMIT_MAX), *other;

	CU_ASSERT_EQUAL(json_array_size(first), count);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		other = walk(method, name, limits[i]);
		CU_ASSERT_TRUE(json_equal(first, other));
		json_decref(other);
	}
	json_decref(first);
}

static void test_alarms(void)
{
	char resource[32];
	json_t *o;

	alarm_reset(NULL);
	for (int i = 0; i < 1234; i++) {
		snprintf(resource, sizeof(resource), "tunnel/%d", i);
		alarm_raise("no-key", resource, ALARM_MAJOR, "there is none");
	}
	is_whole("alarm_list", "alarms", 1234);
	o = call("alarm_list", json_pack("{s:i}", "history", 1));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "alarms")), PAGE_LIMIT_MAX);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "history")), 1);
	json_decref(o);
	alarm_reset(NULL);
}

static void test_audit(void)
{
	json_t *o;

	audit_reset(NULL);
	for (int i = 0; i < 150; i++) {
		o = call("log_set", json_pack("{s:s, s:s}", "component", "*", "level", "err"));
		json_decref(o);
	}
	is_whole("audit_list", "entries", 150);
	o = call("audit_list", NULL);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "entries")), 100);
	json_decref(o);
	audit_reset(NULL);
}

/* By names, which stay what they are. */
static void test_counters(void)
{
	json_t *whole = call("counter_list", NULL), *all = json_object(), *page, *v;
	const char *name, *last = NULL;
	size_t n;

	do {
		page = call("counter_list",
		            last != NULL ? json_pack("{s:i, s:s}", "limit", 5, "after", last)
		                         : json_pack("{s:i}", "limit", 5));
		n = json_object_size(page);
		CU_ASSERT(n <= 5);
		json_object_foreach (page, name, v) {
			CU_ASSERT_EQUAL(json_object_set_new(all, name, json_null()), 0);
			CU_ASSERT_PTR_NOT_NULL(json_object_get(whole, name));
		}
		json_decref(page);
		last = NULL;
		json_object_foreach (all, name, v)
			last = name;
	} while (n == 5);
	CU_ASSERT(json_object_size(whole) > 10);
	CU_ASSERT_EQUAL(json_object_size(all), json_object_size(whole));
	json_decref(all);
	json_decref(whole);
}

static void test_start(void)
{
	method_state_set(METHOD_RUNTIME);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_elements_of_a_page), UNIT(test_alarms), UNIT(test_audit),
          UNIT(test_counters))
