/* SPDX-License-Identifier: BSD-3-Clause */

/* Rules for the gateways of gateway_rig.h. */

#ifndef TESTS_UNIT_DATAPLANE_POLICY_RIG_H
#define TESTS_UNIT_DATAPLANE_POLICY_RIG_H

#include "dataplane/spd_rules.h"
#include "tests/unit/dataplane/gateway_rig.h"

static struct config *config;

/* Rules for SITE follow, written into its configuration; there are no routes of the WAN yet. */
static inline void begin(unsigned int site)
{
	config = &gw[site].config;
	config->rule_count = 0;
	while (config->routes[config->route_count - 1].via == CONFIG_VIA_WAN)
		config->route_count--;
}

static inline struct config_rule *rule(const char *name, enum config_rule_action action)
{
	struct config_rule *r = &config->rules[config->rule_count++];

	*r = (struct config_rule){
	        .action = action, .sport_max = UINT16_MAX, .dport_max = UINT16_MAX};
	snprintf(r->name, sizeof(r->name), "%s", name);
	return r;
}

static inline struct config_rule *to_port(struct config_rule *r, uint8_t protocol, uint16_t port)
{
	r->has_protocol = r->has_ports = true;
	r->protocol = protocol;
	r->dport_min = r->dport_max = port;
	return r;
}

static inline void wan_route(const char *prefix, uint8_t len, const char *hop)
{
	struct config_route *r = &config->routes[config->route_count++];

	*r = (struct config_route){.prefix = test_prefix(prefix, len),
	                           .via = CONFIG_VIA_WAN,
	                           .next_hop = test_prefix(hop, 0).addr};
}

static inline void apply(unsigned int site)
{
	static struct spd_rule rules[SPD_RULES_MAX];
	struct gateway *g = &gw[site];
	struct err err = {0};
	unsigned int n = spd_rules_build(&g->config, rules);

	CU_ASSERT_EQUAL_FATAL(routes_build(&g->config, g->iface, &rig_routes, &err), 0);
	CU_ASSERT_EQUAL_FATAL(
	        spd_update(g->spd, rules, n, rig_routes.wan, rig_routes.wan_count, &err), 0);
	CU_ASSERT_EQUAL_FATAL(
	        fib_update(g->fib, rig_routes.route, rig_routes.count, rig_routes.outer, &err), 0);
	forward_invalidate(g->forward);
}

static inline uint64_t hits(unsigned int site, const char *name)
{
	static struct spd_info info[SPD_RULES_MAX + 1];
	unsigned int n = spd_list(gw[site].spd, info, SPD_RULES_MAX + 1);

	for (unsigned int i = 0; i < n; i++)
		if (strcmp(info[i].name, name) == 0)
			return info[i].packets;
	CU_FAIL("no such rule");
	return 0;
}

static inline struct rte_mbuf *packet(const char *src, const char *dst, uint8_t proto,
                                      uint16_t sport, uint16_t dport)
{
	uint8_t payload[40] = {0};

	put_be16(payload, sport);
	put_be16(payload + 2, dport);
	return test_ipv4(rig_pool, src, dst, proto, payload, sizeof(payload));
}

/* What leaves gateway 0 on the WAN: the IP protocol, or 0 when nothing does. */
static inline uint8_t on_wan(void)
{
	struct rte_mbuf *m = rig_pop(gw[0].wan_out);
	uint8_t proto;

	if (m == NULL)
		return 0;
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), &gw[1].iface[PORT_WAN].mac, 6), 0);
	proto = rte_pktmbuf_mtod(m, const uint8_t *)[14 + 9];
	rte_pktmbuf_free(m);
	CU_ASSERT_PTR_NULL(rig_pop(gw[0].wan_out));
	return proto;
}

#endif
