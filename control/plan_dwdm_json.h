/* SPDX-License-Identifier: BSD-3-Clause */

/* The parameter file of `lgctl plan dwdm`: that of `plan link`, the fibre's length, its channels.
 */

#ifndef CONTROL_PLAN_DWDM_JSON_H
#define CONTROL_PLAN_DWDM_JSON_H

#include <jansson.h>

#include "common/err.h"
#include "control/plan_dwdm.h"

/* EINVAL names the field and what is wrong with it. */
int plan_dwdm_read(const json_t *o, struct plan_dwdm *d, struct err *err);

#endif
