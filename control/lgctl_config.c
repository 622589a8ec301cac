/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl config: editing, committing and comparing configurations. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/lgctl_table.h"

#define MODULE "lumengate:"

static int packed(struct lgctl_request *r, struct err *err)
{
	return r->params != NULL ? 0 : err_set(err, EINVAL, "an argument is not UTF-8");
}

/* {"gateway": ...} without the prefix of its module is what people write. */
json_t *lgctl_config_prefixed(json_t *config)
{
	static const char *const roots[] = {"gateway", "kms", "web"};

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		json_t *o = json_object_get(config, roots[i]);
		char name[32];

		snprintf(name, sizeof(name), MODULE "%s", roots[i]);
		if (o == NULL || json_object_get(config, name) != NULL)
			continue;
		json_object_set(config, name, o);
		json_object_del(config, roots[i]);
	}
	return config;
}

/* Words that begin like options are none here. */
static int no_options(char **args, int n, struct err *err)
{
	for (int i = 0; i < n; i++)
		if (strncmp(args[i], "--", 2) == 0)
			return err_set(err, EINVAL, "config: there is no option %s", args[i]);
	return 0;
}

/* What is at PATH, which lies in the module's gateway unless it says otherwise. */
static json_t *full_path(const char *path)
{
	const char *plain = path + (path[0] == '/');
	const char *const roots[] = {"gateway", "kms", "web"};

	if (plain[0] == '\0' || strncmp(plain, MODULE, strlen(MODULE)) == 0)
		return json_sprintf("/%s", plain);
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		size_t n = strlen(roots[i]);

		if (strncmp(plain, roots[i], n) == 0 && (plain[n] == '\0' || plain[n] == '/'))
			return json_sprintf("/" MODULE "%s", plain);
	}
	return json_sprintf("/" MODULE "gateway/%s", plain);
}

/* --insert and --point behind an edit. */
static int add_place(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const names[] = {"insert", "point"};
	json_t *options;
	const char *point;
	int rc = lgctl_options_build("config", names, 2, args, n, &options, err);

	if (rc == 0) {
		point = json_string_value(json_object_get(options, "point"));
		if (point != NULL)
			json_object_set_new(options, "point", full_path(point));
		json_object_update(r->params, options);
	}
	json_decref(options);
	return rc;
}

static int edit(const char *operation, const char *path, struct lgctl_request *r, struct err *err)
{
	r->method = "config_edit";
	r->params = json_pack("{s:s, s:o}", "operation", operation, "path", full_path(path));
	return packed(r, err);
}

/* An object or an array is JSON, all else is a leaf's value as it is written. */
static int add_value(const char *value, struct lgctl_request *r, struct err *err)
{
	json_error_t where;
	json_t *o;

	if (value[0] != '{' && value[0] != '[') {
		o = json_string(value);
		if (o == NULL)
			return err_set(err, EINVAL, "config set: the value is not UTF-8");
		json_object_set_new(r->params, "text", o);
		return 0;
	}
	o = json_loads(value, JSON_REJECT_DUPLICATES, &where);
	if (o == NULL)
		return err_set(err, EINVAL, "config set: line %d column %d: %s", where.line,
		               where.column, where.text);
	json_object_set_new(r->params, "value", lgctl_config_prefixed(o));
	return 0;
}

int lgctl_build_config_set(char **args, int n, struct lgctl_request *r, struct err *err)
{
	int rc;

	if (n == 1)
		return lgctl_build_config(args, n, r, err);
	rc = no_options(args, 2, err);
	if (rc == 0)
		rc = edit("merge", args[0], r, err);
	if (rc == 0)
		rc = add_value(args[1], r, err);
	return rc == 0 ? add_place(args + 2, n - 2, r, err) : rc;
}

int lgctl_build_config_delete(char **args, int n, struct lgctl_request *r, struct err *err)
{
	return edit("remove", args[0], r, err);
}

int lgctl_build_config_edit(char **args, int n, struct lgctl_request *r, struct err *err)
{
	int at = 2, rc = edit(args[0], args[1], r, err);
	json_t *value;

	if (rc == 0 && n > 2 && strncmp(args[2], "--", 2) != 0) {
		at = 3;
		rc = lgctl_read_json(args[2], &value, err);
		if (rc == 0)
			json_object_set_new(r->params, "value", lgctl_config_prefixed(value));
	}
	return rc == 0 ? add_place(args + at, n - at, r, err) : rc;
}

int lgctl_build_config_check(char **args, int n, struct lgctl_request *r, struct err *err)
{
	int rc = no_options(args, n, err);

	return rc == 0 && n > 0 ? lgctl_build_config(args, n, r, err) : rc;
}

