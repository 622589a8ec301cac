/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The gateway's two ports. A port is configured stopped and started only when the policy is
 * in place, so that nothing is forwarded before the tunnel decides what may pass.
 */

#ifndef DATAPLANE_PORT_H
#define DATAPLANE_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mempool.h>

#include "common/err.h"
#include "dataplane/port_kernel.h"
#include "dataplane/port_steer.h"

/* LAN: plaintext of the own data centre. WAN: the fibre to the other one. */
enum port_role { PORT_LAN, PORT_WAN, PORT_ROLES };

#define PORT_NO_QUEUE UINT16_MAX

/* control: wo before start, forwarding: ro */
#define PORT_MACS_MAX 32

struct port {
	enum port_role role;
	uint16_t id; /* ethdev */
	uint16_t mtu;
	uint16_t rx_queues, tx_queues; /* all that are set up */
	/* Forwarding cores with a queue of their own, which is the one of their index. */
	uint16_t rx_cores, tx_cores;
	/* Of the QKD channel alone, polled and filled by the first core; or PORT_NO_QUEUE. */
	uint16_t channel_rx, channel_tx;
	struct rte_ether_addr mac;
	bool rx_ip_checksum; /* the device verifies IPv4 header checksums */
	bool rx_scatter;     /* frames longer than a buffer come in several */
	bool tx_chains;      /* the device sends packets of several buffers */
	bool started;
	bool promiscuous; /* take frames to any address; set before port_start() */
	/* control: further addresses that the device lets through */
	unsigned int mac_count;
	struct rte_ether_addr macs[PORT_MACS_MAX];
	char device[256];
	struct port_kernel kernel; /* of net_af_packet */
	struct port_channel channel;
	struct port_steer steer; /* control: rw */
};

/*
 * The N addresses of LIST, and no others, besides the port's own: virtual routers'. A device that
 * cannot is told to take frames to any address.
 */
void port_macs_set(struct port *port, const struct rte_ether_addr *list, unsigned int n);

struct port_stats {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t rx_missed; /* the device or its ring had no room: we were late */
	uint64_t rx_errors, tx_errors, rx_no_mbuf;
	bool link_up;
	uint32_t link_mbps;
};

const char *port_role_name(enum port_role role);

/*
 * Mbufs whose room holds a frame of MTU whole, with what ESP adds. COUNT: 0 for a default. An
 * MTU below that of the ports saves memory, and their longer frames are chains: 1500 for 2 KiB.
 */
struct rte_mempool *port_pool_create(const char *name, uint16_t mtu, unsigned int queues,
                                     unsigned int count, struct err *err);

/*
 * Find the ethdev of DEVICE and configure it for CORES forwarding cores: an rx and a tx queue
 * each as far as the device has them, and for CHANNEL (NULL: none) further ones where it has
 * more, for rx only when it can pick out the channel's datagrams. When a buffer of POOL
 * does not hold a frame of MTU, the device must be able to scatter.
 */
int port_configure(struct port *port, enum port_role role, const char *device, uint16_t mtu,
                   unsigned int cores, const struct port_channel *channel, struct rte_mempool *pool,
                   struct err *err);

/* Starts the port, and steers to its queues what the device can tell apart. */
int port_start(struct port *port, struct err *err);
void port_stop(struct port *port);
void port_close(struct port *port);

/* The rx queue of forwarding core CORE, or PORT_NO_QUEUE when the device has fewer. */
static inline uint16_t port_rx_queue(const struct port *port, unsigned int core)
{
	return core < port->rx_cores ? (uint16_t)core : PORT_NO_QUEUE;
}

/* How frames of this port come to the core that is to have them; a word each, for status. */
const char *port_rx_mode(const struct port *port);
const char *port_channel_mode(const struct port *port);

void port_stats_read(struct port *port, struct port_stats *out);

#endif
