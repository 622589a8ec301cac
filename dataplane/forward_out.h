/* SPDX-License-Identifier: BSD-3-Clause */

/* The stages that seal packets and give them to the ports. */

#ifndef DATAPLANE_FORWARD_OUT_H
#define DATAPLANE_FORWARD_OUT_H

#include <string.h>

#include "dataplane/forward_core.h"

/* forward_tx.c */
void forward_tx(struct forward_core *c, enum port_role role, struct rte_mbuf *m);
/* Ahead of all that waits; the owner's messages and datagrams. */
void forward_tx_first(struct forward_core *c, enum port_role role, struct rte_mbuf *m);
void forward_tx_flush(struct forward_core *c, enum port_role role);
/* In the clear, by the port of KEY. */
void forward_to_neighbour(struct forward_core *c, struct rte_mbuf *m,
                          const struct neighbour_key *key, uint16_t origin);
/* What cores without a tx queue of their own have for this core's. */
void forward_tx_collect(struct forward_core *c, enum port_role role);
/* Outer packets by the next hop of index OUTER in the FIB. */
void forward_to_wan(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n,
                    unsigned int outer);
/* The Ethernet header of outer packets of a tunnel, as its first 8 bytes and the other 6. */
struct forward_frame {
	unsigned int tunnel;
	bool known; /* and nothing else is to be done to the packets */
	uint64_t first, other;
};
void forward_frame(struct forward_core *c, unsigned int tunnel, bool ipv6,
                   struct forward_frame *out);
static inline void forward_frame_put(const struct forward_frame *f, uint8_t *p)
{
	memcpy(p, &f->first, 8);
	memcpy(p + 8, &f->other, RTE_ETHER_HDR_LEN - 8);
}
/* The channel's datagrams, ahead of all. */
unsigned int forward_channel(struct forward_core *c);
void forward_seal_flush(struct forward_core *c);
static inline unsigned int forward_tunnel_mtu(const struct forward_core *c, unsigned int tunnel)
{
	return __atomic_load_n(&c->f->tunnel[tunnel].mtu, __ATOMIC_RELAXED);
}

/* The class that seals an inner packet of TRAFFIC_CLASS, in a tunnel of several. */
static inline unsigned int forward_class_of(const struct forward_core *c, unsigned int tunnel,
                                            unsigned int traffic_class)
{
	return tunnel_config(c->f->config.tunnel[tunnel])->class_of[traffic_class >> 2];
}

/* Order holds within a class (RFC 4301 section 4.1). */
static inline unsigned int forward_class(const struct forward_core *c, unsigned int tunnel,
                                         const struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);

	if (likely(c->f->tunnel[tunnel].classes <= 1))
		return 0;
	return forward_class_of(c, tunnel,
	                        ip[0] >> 4 == 4 ? ip[1] : (ip[0] << 4 | ip[1] >> 4) & 0xffU);
}

/* The SA for M; NULL: no key. Its lines are on their way. */
static inline struct sa *forward_seal_sa(const struct forward_core *c, unsigned int tunnel,
                                         const struct rte_mbuf *m)
{
	struct sa *sa = sad_transmit(c->esp.sad, tunnel, forward_class(c, tunnel, m));

	if (likely(sa != NULL)) {
		rte_prefetch0(sa);
		rte_prefetch0(sa->outer);
	}
	return sa;
}

/* Any packet that ESP carries. */
void forward_seal_other(struct forward_core *c, struct sa *sa, struct rte_mbuf *m);

static inline void forward_seal_push(struct forward_core *c, unsigned int tunnel,
                                     struct rte_mbuf *m)
{
	forward_seal_other(c, forward_seal_sa(c, tunnel, m), m);
}

/* An IP packet, by its header at IP. */
static inline void forward_seal_ip(struct forward_core *c, struct sa *sa, struct rte_mbuf *m,
                                   const uint8_t *ip, bool ipv6)
{
	struct seal_vector *v = &c->seal;
	uint8_t traffic_class = ipv6 ? (uint8_t)(ip[0] << 4 | ip[1] >> 4) : ip[1];

	if (unlikely(sa == NULL) ||
	    unlikely(!esp_seal_plain(sa, m, traffic_class, ipv6 ? ESP_NEXT_IPV6 : ESP_NEXT_IPV4,
	                             &v->job[v->n]))) {
		forward_seal_other(c, sa, m);
		return;
	}
	if (++v->n == FORWARD_BURST)
		forward_seal_flush(c);
}
/* With its IP version's type; in front of the packet. False: no headroom. */
bool forward_ether(struct forward_core *c, enum port_role role, struct rte_mbuf *m,
                   const struct rte_ether_addr *to);

/* forward_sub.c: forward_ether() for a port that is in a VLAN. */
bool forward_sub_ether(struct forward_core *c, enum port_role role, struct rte_mbuf *m,
                       const struct rte_ether_addr *to);
/* By interface IFACE, with its tag: an IP packet, or ahead of all a neighbour's message. */
void forward_send(struct forward_core *c, unsigned int iface, struct rte_mbuf *m,
                  const struct rte_ether_addr *to);
void forward_send_first(struct forward_core *c, unsigned int iface, struct rte_mbuf *m);

#endif
