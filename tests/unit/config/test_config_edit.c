/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config.h"
#include "config/config_doc.h"
#include "tests/unit/config/variant.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <errno.h>

#define ROOT "/lumengate:gateway"

static struct config_doc *load(const char *file)
{
	struct config_doc *doc = NULL;
	struct err err = {0};
	char *text;

	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", &err), 0);
	text = variant(file, "name", "\"gw-a\"");
	CU_ASSERT_EQUAL_FATAL(config_doc_parse(text, &doc, &err), 0);
	free(text);
	return doc;
}

static int edit(struct config_doc *doc, enum config_edit_op op, const char *path, const char *json,
                struct err *err)
{
	json_t *value = json != NULL ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
	struct config_edit e = {.op = op, .path = path, .value = value};
	int rc;

	*err = (struct err){0};
	rc = config_doc_edit(doc, &e, err);
	json_decref(value);
	return rc;
}

/* The member at PATH ("port/lan/mtu") of DOC's text, as compact JSON; "" when it is not there. */
static const char *at(const struct config_doc *doc, const char *path)
{
	static char out[4096];
	char *text = config_doc_text(doc), copy[128], *save = NULL, *found;
	json_t *root = json_loads(text, 0, NULL);
	json_t *o = json_object_get(root, "lumengate:gateway");

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = strtok_r(copy, "/", &save); p != NULL; p = strtok_r(NULL, "/", &save))
		o = json_is_array(o) ? json_array_get(o, (size_t)atoi(p)) : json_object_get(o, p);
	found = o != NULL ? json_dumps(o, JSON_ENCODE_ANY | JSON_COMPACT) : strdup("");
	snprintf(out, sizeof(out), "%s", found);
	free(found);
	free(text);
	json_decref(root);
	return out;
}

static void test_paths(void)
{
	static const struct {
		const char *path, *full;
	} good[] = {
	        {"", "/"},
	        {"/", "/"},
	        {"qkd/enabled", ROOT "/qkd/enabled"},
	        {"/qkd/enabled", ROOT "/qkd/enabled"},
	        {"gateway/name", ROOT "/name"},
	        {"/gateway", ROOT},
	        {ROOT "/tunnel[name='a/b']", ROOT "/tunnel[name='a/b']"},
	        {"kms/site", "/lumengate:kms/site"},
	};
	char out[CONFIG_PATH_MAX], huge[CONFIG_PATH_MAX];
	struct err err = {0};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CU_ASSERT_EQUAL(config_path_full(good[i].path, out, &err), 0);
		CU_ASSERT_STRING_EQUAL(out, good[i].full);
	}
	memset(huge, 'x', sizeof(huge));
	huge[sizeof(huge) - 1] = '\0';
	CU_ASSERT_EQUAL(config_path_full(huge, out, &err), -EINVAL);
	CU_ASSERT_EQUAL(config_path_full("na\nme", out, &err), -EINVAL);
}

static void test_text_is_what_was_written(void)
{
	struct config_doc *doc = load(EXAMPLE_A), *copy = config_doc_dup(doc), *again = NULL;
	char *text = config_doc_text(doc), *second;
	struct err err = {0};

	/* No default is added. */
	CU_ASSERT_STRING_EQUAL(at(doc, "tunnel/0/mss-clamp"), "");
	CU_ASSERT_STRING_EQUAL(at(doc, "port/lan/mtu"), "1500");
	CU_ASSERT_EQUAL_FATAL(config_doc_parse(text, &again, &err), 0);
	second = config_doc_text(again);
	CU_ASSERT_STRING_EQUAL(text, second);
	free(second);
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_MERGE, "name", "\"other\"", &err), 0);
	second = config_doc_text(copy);
	CU_ASSERT_STRING_EQUAL(text, second);
	free(second);
	free(text);
	config_doc_free(doc);
	config_doc_free(copy);
	config_doc_free(again);
}

