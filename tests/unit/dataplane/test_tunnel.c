/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/tunnel.h"
#include "tests/unit/dataplane/esp_fixture.h"

#include <errno.h>

static struct tunnel *make(unsigned int cores)
{
	struct tunnel_config config = fixture_config(false);
	struct err err = {0};
	struct tunnel *t;

	fixture_start();
	t = tunnel_alone(&config, cores, qsbr, &err);
	if (t == NULL)
		CU_FAIL_FATAL("tunnel_create");
	return t;
}

static unsigned int seal_one(struct tunnel *t, unsigned int core, uint8_t *out)
{
	struct rte_mbuf *m;
	uint8_t inner[64];

	inner_packet(inner, sizeof(inner), false, 0);
	m = packet(inner, sizeof(inner));
	return tunnel_seal_burst(t, core, &counters, &m, 1) == 0 ? 0 : packet_out(m, out);
}

static unsigned int open_one(struct tunnel *t, unsigned int core, const uint8_t *p, unsigned int n)
{
	struct rte_mbuf *m = packet(p, n);
	uint8_t out[DATA_ROOM];

	return tunnel_open_burst(t, core, &counters, &m, 1) == 0 ? 0 : packet_out(m, out);
}

static void test_bad_configuration_is_refused(void)
{
	struct tunnel_config good = fixture_config(false), bad;
	struct err err = {0};

	fixture_start();
	bad = good;
	bad.classes = TUNNEL_CLASSES_MAX + 1;
	CU_ASSERT_PTR_NULL(tunnel_alone(&bad, 1, qsbr, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "classes"));
	bad = good;
	bad.index = SAD_TUNNELS_MAX;
	CU_ASSERT_PTR_NULL(tunnel_alone(&bad, 1, qsbr, &err));
	bad = good;
	bad.replay_window = 100;
	CU_ASSERT_PTR_NULL(tunnel_alone(&bad, 1, qsbr, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "replay window"));
	CU_ASSERT_PTR_NULL(tunnel_create(&good, NULL, &err));
	CU_ASSERT_EQUAL(err.code, EINVAL);
}

static void test_without_key_nothing_leaves(void)
{
	struct tunnel *t = make(1);
	struct sa_key key;
	uint8_t out[DATA_ROOM];
	uint64_t before = counted("drop.no_key");

	CU_ASSERT_EQUAL(seal_one(t, 0, out), 0);
	CU_ASSERT_EQUAL(counted("drop.no_key"), before + 1);
	fixture_keys(&key, 1, 1);
	CU_ASSERT_EQUAL(tunnel_tx_switch(t, 1, &key, 1, NULL), 0);
	CU_ASSERT_NOT_EQUAL(seal_one(t, 0, out), 0);
	tunnel_tx_stop(t);
	CU_ASSERT_EQUAL(seal_one(t, 0, out), 0);
	CU_ASSERT_EQUAL(counted("drop.no_key"), before + 2);
	tunnel_alone_destroy(t);
	all_buffers_back();
}

static void test_bad_keys_change_nothing(void)
{
	struct tunnel *t = make(2);
	struct sa_key keys[2], bad[2];
	struct sa_info info[16];
	struct err err = {0};
	size_t used;

	fixture_keys(keys, 2, 1);
	CU_ASSERT_EQUAL(tunnel_rx_install(t, 1, keys, 2, &err), 0);
	used = secret_used();
	fixture_keys(bad, 2, 2);
	CU_ASSERT_EQUAL(tunnel_rx_install(t, 2, bad, 0, &err), -EINVAL);
	bad[1].spi = 5;
	CU_ASSERT_EQUAL(tunnel_rx_install(t, 2, bad, 2, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "reserved"));
	bad[1].spi = 0x2000;
	CU_ASSERT_EQUAL(tunnel_rx_install(t, 2, bad, 2, &err), -EINVAL);
	bad[1].spi = 0x2003;
	CU_ASSERT_EQUAL(tunnel_rx_install(t, 2, bad, 2, &err), -EINVAL);
	bad[1].spi = keys[1].spi;
	CU_ASSERT_EQUAL(tunnel_rx_install(t, 2, bad, 2, &err), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "SPI"));
	bad[1] = keys[1];
	bad[1].spi = 0x2001;
	CU_ASSERT_EQUAL(tunnel_rx_install(t, 2, bad, 2, &err), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the key"));
	/* The other direction must not use the key either, the SPI is the peer's to choose. */
	CU_ASSERT_EQUAL(tunnel_tx_switch(t, 2, bad, 2, &err), -EEXIST);
	fixture_keys(bad, 2, 2);
	CU_ASSERT_EQUAL(tunnel_rx_install(t, 1, bad, 2, &err), -EEXIST);
	memcpy(bad[1].key, bad[0].key, sizeof(bad[0].key));
	CU_ASSERT_EQUAL(tunnel_rx_install(t, 2, bad, 2, &err), -EEXIST);
	CU_ASSERT_EQUAL(secret_used(), used);
	CU_ASSERT_EQUAL(tunnel_sa_list(t, info, 16), 2);
	tunnel_alone_destroy(t);
}

