/* SPDX-License-Identifier: BSD-3-Clause */

/* What the rekeying of each tunnel acts on: its SAs, the channel, the alarms. */

#include <errno.h>
#include <stdio.h>

#include "common/log.h"
#include "control/link_state.h"

LOG_COMPONENT_DEFINE(link_tunnels)

static int op_send(void *ctx, const void *msg, size_t len)
{
	struct rekey_context *t = ctx;

	return link_send(t->link, MESSAGE_REKEY, (int)t->index, msg, len);
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
	link_alarm(raised, kind, ((struct rekey_context *)ctx)->resource, ALARM_CRITICAL, text);
}

int link_create_rekeys(struct link *l, const struct config *config, struct tunnel *const *tunnels,
                       struct err *err)
{
	static const struct rekey_ops ops = {.send = op_send,
	                                     .rx_install = op_rx_install,
	                                     .tx_switch = op_tx_switch,
	                                     .tx_stop = op_tx_stop,
	                                     .rx_retire = op_rx_retire,
	                                     .alarm = op_alarm};

	for (unsigned int i = 0; i < config->tunnel_count; i++) {
		const struct config_tunnel *c = &config->tunnels[i];
		struct rekey_context *t = &l->tunnels[i];
		struct rekey_config rc = {.initiator = l->site_a,
		                          .period_ms = c->rekey_period_ms,
		                          .hard_life_ms = c->hard_life_ms,
		                          .grace_ms = c->grace_ms,
		                          .cores = config->eal.forward_lcores};

		snprintf(rc.link, sizeof(rc.link), "%s", config->link);
		snprintf(rc.tunnel, sizeof(rc.tunnel), "%s", c->name);
		snprintf(t->resource, sizeof(t->resource), "tunnel/%s", c->name);
		t->link = l;
		t->index = i;
		t->tunnel = tunnels[i];
		t->rekey = rekey_create(&rc, &ops, t, l->ks, err);
		if (t->rekey == NULL)
			return -err->code;
		l->tunnel_count++;
	}
	return 0;
}
