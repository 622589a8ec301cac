/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config.h"
#include "config/config_doc.h"
#include "tests/unit/config/variant.h"
#include "tests/unit/unit.h"

#include <errno.h>

#define ROOT "/lumengate:gateway"

static struct config_doc *load(const char *path, const char *value)
{
	struct config_doc *doc = NULL;
	struct err err = {0};
	char *text;

	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", &err), 0);
	text = variant(EXAMPLE_A, path, value);
	CU_ASSERT_EQUAL_FATAL(config_doc_parse(text, &doc, &err), 0);
	free(text);
	return doc;
}

/* The difference that PATH set to VALUE makes, as compact JSON. */
static const char *difference(const char *path, const char *value)
{
	static char out[1024];
	struct config_doc *from = load("name", "\"gw-a\""), *to = load(path, value);
	json_t *diff = config_doc_diff(from, to);
	char *text = json_dumps(diff, JSON_COMPACT);

	snprintf(out, sizeof(out), "%s", text);
	free(text);
	json_decref(diff);
	config_doc_free(from);
	config_doc_free(to);
	return out;
}

static void test_differences(void)
{
	static const struct {
		const char *path, *value, *diff;
	} cases[] = {
	        {"name", "\"gw-a\"", "[]"},
	        {"port/lan/mtu", "1400",
	         "[{\"path\":\"" ROOT
	         "/port/lan/mtu\",\"operation\":\"replace\",\"old\":1500,\"new\":1400}]"},
	        {"port/lan/mtu", NULL,
	         "[{\"path\":\"" ROOT
	         "/port/lan/mtu\",\"operation\":\"delete\",\"old\":1500,\"new\":null}]"},
	        {"tunnel/0/mss-clamp", "true",
	         "[{\"path\":\"" ROOT "/tunnel[name='dc']/"
	         "mss-clamp\",\"operation\":\"create\",\"old\":null,\"new\":true}]"},
	        {"delivery", "{}",
	         "[{\"path\":\"" ROOT
	         "/delivery\",\"operation\":\"create\",\"old\":null,\"new\":{}}]"},
	        {"route/+", "{\"prefix\":\"10.9.0.0/16\",\"tunnel\":\"dc\"}",
	         "[{\"path\":\"" ROOT "/route[prefix='10.9.0.0/16']\",\"operation\":\"create\","
	         "\"old\":null,\"new\":{\"prefix\":\"10.9.0.0/16\",\"tunnel\":\"dc\"}}]"},
	        {"route", "[{\"prefix\":\"10.2.0.0/24\",\"tunnel\":\"dc\"}]",
	         "[{\"path\":\"" ROOT "/route[prefix='fd00:2::/64']\",\"operation\":\"delete\","
	         "\"old\":{\"prefix\":\"fd00:2::/64\",\"tunnel\":\"dc\"},\"new\":null}]"},
	        {"port/lan/address", "[\"10.1.0.1/24\"]",
	         "[{\"path\":\"" ROOT "/port/lan/address[.='fd00:1::1/64']\",\"operation\":"
	         "\"delete\",\"old\":\"fd00:1::1/64\",\"new\":null}]"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = difference(cases[i].path, cases[i].value);

		CU_ASSERT_STRING_EQUAL(got, cases[i].diff);
		if (strcmp(got, cases[i].diff) != 0)
			printf("\n  got  %s\n  want %s\n", got, cases[i].diff);
	}
}

/* Another order is another policy. */
static void test_move(void)
{
	const char *got = difference("route", "[{\"prefix\":\"fd00:2::/64\",\"tunnel\":\"dc\"},"
	                                      "{\"prefix\":\"10.2.0.0/24\",\"tunnel\":\"dc\"}]");

	CU_ASSERT_PTR_NOT_NULL(strstr(got, "\"operation\":\"move\""));
	CU_ASSERT_PTR_NULL(strstr(got, "create"));
}

static void test_from_nothing(void)
{
	struct config_doc *empty = NULL, *all = load("name", "\"gw-a\"");
	struct err err = {0};
	json_t *diff;

	CU_ASSERT_EQUAL_FATAL(config_doc_parse("{}", &empty, &err), 0);
	diff = config_doc_diff(empty, all);
	CU_ASSERT_EQUAL(json_array_size(diff), 1);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json_array_get(diff, 0), "path")),
	                       ROOT);
	json_decref(diff);
	diff = config_doc_diff(all, empty);
	CU_ASSERT_EQUAL(json_array_size(diff), 1);
	json_decref(diff);
	diff = config_doc_diff(empty, empty);
	CU_ASSERT_EQUAL(json_array_size(diff), 0);
	json_decref(diff);
	config_doc_free(empty);
	config_doc_free(all);
}

UNIT_MAIN(UNIT(test_differences), UNIT(test_move), UNIT(test_from_nothing))
