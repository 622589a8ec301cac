/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ESP in UDP (RFC 3948), for peers behind address translation and for networks that spread by
 * ports: what comes in to such a port, and keepalives.
 */

#include "dataplane/forward_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "dataplane/forward_in.h"
#include "dataplane/forward_out.h"
#include "dataplane/ip.h"

COUNTER_DEFINE(drop_nat_marker, "drop.nat_marker",
               "datagrams of IKE to a port of ESP in UDP (RFC 3948 section 2.2)")
COUNTER_DEFINE(drop_nat_malformed, "drop.nat_malformed",
               "datagrams to a port of ESP in UDP that hold neither ESP nor a keepalive")
COUNTER_DEFINE(nat_keepalives, "nat.keepalives", "keepalives of peers received")
COUNTER_DEFINE(nat_keepalives_sent, "nat.keepalives_sent", "keepalives sent to peers")

#define UDP_HEADER 8
/* One byte of this value is a keepalive (RFC 3948 section 2.3). */
#define KEEPALIVE  0xff
#define KEEP_CHECK (NS_PER_S / 4)

/* A tunnel that sends keepalives; owner: rw. */
struct nat_keeper {
	struct tunnel_config config;
	const struct tunnel *tunnel;
	unsigned int subs; /* source ports to keep open */
	uint64_t next_ns;
};

/* all: ro but the keepers */
struct forward_nat {
	uint64_t ports[UINT16_MAX / 64 + 1]; /* bit: UDP port that takes ESP */
	unsigned int keeper_count;
	struct nat_keeper keeper[];
};

int forward_nat_empty(struct forward_nat **out, struct err *err)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : err_set(err, ENOMEM, "forwarding: no memory for ESP in UDP");
}

int forward_nat_create(const struct tunnel *const tunnels[SAD_TUNNELS_MAX],
                       struct forward_nat **out, struct err *err)
{
	unsigned int count = 0, keepers = 0;
	struct forward_nat *nat;

	*out = NULL;
	for (unsigned int i = 0; i < SAD_TUNNELS_MAX; i++) {
		if (tunnels[i] == NULL || !tunnel_config(tunnels[i])->udp)
			continue;
		count++;
		keepers += tunnel_config(tunnels[i])->nat_keepalive != 0;
	}
	if (count == 0)
		return 0;
	nat = calloc(1, sizeof(*nat) + keepers * sizeof(nat->keeper[0]));
	if (nat == NULL)
		return err_set(err, ENOMEM, "forwarding: no memory for ESP in UDP");
	for (unsigned int i = 0; i < SAD_TUNNELS_MAX; i++) {
		const struct tunnel_config *tc;
		struct nat_keeper *k = &nat->keeper[nat->keeper_count];
		uint16_t port;

		if (tunnels[i] == NULL || !tunnel_config(tunnels[i])->udp)
			continue;
		tc = tunnel_config(tunnels[i]);
		port = tc->udp_port == 0 ? TUNNEL_UDP_PORT : tc->udp_port;
		nat->ports[port / 64] |= UINT64_C(1) << port % 64;
		if (tc->nat_keepalive == 0)
			continue;
		k->config = *tc;
		k->config.udp_port = port;
		k->tunnel = tunnels[i];
		k->subs = tc->udp_spread ? tunnel_subs(tunnels[i]) : 1;
		nat->keeper_count++;
	}
	*out = nat;
	return 0;
}

void forward_nat_destroy(struct forward_nat *nat)
{
	free(nat);
}

