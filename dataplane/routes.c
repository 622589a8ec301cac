/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/routes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *addr_text(const struct config_addr *a, char *buf)
{
	return inet_ntop(a->ipv6 ? AF_INET6 : AF_INET, a->bytes, buf, INET6_ADDRSTRLEN);
}

static struct neighbour_key key_of(unsigned int iface, const struct config_addr *a)
{
	return a->ipv6 ? neighbour_key6((uint8_t)iface, a->bytes)
	               : neighbour_key4((uint8_t)iface, a->bytes);
}

static void add(struct routes *r, const struct config_prefix *prefix, enum adjacency_kind kind)
{
	r->route[r->count++] = (struct fib_route){.prefix = *prefix, .via = {.kind = kind}};
}

static void add_bytes(struct routes *r, bool ipv6, const uint8_t *addr, uint8_t len,
                      enum adjacency_kind kind)
{
	struct config_prefix p = {.addr = {.ipv6 = ipv6}, .len = len};

	memcpy(p.addr.bytes, addr, ipv6 ? 16 : 4);
	add(r, &p, kind);
}

static bool learnt_ipv6(const struct iface_routes *learnt)
{
	for (unsigned int i = 0; learnt != NULL && i < learnt->count; i++)
		if (learnt->route[i].prefix.addr.ipv6)
			return true;
	return false;
}

/* Of inner packets: what the WAN learned does not count. */
static bool uses_ipv6(const struct config *config, const struct iface *iface)
{
	const struct config_port *ports[PORT_ROLES] = {&config->lan, &config->wan};

	for (unsigned int role = 0; role < PORT_ROLES; role++)
		for (unsigned int i = 0; i < ports[role]->address_count; i++)
			if (ports[role]->addresses[i].addr.ipv6)
				return true;
	for (unsigned int s = 0; s < config->lan_sub_count; s++)
		for (unsigned int i = 0; i < config->lan_subs[s].port.address_count; i++)
			if (config->lan_subs[s].port.addresses[i].addr.ipv6)
				return true;
	for (unsigned int s = 0; s < config->lan_sub_count; s++)
		if (learnt_ipv6(iface[IFACE_SUBS + s].learnt))
			return true;
	if (learnt_ipv6(iface[PORT_LAN].learnt))
		return true;
	for (unsigned int i = 0; i < config->route_count; i++)
		if (config->routes[i].prefix.addr.ipv6)
			return true;
	return false;
}

/* Never forwarded: RFC 1122 section 3.2.1.3, RFC 1112, RFC 4291 sections 2.5 and 2.7. */
static void add_martians(struct routes *r, bool ipv6)
{
	static const uint8_t this[4] = {0}, loop[4] = {127}, group[4] = {224}, reserved[4] = {240};
	static const uint8_t loop6[16] = {[15] = 1}, group6[16] = {0xff}, link6[16] = {0xfe, 0x80};

	add_bytes(r, false, this, 8, ADJACENCY_DISCARD);
	add_bytes(r, false, loop, 8, ADJACENCY_DISCARD);
	add_bytes(r, false, group, 4, ADJACENCY_DISCARD);
	add_bytes(r, false, reserved, 4, ADJACENCY_DISCARD);
	if (!ipv6)
		return;
	add_bytes(r, true, loop6, 127, ADJACENCY_DISCARD);
	add_bytes(r, true, group6, 8, ADJACENCY_DISCARD);
	add_bytes(r, true, link6, 10, ADJACENCY_DISCARD);
}

