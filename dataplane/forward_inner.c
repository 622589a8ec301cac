/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Inner packets: from the LAN into a tunnel, or from a tunnel to the LAN. A burst in steps: keys
 * and hashes of all packets; their decisions from the flow cache; for those that it does not
 * have, routes and policy; then each packet, in order, goes its way.
 */

#include "dataplane/forward_core.h"

#include <string.h>

#include "dataplane/forward_key.h"
#include "dataplane/forward_out.h"
#include "dataplane/forward_way.h"
#include "dataplane/ip.h"

/* In the last word, where the LAN port has VLANs: the interface of a packet from there. */
static inline uint64_t key_iface(struct rte_mbuf *m, uint16_t origin)
{
	return origin == ORIGIN_LAN ? (uint64_t)packet_meta(m)->iface << 57 : 0;
}

static inline void key4(const struct rte_mbuf *m, uint16_t origin, union flow4_words *key)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);

	forward_key4(ip, (ip[0] & 15U) * 4, rte_pktmbuf_data_len(m), origin, key);
}

static inline void key6(const struct rte_mbuf *m, uint16_t origin, union flow6_words *key)
{
	forward_key6(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m), origin, key);
}

/* What the cache says; false when it does not, or the neighbour is gone. */
static inline bool recall(const struct forward_core *c, const struct flow_value *v,
                          const struct rte_mbuf *m, struct forward_way *way)
{
	if (v == NULL)
		return false;
	way->action = v->action;
	way->flags = v->flags;
	way->tunnel = v->tunnel;
	way->rule = v->rule;
	if (likely(v->action == FLOW_SEAL)) {
		way->sa = forward_seal_sa(c, v->tunnel, m);
	} else if (v->action >= FLOW_LAN) {
		struct neighbour_ref ref = {v->link_version, v->link_slot};

		way->link = neighbour_link(c->links, &ref);
		return (way->link & NEIGHBOUR_LINK_VALID) != 0;
	}
	return true;
}

/* The common cases are kept for the flow; all else is FLOW_NONE and asked each time. */
static bool keep(const struct forward_core *c, const struct forward_verdict *v, uint16_t origin,
                 uint8_t proto, struct forward_way *way, struct flow_value *value)
{
	unsigned int tunnel = v->outcome == FORWARD_SEAL ? v->tunnel : origin;
	uint8_t flags = v->flags;
	struct neighbour_ref ref;

	/* So that packets of other protocols ask no more than before. */
	if (proto == IP_PROTO_TCP && tunnel < SAD_TUNNELS_MAX && c->f->tunnel[tunnel].clamp)
		flags |= FLOW_TCP;

	*way = (struct forward_way){
	        .flags = flags, .tunnel = v->tunnel, .rule = v->rule, .verdict = v};
	*value = (struct flow_value){
	        .generation = c->generation, .flags = flags, .tunnel = v->tunnel, .rule = v->rule};
	switch (v->outcome) {
	case FORWARD_SEAL:
		value->action = way->action = FLOW_SEAL;
		return true;
	case FORWARD_DISCARD:
		value->action = way->action = FLOW_DISCARD;
		return true;
	case FORWARD_NEIGHBOUR:
		break;
	default:
		return false;
	}
	if (!neighbour_refer(c->f->neighbours, &v->next_hop, &ref))
		return false;
	way->link = neighbour_link(c->links, &ref);
	if ((way->link & NEIGHBOUR_LINK_VALID) == 0)
		return false;
	if (v->next_hop.port >= IFACE_SUBS) {
		/* The place of the interface is taken. */
		if ((flags & FLOW_ONLY_NO_KEY) != 0)
			return false;
		value->tunnel = way->tunnel = v->next_hop.port;
		value->flags = way->flags = flags | FLOW_SUB;
	}
	value->action = way->action = v->next_hop.port == PORT_WAN ? FLOW_WAN : FLOW_LAN;
	value->link_version = ref.version;
	value->link_slot = ref.slot;
	return true;
}

/* Of TCP: a SYN as far as its flags say, and they are there. A fragment's bytes may look like one.
 */
static inline bool is_syn(const struct rte_mbuf *m, const uint8_t *ip, bool ipv6)
{
	uint32_t flags = (ipv6 ? IPV6_HEADER : (ip[0] & 15U) * 4) + TCP_FLAGS;

	/* Behind extension headers the MSS stays as it is. */
	if (ipv6 && unlikely(ip[IPV6_NEXT] != IP_PROTO_TCP))
		return false;
	return rte_pktmbuf_data_len(m) > flags && (ip[flags] & TCP_SYN) != 0;
}

