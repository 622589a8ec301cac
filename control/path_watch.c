/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/path_watch.h"

#include <stdio.h>
#include <string.h>

#include "control/alarm.h"
#include "control/live_watch.h"
#include "control/wan_path.h"

static struct wan_path paths[FIB_OUTER_MAX];
static bool alarmed[FIB_OUTER_MAX];

void path_watch_reset(void)
{
	memset(paths, 0, sizeof(paths));
	memset(alarmed, 0, sizeof(alarmed));
}

void path_watch_forget(unsigned int outer)
{
	paths[outer] = (struct wan_path){0};
	alarmed[outer] = false;
}

static void alarm_of(const struct config *config, unsigned int outer, bool backup)
{
	char resource[64];

	if (backup == alarmed[outer])
		return;
	alarmed[outer] = backup;
	if (outer == FIB_OUTER_CHANNEL)
		snprintf(resource, sizeof(resource), "link/%s", config->link);
	else
		snprintf(resource, sizeof(resource), "tunnel/%s", config->tunnels[outer].name);
	if (backup)
		alarm_raise("wan-backup", resource, ALARM_WARNING,
		            "outer packets take the backup next hop: the primary does not answer, "
		            "or nothing comes back by it");
	else
		alarm_clear("wan-backup", resource, "outer packets take the primary next hop");
}

static void poll_one(struct dataplane *dp, const struct config *config, unsigned int outer,
                     bool silent, uint64_t now_ns)
{
	struct forward_hops hops;
	struct wan_path_input in;

	dataplane_hops(dp, outer, &hops);
	in = (struct wan_path_input){.has_backup = hops.has_backup,
	                             .reachable = {hops.reachable[0], hops.reachable[1]},
	                             .silent = silent,
	                             .stay = hops.stay};
	if (wan_path_poll(&paths[outer], &in, now_ns))
		dataplane_hop_select(dp, outer, paths[outer].active);
	alarm_of(config, outer, paths[outer].active != 0);
}

void path_watch_poll(struct dataplane *dp, const struct config *config, uint64_t session,
                     uint64_t now_ns)
{
	for (unsigned int t = 0; t < config->tunnel_count; t++)
		if (config_tunnel_used(&config->tunnels[t]))
			poll_one(dp, config, t, live_watch_silent(t), now_ns);
	if (config->channel.port != 0)
		poll_one(dp, config, FIB_OUTER_CHANNEL, session == 0, now_ns);
}

const char *path_watch_state(const struct dataplane *dp, unsigned int outer)
{
	struct forward_hops hops;

	dataplane_hops(dp, outer, &hops);
	if (!hops.has_backup)
		return NULL;
	return paths[outer].active != 0 ? "backup" : "primary";
}
