/* SPDX-License-Identifier: BSD-3-Clause */

/* Why is there no traffic? From the cables to what comes back. */

#ifndef CONTROL_WHY_TRAFFIC_H
#define CONTROL_WHY_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

#include "control/why.h"

#define WHY_DROPS_MAX 128

/* Of the last WINDOW_S seconds, where nothing else is said. */
struct why_traffic_facts {
	double window_s;
	uint64_t lan_rx, wan_rx;         /* packets, also those that are not for us */
	uint64_t lan_missed, wan_missed; /* that we were too slow for */
	uint64_t sealed, opened;
	uint64_t probes_sealed, probes_opened; /* of them: tunnels that ask whether they live */
	/* By counter; NULL ends them. */
	struct why_drop {
		const char *counter;
		uint64_t packets;
	} drops[WHY_DROPS_MAX + 1];
	const char *tunnel;    /* that was asked for, or NULL: all */
	const char *keyless;   /* a tunnel of these that has no key; NULL: none */
	const struct why *key; /* why there is none */
};

void why_traffic(const struct why_traffic_facts *f, struct why *out);

/* What a counter of drops means and what to do; its name and the documents when it is a rare one.
 */
struct why_drop_hint {
	const char *counter, *meaning, *action;
	bool counted; /* as sealed, or opened, before they were dropped */
};
struct why_drop_hint why_drop_hint(const char *counter);
/* The I-th that is no rare one; NULL past the last. */
const struct why_drop_hint *why_drop_hint_at(size_t i);

#endif
