/* SPDX-License-Identifier: BSD-3-Clause */

/* A card's status as JSON: counters, readings, control loops and analog settings. */

#ifndef CONTROL_CARD_JSON_H
#define CONTROL_CARD_JSON_H

#include <jansson.h>

#include "drivers/card.h"
#include "drivers/steer/gate.h"

json_t *card_json(const struct card_status *s);
/* The receiver's gates, which the optics role steers. */
json_t *card_gate_json(const struct steer_gate *g);

/* "attenuator", "bias", "laser", "detectors" */
const char *card_loop_name(enum card_loop loop);

#endif
