/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Inner packets: from the LAN into a tunnel, or from a tunnel to the LAN. A burst in steps: keys
 * and hashes of all packets; their decisions from the flow cache; for those that it does not
 * have, routes; then each packet, in order, goes its way.
 */

#include "dataplane/forward_core.h"

#include <string.h>

#include "dataplane/ip.h"

/* Has the protocol ports where TCP has them? */
static inline bool has_ports(uint8_t proto)
{
	/* TCP, UDP, DCCP, SCTP, UDP-Lite */
	return proto == IP_PROTO_TCP || proto == IP_PROTO_UDP || proto == 33 || proto == 132 ||
	       proto == 136;
}

/* Both ports of AT, N bytes behind the IP header, as they stand in a key. */
static inline uint32_t read_ports(uint8_t proto, const uint8_t *at, uint32_t n)
{
	uint32_t ports = 0;

	if (likely(has_ports(proto) && n >= 4))
		memcpy(&ports, at, 4);
	else if ((proto == IP_PROTO_ICMP || proto == IP_PROTO_ICMPV6) && n >= 2)
		memcpy((uint8_t *)&ports + 2, at, 2);
	return ports;
}

/*
 * The last word of a key. Keys are made of whole words: loading a word right after its parts
 * were stored one by one would wait for the stores.
 */
static inline uint64_t key_tail(uint32_t ports, uint16_t origin, uint8_t proto, bool fragment)
{
	return ports | (uint64_t)origin << 32 | (uint64_t)proto << 48 | (uint64_t)fragment << 56;
}

static inline void key4(const struct rte_mbuf *m, uint16_t origin, union flow4_words *key)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t header = (ip[0] & 15U) * 4, ports = 0;
	uint8_t proto = ip[IPV4_PROTOCOL];
	bool fragment = (get_be16(ip + IPV4_FRAGMENT) & IPV4_OFFSET) != 0;

	if (likely(!fragment))
		ports = read_ports(proto, ip + header, rte_pktmbuf_data_len(m) - header);
	memcpy(&key->word[0], ip + IPV4_SRC, 8);
	key->word[1] = key_tail(ports, origin, proto, fragment);
}

static inline void key6(const struct rte_mbuf *m, uint16_t origin, union flow6_words *key)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t proto = ip[IPV6_NEXT];
	uint32_t ports = read_ports(proto, ip + IPV6_HEADER, rte_pktmbuf_data_len(m) - IPV6_HEADER);

	memcpy(key->word, ip + IPV6_SRC, 32);
	/* Behind extension headers ports count as not known. */
	key->word[4] = key_tail(ports, origin, proto, proto == 44);
}

/* What the cache says; false when it does not, or the neighbour is gone. */
static inline bool recall(const struct forward_core *c, const struct flow_value *v,
                          struct forward_way *way)
{
	if (v == NULL)
		return false;
	way->action = v->action;
	way->tunnel = v->tunnel;
	if (v->action == FLOW_LAN) {
		struct neighbour_ref ref = {v->link_version, v->link_slot};

		way->link = neighbour_link(c->links, &ref);
		return (way->link & NEIGHBOUR_LINK_VALID) != 0;
	}
	return true;
}

/* The common cases are kept for the flow; all else is FLOW_NONE and asked each time. */
static bool decide(const struct forward_core *c, uint16_t origin, const struct rte_mbuf *m,
                   bool ipv6, struct forward_way *way, struct flow_value *value)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct adjacency *to = way->to, *from = way->from;
	struct neighbour_key key;
	struct neighbour_ref ref;

	way->action = FLOW_NONE;
	*value = (struct flow_value){.generation = c->generation};
	if (origin == ORIGIN_LAN) {
		if (from->kind != ADJACENCY_CONNECTED && from->kind != ADJACENCY_GATEWAY)
			return false;
	} else if (from->kind != ADJACENCY_TUNNEL || from->tunnel != origin) {
		return false;
	}
	switch (to->kind) {
	case ADJACENCY_TUNNEL:
		if (origin != ORIGIN_LAN)
			return false;
		value->action = way->action = FLOW_SEAL;
		value->tunnel = way->tunnel = to->tunnel;
		return true;
	case ADJACENCY_GATEWAY:
		key = to->next_hop;
		break;
	case ADJACENCY_CONNECTED:
		key = ipv6 ? neighbour_key6(PORT_LAN, ip + IPV6_DST)
		           : neighbour_key4(PORT_LAN, ip + IPV4_DST);
		break;
	default:
		return false;
	}
	if (!neighbour_refer(c->f->neighbours, &key, &ref))
		return false;
	way->link = neighbour_link(c->links, &ref);
	value->action = way->action = FLOW_LAN;
	value->link_version = ref.version;
	value->link_slot = ref.slot;
	return (way->link & NEIGHBOUR_LINK_VALID) != 0;
}