bool forward_nat_input(struct forward_core *c, struct rte_mbuf *m, bool ipv6, uint32_t *header)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *), *udp;
	uint32_t at = ipv6 ? IPV6_HEADER : (ip[0] & 15U) * 4;
	uint32_t room = rte_pktmbuf_pkt_len(m) - at, length;
	uint16_t port;

	/* A chained packet's headers are contiguous up to here when it is sane. */
	if (unlikely(rte_pktmbuf_data_len(m) < at + UDP_HEADER))
		return false;
	udp = ip + at;
	port = get_be16(udp + 2);
	if ((c->nat->ports[port / 64] >> port % 64 & 1) == 0)
		return false;
	*header = 0;
	length = get_be16(udp + 4);
	if (unlikely(length <= UDP_HEADER || length > room ||
	             rte_pktmbuf_data_len(m) <= at + UDP_HEADER)) {
		forward_drop(c, m, &drop_nat_malformed);
		return true;
	}
	if (unlikely(length == UDP_HEADER + 1 && udp[UDP_HEADER] == KEEPALIVE)) {
		forward_drop(c, m, &nat_keepalives);
		return true;
	}
	if (unlikely(length < UDP_HEADER + 4 || rte_pktmbuf_data_len(m) < at + UDP_HEADER + 4)) {
		forward_drop(c, m, &drop_nat_malformed);
		return true;
	}
	/* Keys come from the quantum link: there is no IKE to give it to. */
	if (unlikely(get_be32(udp + UDP_HEADER) == 0)) {
		forward_drop(c, m, &drop_nat_marker);
		return true;
	}
	*header = at + UDP_HEADER;
	return true;
}

static void send_keepalive(struct forward_core *c, const struct nat_keeper *k, unsigned int sub)
{
	const struct tunnel_config *tc = &k->config;
	const struct peer_place *peer = tunnel_peer(k->tunnel);
	const uint8_t *to = peer == NULL ? tc->remote : peer->addr;
	unsigned int at = tc->ipv6 ? IPV6_HEADER : IPV4_HEADER;
	struct rte_mbuf *m = rte_pktmbuf_alloc(c->f->config.pool);
	uint8_t *ip;

	if (m == NULL)
		return;
	ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(at + UDP_HEADER + 1));
	if (ip == NULL) {
		rte_pktmbuf_free(m);
		return;
	}
	memset(ip, 0, at + UDP_HEADER);
	if (tc->ipv6) {
		ip[0] = 0x60;
		put_be16(ip + IPV6_LENGTH, UDP_HEADER + 1);
		ip[IPV6_NEXT] = IP_PROTO_UDP;
		ip[IPV6_HOP_LIMIT] = IP_TTL_DEFAULT;
		memcpy(ip + IPV6_SRC, tc->local, 16);
		memcpy(ip + IPV6_DST, to, 16);
	} else {
		ip[0] = 0x45;
		put_be16(ip + IPV4_LENGTH, (uint16_t)(IPV4_HEADER + UDP_HEADER + 1));
		put_be16(ip + IPV4_FRAGMENT, IPV4_DF);
		ip[IPV4_TTL] = IP_TTL_DEFAULT;
		ip[IPV4_PROTOCOL] = IP_PROTO_UDP;
		memcpy(ip + IPV4_SRC, tc->local, 4);
		memcpy(ip + IPV4_DST, to, 4);
		ipv4_checksum_set(ip);
	}
	put_be16(ip + at, tc->udp_spread ? (uint16_t)(TUNNEL_UDP_SPREAD + sub) : tc->udp_port);
	put_be16(ip + at + 2, peer == NULL ? tc->udp_port : peer->port);
	put_be16(ip + at + 4, UDP_HEADER + 1);
	ip[at + UDP_HEADER] = KEEPALIVE;
	counter_add(c->cs, &nat_keepalives_sent, 1);
	forward_to_wan(c, &m, 1, tc->index);
}

void forward_nat_poll(struct forward_core *c)
{
	struct forward_nat *nat = c->nat;

	if (likely(c->now_ns < c->next_nat_ns))
		return;
	c->next_nat_ns = c->now_ns + KEEP_CHECK;
	for (unsigned int i = 0; i < nat->keeper_count; i++) {
		struct nat_keeper *k = &nat->keeper[i];

		if (c->now_ns < k->next_ns)
			continue;
		k->next_ns = c->now_ns + k->config.nat_keepalive * NS_PER_S;
		for (unsigned int sub = 0; sub < k->subs; sub++)
			send_keepalive(c, k, sub);
	}
}
