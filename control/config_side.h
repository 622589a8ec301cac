/* SPDX-License-Identifier: BSD-3-Clause */

/* The configurations that can be looked at and compared, by the names that clients give them. */

#ifndef CONTROL_CONFIG_SIDE_H
#define CONTROL_CONFIG_SIDE_H

#include <jansson.h>

#include "config/config_doc.h"

/* What clients are told of NAME below. */
#define CONFIG_SIDES                                                                               \
	"running, startup (the file), candidate, or a number as of config_history: 0 the newest "  \
	"that was committed, 1 the one before"

/*
 * *OUT, to be freed, is the configuration NAME: a string or a number, NULL for that of FALLBACK.
 * -EINVAL: there is no such name; PARAM is that of the parameter. -ENOENT: nothing is there.
 */
int config_side(const char *param, const json_t *name, const char *fallback,
                struct config_doc **out, struct err *err);

#endif
