/* SPDX-License-Identifier: BSD-3-Clause */

/* The LAN port's VLANs with addresses: how they fit with ports, pseudowires and each other. */

#include "config/config_parts.h"

#include <errno.h>
#include <stdio.h>

bool config_subs_cover(const struct config *c, const struct config_addr *addr)
{
	for (unsigned int i = 0; i < c->lan_sub_count; i++)
		if (config_port_covers(&c->lan_subs[i].port, addr))
			return true;
	return false;
}

bool config_subs_have(const struct config *c, const struct config_addr *addr)
{
	for (unsigned int i = 0; i < c->lan_sub_count; i++)
		for (unsigned int k = 0; k < c->lan_subs[i].port.address_count; k++)
			if (config_addr_equal(&c->lan_subs[i].port.addresses[k].addr, addr))
				return true;
	return false;
}

static int check_apart(const struct config_sub *s, const struct config_port *other,
                       const char *name, struct err *err)
{
	char a[CONFIG_ADDR_TEXT], b[CONFIG_ADDR_TEXT];

	for (unsigned int i = 0; i < s->port.address_count; i++)
		for (unsigned int k = 0; k < other->address_count; k++)
			if (config_prefix_overlaps(&s->port.addresses[i], &other->addresses[k]))
				return err_set(
				        err, EINVAL,
				        CONFIG_ROOT "/port/lan/vlan[id='%u']/address[.='%s']: "
				                    "overlaps %s of %s",
				        s->vlan, config_prefix_format(&s->port.addresses[i], a),
				        config_prefix_format(&other->addresses[k], b), name);
	return 0;
}

static int check_sub(const struct config *c, unsigned int i, struct err *err)
{
	const struct config_sub *s = &c->lan_subs[i];
	char name[32];
	int rc;

	snprintf(name, sizeof(name), "lan/vlan[id='%u']", s->vlan);
	rc = config_check_port(&s->port, name, false, err);
	if (rc == 0 && s->port.mtu > c->lan.mtu)
		rc = err_set(err, EINVAL, CONFIG_ROOT "/port/%s/mtu: %u is beyond the port's %u",
		             name, s->port.mtu, c->lan.mtu);
	if (rc == 0 && s->port.learn_routes > 0 && s->port.exception[0] == '\0')
		rc = err_set(err, EINVAL,
		             CONFIG_ROOT "/port/%s/learn-routes: without an exception-interface "
		                         "there is nobody to learn from",
		             name);
	for (unsigned int w = 0; rc == 0 && w < c->wire_count; w++)
		if (c->wires[w].whole || config_wire_has_vlan(&c->wires[w], s->vlan))
			rc = err_set(err, EINVAL,
			             CONFIG_ROOT "/port/%s: the pseudowire %s carries it", name,
			             c->wires[w].name);
	if (rc == 0)
		rc = check_apart(s, &c->lan, "the LAN port", err);
	if (rc == 0)
		rc = check_apart(s, &c->wan, "the WAN port", err);
	for (unsigned int k = 0; rc == 0 && k < i; k++) {
		snprintf(name, sizeof(name), "VLAN %u", c->lan_subs[k].vlan);
		rc = check_apart(s, &c->lan_subs[k].port, name, err);
	}
	return rc;
}

/* The tables have room for so many of the whole LAN. */
static int check_learnt(const struct config *c, struct err *err)
{
	unsigned int sum = c->lan.learn_routes;

	for (unsigned int i = 0; i < c->lan_sub_count; i++) {
		sum += c->lan_subs[i].port.learn_routes;
		if (sum > CONFIG_LEARN_MAX)
			return err_set(err, EINVAL,
			               CONFIG_ROOT "/port/lan/vlan[id='%u']/learn-routes: with the "
			                           "port's and the VLANs' before it more than %u",
			               c->lan_subs[i].vlan, CONFIG_LEARN_MAX);
	}
	return 0;
}

int config_check_subs(const struct config *c, struct err *err)
{
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < c->lan_sub_count; i++)
		rc = check_sub(c, i, err);
	return rc == 0 ? check_learnt(c, err) : rc;
}