static inline void go(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                      const struct forward_way *way, bool ipv6)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *ttl = ip + (ipv6 ? IPV6_HOP_LIMIT : IPV4_TTL);
	unsigned int mtu;

	if (unlikely(way->action == FLOW_NONE)) {
		forward_slow(c, origin, m, way, ipv6);
		return;
	}
	if (unlikely(*ttl <= 1)) {
		forward_ttl_ended(c, origin, m, ipv6);
		return;
	}
	mtu = way->action == FLOW_SEAL ? c->f->config.tunnel_mtu[way->tunnel]
	                               : c->f->config.iface[PORT_LAN].mtu;
	if (unlikely(rte_pktmbuf_pkt_len(m) > mtu)) {
		forward_too_big(c, origin, m, way, ipv6, (uint16_t)mtu);
		return;
	}
	if (ipv6)
		--*ttl;
	else
		ipv4_ttl_decrement(ip);
	if (likely(way->action == FLOW_SEAL))
		forward_seal_push(c, way->tunnel, m);
	else if (forward_ether(c, PORT_LAN, m, (const struct rte_ether_addr *)&way->link))
		forward_tx(c, PORT_LAN, m);
}

/* Ask the routes for the packets that the cache has no decision for. */
static void ask4(struct forward_core *c, struct rte_mbuf **pkts, const uint16_t *origin,
                 const union flow4_words *key, const uint32_t *hash, struct forward_way *way,
                 const uint8_t *miss, unsigned int misses)
{
	uint32_t dst[FORWARD_BURST], src[FORWARD_BURST];
	uint64_t to[FORWARD_BURST], from[FORWARD_BURST];

	for (unsigned int k = 0; k < misses; k++) {
		dst[k] = get_be32(key[miss[k]].key.dst);
		src[k] = get_be32(key[miss[k]].key.src);
	}
	fib_lookup4(c->fib, dst, to, misses);
	fib_lookup4(c->fib, src, from, misses);
	for (unsigned int k = 0; k < misses; k++) {
		unsigned int i = miss[k];
		struct flow_value value;

		way[i].to = &c->fib->adjacency[to[k]];
		way[i].from = &c->fib->adjacency[from[k]];
		if (decide(c, origin[i], pkts[i], false, &way[i], &value))
			flow4_put(&c->flows, hash[i], &key[i].key, &value);
	}
}

static void ask6(struct forward_core *c, struct rte_mbuf **pkts, const uint16_t *origin,
                 const union flow6_words *key, const uint32_t *hash, struct forward_way *way,
                 const uint8_t *miss, unsigned int misses)
{
	uint8_t dst[FORWARD_BURST][16], src[FORWARD_BURST][16];
	uint64_t to[FORWARD_BURST], from[FORWARD_BURST];

	for (unsigned int k = 0; k < misses; k++) {
		memcpy(dst[k], key[miss[k]].key.dst, 16);
		memcpy(src[k], key[miss[k]].key.src, 16);
	}
	fib_lookup6(c->fib, dst, to, misses);
	fib_lookup6(c->fib, src, from, misses);
	for (unsigned int k = 0; k < misses; k++) {
		unsigned int i = miss[k];
		struct flow_value value;

		way[i].to = &c->fib->adjacency[to[k]];
		way[i].from = &c->fib->adjacency[from[k]];
		if (decide(c, origin[i], pkts[i], true, &way[i], &value))
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

	for (unsigned int i = 0; i < n; i++) {
		key4(pkts[i], origin[i], &key[i]);
		hash[i] = flow4_hash(&c->flows, &key[i].key);
		flow4_prefetch(&c->flows, hash[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		if (unlikely(!recall(c, flow4_find(&c->flows, hash[i], &key[i].key, c->generation),
		                     &way[i])))
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

	for (unsigned int i = 0; i < n; i++) {
		key6(pkts[i], origin[i], &key[i]);
		hash[i] = flow6_hash(&c->flows, &key[i].key);
		flow6_prefetch(&c->flows, hash[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		if (unlikely(!recall(c, flow6_find(&c->flows, hash[i], &key[i].key, c->generation),
		                     &way[i])))
			miss[misses++] = (uint8_t)i;
	if (unlikely(misses > 0))
		ask6(c, pkts, origin, key, hash, way, miss, misses);
	for (unsigned int i = 0; i < n; i++)
		go(c, origin[i], pkts[i], &way[i], true);
}
