/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/channel_mux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "common/spsc.h"
#include "dataplane/ip.h"
#include "dataplane/packet.h"
#include "dataplane/tunnel.h"

COUNTER_DEFINE(drop_channel_peer, "drop.channel_peer",
               "datagrams to the channel's port from elsewhere than the peer")
COUNTER_DEFINE(drop_channel_length, "drop.channel_length",
               "channel datagrams whose UDP length is wrong")
COUNTER_DEFINE(drop_channel_full, "drop.channel_full",
               "channel datagrams that the QKD core was too slow to take")
COUNTER_DEFINE(channel_received, "channel.received", "datagrams handed to the QKD core")

#define UDP_HEADER 8
/* Datagrams in flight between cores; a block's messages come in bursts of hundreds. */
#define RING_SIZE 1024
#define POOL_SIZE 2047
#define CS6       0xc0 /* DSCP 48 in the traffic class */

struct channel_mux {
	/* all: ro */
	struct channel_mux_config config;
	struct rte_mempool *pool;
	uint8_t header[IPV6_HEADER + UDP_HEADER];
	unsigned int header_len;
	uint32_t pseudo_sum; /* of addresses and protocol */

	unsigned int next; /* QKD core: the ring to look at first */
	struct spsc output;
	struct spsc input[TUNNEL_CORES_MAX];
};

static void header_init(struct channel_mux *mux)
{
	const struct channel_mux_config *c = &mux->config;
	uint8_t *h = mux->header;

	if (c->ipv6) {
		mux->header_len = IPV6_HEADER + UDP_HEADER;
		put_be32(h, 0x60000000U | (uint32_t)CS6 << 20);
		h[IPV6_NEXT] = IP_PROTO_UDP;
		h[IPV6_HOP_LIMIT] = IP_TTL_DEFAULT;
		memcpy(h + IPV6_SRC, c->local, 16);
		memcpy(h + IPV6_DST, c->remote, 16);
		mux->pseudo_sum = ipv6_pseudo_sum(h + IPV6_SRC, 0, IP_PROTO_UDP);
	} else {
		const uint8_t tail[2] = {0, IP_PROTO_UDP};

		mux->header_len = IPV4_HEADER + UDP_HEADER;
		h[0] = 0x45;
		h[1] = CS6;
		put_be16(h + IPV4_FRAGMENT, IPV4_DF);
		h[IPV4_TTL] = IP_TTL_DEFAULT;
		h[IPV4_PROTOCOL] = IP_PROTO_UDP;
		memcpy(h + IPV4_SRC, c->local, 4);
		memcpy(h + IPV4_DST, c->remote, 4);
		mux->pseudo_sum = (uint32_t)rte_raw_cksum(h + IPV4_SRC, 8) + rte_raw_cksum(tail, 2);
	}
	put_be16(h + mux->header_len - UDP_HEADER, c->port);
	put_be16(h + mux->header_len - UDP_HEADER + 2, c->port);
}

struct channel_mux *channel_mux_create(const struct channel_mux_config *config, struct err *err)
{
	static unsigned int created;
	struct channel_mux *mux;
	char name[32];
	int rc;

	if (config->cores < 1 || config->cores > TUNNEL_CORES_MAX) {
		err_set(err, EINVAL, "channel: %u forwarding lcores", config->cores);
		return NULL;
	}
	mux = aligned_alloc(_Alignof(struct channel_mux), sizeof(*mux));
	if (mux == NULL) {
		err_set(err, ENOMEM, "channel: no memory");
		return NULL;
	}
	memset(mux, 0, sizeof(*mux));
	mux->config = *config;
	header_init(mux);
	snprintf(name, sizeof(name), "channel%u", created++);
	mux->pool = rte_pktmbuf_pool_create(name, POOL_SIZE, 64, sizeof(struct packet_meta),
	                                    (uint16_t)(RTE_PKTMBUF_HEADROOM + config->mtu),
	                                    SOCKET_ID_ANY);
	rc = spsc_init(&mux->output, RING_SIZE);
	for (unsigned int i = 0; i < config->cores; i++)
		rc |= spsc_init(&mux->input[i], RING_SIZE);
	if (mux->pool == NULL || rc != 0) {
		err_set(err, ENOMEM, "channel: no memory for buffers");
		channel_mux_destroy(mux);
		return NULL;
	}
	return mux;
}