static void test_merge(void)
{
	struct config_doc *doc = load(EXAMPLE_A);
	struct err err;

	CU_ASSERT_EQUAL(
	        edit(doc, CONFIG_EDIT_MERGE, "tunnel[name='dc']/rekey/period-ms", "500", &err), 0);
	CU_ASSERT_STRING_EQUAL(at(doc, "tunnel/0/rekey"),
	                       "{\"period-ms\":500,\"hard-life-ms\":60000}");
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_MERGE, "tunnel[name='dc']/rekey",
	                     "{\"hard-life-ms\":9000,\"stretch\":2}", &err),
	                0);
	CU_ASSERT_STRING_EQUAL(at(doc, "tunnel/0/rekey"),
	                       "{\"period-ms\":500,\"hard-life-ms\":9000,\"stretch\":2}");
	/* A new entry, its key in the path, in the value too, or in the value alone. */
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_MERGE, "route[prefix='10.9.0.0/16']",
	                     "{\"tunnel\":\"dc\"}", &err),
	                0);
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_MERGE, "route[prefix='10.8.0.0/16']",
	                     "{\"prefix\":\"10.8.0.0/16\",\"tunnel\":\"dc\"}", &err),
	                0);
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_MERGE, "route",
	                     "[{\"prefix\":\"10.7.0.0/16\",\"tunnel\":\"dc\"}]", &err),
	                0);
	CU_ASSERT_STRING_EQUAL(at(doc, "route/4/prefix"), "\"10.7.0.0/16\"");
	/* A number as key, a leaf-list by value, the whole document. */
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_MERGE, "tunnel[name='dc']/class[index='2']",
	                     "{\"index\":2,\"dscp\":[46]}", &err),
	                0);
	CU_ASSERT_STRING_EQUAL(at(doc, "tunnel/0/class"), "[{\"index\":2,\"dscp\":[46]}]");
	CU_ASSERT_EQUAL(
	        edit(doc, CONFIG_EDIT_MERGE, "port/lan/address[.='10.3.0.1/24']", NULL, &err), 0);
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_MERGE, "port/lan/address", "\"10.4.0.1/24\"", &err),
	                0);
	CU_ASSERT_STRING_EQUAL(
	        at(doc, "port/lan/address"),
	        "[\"10.1.0.1/24\",\"fd00:1::1/64\",\"10.3.0.1/24\",\"10.4.0.1/24\"]");
	CU_ASSERT_EQUAL(
	        edit(doc, CONFIG_EDIT_MERGE, "/", "{\"lumengate:gateway\":{\"name\":\"z\"}}", &err),
	        0);
	CU_ASSERT_STRING_EQUAL(at(doc, "name"), "\"z\"");
	CU_ASSERT_STRING_EQUAL(at(doc, "site"), "\"a\"");
	config_doc_free(doc);
}

/* A leaf as people write it: what JSON wants quoted need not be. */
static void test_text(void)
{
	struct config_doc *doc = load(EXAMPLE_A);
	struct err err = {0};
	struct config_edit e = {.path = "qkd/qber-abort", .text = "0.07"};

	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), 0);
	CU_ASSERT_STRING_EQUAL(at(doc, "qkd/qber-abort"), "\"0.07\"");
	e = (struct config_edit){.path = "name", .text = "4711"};
	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), 0);
	CU_ASSERT_STRING_EQUAL(at(doc, "name"), "\"4711\"");
	e = (struct config_edit){.path = "port/lan/mtu", .text = "1400"};
	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), 0);
	CU_ASSERT_STRING_EQUAL(at(doc, "port/lan/mtu"), "1400");
	e = (struct config_edit){.path = "tunnel[name='dc']/rekey/volume-mib",
	                         .text = "4000000000"};
	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), 0);
	e = (struct config_edit){.path = "tunnel[name='dc']/rekey", .text = "5"};
	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, ROOT "/tunnel[name='dc']/rekey: has members: takes JSON");
	/* The path names the entry, and no choices of the model. */
	e = (struct config_edit){.path = "tunnel[name='dc']/rekey/period-ms", .text = "-1"};
	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), -EINVAL);
	CU_ASSERT_PTR_EQUAL(strstr(err.text, ROOT "/tunnel[name='dc']/rekey/period-ms: "),
	                    err.text);
	e = (struct config_edit){.path = "route[prefix='10.2.0.0/24']/tunnel", .text = "d c"};
	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), -EINVAL);
	CU_ASSERT_PTR_EQUAL(strstr(err.text, ROOT "/route[prefix='10.2.0.0/24']/tunnel: "),
	                    err.text);
	e = (struct config_edit){.path = "tunnel[name='']/local", .text = "192.0.2.1"};
	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), -EINVAL);
	CU_ASSERT_PTR_EQUAL(strstr(err.text, ROOT "/tunnel/name: "), err.text);
	config_doc_free(doc);
}

