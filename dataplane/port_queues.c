/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/port_queues.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

LOG_COMPONENT_DEFINE(queues)

#define DESCRIPTORS 1024

/*
 * What RSS tells apart: hosts' flows on the LAN. On the WAN not the SPI: all packets of a peer
 * come by one queue then, and stay in order while the SPI changes under them (rules for SPIs
 * spread them, where there are any).
 */
static uint64_t rss_types(const struct port *port, const struct rte_eth_dev_info *info)
{
	uint64_t types = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP;

	if (port->role == PORT_LAN)
		types |= RTE_ETH_RSS_TCP | RTE_ETH_RSS_SCTP;
	return info->flow_type_rss_offloads & types;
}

static int configure(const struct port *port, const struct rte_eth_dev_info *info,
                     struct rte_eth_conf *conf)
{
	if (port->rx_cores > 1 && rss_types(port, info) != 0) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf->rx_adv_conf.rss_conf.rss_hf = rss_types(port, info);
	}
	return rte_eth_dev_configure(port->id, port->rx_queues, port->tx_queues, conf);
}

/* One more of each kind where there is one, the channel's; back to the plain ones if refused. */
static int choose(struct port *port, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf,
                  unsigned int cores, const struct port_channel *channel)
{
	port->rx_cores = port->rx_queues = (uint16_t)RTE_MIN(cores, info->max_rx_queues);
	port->tx_cores = port->tx_queues = (uint16_t)RTE_MIN(cores, info->max_tx_queues);
	port->channel_rx = port->channel_tx = PORT_NO_QUEUE;
	if (channel == NULL || info->max_tx_queues <= cores)
		return configure(port, info, conf);
	port->tx_queues++;
	/* Only a device that steers has use for the other one. */
	if (info->max_rx_queues > cores) {
		port->rx_queues++;
		if (configure(port, info, conf) == 0 &&
		    port_steer_channel_possible(port, channel, port->rx_cores)) {
			port->channel_rx = port->rx_cores;
			port->channel_tx = port->tx_cores;
			return 0;
		}
		port->rx_queues--;
	}
	/* Some (net_tap, net_af_packet) have queues in pairs only. */
	if (configure(port, info, conf) == 0) {
		port->channel_tx = port->tx_cores;
		return 0;
	}
	port->tx_queues--;
	return configure(port, info, conf);
}

static int set_up(const struct port *port, const struct rte_eth_dev_info *info,
                  struct rte_mempool *pool, struct err *err)
{
	uint16_t rx_desc = DESCRIPTORS, tx_desc = DESCRIPTORS;
	int socket = rte_eth_dev_socket_id(port->id);
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx_desc, &tx_desc);

	if (rc < 0)
		return err_set(err, -rc, "%s port: %s takes no descriptor ring of %u",
		               port_role_name(port->role), port->device, DESCRIPTORS);
	for (uint16_t q = 0; q < port->rx_queues; q++) {
		rc = rte_eth_rx_queue_setup(port->id, q, rx_desc, (unsigned int)socket, NULL, pool);
		if (rc < 0)
			return err_set(err, -rc, "%s port: rx queue %u of %s: %s",
			               port_role_name(port->role), q, port->device, strerror(-rc));
	}
	for (uint16_t q = 0; q < port->tx_queues; q++) {
		struct rte_eth_txconf conf = info->default_txconf;

		rc = rte_eth_tx_queue_setup(port->id, q, tx_desc, (unsigned int)socket, &conf);
		if (rc < 0)
			return err_set(err, -rc, "%s port: tx queue %u of %s: %s",
			               port_role_name(port->role), q, port->device, strerror(-rc));
	}
	return 0;
}

int port_queues_configure(struct port *port, const struct rte_eth_dev_info *info,
                          struct rte_eth_conf *conf, unsigned int cores,
                          const struct port_channel *channel, struct rte_mempool *pool,
                          struct err *err)
{
	int rc = choose(port, info, conf, cores, channel);

	if (rc < 0)
		return err_set(err, -rc, "%s port: cannot configure %s with mtu %u: %s",
		               port_role_name(port->role), port->device, port->mtu, strerror(-rc));
	if (port->rx_cores < cores || port->tx_cores < cores)
		log_info("%s port: %s has %u rx and %u tx queues; the %u forwarding lcores share "
		         "them by rings",
		         port_role_name(port->role), port->device, port->rx_cores, port->tx_cores,
		         cores);
	return set_up(port, info, pool, err);
}

void port_queues_spread(const struct port *port)
{
	struct rte_eth_rss_reta_entry64 *table;
	struct rte_eth_dev_info info;
	int rc = -ENOMEM;

	if (port->channel_rx == PORT_NO_QUEUE || port->rx_cores < 2 ||
	    rte_eth_dev_info_get(port->id, &info) < 0 || info.reta_size == 0)
		return;
	table = calloc((info.reta_size + RTE_ETH_RETA_GROUP_SIZE - 1) / RTE_ETH_RETA_GROUP_SIZE,
	               sizeof(*table));
	if (table != NULL) {
		for (unsigned int i = 0; i < info.reta_size; i++) {
			struct rte_eth_rss_reta_entry64 *t = &table[i / RTE_ETH_RETA_GROUP_SIZE];

			t->mask |= UINT64_C(1) << i % RTE_ETH_RETA_GROUP_SIZE;
			t->reta[i % RTE_ETH_RETA_GROUP_SIZE] = (uint16_t)(i % port->rx_cores);
		}
		rc = rte_eth_dev_rss_reta_update(port->id, table, info.reta_size);
	}
	free(table);
	if (rc < 0)
		log_warn("%s port: %s spreads data over the channel's queue too: %s",
		         port_role_name(port->role), port->device, strerror(-rc));
}
