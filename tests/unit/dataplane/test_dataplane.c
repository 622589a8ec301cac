/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/dataplane.h"

#include <errno.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "common/secret.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

static struct config config;
static struct dataplane *dp;
static unsigned int polls;

static unsigned int poll_qkd(void *ctx, struct worker *w)
{
	uint8_t buf[1500];
	size_t len;

	while ((len = channel_mux_receive(ctx, buf, sizeof(buf), NULL)) > 0)
		channel_mux_send(ctx, buf, len, NULL);
	__atomic_store_n(&polls, polls + 1, __ATOMIC_RELAXED);
	return 0;
}

static void base(void)
{
	struct config_route *r = &config.routes[0];

	memset(&config, 0, sizeof(config));
	config.eal.forward_lcores = 1;
	config.eal.memory_mb = 256;
	snprintf(config.eal.file_prefix, sizeof(config.eal.file_prefix), "lumengate-test-%d",
	         (int)getpid());
	/* The LAN gives packets of zeros at any rate, the WAN none. */
	snprintf(config.lan.device, sizeof(config.lan.device), "net_null0,size=64");
	snprintf(config.wan.device, sizeof(config.wan.device), "net_ring0");
	config.lan.mtu = config.wan.mtu = 1500;
	config.lan.addresses[config.lan.address_count++] = test_prefix("10.1.0.1", 24);
	config.wan.addresses[config.wan.address_count++] = test_prefix("192.0.2.1", 30);
	config.tunnel_count = 1;
	snprintf(config.tunnels[0].name, sizeof(config.tunnels[0].name), "t0");
	config.tunnels[0].local = test_prefix("192.0.2.1", 0).addr;
	config.tunnels[0].remote = test_prefix("192.0.2.2", 0).addr;
	config.tunnels[0].replay_window = 4096;
	config.channel.local = config.tunnels[0].local;
	config.channel.remote = config.tunnels[0].remote;
	config.channel.port = 4500;
	r->prefix = test_prefix("10.2.0.0", 16);
	r->via = CONFIG_VIA_TUNNEL;
	snprintf(r->tunnel, sizeof(r->tunnel), "t0");
	config.route_count = 1;
}

static void test_bad_configuration_leaves_nothing(void)
{
	struct err err = {0};

	base();
	config.eal.forward_lcores = 0;
	CU_ASSERT_PTR_NULL(dataplane_create(&config, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "forward-lcores"));
	config.eal.forward_lcores = 17;
	CU_ASSERT_PTR_NULL(dataplane_create(&config, &err));
	/* 33 tunnels with peers of 64 sub-SAs, 4 generations: one more than 8,192 has room for. */
	config.eal.forward_lcores = 1;
	config.tunnel_count = 33;
	for (unsigned int t = 0; t < config.tunnel_count; t++) {
		config.tunnels[t] = config.tunnels[0];
		config.tunnels[t].peer_subs = TUNNEL_SUBS_MAX;
		snprintf(config.tunnels[t].name, sizeof(config.tunnels[t].name), "t%u", t);
	}
	CU_ASSERT_PTR_NULL(dataplane_create(&config, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "tunnel t32: peer-sub-sas: 64 and those of the tunnels "
	                                 "before it are more than 8192 receive SAs on one lcore");
}

/*
 * Both lcores did what the assertions ask for. Each of these can be seen before the next: a port
 * counts a burst before the core looks into it, a core polls many times before it first sleeps.
 */
static bool all_at_work(struct dataplane_port *port)
{
	struct worker_stats forward, qkd;

	dataplane_port_read(dp, PORT_LAN, port);
	worker_stats_read(worker_get(0), &forward);
	worker_stats_read(worker_get(1), &qkd);
	return __atomic_load_n(&polls, __ATOMIC_RELAXED) > 0 && port->stats.rx_packets > 0 &&
	       counter_sum(counter_find("drop.not_our_mac")) > 0 && forward.busy_loops > 0 &&
	       qkd.sleep_ns > 0;
}

static void test_create_and_run(void)
{
	struct err err = {0};
	struct dataplane_port port;

	base();
	CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, &err), 0);
	dp = dataplane_create(&config, &err);
	if (dp == NULL)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dp);
	CU_ASSERT_FALSE(dataplane_running(dp));
	CU_ASSERT_EQUAL(worker_count(), 2);
	CU_ASSERT_PTR_NOT_NULL(dataplane_tunnel(dp, 0));
	CU_ASSERT_PTR_NULL(dataplane_tunnel(dp, 1));
	CU_ASSERT_EQUAL(dataplane_add_role(
	                        dp, &(struct role){"qkd", poll_qkd, dataplane_channel(dp)}, &err),
	                0);
	CU_ASSERT_EQUAL_FATAL(dataplane_run(dp, &err), 0);
	CU_ASSERT_TRUE(dataplane_running(dp));
	CU_ASSERT_EQUAL(dataplane_add_role(dp, &(struct role){"x", poll_qkd, NULL}, &err), -EBUSY);
	/* As long as it takes on a machine that has other things to do. */
	for (unsigned int i = 0; i < 1000 && !all_at_work(&port); i++)
		usleep(10000);
	CU_ASSERT_TRUE(__atomic_load_n(&polls, __ATOMIC_RELAXED) > 0);
	CU_ASSERT_STRING_EQUAL(port.name, "lan");
	CU_ASSERT_TRUE(port.stats.rx_packets > 0);
	CU_ASSERT_TRUE(port.stats.link_up);
	CU_ASSERT_EQUAL(port.mtu, 1500);
	/* Zeros are no frame to us. */
	CU_ASSERT_TRUE(counter_sum(counter_find("drop.not_our_mac")) > 0);
}

