/* SPDX-License-Identifier: BSD-3-Clause */

/* ARP (RFC 826) frames, from Ethernet on. */

#ifndef DATAPLANE_ARP_H
#define DATAPLANE_ARP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/iface.h"

#define ARP_REQUEST 1
#define ARP_REPLY   2

struct arp_message {
	uint16_t op;
	struct rte_ether_addr sender_link;
	uint8_t sender[4], target[4];
};

/* False: not ARP for IPv4 over Ethernet, or its sender is no host. */
bool arp_parse(const struct rte_mbuf *m, struct arp_message *out);

/* Turn a request for TARGET, an address of ours, into the reply. */
void arp_make_reply(struct rte_mbuf *m, const struct iface *iface, const struct arp_message *req);

/* Fill an empty mbuf with a request; LINK: whom to ask, NULL for everybody. -ENOSPC. */
int arp_make_request(struct rte_mbuf *m, const struct iface *iface, const uint8_t target[4],
                     const struct rte_ether_addr *link);

/* RFC 5227: a request for ADDR from nobody; a request from ADDR for itself. -ENOSPC. */
int arp_make_probe(struct rte_mbuf *m, const struct iface *iface, const uint8_t addr[4]);
int arp_make_announcement(struct rte_mbuf *m, const struct iface *iface, const uint8_t addr[4]);

#endif
