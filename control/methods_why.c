/* SPDX-License-Identifier: BSD-3-Clause */

/* What the running gateway knows of why there is no key or no traffic: looked at each second. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/counter.h"
#include "control/gateway.h"
#include "control/method.h"
#include "control/module.h"
#include "control/site.h"
#include "control/why_key.h"
#include "control/why_traffic.h"

#define WINDOW_S     10
#define RATE_BLOCKS  8
#define TUNNELS_PAGE 64

struct sample {
	uint64_t at_ns, lan_rx, wan_rx, lan_missed, wan_missed, sealed, opened;
	uint64_t probes_sealed, probes_opened;
	uint64_t sifted, refused;
	uint64_t drops[WHY_DROPS_MAX];
};

static struct sample ring[WINDOW_S + 1];
static uint64_t taken; /* samples ever */
static uint64_t blocks_ok, blocks_aborted;
static bool aborted;
static struct event *tick;

static uint64_t sum(const char *name)
{
	const struct counter *c = counter_find(name);

	return c != NULL ? counter_sum(c) : 0;
}

/* The I-th counter of drops in the order of their names; NULL past the last. */
static const struct counter *drop_at(size_t i)
{
	for (const struct counter *c = counter_first(); c != NULL; c = c->next)
		if (strncmp(c->name, "drop.", 5) == 0 && i-- == 0)
			return c;
	return NULL;
}

static void take_ports(struct sample *s)
{
	struct dataplane_port lan, wan;

	dataplane_port_read(site_dataplane(), PORT_LAN, &lan);
	dataplane_port_read(site_dataplane(), PORT_WAN, &wan);
	s->lan_rx = lan.stats.rx_packets;
	s->wan_rx = wan.stats.rx_packets;
	s->lan_missed = lan.stats.rx_missed;
	s->wan_missed = wan.stats.rx_missed;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sample *s = &ring[taken++ % (WINDOW_S + 1)];
	struct qkd_role_status role;
	const struct counter *c = counter_first();
	struct link_stats link;

	*s = (struct sample){.at_ns = clock_mono_ns()};
	take_ports(s);
	s->sealed = sum("esp.sealed");
	s->opened = sum("esp.opened");
	s->probes_sealed = sum("probe.sent") + sum("probe.answered");
	s->probes_opened = sum("probe.answers") + sum("probe.answered");
	for (size_t i = 0; c != NULL; c = c->next)
		if (strncmp(c->name, "drop.", 5) == 0 && i < WHY_DROPS_MAX)
			s->drops[i++] = counter_sum(c);
	qkd_role_status_read(link_role(site_link()), &role);
	link_stats_read(site_link(), &link);
	s->sifted = role.engine.sifted_z + role.engine.sifted_x;
	s->refused = link.blocks_refused;
	if (role.engine.blocks_ok != blocks_ok)
		aborted = false;
	else if (role.engine.blocks_aborted != blocks_aborted)
		aborted = true;
	blocks_ok = role.engine.blocks_ok;
	blocks_aborted = role.engine.blocks_aborted;
}

/* The newest sample and the oldest; false while there are not two. */
static bool window(const struct sample **now, const struct sample **then, double *seconds)
{
	if (taken < 2)
		return false;
	*now = &ring[(taken - 1) % (WINDOW_S + 1)];
	*then = &ring[taken > WINDOW_S ? taken % (WINDOW_S + 1) : 0];
	*seconds = (double)((*now)->at_ns - (*then)->at_ns) / NS_PER_S;
	return *seconds > 0;
}

static void read_blocks(struct why_key_facts *f)
{
	const struct link_block *newest = link_block_at(site_link(), 0), *b = newest;
	uint64_t now = clock_wall_ns();
	uint64_t bits = 0;
	unsigned int n = 1;
	double span = 0;

	f->block_age_s = -1;
	if (newest == NULL)
		return;
	f->block_age_s =
	        now > newest->time_wall_ns ? (double)(now - newest->time_wall_ns) / NS_PER_S : 0;
	for (; n < RATE_BLOCKS && link_block_at(site_link(), n) != NULL; n++) {
		bits += b->secret_bits;
		b = link_block_at(site_link(), n);
	}
	if (newest->time_wall_ns > b->time_wall_ns)
		span = (double)(newest->time_wall_ns - b->time_wall_ns) / NS_PER_S;
	if (span > 0) {
		f->secret_per_s = (double)bits / span;
		f->block_every_s = span / (n - 1);
	}
}

static void read_light(struct why_key_facts *f, const struct qkd_role_status *s)
{
	const struct ladder *l = link_ladder(site_link());

	if (l->at == LADDER_RUNGS)
		return;
	f->rung = ladder_rung_name(l->site_a, l->at);
	f->waits = l->reason;
}

