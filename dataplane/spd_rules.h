/* SPDX-License-Identifier: BSD-3-Clause */

/* From the configuration to the rules of the policy. */

#ifndef DATAPLANE_SPD_RULES_H
#define DATAPLANE_SPD_RULES_H

#include "config/config.h"
#include "dataplane/spd.h"

/* The rules of a checked CONFIG, in order; OUT has room for SPD_RULES_MAX. Their number. */
unsigned int spd_rules_build(const struct config *config, struct spd_rule *out);

#endif
