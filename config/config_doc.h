/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A configuration as its author wrote it: an RFC 7951 document without defaults, edited at paths.
 * Names and types in it are right at any time; whether it is whole and its parts fit together is
 * asked of config_parse(), with its text.
 *
 *     config_doc_parse(text, &doc, &err);
 *     config_doc_edit(doc, &(struct config_edit){.op = CONFIG_EDIT_MERGE,
 *                     .path = "tunnel[name='dc']/rekey/period-ms", .text = "500"}, &err);
 *     text = config_doc_text(doc);
 *
 * A path is an instance identifier of RFC 7951 section 6.11 with every list entry named by its key.
 * The container "/lumengate:gateway" at its begin, or the prefix, may be left out; "/" is the
 * whole. After config_init(), on its thread.
 */

#ifndef CONFIG_CONFIG_DOC_H
#define CONFIG_CONFIG_DOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define CONFIG_PATH_MAX 512 /* bytes of a path, its end included */

struct config_doc;

/* -EINVAL: no JSON, an unknown name, or a value that is not of its type. */
int config_doc_parse(const char *json, struct config_doc **out, struct err *err);
/* NULL: out of memory. */
struct config_doc *config_doc_dup(const struct config_doc *doc);
/* RFC 7951 JSON, to be freed; NULL: out of memory. */
char *config_doc_text(const struct config_doc *doc);
void config_doc_free(struct config_doc *doc);

enum config_edit_op {
	CONFIG_EDIT_MERGE,   /* what is in the value, nothing else changes */
	CONFIG_EDIT_REPLACE, /* what was at the path is gone */
	CONFIG_EDIT_REMOVE,
};

/* Where an entry of a list whose order counts goes (RFC 8040 section 4.8.5). */
enum config_insert {
	CONFIG_INSERT_NONE, /* where it is; a new one behind the others */
	CONFIG_INSERT_FIRST,
	CONFIG_INSERT_LAST,
	CONFIG_INSERT_BEFORE,
	CONFIG_INSERT_AFTER
};

struct config_edit {
	enum config_edit_op op;
	const char *path;
	/* Of merge and replace one of both: RFC 7951 JSON, or a leaf's value as people write it. */
	const json_t *value;
	const char *text;
	enum config_insert insert;
	const char *point; /* path of the other entry; of before and after */
};

/* 0, or an error with path and reason and DOC as it was. -ENOENT: nothing is there to remove. */
int config_doc_edit(struct config_doc *doc, const struct config_edit *edit, struct err *err);

/*
 * What becomes of FROM in TO: an array of {"path", "operation": "create" | "delete" | "replace" |
 * "move", "old", "new"} with values as in RFC 7951; of what is created or deleted as a whole, its
 * topmost node. NULL: out of memory.
 */
json_t *config_doc_diff(const struct config_doc *from, const struct config_doc *to);

/* PATH from the root on, with its prefix. -EINVAL: too long, or not a path. */
int config_path_full(const char *path, char out[CONFIG_PATH_MAX], struct err *err);

#endif
