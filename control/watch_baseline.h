/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The baselines of the watch on the fibre over restarts: loaded when the gateway starts, saved each
 * ten minutes, when it stops and when an operator changes them. The file is watch-baseline.json
 * beside the key store.
 */

#ifndef CONTROL_WATCH_BASELINE_H
#define CONTROL_WATCH_BASELINE_H

#include <jansson.h>
#include <stdint.h>

#include "common/err.h"
#include "config/config.h"

/* After fibre_watch_start(). A file that is refused is logged, and all is learnt anew. */
void watch_baseline_start(const struct config *config);
void watch_baseline_poll(uint64_t now_ns);
void watch_baseline_stop(void);

/* An operator: what there is now is right; or all is to be learnt anew. EIO: not saved. */
int watch_baseline_approve(struct err *err);
int watch_baseline_relearn(struct err *err);

/* The file, what came of it, what is learnt. */
json_t *watch_baseline_json(void);

#endif
