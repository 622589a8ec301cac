/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config_parts.h"

#include <errno.h>
#include <libyang/libyang.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_doc_parts.h"

static struct ly_ctx *context;

int config_yang_init(const char *dir, struct err *err)
{
	if (context != NULL)
		return 0;
	/* Errors are ours to report, in one line. */
	ly_log_options(LY_LOSTORE);
	if (ly_ctx_new(dir, LY_CTX_NO_YANGLIBRARY | LY_CTX_DISABLE_SEARCHDIR_CWD, &context) !=
	    LY_SUCCESS)
		return err_set(err, ENOENT,
		               "%s: cannot use this directory of YANG modules; --yang-dir names "
		               "another",
		               dir);
	if (ly_ctx_load_module(context, "lumengate", NULL, NULL) == NULL) {
		config_yang_fini();
		return err_set(err, ENOENT,
		               "%s/lumengate.yang: cannot be loaded; --yang-dir names another "
		               "directory of YANG modules",
		               dir);
	}
	return 0;
}

void config_yang_fini(void)
{
	ly_ctx_destroy(context);
	context = NULL;
}

/* Where libyang saw the error: in the data, else in the schema. */
static const char *item_path(const struct ly_err_item *item)
{
#ifdef HAVE_LY_ERR_DATA_PATH
	return item->data_path != NULL ? item->data_path : item->schema_path;
#else
	return item->path;
#endif
}

/*
 * libyang 2 puts 'Data location "PATH", line number N.' or 'Schema location "PATH".' into
 * the path member.
 */
static void copy_path(const char *from, char *to, size_t size)
{
	const char *quote = from == NULL ? NULL : strchr(from, '"');
	size_t len;

	if (from == NULL || from[0] == '\0') {
		from = "/";
		len = 1;
	} else if (quote != NULL && from[0] != '/' && strrchr(from, '"') > quote) {
		from = quote + 1;
		len = (size_t)(strrchr(from, '"') - from);
	} else {
		len = strlen(from);
	}
	if (len >= size)
		len = size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

/* libyang 3 says of what is missing where it should be, not what: that is in the message alone. */
static void append_missing(const char *msg, char *path, size_t size)
{
	const char *name =
	        strncmp(msg, "Mandatory ", strlen("Mandatory ")) == 0 ? strchr(msg, '"') : NULL;
	size_t len = name == NULL ? 0 : strcspn(name + 1, "\""), have = strlen(path);

	if (len == 0 || (have > len && path[have - len - 1] == '/' &&
	                 strncmp(path + have - len, name + 1, len) == 0))
		return;
	snprintf(path + have, size - have, "/%.*s", (int)len, name + 1);
}

static int yang_error(struct err *err)
{
	const struct ly_err_item *item = ly_err_first(context);
	char path[128];
	const char *msg;
	size_t len;

	if (item == NULL || item->msg == NULL)
		return err_set(err, EINVAL, "/: refused by the YANG module");
	copy_path(item_path(item), path, sizeof(path));
	msg = item->msg;
	append_missing(msg, path, sizeof(path));
	len = strcspn(msg, "\n");
	while (len > 0 && msg[len - 1] == '.')
		len--;
	return err_set(err, EINVAL, "%s: %.*s", path, (int)len, msg);
}

const struct ly_ctx *config_yang_context(void)
{
	return context;
}

int config_yang_complain(struct err *err, const char *path)
{
	struct err said = {0};
	int rc = yang_error(&said);

	ly_err_clean(context, NULL);
	if (strncmp(said.text, "/: ", 3) == 0)
		return err_set(err, -rc, "%s: %s", path, said.text + 3);
	return err_set(err, -rc, "%s", said.text);
}

/*
 * Of some errors, such as duplicate entries of a list in a list, libyang knows no more than the
 * subtree that it was reading: their path does not begin at the root. Those are found again in the
 * whole tree.
 */
static bool path_is_cut(void)
{
	const struct ly_err_item *item = ly_err_first(context);
	char path[128];

	if (item == NULL)
		return false;
	copy_path(item_path(item), path, sizeof(path));
	return strncmp(path, CONFIG_ROOT, strlen(CONFIG_ROOT)) != 0 &&
	       strncmp(path, CONFIG_KMS_ROOT, strlen(CONFIG_KMS_ROOT)) != 0 &&
	       strncmp(path, CONFIG_WEB_ROOT, strlen(CONFIG_WEB_ROOT)) != 0;
}

static bool read_data(const char *text, struct lyd_node **data)
{
	const uint32_t parse = LYD_PARSE_STRICT | LYD_PARSE_NO_STATE;
	const uint32_t validate = LYD_VALIDATE_PRESENT | LYD_VALIDATE_NO_STATE;

	if (lyd_parse_data_mem(context, text, LYD_JSON, parse, validate, data) == LY_SUCCESS)
		return true;
	if (!path_is_cut())
		return false;
	ly_err_clean(context, NULL);
	lyd_free_all(*data);
	*data = NULL;
	return lyd_parse_data_mem(context, text, LYD_JSON, parse | LYD_PARSE_ONLY, 0, data) ==
	               LY_SUCCESS &&
	       lyd_validate_all(data, context, validate, NULL) == LY_SUCCESS;
}

int config_yang_check(const char *text, const char *root, json_t **tree, struct err *err)
{
	struct lyd_node *data = NULL;
	char *normal = NULL;
	json_error_t where;
	json_t *plain;
	int rc = 0;

	/* jansson first: it says where the syntax breaks, and bounds the nesting. */
	plain = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	if (plain == NULL)
		return err_set(err, EINVAL, "line %d column %d: %s", where.line, where.column,
		               where.text);
	if (json_object_get(plain, root) == NULL)
		rc = err_set(err, EINVAL, "/%s: missing", root);
	json_decref(plain);
	if (rc != 0)
		return rc;

	ly_err_clean(context, NULL);
	if (!read_data(text, &data)) {
		rc = yang_error(err);
		goto out;
	}
	if (lyd_print_mem(&normal, data, LYD_JSON, LYD_PRINT_WD_ALL | LYD_PRINT_WITHSIBLINGS) !=
	            LY_SUCCESS ||
	    normal == NULL) {
		rc = err_set(err, ENOMEM, "/: cannot be written in canonical form");
		goto out;
	}
	*tree = json_loads(normal, 0, NULL);
	if (*tree == NULL)
		rc = err_set(err, ENOMEM, "/: cannot be written in canonical form");
out:
	free(normal);
	lyd_free_all(data);
	ly_err_clean(context, NULL);
	return rc;
}
