/* SPDX-License-Identifier: BSD-3-Clause */

/* Delivery's messages: to and from the key delivery here, and the gateway of the other site. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/log.h"
#include "control/delivery_state.h"

LOG_COMPONENT_DEFINE(delivery_talk)

/* Of the other key delivery's messages, while the client does not read. */
#define RELAY_BYTES_MAX (1u << 20)

/* DELIVERY_OWN: kind 1, then its fields. docs/protocol.md, section 4.4. */
enum { OWN_ROOM = 1, OWN_TAKEN, OWN_REFUSED };
#define ROOM_BYTES  27 /* kind, connected 1, room from A 8, from B 8, position 8, link 1 */
#define TAKEN_BYTES 17 /* kind, block */

void delivery_relay_clear(struct delivery *d)
{
	while (d->relay_first != NULL) {
		struct relay *r = d->relay_first;

		d->relay_first = r->next;
		free(r);
		d->stats.peer_lost++;
	}
	d->relay_last = &d->relay_first;
	d->relay_bytes = 0;
	if (d->next == NEXT_RELAY)
		d->next = NEXT_NONE;
}

/* The client. */

void delivery_joined(struct delivery *d)
{
	d->joined = true;
	d->connected = false;
	d->hello_sent = d->link_told = false;
	d->next = NEXT_NONE;
	d->stats.clients++;
}

void delivery_left(struct delivery *d)
{
	d->joined = d->connected = false;
	d->kms_room[0] = d->kms_room[1] = 0;
	d->next = NEXT_NONE;
	delivery_unsend(d);
	delivery_relay_clear(d);
}

bool delivery_connected(const struct delivery *d)
{
	return d->connected;
}

bool delivery_outdated(const struct delivery *d)
{
	return d->hello_sent && (d->hello[5] != 0) != d->link.simulated;
}

static int bad(struct delivery *d, int rc)
{
	d->stats.bad_packets++;
	return rc;
}

int delivery_receive(struct delivery *d, const uint8_t *packet, size_t len)
{
	struct handover_message m;
	int rc = handover_decode(packet, len, false, &m);

	if (rc < 0)
		return bad(d, rc);
	if (d->connected != (m.type != HANDOVER_KMS_HELLO))
		return bad(d, -EPROTO); /* a second HELLO, or none before */
	switch (m.type) {
	case HANDOVER_KMS_HELLO:
		d->connected = true;
		break;
	case HANDOVER_ACK:
		delivery_ack(d, &m);
		break;
	case HANDOVER_KMS_PEER:
		if (d->session && d->ops.send(d->ops.ctx, DELIVERY_PEER, m.peer.bytes, m.peer.len))
			d->stats.peer_sent++;
		else
			d->stats.peer_lost++;
		break;
	case HANDOVER_ROOM:
		d->kms_room[0] = m.room.from_a;
		d->kms_room[1] = m.room.from_b;
		if (d->kms_next < m.room.next_a)
			d->kms_next = m.room.next_a;
		if (d->kms_next < m.room.next_b)
			d->kms_next = m.room.next_b;
		break;
	default:
		return bad(d, -EPROTO);
	}
	return 0;
}

void delivery_link(struct delivery *d, bool up, bool making, bool simulated, const char *state)
{
	if (d->link.up == up && d->link.making == making && d->link.simulated == simulated &&
	    strncmp(d->link.state, state, HANDOVER_TEXT_MAX) == 0)
		return;
	d->link.up = up;
	d->link.making = making;
	d->link.simulated = simulated;
	strncpy(d->link.state, state, HANDOVER_TEXT_MAX);
	d->link_told = false;
	if (d->next == NEXT_LINK)
		d->next = NEXT_NONE;
}

static size_t encode(const struct handover_message *m, uint8_t *out)
{
	int len = handover_encode(m, out, HANDOVER_PACKET_MAX);

	return len < 0 ? 0 : (size_t)len;
}

static size_t next_link(const struct delivery *d, uint8_t *out)
{
	struct handover_message m = {.type = HANDOVER_LINK,
	                             .link = {.up = d->link.up, .making = d->link.making}};

	memcpy(m.link.state, d->link.state, sizeof(m.link.state));
	return encode(&m, out);
}

static size_t next_segment(struct delivery *d, uint8_t *out)
{
	const struct segment *s = d->next_segment;
	struct handover_message m = {
	        .type = HANDOVER_SEGMENT,
	        .segment = {.class = s->stream == 0 ? KEY_UUID_FROM_A : KEY_UUID_FROM_B,
	                    .simulated = s->simulated,
	                    .position = s->position,
	                    .units = s->units,
	                    .time_wall_ns = s->time_wall_ns,
	                    .bytes = s->bytes}};

	memcpy(m.segment.block, s->block, sizeof(m.segment.block));
	memcpy(m.segment.hash, s->hash, sizeof(m.segment.hash));
	return encode(&m, out);
}