static void add_connected(struct routes *r, const struct iface *lan, unsigned int index)
{
	for (unsigned int i = 0; i < lan->address_count; i++) {
		const struct config_prefix *p = &lan->address[i];
		uint8_t edge[4];

		add(r, p, ADJACENCY_CONNECTED);
		r->route[r->count - 1].via.next_hop.port = (uint8_t)index;
		if (p->addr.ipv6 || p->len > 30)
			continue;
		/* The network's own address and its broadcast. */
		for (unsigned int b = 0; b < 4; b++) {
			unsigned int fixed = p->len > 8 * b ? p->len - 8 * b : 0;

			edge[b] = fixed >= 8 ? p->addr.bytes[b]
			                     : (uint8_t)(p->addr.bytes[b] & ~(0xffU >> fixed));
		}
		add_bytes(r, false, edge, 32, ADJACENCY_DISCARD);
		for (unsigned int b = 0; b < 4; b++) {
			unsigned int fixed = p->len > 8 * b ? p->len - 8 * b : 0;

			edge[b] |= fixed >= 8 ? 0 : (uint8_t)(0xffU >> fixed);
		}
		add_bytes(r, false, edge, 32, ADJACENCY_DISCARD);
	}
}

static int check_next_hop(const struct config_route *route, const struct config_addr *next_hop,
                          unsigned int index, const struct iface *iface, struct err *err)
{
	char text[INET6_ADDRSTRLEN];

	if (next_hop->ipv6 != route->prefix.addr.ipv6 || !iface_on_link(iface, next_hop))
		return err_set(err, EINVAL, "routes[%u]: next hop %s is not on the %s port's link",
		               index, addr_text(next_hop, text),
		               port_role_name((enum port_role)iface->role));
	if (iface_owns(iface, next_hop->ipv6, next_hop->bytes))
		return err_set(err, EINVAL, "routes[%u]: next hop %s is this gateway's own address",
		               index, addr_text(next_hop, text));
	return 0;
}

/* The interface on the LAN whose prefix covers A; the port itself when none does. */
static unsigned int lan_iface(const struct config *config, const struct iface *iface,
                              const struct config_addr *a)
{
	if (a->ipv6 && prefix_matches(iface[PORT_LAN].link_local, a->bytes, 10))
		return PORT_LAN;
	for (unsigned int i = IFACE_SUBS; i < IFACE_SUBS + config->lan_sub_count; i++)
		if (iface_on_link(&iface[i], a))
			return i;
	return PORT_LAN;
}

static int add_configured(struct routes *r, const struct config *config, const struct iface *iface,
                          struct err *err)
{
	for (unsigned int i = 0; i < config->route_count; i++) {
		const struct config_route *route = &config->routes[i];
		struct fib_route *out = &r->route[r->count];
		unsigned int t = 0;
		int rc;

		memset(out, 0, sizeof(*out));
		out->prefix = route->prefix;
		if (route->via != CONFIG_VIA_TUNNEL) {
			enum port_role role = route->via == CONFIG_VIA_LAN ? PORT_LAN : PORT_WAN;

			unsigned int via = role;

			if (role == PORT_LAN)
				via = lan_iface(config, iface, &route->next_hop);
			rc = check_next_hop(route, &route->next_hop, i, &iface[via], err);
			if (rc == 0 && route->has_backup)
				rc = check_next_hop(route, &route->backup, i, &iface[via], err);
			if (rc < 0)
				return rc;
			/* Routes of the WAN are not for inner packets. */
			if (role == PORT_WAN) {
				r->wan[r->wan_count++] = (struct spd_wan_route){
				        .prefix = route->prefix,
				        .next_hop = key_of(PORT_WAN, &route->next_hop)};
				continue;
			}
			out->via.kind = ADJACENCY_GATEWAY;
			out->via.next_hop = key_of(via, &route->next_hop);
			r->count++;
			continue;
		}
		while (t < config->tunnel_count &&
		       strcmp(config->tunnels[t].name, route->tunnel) != 0)
			t++;
		if (t == config->tunnel_count)
			return err_set(err, EINVAL, "routes[%u]: there is no tunnel \"%s\"", i,
			               route->tunnel);
		out->via.kind = ADJACENCY_TUNNEL;
		out->via.tunnel = (uint16_t)t;
		r->count++;
	}
	return 0;
}

/* A learned route of an interface on the LAN. */
struct learnt {
	const struct iface_route *route;
	unsigned int iface;
};

