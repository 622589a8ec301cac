/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "common/log.h"
#include "dataplane/eal.h"
#include "dataplane/packet.h"
#include "dataplane/port_queues.h"

LOG_COMPONENT_DEFINE(port)

/* Of a queue, and what waits for a core. */
#define DESCRIPTORS 1024
#define POOL_CACHE  256
/* Padding, pad length, next header and ICV behind a packet (RFC 4303 section 2). */
#define ESP_TAIL 64

const char *port_role_name(enum port_role role)
{
	return role == PORT_LAN ? "lan" : "wan";
}

struct rte_mempool *port_pool_create(const char *name, uint16_t mtu, unsigned int queues,
                                     unsigned int count, struct err *err)
{
	uint32_t frame = mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + ESP_TAIL;
	uint32_t room = RTE_PKTMBUF_HEADROOM + RTE_MAX(RTE_ALIGN_CEIL(frame, 64U), 2048U);
	struct rte_mempool *pool;

	if (room > UINT16_MAX) {
		err_set(err, EINVAL, "mtu: %u is too large", mtu);
		return NULL;
	}
	/* Both directions' descriptors of each queue pair, and what the cores and rings hold. */
	if (count == 0)
		count = queues * (3 * DESCRIPTORS + 2 * POOL_CACHE) + 1023;
	pool = rte_pktmbuf_pool_create(name, count, POOL_CACHE, sizeof(struct packet_meta),
	                               (uint16_t)room, SOCKET_ID_ANY);
	if (pool == NULL)
		err_set(err, rte_errno > 0 ? rte_errno : ENOMEM,
		        "memory: no room for %u buffers of %u bytes (%s)", count, room,
		        rte_strerror(rte_errno));
	return pool;
}

/* Of a frame that one buffer of POOL takes. */
static unsigned int buffer_bytes(struct rte_mempool *pool)
{
	return rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
}

/*
 * net_af_packet says that its frames end at 1514 bytes (DPDK 22.11, eth_dev_info()), but
 * carries what its argument framesz and the kernel interface allow. Setting its MTU would set
 * the interface's, which is the operator's business.
 */
static bool understates_mtu(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_af_packet") == 0;
}

int port_configure(struct port *port, enum port_role role, const char *device, uint16_t mtu,
                   unsigned int cores, const struct port_channel *channel, struct rte_mempool *pool,
                   struct err *err)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	char name[RTE_ETH_NAME_MAX_LEN];
	int rc;

	memset(port, 0, sizeof(*port));
	port->role = role;
	port->mtu = mtu;
	snprintf(port->device, sizeof(port->device), "%s", device);
	eal_device_name(device, name, sizeof(name));
	if (rte_eth_dev_get_port_by_name(name, &port->id) < 0)
		return err_set(err, ENODEV, "%s port: there is no device %s", port_role_name(role),
		               name);
	rc = rte_eth_dev_info_get(port->id, &info);
	if (rc < 0)
		return err_set(err, -rc, "%s port: %s does not answer", port_role_name(role), name);
	conf.rxmode.mtu = understates_mtu(&info) ? RTE_MIN(mtu, RTE_ETHER_MTU) : mtu;
	if (info.max_mtu != 0 && conf.rxmode.mtu > info.max_mtu)
		return err_set(err, EINVAL, "%s port: mtu %u is above the %u of %s",
		               port_role_name(role), mtu, info.max_mtu, name);
	if (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) {
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
		port->rx_ip_checksum = true;
	}
	if (buffer_bytes(pool) < (unsigned int)mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN) {
		if ((info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) == 0)
			return err_set(err, EINVAL,
			               "%s port: mtu %u needs more than the %u bytes of a buffer, "
			               "and %s does not scatter",
			               port_role_name(role), mtu, buffer_bytes(pool), name);
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
		port->rx_scatter = true;
	}
	if (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) {
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
		port->tx_chains = true;
	}
	if (role == PORT_WAN && channel != NULL)
		port->channel = *channel;
	rc = port_queues_configure(port, &info, &conf, cores, role == PORT_WAN ? channel : NULL,
	                           pool, err);
	if (rc < 0)
		return rc;
	rc = understates_mtu(&info) ? 0 : rte_eth_dev_set_mtu(port->id, mtu);
	/* Software devices may have none to set; frames of any size pass there. */
	if (rc < 0 && rc != -ENOTSUP)
		return err_set(err, -rc, "%s port: cannot set mtu %u of %s: %s",
		               port_role_name(role), mtu, name, strerror(-rc));
	port_kernel_open(&port->kernel, device);
	rc = rte_eth_macaddr_get(port->id, &port->mac);
	if (rc < 0)
		return err_set(err, -rc, "%s port: %s has no MAC address", port_role_name(role),
		               name);
	return 0;
}

