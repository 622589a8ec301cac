/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/mlkem.h"
#include "config/config_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int check_next_hop(const struct config *c, const struct config_route *r,
                          const struct config_addr *next_hop, const char *leaf, struct err *err)
{
	const struct config_port *port = r->via == CONFIG_VIA_LAN ? &c->lan : &c->wan;
	const char *port_name = r->via == CONFIG_VIA_LAN ? "LAN" : "WAN";
	char prefix[CONFIG_ADDR_TEXT], hop[CONFIG_ADDR_TEXT];
	const char *why;

	config_prefix_format(&r->prefix, prefix);
	config_addr_format(next_hop, hop);
	why = config_port_not_a_neighbour(port, next_hop);
	for (unsigned int i = 0; why == NULL && i < c->lan_sub_count; i++)
		why = config_port_not_a_neighbour(&c->lan_subs[i].port, next_hop);
	if (why != NULL)
		return err_set(err, EINVAL, CONFIG_ROOT "/route[prefix='%s']/%s: %s is %s", prefix,
		               leaf, hop, why);
	if (next_hop->ipv6 != r->prefix.addr.ipv6)
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/route[prefix='%s']/%s: %s is of the other IP "
		                           "version",
		               prefix, leaf, hop);
	if (config_port_has(&c->lan, next_hop) || config_port_has(&c->wan, next_hop) ||
	    config_subs_have(c, next_hop))
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/route[prefix='%s']/%s: %s is this gateway's own",
		               prefix, leaf, hop);
	if (!config_port_covers(port, next_hop) && !config_addr_is_link_local(next_hop) &&
	    !(r->via == CONFIG_VIA_LAN && config_subs_cover(c, next_hop)))
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/route[prefix='%s']/%s: %s is not on a prefix of "
		                           "the %s port",
		               prefix, leaf, hop, port_name);
	return 0;
}

static bool is_prefix_of(const struct config_port *port, const struct config_prefix *prefix)
{
	for (unsigned int i = 0; i < port->address_count; i++)
		if (port->addresses[i].len == prefix->len &&
		    config_prefix_overlaps(&port->addresses[i], prefix))
			return true;
	return false;
}

static int check_route(const struct config *c, const struct config_route *r, struct err *err)
{
	char prefix[CONFIG_ADDR_TEXT];
	int rc;

	config_prefix_format(&r->prefix, prefix);
	for (unsigned int i = 0; i < 2; i++) {
		const struct config_port *p = i == 0 ? &c->lan : &c->wan;

		if (is_prefix_of(p, &r->prefix))
			return err_set(err, EINVAL,
			               CONFIG_ROOT "/route[prefix='%s']: the %s port's own prefix",
			               prefix, i == 0 ? "LAN" : "WAN");
	}
	for (unsigned int i = 0; i < c->lan_sub_count; i++)
		if (is_prefix_of(&c->lan_subs[i].port, &r->prefix))
			return err_set(err, EINVAL,
			               CONFIG_ROOT "/route[prefix='%s']: VLAN %u's own prefix",
			               prefix, c->lan_subs[i].vlan);
	if (r->prefix.addr.ipv6 ? r->prefix.addr.bytes[0] == 0xff : r->prefix.addr.bytes[0] >= 224)
		return err_set(err, EINVAL, CONFIG_ROOT "/route[prefix='%s']: not unicast", prefix);
	if (r->via == CONFIG_VIA_TUNNEL) {
		if (config_tunnel_index(c, r->tunnel) >= 0)
			return 0;
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/route[prefix='%s']/tunnel: there is no tunnel %s",
		               prefix, r->tunnel);
	}
	rc = check_next_hop(c, r, &r->next_hop, "next-hop", err);
	if (rc != 0 || !r->has_backup)
		return rc;
	if (r->via != CONFIG_VIA_WAN)
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/route[prefix='%s']/backup-next-hop: only for routes "
		                           "via the WAN port",
		               prefix);
	if (config_addr_equal(&r->next_hop, &r->backup))
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/route[prefix='%s']/backup-next-hop: is the next-hop",
		               prefix);
	return check_next_hop(c, r, &r->backup, "backup-next-hop", err);
}

