/* SPDX-License-Identifier: BSD-3-Clause */

/* Two next hops of outer packets, both simulated: stations on the WAN's wire, .2 is B itself. */

#include "tests/unit/dataplane/gateway_rig.h"

#include <unistd.h>

#define A_HOST "10.1.0.10"
#define B_HOST "10.2.0.10"

static const uint8_t router[2][6] = {{2, 0, 0, 0, 0xcc, 1}, {2, 0, 0, 0, 0xcc, 2}};

/* The tunnel's peer is behind routers 192.0.2.5 and .6. */
static void two_ways(struct config *c, unsigned int site)
{
	struct config_route *r;

	if (site != 0)
		return;
	c->wan.addresses[0] = test_prefix("192.0.2.1", 29);
	c->tunnels[0].remote = test_prefix("198.51.100.1", 0).addr;
	r = &c->routes[c->route_count++];
	r->prefix = test_prefix("198.51.100.0", 24);
	r->via = CONFIG_VIA_WAN;
	r->next_hop = test_prefix("192.0.2.5", 0).addr;
	r->has_backup = true;
	r->backup = test_prefix("192.0.2.6", 0).addr;
}

/* Answers ARP for the routers that are ALIVE; where an ESP packet went: 0, 1, or -1: none. */
static int routers(unsigned int alive)
{
	struct rte_mbuf *m;
	int went = -1;

	while ((m = rig_pop(gw[0].wan_out)) != NULL) {
		uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
		unsigned int r = p[41] - 5U;

		if (get_be16(p + 12) == 0x0800 && p[14 + 9] == 50)
			went = p[5] - 1;
		if (get_be16(p + 12) != 0x0806 || p[21] != 1 || r > 1 || (alive >> r & 1) == 0) {
			rte_pktmbuf_free(m);
			continue;
		}
		memcpy(p, gw[0].iface[PORT_WAN].mac.addr_bytes, 6);
		memcpy(p + 6, router[r], 6);
		p[21] = 2;
		memcpy(p + 32, p + 22, 6);
		memcpy(p + 22, router[r], 6);
		memcpy(p + 28, p + 38, 4);
		memcpy(p + 38, (const uint8_t[]){192, 0, 2, 1}, 4);
		rte_ring_enqueue(gw[1].wan_out, m);
	}
	return went;
}

static int send_one(void)
{
	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 100));
	rig_turn(0);
	return routers(3);
}

static void test_both_are_resolved_ahead(void)
{
	struct forward_hops hops;

	rig_configure = two_ways;
	rig_start(1);
	rig_key(0, 1);
	forward_hops(gw[0].forward, 0, &hops);
	CU_ASSERT_TRUE(hops.has_backup);
	CU_ASSERT_FALSE(hops.reachable[0] || hops.reachable[1]);
	for (unsigned int i = 0; i < 4; i++) {
		rig_turn(0);
		routers(1);
	}
	forward_hops(gw[0].forward, 0, &hops);
	CU_ASSERT_TRUE(hops.reachable[0]);
	CU_ASSERT_FALSE(hops.reachable[1]);
	/* The backup comes up, and answers the next request. */
	for (unsigned int i = 0; i < 300 && !hops.reachable[1]; i++) {
		usleep(10000);
		rig_turn(0);
		routers(3);
		rig_turn(0);
		forward_hops(gw[0].forward, 0, &hops);
	}
	CU_ASSERT_TRUE(hops.reachable[0] && hops.reachable[1]);
}

static void test_packets_follow_the_choice(void)
{
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(send_one(), 0);
	/* At once, with no packet that waits for a link address. */
	forward_hop_select(gw[0].forward, 0, 1);
	CU_ASSERT_EQUAL(send_one(), 1);
	CU_ASSERT_EQUAL(send_one(), 1);
	forward_hop_select(gw[0].forward, 0, 0);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.no_wan_route"), 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.neighbour_failed"), 0);
}

/* Without a backup in the table the choice has no effect. */
static void test_one_way_only(void)
{
	struct err err = {0};
	struct forward_hops hops;

	gw[0].config.routes[gw[0].config.route_count - 1].has_backup = false;
	CU_ASSERT_EQUAL(routes_build(&gw[0].config, gw[0].iface, &rig_routes, &err), 0);
	CU_ASSERT_EQUAL(
	        fib_update(gw[0].fib, rig_routes.route, rig_routes.count, rig_routes.outer, &err),
	        0);
	forward_hop_select(gw[0].forward, 0, 1);
	CU_ASSERT_EQUAL(send_one(), 0);
	forward_hops(gw[0].forward, 0, &hops);
	CU_ASSERT_FALSE(hops.has_backup);
	rig_stop();
}

UNIT_MAIN(UNIT(test_both_are_resolved_ahead), UNIT(test_packets_follow_the_choice),
          UNIT(test_one_way_only))
