/* SPDX-License-Identifier: BSD-3-Clause */

/* Paths of nodes in a configuration, as people write them and as libyang takes them. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config_doc_parts.h"
#include "config/config_parts.h"

#define MODULE    "lumengate"
#define CONTAINER "gateway"

/* Where the step at TEXT ends: at '/', which in a predicate is one more character. */
static size_t step_length(const char *text)
{
	bool inside = false;
	char quote = '\0';
	size_t n = 0;

	for (; text[n] != '\0' && (inside || text[n] != '/'); n++) {
		if (quote != '\0') {
			if (text[n] == quote)
				quote = '\0';
		} else if (inside && (text[n] == '\'' || text[n] == '"')) {
			quote = text[n];
		} else if (text[n] == '[') {
			inside = true;
		} else if (text[n] == ']') {
			inside = false;
		}
	}
	return n;
}

static bool is_first(const char *path, const char *name)
{
	size_t n = strlen(name);

	return strncmp(path, name, n) == 0 && (path[n] == '\0' || path[n] == '/' || path[n] == '[');
}

int config_path_full(const char *path, char out[CONFIG_PATH_MAX], struct err *err)
{
	const char *lead;
	int n;

	for (const char *c = path; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return err_set(err, EINVAL, "/: the path has control characters");
	path += *path == '/';
	if (*path == '\0')
		lead = "/";
	else if (strncmp(path, MODULE ":", strlen(MODULE ":")) == 0)
		lead = "/";
	else if (is_first(path, CONTAINER) || is_first(path, "kms") || is_first(path, "web"))
		lead = "/" MODULE ":";
	else
		lead = CONFIG_ROOT "/";
	n = snprintf(out, CONFIG_PATH_MAX, "%s%s", lead, path);
	if (n >= CONFIG_PATH_MAX)
		return err_set(err, EINVAL, "/: the path has more than %d bytes",
		               CONFIG_PATH_MAX - 1);
	return 0;
}

/* "[name='dc']": a key, or '.', and its value in quotes. Returns its length, 0: it is none. */
static size_t predicate_length(const char *text, size_t len)
{
	size_t key, n;

	if (len == 0 || text[0] != '[')
		return 0;
	key = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz0123456789-.:");
	n = 1 + key;
	if (key == 0 || n + 2 >= len || text[n] != '=' ||
	    (text[n + 1] != '\'' && text[n + 1] != '"'))
		return 0;
	for (n += 2; n < len && text[n] != text[1 + key + 1]; n++)
		;
	return n + 1 < len && text[n + 1] == ']' ? n + 2 : 0;
}

/* One step, LEN bytes from path[AT] on. */
static int take_step(struct config_place *p, size_t at, size_t len, struct err *err)
{
	const struct lys_module *module =
	        ly_ctx_get_module_implemented(config_yang_context(), MODULE);
	const char *step = p->path + at, *name = step;
	size_t name_len = strcspn(step, "[/"), at_predicate, n;

	if (p->schema != NULL && (p->schema->nodetype & (LYS_LIST | LYS_LEAFLIST)) != 0 &&
	    !p->entry)
		return err_set(err, EINVAL, "%.*s: is a list: name one entry, as in [name='...']",
		               (int)at - 1, p->path);
	if (strncmp(name, MODULE ":", strlen(MODULE ":")) == 0) {
		name += strlen(MODULE ":");
		name_len -= strlen(MODULE ":");
	}
	at_predicate = (size_t)(name - step) + name_len;
	p->schema = name_len > 0 ? lys_find_child(p->schema, module, name, name_len, 0, 0) : NULL;
	if (p->schema == NULL)
		return err_set(err, EINVAL, "%.*s: the model has no such node",
		               (int)(at + at_predicate), p->path);
	for (p->entry = false; at_predicate < len; at_predicate += n, p->entry = true) {
		n = predicate_length(step + at_predicate, len - at_predicate);
		if (n == 0)
			return err_set(err, EINVAL, "%.*s: not an entry such as [name='...']",
			               (int)(at + len), p->path);
	}
	if (p->entry && (p->schema->nodetype & (LYS_LIST | LYS_LEAFLIST)) == 0)
		return err_set(err, EINVAL, "%.*s: is not a list: it has no entries",
		               (int)(at + len), p->path);
	return 0;
}

int config_place_find(const char *path, struct config_place *out, struct err *err)
{
	size_t at = 1, len;
	int rc;

	*out = (struct config_place){0};
	rc = config_path_full(path, out->path, err);
	while (rc == 0 && out->path[at] != '\0') {
		len = step_length(out->path + at);
		rc = take_step(out, at, len, err);
		out->parent = at - 1;
		at += len;
		if (out->path[at] == '/' && out->path[at + 1] != '\0')
			at++;
		else if (out->path[at] == '/')
			out->path[at] = '\0';
	}
	return rc;
}
