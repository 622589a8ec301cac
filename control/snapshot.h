/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's snapshots as JSON: for methods and telemetry. Control thread only. */

#ifndef CONTROL_SNAPSHOT_H
#define CONTROL_SNAPSHOT_H

#include <jansson.h>

/* New references; NULL when the gateway offers no such snapshot. */
json_t *snapshot_link(void);
/*
 * Up to LIMIT of the tunnels, and of the SAs of TUNNEL or of all (NULL), from the OFFSET-th on;
 * *TOTAL is how many there are.
 */
json_t *snapshot_tunnels(unsigned int offset, unsigned int limit, unsigned int *total);
json_t *snapshot_sas(const char *tunnel, unsigned int offset, unsigned int limit,
                     unsigned int *total);
json_t *snapshot_keystore(void);

#endif