int port_start(struct port *port, struct err *err)
{
	int rc = rte_eth_dev_start(port->id);

	if (rc < 0)
		return err_set(err, -rc, "%s port: %s does not start: %s",
		               port_role_name(port->role), port->device, strerror(-rc));
	port->started = true;
	/* A pseudowire carries what hosts say to each other. */
	rc = port->promiscuous ? rte_eth_promiscuous_enable(port->id) : 0;
	if (rc < 0 && rc != -ENOTSUP)
		log_warn("%s port: %s does not take frames to other addresses: %s",
		         port_role_name(port->role), port->device, strerror(-rc));
	/* Neighbour discovery needs multicast (RFC 4861); a device without a filter takes it. */
	rc = rte_eth_allmulticast_enable(port->id);
	if (rc < 0 && rc != -ENOTSUP)
		log_warn("%s port: %s does not take multicast: %s", port_role_name(port->role),
		         port->device, strerror(-rc));
	port_queues_spread(port);
	if (port->channel_rx != PORT_NO_QUEUE && !port_steer_channel(port, &port->channel))
		log_warn("%s port: %s does not steer the channel's datagrams after all",
		         port_role_name(port->role), port->device);
	port_steer_probe(port);
	return 0;
}

void port_stop(struct port *port)
{
	if (port->started) {
		port_steer_clear(port);
		rte_eth_dev_stop(port->id);
	}
	port->started = false;
}

void port_close(struct port *port)
{
	port_stop(port);
	if (port->device[0] != '\0')
		rte_eth_dev_close(port->id);
	port->device[0] = '\0';
}

const char *port_rx_mode(const struct port *port)
{
	if (port->steer.esp4 || port->steer.esp6)
		return "spi-rules";
	if (port->rx_cores == 1)
		return "one-queue";
	return "queues";
}

const char *port_channel_mode(const struct port *port)
{
	if (port->channel_rx != PORT_NO_QUEUE)
		return "own-queues";
	return port->channel_tx != PORT_NO_QUEUE ? "own-tx-queue" : "shared";
}

void port_stats_read(struct port *port, struct port_stats *out)
{
	struct rte_eth_stats stats = {0};
	struct rte_eth_link link = {0};

	memset(out, 0, sizeof(*out));
	if (rte_eth_stats_get(port->id, &stats) == 0) {
		out->rx_packets = stats.ipackets;
		out->rx_bytes = stats.ibytes;
		out->tx_packets = stats.opackets;
		out->tx_bytes = stats.obytes;
		out->rx_missed = stats.imissed;
		out->rx_errors = stats.ierrors;
		out->tx_errors = stats.oerrors;
		out->rx_no_mbuf = stats.rx_nombuf;
		out->rx_missed += port_kernel_missed(&port->kernel);
	}
	if (rte_eth_link_get_nowait(port->id, &link) == 0) {
		out->link_up = link.link_status == RTE_ETH_LINK_UP;
		out->link_mbps = link.link_speed;
	}
}
