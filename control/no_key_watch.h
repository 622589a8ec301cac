/* SPDX-License-Identifier: BSD-3-Clause */

/* The alarm "clear": packets of a tunnel leave in the clear, as it has no key. */

#ifndef CONTROL_NO_KEY_WATCH_H
#define CONTROL_NO_KEY_WATCH_H

#include <stdint.h>

#include "config/config.h"
#include "dataplane/dataplane.h"

void no_key_watch_reset(void);
void no_key_watch_forget(unsigned int tunnel);

/* Cheap but once a second. */
void no_key_watch_poll(const struct dataplane *dp, const struct config *config, uint64_t now_ns);

#endif
