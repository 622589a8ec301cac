/* SPDX-License-Identifier: BSD-3-Clause */

/* From the configuration to the forwarding tables. */

#ifndef DATAPLANE_ROUTES_H
#define DATAPLANE_ROUTES_H

#include "common/err.h"
#include "config/config.h"
#include "dataplane/fib.h"
#include "dataplane/iface.h"
#include "dataplane/port.h"
#include "dataplane/spd.h"

#define ROUTES_MAX                                                                                 \
	(CONFIG_ROUTES_MAX + CONFIG_LEARN_MAX + 8 * CONFIG_ADDRESSES_MAX * (1 + CONFIG_SUBS_MAX) + \
	 IFACES_MAX * IFACE_VIRTUAL_MAX + 16)

struct routes {
	unsigned int count;
	struct fib_route route[ROUTES_MAX];
	struct fib_outer outer[FIB_OUTER_MAX];
	/* The WAN's prefixes and routes: for what the policy lets through in the clear. */
	unsigned int wan_count;
	struct spd_wan_route wan[CONFIG_ROUTES_MAX + CONFIG_ADDRESSES_MAX + CONFIG_LEARN_MAX];
};

/*
 * What daemons learned on a port (iface.learnt) counts as if it were configured, after what is:
 * of equal prefixes the configured one is taken. Without a way to a peer its outer next hop is
 * not valid where the WAN port learns routes, else that is an error.
 *
 * An outer next hop is not valid where another station has the local address of its tunnel.
 * -EINVAL: a next hop is not on its port's link, or a route names no tunnel; -ENETUNREACH: no
 * WAN route leads to a peer.
 */
int routes_build(const struct config *config, const struct iface *iface, struct routes *out,
                 struct err *err);

/*
 * The outer next hop of tunnel TUNNEL anew, whose peer is at PEER now; with an error what was there
 * stays.
 */
int routes_outer(const struct config *config, const struct iface *iface, unsigned int tunnel,
                 const struct config_addr *peer, struct routes *out, struct err *err);

#endif