/* To the tunnel that it goes into or came out of. */
static void clamp(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                  const struct forward_way *way, bool ipv6)
{
	if (way->action == FLOW_SEAL)
		forward_mss(c, m, way->tunnel, ipv6);
	else if (origin < SAD_TUNNELS_MAX)
		forward_mss(c, m, origin, ipv6);
}

static inline void go(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                      const struct forward_way *way, bool ipv6)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *ttl = ip + (ipv6 ? IPV6_HOP_LIMIT : IPV4_TTL);
	unsigned int mtu;

	spd_count(c->hits, way->rule, rte_pktmbuf_pkt_len(m));
	if (unlikely(way->action <= FLOW_DISCARD)) {
		forward_slow(c, origin, m, way, ipv6);
		return;
	}
	if (unlikely(*ttl <= 1)) {
		forward_ttl_ended(c, origin, m, ipv6);
		return;
	}
	if (likely(way->action == FLOW_SEAL))
		mtu = forward_tunnel_mtu(c, way->tunnel);
	else if (unlikely((way->flags & FLOW_SUB) != 0))
		mtu = c->f->config.iface[way->tunnel].mtu;
	else
		mtu = c->f->config.iface[way->action == FLOW_WAN ? PORT_WAN : PORT_LAN].mtu;
	if (unlikely(rte_pktmbuf_pkt_len(m) > mtu)) {
		forward_too_big(c, origin, m, way, ipv6, (uint16_t)mtu);
		return;
	}
	if (ipv6)
		--*ttl;
	else
		ipv4_ttl_decrement(ip);
	if (way->flags != 0) {
		if ((way->flags & FLOW_TCP) != 0 && unlikely(is_syn(m, ip, ipv6)))
			clamp(c, origin, m, way, ipv6);
		if (unlikely((way->flags & ~FLOW_TCP) != 0)) {
			forward_deliver(c, origin, m, way, ipv6);
			return;
		}
	}
	if (likely(way->action == FLOW_SEAL))
		forward_seal_ip(c, way->sa, m, ip, ipv6);
	else if (forward_ether(c, PORT_LAN, m, (const struct rte_ether_addr *)&way->link))
		forward_tx(c, PORT_LAN, m);
}

/* What routes and policy say of packets of a burst. */
struct answers {
	uint64_t to[FORWARD_BURST], from[FORWARD_BURST]; /* adjacencies */
	const struct spd_entry *entry[FORWARD_BURST];    /* not set without rules */
	uint16_t vlan[FORWARD_BURST];
};

/* Decide question Q of packet M by answer K; true: VALUE is for the cache. */
static inline bool settle(struct forward_core *c, struct forward_question *q,
                          const struct answers *a, unsigned int k, uint8_t proto,
                          struct rte_mbuf *m, struct forward_way *way, struct flow_value *value)
{
	bool kept;

	q->to = &c->fib->adjacency[a->to[k]];
	q->from = &c->fib->adjacency[a->from[k]];
	q->vlan = a->vlan[k];
	q->entry = a->entry[k];
	forward_decide(c, q, &c->verdict[k]);
	kept = keep(c, &c->verdict[k], q->origin, proto, way, value);
	if (way->action == FLOW_SEAL)
		way->sa = forward_seal_sa(c, way->tunnel, m);
	return kept;
}

/* Ask routes and policy for the packets that the cache has no decision for. */
static void ask4(struct forward_core *c, struct rte_mbuf **pkts, const uint16_t *origin,
                 const union flow4_words *key, const uint32_t *hash, struct forward_way *way,
                 const uint8_t *miss, unsigned int misses)
{
	uint32_t dst[FORWARD_BURST], src[FORWARD_BURST];
	struct spd4_key rule_key[FORWARD_BURST];
	struct answers a;

	for (unsigned int k = 0; k < misses; k++) {
		dst[k] = get_be32(key[miss[k]].key.dst);
		src[k] = get_be32(key[miss[k]].key.src);
	}
	fib_lookup4(c->fib, dst, a.to, misses);
	fib_lookup4(c->fib, src, a.from, misses);
	for (unsigned int k = 0; k < misses; k++) {
		const struct flow4_key *f = &key[miss[k]].key;
		bool swapped;
		uint16_t interface = forward_policy_interface(origin[miss[k]], &swapped);

		a.vlan[k] = forward_policy_vlan(c, origin[miss[k]], f->iface,
		                                &c->fib->adjacency[a.to[k]]);
		if (c->spd->count > 0)
			forward_policy_key4(f, interface, a.vlan[k], swapped, &rule_key[k]);
	}
	if (c->spd->count > 0)
		spd_match4(c->spd, rule_key, a.entry, misses);
	for (unsigned int k = 0; k < misses; k++) {
		unsigned int i = miss[k];
		struct forward_question q = {
		        .origin = origin[i], .iface = key[i].key.iface, .key4 = &key[i].key};
		struct flow_value value;

		if (settle(c, &q, &a, k, key[i].key.proto, pkts[i], &way[i], &value))
			flow4_put(&c->flows, hash[i], &key[i].key, &value);
	}
}

