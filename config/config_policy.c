/* SPDX-License-Identifier: BSD-3-Clause */

/* The rules of the security policy: read and checked. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_parts.h"

#define PATH CONFIG_ROOT "/policy[name='%s']"

enum { ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, ICMPV6 = 58, SCTP = 132, UDP_LITE = 136 };

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {{"icmp", ICMP}, {"tcp", TCP}, {"udp", UDP}, {"icmpv6", ICMPV6}, {"sctp", SCTP}};

int config_tunnel_index(const struct config *config, const char *name)
{
	for (unsigned int i = 0; i < config->tunnel_count; i++)
		if (strcmp(config->tunnels[i].name, name) == 0)
			return (int)i;
	return -1;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s == NULL ? "" : s;
}

static int read_prefix(const json_t *o, const char *field, const char *rule, bool *has,
                       struct config_prefix *out, struct err *err)
{
	const char *text = text_of(o, field);

	if (text[0] == '\0')
		return 0;
	*has = true;
	return config_prefix_parse(text, out)
	               ? 0
	               : err_set(err, EINVAL, PATH "/%s: %s is no prefix", rule, field, text);
}

/* "443" or "1024-65535"; the schema has seen to the form. */
static int read_range(const json_t *o, const char *field, const char *rule, bool *has,
                      uint16_t *min, uint16_t *max, struct err *err)
{
	const char *text = text_of(o, field);
	const char *dash = strchr(text, '-');
	unsigned long low, high;

	*min = 0;
	*max = UINT16_MAX;
	if (text[0] == '\0')
		return 0;
	low = strtoul(text, NULL, 10);
	high = dash == NULL ? low : strtoul(dash + 1, NULL, 10);
	if (low > UINT16_MAX || high > UINT16_MAX)
		return err_set(err, EINVAL, PATH "/%s: %s is beyond port 65535", rule, field, text);
	if (low > high)
		return err_set(err, EINVAL, PATH "/%s: %s ends before it begins", rule, field,
		               text);
	*has = true;
	*min = (uint16_t)low;
	*max = (uint16_t)high;
	return 0;
}

static void read_protocol(const json_t *o, struct config_rule *p)
{
	const json_t *v = json_object_get(o, "protocol");
	const char *name = json_string_value(v);

	p->has_protocol = v != NULL;
	/* A union is printed as a number or as text, whichever member it was. */
	p->protocol = (uint8_t)(name != NULL ? strtoul(name, NULL, 10)
	                                     : (unsigned long)json_integer_value(v));
	for (size_t i = 0; name != NULL && i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcmp(protocols[i].name, name) == 0)
			p->protocol = protocols[i].number;
}

static int read_icmp(const json_t *o, struct config_rule *p, struct err *err)
{
	const json_t *type = json_object_get(o, "icmp-type"), *code;
	uint16_t first;

	code = json_object_get(o, "icmp-code");
	if (type == NULL && code == NULL)
		return 0;
	if (type == NULL)
		return err_set(err, EINVAL, PATH "/icmp-code: there is no icmp-type", p->name);
	if (!p->has_protocol || (p->protocol != ICMP && p->protocol != ICMPV6))
		return err_set(err, EINVAL, PATH "/icmp-type: protocol is neither icmp nor icmpv6",
		               p->name);
	if (p->has_ports)
		return err_set(err, EINVAL, PATH "/icmp-type: ICMP has no ports", p->name);
	first = (uint16_t)(json_integer_value(type) * 256 + json_integer_value(code));
	p->has_ports = true;
	p->dport_min = first;
	p->dport_max = code != NULL ? first : (uint16_t)(first + 255);
	return 0;
}

static bool has_ports(const struct config_rule *p)
{
	return p->has_protocol &&
	       (p->protocol == TCP || p->protocol == UDP || p->protocol == DCCP ||
	        p->protocol == SCTP || p->protocol == UDP_LITE);
}

static int read_one(const json_t *o, struct config_rule *p, struct err *err)
{
	const char *action = text_of(o, "action");
	int rc;

	snprintf(p->name, sizeof(p->name), "%s", text_of(o, "name"));
	snprintf(p->tunnel, sizeof(p->tunnel), "%s", text_of(o, "tunnel"));
	snprintf(p->from_tunnel, sizeof(p->from_tunnel), "%s", text_of(o, "from-tunnel"));
	p->action = strcmp(action, "protect") == 0  ? CONFIG_RULE_PROTECT
	            : strcmp(action, "bypass") == 0 ? CONFIG_RULE_BYPASS
	                                            : CONFIG_RULE_DISCARD;
	p->clear_no_key = strcmp(text_of(o, "when-no-key"), "bypass") == 0;
	p->from_wan = strcmp(text_of(o, "interface"), "wan") == 0;
	p->has_vlan = json_object_get(o, "vlan") != NULL;
	p->vlan = (uint16_t)json_integer_value(json_object_get(o, "vlan"));
	read_protocol(o, p);
	rc = read_prefix(o, "source", p->name, &p->has_source, &p->source, err);
	if (rc == 0)
		rc = read_prefix(o, "destination", p->name, &p->has_destination, &p->destination,
		                 err);
	if (rc == 0)
		rc = read_range(o, "source-port", p->name, &p->has_ports, &p->sport_min,
		                &p->sport_max, err);
	if (rc == 0)
		rc = read_range(o, "destination-port", p->name, &p->has_ports, &p->dport_min,
		                &p->dport_max, err);
	if (rc != 0)
		return rc;
	if (p->has_ports && !has_ports(p))
		return err_set(err, EINVAL, PATH ": ports need a protocol that has them", p->name);
	return read_icmp(o, p, err);
}

