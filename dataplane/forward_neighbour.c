/* SPDX-License-Identifier: BSD-3-Clause */

/* ARP and ND between the ports and the neighbour table, on the core that owns the table. */

#include "dataplane/forward_core.h"

#include <string.h>

#include "common/clock.h"
#include "dataplane/arp.h"
#include "dataplane/forward_out.h"
#include "dataplane/forward_own.h"
#include "dataplane/forward_rings.h"
#include "dataplane/ip.h"
#include "dataplane/nd.h"

COUNTER_DEFINE(drop_arp, "drop.arp", "ARP messages that are wrong or not for us")
COUNTER_DEFINE(drop_nd, "drop.nd", "ND messages that are wrong or not for us")
COUNTER_DEFINE(neighbour_replies, "neighbour.replies", "ARP replies and advertisements sent")

#define KEEP_NS    (100 * NS_PER_MS)
#define KEEP_BURST 8

static void arp_input(struct forward_core *c, unsigned int index, struct rte_mbuf *m)
{
	const struct iface *iface = &c->f->config.iface[index];
	static const uint8_t unspecified[4];
	struct arp_message msg;
	bool to_us, probe;

	if (!arp_parse(m, &msg) || (msg.op != ARP_REQUEST && msg.op != ARP_REPLY)) {
		forward_drop(c, m, &drop_arp);
		return;
	}
	to_us = iface_owns(iface, false, msg.target);
	probe = memcmp(msg.sender, unspecified, 4) == 0;
	if (probe)
		forward_address_heard(c, index, false, msg.target, ADDRESS_PROBED,
		                      &msg.sender_link);
	if (!probe && !rte_is_same_ether_addr(&msg.sender_link, &iface->mac) &&
	    !forward_address_heard(c, index, false, msg.sender, ADDRESS_CLAIM, &msg.sender_link)) {
		struct neighbour_key key = neighbour_key4((uint8_t)index, msg.sender);

		neighbour_learn(c->f->neighbours, &key, &msg.sender_link,
		                msg.op == ARP_REPLY && to_us ? NEIGHBOUR_ANSWER
		                                             : NEIGHBOUR_OVERRIDE,
		                c->now_ns);
	}
	/* The kernel of routing daemons wants these answers, too, and who announces itself. */
	if (msg.op == ARP_REPLY || (!to_us && memcmp(msg.sender, msg.target, 4) == 0)) {
		if (!forward_exception(c, index, EXCEPTION_LINK, m))
			rte_pktmbuf_free(m);
		return;
	}
	if (!to_us) {
		forward_drop(c, m, &drop_arp);
		return;
	}
	arp_make_reply(m, iface, &msg);
	counter_add(c->cs, &neighbour_replies, 1);
	forward_send_first(c, index, m);
}

static void advertisement(struct forward_core *c, unsigned int index, struct rte_mbuf *m,
                          const struct nd_message *msg)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	struct neighbour_key key = neighbour_key6((uint8_t)index, msg->target);
	enum neighbour_evidence evidence = NEIGHBOUR_HINT;

	if (rte_is_same_ether_addr(&eth->src_addr, &c->f->config.iface[index].mac) ||
	    forward_address_heard(c, index, true, msg->target, ADDRESS_CLAIM, &eth->src_addr))
		return;
	if (msg->flags & ND_FLAG_SOLICITED)
		evidence = NEIGHBOUR_ANSWER;
	else if (msg->flags & ND_FLAG_OVERRIDE)
		evidence = NEIGHBOUR_OVERRIDE;
	/* An answer to a unicast solicitation may leave the option out (RFC 4861 section 4.4). */
	if (msg->has_link || evidence == NEIGHBOUR_ANSWER)
		neighbour_learn(c->f->neighbours, &key, msg->has_link ? &msg->link : &eth->src_addr,
		                evidence, c->now_ns);
}

static void nd_input(struct forward_core *c, unsigned int index, struct rte_mbuf *m)
{
	const struct iface *iface = &c->f->config.iface[index];
	struct nd_message msg;

	if (!nd_parse(m, &msg)) {
		/* Router solicitations and advertisements are daemons' business. */
		if (!nd_of_router(m) || !forward_exception(c, index, EXCEPTION_LINK, m))
			forward_drop(c, m, &drop_nd);
		return;
	}
	if (msg.type == ND_ADVERTISE) {
		advertisement(c, index, m, &msg);
		if (!forward_exception(c, index, EXCEPTION_LINK, m))
			rte_pktmbuf_free(m);
		return;
	}
	if (msg.from_unspecified)
		forward_address_heard(c, index, true, msg.target, ADDRESS_PROBED,
		                      &rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->src_addr);
	if (!iface_owns(iface, true, msg.target)) {
		forward_drop(c, m, &drop_nd);
		return;
	}
	if (!msg.from_unspecified && msg.has_link) {
		struct neighbour_key key = neighbour_key6((uint8_t)index, msg.source);

		neighbour_learn(c->f->neighbours, &key, &msg.link, NEIGHBOUR_OVERRIDE, c->now_ns);
	}
	if (nd_make_advertisement(m, iface, &msg) < 0) {
		forward_drop(c, m, &drop_nd);
		return;
	}
	counter_add(c->cs, &neighbour_replies, 1);
	forward_send_first(c, index, m);
}

