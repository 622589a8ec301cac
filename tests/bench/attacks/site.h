/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The watch of either site: the gateway's own (control/fibre_watch.c), compiled once for each,
 * since a process has one. What it raises goes to alarms.h.
 */

#ifndef TESTS_BENCH_ATTACKS_SITE_H
#define TESTS_BENCH_ATTACKS_SITE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "dataplane/qkd_role.h"

struct site_watch {
	void (*start)(const struct config *config);
	void (*poll)(const struct qkd_role_status *s, double peer_power, uint64_t now_ns);
	void (*card)(const struct card_monitor *record);
	void (*counts)(const struct optics_monitor_counts *counts, double seconds);
	bool (*holds)(void);
	json_t *(*json)(void);
};
extern const struct site_watch site_a_watch, site_b_watch;

#endif