static void test_routes_change_live(void)
{
	struct err err = {0};
	struct config next = config;

	next.route_count = 2;
	next.routes[1] = next.routes[0];
	next.routes[1].prefix = test_prefix("10.3.0.0", 16);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(dataplane_policy_update(dp, &next, &err), 0);
		dataplane_poll(dp);
	}
	snprintf(next.routes[1].tunnel, sizeof(next.routes[1].tunnel), "none");
	CU_ASSERT_EQUAL(dataplane_policy_update(dp, &next, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "routes[1]"));
}

static void test_rules_change_live(void)
{
	static struct config next;
	struct spd_info info[4];
	struct err err = {0};

	next = config;
	next.rule_count = 1;
	snprintf(next.rules[0].name, sizeof(next.rules[0].name), "all");
	next.rules[0].action = CONFIG_RULE_PROTECT;
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(dataplane_policy_update(dp, &next, &err), 0);
		dataplane_poll(dp);
	}
	CU_ASSERT_EQUAL_FATAL(dataplane_policy(dp, info, 4), 2);
	CU_ASSERT_STRING_EQUAL(info[0].name, "all");
	CU_ASSERT_EQUAL(info[0].action, SPD_PROTECT);
	/* All or nothing. */
	next.rule_count = 2;
	next.rules[1] = next.rules[0];
	CU_ASSERT_EQUAL(dataplane_policy_update(dp, &next, &err), -EEXIST);
	CU_ASSERT_EQUAL(dataplane_policy(dp, info, 4), 2);
	CU_ASSERT_EQUAL(dataplane_policy_update(dp, &config, &err), 0);
	CU_ASSERT_EQUAL(dataplane_policy(dp, info, 4), 1);
}

static void give_key(unsigned int t, unsigned int round)
{
	struct sa_key key = {.spi = 0x10000 * (t + 1) + 0x1000000 * (round % 100 + 1)};
	struct err err = {0};

	memset(key.key, (int)(t + 1), sizeof(key.key));
	key.key[0] = (uint8_t)round;
	CU_ASSERT_EQUAL(tunnel_tx_switch(dataplane_tunnel(dp, t), round + 1, &key, 1, &err), 0);
	key.key[1] ^= 0xff;
	CU_ASSERT_EQUAL(tunnel_rx_install(dataplane_tunnel(dp, t), round + 1, &key, 1, &err), 0);
}

static void new_tunnel(struct config *c, unsigned int t)
{
	c->tunnels[t] = config.tunnels[0];
	snprintf(c->tunnels[t].name, sizeof(c->tunnels[t].name), "t%u", t);
	c->tunnels[t].classes = 1;
	c->tunnel_count = RTE_MAX(c->tunnel_count, t + 1);
}