int config_rules_read(const json_t *g, struct config *out, struct err *err)
{
	json_t *o;
	size_t i;

	json_array_foreach (json_object_get(g, "policy"), i, o) {
		int rc = read_one(o, &out->rules[out->rule_count++], err);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Each IP version has an ICMP of its own: a rule with the other one's matches no good packet. */
static int check_icmp(const struct config_rule *p, struct err *err)
{
	bool icmp = p->has_protocol && (p->protocol == ICMP || p->protocol == ICMPV6);
	bool ipv6 = p->has_source ? p->source.addr.ipv6 : p->destination.addr.ipv6;

	if (!icmp || (!p->has_source && !p->has_destination) || ipv6 == (p->protocol == ICMPV6))
		return 0;
	return err_set(err, EINVAL, PATH "/protocol: %u is %s, and %s has IPv%d addresses", p->name,
	               p->protocol, p->protocol == ICMP ? "icmp of IPv4" : "icmpv6 of IPv6",
	               p->has_source ? "source" : "destination", ipv6 ? 6 : 4);
}

static int check_vlan(const struct config *c, const struct config_rule *p, struct err *err)
{
	if (!p->has_vlan)
		return 0;
	if (p->from_wan || p->from_tunnel[0] != '\0')
		return err_set(err, EINVAL, PATH "/vlan: VLANs are the LAN port's", p->name);
	for (unsigned int i = 0; p->vlan != 0 && i < c->lan_sub_count; i++)
		if (c->lan_subs[i].vlan == p->vlan)
			return 0;
	return p->vlan == 0 ? 0
	                    : err_set(err, EINVAL, PATH "/vlan: the LAN port has no VLAN %u",
	                              p->name, p->vlan);
}

static int check_one(const struct config *c, const struct config_rule *p, struct err *err)
{
	int rc;

	if (p->tunnel[0] != '\0' && config_tunnel_index(c, p->tunnel) < 0)
		return err_set(err, EINVAL, PATH "/tunnel: there is no tunnel %s", p->name,
		               p->tunnel);
	if (p->from_tunnel[0] != '\0' && config_tunnel_index(c, p->from_tunnel) < 0)
		return err_set(err, EINVAL, PATH "/from-tunnel: there is no tunnel %s", p->name,
		               p->from_tunnel);
	if (p->from_wan && p->action == CONFIG_RULE_PROTECT)
		return err_set(err, EINVAL,
		               PATH "/action: what came in by the WAN goes into no tunnel",
		               p->name);
	if (p->from_tunnel[0] != '\0' && p->action == CONFIG_RULE_BYPASS)
		return err_set(err, EINVAL,
		               PATH "/action: what came out of a tunnel does not leave in the "
		                    "clear",
		               p->name);
	if (p->from_tunnel[0] != '\0' && p->clear_no_key)
		return err_set(err, EINVAL,
		               PATH "/when-no-key: what came out of a tunnel does not leave in "
		                    "the clear",
		               p->name);
	if (p->clear_no_key && p->tunnel[0] == '\0')
		return err_set(err, EINVAL, PATH "/when-no-key: name the tunnel", p->name);
	/* Both have to say so: who looks at the tunnel sees what may become of its traffic. */
	if (p->clear_no_key &&
	    c->tunnels[config_tunnel_index(c, p->tunnel)].policy != CONFIG_BYPASS)
		return err_set(err, EINVAL,
		               PATH "/when-no-key: the policy of tunnel %s is not bypass", p->name,
		               p->tunnel);
	if (p->from_tunnel[0] != '\0' && strcmp(p->from_tunnel, p->tunnel) == 0)
		return err_set(err, EINVAL, PATH "/tunnel: packets would turn back into %s",
		               p->name, p->tunnel);
	if (p->has_source && p->has_destination && p->source.addr.ipv6 != p->destination.addr.ipv6)
		return err_set(err, EINVAL, PATH "/destination: of another IP version than source",
		               p->name);
	rc = check_vlan(c, p, err);
	return rc == 0 ? check_icmp(p, err) : rc;
}

int config_rules_check(const struct config *c, struct err *err)
{
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < c->rule_count; i++)
		rc = check_one(c, &c->rules[i], err);
	return rc;
}
