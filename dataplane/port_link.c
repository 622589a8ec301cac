/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/port_link.h"

#include <errno.h>

#include <rte_ethdev.h>

#include "dataplane/port.h"

enum port_link_change port_link_update(struct port_link *l, bool up, uint64_t now_ns)
{
	bool was = l->up, first = !l->known;

	l->known = true;
	l->up = up;
	if (first ? up : up == was)
		return PORT_LINK_SAME;
	l->changed_ns = now_ns;
	l->flaps += !up;
	return up ? PORT_LINK_CAME_UP : PORT_LINK_WENT_DOWN;
}

bool port_link_read(const struct port *port)
{
	struct rte_eth_link link = {0};
	int kernel = port_kernel_link(&port->kernel);

	if (kernel >= 0)
		return kernel > 0;
	/* A device that cannot tell is taken to be up. */
	return rte_eth_link_get_nowait(port->id, &link) < 0 || link.link_status == RTE_ETH_LINK_UP;
}

int port_link_set(struct port *port, struct port_link *l, bool up)
{
	int rc = port_kernel_link_set(&port->kernel, up);

	if (rc == -ENODEV)
		rc = up ? rte_eth_dev_set_link_up(port->id) : rte_eth_dev_set_link_down(port->id);
	if (rc == 0)
		l->held = !up;
	return rc;
}
