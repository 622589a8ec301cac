/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/wire_watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "control/wire_link.h"

LOG_COMPONENT_DEFINE(wire)

/* key 4, state 1: bit 0, the link is up; the others are 0. */
#define MESSAGE_BYTES 5
#define LINK_UP       1

/* One wire carries a port whole, so there is one at most. */
static struct {
	bool active, refused; /* refused: the device cannot take its link down */
	unsigned int index;   /* of the wire */
	uint16_t tunnel;
	uint32_t key;
	char resource[64];
	struct wire_watch_ops ops;
	void *ctx;
	struct wire_link link;
} watch;

void wire_watch_start(const struct config *config, const struct wire_watch_ops *ops, void *ctx,
                      uint64_t now_ns)
{
	memset(&watch, 0, sizeof(watch));
	watch.ops = *ops;
	watch.ctx = ctx;
	for (unsigned int i = 0; i < config->wire_count; i++) {
		const struct config_wire *w = &config->wires[i];

		if (!w->link_loss)
			continue;
		watch.active = true;
		watch.index = i;
		watch.tunnel = (uint16_t)config_tunnel_index(config, w->tunnel);
		watch.key = w->key;
		snprintf(watch.resource, sizeof(watch.resource), "wire/%s", w->name);
		wire_link_init(&watch.link, w->link_loss_hold_s * NS_PER_S, now_ns);
	}
}

static void tell(bool up, uint64_t session)
{
	uint8_t msg[MESSAGE_BYTES];

	put_be32(msg, watch.key);
	msg[4] = up ? LINK_UP : 0;
	if (watch.ops.send(watch.ctx, watch.tunnel, msg, sizeof(msg)) == 0)
		wire_link_reported(&watch.link, session, up);
}

static void hold(bool held, uint64_t now_ns)
{
	int rc = watch.ops.set(watch.ctx, !held);

	if (rc < 0) {
		if (!watch.refused)
			log_warn("%s: the LAN port's device does not take its link %s: %s",
			         watch.resource, held ? "down" : "up", strerror(-rc));
		watch.refused = true;
		alarm_raise("link-loss", watch.resource, ALARM_WARNING,
		            "the far LAN port has no link, and this one's device cannot show it");
		return;
	}
	watch.refused = false;
	wire_link_held(&watch.link, held, now_ns);
	if (held)
		alarm_raise("link-loss", watch.resource, ALARM_MAJOR,
		            watch.link.remote_known && !watch.link.remote_up
		                    ? "the far LAN port has no link: this one is held down"
		                    : "no word of the far LAN port: this one is held down");
}

void wire_watch_poll(uint64_t now_ns)
{
	struct wire_link_action a;
	uint64_t session;

	if (!watch.active)
		return;
	session = watch.ops.session(watch.ctx);
	wire_link_local(&watch.link, watch.ops.local_up(watch.ctx));
	a = wire_link_poll(&watch.link, session != 0, session, now_ns);
	if (a.report)
		tell(a.up, session);
	if (a.hold != watch.link.held)
		hold(a.hold, now_ns);
	if (!a.hold && !watch.link.held) {
		watch.refused = false;
		alarm_clear("link-loss", watch.resource, "the LAN port is not held down");
	}
}

void wire_watch_stop(void)
{
	if (watch.active && watch.link.held)
		watch.ops.set(watch.ctx, true);
	watch.active = false;
}

bool wire_watch_receive(uint16_t tunnel, const uint8_t *msg, size_t len)
{
	if (len != MESSAGE_BYTES || (msg[4] & ~LINK_UP) != 0)
		return false;
	if (!watch.active || tunnel != watch.tunnel || get_be32(msg) != watch.key)
		return false;
	wire_link_remote(&watch.link, (msg[4] & LINK_UP) != 0);
	return true;
}

void wire_watch_read(unsigned int i, struct wire_watch_status *out)
{
	const struct wire_link *l = &watch.link;

	*out = (struct wire_watch_status){0};
	if (!watch.active || i != watch.index)
		return;
	*out = (struct wire_watch_status){.forwarded = true,
	                                  .local_up = l->local_up,
	                                  .held = l->held,
	                                  .remote_known = l->remote_known,
	                                  .remote_up = l->remote_up};
}