void channel_mux_destroy(struct channel_mux *mux)
{
	if (mux == NULL)
		return;
	packet_ring_fini(&mux->output);
	for (unsigned int i = 0; i < TUNNEL_CORES_MAX; i++)
		packet_ring_fini(&mux->input[i]);
	rte_mempool_free(mux->pool);
	free(mux);
}

uint16_t channel_mux_port(const struct channel_mux *mux)
{
	return mux->config.port;
}

size_t channel_mux_payload_max(const struct channel_mux *mux)
{
	return mux->config.mtu - mux->header_len;
}

/* The UDP header is still in front of the payload, the address was noted. */
static void read_place(const struct channel_mux *mux, struct rte_mbuf *m, struct channel_place *out)
{
	const struct channel_mux_config *c = &mux->config;
	const uint8_t *udp = rte_pktmbuf_mtod(m, const uint8_t *) - UDP_HEADER;

	*out = (struct channel_place){{0}};
	if (!c->dynamic ||
	    (memcmp(packet_meta(m)->next_hop.addr, c->remote, c->ipv6 ? 16 : 4) == 0 &&
	     get_be16(udp) == c->port))
		return;
	memcpy(out->bytes, packet_meta(m)->next_hop.addr, c->ipv6 ? 16 : 4);
	memcpy(out->bytes + 16, udp, 2);
}

size_t channel_mux_receive(struct channel_mux *mux, uint8_t *buf, size_t cap,
                           struct channel_place *from)
{
	for (unsigned int tried = 0; tried < mux->config.cores;) {
		struct rte_mbuf *m = spsc_pop(&mux->input[mux->next]);
		size_t len;

		if (m == NULL) {
			tried++;
			mux->next = mux->next + 1 < mux->config.cores ? mux->next + 1 : 0;
			continue;
		}
		len = rte_pktmbuf_data_len(m);
		if (len <= cap) {
			memcpy(buf, rte_pktmbuf_mtod(m, void *), len);
			if (from != NULL)
				read_place(mux, m, from);
		}
		rte_pktmbuf_free(m);
		if (len <= cap)
			return len;
	}
	return 0;
}

/* Address and port of TO in a header made for the configured ones; the sum with them. */
static uint32_t redirect(const struct channel_mux *mux, uint8_t *ip, const struct channel_place *to)
{
	static const struct channel_place configured;
	const bool ipv6 = mux->config.ipv6;
	const uint8_t tail[2] = {0, IP_PROTO_UDP};

	if (to == NULL || memcmp(to, &configured, sizeof(configured)) == 0)
		return mux->pseudo_sum;
	memcpy(ip + (ipv6 ? IPV6_DST : IPV4_DST), to->bytes, ipv6 ? 16 : 4);
	memcpy(ip + mux->header_len - UDP_HEADER + 2, to->bytes + 16, 2);
	return ipv6 ? ipv6_pseudo_sum(ip + IPV6_SRC, 0, IP_PROTO_UDP)
	            : (uint32_t)rte_raw_cksum(ip + IPV4_SRC, 8) + rte_raw_cksum(tail, 2);
}