static void test_replace(void)
{
	struct config_doc *doc = load(EXAMPLE_A);
	struct err err;

	CU_ASSERT_EQUAL(
	        edit(doc, CONFIG_EDIT_REPLACE, "tunnel[name='dc']/rekey", "{\"stretch\":3}", &err),
	        0);
	CU_ASSERT_STRING_EQUAL(at(doc, "tunnel/0/rekey"), "{\"stretch\":3}");
	/* An entry keeps its place. */
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_REPLACE, "route[prefix='10.2.0.0/24']",
	                     "{\"via\":\"lan\",\"next-hop\":\"10.1.0.9\"}", &err),
	                0);
	CU_ASSERT_STRING_EQUAL(
	        at(doc, "route/0"),
	        "{\"prefix\":\"10.2.0.0/24\",\"via\":\"lan\",\"next-hop\":\"10.1.0.9\"}");
	CU_ASSERT_EQUAL(
	        edit(doc, CONFIG_EDIT_REPLACE, "port/lan/address", "[\"10.5.0.1/24\"]", &err), 0);
	CU_ASSERT_STRING_EQUAL(at(doc, "port/lan/address"), "[\"10.5.0.1/24\"]");
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_REPLACE, "route", "[]", &err), 0);
	CU_ASSERT_STRING_EQUAL(at(doc, "route"), "");
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_REPLACE, "/",
	                     "{\"lumengate:gateway\":{\"name\":\"z\"}}", &err),
	                0);
	CU_ASSERT_STRING_EQUAL(at(doc, ""), "{\"name\":\"z\"}");
	config_doc_free(doc);
}

/* What is set of a choice takes the place of the other case. */
static void test_choice(void)
{
	struct config_doc *doc = load(EXAMPLE_A);
	struct err err;

	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_MERGE, "route[prefix='10.2.0.0/24']",
	                     "{\"via\":\"lan\",\"next-hop\":\"10.1.0.9\"}", &err),
	                0);
	CU_ASSERT_STRING_EQUAL(
	        at(doc, "route/0"),
	        "{\"prefix\":\"10.2.0.0/24\",\"via\":\"lan\",\"next-hop\":\"10.1.0.9\"}");
	CU_ASSERT_EQUAL(
	        edit(doc, CONFIG_EDIT_MERGE, "route[prefix='10.2.0.0/24']/tunnel", "\"dc\"", &err),
	        0);
	CU_ASSERT_STRING_EQUAL(at(doc, "route/0"),
	                       "{\"prefix\":\"10.2.0.0/24\",\"tunnel\":\"dc\"}");
	config_doc_free(doc);
}

static void test_remove(void)
{
	struct config_doc *doc = load(EXAMPLE_A);
	struct err err;

	CU_ASSERT_EQUAL(
	        edit(doc, CONFIG_EDIT_REMOVE, "tunnel[name='dc']/rekey/period-ms", NULL, &err), 0);
	CU_ASSERT_STRING_EQUAL(at(doc, "tunnel/0/rekey"), "{\"hard-life-ms\":60000}");
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_REMOVE, "route[prefix='fd00:2::/64']", NULL, &err),
	                0);
	CU_ASSERT_STRING_EQUAL(at(doc, "route"),
	                       "[{\"prefix\":\"10.2.0.0/24\",\"tunnel\":\"dc\"}]");
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_REMOVE, "route", NULL, &err), 0);
	CU_ASSERT_STRING_EQUAL(at(doc, "route"), "");
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_REMOVE, "route", NULL, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text, ROOT "/route: there is nothing to remove");
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_REMOVE, "gateway", NULL, &err), 0);
	CU_ASSERT_STRING_EQUAL(at(doc, ""), "");
	/* And it can be filled again. */
	CU_ASSERT_EQUAL(edit(doc, CONFIG_EDIT_MERGE, "name", "\"gw\"", &err), 0);
	CU_ASSERT_STRING_EQUAL(at(doc, ""), "{\"name\":\"gw\"}");
	config_doc_free(doc);
}

