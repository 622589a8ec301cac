/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/live_watch.h"

#include <stdio.h>
#include <string.h>

#include "control/alarm.h"
#include "control/tunnel_live.h"

#define PARTS 5 /* so that a turn looks at no more than a fifth of a thousand tunnels */

static struct tunnel_live tunnels[CONFIG_TUNNELS_MAX];
static bool alarmed[CONFIG_TUNNELS_MAX];
static unsigned int part;

void live_watch_reset(void)
{
	memset(tunnels, 0, sizeof(tunnels));
	memset(alarmed, 0, sizeof(alarmed));
	part = 0;
}

void live_watch_forget(unsigned int tunnel)
{
	tunnels[tunnel] = (struct tunnel_live){0};
	alarmed[tunnel] = false;
}

static void alarm_of(unsigned int t, const char *name)
{
	bool silent = tunnels[t].state == TUNNEL_LIVE_SILENT;
	char resource[64], text[160];

	if (silent == alarmed[t])
		return;
	alarmed[t] = silent;
	snprintf(resource, sizeof(resource), "tunnel/%s", name);
	snprintf(text, sizeof(text), "%s",
	         silent ? "nothing authentic arrives, and the peer answers no probe"
	                : "the peer is heard, or there is no key to ask it with");
	if (silent)
		alarm_raise("tunnel-down", resource, ALARM_MAJOR, text);
	else
		alarm_clear("tunnel-down", resource, text);
}

void live_watch_poll(struct dataplane *dp, const struct config *config, uint64_t now_ns)
{
	for (unsigned int t = part; t < config->tunnel_count; t += PARTS) {
		const struct tunnel *tunnel = dataplane_tunnel(dp, t);
		struct tunnel_totals totals;

		if (tunnel == NULL)
			continue;
		tunnel_totals_read(tunnel, &totals);
		if (tunnel_live_poll(&tunnels[t], tunnel_has_key(tunnel), totals.packets_opened,
		                     config->tunnels[t].liveness_losses, now_ns))
			dataplane_probe(dp, t);
		alarm_of(t, config->tunnels[t].name);
	}
	part = part + 1 < PARTS ? part + 1 : 0;
}

const char *live_watch_state(unsigned int tunnel)
{
	return tunnel_live_name(&tunnels[tunnel]);
}

bool live_watch_silent(unsigned int tunnel)
{
	return tunnels[tunnel].state == TUNNEL_LIVE_SILENT;
}
