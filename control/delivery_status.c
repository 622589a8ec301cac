/* SPDX-License-Identifier: BSD-3-Clause */

/* What the status says of delivery. */

#include <jansson.h>
#include <string.h>

#include "control/link.h"
#include "control/site.h"
#include "control/status.h"

static json_t *stream(const struct link_delivery *d, unsigned int i)
{
	return json_pack("{s:i, s:i, s:s, s:I, s:I}", "weight", (int)d->weight[i], "in_force",
	                 (int)d->percent[i], "state",
	                 d->below_floor && strcmp(d->why[i], "open") == 0
	                         ? "the gateway's own keys are below the floor"
	                         : d->why[i],
	                 "room", (json_int_t)d->stats.room[i], "peer_room",
	                 (json_int_t)d->stats.peer_room[i]);
}

static json_t *read_delivery(void)
{
	struct link_delivery d;
	const struct delivery_stats *s = &d.stats;
	json_t *o;

	if (site_link() == NULL || !link_delivery_read(site_link(), &d))
		return NULL;
	o = json_pack("{s:b, s:b, s:I, s:o, s:o, s:I, s:I, s:I}", "connected", s->connected,
	              "peer_connected", s->peer_connected, "floor", (json_int_t)d.floor, "from_a",
	              stream(&d, 0), "from_b", stream(&d, 1), "queued_bytes",
	              (json_int_t)s->queued_bytes, "held_bytes", (json_int_t)s->held_bytes,
	              "queue_bytes", (json_int_t)s->queue_bytes);
	json_object_update_new(
	        o, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "segments",
	                     (json_int_t)s->segments, "bytes", (json_int_t)s->bytes, "acked",
	                     (json_int_t)s->acked, "acked_bytes", (json_int_t)s->acked_bytes,
	                     "refused", (json_int_t)s->refused, "refused_bytes",
	                     (json_int_t)s->refused_bytes, "dropped", (json_int_t)s->dropped,
	                     "dropped_bytes", (json_int_t)s->dropped_bytes, "unsure",
	                     (json_int_t)s->unsure, "unsure_bytes", (json_int_t)s->unsure_bytes));
	json_object_update_new(
	        o, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "peer_sent",
	                     (json_int_t)s->peer_sent, "peer_received",
	                     (json_int_t)s->peer_received, "peer_lost", (json_int_t)s->peer_lost,
	                     "bad_packets", (json_int_t)s->bad_packets, "bad_messages",
	                     (json_int_t)s->bad_messages, "clients", (json_int_t)d.socket.accepted,
	                     "clients_refused", (json_int_t)d.socket.refused, "clients_dropped",
	                     (json_int_t)d.socket.dropped));
	json_object_set_new(o, "client", json_integer(d.socket.pid));
	if (d.socket.why != NULL)
		json_object_set_new(o, "last_drop", json_string(d.socket.why));
	return o;
}

STATUS_SECTION_DEFINE(delivery, read_delivery)
