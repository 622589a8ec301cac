/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/mbuf_chain.h"
#include "tests/unit/dataplane/esp_fixture.h"

static uint8_t bytes[600], out[600];

static struct rte_mbuf *chain(unsigned int n, unsigned int segment)
{
	fixture_start();
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8));
	return packet_in(bytes, n, segment);
}

static void test_pull(void)
{
	for (unsigned int n = 0; n <= 600; n += 25) {
		struct rte_mbuf *m = chain(600, 100);

		CU_ASSERT_TRUE(chain_pull(m, n));
		CU_ASSERT_EQUAL(m->data_len, n > 100 ? n : 100);
		CU_ASSERT_EQUAL(m->nb_segs, n <= 100 ? 6 : 7 - (n + 99) / 100 + (n % 100 != 0));
		CU_ASSERT_EQUAL(packet_out(m, out), 600);
		CU_ASSERT_EQUAL(memcmp(out, bytes, 600), 0);
	}
	all_buffers_back();
}

static void test_pull_needs_bytes_and_room(void)
{
	struct rte_mbuf *m = chain(600, 100);

	CU_ASSERT_FALSE(chain_pull(m, 601));
	m->data_off = (uint16_t)(m->buf_len - 110);
	memcpy(rte_pktmbuf_mtod(m, void *), bytes, 100);
	CU_ASSERT_FALSE(chain_pull(m, 111));
	CU_ASSERT_EQUAL(m->nb_segs, 6);
	CU_ASSERT_TRUE(chain_pull(m, 110));
	CU_ASSERT_EQUAL(packet_out(m, out), 600);
	CU_ASSERT_EQUAL(memcmp(out, bytes, 600), 0);
	all_buffers_back();
}

static void test_trim(void)
{
	for (unsigned int n = 0; n < 600; n += 20) {
		struct rte_mbuf *m = chain(600, 100);

		chain_trim(m, n);
		CU_ASSERT_EQUAL(m->nb_segs, (600 - n + 99) / 100);
		CU_ASSERT_EQUAL(packet_out(m, out), 600 - n);
		CU_ASSERT_EQUAL(memcmp(out, bytes, 600 - n), 0);
	}
	all_buffers_back();
}

static void test_make_tailroom(void)
{
	struct rte_mbuf *m = chain(600, 2048);

	CU_ASSERT_TRUE(chain_make_tailroom(m, 20, 56));
	CU_ASSERT_EQUAL(rte_pktmbuf_headroom(m), RTE_PKTMBUF_HEADROOM);
	m->data_off = (uint16_t)(m->buf_len - 605);
	memcpy(rte_pktmbuf_mtod(m, void *), bytes, 600);
	CU_ASSERT_FALSE(chain_make_tailroom(m, 20, (unsigned int)(m->buf_len - 605 - 14)));
	CU_ASSERT_TRUE(chain_make_tailroom(m, 20, (unsigned int)(m->buf_len - 605 - 15)));
	CU_ASSERT_EQUAL(rte_pktmbuf_tailroom(m), 20);
	CU_ASSERT_EQUAL(packet_out(m, out), 600);
	CU_ASSERT_EQUAL(memcmp(out, bytes, 600), 0);
	all_buffers_back();
}

static void test_read_crosses_segments(void)
{
	struct rte_mbuf *m = chain(600, 7);

	chain_read(m, 3, 2, out);
	CU_ASSERT_EQUAL(memcmp(out, bytes + 3, 2), 0);
	chain_read(m, 5, 500, out);
	CU_ASSERT_EQUAL(memcmp(out, bytes + 5, 500), 0);
	rte_pktmbuf_free(m);
	all_buffers_back();
}

UNIT_MAIN(UNIT(test_pull), UNIT(test_pull_needs_bytes_and_room), UNIT(test_trim),
          UNIT(test_make_tailroom), UNIT(test_read_crosses_segments))