/* HELLO before the client's own, all else behind it: what it does not understand it never gets. */
static void choose(struct delivery *d)
{
	if (!d->joined)
		return;
	if (!d->hello_sent)
		d->next = NEXT_HELLO;
	else if (!d->connected)
		return;
	else if (!d->link_told)
		d->next = NEXT_LINK;
	else if (d->relay_first != NULL)
		d->next = NEXT_RELAY;
	else if ((d->next_segment = delivery_next_segment(d)) != NULL)
		d->next = NEXT_SEGMENT;
}

size_t delivery_next(struct delivery *d, uint8_t *out)
{
	d->next = NEXT_NONE;
	choose(d);
	switch (d->next) {
	case NEXT_HELLO:
		/* A card that came or went since. */
		d->hello[5] = d->link.simulated;
		memcpy(out, d->hello, d->hello_len);
		return d->hello_len;
	case NEXT_LINK:
		return next_link(d, out);
	case NEXT_RELAY:
		return encode(&(struct handover_message){.type = HANDOVER_PEER,
		                                         .peer = {d->relay_first->bytes,
		                                                  d->relay_first->len}},
		              out);
	case NEXT_SEGMENT:
		return next_segment(d, out);
	case NEXT_NONE:
		break;
	}
	return 0;
}

void delivery_sent(struct delivery *d)
{
	struct relay *r = d->relay_first;

	switch (d->next) {
	case NEXT_HELLO:
		d->hello_sent = true;
		break;
	case NEXT_LINK:
		d->link_told = true;
		break;
	case NEXT_RELAY:
		d->relay_first = r->next;
		if (d->relay_first == NULL)
			d->relay_last = &d->relay_first;
		d->relay_bytes -= r->len;
		free(r);
		d->stats.peer_received++;
		break;
	case NEXT_SEGMENT:
		d->next_segment->sent = true;
		break;
	case NEXT_NONE:
		break;
	}
	d->next = NEXT_NONE;
}

/* The other gateway. */

void delivery_session(struct delivery *d, bool up)
{
	d->session = up;
	d->told = d->peer_connected = false;
	d->peer_room[0] = d->peer_room[1] = 0;
	/* Of the session that ended: not to be taken for one of the next. */
	delivery_relay_clear(d);
}

bool delivery_tell_room(struct delivery *d, bool connected, const uint64_t room[2])
{
	uint8_t msg[ROOM_BYTES] = {OWN_ROOM, connected};

	put_be64(msg + 2, room[0]);
	put_be64(msg + 10, room[1]);
	put_be64(msg + 18, d->kms_next);
	msg[26] = d->config.link_number;
	return d->ops.send(d->ops.ctx, DELIVERY_OWN, msg, sizeof(msg));
}

void delivery_tell_taken(struct delivery *d, const uint8_t block[16], bool taken)
{
	uint8_t msg[TAKEN_BYTES] = {taken ? OWN_TAKEN : OWN_REFUSED};

	memcpy(msg + 1, block, 16);
	/* When it is lost, the comparison of the stores tells. */
	d->ops.send(d->ops.ctx, DELIVERY_OWN, msg, sizeof(msg));
}

static bool relay(struct delivery *d, const uint8_t *msg, size_t len)
{
	struct relay *r;

	if (len == 0 || len > HANDOVER_PEER_MAX)
		return false;
	r = d->connected && d->relay_bytes + len <= RELAY_BYTES_MAX ? malloc(sizeof(*r) + len)
	                                                            : NULL;
	if (r == NULL) {
		d->stats.peer_lost++;
		return true;
	}
	r->next = NULL;
	r->len = len;
	memcpy(r->bytes, msg, len);
	*d->relay_last = r;
	d->relay_last = &r->next;
	d->relay_bytes += len;
	return true;
}

static bool take_own(struct delivery *d, const uint8_t *msg, size_t len)
{
	if (len == ROOM_BYTES && msg[0] == OWN_ROOM && msg[1] <= 1 &&
	    get_be64(msg + 18) <= KEY_UUID_POSITIONS) {
		d->peer_next =
		        get_be64(msg + 18) > d->peer_next ? get_be64(msg + 18) : d->peer_next;
		d->peer_connected = msg[1] == 1;
		d->peer_number = msg[26];
		d->peer_room[0] = get_be64(msg + 2);
		d->peer_room[1] = get_be64(msg + 10);
		return true;
	}
	if (len == TAKEN_BYTES && d->config.site_a &&
	    (msg[0] == OWN_TAKEN || msg[0] == OWN_REFUSED)) {
		delivery_taken(d, msg + 1, msg[0] == OWN_TAKEN);
		return true;
	}
	return false;
}

bool delivery_message(struct delivery *d, enum delivery_message kind, const uint8_t *msg,
                      size_t len)
{
	bool good = kind == DELIVERY_PEER ? relay(d, msg, len) : take_own(d, msg, len);

	d->stats.bad_messages += !good;
	return good;
}