/* The first rule that matches decides: where a new one goes counts. */
static void test_insert(void)
{
	static const struct {
		const char *name;
		enum config_insert insert;
		const char *point;
	} steps[] = {{"b", CONFIG_INSERT_NONE, NULL},
	             {"d", CONFIG_INSERT_LAST, NULL},
	             {"a", CONFIG_INSERT_FIRST, NULL},
	             {"c", CONFIG_INSERT_AFTER, "policy[name='b']"},
	             {"z", CONFIG_INSERT_BEFORE, "policy[name='a']"},
	             {"z", CONFIG_INSERT_LAST, NULL}};
	struct config_doc *doc = load(EXAMPLE_A);
	struct err err = {0};
	json_t *value = json_pack("{s:s}", "action", "discard");
	struct config_edit e;
	char path[64];

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		snprintf(path, sizeof(path), "policy[name='%s']", steps[i].name);
		e = (struct config_edit){.path = path,
		                         .value = value,
		                         .insert = steps[i].insert,
		                         .point = steps[i].point};
		CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), 0);
	}
	for (unsigned int i = 0; i < 5; i++) {
		char want[8];

		snprintf(path, sizeof(path), "policy/%u/name", i);
		snprintf(want, sizeof(want), "\"%c\"", "abcdz"[i]);
		CU_ASSERT_STRING_EQUAL(at(doc, path), want);
	}
	e = (struct config_edit){
	        .path = "policy[name='x']", .value = value, .insert = CONFIG_INSERT_AFTER};
	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), -EINVAL);
	e.point = "policy[name='nobody']";
	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text,
	                       ROOT "/policy[name='nobody']: is not an entry of the same list");
	e.point = "route[prefix='10.2.0.0/24']";
	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), -EINVAL);
	e = (struct config_edit){.path = "name", .text = "x", .insert = CONFIG_INSERT_FIRST};
	CU_ASSERT_EQUAL(config_doc_edit(doc, &e, &err), -EINVAL);
	CU_ASSERT_STRING_EQUAL(at(doc, "policy/5"), "");
	json_decref(value);
	config_doc_free(doc);
}

static void test_refused(void)
{
	static const struct {
		enum config_edit_op op;
		const char *path, *value, *error;
	} bad[] = {
	        {CONFIG_EDIT_MERGE, "nonsense", "1", ROOT "/nonsense: the model has no such node"},
	        {CONFIG_EDIT_MERGE, "tunnel/rekey/period-ms", "1",
	         ROOT "/tunnel: is a list: name one entry, as in [name='...']"},
	        {CONFIG_EDIT_REMOVE, "tunnel/rekey", NULL,
	         ROOT "/tunnel: is a list: name one entry, as in [name='...']"},
	        {CONFIG_EDIT_REMOVE, "tunnel[1]", NULL,
	         ROOT "/tunnel[1]: not an entry such as [name='...']"},
	        {CONFIG_EDIT_REMOVE, "tunnel[name='dc'", NULL,
	         ROOT "/tunnel[name='dc': not an entry such as [name='...']"},
	        {CONFIG_EDIT_REMOVE, "qkd[name='x']", NULL,
	         ROOT "/qkd[name='x']: is not a list: it has no entries"},
	        {CONFIG_EDIT_REMOVE, "//tunnel", NULL, ROOT "/: the model has no such node"},
	        {CONFIG_EDIT_REMOVE, "*", NULL, ROOT "/*: the model has no such node"},
	        {CONFIG_EDIT_REMOVE, "/", NULL, "/: the whole configuration cannot be removed"},
	        {CONFIG_EDIT_REMOVE, "tunnel[name='dc']/name", NULL,
	         ROOT "/tunnel[name='dc']/name: names its entry: remove that"},
	        {CONFIG_EDIT_MERGE, "tunnel[name='dc']/name", "\"x\"",
	         ROOT "/tunnel[name='dc']/name: names its entry: replace that"},
	        {CONFIG_EDIT_MERGE, "tunnel[name='dc']", "{\"name\":\"x\"}",
	         ROOT "/tunnel[name='dc']/name: is another one in the value"},
	        {CONFIG_EDIT_MERGE, "port/lan/mtu", "1",
	         ROOT "/port/lan/mtu: out of range: must be 576 to 9600"},
	        {CONFIG_EDIT_REPLACE, "port/lan", "{\"mtu\":1}",
	         ROOT "/port/lan/mtu: out of range: must be 576 to 9600"},
	        {CONFIG_EDIT_MERGE, "qkd", "7", ROOT "/qkd: takes an object with its members"},
	        {CONFIG_EDIT_MERGE, "name", NULL, ROOT "/name: takes a value"},
	};
	struct config_doc *doc = load(EXAMPLE_A);
	char *before = config_doc_text(doc), *after;
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(edit(doc, bad[i].op, bad[i].path, bad[i].value, &err), -EINVAL);
		CU_ASSERT_STRING_EQUAL(err.text, bad[i].error);
		if (strcmp(err.text, bad[i].error) != 0)
			printf("\n  got  %s\n  want %s\n", err.text, bad[i].error);
	}
	after = config_doc_text(doc);
	CU_ASSERT_STRING_EQUAL(before, after);
	free(before);
	free(after);
	config_doc_free(doc);
}

