/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One gateway: its data plane and its link, started and stopped in the order that keeps
 * ports closed until the policy is there and key bytes until nobody uses them.
 */

#ifndef CONTROL_SITE_H
#define CONTROL_SITE_H

#include <stdint.h>

#include "common/err.h"
#include "config/config.h"
#include "control/link.h"
#include "control/otdr.h"
#include "dataplane/dataplane.h"
#include "dataplane/qkd_role.h"

/* Once per process. On failure nothing is left behind and ERR names the reason. */
int site_start(const struct config *config, struct err *err);
void site_stop(void);

/* Call it every few milliseconds. */
void site_poll(uint64_t now_ns);

/*
 * Tunnels, routes, rekey periods and thresholds of NEXT, which config_live_change() has accepted.
 */
int site_reconfigure(const struct config *next, struct err *err);

/* NULL while the gateway is not running. */
struct dataplane *site_dataplane(void);
struct link *site_link(void);
struct otdr *site_otdr(void);           /* NULL as well without a quantum link */
const struct config *site_config(void); /* tunnels at their places, some of which may be free */
uint64_t site_started_ns(void);         /* clock_mono_ns() */

/* Slots a second of the card; 0 before there was one. */
double site_slot_hz(const struct qkd_role_status *s);

#endif
