/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's snapshots as JSON: for methods and telemetry. Control thread only. */

#ifndef CONTROL_SNAPSHOT_H
#define CONTROL_SNAPSHOT_H

#include <jansson.h>

/* New references; NULL when the gateway offers no such snapshot. */
json_t *snapshot_link(void);
json_t *snapshot_tunnels(void);
json_t *snapshot_keystore(void);

#endif
