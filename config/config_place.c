/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A tunnel's index is its place: in the data plane's tables, in the rekeying's SPIs. So that none
 * moves while others come and go, tunnels of the configuration that runs stay where they are, and
 * places of those that went are free: an entry without a name.
 */

#include "config/config.h"

#include <errno.h>
#include <string.h>

unsigned int config_tunnel_number(const struct config *config)
{
	unsigned int n = 0;

	for (unsigned int t = 0; t < config->tunnel_count; t++)
		n += config_tunnel_used(&config->tunnels[t]);
	return n;
}

int config_place(const struct config *current, const struct config *next, struct config *out,
                 struct err *err)
{
	unsigned int free_place = 0;

	*out = *next;
	memset(out->tunnels, 0, sizeof(out->tunnels));
	out->tunnel_count = 0;
	for (unsigned int i = 0; i < next->tunnel_count; i++) {
		const struct config_tunnel *t = &next->tunnels[i];
		int at = config_tunnel_used(t) ? config_tunnel_index(current, t->name) : -1;

		if (at >= 0)
			out->tunnels[at] = *t;
	}
	for (unsigned int i = 0; i < next->tunnel_count; i++) {
		const struct config_tunnel *t = &next->tunnels[i];

		if (!config_tunnel_used(t) || config_tunnel_index(current, t->name) >= 0)
			continue;
		/* Not in the place of one that goes: both are there for a moment. */
		while (free_place < CONFIG_TUNNELS_MAX &&
		       (config_tunnel_used(&out->tunnels[free_place]) ||
		        (free_place < current->tunnel_count &&
		         config_tunnel_used(&current->tunnels[free_place]))))
			free_place++;
		if (free_place == CONFIG_TUNNELS_MAX)
			return err_set(
			        err, ENOSPC,
			        "/lumengate:gateway/tunnel[name='%s']: no more than %u tunnels, "
			        "with those that go: remove these first",
			        t->name, CONFIG_TUNNELS_MAX);
		out->tunnels[free_place] = *t;
	}
	for (unsigned int t = 0; t < CONFIG_TUNNELS_MAX; t++)
		if (config_tunnel_used(&out->tunnels[t]))
			out->tunnel_count = t + 1;
	return 0;
}
