/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the rekeying of each tunnel acts on: its SAs, the channel, the alarms; and when each of
 * up to a thousand machines is polled.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "control/link_state.h"
#include "dataplane/dataplane.h"

LOG_COMPONENT_DEFINE(link_tunnels)

/*
 * In a turn of the control thread: a rekey costs up to a commit of the key store, and a
 * session keys all tunnels at once.
 */
#define POLLS_A_TURN    16
#define RECLAIMS_A_TURN 16
/* As many keys are marked used on disk at once; a crash loses no more than 64. */
#define TUNNELS_A_KEY_AHEAD 16

static int op_send(void *ctx, const void *msg, size_t len)
{
	struct rekey_context *t = ctx;

	return link_send(t->link, MESSAGE_REKEY, t->name, msg, len);
}

static int op_rx_install(void *ctx, uint64_t generation, const struct sa_key *keys, unsigned int n)
{
	struct rekey_context *t = ctx;
	struct err err = {0};
	int rc = tunnel_rx_install(t->tunnel, generation, keys, n, &err);

	if (rc < 0)
		log_err("%s: %s", t->resource, err.text);
	return rc;
}

static int op_tx_switch(void *ctx, uint64_t generation, const struct sa_key *keys, unsigned int n)
{
	struct rekey_context *t = ctx;
	struct err err = {0};
	int rc = tunnel_tx_switch(t->tunnel, generation, keys, n, &err);

	if (rc < 0)
		log_err("%s: %s", t->resource, err.text);
	return rc;
}

static void op_tx_stop(void *ctx)
{
	tunnel_tx_stop(((struct rekey_context *)ctx)->tunnel);
}

static void op_rx_retire(void *ctx, uint64_t generation)
{
	tunnel_rx_retire(((struct rekey_context *)ctx)->tunnel, generation);
}

static void op_alarm(void *ctx, const char *kind, bool raised, const char *text)
{
	/* On the ratchet traffic still flows, and is still secret. */
	link_alarm(raised, kind, ((struct rekey_context *)ctx)->resource,
	           strcmp(kind, "ratchet") == 0 ? ALARM_MAJOR : ALARM_CRITICAL, text);
}

static void op_tx_usage(void *ctx, uint64_t *packets, uint64_t *bytes)
{
	struct tunnel_totals totals;

	tunnel_totals_read(((struct rekey_context *)ctx)->tunnel, &totals);
	*packets = totals.packets_sealed;
	*bytes = totals.bytes_sealed;
}

static struct rekey_lives lives(const struct config_tunnel *c)
{
	static const enum rekey_policy policies[] = {
	        [CONFIG_REQUIRE_QKD] = REKEY_REQUIRE_QKD,
	        [CONFIG_RATCHET] = REKEY_RATCHET,
	        [CONFIG_BYPASS] = REKEY_BYPASS,
	        [CONFIG_HYBRID] = REKEY_HYBRID,
	};

	return (struct rekey_lives){.period_ms = c->rekey_period_ms,
	                            .hard_life_ms = c->hard_life_ms,
	                            .bytes = c->rekey_bytes,
	                            .packets = c->rekey_packets,
	                            .queue_delay_ms = c->queue_delay_ms,
	                            .stretch = c->rekey_stretch,
	                            .ratchet_life_s = c->ratchet_life_s,
	                            .policy = policies[c->policy],
	                            .profile = c->rekey_lan ? REKEY_LAN : REKEY_WAN};
}

static int create(struct link *l, const struct config *config, unsigned int i,
                  struct tunnel *tunnel, struct err *err)
{
	static const struct rekey_ops ops = {.send = op_send,
	                                     .rx_install = op_rx_install,
	                                     .tx_switch = op_tx_switch,
	                                     .tx_stop = op_tx_stop,
	                                     .rx_retire = op_rx_retire,
	                                     .alarm = op_alarm,
	                                     .tx_usage = op_tx_usage};
	const struct config_tunnel *c = &config->tunnels[i];
	struct rekey_context *t = &l->tunnels[i];
	struct rekey_config rc = {.initiator = l->site_a,
	                          .place = i,
	                          .subs = tunnel_subs(tunnel),
	                          .peer_subs_max = dataplane_peer_subs(config, i),
	                          .ratchet_secret = l->ratchet_secret,
	                          .conditions = &l->conditions,
	                          .kem = mlkem_find(NULL),
	                          .lives = lives(c)};

	snprintf(rc.link, sizeof(rc.link), "%s", config->link);
	snprintf(rc.tunnel, sizeof(rc.tunnel), "%s", c->name);
	*t = (struct rekey_context){.link = l, .index = i, .tunnel = tunnel};
	snprintf(t->resource, sizeof(t->resource), "tunnel/%s", c->name);
	memcpy(t->name, c->name, sizeof(t->name));
	t->rekey = rekey_create(&rc, &ops, t, l->ks, err);
	if (t->rekey == NULL)
		return -err->code;
	l->wake_ns[i] = 0;
	return 0;
}