/* Both ends of a tunnel or of the channel: LOCAL ours, REMOTE to be reached in the clear. */
static int check_ends(const struct config *c, const char *path, const struct config_addr *local,
                      const struct config_addr *remote, struct err *err)
{
	const struct config_route *best = NULL;
	char l[CONFIG_ADDR_TEXT], r[CONFIG_ADDR_TEXT];
	const char *why;

	config_addr_format(local, l);
	config_addr_format(remote, r);
	if (!config_port_has(&c->wan, local))
		return err_set(err, EINVAL, "%s/local: %s is not an address of the WAN port", path,
		               l);
	if (local->ipv6 != remote->ipv6)
		return err_set(err, EINVAL, "%s/remote: %s is of another IP version than local",
		               path, r);
	why = config_port_not_a_neighbour(&c->wan, remote);
	if (why != NULL)
		return err_set(err, EINVAL, "%s/remote: %s is %s", path, r, why);
	if (config_port_has(&c->wan, remote) || config_port_has(&c->lan, remote))
		return err_set(err, EINVAL, "%s/remote: %s is this gateway's own", path, r);
	if (config_port_covers(&c->lan, remote) || config_subs_cover(c, remote))
		return err_set(err, EINVAL, "%s/remote: %s is on the LAN port", path, r);
	if (config_port_covers(&c->wan, remote))
		return 0;
	for (unsigned int i = 0; i < c->route_count; i++)
		if (config_prefix_covers(&c->routes[i].prefix, remote) &&
		    (best == NULL || c->routes[i].prefix.len > best->prefix.len))
			best = &c->routes[i];
	/* A routing daemon may find the way. */
	if (best == NULL && c->wan.learn_routes > 0)
		return 0;
	if (best == NULL || best->via == CONFIG_VIA_LAN)
		return err_set(err, EINVAL, "%s/remote: %s has no route on the WAN port", path, r);
	if (best->via == CONFIG_VIA_TUNNEL)
		return err_set(err, EINVAL, "%s/remote: %s is routed into tunnel %s itself", path,
		               r, best->tunnel);
	return 0;
}

/* How long replaced keys receive on a path without delay: dataplane/rekey_retire.c. */
static uint32_t least_grace_ms(const struct config_tunnel *t)
{
	if (t->rekey_lan)
		return 100 + t->queue_delay_ms;
	return t->queue_delay_ms > 2000 ? t->queue_delay_ms : 2000;
}

/* Refused, not silently something less. */
static int check_hybrid(const struct config_tunnel *t, const char *path, struct err *err)
{
	struct err why = {0};

	if (t->policy != CONFIG_HYBRID || mlkem_find(&why) != NULL)
		return 0;
	return err_set(err, EINVAL, "%s/policy: hybrid is not possible here: %s", path, why.text);
}

static int check_tunnel(const struct config *c, const struct config_tunnel *t, struct err *err)
{
	char path[96];
	int rc;

	snprintf(path, sizeof(path), CONFIG_ROOT "/tunnel[name='%s']", t->name);
	rc = check_hybrid(t, path, err);
	if (rc != 0)
		return rc;
	if ((t->replay_window & (t->replay_window - 1)) != 0)
		return err_set(err, EINVAL, "%s/replay-window: %u is not a power of two", path,
		               t->replay_window);
	/* The channel would take the tunnel's packets, or the tunnel the channel's. */
	if (t->udp && t->udp_port == c->channel.port)
		return err_set(err, EINVAL, "%s/udp-port: %u is the channel's port", path,
		               t->udp_port);
	/* A mapping for each source port would lead to ports that the peer does not listen on. */
	if (t->nat_dynamic && (t->udp_spread || t->outer_fragment))
		return err_set(err, EINVAL, "%s/nat-peer: dynamic needs %s", path,
		               t->udp_spread ? "udp-source port" : "outer-fragment false");
	if (t->mtu_discovery && t->outer_fragment)
		return err_set(err, EINVAL,
		               "%s/mtu-discovery: outer-fragment sends what is too long", path);
	if (t->mtu_discovery && t->local.ipv6 && t->mtu_floor < IPV6_MTU_MIN)
		return err_set(err, EINVAL, "%s/mtu-floor: %u is below the %u of IPv6", path,
		               t->mtu_floor, IPV6_MTU_MIN);
	if (t->mtu_discovery && t->mtu_floor >= c->wan.mtu)
		return err_set(err, EINVAL,
		               "%s/mtu-floor: %u is not below the WAN port's MTU of %u: no router "
		               "could lower it",
		               path, t->mtu_floor, c->wan.mtu);
	if (t->hard_life_ms <= t->rekey_period_ms)
		return err_set(
		        err, EINVAL,
		        "%s/rekey/hard-life-ms: %u ms is not longer than the period of %u ms", path,
		        t->hard_life_ms, t->rekey_period_ms);
	/* No tunnel is rekeyed more often: a grace has room for three generations of receive keys.
	 */
	if (t->hard_life_ms <= least_grace_ms(t) / 3)
		return err_set(
		        err, EINVAL,
		        "%s/rekey/hard-life-ms: %u ms is not longer than a third of the grace "
		        "of %u ms, which follows from profile and queue-delay-ms",
		        path, t->hard_life_ms, least_grace_ms(t));
	return check_ends(c, path, &t->local, &t->remote, err);
}

