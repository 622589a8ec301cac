/* SPDX-License-Identifier: BSD-3-Clause */

/* What a commit finds out before it changes anything. */

#ifndef CONTROL_COMMIT_CHECK_H
#define CONTROL_COMMIT_CHECK_H

#include <jansson.h>
#include <stdbool.h>

#include "config/config.h"

struct commit_check {
	struct config *next;
	char *normal;    /* with all defaults */
	json_t *restart; /* paths, as config_live_each() tells them; empty before the gateway runs
	                  */
};

/* TEXT is a configuration that fits this machine: 0; -EINVAL, -ENOENT: path and reason. */
int commit_check(const char *text, struct commit_check *out, struct err *err);
void commit_check_free(struct commit_check *check);

/* Is what PATH names, or something in it, among the paths that need a restart? */
bool commit_check_restarts(const struct commit_check *check, const char *path);

/* The paths as far as a sentence has room for them. */
void commit_check_sentence(const struct commit_check *check, char *out, size_t size);

#endif