void forward_neighbour_message(struct forward_core *c, unsigned int index, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	if (c->index != FORWARD_OWNER) {
		packet_meta(m)->reason = PACKET_NEIGHBOUR;
		packet_meta(m)->next_hop.port = (uint8_t)index;
		forward_hand_over(c, FORWARD_OWNER, m);
		return;
	}
	if (get_be16(&eth->ether_type) == RTE_ETHER_TYPE_ARP)
		arp_input(c, index, m);
	else
		nd_input(c, index, m);
}

void forward_unresolved(struct forward_core *c, struct rte_mbuf *m, const struct neighbour_key *key,
                        uint16_t origin)
{
	packet_meta(m)->tunnel = origin;
	if (c->index == FORWARD_OWNER) {
		neighbour_resolve(c->f->neighbours, c->cs, key, m, c->now_ns);
		return;
	}
	packet_meta(m)->reason = PACKET_UNRESOLVED;
	packet_meta(m)->next_hop = *key;
	forward_hand_over(c, FORWARD_OWNER, m);
}

void forward_neighbour_poll(struct forward_core *c)
{
	neighbour_poll(c->f->neighbours, c->cs, c->now_ns);
	if (c->now_ns < c->next_keep_ns)
		return;
	/* A few in each turn, so that a thousand next hops hold up no packet. */
	for (unsigned int n = 0; n < KEEP_BURST && c->keep_cursor < FIB_OUTER_MAX;
	     c->keep_cursor++) {
		const struct fib_outer *hop = &c->fib->outer[c->keep_cursor];

		if (!hop->valid)
			continue;
		neighbour_resolve(c->f->neighbours, c->cs, &hop->next_hop, NULL, c->now_ns);
		/* Known before it is needed, and seen to answer. */
		if (hop->has_backup)
			neighbour_resolve(c->f->neighbours, c->cs, &hop->backup, NULL, c->now_ns);
		n++;
	}
	if (c->keep_cursor < FIB_OUTER_MAX)
		return;
	c->keep_cursor = 0;
	c->next_keep_ns = c->now_ns + KEEP_NS;
}

static void on_solicit(void *ctx, const struct neighbour_key *key,
                       const struct rte_ether_addr *link)
{
	struct forward_core *c = ((struct forward *)ctx)->core[FORWARD_OWNER];
	const struct iface *iface = &c->f->config.iface[key->port];
	struct rte_mbuf *m = rte_pktmbuf_alloc(c->f->config.pool);
	int rc;

	/* Without a buffer, the next try comes in a second. */
	if (m == NULL)
		return;
	rc = key->ipv6 ? nd_make_solicitation(m, iface, key->addr, link)
	               : arp_make_request(m, iface, key->addr, link);
	if (rc < 0)
		rte_pktmbuf_free(m);
	else
		forward_send_first(c, key->port, m);
}

static void on_release(void *ctx, const struct neighbour_key *key, struct rte_mbuf *m,
                       const struct rte_ether_addr *link)
{
	struct forward_core *c = ((struct forward *)ctx)->core[FORWARD_OWNER];

	forward_send(c, key->port, m, link);
}

static void on_unreachable(void *ctx, const struct neighbour_key *key, struct rte_mbuf *m)
{
	static const struct icmp_reason host = {ICMP_UNREACHABLE, ICMP_HOST, ICMP6_UNREACHABLE,
	                                        ICMP6_ADDRESS};
	struct forward_core *c = ((struct forward *)ctx)->core[FORWARD_OWNER];
	uint16_t origin = packet_meta(m)->tunnel;
	bool ipv6 = rte_pktmbuf_mtod(m, const uint8_t *)[0] >> 4 == 6;

	if (origin == ORIGIN_OWN)
		rte_pktmbuf_free(m);
	else
		forward_error(c, origin, m, ipv6, &host, 0, NULL);
}

const struct neighbour_ops forward_neighbour_ops = {on_solicit, on_release, on_unreachable};