/* The one to take of those to one prefix last: the lowest metric, then the first interface. */
static int by_metric(const void *a_, const void *b_)
{
	const struct learnt *a = a_, *b = b_;

	if (a->route->metric != b->route->metric)
		return a->route->metric < b->route->metric ? 1 : -1;
	return a->iface < b->iface ? 1 : a->iface > b->iface ? -1 : 0;
}

static void add_learnt_lan(struct routes *r, const struct iface *iface, unsigned int ifaces)
{
	struct learnt all[CONFIG_LEARN_MAX];
	unsigned int n = 0;

	for (unsigned int i = 0; i < ifaces; i++) {
		const struct iface_routes *l = i == PORT_WAN ? NULL : iface[i].learnt;

		for (unsigned int k = 0; l != NULL && k < l->count && n < CONFIG_LEARN_MAX; k++)
			all[n++] = (struct learnt){&l->route[k], i};
	}
	qsort(all, n, sizeof(all[0]), by_metric);
	for (unsigned int i = 0; i < n; i++) {
		add(r, &all[i].route->prefix, ADJACENCY_GATEWAY);
		r->route[r->count - 1].via.next_hop = key_of(all[i].iface, &all[i].route->next_hop);
	}
}

static void add_learnt_wan(struct routes *r, const struct iface_routes *learnt)
{
	unsigned int configured = r->wan_count;

	for (unsigned int i = 0; learnt != NULL && i < learnt->count; i++) {
		const struct config_prefix *p = &learnt->route[i].prefix;
		unsigned int k = 0;

		while (k < configured && (r->wan[k].prefix.len != p->len ||
		                          !config_prefix_overlaps(&r->wan[k].prefix, p)))
			k++;
		if (k == configured)
			r->wan[r->wan_count++] = (struct spd_wan_route){
			        .prefix = *p,
			        .next_hop = key_of(PORT_WAN, &learnt->route[i].next_hop)};
	}
}

static void add_own(struct routes *r, unsigned int iface, const struct config_addr *a)
{
	add_bytes(r, a->ipv6, a->bytes, a->ipv6 ? 128 : 32, ADJACENCY_LOCAL);
	r->route[r->count - 1].via.next_hop.port = (uint8_t)iface;
}

static void add_local(struct routes *r, const struct iface *iface, unsigned int ifaces, bool ipv6)
{
	for (unsigned int i = 0; i < ifaces; i++)
		for (unsigned int k = 0; k < iface[i].address_count; k++)
			add_own(r, i, &iface[i].address[k].addr);
	for (unsigned int i = 0; i < ifaces; i++) {
		const struct iface_virtual *v = iface[i].virtual_;

		for (unsigned int k = 0; v != NULL && k < v->count; k++)
			add_own(r, i, &v->at[k].addr);
	}
	if (ipv6)
		add_bytes(r, true, iface[PORT_LAN].link_local, 128, ADJACENCY_LOCAL);
}

/* The next hop to PEER on the WAN: itself when on the link, else by the longest prefix. */
static int outer_next_hop(const struct config *config, const struct iface *wan,
                          const struct config_addr *peer, const char *what, struct fib_outer *out,
                          struct err *err)
{
	char text[INET6_ADDRSTRLEN];
	int best = -1;

