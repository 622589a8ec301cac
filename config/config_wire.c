/* SPDX-License-Identifier: BSD-3-Clause */

/* How pseudowires fit together: each frame has one at most, each key of a tunnel is one's. */

#include "config/config_parts.h"

#include <errno.h>
#include <string.h>

/* The wire before number I that carries VLAN too; NULL: none. */
static const struct config_wire *also_carries(const struct config *c, unsigned int i,
                                              unsigned int vlan)
{
	for (unsigned int k = 0; k < i; k++)
		if (c->wires[k].whole || config_wire_has_vlan(&c->wires[k], vlan))
			return &c->wires[k];
	return NULL;
}

static int check_wire(const struct config *c, unsigned int i, struct err *err)
{
	const struct config_wire *w = &c->wires[i];
	unsigned int t = 0;

	while (t < c->tunnel_count && strcmp(c->tunnels[t].name, w->tunnel) != 0)
		t++;
	if (t == c->tunnel_count)
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/pseudowire[name='%s']/tunnel: there is no tunnel %s",
		               w->name, w->tunnel);
	for (unsigned int k = 0; k < i; k++)
		if (c->wires[k].key == w->key && strcmp(c->wires[k].tunnel, w->tunnel) == 0)
			return err_set(err, EINVAL,
			               CONFIG_ROOT "/pseudowire[name='%s']/key: %u is %s's in the "
			                           "same tunnel",
			               w->name, w->key, c->wires[k].name);
	if (w->link_loss && !w->whole)
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/pseudowire[name='%s']/link-loss: only for a "
		                           "pseudowire that carries the whole port",
		               w->name);
	for (unsigned int vlan = 0; vlan < CONFIG_VLANS; vlan++) {
		const struct config_wire *other = NULL;

		if (w->whole || config_wire_has_vlan(w, vlan))
			other = also_carries(c, i, vlan);
		if (other != NULL && vlan == 0)
			return err_set(err, EINVAL,
			               CONFIG_ROOT "/pseudowire[name='%s']: %s carries untagged "
			                           "frames already",
			               w->name, other->name);
		if (other != NULL)
			return err_set(err, EINVAL,
			               CONFIG_ROOT
			               "/pseudowire[name='%s']/vlan[.='%u']: %s carries "
			               "it already",
			               w->name, vlan, other->name);
	}
	return 0;
}

int config_check_wires(const struct config *c, struct err *err)
{
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < c->wire_count; i++)
		rc = check_wire(c, i, err);
	return rc;
}