/*
 * Tunnels of every kind come and go while the lcores poll, with keys and routes. What they leave
 * behind is what a build with ASan looks for.
 */
static void test_tunnels_change_live(void)
{
	static struct config next;
	size_t used = secret_used();
	struct err err = {0};

	for (unsigned int round = 0; round < 12; round++) {
		unsigned int t = 1 + round % 5;
		bool fails = round % 4 == 3;

		next = config;
		new_tunnel(&next, t);
		next.tunnels[t].udp = round % 2 == 0;
		next.tunnels[t].udp_port = (uint16_t)(5000 + round);
		next.tunnels[t].nat_keepalive = 20;
		next.tunnels[t].nat_dynamic = round == 6;
		next.tunnels[t].outer_fragment = round % 3 == 1;
		next.tunnels[t].mtu_discovery = round % 3 == 2;
		next.tunnels[t].mtu_floor = 1280;
		next.routes[1] = next.routes[0];
		next.routes[1].prefix = test_prefix("10.3.0.0", 16);
		snprintf(next.routes[1].tunnel, sizeof(next.routes[1].tunnel), fails ? "no" : "t%u",
		         t);
		next.route_count = 2;
		CU_ASSERT_EQUAL_FATAL(dataplane_tunnels_add(dp, &next, &err), 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(dataplane_tunnel(dp, t));
		CU_ASSERT_EQUAL(dataplane_policy_update(dp, &next, &err), fails ? -EINVAL : 0);
		if (fails) {
			dataplane_tunnels_cancel(dp);
			CU_ASSERT_PTR_NULL(dataplane_tunnel(dp, t));
			continue;
		}
		dataplane_tunnels_settle(dp);
		CU_ASSERT_EQUAL(dataplane_cleared_no_key(dp, t), 0);
		give_key(t, round);
		dataplane_probe(dp, t);
		dataplane_poll(dp);
		usleep(2000);
		CU_ASSERT_EQUAL_FATAL(dataplane_tunnels_add(dp, &config, &err), 0);
		CU_ASSERT_EQUAL(dataplane_policy_update(dp, &config, &err), 0);
		CU_ASSERT_PTR_NOT_NULL(dataplane_tunnel(dp, t));
		dataplane_tunnels_settle(dp);
		CU_ASSERT_PTR_NULL(dataplane_tunnel(dp, t));
		CU_ASSERT_EQUAL(secret_used(), used);
		dataplane_poll(dp);
	}
	CU_ASSERT_PTR_NOT_NULL(dataplane_tunnel(dp, 0));
}

/* Nothing changes when there is no room for what a new tunnel takes. */
static void test_no_room_for_a_tunnel(void)
{
	static struct config next;
	struct err err = {0};

	next = config;
	new_tunnel(&next, 1);
	next.tunnels[1].replay_window = 32768;
	next.tunnels[1].peer_subs = TUNNEL_SUBS_MAX;
	/* 5 generations of 64 windows of 4 KiB and schedules are more than 2 of 4 MiB less one. */
	void *most = secret_alloc(3 << 20);

	CU_ASSERT_PTR_NOT_NULL(most);
	CU_ASSERT_EQUAL(dataplane_tunnels_add(dp, &next, &err), -ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "tunnel t1: its keys need "));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "restart the gateway"));
	CU_ASSERT_PTR_NULL(dataplane_tunnel(dp, 1));
	secret_free(most);
	/* More SAs than a core's table holds. */
	for (unsigned int t = 1; t <= 32; t++) {
		new_tunnel(&next, t);
		next.tunnels[t].peer_subs = TUNNEL_SUBS_MAX;
	}
	next.tunnels[0].peer_subs = TUNNEL_SUBS_MAX;
	CU_ASSERT_EQUAL(dataplane_tunnels_add(dp, &next, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "tunnel t32: peer-sub-sas"));
	CU_ASSERT_PTR_NULL(dataplane_tunnel(dp, 1));
}

