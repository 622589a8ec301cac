/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/dataplane/site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/random.h"
#include "common/secret.h"
#include "dataplane/esp.h"
#include "dataplane/spd_rules.h"
#include "tests/bench/dataplane/answer.h"
#include "tests/bench/dataplane/frames.h"

#define LAN_A    0x0a010001U /* 10.1.0.1/16 */
#define LAN_B    0x0a020001U /* 10.2.0.1/24 */
#define ROUTER_B 0x0a0200feU /* 10.2.0.254 */
#define WAN_A    0xc0000201U /* 192.0.2.1/30 */
#define WAN_B    0xc0000202U

static struct config_prefix prefix(uint32_t addr, uint8_t length)
{
	struct config_prefix p = {.len = length};

	put_be32(p.addr.bytes, addr);
	return p;
}

static struct config_route *add_route(struct config *c, uint32_t addr, uint8_t length)
{
	struct config_route *r;

	if (c->route_count == CONFIG_ROUTES_MAX)
		return NULL;
	r = &c->routes[c->route_count++];
	r->prefix = prefix(addr, length);
	return r;
}

static bool route_to_tunnel(struct config *c, uint32_t addr, uint8_t length, unsigned int t)
{
	struct config_route *r = add_route(c, addr, length);

	if (r == NULL)
		return false;
	r->via = CONFIG_VIA_TUNNEL;
	snprintf(r->tunnel, sizeof(r->tunnel), "t%u", t);
	return true;
}

static bool write_routes(struct site *s)
{
	const struct site_config *sc = &s->config;
	struct config *c = &s->text;
	uint32_t state = 1;

	if (sc->side == SITE_A) {
		for (unsigned int k = 0; k < sc->networks; k++)
			if (!route_to_tunnel(c, FRAMES_DESTINATION + (k << FRAMES_NET_SHIFT), 24,
			                     k % sc->tunnels))
				return false;
	} else {
		struct config_route *r = add_route(c, FRAMES_DESTINATION, 10);

		if (r == NULL || !route_to_tunnel(c, LAN_A & 0xffff0000, 16, 0))
			return false;
		r->via = CONFIG_VIA_LAN;
		put_be32(r->next_hop.bytes, ROUTER_B);
	}
	for (unsigned int i = 0; i < sc->routes; i++) {
		uint8_t length;

		state = state * 1664525 + 1013904223;
		/* Elsewhere than the hosts: 11.0.0.0/8 and up. */
		length = (uint8_t)(16 + state % 9);
		if (!route_to_tunnel(c, (0x0b000000U + (state >> 4)) & ~0U << (32 - length), length,
		                     0))
			return false;
	}
	return true;
}

/*
 * Rules as operators have them, most of which are about other traffic than the benchmark's:
 * by prefix and port, some discard, the last one protects what is left.
 */
static void write_rules(struct site *s)
{
	struct config *c = &s->text;
	uint32_t state = 7;

	for (unsigned int i = 0; i < s->config.rules; i++) {
		struct config_rule *r = &c->rules[c->rule_count++];

		state = state * 1664525 + 1013904223;
		snprintf(r->name, sizeof(r->name), "rule-%u", i);
		r->action = i % 8 == 3 ? CONFIG_RULE_DISCARD : CONFIG_RULE_PROTECT;
		r->sport_max = r->dport_max = UINT16_MAX;
		if (i + 1 == s->config.rules) {
			r->action = CONFIG_RULE_PROTECT;
			continue;
		}
		r->has_source = r->has_destination = true;
		r->source = prefix(LAN_A & 0xffff0000, 16);
		/* Elsewhere than the hosts: 11.0.0.0/8 and up. */
		r->destination = prefix((0x0b000000U + (state >> 4)) & 0xffffff00, 24);
		if (i % 2 == 0)
			continue;
		r->has_protocol = r->has_ports = true;
		r->protocol = i % 4 == 1 ? 6 : 17;
		r->dport_min = (uint16_t)(state >> 8);
		r->dport_max = (uint16_t)(r->dport_min | 0xff);
	}
}

