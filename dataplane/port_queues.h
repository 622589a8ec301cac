/* SPDX-License-Identifier: BSD-3-Clause */

/* How many queues a port gets, and whose they are. Part of port_configure(). */

#ifndef DATAPLANE_PORT_QUEUES_H
#define DATAPLANE_PORT_QUEUES_H

#include <rte_ethdev.h>

#include "dataplane/port.h"

/*
 * Choose the queues of PORT for CORES forwarding cores and CHANNEL, configure the device with
 * CONF and these, and set them up with buffers of POOL. Errors name the port.
 */
int port_queues_configure(struct port *port, const struct rte_eth_dev_info *info,
                          struct rte_eth_conf *conf, unsigned int cores,
                          const struct port_channel *channel, struct rte_mempool *pool,
                          struct err *err);

/*
 * Once started: keep what RSS spreads out of the channel's queue. Where the device has no such
 * table the first core finds it there.
 */
void port_queues_spread(const struct port *port);

#endif
