/* SPDX-License-Identifier: BSD-3-Clause */

/* The addresses that the gateway has on a port. */

#ifndef DATAPLANE_IFACE_H
#define DATAPLANE_IFACE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ether.h>

#include "config/config.h"

#define IPV6_LINK_LOCAL_LEN 64

/* Addresses that come and go: a virtual router's (RFC 5798) while this gateway is the master. */
#define IFACE_VIRTUAL_MAX 32
struct iface_virtual {
	unsigned int count;
	struct {
		struct config_addr addr;
		/* The virtual router's (section 7.3); zero: the port's own. */
		struct rte_ether_addr mac;
	} at[IFACE_VIRTUAL_MAX];
};

/* Routes by a next hop on a port's link that come and go: a routing daemon's. */
struct iface_route {
	struct config_prefix prefix;
	struct config_addr next_hop;
	uint32_t metric;
};
struct iface_routes {
	unsigned int count, left_out;
	struct iface_route route[];
};

/* Interfaces: the two ports by their role, then the LAN port's VLANs. */
#define IFACE_SUBS 2
#define IFACES_MAX (IFACE_SUBS + CONFIG_SUBS_MAX)

/* control: wo before start, forwarding: ro */
struct iface {
	uint8_t role;  /* enum port_role */
	uint16_t vlan; /* tag of its frames; 0: none */
	uint16_t mtu;
	bool loose_source; /* as in the configuration */
	struct rte_ether_addr mac;
	uint8_t link_local[16];
	unsigned int address_count;
	struct config_prefix address[CONFIG_ADDRESSES_MAX];
	/* Bit k: address[k] is not used, being tentative or another's; owner: rw, cores: ro. */
	uint32_t unusable;
	/* control: wo, forwarding: ro; NULL: none. Freed after a grace period. */
	const struct iface_virtual *virtual_;
	/* control; NULL: none */
	const struct iface_routes *learnt;
};

/* The bit of link_local in unusable. */
#define IFACE_LINK_LOCAL_BIT (1U << CONFIG_ADDRESSES_MAX)

void iface_init(struct iface *i, uint8_t role, const struct config_port *config,
                const struct rte_ether_addr *mac);

/* V, which may be NULL, takes the place of what was set before. */
void iface_set_virtual(struct iface *i, const struct iface_virtual *v);

/*
 * ADDR: 4 or 16 bytes. The link-local address counts, and those of a virtual router; what is not
 * usable does not.
 */
bool iface_owns(const struct iface *i, bool ipv6, const uint8_t *addr);

/* Is ADDR on a prefix of the interface, or link-local? */
bool iface_on_link(const struct iface *i, const struct config_addr *addr);

/* Do frames to MAC belong to the interface: the port's, or a virtual router's? */
bool iface_has_mac(const struct iface *i, const struct rte_ether_addr *mac);
/* What ARP and ND tell of an address that the interface owns; until the next quiescent state. */
const struct rte_ether_addr *iface_mac_of(const struct iface *i, bool ipv6, const uint8_t *addr);
/* 00-00-5e-00-01-xx and 00-00-5e-00-02-xx (RFC 5798 section 7.3). */
bool iface_is_virtual_mac(const struct rte_ether_addr *mac);

/* The address to speak to TOWARDS from: on its link if there is one, else the first; or NULL. */
const uint8_t *iface_source(const struct iface *i, bool ipv6, const uint8_t *towards);

/* Do the first LEN bits agree? */
bool prefix_matches(const uint8_t *a, const uint8_t *b, unsigned int len);

/* fe80::/64 with the EUI-64 of MAC (RFC 4291 appendix A). */
void ipv6_link_local(const struct rte_ether_addr *mac, uint8_t out[16]);

#endif
