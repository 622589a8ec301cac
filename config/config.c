/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_parts.h"

#define FILE_MAX (4u << 20) /* bytes; as much as a request on the control socket may have */

int config_init(const char *yang_dir, struct err *err)
{
	return config_yang_init(yang_dir != NULL ? yang_dir : LUMENGATE_YANG_DIR, err);
}

void config_fini(void)
{
	config_yang_fini();
}

int config_parse_normal(const char *json, struct config *out, char **normal, struct err *err)
{
	struct config *config;
	json_t *tree = NULL;
	char *text = NULL;
	int rc;

	rc = config_yang_check(json, &CONFIG_ROOT[1], &tree, err);
	if (rc != 0)
		return rc;
	config = malloc(sizeof(*config));
	if (config == NULL) {
		rc = err_set(err, ENOMEM, "/: out of memory");
		goto out;
	}
	rc = config_tree_read(tree, config, err);
	if (rc == 0)
		rc = config_check(config, err);
	if (rc != 0)
		goto out;
	if (normal != NULL) {
		text = json_dumps(tree, JSON_INDENT(2));
		if (text == NULL) {
			rc = err_set(err, ENOMEM, "/: out of memory");
			goto out;
		}
		*normal = text;
	}
	if (out != NULL)
		*out = *config;
out:
	free(config);
	json_decref(tree);
	return rc;
}

int config_parse(const char *json, struct config *out, struct err *err)
{
	return config_parse_normal(json, out, NULL, err);
}

int config_file_text(const char *path, char **text, struct err *err)
{
	FILE *f = fopen(path, "re");
	size_t n;
	char *buf;
	int rc = 0;

	if (f == NULL)
		return err_set(err, errno, "%s: %s", path, strerror(errno));
	buf = malloc(FILE_MAX + 1);
	if (buf == NULL) {
		fclose(f);
		return err_set(err, ENOMEM, "%s: out of memory", path);
	}
	n = fread(buf, 1, FILE_MAX + 1, f);
	if (ferror(f))
		rc = err_set(err, EIO, "%s: cannot be read", path);
	else if (n > FILE_MAX)
		rc = err_set(err, EFBIG, "%s: larger than %u bytes", path, FILE_MAX);
	else if (memchr(buf, '\0', n) != NULL)
		rc = err_set(err, EINVAL, "%s: holds a zero byte", path);
	fclose(f);
	if (rc != 0) {
		free(buf);
		return rc;
	}
	buf[n] = '\0';
	*text = buf;
	return 0;
}

int config_load_normal(const char *path, struct config *out, char **normal, struct err *err)
{
	char *text = NULL;
	int rc;

	rc = config_file_text(path, &text, err);
	if (rc != 0)
		return rc;
	rc = config_parse_normal(text, out, normal, err);
	free(text);
	return rc == 0 ? 0 : err_prefix(err, "%s", path);
}

int config_load(const char *path, struct config *out, struct err *err)
{
	return config_load_normal(path, out, NULL, err);
}
