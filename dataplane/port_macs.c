/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/port.h"

#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>

#include "common/log.h"

LOG_COMPONENT_DEFINE(port)

static bool among(const struct rte_ether_addr *list, unsigned int n,
                  const struct rte_ether_addr *mac)
{
	for (unsigned int i = 0; i < n; i++)
		if (rte_is_same_ether_addr(&list[i], mac))
			return true;
	return false;
}

/* A device that cannot pick them out takes all; the cores look at each frame anyhow. */
static void take_all(struct port *port, const char *why)
{
	int rc = port->promiscuous ? 0 : rte_eth_promiscuous_enable(port->id);

	if (rc == 0)
		port->promiscuous = true;
	else if (rc != -ENOTSUP)
		log_warn("%s port: %s takes no further MAC address (%s), nor all (%s): frames to "
		         "virtual routers may be lost",
		         port_role_name(port->role), port->device, why, strerror(-rc));
}

void port_macs_set(struct port *port, const struct rte_ether_addr *list, unsigned int n)
{
	unsigned int had = port->mac_count;
	struct rte_ether_addr old[PORT_MACS_MAX];

	memcpy(old, port->macs, sizeof(old));
	port->mac_count = 0;
	for (unsigned int i = 0; i < had; i++)
		if (!among(list, n, &old[i]))
			rte_eth_dev_mac_addr_remove(port->id, &old[i]);
		else
			port->macs[port->mac_count++] = old[i];
	for (unsigned int i = 0; i < n; i++) {
		struct rte_ether_addr mac = list[i];
		int rc;

		if (among(port->macs, port->mac_count, &mac))
			continue;
		rc = port->mac_count < PORT_MACS_MAX ? rte_eth_dev_mac_addr_add(port->id, &mac, 0)
		                                     : -ENOSPC;
		if (rc == 0)
			port->macs[port->mac_count++] = mac;
		else
			take_all(port, strerror(-rc));
	}
}