int lgctl_build_config_show(char **args, int n, struct lgctl_request *r, struct err *err)
{
	int rc = no_options(args, n, err);

	r->params = json_pack("{s:s}", "source", n > 0 ? args[0] : "running");
	return rc == 0 ? packed(r, err) : rc;
}

int lgctl_build_config_diff(char **args, int n, struct lgctl_request *r, struct err *err)
{
	r->params = json_object();
	if (n > 0)
		json_object_set_new(r->params, "from", json_string(args[0]));
	if (n > 1)
		json_object_set_new(r->params, "to", json_string(args[1]));
	return no_options(args, n, err);
}

/* Words of the command line that are true or false. */
static int boolean(struct lgctl_request *r, const char *name, struct err *err)
{
	const char *text = json_string_value(json_object_get(r->params, name));

	if (text == NULL)
		return 0;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return err_set(err, EINVAL, "config: %s: %s is not true or false", name, text);
	return json_object_set_new(r->params, name, json_boolean(text[0] == 't'));
}

int lgctl_build_config_commit(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const names[] = {"=confirm_timeout", "comment", "restart_accepted"};
	int rc = lgctl_options_build("config commit", names, 3, args, n, &r->params, err);

	return rc == 0 ? boolean(r, "restart_accepted", err) : rc;
}

int lgctl_build_config_discard(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const names[] = {"force"};
	int rc = lgctl_options_build("config discard", names, 1, args, n, &r->params, err);

	return rc == 0 ? boolean(r, "force", err) : rc;
}

int lgctl_build_config_rollback(char **args, int n, struct lgctl_request *r, struct err *err)
{
	char *end;
	long number = n > 0 ? strtol(args[0], &end, 10) : 1;

	if (n > 0 && (end == args[0] || *end != '\0'))
		return err_set(err, EINVAL, "config rollback: %s is not a number", args[0]);
	r->params = json_pack("{s:I}", "number", (json_int_t)number);
	return 0;
}

/* VALUE in a line; strings and numbers as people write them. */
static void print_value(FILE *out, const json_t *value)
{
	char cell[1024], *text = NULL;

	if (json_is_object(value) || json_is_array(value)) {
		text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
		fputs(text != NULL ? text : "?", out);
		free(text);
		return;
	}
	lgctl_cell(value, cell, sizeof(cell));
	fputs(cell, out);
}

static void print_difference(FILE *out, const json_t *d)
{
	const char *what = json_string_value(json_object_get(d, "operation"));
	const json_t *path = json_object_get(d, "path");
	char cell[1024];

	if (what == NULL)
		return;
	lgctl_cell(path, cell, sizeof(cell));
	fprintf(out, "%c %s",
	        strcmp(what, "create") == 0   ? '+'
	        : strcmp(what, "delete") == 0 ? '-'
	        : strcmp(what, "move") == 0   ? '>'
	                                      : '~',
	        cell);
	if (strcmp(what, "move") == 0) {
		fputs(": another place in the list", out);
	} else {
		fputs(": ", out);
		if (strcmp(what, "create") != 0)
			print_value(out, json_object_get(d, "old"));
		if (strcmp(what, "replace") == 0)
			fputs(" -> ", out);
		if (strcmp(what, "delete") != 0)
			print_value(out, json_object_get(d, "new"));
	}
	fputs(json_is_true(json_object_get(d, "restart")) ? "  (needs a restart)\n" : "\n", out);
}

void lgctl_print_config_diff(FILE *out, const json_t *result)
{
	const json_t *d, *list = json_object_get(result, "differences");
	char cell[512];
	size_t i;

	json_array_foreach (list, i, d)
		print_difference(out, d);
	if (json_array_size(list) == 0)
		fputs("no difference\n", out);
	if (json_is_false(json_object_get(result, "valid"))) {
		lgctl_cell(json_object_get(result, "reason"), cell, sizeof(cell));
		fprintf(out, "not valid: %s\n", cell);
	}
}

void lgctl_print_config_history(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"NUMBER", "number"},   {"COMMIT", "commit"},           {"TIME", "time"},
	        {"USER", "user"},       {"UNCONFIRMED", "unconfirmed"}, {"RESTART", "restart"},
	        {"COMMENT", "comment"},
	};

	LGCTL_TABLE(out, json_object_get(result, "commits"), columns);
}

/* Without the configuration: config show candidate has it. */
void lgctl_print_config_candidate(FILE *out, const json_t *result)
{
	json_t *shown = json_copy((json_t *)result);

	json_object_del(shown, "config");
	lgctl_print_tree(out, shown);
	json_decref(shown);
}