	if (iface_on_link(wan, peer)) {
		*out = (struct fib_outer){.valid = true, .next_hop = key_of(PORT_WAN, peer)};
		return 0;
	}
	for (unsigned int i = 0; i < config->route_count; i++) {
		const struct config_route *route = &config->routes[i];
		const struct config_prefix *p = &route->prefix;

		if (route->via != CONFIG_VIA_WAN || p->addr.ipv6 != peer->ipv6 ||
		    (int)p->len <= best || !prefix_matches(p->addr.bytes, peer->bytes, p->len))
			continue;
		best = p->len;
		*out = (struct fib_outer){.valid = true,
		                          .has_backup = route->has_backup,
		                          .stay = route->stay,
		                          .next_hop = key_of(PORT_WAN, &route->next_hop)};
		if (route->has_backup)
			out->backup = key_of(PORT_WAN, &route->backup);
	}
	for (unsigned int i = 0; wan->learnt != NULL && i < wan->learnt->count; i++) {
		const struct iface_route *route = &wan->learnt->route[i];
		const struct config_prefix *p = &route->prefix;

		if (p->addr.ipv6 != peer->ipv6 || (int)p->len <= best ||
		    !prefix_matches(p->addr.bytes, peer->bytes, p->len))
			continue;
		best = p->len;
		*out = (struct fib_outer){.valid = true,
		                          .next_hop = key_of(PORT_WAN, &route->next_hop)};
	}
	/* Where daemons learn, the way may come yet; until then nothing leaves. */
	if (best < 0 && config->wan.learn_routes == 0)
		return err_set(err, ENETUNREACH, "%s: no WAN route leads to %s", what,
		               addr_text(peer, text));
	if (best < 0)
		*out = (struct fib_outer){.valid = false};
	return 0;
}

/* Nothing is to leave with the address of another station as its source. */
static bool is_duplicate(const struct iface *wan, const struct config_addr *local)
{
	for (unsigned int i = 0; i < wan->address_count; i++)
		if (config_addr_equal(&wan->address[i].addr, local))
			return (wan->unusable & 1U << i) != 0;
	return false;
}

int routes_outer(const struct config *config, const struct iface *iface, unsigned int tunnel,
                 const struct config_addr *peer, struct routes *out, struct err *err)
{
	const struct config_tunnel *t = &config->tunnels[tunnel];
	char what[64];
	int rc;

	snprintf(what, sizeof(what), "tunnel %s", t->name);
	rc = outer_next_hop(config, &iface[PORT_WAN], peer, what, &out->outer[tunnel], err);
	if (rc == 0 && is_duplicate(&iface[PORT_WAN], &t->local))
		out->outer[tunnel].valid = false;
	return rc;
}

int routes_build(const struct config *config, const struct iface *iface, struct routes *out,
                 struct err *err)
{
	unsigned int ifaces = IFACE_SUBS + config->lan_sub_count;
	bool ipv6 = uses_ipv6(config, iface);
	int rc;

	out->count = out->wan_count = 0;
	for (unsigned int i = 0; i < iface[PORT_WAN].address_count; i++)
		out->wan[out->wan_count++] =
		        (struct spd_wan_route){.prefix = iface[PORT_WAN].address[i],
		                               .connected = true,
		                               .next_hop.port = PORT_WAN};
	memset(out->outer, 0, sizeof(out->outer));
	/* Of equal prefixes the later counts: what is ours is ours. */
	add_learnt_lan(out, iface, ifaces);
	add_martians(out, ipv6);
	add_connected(out, &iface[PORT_LAN], PORT_LAN);
	for (unsigned int i = IFACE_SUBS; i < ifaces; i++)
		add_connected(out, &iface[i], i);
	rc = add_configured(out, config, iface, err);
	if (rc < 0)
		return rc;
	add_learnt_wan(out, iface[PORT_WAN].learnt);
	add_local(out, iface, ifaces, ipv6);
	for (unsigned int t = 0; t < config->tunnel_count; t++) {
		if (!config_tunnel_used(&config->tunnels[t]))
			continue;
		rc = routes_outer(config, iface, t, &config->tunnels[t].remote, out, err);
		if (rc < 0)
			return rc;
	}
	if (config->channel.port == 0)
		return 0;
	rc = outer_next_hop(config, &iface[PORT_WAN], &config->channel.remote, "channel",
	                    &out->outer[FIB_OUTER_CHANNEL], err);
	if (rc == 0 && is_duplicate(&iface[PORT_WAN], &config->channel.local))
		out->outer[FIB_OUTER_CHANNEL].valid = false;
	return rc;
}
