/* SPDX-License-Identifier: BSD-3-Clause */

/* The commands of lgctl config: what becomes of their words, and what people see. */

#include "control/lgctl.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TUNNEL "/lumengate:gateway/tunnel[name='dc']"

/* The method and its parameters, or the error. */
static const char *asked(const char *a, const char *b, const char *c, const char *d, const char *e,
                         const char *f, const char *g)
{
	const char *words[] = {"config", a, b, c, d, e, f, g};
	struct lgctl_request r = {0};
	static char out[1024];
	struct err err = {0};
	char *argv[8], *text;
	int argc = 0;

	for (size_t i = 0; i < 8 && words[i] != NULL; i++)
		argv[argc++] = (char *)words[i];
	if (lgctl_command(argc, argv, &r, &err) != 0) {
		json_decref(r.params);
		snprintf(out, sizeof(out), "%s", err.text);
		return out;
	}
	text = r.params != NULL ? json_dumps(r.params, JSON_COMPACT | JSON_SORT_KEYS) : strdup("");
	snprintf(out, sizeof(out), "%s %s", r.method, text);
	free(text);
	json_decref(r.params);
	return out;
}

static void test_paths_and_values(void)
{
	CU_ASSERT_STRING_EQUAL(
	        asked("set", "tunnel[name='dc']/rekey/period-ms", "500", NULL, NULL, NULL, NULL),
	        "config_edit {\"operation\":\"merge\",\"path\":\"" TUNNEL
	        "/rekey/period-ms\",\"text\":\"500\"}");
	CU_ASSERT_STRING_EQUAL(asked("set", "/gateway/name", "a b", NULL, NULL, NULL, NULL),
	                       "config_edit {\"operation\":\"merge\",\"path\":"
	                       "\"/lumengate:gateway/name\",\"text\":\"a b\"}");
	CU_ASSERT_STRING_EQUAL(
	        asked("set", "policy[name='x']", "{\"action\": \"discard\"}", "--insert", "before",
	              "--point", "policy[name='y']"),
	        "config_edit {\"insert\":\"before\",\"operation\":\"merge\",\"path\":"
	        "\"/lumengate:gateway/policy[name='x']\",\"point\":"
	        "\"/lumengate:gateway/policy[name='y']\",\"value\":{\"action\":"
	        "\"discard\"}}");
	CU_ASSERT_STRING_EQUAL(
	        asked("delete", "/lumengate:gateway/delivery", NULL, NULL, NULL, NULL, NULL),
	        "config_edit {\"operation\":\"remove\",\"path\":\"/lumengate:gateway/delivery\"}");
	CU_ASSERT_STRING_EQUAL(asked("edit", "remove", "/", NULL, NULL, NULL, NULL),
	                       "config_edit {\"operation\":\"remove\",\"path\":\"/\"}");
	CU_ASSERT_STRING_EQUAL(asked("set", "route", "[{", NULL, NULL, NULL, NULL),
	                       "config set: line 1 column 2: string or '}' expected near end of "
	                       "file");
	CU_ASSERT_STRING_EQUAL(asked("set", "name", "x", "--place", "first", NULL, NULL),
	                       "config: there is no option --place");
	CU_ASSERT_STRING_EQUAL(asked("set", "name", "\xff", NULL, NULL, NULL, NULL),
	                       "config set: the value is not UTF-8");
	CU_ASSERT_STRING_EQUAL(asked("delete", "\xff", NULL, NULL, NULL, NULL, NULL),
	                       "an argument is not UTF-8");
}