static void ask6(struct forward_core *c, struct rte_mbuf **pkts, const uint16_t *origin,
                 const union flow6_words *key, const uint32_t *hash, struct forward_way *way,
                 const uint8_t *miss, unsigned int misses)
{
	uint8_t dst[FORWARD_BURST][16], src[FORWARD_BURST][16];
	struct spd6_key rule_key[FORWARD_BURST];
	struct answers a;

	for (unsigned int k = 0; k < misses; k++) {
		memcpy(dst[k], key[miss[k]].key.dst, 16);
		memcpy(src[k], key[miss[k]].key.src, 16);
	}
	fib_lookup6(c->fib, dst, a.to, misses);
	fib_lookup6(c->fib, src, a.from, misses);
	for (unsigned int k = 0; k < misses; k++) {
		const struct flow6_key *f = &key[miss[k]].key;
		bool swapped;
		uint16_t interface = forward_policy_interface(origin[miss[k]], &swapped);

		a.vlan[k] = forward_policy_vlan(c, origin[miss[k]], f->iface,
		                                &c->fib->adjacency[a.to[k]]);
		if (c->spd->count > 0)
			forward_policy_key6(f, interface, a.vlan[k], swapped, &rule_key[k]);
	}
	if (c->spd->count > 0)
		spd_match6(c->spd, rule_key, a.entry, misses);
	for (unsigned int k = 0; k < misses; k++) {
		unsigned int i = miss[k];
		struct forward_question q = {
		        .origin = origin[i], .iface = key[i].key.iface, .key6 = &key[i].key};
		struct flow_value value;

		if (settle(c, &q, &a, k, key[i].key.proto, pkts[i], &way[i], &value))
			flow6_put(&c->flows, hash[i], &key[i].key, &value);
	}
}

void forward_inner4(struct forward_core *c, struct rte_mbuf **pkts, const uint16_t *origin,
                    unsigned int n)
{
	union flow4_words key[FORWARD_BURST];
	struct forward_way way[FORWARD_BURST];
	uint32_t hash[FORWARD_BURST];
	uint8_t miss[FORWARD_BURST];
	unsigned int misses = 0;
	bool vlans = c->f->sub_of_vlan != NULL;

	for (unsigned int i = 0; i < n; i++) {
		key4(pkts[i], origin[i], &key[i]);
		if (unlikely(vlans))
			key[i].word[1] |= key_iface(pkts[i], origin[i]);
		hash[i] = flow4_hash(&c->flows, &key[i].key);
		flow4_prefetch(&c->flows, hash[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		if (unlikely(!recall(c, flow4_find(&c->flows, hash[i], &key[i].key, c->generation),
		                     pkts[i], &way[i])))
			miss[misses++] = (uint8_t)i;
	if (unlikely(misses > 0))
		ask4(c, pkts, origin, key, hash, way, miss, misses);
	for (unsigned int i = 0; i < n; i++)
		go(c, origin[i], pkts[i], &way[i], false);
}

void forward_inner6(struct forward_core *c, struct rte_mbuf **pkts, const uint16_t *origin,
                    unsigned int n)
{
	union flow6_words key[FORWARD_BURST];
	struct forward_way way[FORWARD_BURST];
	uint32_t hash[FORWARD_BURST];
	uint8_t miss[FORWARD_BURST];
	unsigned int misses = 0;
	bool vlans = c->f->sub_of_vlan != NULL;

	for (unsigned int i = 0; i < n; i++) {
		key6(pkts[i], origin[i], &key[i]);
		if (unlikely(vlans))
			key[i].word[4] |= key_iface(pkts[i], origin[i]);
		hash[i] = flow6_hash(&c->flows, &key[i].key);
		flow6_prefetch(&c->flows, hash[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		if (unlikely(!recall(c, flow6_find(&c->flows, hash[i], &key[i].key, c->generation),
		                     pkts[i], &way[i])))
			miss[misses++] = (uint8_t)i;
	if (unlikely(misses > 0))
		ask6(c, pkts, origin, key, hash, way, miss, misses);
	for (unsigned int i = 0; i < n; i++)
		go(c, origin[i], pkts[i], &way[i], true);
}

void forward_go4(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                 const struct flow_value *value)
{
	struct forward_way way;

	/* The neighbour may be gone. */
	if (likely(recall(c, value, m, &way)))
		go(c, origin, m, &way, false);
	else
		forward_inner4(c, &m, &origin, 1);
}
