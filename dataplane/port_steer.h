/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rules by which a NIC (rte_flow) brings packets to the rx queue of the core that is to have
 * them: the channel's datagrams to a queue of their own, ESP by its SPI to the core that owns
 * the SA. They save a hand-over and no more: where the device takes no rule, or one rule fails,
 * the packets come by another queue and are handed over in software. Control thread only.
 *
 * An SPI is random in its high bits and hardly any device masks within it, so each SA has a rule
 * of its own, as long as it is in the SAD.
 */

#ifndef DATAPLANE_PORT_STEER_H
#define DATAPLANE_PORT_STEER_H

#include <stdbool.h>
#include <stdint.h>

struct port;
struct rte_flow;

#define PORT_STEER_MAX 1024 /* rules for SPIs at a time; more are not made */

struct port_steer_rule {
	uint32_t spi; /* 0: free */
	struct rte_flow *flow;
};

/* The channel's packets as they come in. */
struct port_channel {
	bool ipv6;
	uint8_t local[16], remote[16]; /* 4 or 16 bytes */
	uint16_t udp_port;             /* both ends */
	bool any_source;               /* the peer may be elsewhere */
};

struct port_steer {
	bool esp4, esp6; /* the device takes rules for SPIs in IPv4, IPv6 */
	uint64_t failed; /* rules that it did not take after all */
	unsigned int count;
	struct rte_flow *channel;
	struct port_steer_rule *rule; /* PORT_STEER_MAX, or NULL */
};

/* Would the device, configured, take a rule from these datagrams to queue QUEUE? */
bool port_steer_channel_possible(const struct port *port, const struct port_channel *channel,
                                 uint16_t queue);

/* Make it, on a started port. False: it was refused. */
bool port_steer_channel(struct port *port, const struct port_channel *channel);

/* Ask a started port once whether it takes rules for SPIs; logged. */
void port_steer_probe(struct port *port);

/* An SA comes into the SAD, owned by CORE; and goes. */
void port_steer_add(struct port *port, uint32_t spi, bool ipv6, unsigned int core);
void port_steer_remove(struct port *port, uint32_t spi);

/* Before the port is stopped. */
void port_steer_clear(struct port *port);

#endif
