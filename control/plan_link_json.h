/* SPDX-License-Identifier: BSD-3-Clause */

/* The parameter file of `lgctl plan link`. docs/operating.md lists its members. */

#ifndef CONTROL_PLAN_LINK_JSON_H
#define CONTROL_PLAN_LINK_JSON_H

#include <jansson.h>

#include "common/err.h"
#include "control/plan_link.h"

/* The members that describe the link. EINVAL names the field and what is wrong with it. */
int plan_link_read(const json_t *o, struct plan_link *l, struct err *err);

/* What the file says beside: members that are read elsewhere. */
int plan_link_read_beside(const json_t *o, const char *const *others, size_t other_count,
                          struct plan_link *l, struct err *err);

#endif
