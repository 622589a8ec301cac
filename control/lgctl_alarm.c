/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl alarm and why: what is raised, what operators said of it, and what to do. */

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "control/alarm_kinds.h"
#include "control/lgctl_table.h"

/* Whom to ask about alarms of KIND or at RESOURCE; either may be NULL. */
static void ask(struct lgctl_request *r, const char *kind, const char *resource)
{
	const struct alarm_kind *k = kind != NULL ? alarm_kind_find(kind) : NULL;

	if (k != NULL ? strcmp(alarm_kind_program(k), "web") == 0
	              : resource != NULL && strncmp(resource, "web", 3) == 0)
		r->socket = LGCTL_WEB_SOCKET_DEFAULT;
	else if (k != NULL ? strcmp(alarm_kind_program(k), "kms") == 0
	                   : resource != NULL && strncmp(resource, "kms", 3) == 0)
		r->socket = LGCTL_KMS_SOCKET_DEFAULT;
}

static int packed(struct lgctl_request *r, struct err *err)
{
	return r->params != NULL ? 0 : err_set(err, EINVAL, "an argument is not UTF-8");
}

int lgctl_build_alarm_list(char **args, int n, struct lgctl_request *r, struct err *err)
{
	if (n == 0)
		return 0;
	if (strcmp(args[0], "active") != 0 && strcmp(args[0], "shelved") != 0)
		return err_set(err, EINVAL, "alarm list: %s: active or shelved", args[0]);
	r->params = json_pack("{s:b}", args[0], 1);
	return packed(r, err);
}

int lgctl_build_alarm_ack(char **args, int n, struct lgctl_request *r, struct err *err)
{
	for (int i = 0; i < n; i++)
		if (strncmp(args[i], "--", 2) == 0)
			return err_set(err, EINVAL, "alarm: there is no option %s", args[i]);
	ask(r, args[0], args[1]);
	r->params = json_pack("{s:s, s:s, s:s*}", "kind", args[0], "resource", args[1], "text",
	                      n > 2 ? args[2] : NULL);
	return packed(r, err);
}

static int options(const char *command, const char *const *names, size_t count, char **args, int n,
                   struct lgctl_request *r, struct err *err)
{
	int rc = lgctl_options_build(command, names, count, args, n, &r->params, err);

	ask(r, json_string_value(json_object_get(r->params, "kind")),
	    json_string_value(json_object_get(r->params, "resource")));
	return rc;
}

static const char *const shelve_options[] = {"kind", "resource", "text", "=duration_s"};

int lgctl_build_alarm_shelve(char **args, int n, struct lgctl_request *r, struct err *err)
{
	return options("alarm shelve", shelve_options, 4, args, n, r, err);
}

int lgctl_build_alarm_unshelve(char **args, int n, struct lgctl_request *r, struct err *err)
{
	return options("alarm unshelve", shelve_options, 3, args, n, r, err);
}

int lgctl_build_alarm_history(char **args, int n, struct lgctl_request *r, struct err *err)
{
	return options("alarm history", shelve_options, 2, args, n, r, err);
}

int lgctl_build_alarm_explain(char **args, int n, struct lgctl_request *r, struct err *err)
{
	const struct alarm_kind *k;

	if (n > 0 && alarm_kind_find(args[0]) == NULL)
		return err_set(err, EINVAL, "alarm explain: there is no kind %s", args[0]);
	r->answer = json_array();
	for (size_t i = 0; (k = alarm_kind_at(i)) != NULL; i++)
		if (n == 0 || strcmp(args[0], k->kind) == 0)
			json_array_append_new(r->answer, alarm_kind_json(k));
	return 0;
}

static void join(const json_t *list, char *out, size_t size)
{
	const json_t *text;
	size_t i;

	out[0] = '\0';
	json_array_foreach ((json_t *)list, i, text)
		snprintf(out + strlen(out), size - strlen(out), "%s%s", i > 0 ? ", " : "",
		         json_string_value(text));
}

void lgctl_print_alarm_kinds(FILE *out, const json_t *result)
{
	const json_t *kind;
	char severities[64];
	size_t i;

	json_array_foreach ((json_t *)result, i, kind) {
		join(json_object_get(kind, "severities"), severities, sizeof(severities));
		fprintf(out, "%s%s: %s, at %s\n  cause:  %s.\n  action: %s.\n", i > 0 ? "\n" : "",
		        json_string_value(json_object_get(kind, "kind")), severities,
		        json_string_value(json_object_get(kind, "resource")),
		        json_string_value(json_object_get(kind, "cause")),
		        json_string_value(json_object_get(kind, "action")));
	}
}

