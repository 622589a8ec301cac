/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/dataplane/answer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "common/bytes.h"

#define ARP_BYTES 42 /* with its Ethernet header; RFC 826 */

struct answer {
	bool due; /* any thread */
	uint16_t port;
	struct rte_mempool *pool;
	const struct rte_eth_rxtx_callback *callback;
	uint8_t frame[ARP_BYTES];
};

static uint16_t on_receive(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n,
                           uint16_t max, void *ctx)
{
	struct answer *a = ctx;
	struct rte_mbuf *m;
	char *p;

	if (likely(!__atomic_load_n(&a->due, __ATOMIC_RELAXED)) || n == max)
		return n;
	m = rte_pktmbuf_alloc(a->pool);
	if (m == NULL)
		return n;
	p = rte_pktmbuf_append(m, ARP_BYTES);
	memcpy(p, a->frame, ARP_BYTES);
	m->port = port;
	__atomic_store_n(&a->due, false, __ATOMIC_RELAXED);
	pkts[n] = m;
	return n + 1;
}

struct answer *answer_create(uint16_t port, struct rte_mempool *pool, uint32_t addr,
                             const struct rte_ether_addr *us, uint32_t our_addr)
{
	static const uint8_t link[6] = {0x02, 0, 0, 0, 0xfe, 1};
	struct answer *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->port = port;
	a->pool = pool;
	memcpy(a->frame, us->addr_bytes, 6);
	memcpy(a->frame + 6, link, 6);
	put_be16(a->frame + 12, RTE_ETHER_TYPE_ARP);
	put_be16(a->frame + 14, 1);
	put_be16(a->frame + 16, RTE_ETHER_TYPE_IPV4);
	a->frame[18] = 6;
	a->frame[19] = 4;
	put_be16(a->frame + 20, 2);
	memcpy(a->frame + 22, link, 6);
	put_be32(a->frame + 28, addr);
	memcpy(a->frame + 32, us->addr_bytes, 6);
	put_be32(a->frame + 38, our_addr);
	a->callback = rte_eth_add_rx_callback(port, 0, on_receive, a);
	if (a->callback == NULL) {
		free(a);
		return NULL;
	}
	return a;
}

void answer_destroy(struct answer *a)
{
	if (a == NULL)
		return;
	rte_eth_remove_rx_callback(a->port, 0, a->callback);
	free(a);
}

void answer_give(struct answer *a)
{
	__atomic_store_n(&a->due, true, __ATOMIC_RELAXED);
}