/* Runs last: the arena keeps its blocks in the sizes that were asked for first. */
static void test_full_secret_memory_is_told(void)
{
	struct tunnel *t = make(1);
	struct sa_key key;
	struct err err = {0};
	void *hog[4096];
	int n = 0;
	size_t used = secret_used();

	/* First large blocks, then all that is on the free lists of an SA's size and below. */
	for (size_t size = 1 << 16; size >= 64; size -= size > 1 << 13 ? 1 << 13 : 64)
		while (n < 4096 && (hog[n] = secret_alloc(size)) != NULL)
			n++;
	fixture_keys(&key, 1, 1);
	CU_ASSERT_EQUAL(tunnel_tx_switch(t, 1, &key, 1, &err), -ENOMEM);
	CU_ASSERT_EQUAL(tunnel_rx_install(t, 1, &key, 1, &err), -ENOMEM);
	CU_ASSERT_EQUAL(tunnel_sa_list(t, NULL, 0), 0);
	while (n > 0)
		secret_free(hog[--n]);
	CU_ASSERT_EQUAL(secret_used(), used);
	tunnel_alone_destroy(t);
}

static void test_generations(void)
{
	struct tunnel *a = make(1), *b = make(1);
	struct sa_key key[6];
	uint8_t p[6][DATA_ROOM];
	unsigned int n[6];
	uint64_t no_sa = counted("drop.no_sa");
	struct err err = {0};

	for (unsigned int g = 0; g < 6; g++)
		fixture_keys(&key[g], 1, g + 1);
	for (unsigned int g = 0; g < TUNNEL_RX_GENERATIONS; g++) {
		CU_ASSERT_EQUAL(tunnel_rx_install(b, g, &key[g], 1, &err), 0);
		CU_ASSERT_EQUAL(tunnel_tx_switch(a, g, &key[g], 1, &err), 0);
		n[g] = seal_one(a, 0, p[g]);
	}
	CU_ASSERT_EQUAL(tunnel_rx_install(b, 4, &key[4], 1, &err), -EBUSY);
	/* Packets of all live generations pass, in any order. */
	for (unsigned int g = TUNNEL_RX_GENERATIONS; g-- > 1;)
		CU_ASSERT_EQUAL(open_one(b, 0, p[g], n[g]), 64);
	tunnel_rx_retire(b, 0);
	CU_ASSERT_EQUAL(open_one(b, 0, p[0], n[0]), 0);
	CU_ASSERT_EQUAL(counted("drop.no_sa"), no_sa + 1);
	/* A generation that is gone is nobody's. */
	tunnel_rx_retire(b, 0);
	tunnel_rx_retire(b, 77);
	CU_ASSERT_EQUAL(tunnel_rx_install(b, 4, &key[4], 1, &err), 0);
	CU_ASSERT_EQUAL(tunnel_tx_switch(a, 4, &key[4], 1, &err), 0);
	n[4] = seal_one(a, 0, p[4]);
	CU_ASSERT_EQUAL(open_one(b, 0, p[4], n[4]), 64);
	tunnel_alone_destroy(a);
	tunnel_alone_destroy(b);
	all_buffers_back();
}

static void test_memory_is_freed_after_every_core_was_quiescent(void)
{
	struct tunnel *t = make(1);
	struct sa_key key[3];
	size_t empty = secret_used(), one;
	struct err err = {0};

	for (unsigned int g = 0; g < 3; g++)
		fixture_keys(&key[g], 1, g + 1);
	CU_ASSERT_EQUAL(rte_rcu_qsbr_thread_register(qsbr, 0), 0);
	CU_ASSERT_EQUAL(rte_rcu_qsbr_thread_register(qsbr, 1), 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 1);
	CU_ASSERT_EQUAL(tunnel_tx_switch(t, 1, &key[0], 1, &err), 0);
	one = secret_used();
	CU_ASSERT_TRUE(one > empty);
	CU_ASSERT_EQUAL(tunnel_tx_switch(t, 2, &key[1], 1, &err), 0);
	tunnel_reclaim(t);
	CU_ASSERT_EQUAL(secret_used(), empty + 2 * (one - empty));
	/* The key of an SA that a core may still seal with is not free for another. */
	CU_ASSERT_EQUAL(tunnel_tx_switch(t, 3, &key[0], 1, &err), -EEXIST);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	tunnel_reclaim(t);
	CU_ASSERT_EQUAL(secret_used(), empty + 2 * (one - empty));
	rte_rcu_qsbr_quiescent(qsbr, 1);
	tunnel_reclaim(t);
	CU_ASSERT_EQUAL(secret_used(), one);
	/* Of two that are retired, the younger waits for a later report. */
	tunnel_tx_stop(t);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	rte_rcu_qsbr_quiescent(qsbr, 1);
	CU_ASSERT_EQUAL(tunnel_rx_install(t, 3, &key[2], 1, &err), 0);
	tunnel_rx_retire(t, 3);
	tunnel_reclaim(t);
	CU_ASSERT_NOT_EQUAL(secret_used(), empty);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	rte_rcu_qsbr_quiescent(qsbr, 1);
	tunnel_reclaim(t);
	CU_ASSERT_EQUAL(secret_used(), empty);
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_offline(qsbr, 1);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 1);
	tunnel_alone_destroy(t);
}

