/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config_doc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_doc_parts.h"

int config_doc_parse(const char *json, struct config_doc **out, struct err *err)
{
	struct config_doc *doc = calloc(1, sizeof(*doc));
	json_error_t where;
	json_t *plain;

	if (doc == NULL)
		return err_set(err, ENOMEM, "/: out of memory");
	/* jansson first: it says where the syntax breaks, and bounds the nesting. */
	plain = json_loads(json, JSON_REJECT_DUPLICATES, &where);
	if (plain == NULL) {
		free(doc);
		return err_set(err, EINVAL, "line %d column %d: %s", where.line, where.column,
		               where.text);
	}
	json_decref(plain);
	if (lyd_parse_data_mem(config_yang_context(), json, LYD_JSON,
	                       LYD_PARSE_ONLY | LYD_PARSE_STRICT | LYD_PARSE_NO_STATE, 0,
	                       &doc->tree) != LY_SUCCESS) {
		config_doc_free(doc);
		return config_yang_complain(err, "/");
	}
	*out = doc;
	return 0;
}

struct config_doc *config_doc_dup(const struct config_doc *doc)
{
	struct config_doc *copy = calloc(1, sizeof(*copy));

	if (copy != NULL && doc->tree != NULL &&
	    lyd_dup_siblings(doc->tree, NULL, LYD_DUP_RECURSIVE, &copy->tree) != LY_SUCCESS) {
		free(copy);
		return NULL;
	}
	return copy;
}

char *config_doc_text(const struct config_doc *doc)
{
	char *text = NULL;

	if (doc->tree == NULL)
		return strdup("{}\n");
	if (lyd_print_mem(&text, doc->tree, LYD_JSON,
	                  LYD_PRINT_WD_EXPLICIT | LYD_PRINT_WITHSIBLINGS) != LY_SUCCESS)
		return NULL;
	return text;
}

void config_doc_free(struct config_doc *doc)
{
	if (doc == NULL)
		return;
	lyd_free_all(doc->tree);
	free(doc);
}