static bool write_config(struct site *s)
{
	const struct site_config *sc = &s->config;
	bool a = sc->side == SITE_A;
	struct config *c = &s->text;

	c->lan.mtu = c->wan.mtu = sc->mtu;
	c->lan.addresses[c->lan.address_count++] = a ? prefix(LAN_A, 16) : prefix(LAN_B, 24);
	c->wan.addresses[c->wan.address_count++] = prefix(a ? WAN_A : WAN_B, 30);
	for (unsigned int t = 0; t < sc->tunnels; t++) {
		struct config_tunnel *ct = &c->tunnels[c->tunnel_count++];

		snprintf(ct->name, sizeof(ct->name), "t%u", t);
		ct->local = prefix(a ? WAN_A : WAN_B, 32).addr;
		ct->remote = prefix(a ? WAN_B : WAN_A, 32).addr;
		ct->replay_window = sc->window;
	}
	c->channel.local = c->tunnels[0].local;
	c->channel.remote = c->tunnels[0].remote;
	write_rules(s);
	return write_routes(s);
}

static int open_ports(struct site *s, struct err *err)
{
	for (unsigned int role = 0; role < PORT_ROLES; role++) {
		const struct config_port *cp = role == PORT_LAN ? &s->text.lan : &s->text.wan;
		struct port *p = &s->port[role];

		if (s->config.beside != NULL) {
			*p = s->config.beside->port[role];
			s->iface[role] = s->config.beside->iface[role];
			continue;
		}
		if (port_configure(p, (enum port_role)role, s->config.device[role], s->config.mtu,
		                   1, NULL, s->config.pool, err) < 0)
			return -1;
		/* Virtual devices may share an address, or have none. */
		p->mac = (struct rte_ether_addr){
		        {2, 0, 0, 0, (uint8_t)s->config.side, (uint8_t)role}};
		iface_init(&s->iface[role], (uint8_t)role, cp, &p->mac);
		if (port_start(p, err) < 0)
			return -1;
	}
	return 0;
}

static int make_tunnels(struct site *s, struct err *err)
{
	s->sad = sad_create(1, SAD_TUNNELS_MAX, worker_qsbr(), err);
	if (s->sad == NULL)
		return -1;
	for (unsigned int t = 0; t < s->config.tunnels; t++) {
		const struct config_tunnel *ct = &s->text.tunnels[t];
		struct tunnel_config tc = {.replay_window = ct->replay_window, .index = t};

		snprintf(tc.name, sizeof(tc.name), "%s", ct->name);
		memcpy(tc.local, ct->local.bytes, 16);
		memcpy(tc.remote, ct->remote.bytes, 16);
		s->tunnel[t] = tunnel_create(&tc, s->sad, err);
		if (s->tunnel[t] == NULL)
			return -1;
	}
	return 0;
}

static int make_answers(struct site *s, struct err *err)
{
	bool a = s->config.side == SITE_A;

	if (s->config.peerless)
		s->answer[PORT_WAN] =
		        answer_create(s->port[PORT_WAN].id, s->config.pool, a ? WAN_B : WAN_A,
		                      &s->port[PORT_WAN].mac, a ? WAN_A : WAN_B);
	if (!a)
		s->answer[PORT_LAN] = answer_create(s->port[PORT_LAN].id, s->config.pool, ROUTER_B,
		                                    &s->port[PORT_LAN].mac, LAN_B);
	if ((s->config.peerless && s->answer[PORT_WAN] == NULL) ||
	    (!a && s->answer[PORT_LAN] == NULL))
		return err_set(err, ENOMEM, "no memory for neighbours");
	return 0;
}

static int make_policy(struct site *s, struct err *err)
{
	struct spd_rule *rules = calloc(SPD_RULES_MAX, sizeof(*rules));
	int rc;

	s->spd = spd_table_create(1, worker_qsbr(), err);
	if (rules == NULL || s->spd == NULL) {
		free(rules);
		return -1;
	}
	rc = spd_update(s->spd, rules, spd_rules_build(&s->text, rules), s->routes.wan,
	                s->routes.wan_count, err);
	free(rules);
	return rc;
}