/* The prefix that RFC 7951 wants at the top is put there. */
static void test_files(void)
{
	char path[] = "/tmp/lgctl-config-XXXXXX";
	int fd = mkstemp(path);
	const char *text = "{\"gateway\": {\"name\": \"x\"}}";

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	CU_ASSERT_STRING_EQUAL(asked("set", path, NULL, NULL, NULL, NULL, NULL),
	                       "config_set {\"config\":{\"lumengate:gateway\":{\"name\":\"x\"}}}");
	CU_ASSERT_STRING_EQUAL(
	        asked("check", path, NULL, NULL, NULL, NULL, NULL),
	        "config_validate {\"config\":{\"lumengate:gateway\":{\"name\":\"x\"}}}");
	CU_ASSERT_STRING_EQUAL(asked("check", NULL, NULL, NULL, NULL, NULL, NULL),
	                       "config_validate ");
	CU_ASSERT_STRING_EQUAL(asked("edit", "replace", "/", path, NULL, NULL, NULL),
	                       "config_edit {\"operation\":\"replace\",\"path\":\"/\",\"value\":"
	                       "{\"lumengate:gateway\":{\"name\":\"x\"}}}");
	unlink(path);
	CU_ASSERT_STRING_EQUAL(asked("edit", "merge", "/", "/nowhere/x", NULL, NULL, NULL),
	                       "/nowhere/x: No such file or directory");
}

static void test_commits(void)
{
	CU_ASSERT_STRING_EQUAL(asked("commit", "--confirm-timeout", "60", "--comment", "new rules",
	                             "--restart-accepted", "true"),
	                       "config_commit {\"comment\":\"new rules\",\"confirm_timeout\":60,"
	                       "\"restart_accepted\":true}");
	CU_ASSERT_STRING_EQUAL(asked("commit", "--restart-accepted", "yes", NULL, NULL, NULL, NULL),
	                       "config: restart_accepted: yes is not true or false");
	CU_ASSERT_STRING_EQUAL(asked("discard", "--force", "true", NULL, NULL, NULL, NULL),
	                       "config_discard {\"force\":true}");
	CU_ASSERT_STRING_EQUAL(asked("rollback", NULL, NULL, NULL, NULL, NULL, NULL),
	                       "config_rollback {\"number\":1}");
	CU_ASSERT_STRING_EQUAL(asked("rollback", "last", NULL, NULL, NULL, NULL, NULL),
	                       "config rollback: last is not a number");
	CU_ASSERT_STRING_EQUAL(asked("diff", "2", "startup", NULL, NULL, NULL, NULL),
	                       "config_diff {\"from\":\"2\",\"to\":\"startup\"}");
	CU_ASSERT_STRING_EQUAL(asked("show", NULL, NULL, NULL, NULL, NULL, NULL),
	                       "config_get {\"source\":\"running\"}");
}

static const char *printed(void (*print)(FILE *, const json_t *), const char *json)
{
	static char out[2048];
	json_t *o = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	print(f, o);
	fclose(f);
	snprintf(out, sizeof(out), "%s", text);
	free(text);
	json_decref(o);
	return out;
}

static void test_diff_for_people(void)
{
	CU_ASSERT_STRING_EQUAL(
	        printed(lgctl_print_config_diff,
	                "{\"valid\": false, \"reason\": \"/x: missing\", \"differences\": ["
	                "{\"path\": \"/a\", \"operation\": \"replace\", \"old\": 1, \"new\": 2,"
	                " \"restart\": true},"
	                "{\"path\": \"/b\", \"operation\": \"create\", \"old\": null,"
	                " \"new\": {\"c\": \"\\u001b[2J\"}, \"restart\": false},"
	                "{\"path\": \"/d\", \"operation\": \"delete\", \"old\": \"e\","
	                " \"new\": null, \"restart\": null},"
	                "{\"path\": \"/f\", \"operation\": \"move\", \"old\": 1, \"new\": 1}]}"),
	        "~ /a: 1 -> 2  (needs a restart)\n+ /b: {\"c\":\"\\u001B[2J\"}\n- /d: e\n"
	        "> /f: another place in the list\nnot valid: /x: missing\n");
	CU_ASSERT_STRING_EQUAL(
	        printed(lgctl_print_config_diff, "{\"differences\": [], \"valid\": true}"),
	        "no difference\n");
	/* What it does not expect. */
	CU_ASSERT_STRING_EQUAL(printed(lgctl_print_config_diff, "{\"differences\": [1, {}]}"), "");
}

UNIT_MAIN(UNIT(test_paths_and_values), UNIT(test_files), UNIT(test_commits),
          UNIT(test_diff_for_people))
