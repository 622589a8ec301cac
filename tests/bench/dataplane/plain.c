/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/dataplane/plain.h"

#include <string.h>

#include <rte_ethdev.h>
#include <rte_fib.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "common/bytes.h"
#include "dataplane/esp.h"
#include "dataplane/forward_core.h"

#define BURST    FORWARD_BURST
#define PREFETCH 4
#define ETHERNET 14
#define IPV4     20
#define HOP      1

int plain_route_add(struct rte_fib *fib, uint32_t addr, uint8_t length)
{
	return rte_fib_add(fib, addr, length, HOP);
}

struct rte_fib *plain_routes(unsigned int count)
{
	struct rte_fib_conf conf = {.type = RTE_FIB_DIR24_8, .max_routes = (int)count + 64};
	struct rte_fib *fib;
	uint32_t state = 1;

	conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
	conf.dir24_8.num_tbl8 = 256;
	fib = rte_fib_create("plain", SOCKET_ID_ANY, &conf);
	for (unsigned int i = 0; fib != NULL && i < count; i++) {
		state = state * 1664525 + 1013904223;
		/* Elsewhere than the hosts: 11.0.0.0/8 and up. */
		if (rte_fib_add(fib, 0x0b000000U + (state >> 4), (uint8_t)(16 + state % 9),
		                i + 10) != 0)
			return NULL;
	}
	return fib;
}

/* IPv4 headers checked, looked up, counted down; those that go nowhere are freed. */
static unsigned int route(struct rte_fib *fib, struct rte_mbuf **pkts, unsigned int n)
{
	uint64_t hop[BURST];
	uint32_t to[BURST];
	unsigned int good = 0, routed = 0;

	for (unsigned int i = 0; i < n && i < PREFETCH; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *p = rte_pktmbuf_mtod(pkts[i], uint8_t *), *ip = p + ETHERNET;
		uint16_t sum = get_be16(ip + 10);

		if (i + PREFETCH < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH], void *));
		if (get_be16(p + 12) != RTE_ETHER_TYPE_IPV4 || ip[0] != 0x45 || ip[8] <= 1 ||
		    get_be16(ip + 2) + (unsigned int)ETHERNET > pkts[i]->pkt_len) {
			rte_pktmbuf_free(pkts[i]);
			continue;
		}
		ip[8]--;
		/* RFC 1141: the TTL is the high byte of its word. */
		put_be16(ip + 10, (uint16_t)(sum + 0x0100 + (sum >= 0xfeff)));
		to[good] = get_be32(ip + 16);
		pkts[good++] = pkts[i];
	}
	rte_fib_lookup_bulk(fib, to, hop, (int)good);
	for (unsigned int i = 0; i < good; i++) {
		if (hop[i] == HOP)
			pkts[routed++] = pkts[i];
		else
			rte_pktmbuf_free(pkts[i]);
	}
	return routed;
}

/* The cipher alone, over what ESP covers: inner packet, padding, pad length, next header. */
static void cipher_burst(const struct plain *p, struct rte_mbuf **pkts, unsigned int n, bool open)
{
	_Alignas(64) static const uint8_t iv[16], aad[16];
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES], tag[16];
	struct gcm_context *ctx = (struct gcm_context *)context;

	for (unsigned int i = 0; i < n; i++) {
		uint8_t *at = rte_pktmbuf_mtod(pkts[i], uint8_t *) + ETHERNET;
		uint32_t len = pkts[i]->pkt_len - ETHERNET;

		if (open) {
			at += IPV4 + ESP_HEADER_BYTES;
			len -= IPV4 + ESP_HEADER_BYTES + ESP_ICV_BYTES;
			p->gcm->open(p->key, ctx, at, at, len, iv, aad, 12, tag, 16);
		} else {
			len = (len + 2 + 3) & ~3U;
			p->gcm->seal(p->key, ctx, at, at, len, iv, aad, 12, at + len, 16);
		}
	}
}

static void address(struct rte_mbuf **pkts, unsigned int n)
{
	static const uint8_t header[ETHERNET] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};

	for (unsigned int i = 0; i < n; i++)
		memcpy(rte_pktmbuf_mtod(pkts[i], void *), header, sizeof(header));
}

unsigned int plain_poll(const struct plain *p, enum plain_cipher cipher)
{
	struct rte_mbuf *pkts[BURST], *other[BURST];
	/* A forwarder asks both of its ports. */
	unsigned int n = rte_eth_rx_burst(p->in, 0, pkts, BURST), sent;
	unsigned int back = rte_eth_rx_burst(p->out, 0, other, BURST);

	rte_pktmbuf_free_bulk(other, back);
	n = route(p->fib, pkts, n);
	if (cipher != PLAIN_NONE)
		cipher_burst(p, pkts, n, cipher == PLAIN_OPEN);
	address(pkts, n);
	sent = rte_eth_tx_burst(p->out, 0, pkts, (uint16_t)n);
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	return sent;
}
