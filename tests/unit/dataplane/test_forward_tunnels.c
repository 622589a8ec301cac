/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * As many tunnels as there may be between two gateways, and as many SAs as a core may have:
 *
 *   172.16.0.0/12, network k  - A =tunnel k= B -  10.64.0.0/10, network k
 *
 * A has one core, so that it holds the receive SAs of all cores of B.
 */

#include "tests/unit/dataplane/gateway_rig.h"

#include "dataplane/spd_rules.h"

#define TUNNELS CONFIG_TUNNELS_MAX
#define WINDOW  64

static uint64_t state = 1024;

static unsigned int draw(unsigned int n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)((state >> 33) % n);
}

/* All tunnels in an order that follows from the seed. */
static const unsigned int *shuffled(void)
{
	static unsigned int order[TUNNELS];

	for (unsigned int i = 0; i < TUNNELS; i++) {
		unsigned int j = draw(i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	return order;
}

static void address(unsigned int site, unsigned int k, unsigned int host, char text[32])
{
	snprintf(text, 32, site == 0 ? "172.%u.%u.%u" : "10.%u.%u.%u",
	         (site == 0 ? 16 : 64) + (k >> 8), k & 255, host);
}

static void configure(struct config *c, unsigned int site)
{
	struct config_tunnel first = c->tunnels[0];
	struct config_route *lan;
	char text[32];

	c->route_count = 0;
	for (unsigned int k = 0; k < TUNNELS; k++) {
		c->tunnels[k] = first;
		c->tunnels[k].replay_window = WINDOW;
		snprintf(c->tunnels[k].name, sizeof(first.name), "t%u", k);
		address(!site, k, 0, text);
		rig_route(c, text, 24, c->tunnels[k].name);
	}
	c->tunnel_count = TUNNELS;
	lan = &c->routes[c->route_count++];
	lan->prefix = site == 0 ? test_prefix("172.16.0.0", 12) : test_prefix("10.64.0.0", 10);
	lan->via = CONFIG_VIA_LAN;
	lan->next_hop = test_prefix(site == 0 ? "10.1.0.10" : "10.2.0.10", 0).addr;
}

static void test_start(void)
{
	rig_configure = configure;
	rig_secret = 48 << 20;
	rig_start(2);
	rig_turns(4);
}

/* Keys of GENERATION for tunnel K from FROM on, random as HKDF's are. */
static void key_one(unsigned int from, unsigned int k, uint64_t generation)
{
	struct sa_key keys[RIG_CORES_MAX];
	struct tunnel *tx = gw[from].tunnels[k], *rx = gw[!from].tunnels[k];
	unsigned int subs = tunnel_subs(tx);
	struct err err = {0};
	uint32_t spi = 0x10000 + ((uint32_t)generation * TUNNELS + k) * 64;

	for (unsigned int i = 0; i < subs; i++) {
		keys[i].spi = spi + i;
		for (unsigned int b = 0; b < 32; b++)
			keys[i].key[b] = (uint8_t)draw(256);
		memset(keys[i].salt, (int)i, 4);
	}
	CU_ASSERT_EQUAL_FATAL(tunnel_rx_install(rx, generation, keys, subs, &err), 0);
	CU_ASSERT_EQUAL_FATAL(tunnel_tx_switch(tx, generation, keys, subs, &err), 0);
}

static void key_all(uint64_t generation)
{
	const unsigned int *order = shuffled();

	for (unsigned int i = 0; i < TUNNELS; i++) {
		key_one(0, order[i], generation);
		key_one(1, order[i], generation);
	}
}

static void send_on(unsigned int from, unsigned int k, unsigned int host)
{
	char src[32], dst[32];

	address(from, k, host, src);
	address(!from, k, host, dst);
	rig_send(from, test_ipv4(rig_pool, src, dst, 17, NULL, 64));
}

static bool arrives(unsigned int from, unsigned int k, unsigned int host)
{
	struct rte_mbuf *m = rig_receive(!from);
	struct config_prefix want;
	char dst[32];
	bool ok;

	if (m == NULL)
		return false;
	address(!from, k, host, dst);
	want = test_prefix(dst, 0);
	ok = memcmp(rte_pktmbuf_mtod(m, uint8_t *) + 16, want.addr.bytes, 4) == 0;
	rte_pktmbuf_free(m);
	return ok;
}

static unsigned int crossed(unsigned int from, unsigned int k, unsigned int host)
{
	send_on(from, k, host);
	rig_turn(from);
	rig_turn(!from);
	/* The core that owns the SA may not be the one that received. */
	rig_turn(!from);
	return arrives(from, k, host);
}

static unsigned int cross_all(unsigned int from, unsigned int host)
{
	const unsigned int *order = shuffled();
	unsigned int arrived = 0;

	for (unsigned int i = 0; i < TUNNELS; i++)
		arrived += crossed(from, order[i], host);
	return arrived;
}

static unsigned int live(unsigned int site)
{
	unsigned int sum = 0;

	for (unsigned int k = 0; k < TUNNELS; k++)
		sum += tunnel_sa_list(gw[site].tunnels[k], NULL, 0);
	return sum;
}

static void test_each_tunnel_carries_its_own(void)
{
	key_all(1);
	CU_ASSERT_EQUAL(cross_all(0, 1), TUNNELS);
	CU_ASSERT_EQUAL(cross_all(1, 2), TUNNELS);
	for (unsigned int k = 0; k < TUNNELS; k++) {
		struct tunnel_totals totals;

		tunnel_totals_read(gw[0].tunnels[k], &totals);
		CU_ASSERT_EQUAL(totals.packets_sealed, 1);
		CU_ASSERT_EQUAL(totals.packets_opened, 1);
	}
}

/* Packets go on between and with all generations. */
static void test_8192_receive_sas_of_a_core(void)
{
	for (uint64_t generation = 2; generation <= TUNNEL_RX_GENERATIONS; generation++)
		key_all(generation);
	CU_ASSERT_EQUAL(gw[0].sad->core[0].receive_count, SAD_RECEIVE_MAX);
	CU_ASSERT_EQUAL(live(0), SAD_RECEIVE_MAX + TUNNELS);
	CU_ASSERT_EQUAL(live(1), TUNNELS * TUNNEL_RX_GENERATIONS + 2 * TUNNELS);
	CU_ASSERT_EQUAL(cross_all(0, 3), TUNNELS);
	CU_ASSERT_EQUAL(cross_all(1, 4), TUNNELS);
}

/* Each tunnel is rekeyed while a packet is under way under the old key: none is lost. */
static void test_rekey_of_each_loses_nothing(void)
{
	const unsigned int *order = shuffled();
	unsigned int arrived = 0;

	for (unsigned int i = 0; i < TUNNELS; i++) {
		unsigned int k = order[i];

		send_on(0, k, 5);
		send_on(1, k, 5);
		rig_turn(0);
		rig_turn(1);
		for (unsigned int site = 0; site < 2; site++)
			tunnel_rx_retire(gw[site].tunnels[k], 1);
		key_one(0, k, TUNNEL_RX_GENERATIONS + 1);
		key_one(1, k, TUNNEL_RX_GENERATIONS + 1);
		rig_turns(2);
		arrived += arrives(0, k, 5) + arrives(1, k, 5);
		arrived += crossed(0, k, 6) + crossed(1, k, 6);
		for (unsigned int site = 0; site < 2; site++)
			tunnel_reclaim(gw[site].tunnels[k]);
	}
	CU_ASSERT_EQUAL(arrived, 4 * TUNNELS);
	CU_ASSERT_EQUAL(live(0), SAD_RECEIVE_MAX + TUNNELS);
}

/* From tunnel to tunnel: a rule for each direction, or nothing passes. */
static void test_hub(void)
{
	static struct spd_rule rules[SPD_RULES_MAX];
	struct gateway *g = &gw[1];
	struct config *c = &g->config;
	struct err err = {0};
	uint64_t before = rig_count(1, "drop.inner_policy");

	/* A's network 7 asks its network 9 by way of B. */
	for (unsigned int round = 0; round < 2; round++) {
		struct rte_mbuf *m = test_ipv4(rig_pool, "172.16.7.1", "172.16.9.1", 17, NULL, 64);

		c->rule_count = 2;
		for (unsigned int i = 0; i < 2; i++) {
			struct config_rule *r = &c->rules[i];

			*r = (struct config_rule){.action = CONFIG_RULE_PROTECT};
			snprintf(r->name, sizeof(r->name), "way-%u", i);
			snprintf(r->from_tunnel, sizeof(r->from_tunnel), i == 0 ? "t7" : "t9");
		}
		c->rule_count = round + 1;
		CU_ASSERT_EQUAL_FATAL(
		        spd_update(g->spd, rules, spd_rules_build(c, rules), NULL, 0, &err), 0);
		forward_invalidate(g->forward);
		CU_ASSERT_EQUAL_FATAL(
		        tunnel_seal_burst(gw[0].tunnels[7], 0, &worker_get(0)->counters, &m, 1), 1);
		test_ether(m, g->iface[PORT_WAN].mac.addr_bytes,
		           gw[0].iface[PORT_WAN].mac.addr_bytes, 0x0800);
		rte_ring_enqueue(gw[0].wan_out, m);
		rig_turn(1);
		rig_turn(1);
		m = rig_pop(gw[1].wan_out);
		if (round == 0) {
			CU_ASSERT_PTR_NULL(m);
			CU_ASSERT_EQUAL(rig_count(1, "drop.inner_policy"), before + 1);
			continue;
		}
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[14 + 9], 50);
		/* The SPI is of tunnel 9's. */
		CU_ASSERT_EQUAL(get_be32(rte_pktmbuf_mtod(m, uint8_t *) + 34) / 64 % TUNNELS,
		                (0x10000 / 64 + 9) % TUNNELS);
		rte_pktmbuf_free(m);
	}
}

static void test_stop(void)
{
	struct rte_mbuf *m;

	for (unsigned int site = 0; site < 2; site++)
		while ((m = rig_receive(site)) != NULL)
			rte_pktmbuf_free(m);
	rig_stop();
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_each_tunnel_carries_its_own),
          UNIT(test_8192_receive_sas_of_a_core), UNIT(test_rekey_of_each_loses_nothing),
          UNIT(test_hub), UNIT(test_stop))
