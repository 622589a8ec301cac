/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/frag.h"

#include <errno.h>

#include "dataplane/port.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

#define BYTES_MAX 9216

static struct rte_mempool *pool;

static void test_start(void)
{
	struct err err = {0};

	dpdk_start(1, 128, NULL, NULL);
	pool = port_pool_create("frag", 1500, 1, 1023, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

/* An IPv4 packet of N bytes whose header has OPTIONS bytes of options. */
static void ipv4(uint8_t *p, unsigned int n, const uint8_t *options, unsigned int bytes)
{
	for (unsigned int i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 11 + n);
	memset(p, 0, 20);
	p[0] = (uint8_t)(0x40 | (20 + bytes) / 4);
	put_be16(p + 2, (uint16_t)n);
	put_be16(p + 4, 0xabcd);
	p[8] = 64;
	p[9] = 17;
	p[12] = p[16] = 10;
	if (bytes > 0)
		memcpy(p + 20, options, bytes);
	put_be16(p + 10, test_checksum(p, 20 + bytes, 0));
}

/* Fragments put together again; checks each. The bytes, 0 when one is wrong. */
static unsigned int together4(struct rte_mbuf **part, int n, uint16_t mtu, unsigned int place,
                              bool more, uint8_t *out)
{
	static uint8_t bytes[BYTES_MAX];
	unsigned int total = 0;

	for (int i = 0; i < n; i++) {
		const uint8_t *p = rte_pktmbuf_read(part[i], 0, part[i]->pkt_len, bytes);
		unsigned int header = (p[0] & 15U) * 4, length = get_be16(p + 2);

		CU_ASSERT_EQUAL(part[i]->pkt_len, length);
		CU_ASSERT_TRUE(length <= mtu);
		CU_ASSERT_EQUAL(test_checksum(p, header, 0), 0);
		CU_ASSERT_EQUAL(get_be16(p + 4), 0xabcd);
		CU_ASSERT_EQUAL((get_be16(p + 6) & 0x1fffU) * 8, place * 8 + total);
		CU_ASSERT_EQUAL((get_be16(p + 6) & 0x2000) != 0, more || i + 1 < n);
		if (i + 1 < n)
			CU_ASSERT_EQUAL((length - header) % 8, 0);
		memcpy(out + total, p + header, length - header);
		total += length - header;
		rte_pktmbuf_free(part[i]);
	}
	return total;
}

static void test_ipv4_any_length_and_chain(void)
{
	static uint8_t p[BYTES_MAX], out[BYTES_MAX];
	static const uint16_t mtus[] = {576, 1280, 1400, 1438, 4000};
	struct rte_mbuf *part[FRAG_MAX];

	for (size_t k = 0; k < sizeof(mtus) / sizeof(mtus[0]); k++)
		for (unsigned int n = mtus[k] + 1U; n <= 9000; n += 313)
			for (unsigned int segments = n / 2000 + 1; segments <= 7; segments += 2) {
				struct rte_mbuf *m;
				int count;

				ipv4(p, n, NULL, 0);
				m = test_chain(pool, p, n, segments);
				count = frag_ipv4(m, mtus[k], pool, part);
				CU_ASSERT_EQUAL(count, (n - 20 + (mtus[k] - 20) / 8 * 8 - 1) /
				                               ((mtus[k] - 20) / 8 * 8));
				CU_ASSERT_EQUAL(together4(part, count, mtus[k], 0, false, out),
				                n - 20);
				CU_ASSERT_EQUAL(memcmp(out, p + 20, n - 20), 0);
				rte_pktmbuf_free(m);
			}
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

/* A fragment that is fragmented again keeps its place and that more come. */
static void test_ipv4_again(void)
{
	static uint8_t p[3000], out[3000];
	struct rte_mbuf *part[FRAG_MAX], *m;
	int count;

	ipv4(p, 2020, NULL, 0);
	put_be16(p + 6, 0x2000 | 185);
	put_be16(p + 10, 0);
	put_be16(p + 10, test_checksum(p, 20, 0));
	m = test_chain(pool, p, 2020, 1);
	count = frag_ipv4(m, 576, pool, part);
	CU_ASSERT_EQUAL(count, 4);
	CU_ASSERT_EQUAL(together4(part, count, 576, 185, true, out), 2000);
	CU_ASSERT_EQUAL(memcmp(out, p + 20, 2000), 0);
	rte_pktmbuf_free(m);
}

/* RFC 791: an option whose copy flag is set is in every fragment, any other in the first. */
static void test_ipv4_options(void)
{
	/* NOP, timestamp (68, not copied), router alert (148, copied), then what is no option. */
	static const uint8_t options[16] = {1, 68, 4, 5, 0, 148, 4, 1, 2, 0xff, 0, 1, 2, 3, 4, 5};
	static uint8_t p[1200], out[1200];
	struct rte_mbuf *part[FRAG_MAX], *m;
	int count;

	ipv4(p, 1200, options, sizeof(options));
	m = test_chain(pool, p, 1200, 1);
	count = frag_ipv4(m, 576, pool, part);
	CU_ASSERT_EQUAL_FATAL(count, 3);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod_offset(part[0], void *, 20), options, 16), 0);
	for (int i = 1; i < 3; i++) {
		CU_ASSERT_EQUAL(*rte_pktmbuf_mtod(part[i], uint8_t *), 0x46);
		CU_ASSERT_EQUAL(
		        memcmp(rte_pktmbuf_mtod_offset(part[i], void *, 20), options + 5, 4), 0);
	}
	CU_ASSERT_EQUAL(together4(part, count, 576, 0, false, out), 1200 - 36);
	CU_ASSERT_EQUAL(memcmp(out, p + 36, 1200 - 36), 0);
	rte_pktmbuf_free(m);
}

static void test_ipv6_any_length(void)
{
	static uint8_t p[BYTES_MAX], out[BYTES_MAX], bytes[BYTES_MAX];
	struct rte_mbuf *part[FRAG_MAX];

	for (unsigned int n = 1281; n <= 9000; n += 919) {
		struct rte_mbuf *m;
		unsigned int total = 0;
		int count;

		for (unsigned int i = 0; i < n; i++)
			p[i] = (uint8_t)(i * 5 + n);
		p[0] = 0x60;
		put_be16(p + 4, (uint16_t)(n - 40));
		p[6] = 50;
		m = test_chain(pool, p, n, n / 2000 + 1);
		count = frag_ipv6(m, 1280, 0x01020304, pool, part);
		CU_ASSERT_EQUAL(count, (n - 40 + 1231) / 1232);
		for (int i = 0; i < count; i++) {
			const uint8_t *f = rte_pktmbuf_read(part[i], 0, part[i]->pkt_len, bytes);
			unsigned int take = part[i]->pkt_len - 48;

			CU_ASSERT_TRUE(part[i]->pkt_len <= 1280);
			CU_ASSERT_EQUAL(get_be16(f + 4), 8 + take);
			CU_ASSERT_EQUAL(f[6], 44);
			CU_ASSERT_EQUAL(memcmp(f, p, 4), 0);
			CU_ASSERT_EQUAL(memcmp(f + 7, p + 7, 33), 0);
			CU_ASSERT_EQUAL(f[40], 50);
			CU_ASSERT_EQUAL(get_be16(f + 42), total | (i + 1 < count ? 1U : 0U));
			CU_ASSERT_EQUAL(get_be32(f + 44), 0x01020304);
			memcpy(out + total, f + 48, take);
			total += take;
			rte_pktmbuf_free(part[i]);
		}
		CU_ASSERT_EQUAL(total, n - 40);
		CU_ASSERT_EQUAL(memcmp(out, p + 40, n - 40), 0);
		rte_pktmbuf_free(m);
	}
}

static void test_what_is_refused(void)
{
	static uint8_t p[BYTES_MAX];
	struct rte_mbuf *part[FRAG_MAX], *held[1024], *m;
	unsigned int n = 0;

	ipv4(p, 9000, NULL, 0);
	m = test_chain(pool, p, 9000, 5);
	CU_ASSERT_EQUAL(frag_ipv4(m, 27, pool, part), -EINVAL);
	CU_ASSERT_EQUAL(frag_ipv4(m, 300, pool, part), -EMSGSIZE);
	CU_ASSERT_EQUAL(frag_ipv6(m, 55, 1, pool, part), -EINVAL);
	CU_ASSERT_EQUAL(frag_ipv6(m, 300, 1, pool, part), -EMSGSIZE);
	/* Three buffers are left: the fourth fragment finds none, and all come back. */
	while ((held[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	rte_pktmbuf_free_bulk(held + n - 3, 3);
	n -= 3;
	CU_ASSERT_EQUAL(frag_ipv4(m, 576, pool, part), -ENOMEM);
	CU_ASSERT_EQUAL(frag_ipv6(m, 1280, 1, pool, part), -ENOMEM);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), n + 5);
	rte_pktmbuf_free_bulk(held, n);
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_ipv4_any_length_and_chain), UNIT(test_ipv4_again),
          UNIT(test_ipv4_options), UNIT(test_ipv6_any_length), UNIT(test_what_is_refused))
