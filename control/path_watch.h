/* SPDX-License-Identifier: BSD-3-Clause */

/* The way of each tunnel's outer packets, and of the channel's, where there are two. */

#ifndef CONTROL_PATH_WATCH_H
#define CONTROL_PATH_WATCH_H

#include "config/config.h"
#include "dataplane/dataplane.h"

void path_watch_reset(void);
void path_watch_forget(unsigned int outer);

/* SESSION: of the channel, 0 while there is none. */
void path_watch_poll(struct dataplane *dp, const struct config *config, uint64_t session,
                     uint64_t now_ns);

/* "primary", "backup", or NULL where there is one way. */
const char *path_watch_state(const struct dataplane *dp, unsigned int outer);

#endif