static void key_facts(struct why_key_facts *f)
{
	const struct config *c = site_config();
	static struct qkd_role_status s;
	const struct sample *now, *then;
	static struct kme_feed_stats kme;
	struct keystore_stats keys;
	struct link_stats link;
	double seconds;

	qkd_role_status_read(link_role(site_link()), &s);
	keystore_stats_read(link_keystore(site_link()), &keys);
	link_stats_read(site_link(), &link);
	*f = (struct why_key_facts){
	        .quantum = s.quantum,
	        .foreign = c->foreign_kme.enabled,
	        .channel_up = s.channel.state == CHANNEL_UP,
	        .comparing = !link.connected,
	        .aligned = s.engine.aligned,
	        .block_bits = c->qkd.block_bits,
	        .aborted = aborted,
	        .last_abort = "",
	        .feed = "",
	        .keys = keys.available[KEY_REKEY],
	};
	snprintf(f->resource, sizeof(f->resource), "link/%s", c->link);
	if (s.quantum) {
		static char last_abort[sizeof(s.engine.last_abort)];

		memcpy(last_abort, s.engine.last_abort, sizeof(last_abort));
		f->last_abort = last_abort;
		read_light(f, &s);
		read_blocks(f);
	}
	if (link_kme_stats(site_link(), &kme))
		f->feed = kme.state;
	if (window(&now, &then, &seconds)) {
		f->sifted_per_s = (double)(now->sifted - then->sifted) / seconds;
		f->refused = now->refused != then->refused;
	}
}

static int not_running(struct err *err)
{
	return err_set(err, ENOTCONN, "the gateway is not running");
}

static int why_key_method(const void *params, json_t **result, struct err *err)
{
	struct why_key_facts facts;
	struct why answer;

	if (site_link() == NULL)
		return not_running(err);
	key_facts(&facts);
	why_key(&facts, &answer);
	*result = why_json(&answer);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

/* A tunnel without a key, the one of NAME or any. -ENOENT: there is none of that name. */
static int find_keyless(const char *name, char keyless[32], struct err *err)
{
	static struct gateway_tunnel page[TUNNELS_PAGE];
	unsigned int total = TUNNELS_PAGE;
	bool found = false;

	keyless[0] = '\0';
	for (unsigned int at = 0; at < total && keyless[0] == '\0'; at += TUNNELS_PAGE) {
		total = gateway_ops()->tunnels(at, page, TUNNELS_PAGE);
		for (unsigned int i = 0; i < TUNNELS_PAGE && at + i < total; i++) {
			if (name != NULL && strcmp(page[i].name, name) != 0)
				continue;
			found = true;
			if (strcmp(page[i].state, "no-key") == 0) {
				snprintf(keyless, 32, "%s", page[i].name);
				break;
			}
		}
	}
	if (name != NULL && !found)
		return err_set(err, EINVAL, "/params/tunnel: there is no tunnel %s", name);
	return 0;
}

static void traffic_facts(struct why_traffic_facts *f)
{
	const struct sample *now, *then;
	const struct counter *c;

	if (!window(&now, &then, &f->window_s))
		return;
	f->lan_rx = now->lan_rx - then->lan_rx;
	f->wan_rx = now->wan_rx - then->wan_rx;
	f->lan_missed = now->lan_missed - then->lan_missed;
	f->wan_missed = now->wan_missed - then->wan_missed;
	f->sealed = now->sealed - then->sealed;
	f->opened = now->opened - then->opened;
	f->probes_sealed = now->probes_sealed - then->probes_sealed;
	f->probes_opened = now->probes_opened - then->probes_opened;
	for (size_t i = 0; i < WHY_DROPS_MAX && (c = drop_at(i)) != NULL; i++)
		f->drops[i] = (struct why_drop){c->name, now->drops[i] - then->drops[i]};
}

struct traffic_params {
	const char *tunnel;
};

static const struct method_param traffic_params[] = {
        METHOD_PARAM(struct traffic_params, tunnel, PARAM_STRING, .max = 31, .optional = true,
                     .help = "its name; none: any"),
};

static int why_traffic_method(const void *params, json_t **result, struct err *err)
{
	static struct why_traffic_facts facts;
	struct why_key_facts key;
	struct why answer, no_key;
	char keyless[32];
	int rc;

	if (site_link() == NULL || gateway_ops() == NULL)
		return not_running(err);
	facts = (struct why_traffic_facts){.tunnel =
	                                           ((const struct traffic_params *)params)->tunnel};
	rc = find_keyless(facts.tunnel, keyless, err);
	if (rc != 0)
		return rc;
	key_facts(&key);
	why_key(&key, &no_key);
	facts.key = &no_key;
	facts.keyless = keyless[0] != '\0' ? keyless : NULL;
	traffic_facts(&facts);
	why_traffic(&facts, &answer);
	*result = why_json(&answer);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

static int start(struct app *app, struct err *err)
{
	const struct timeval second = {1, 0};

	taken = 0;
	tick = event_new(app->base, -1, EV_PERSIST, on_tick, NULL);
	if (tick == NULL || event_add(tick, &second) != 0) {
		if (tick != NULL)
			event_free(tick);
		return err_set(err, ENOMEM, "no timer for causes");
	}
	return 0;
}

static void stop(struct app *app)
{
	event_free(tick);
}

MODULE_DEFINE(why, .depends_on = {"site"}, .start = start, .stop = stop)
METHOD_DEFINE(why_key, .summary = "Why there is no key: the first cause, and what to do",
              .fn = why_key_method)
METHOD_DEFINE(
        why_traffic,
        .summary = "Why there is no traffic: the first cause of the last 10 s, and what to do",
        .fn = why_traffic_method, .params = traffic_params, .param_count = 1)