/* After tunnels came or went. */
static void counted(struct link *l)
{
	l->tunnel_count = 0;
	for (unsigned int i = 0; i < CONFIG_TUNNELS_MAX; i++)
		if (l->tunnels[i].rekey != NULL)
			l->tunnel_count = i + 1;
	link_names_sort(l);
	/* A wait for the disk for each of a thousand keys a second is more than there is time. */
	keystore_ahead(l->ks, l->name_count / TUNNELS_A_KEY_AHEAD);
}

int link_create_rekeys(struct link *l, const struct config *config, struct tunnel *const *tunnels,
                       struct err *err)
{
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < config->tunnel_count; i++)
		rc = create(l, config, i, tunnels[i], err);
	counted(l);
	return rc;
}

int link_add_tunnels(struct link *l, const struct config *next, struct tunnel *const *tunnels,
                     struct err *err)
{
	bool added = false;
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < next->tunnel_count; i++) {
		if (!config_tunnel_used(&next->tunnels[i]) || l->tunnels[i].rekey != NULL)
			continue;
		rc = create(l, next, i, tunnels[i], err);
		added = true;
		link_presence_added(&l->tunnels[i]);
	}
	if (added)
		counted(l);
	return rc;
}

static void clear_alarms(const struct rekey_context *t)
{
	const struct alarm *a;

	for (size_t i = 0; (a = alarm_at(i)) != NULL; i++)
		if (a->active && strcmp(a->resource, t->resource) == 0)
			alarm_clear(a->kind, t->resource, "the tunnel was removed");
}

void link_drop_tunnels(struct link *l, const struct config *config)
{
	bool dropped = false;

	for (unsigned int i = 0; i < l->tunnel_count; i++) {
		struct rekey_context *t = &l->tunnels[i];

		if (t->rekey == NULL ||
		    (i < config->tunnel_count && config_tunnel_used(&config->tunnels[i])))
			continue;
		link_presence_removed(t);
		rekey_destroy(t->rekey);
		clear_alarms(t);
		*t = (struct rekey_context){0};
		dropped = true;
	}
	if (dropped)
		counted(l);
}

void link_reconfigure_rekeys(struct link *l, const struct config *config)
{
	for (unsigned int i = 0; i < l->tunnel_count; i++) {
		const struct rekey_lives next = lives(&config->tunnels[i]);

		if (l->tunnels[i].rekey == NULL)
			continue;
		rekey_reconfigure(l->tunnels[i].rekey, &next);
		l->wake_ns[i] = 0;
	}
}

void link_wake_rekeys(struct link *l)
{
	memset(l->wake_ns, 0, sizeof(l->wake_ns));
}

int link_rekey_now(struct link *l, unsigned int tunnel)
{
	if (tunnel >= l->tunnel_count || l->tunnels[tunnel].rekey == NULL)
		return -ENOENT;
	rekey_request(l->tunnels[tunnel].rekey);
	l->wake_ns[tunnel] = 0;
	return 0;
}

/* Only those whose time has come, in turn, so that none waits for the others for long. */
static void poll_due(struct link *l, bool connected, uint64_t now)
{
	unsigned int polls = 0;

	for (unsigned int n = 0; n < l->tunnel_count && polls < POLLS_A_TURN; n++) {
		unsigned int i = l->next_poll;
		struct rekey_context *t = &l->tunnels[i];

		l->next_poll = i + 1 < l->tunnel_count ? i + 1 : 0;
		if (now < l->wake_ns[i] || t->rekey == NULL)
			continue;
		link_presence_poll(t, connected, now);
		l->wake_ns[i] = rekey_poll(t->rekey, connected && !t->absent, now);
		polls++;
	}
}

void link_poll_rekeys(struct link *l, bool connected, uint64_t now)
{
	unsigned int n = l->tunnel_count < RECLAIMS_A_TURN ? l->tunnel_count : RECLAIMS_A_TURN;

	if (connected != l->rekeys_connected) {
		l->rekeys_connected = connected;
		link_wake_rekeys(l);
	}
	poll_due(l, connected, now);
	while (n-- > 0) {
		if (l->tunnels[l->next_reclaim].tunnel != NULL)
			tunnel_reclaim(l->tunnels[l->next_reclaim].tunnel);
		l->next_reclaim = l->next_reclaim + 1 < l->tunnel_count ? l->next_reclaim + 1 : 0;
	}
}

/* Gateways of before rekey messages had a version, or named their tunnel. */
void link_refuse_old_rekey(struct link *l)
{
	l->stats.bad_messages++;
	l->old_peer = true;
	link_alarm(true, "rekey-version", l->resource, ALARM_CRITICAL,
	           "the peer rekeys as gateways of before did, by the tunnel's number: update it");
}

void link_take_rekey(struct link *l, const uint8_t *msg, size_t len, uint64_t now)
{
	struct rekey_context *t;
	struct link_named named;

	if (!link_name_take(msg, len, &named)) {
		l->stats.bad_messages++;
		return;
	}
	if (l->old_peer) {
		l->old_peer = false;
		link_alarm(false, "rekey-version", l->resource, ALARM_CRITICAL,
		           "the peer rekeys by the same version");
	}
	t = link_tunnel_find(l, named.name);
	if (t == NULL) {
		link_presence_unknown(l, named.name);
		return;
	}
	link_presence_heard(t, now);
	rekey_receive(t->rekey, named.msg, named.len, now);
	l->wake_ns[t->index] = 0;
}