static void test_each_core_has_its_own(void)
{
	struct tunnel *a = make(16), *b = make(16);
	uint64_t wrong_core = counted("drop.wrong_core"), no_sa = counted("drop.no_sa");
	struct sa_key keys[16];
	uint8_t p[DATA_ROOM];
	struct err err = {0};

	fixture_keys(keys, 16, 1);
	CU_ASSERT_EQUAL(tunnel_rx_install(b, 1, keys, 16, &err), 0);
	CU_ASSERT_EQUAL(tunnel_tx_switch(a, 1, keys, 16, &err), 0);
	for (unsigned int c = 0; c < 16; c++) {
		unsigned int n = seal_one(a, c, p);

		CU_ASSERT_EQUAL(get_be32(p + 20) % TUNNEL_SUBS_MAX, c);
		CU_ASSERT_EQUAL(get_be64(p + 28), 1);
		CU_ASSERT_EQUAL(open_one(b, (c + 1) % 16, p, n), 0);
		CU_ASSERT_EQUAL(open_one(b, c, p, n), 64);
	}
	CU_ASSERT_EQUAL(counted("drop.wrong_core"), wrong_core + 16);
	CU_ASSERT_EQUAL(counted("drop.no_sa"), no_sa);
	tunnel_alone_destroy(a);
	tunnel_alone_destroy(b);
	all_buffers_back();
}

static void test_list_tells_all_but_the_key(void)
{
	struct tunnel *a = make(1), *b = make(1);
	struct sa_info info[4];
	struct sa_key key;
	uint8_t p[DATA_ROOM];
	unsigned int n;
	struct err err = {0};

	fixture_keys(&key, 1, 9);
	CU_ASSERT_EQUAL(tunnel_rx_install(b, 5, &key, 1, &err), 0);
	CU_ASSERT_EQUAL(tunnel_tx_switch(a, 5, &key, 1, &err), 0);
	seal_one(a, 0, p);
	n = seal_one(a, 0, p);
	open_one(b, 0, p, n);
	open_one(b, 0, p, n);
	p[n - 1] ^= 1;
	put_be32(p + 24, 3);
	open_one(b, 0, p, n);
	CU_ASSERT_EQUAL(tunnel_sa_list(a, info, 4), 1);
	CU_ASSERT_EQUAL(tunnel_sa_list(b, info + 1, 0), 1);
	CU_ASSERT_EQUAL(tunnel_sa_list(b, info + 1, 3), 1);
	CU_ASSERT_TRUE(info[0].transmit);
	CU_ASSERT_EQUAL(info[0].spi, 0x9000);
	CU_ASSERT_EQUAL(info[0].generation, 5);
	CU_ASSERT_EQUAL(info[0].packets, 2);
	CU_ASSERT_EQUAL(info[0].bytes, 128);
	CU_ASSERT_EQUAL(info[0].sequence, 2);
	CU_ASSERT_NOT_EQUAL(info[0].installed_ns, 0);
	CU_ASSERT_FALSE(info[1].transmit);
	CU_ASSERT_EQUAL(info[1].packets, 1);
	CU_ASSERT_EQUAL(info[1].bytes, 64);
	CU_ASSERT_EQUAL(info[1].sequence, 2);
	CU_ASSERT_EQUAL(info[1].replayed, 1);
	CU_ASSERT_EQUAL(info[1].auth_failed, 1);
	tunnel_alone_destroy(a);
	tunnel_alone_destroy(b);
	all_buffers_back();
}

static void test_inner_mtu(void)
{
	struct tunnel_config config = fixture_config(true);
	struct tunnel *v4 = make(1), *v6 = tunnel_alone(&config, 1, qsbr, NULL);

	/* 20 + 16 + 1446 + 2 + 16 = 1500; for IPv6 40 + 16 + 1426 + 2 + 16. */
	CU_ASSERT_EQUAL(tunnel_inner_mtu(v4, 1500), 1446);
	CU_ASSERT_EQUAL(tunnel_inner_mtu(v6, 1500), 1426);
	CU_ASSERT_EQUAL(tunnel_inner_mtu(v4, 1499), 1442);
	CU_ASSERT_EQUAL(tunnel_inner_mtu(v4, 40), 0);
	tunnel_alone_destroy(v4);
	tunnel_alone_destroy(v6);
}

UNIT_MAIN(UNIT(test_bad_configuration_is_refused), UNIT(test_without_key_nothing_leaves),
          UNIT(test_bad_keys_change_nothing), UNIT(test_generations),
          UNIT(test_memory_is_freed_after_every_core_was_quiescent),
          UNIT(test_each_core_has_its_own), UNIT(test_list_tells_all_but_the_key),
          UNIT(test_inner_mtu), UNIT(test_full_secret_memory_is_told))
