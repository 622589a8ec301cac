/* SPDX-License-Identifier: BSD-3-Clause */

/* Commands of lgctl that carry a file to the gateway. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/secret.h"
#include "control/lgctl.h"

#define IMPORT_MAX ((size_t)64 << 10) /* bytes; the gateway takes no more at once */
#define CONFIG_MAX ((size_t)4 << 20)

/* The whole file; the caller wipes and frees CAP bytes. */
static int read_file(const char *path, size_t max, char **out, size_t *len, struct err *err)
{
	FILE *f = fopen(path, "re");
	char *buf;
	int rc = 0;

	if (f == NULL)
		return err_set(err, EINVAL, "%s: %s", path, strerror(errno));
	setvbuf(f, NULL, _IONBF, 0);
	buf = calloc(1, max + 2);
	*len = buf != NULL ? fread(buf, 1, max + 1, f) : 0;
	if (buf == NULL)
		rc = err_set(err, EINVAL, "%s: out of memory", path);
	else if (ferror(f))
		rc = err_set(err, EINVAL, "%s: cannot be read", path);
	else if (*len > max)
		rc = err_set(err, EINVAL, "%s: larger than %zu bytes", path, max);
	fclose(f);
	if (rc != 0 && buf != NULL) {
		secret_wipe(buf, max + 2);
		free(buf);
	}
	*out = buf;
	return rc;
}

int lgctl_read_json(const char *path, json_t **out, struct err *err)
{
	json_error_t where;
	char *text;
	size_t len;
	int rc;

	rc = read_file(path, CONFIG_MAX, &text, &len, err);
	if (rc != 0)
		return rc;
	*out = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
	free(text);
	if (*out == NULL)
		return err_set(err, EINVAL, "%s: line %d column %d: %s", path, where.line,
		               where.column, where.text);
	return 0;
}

int lgctl_build_config(char **args, int n, struct lgctl_request *r, struct err *err)
{
	json_t *config;
	int rc = lgctl_read_json(args[0], &config, err);

	if (rc == 0)
		r->params = json_pack("{s:o}", "config", lgctl_config_prefixed(config));
	return rc;
}

int lgctl_build_import(char **args, int n, struct lgctl_request *r, struct err *err)
{
	size_t len = 0, text_size = (IMPORT_MAX + 2) / 3 * 4 + 1;
	char *data = NULL, *text;
	int rc;

	rc = read_file(args[0], IMPORT_MAX, &data, &len, err);
	if (rc != 0)
		return rc;
	text = malloc(text_size);
	if (len == 0 || len % 32 != 0 || text == NULL) {
		rc = err_set(err, EINVAL, "%s: %zu bytes are not a multiple of 32", args[0], len);
	} else {
		base64_encode((const uint8_t *)data, len, text);
		r->params = json_pack("{s:s}", "data", text);
	}
	secret_wipe(data, IMPORT_MAX + 2);
	free(data);
	if (text != NULL)
		secret_wipe(text, text_size);
	free(text);
	return rc;
}