int channel_mux_send(struct channel_mux *mux, const uint8_t *payload, size_t len,
                     const struct channel_place *to)
{
	uint16_t udp_len = (uint16_t)(UDP_HEADER + len), sum;
	uint32_t pseudo;
	struct rte_mbuf *m;
	uint8_t *ip, *udp;

	if (len > channel_mux_payload_max(mux))
		return -EMSGSIZE;
	m = rte_pktmbuf_alloc(mux->pool);
	if (m == NULL)
		return -EAGAIN;
	ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(mux->header_len + len));
	if (ip == NULL) {
		rte_pktmbuf_free(m);
		return -EMSGSIZE;
	}
	udp = ip + mux->header_len - UDP_HEADER;
	memcpy(ip, mux->header, mux->header_len);
	pseudo = redirect(mux, ip, to);
	memcpy(udp + UDP_HEADER, payload, len);
	put_be16(udp + 4, udp_len);
	sum = ip_checksum(udp, udp_len, pseudo + __builtin_bswap16(udp_len));
	/* RFC 768: a sum of zero is sent as all ones. */
	if (sum == 0)
		sum = 0xffff;
	memcpy(udp + 6, &sum, 2);
	if (mux->config.ipv6) {
		put_be16(ip + IPV6_LENGTH, udp_len);
	} else {
		put_be16(ip + IPV4_LENGTH, (uint16_t)(IPV4_HEADER + udp_len));
		ipv4_checksum_set(ip);
	}
	if (!spsc_push(&mux->output, m)) {
		rte_pktmbuf_free(m);
		return -EAGAIN;
	}
	return 0;
}

/* Where the peer may be. One that moves may be at any host's address: its tags tell. */
static bool may_be_peer(const struct channel_mux_config *c, const uint8_t *addr, uint16_t port)
{
	static const uint8_t zero[16], loop6[16] = {[15] = 1};

	if (!c->dynamic)
		return port == c->port && memcmp(addr, c->remote, c->ipv6 ? 16 : 4) == 0;
	if (port == 0 || memcmp(addr, c->local, c->ipv6 ? 16 : 4) == 0)
		return false;
	return c->ipv6 ? addr[0] != 0xff && memcmp(addr, zero, 16) != 0 &&
	                         memcmp(addr, loop6, 16) != 0
	               : addr[0] != 0 && addr[0] != 127 && addr[0] < 224;
}

bool channel_mux_input(struct channel_mux *mux, unsigned int core, struct counter_set *cs,
                       struct rte_mbuf *m)
{
	const struct channel_mux_config *c = &mux->config;
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	bool ipv6 = ip[0] >> 4 == 6;
	uint32_t header = ipv6 ? IPV6_HEADER : (ip[0] & 15U) * 4;
	uint32_t room = rte_pktmbuf_data_len(m) - header;
	const uint8_t *udp = ip + header;
	uint16_t udp_len;

	if (ip[ipv6 ? IPV6_NEXT : IPV4_PROTOCOL] != IP_PROTO_UDP || room < UDP_HEADER ||
	    get_be16(udp + 2) != c->port)
		return false;
	if (ipv6 != c->ipv6 ||
	    memcmp(ip + (ipv6 ? IPV6_DST : IPV4_DST), c->local, ipv6 ? 16 : 4) != 0 ||
	    !may_be_peer(c, ip + (ipv6 ? IPV6_SRC : IPV4_SRC), get_be16(udp))) {
		counter_add(cs, &drop_channel_peer, 1);
		rte_pktmbuf_free(m);
		return true;
	}
	udp_len = get_be16(udp + 4);
	if (udp_len <= UDP_HEADER || udp_len > room) {
		counter_add(cs, &drop_channel_length, 1);
		rte_pktmbuf_free(m);
		return true;
	}
	memcpy(packet_meta(m)->next_hop.addr, ip + (ipv6 ? IPV6_SRC : IPV4_SRC), ipv6 ? 16 : 4);
	rte_pktmbuf_trim(m, (uint16_t)(room - udp_len));
	rte_pktmbuf_adj(m, (uint16_t)(header + UDP_HEADER));
	if (!spsc_push(&mux->input[core], m)) {
		counter_add(cs, &drop_channel_full, 1);
		rte_pktmbuf_free(m);
		return true;
	}
	counter_add(cs, &channel_received, 1);
	return true;
}

unsigned int channel_mux_output(struct channel_mux *mux, struct rte_mbuf **pkts, unsigned int max)
{
	unsigned int n = 0;

	while (n < max && (pkts[n] = spsc_pop(&mux->output)) != NULL)
		n++;
	return n;
}

bool channel_mux_elsewhere(const struct channel_mux *mux, const struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	bool ipv6 = mux->config.ipv6;

	return memcmp(ip + (ipv6 ? IPV6_DST : IPV4_DST), mux->config.remote, ipv6 ? 16 : 4) != 0;
}
