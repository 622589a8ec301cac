/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/spd_rules.h"

#include <stdio.h>

static uint16_t interface_of(const struct config *config, const struct config_rule *p)
{
	if (p->from_tunnel[0] != '\0')
		return (uint16_t)config_tunnel_index(config, p->from_tunnel);
	return p->from_wan ? SPD_WAN : SPD_LAN;
}

static void build_one(const struct config *config, const struct config_rule *p, struct spd_rule *r)
{
	static const uint8_t action[] = {[CONFIG_RULE_DISCARD] = SPD_DISCARD,
	                                 [CONFIG_RULE_PROTECT] = SPD_PROTECT,
	                                 [CONFIG_RULE_BYPASS] = SPD_BYPASS};
	bool only6 = (p->has_source && p->source.addr.ipv6) ||
	             (p->has_destination && p->destination.addr.ipv6);

	*r = (struct spd_rule){
	        .action = action[p->action],
	        .clear_no_key = p->clear_no_key,
	        .tunnel = SPD_NO_TUNNEL,
	        .interface = interface_of(config, p),
	        .vlan = p->has_vlan ? p->vlan : SPD_ANY_VLAN,
	        .any_protocol = !p->has_protocol,
	        .protocol = p->protocol,
	        .ipv4 = !only6,
	        .ipv6 = only6 || (!p->has_source && !p->has_destination),
	        .source = p->source,
	        .destination = p->destination,
	        .ports = p->has_ports,
	        .sport_min = p->sport_min,
	        .sport_max = p->sport_max,
	        .dport_min = p->dport_min,
	        .dport_max = p->dport_max,
	};
	snprintf(r->name, sizeof(r->name), "%s", p->name);
	if (p->action == CONFIG_RULE_PROTECT)
		r->tunnel = p->tunnel[0] == '\0' ? SPD_BY_ROUTE
		                                 : (uint16_t)config_tunnel_index(config, p->tunnel);
}

unsigned int spd_rules_build(const struct config *config, struct spd_rule *out)
{
	for (unsigned int i = 0; i < config->rule_count; i++)
		build_one(config, &config->rules[i], &out[i]);
	return config->rule_count;
}
