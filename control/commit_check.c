/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/commit_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/gateway.h"

static void append(void *ctx, const char *path)
{
	json_array_append_new(ctx, json_string(path));
}

int commit_check(const char *text, struct commit_check *out, struct err *err)
{
	int rc;

	*out = (struct commit_check){.next = malloc(sizeof(*out->next)), .restart = json_array()};
	if (out->next == NULL)
		rc = err_set(err, ENOMEM, "out of memory");
	else
		rc = config_parse_normal(text, out->next, &out->normal, err);
	if (rc == 0)
		rc = config_check_system(out->next, err);
	if (rc != 0) {
		commit_check_free(out);
		return rc;
	}
	if (gateway_config() != NULL)
		config_live_each(gateway_config(), out->next, append, out->restart);
	return 0;
}

void commit_check_free(struct commit_check *check)
{
	free(check->next);
	free(check->normal);
	json_decref(check->restart);
	*check = (struct commit_check){0};
}

/* PATH is OTHER or in it. */
static bool is_in(const char *path, const char *other)
{
	size_t n = strlen(other);

	return strncmp(path, other, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/' || path[n] == '[');
}

bool commit_check_restarts(const struct commit_check *check, const char *path)
{
	const json_t *p;
	size_t i;

	json_array_foreach (check->restart, i, p)
		if (is_in(path, json_string_value(p)) || is_in(json_string_value(p), path))
			return true;
	return false;
}

void commit_check_sentence(const struct commit_check *check, char *out, size_t size)
{
	const json_t *p;
	size_t i, n = 0;

	json_array_foreach (check->restart, i, p) {
		const char *path = json_string_value(p);

		/* Room for the last words is kept. */
		if (i > 0 && n + strlen(path) + 64 > size) {
			snprintf(out + n, size - n, " and %zu more",
			         json_array_size(check->restart) - i);
			n += strlen(out + n);
			break;
		}
		snprintf(out + n, size - n, "%s%s", i > 0 ? ", " : "", path);
		n += strlen(out + n);
	}
	snprintf(out + n, size - n, ": cannot change live, restart the gateway");
}
