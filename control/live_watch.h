/* SPDX-License-Identifier: BSD-3-Clause */

/* Liveness of all tunnels: whom to probe, who is silent, the alarm of that. */

#ifndef CONTROL_LIVE_WATCH_H
#define CONTROL_LIVE_WATCH_H

#include "config/config.h"
#include "dataplane/dataplane.h"

void live_watch_reset(void);
void live_watch_forget(unsigned int tunnel);

/* Call it every 50 ms or so: it looks at a part of the tunnels each time, at each 4 times a second.
 */
void live_watch_poll(struct dataplane *dp, const struct config *config, uint64_t now_ns);

/* "up", "no-key" or "peer-silent". */
const char *live_watch_state(unsigned int tunnel);
bool live_watch_silent(unsigned int tunnel);

#endif