/* The name of the user whose number is the member uid of O; NULL: there is none. */
static json_t *user(const json_t *o)
{
	const json_t *uid = json_object_get(o, "uid");
	const struct passwd *p;

	if (!json_is_integer(uid))
		return json_null();
	p = getpwuid((uid_t)json_integer_value(uid));
	return p != NULL ? json_string(p->pw_name)
	                 : json_sprintf("uid %lld", (long long)json_integer_value(uid));
}

/* LIST with the member user in each of its objects. */
static json_t *with_users(const json_t *list)
{
	json_t *rows = json_array(), *o, *row;
	size_t i;

	json_array_foreach (list, i, o) {
		row = json_copy(o);
		json_object_set_new(row, "user", user(o));
		json_array_append_new(rows, row);
	}
	return rows;
}

/* "active", "cleared", "held": over, and not believed yet; with who takes care of it. */
static json_t *state(const json_t *alarm)
{
	const json_t *ack = json_object_get(alarm, "acknowledged");
	json_t *who, *text;

	if (!json_is_true(json_object_get(alarm, "active")))
		return json_string("cleared");
	if (json_is_object(ack)) {
		who = user(ack);
		text = json_sprintf("ack by %s", json_string_value(who));
		json_decref(who);
		return text;
	}
	return json_string(json_is_true(json_object_get(alarm, "held")) ? "held" : "active");
}

void lgctl_print_alarms(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"SEVERITY", "severity"},  {"STATE", "state"},   {"KIND", "kind"},
	        {"RESOURCE", "resource"},  {"RAISED", "raised"}, {"CLEARED", "cleared"},
	        {"TIMES", "raised_count"}, {"TEXT", "text"},
	};
	json_t *rows = json_array(), *alarm, *row;
	size_t i;

	json_array_foreach (json_object_get(result, "alarms"), i, alarm) {
		row = json_copy(alarm);
		json_object_set_new(row, "state", state(alarm));
		json_array_append_new(rows, row);
	}
	LGCTL_TABLE(out, rows, columns);
	json_decref(rows);
}

void lgctl_print_alarm_history(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"NUMBER", "number"},     {"TIME", "time"}, {"CHANGE", "change"},
	        {"SEVERITY", "severity"}, {"KIND", "kind"}, {"RESOURCE", "resource"},
	        {"USER", "user"},         {"TEXT", "text"},
	};
	json_t *rows = with_users(json_object_get(result, "changes"));

	LGCTL_TABLE(out, rows, columns);
	json_decref(rows);
}

void lgctl_print_alarm_shelves(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"KIND", "kind"},   {"RESOURCE", "resource"}, {"SINCE", "since"},
	        {"UNTIL", "until"}, {"USER", "user"},         {"TEXT", "text"},
	};
	json_t *rows = with_users(json_object_get(result, "shelves"));

	LGCTL_TABLE(out, rows, columns);
	json_decref(rows);
}

int lgctl_build_why(char **args, int n, struct lgctl_request *r, struct err *err)
{
	if (n == 0)
		return 0;
	if (strncmp(args[0], "--", 2) == 0)
		return err_set(err, EINVAL, "why traffic: there is no option %s", args[0]);
	r->params = json_pack("{s:s}", "tunnel", args[0]);
	return packed(r, err);
}

/* A sentence: from a text that may begin with a small letter, as an alarm's does. */
static void sentence(FILE *out, const char *text)
{
	size_t n = strlen(text);

	if (n > 0)
		fprintf(out, "%c%s%s", toupper((unsigned char)text[0]), text + 1,
		        text[n - 1] == '.' || text[n - 1] == '?' ? "" : ".");
}

void lgctl_print_why(FILE *out, const json_t *result)
{
	const char *text = json_string_value(json_object_get(result, "text"));
	const char *action = json_string_value(json_object_get(result, "action"));
	const char *resource = json_string_value(json_object_get(result, "resource"));

	if (!json_is_true(json_object_get(result, "well")))
		fprintf(out, "%s%s%s: ", json_string_value(json_object_get(result, "cause")),
		        resource != NULL ? " at " : "", resource != NULL ? resource : "");
	sentence(out, text != NULL ? text : "");
	if (action != NULL) {
		fputs(" To do: ", out);
		/* Commands keep their small letter. */
		fputs(action, out);
		if (action[strlen(action) - 1] != '?')
			fputc('.', out);
	}
	fputc('\n', out);
}