static int check_delivery(const struct config *c, struct err *err)
{
	static const char path[] = CONFIG_ROOT "/delivery";

	if (!c->delivery.enabled)
		return 0;
	if (c->delivery.weight_a + c->delivery.weight_b > 100)
		return err_set(err, EINVAL,
		               "%s/weight-b-percent: %u and weight-a-percent %u are more than 100",
		               path, c->delivery.weight_b, c->delivery.weight_a);
	if (c->delivery.floor >= c->keystore.max_keys)
		return err_set(err, EINVAL, "%s/floor-keys: not below keystore/max-keys of %u",
		               path, c->keystore.max_keys);
	if (strcmp(c->delivery.socket, c->control.socket) == 0)
		return err_set(err, EINVAL, "%s/socket: is that of control", path);
	if (!c->qkd.enabled)
		return err_set(err, EINVAL, "%s: there is no key to deliver without qkd", path);
	return 0;
}

int config_check(const struct config *c, struct err *err)
{
	int rc = config_check_ports(c, err);

	if (rc == 0)
		rc = config_check_resources(c, err);
	for (unsigned int i = 0; rc == 0 && i < c->route_count; i++)
		rc = check_route(c, &c->routes[i], err);
	for (unsigned int i = 0; rc == 0 && i < c->tunnel_count; i++)
		rc = check_tunnel(c, &c->tunnels[i], err);
	if (rc == 0)
		rc = config_rules_check(c, err);
	if (rc == 0)
		rc = config_check_wires(c, err);
	if (rc == 0)
		rc = config_check_subs(c, err);
	if (rc == 0)
		rc = config_check_exceptions(c, err);
	if (rc == 0)
		rc = config_check_bonds(c, err);
	if (rc == 0)
		rc = config_check_foreign(c, err);
	if (rc == 0)
		rc = check_ends(c, CONFIG_ROOT "/channel", &c->channel.local, &c->channel.remote,
		                err);
	if (rc != 0)
		return rc;
	if (c->qkd.mu2 >= c->qkd.mu1)
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/qkd/source/mu2: the decoy must be weaker than mu1");
	/* Else key would stop before anybody was told. */
	if (strcmp(c->qkd.leak_mode, "error-pattern") == 0)
		return err_set(err, EINVAL,
		               CONFIG_ROOT
		               "/qkd/leak-mode: error-pattern needs a proof that grants "
		               "the eavesdropper the pattern of errors, and there is "
		               "none for this protocol");
	if (strcmp(c->qkd.leak_mode, "one-way") == 0 &&
	    strcmp(c->qkd.reconciliation, "cascade") == 0)
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/qkd/leak-mode: one-way is not for cascade, whose "
		                           "questions tell of site B's bits");
	if (strcmp(c->qkd.reconciliation, "ldpc") == 0 && strcmp(c->qkd.leak_mode, "auto") != 0 &&
	    strcmp(c->qkd.leak_mode, "one-way") != 0)
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/qkd/leak-mode: %s is not for ldpc, which is one-way",
		               c->qkd.leak_mode);
	if (c->qkd.qber_alarm > c->qkd.qber_abort)
		return err_set(err, EINVAL, CONFIG_ROOT "/qkd/qber-alarm: above qber-abort");
	if (c->keystore.low_water >= c->keystore.max_keys)
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/keystore/low-water-keys: not below max-keys of %u",
		               c->keystore.max_keys);
	return check_delivery(c, err);
}
