/* SPDX-License-Identifier: BSD-3-Clause */

/* What else is on the fibre, for `lgctl dwdm show`: plan, scan, prediction, what is measured. */

#ifndef CONTROL_DWDM_JSON_H
#define CONTROL_DWDM_JSON_H

#include <jansson.h>

#include "control/dwdm_compare.h"

/* SCAN of this end and FAR of the other may be NULL; error rates of the last second. */
json_t *dwdm_json(const struct config *config, double slot_hz, const struct card_ocm_scan *scan,
                  const struct card_ocm_scan *far, double qber_z, double qber_x);

#endif
