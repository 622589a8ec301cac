/* SPDX-License-Identifier: BSD-3-Clause */

/* What differs between two configurations. */

#include <stdlib.h>
#include <string.h>

#include "config/config_doc_parts.h"

/* The value of NODE as in RFC 7951; null for NULL. */
static json_t *value_of(const struct lyd_node *node)
{
	char *text = NULL;
	json_t *o, *value;

	if (node == NULL)
		return json_null();
	if (lyd_print_mem(&text, node, LYD_JSON, LYD_PRINT_WD_EXPLICIT | LYD_PRINT_KEEPEMPTYCONT) !=
	            LY_SUCCESS ||
	    text == NULL)
		return NULL;
	o = json_loads(text, 0, NULL);
	free(text);
	value = json_object_iter_value(json_object_iter(o));
	/* Of a list, libyang prints the one entry in its array. */
	if ((node->schema->nodetype & (LYS_LIST | LYS_LEAFLIST)) != 0)
		value = json_array_get(value, 0);
	json_incref(value);
	json_decref(o);
	return value;
}

static json_t *value_at(const struct config_doc *doc, const char *path)
{
	struct lyd_node *node = NULL;

	if (doc->tree == NULL || lyd_find_path(doc->tree, path, 0, &node) != LY_SUCCESS)
		node = NULL;
	ly_err_clean((struct ly_ctx *)config_yang_context(), NULL);
	return value_of(node);
}

/* The operation that libyang gave the node itself, else NULL: that of its parent. */
static const char *operation(const struct lyd_node *node)
{
	const struct lyd_meta *m = lyd_find_meta(node->meta, NULL, "yang:operation");

	return m != NULL ? lyd_get_meta_value(m) : NULL;
}

static int append(json_t *list, const struct lyd_node *node, const char *what,
                  const struct config_doc *from, const struct config_doc *to)
{
	char *path = lyd_path(node, LYD_PATH_STD, NULL, 0);
	json_t *entry;

	if (path == NULL)
		return -1;
	entry = json_pack("{s:s, s:s, s:o, s:o}", "path", path, "operation", what, "old",
	                  strcmp(what, "create") != 0 ? value_at(from, path) : json_null(), "new",
	                  strcmp(what, "delete") != 0 ? value_at(to, path) : json_null());
	free(path);
	return entry != NULL ? json_array_append_new(list, entry) : -1;
}

static int walk(json_t *list, const struct lyd_node *diff, const struct config_doc *from,
                const struct config_doc *to)
{
	const struct lyd_node *node;
	int rc = 0;

	LY_LIST_FOR(diff, node)
	{
		const char *op = operation(node);

		if (op != NULL && strcmp(op, "none") != 0) {
			/* Of an entry it is its place that is another. */
			if ((node->schema->nodetype & (LYS_LIST | LYS_LEAFLIST)) != 0 &&
			    strcmp(op, "replace") == 0)
				rc = append(list, node, "move", from, to);
			else
				rc = append(list, node, op, from, to);
		}
		if (rc == 0 &&
		    (op == NULL || strcmp(op, "none") == 0 || strcmp(op, "replace") == 0))
			rc = walk(list, lyd_child_no_keys(node), from, to);
		if (rc != 0)
			return rc;
	}
	return 0;
}

json_t *config_doc_diff(const struct config_doc *from, const struct config_doc *to)
{
	struct lyd_node *diff = NULL;
	json_t *list = json_array();

	if (lyd_diff_siblings(from->tree, to->tree, 0, &diff) != LY_SUCCESS ||
	    walk(list, diff, from, to) != 0) {
		json_decref(list);
		list = NULL;
	}
	lyd_free_all(diff);
	ly_err_clean((struct ly_ctx *)config_yang_context(), NULL);
	return list;
}