/* Paths of pieces of paths: each is refused with a reason, or an edit that can be told again. */
static void test_hostile_paths(void)
{
	static const char *const pieces[] = {"/",
	                                     "//",
	                                     "..",
	                                     ".",
	                                     "[",
	                                     "]",
	                                     "[name='",
	                                     "']",
	                                     "\"",
	                                     "'",
	                                     "=",
	                                     "*",
	                                     "tunnel",
	                                     "[name='dc']",
	                                     "rekey",
	                                     "/name",
	                                     "route",
	                                     "gateway",
	                                     "kms",
	                                     "lumengate",
	                                     ":",
	                                     "[.='",
	                                     "[1]",
	                                     "text()",
	                                     "|",
	                                     "port/lan",
	                                     "address",
	                                     "[.='10.3.0.1/24']",
	                                     "@",
	                                     "\xc3\xa4",
	                                     " ",
	                                     "$x",
	                                     "policy[name=\"r\"]"};
	static const char *const values[] = {NULL,
	                                     "1",
	                                     "\"x\"",
	                                     "{}",
	                                     "[]",
	                                     "null",
	                                     "[[1]]",
	                                     "{\"name\":{}}",
	                                     "{\"lumengate:gateway\":1}"};
	unsigned int accepted = 0, refused = 0;
	struct config_doc *doc = load(EXAMPLE_A), *again;
	char path[256], *before, *after;
	struct err err;

	for (unsigned int i = 0; i < 4000; i++) {
		path[0] = '\0';
		for (unsigned int n = dice(6); n > 0; n--)
			strcat(path, pieces[dice(sizeof(pieces) / sizeof(pieces[0]))]);
		before = config_doc_text(doc);
		if (edit(doc, (enum config_edit_op)dice(3), path,
		         values[dice(sizeof(values) / sizeof(values[0]))], &err) != 0) {
			after = config_doc_text(doc);
			CU_ASSERT_STRING_EQUAL(before, after);
			CU_ASSERT(err.text[0] != '\0');
			refused++;
		} else {
			after = config_doc_text(doc);
			CU_ASSERT_EQUAL(config_doc_parse(after, &again, &err), 0);
			config_doc_free(again);
			config_doc_free(doc);
			doc = load(EXAMPLE_A);
			accepted++;
		}
		free(before);
		free(after);
	}
	CU_ASSERT(accepted > 50 && refused > 1000);
	config_doc_free(doc);
}

UNIT_MAIN(UNIT(test_paths), UNIT(test_text_is_what_was_written), UNIT(test_merge), UNIT(test_text),
          UNIT(test_replace), UNIT(test_choice), UNIT(test_remove), UNIT(test_insert),
          UNIT(test_refused), UNIT(test_hostile_paths))