static int build(struct site *s, struct err *err)
{
	struct forward_config fc = {.cores = 1,
	                            .port = {&s->port[PORT_LAN], &s->port[PORT_WAN]},
	                            .pool = s->config.pool,
	                            .qsbr = worker_qsbr()};
	struct role role;

	if (s->config.tunnels > CONFIG_TUNNELS_MAX)
		return err_set(err, E2BIG, "%u tunnels are more than the gateway takes",
		               s->config.tunnels);
	if (!write_config(s))
		return err_set(err, E2BIG, "more routes than the gateway takes");
	s->fib = fib_table_create(worker_qsbr(), err);
	if (s->fib == NULL || open_ports(s, err) < 0 || make_tunnels(s, err) < 0 ||
	    make_answers(s, err) < 0 || routes_build(&s->text, s->iface, &s->routes, err) < 0 ||
	    fib_update(s->fib, s->routes.route, s->routes.count, s->routes.outer, err) < 0 ||
	    make_policy(s, err) < 0)
		return -1;
	fc.fib = s->fib;
	fc.spd = s->spd;
	fc.sad = s->sad;
	for (unsigned int t = 0; t < s->config.tunnels; t++)
		fc.tunnel_mtu[t] = (uint16_t)tunnel_inner_mtu(s->tunnel[t], s->config.mtu);
	memcpy(fc.iface, s->iface, sizeof(s->iface));
	s->forward = forward_create(&fc, err);
	if (s->forward == NULL)
		return -1;
	role = forward_role(s->forward, 0);
	return worker_add_role(worker_get(s->config.worker), &role, err);
}

struct site *site_create(const struct site_config *config, struct err *err)
{
	struct site *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ENOMEM, "no memory for a gateway");
		return NULL;
	}
	s->config = *config;
	if (build(s, err) < 0) {
		site_destroy(s);
		return NULL;
	}
	return s;
}

void site_destroy(struct site *s)
{
	if (s == NULL)
		return;
	forward_destroy(s->forward);
	for (unsigned int t = 0; t < CONFIG_TUNNELS_MAX; t++)
		tunnel_destroy(s->tunnel[t]);
	sad_destroy(s->sad);
	if (s->fib != NULL)
		fib_table_destroy(s->fib);
	spd_table_destroy(s->spd);
	for (unsigned int role = 0; role < PORT_ROLES; role++)
		answer_destroy(s->answer[role]);
	free(s);
}

void site_turn(struct site *s)
{
	worker_turn(worker_get(s->config.worker));
}

void site_answer(struct site *s)
{
	for (unsigned int role = 0; role < PORT_ROLES; role++)
		if (s->answer[role] != NULL)
			answer_give(s->answer[role]);
}

void site_settle(struct site *s)
{
	site_answer(s);
	site_turn(s);
}

int site_key(struct site *from, struct site *to, unsigned int t, uint64_t generation,
             struct err *err)
{
	struct sa_key key = {.spi = TUNNEL_SPI_MIN + (t << 6) + (uint32_t)(generation << 20)};
	int rc = 0;

	random_bytes(key.key, sizeof(key.key));
	random_bytes(key.salt, sizeof(key.salt));
	if (to != NULL)
		rc = tunnel_rx_install(to->tunnel[t], generation, &key, 1, err);
	if (rc == 0 && from != NULL)
		rc = tunnel_tx_switch(from->tunnel[t], generation, &key, 1, err);
	secret_wipe(&key, sizeof(key));
	return rc;
}

uint64_t site_drops(const struct site *s, const char **why)
{
	const struct counter_set *set = &worker_get(s->config.worker)->counters;
	uint64_t sum = 0, most = 0;

	for (const struct counter *c = counter_first(); c != NULL; c = c->next) {
		uint64_t n = strncmp(c->name, "drop.", 5) == 0 ? counter_get(set, c) : 0;

		sum += n;
		if (n > most) {
			most = n;
			*why = c->name;
		}
	}
	return sum;
}

uint64_t site_protected(const struct site *s)
{
	static struct spd_info info[SPD_RULES_MAX + 1];
	unsigned int n = spd_list(s->spd, info, SPD_RULES_MAX + 1);

	return n <= s->config.rules || s->config.rules == 0 ? 0 : info[s->config.rules - 1].packets;
}