/* Enough for all the SAs that tunnels may have. */
static void test_secret_memory_follows_the_tunnels(void)
{
	static struct config many;
	size_t one, like_us, used = secret_used();
	struct tunnel *t = dataplane_tunnel(dp, 0);
	static struct sa_key keys[TUNNEL_SUBS_MAX];
	struct err err = {0};

	/* The most that a peer may have: 16 cores, 4 classes. */
	CU_ASSERT_EQUAL(dataplane_peer_subs(&config, 0), TUNNEL_SUBS_MAX);
	one = dataplane_secret_bytes(&config);
	for (unsigned int g = 1; g <= TUNNEL_RX_GENERATIONS; g++) {
		for (unsigned int i = 0; i < TUNNEL_SUBS_MAX; i++) {
			keys[i].spi = 0x10000 * g + i;
			keys[i].key[0] = (uint8_t)g;
			keys[i].key[1] = (uint8_t)i;
		}
		CU_ASSERT_EQUAL(tunnel_rx_install(t, g, keys, TUNNEL_SUBS_MAX, &err), 0);
	}
	keys[0].spi = 0x90000;
	keys[0].key[0] = 9;
	CU_ASSERT_EQUAL(tunnel_tx_switch(t, 1, keys, 1, &err), 0);
	CU_ASSERT_TRUE(secret_used() - used <= one);
	/* And no more than twice that, as key schedules differ and a fifth generation may go. */
	CU_ASSERT_TRUE(one <= (secret_used() - used) * 2);

	/* As was configured, or peers like this gateway. */
	like_us = dataplane_secret_least(&config);
	CU_ASSERT_TRUE(like_us * 32 < one);
	many = config;
	many.tunnels[0].peer_subs = 1;
	CU_ASSERT_EQUAL(dataplane_peer_subs(&many, 0), 1);
	CU_ASSERT_EQUAL(dataplane_secret_bytes(&many), like_us);
	many.tunnels[0].peer_subs = TUNNEL_SUBS_MAX;
	CU_ASSERT_EQUAL(dataplane_secret_bytes(&many), one);
	CU_ASSERT_EQUAL(dataplane_secret_least(&many), one);
	many = config;
	many.tunnel_count = CONFIG_TUNNELS_MAX;
	many.eal.forward_lcores = 2;
	for (unsigned int i = 1; i < CONFIG_TUNNELS_MAX; i++)
		many.tunnels[i] = many.tunnels[0];
	/* A thousand tunnels share what a core's table of SAs holds. */
	CU_ASSERT_EQUAL(dataplane_peer_subs(&many, 0), 2);
	CU_ASSERT_EQUAL(dataplane_secret_bytes(&many), like_us * 2 * CONFIG_TUNNELS_MAX);
	/* Each class of a tunnel has SAs of its own, and a peer like us, too. */
	many.tunnels[1].classes = TUNNEL_CLASSES_MAX;
	CU_ASSERT_EQUAL(dataplane_peer_subs(&many, 1), 2 * TUNNEL_CLASSES_MAX);
	many.tunnel_count = 2;
	CU_ASSERT_EQUAL(dataplane_secret_least(&many), like_us * 2 * (1 + TUNNEL_CLASSES_MAX));
}

static void test_stop(void)
{
	struct worker_stats stats;

	dataplane_stop(dp);
	CU_ASSERT_FALSE(dataplane_running(dp));
	worker_stats_read(worker_get(0), &stats);
	CU_ASSERT_STRING_EQUAL(stats.name, "forward");
	CU_ASSERT_TRUE(stats.busy_loops > 0 && stats.busy_ns > 0);
	worker_stats_read(worker_get(1), &stats);
	CU_ASSERT_STRING_EQUAL(stats.name, "qkd");
	CU_ASSERT_TRUE(stats.sleep_ns > 0);
	dataplane_destroy(dp);
	dataplane_destroy(NULL);
	secret_fini();
}

UNIT_MAIN(UNIT(test_bad_configuration_leaves_nothing), UNIT(test_create_and_run),
          UNIT(test_routes_change_live), UNIT(test_rules_change_live),
          UNIT(test_tunnels_change_live), UNIT(test_no_room_for_a_tunnel),
          UNIT(test_secret_memory_follows_the_tunnels), UNIT(test_stop))
