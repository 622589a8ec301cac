/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/bench_frames.h"

#include <string.h>

#include "common/bytes.h"

static const uint8_t header[ETHERNET_BYTES] = {0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0};

struct rte_fib *frames_routes(unsigned int count)
{
	struct rte_fib_conf conf = {.type = RTE_FIB_DIR24_8, .max_routes = (int)count + 8};
	struct rte_fib *fib;
	uint32_t state = 1;

	conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
	conf.dir24_8.num_tbl8 = 256;
	fib = rte_fib_create("bench", SOCKET_ID_ANY, &conf);
	if (fib == NULL)
		return NULL;
	for (unsigned int i = 0; i < count; i++) {
		state = state * 1664525 + 1013904223;
		/* Elsewhere than the hosts: 11.0.0.0/8 and up. */
		if (rte_fib_add(fib, 0x0b000000U + (state >> 4), 16 + state % 9, i + 10) != 0)
			return NULL;
	}
	if (rte_fib_add(fib, LAN_HOST, 16, 1) != 0 || rte_fib_add(fib, OUTER_REMOTE, 32, 2) != 0)
		return NULL;
	return fib;
}

void frames_fill(struct rte_mbuf *m, unsigned int n, unsigned int flow)
{
	uint8_t *p, *ip;
	uint32_t sum = 0;

	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->data_len = (uint16_t)n;
	m->pkt_len = n;
	p = rte_pktmbuf_mtod(m, uint8_t *);
	memcpy(p, header, sizeof(header));
	ip = p + ETHERNET_BYTES;
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)(n - ETHERNET_BYTES));
	ip[8] = 64;
	ip[9] = 17;
	put_be32(ip + 12, 0x0a010001);
	put_be32(ip + 16, LAN_HOST + flow % 1024);
	for (int i = 0; i < 20; i += 2)
		sum += get_be16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	put_be16(ip + 10, (uint16_t) ~(sum + (sum >> 16)));
}

bool frames_route(struct rte_fib *fib, struct rte_mbuf **pkts, unsigned int n, unsigned int offset)
{
	uint64_t hop[BURST];
	uint32_t to[BURST];
	bool good = true;

	for (unsigned int i = 0; i < n; i++) {
		uint8_t *ip = rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, offset);
		uint16_t sum = get_be16(ip + 10);

		good &= ip[0] == 0x45 && ip[8] > 1 && get_be16(ip + 2) + offset <= pkts[i]->pkt_len;
		to[i] = get_be32(ip + 16);
		ip[8]--;
		/* RFC 1141: the TTL is the high byte of its word. */
		put_be16(ip + 10, (uint16_t)(sum + 0x0100 + (sum >= 0xfeff)));
	}
	rte_fib_lookup_bulk(fib, to, hop, (int)n);
	for (unsigned int i = 0; i < n; i++)
		good &= hop[i] == 1 || hop[i] == 2;
	return good;
}

void frames_address(struct rte_mbuf **pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		memcpy(rte_pktmbuf_mtod(pkts[i], void *), header, sizeof(header));
}
