/* SPDX-License-Identifier: BSD-3-Clause */

/* EAL, buffers, keys and inner packets for the tests of the ESP path. */

#ifndef TESTS_ESP_FIXTURE_H
#define TESTS_ESP_FIXTURE_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "common/bytes.h"
#include "common/gcm.h"
#include "common/secret.h"
#include "dataplane/esp.h"
#include "dataplane/tunnel.h"
#include "tests/unit/dataplane/tunnel_burst.h"
#include "tests/unit/unit.h"

#define DATA_ROOM 2048

/* Arguments of EAL for devices that a program wants: strings, with a comma behind each. */
#ifndef FIXTURE_DEVICES
#define FIXTURE_DEVICES
#endif

static struct rte_mempool *pool;
static struct rte_rcu_qsbr *qsbr;
static struct counter_set counters;

/* Once per program; the process's id keeps runs side by side apart. */
static inline void fixture_start(void)
{
	_Alignas(RTE_CACHE_LINE_SIZE) static uint8_t memory[1024];
	char prefix[64];
	char *argv[] = {"test",
	                "-l",
	                "0",
	                "--no-huge",
	                "-m",
	                "64",
	                "--no-pci",
	                "--no-telemetry",
	                "--file-prefix",
	                prefix,
	                "--log-level",
	                "error",
	                FIXTURE_DEVICES};
	struct err err = {0};

	if (pool != NULL)
		return;
	snprintf(prefix, sizeof(prefix), "lumengate-test-%d", (int)getpid());
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]), argv) < 0 ||
	    secret_init(4 << 20, &err) < 0 || gcm_provider_init(NULL, &err) < 0) {
		fprintf(stderr, "cannot start: %s\n", err.text);
		exit(2);
	}
	pool = rte_pktmbuf_pool_create("test", 1023, 0, 0, DATA_ROOM + RTE_PKTMBUF_HEADROOM,
	                               SOCKET_ID_ANY);
	qsbr = (struct rte_rcu_qsbr *)memory;
	if (pool == NULL || rte_rcu_qsbr_get_memsize(4) > sizeof(memory) ||
	    rte_rcu_qsbr_init(qsbr, 4) != 0)
		exit(2);
	counter_set_attach(&counters, "test");
}

static inline uint64_t counted(const char *name)
{
	const struct counter *c = counter_find(name);

	if (c == NULL) {
		CU_FAIL("no such counter");
		return UINT64_MAX;
	}
	return counter_get(&counters, c);
}

static inline struct tunnel_config fixture_config(bool ipv6)
{
	struct tunnel_config c = {.name = "t", .ipv6 = ipv6, .replay_window = 64};

	inet_pton(ipv6 ? AF_INET6 : AF_INET, ipv6 ? "2001:db8::1" : "192.0.2.1", c.local);
	inet_pton(ipv6 ? AF_INET6 : AF_INET, ipv6 ? "2001:db8::2" : "192.0.2.2", c.remote);
	return c;
}

/* Keys that differ by SEED, one a core. */
static inline void fixture_keys(struct sa_key *keys, unsigned int cores, uint32_t seed)
{
	for (unsigned int i = 0; i < cores; i++) {
		keys[i].spi = seed << 12 | i;
		for (unsigned int k = 0; k < sizeof(keys[i].key); k++)
			keys[i].key[k] = (uint8_t)(seed * 89 + i * 31 + k * 7);
		put_be32(keys[i].salt, seed * 0x01020304 + i);
	}
}

static inline uint16_t internet_checksum(const uint8_t *h, unsigned int n)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < n; i += 2)
		sum += get_be16(h + i);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* An inner packet of N bytes with traffic class TC: right header, patterned payload. */
static inline void inner_packet(uint8_t *p, unsigned int n, bool ipv6, uint8_t tc)
{
	for (unsigned int i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 13 + n);
	memset(p, 0, ipv6 ? 40 : 20);
	if (ipv6) {
		p[0] = (uint8_t)(0x60 | tc >> 4);
		p[1] = (uint8_t)(tc << 4 | 0x5);
		put_be16(p + 4, (uint16_t)(n - 40));
		p[6] = 17;
		p[7] = 63;
		p[8] = p[24] = 0xfd;
		p[39] = 9;
	} else {
		p[0] = 0x45;
		p[1] = tc;
		put_be16(p + 2, (uint16_t)n);
		p[8] = 63;
		p[9] = 17;
		p[12] = p[16] = 10;
		p[19] = 9;
		put_be16(p + 10, internet_checksum(p, 20));
	}
}

/* A packet of N bytes in segments of at most SEGMENT bytes. */
static inline struct rte_mbuf *packet_in(const uint8_t *p, unsigned int n, unsigned int segment)
{
	struct rte_mbuf *first = NULL;

	do {
		unsigned int take = n < segment ? n : segment;
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (m == NULL) {
			CU_FAIL_FATAL("no buffer");
			return NULL;
		}
		if (take > 0)
			memcpy(rte_pktmbuf_append(m, (uint16_t)take), p, take);
		if (first == NULL)
			first = m;
		else if (rte_pktmbuf_chain(first, m) != 0)
			CU_FAIL_FATAL("chain too long");
		p += take;
		n -= take;
	} while (n > 0);
	return first;
}

static inline struct rte_mbuf *packet(const uint8_t *p, unsigned int n)
{
	return packet_in(p, n, DATA_ROOM);
}

/* The bytes of a packet, over its segments; frees it. */
static inline unsigned int packet_out(struct rte_mbuf *m, uint8_t *out)
{
	unsigned int n = 0;

	CU_ASSERT_EQUAL(rte_mbuf_check(m, 1, &(const char *){NULL}), 0);
	for (struct rte_mbuf *s = m; s != NULL; s = s->next) {
		memcpy(out + n, rte_pktmbuf_mtod(s, void *), s->data_len);
		n += s->data_len;
	}
	CU_ASSERT_EQUAL(n, m->pkt_len);
	rte_pktmbuf_free(m);
	return n;
}

/* No buffer was lost or freed twice. */
static inline void all_buffers_back(void)
{
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

#endif
