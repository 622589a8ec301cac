/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/no_key_watch.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "control/alarm.h"

#define PERIOD_NS (1 * NS_PER_S)
#define QUIET_NS  (10 * NS_PER_S) /* until the alarm is cleared */

static struct {
	uint64_t packets, seen_ns; /* seen_ns 0: no alarm */
} tunnels[CONFIG_TUNNELS_MAX];
static uint64_t next_ns;

void no_key_watch_reset(void)
{
	memset(tunnels, 0, sizeof(tunnels));
	next_ns = 0;
}

void no_key_watch_forget(unsigned int tunnel)
{
	tunnels[tunnel].packets = tunnels[tunnel].seen_ns = 0;
}

static void watch(unsigned int t, const char *name, uint64_t packets, uint64_t now)
{
	char resource[64], text[160];

	snprintf(resource, sizeof(resource), "tunnel/%s", name);
	if (packets != tunnels[t].packets) {
		snprintf(text, sizeof(text),
		         "no key: packets of tunnel %s leave in the clear, as its policy says",
		         name);
		alarm_raise("clear", resource, ALARM_CRITICAL, text);
		tunnels[t].packets = packets;
		tunnels[t].seen_ns = now;
	} else if (tunnels[t].seen_ns != 0 && now - tunnels[t].seen_ns >= QUIET_NS) {
		snprintf(text, sizeof(text), "no packet left in the clear for %u s",
		         (unsigned int)(QUIET_NS / NS_PER_S));
		alarm_clear("clear", resource, text);
		tunnels[t].seen_ns = 0;
	}
}

void no_key_watch_poll(const struct dataplane *dp, const struct config *config, uint64_t now)
{
	if (now < next_ns)
		return;
	next_ns = now + PERIOD_NS;
	for (unsigned int t = 0; t < config->tunnel_count; t++)
		if (config_tunnel_used(&config->tunnels[t]))
			watch(t, config->tunnels[t].name, dataplane_cleared_no_key(dp, t), now);
}
