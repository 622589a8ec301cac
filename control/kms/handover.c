/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/handover.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/secret.h"

#define SEGMENTS_MAX  32 /* that wait for the disk */
#define PEER_BYTES    (1u << 20)
#define ROOM_NS       (1 * NS_PER_S)
#define ROOM_SMALL_NS (100 * NS_PER_MS)

/* A packet to the gateway. */
struct outgoing {
	struct outgoing *next;
	bool peer; /* a message for the other key delivery: it goes with the session */
	size_t len;
	uint8_t bytes[];
};

struct pending {
	uint64_t ticket; /* 0: free */
	uint8_t block[16];
	enum key_uuid_class class;
	uint64_t position;
};

struct kms_handover {
	struct kms_handover_ops ops;
	/* main thread */
	bool joined;
	uint64_t room_ns, room_told[2];
	/* all threads */
	pthread_mutex_t lock;
	bool open, session;
	struct outgoing *first, **last;
	size_t peer_bytes;
	uint64_t next_ticket;
	struct pending pending[SEGMENTS_MAX];
	unsigned int pending_count;
	struct kms_handover_stats stats;
};

int kms_handover_new(const struct kms_handover_ops *ops, struct kms_handover **out, struct err *err)
{
	struct kms_handover *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return err_set(err, ENOMEM, "hand-over: out of memory");
	h->ops = *ops;
	h->last = &h->first;
	pthread_mutex_init(&h->lock, NULL);
	*out = h;
	return 0;
}

/* With the lock. */
static void drop_outgoing(struct kms_handover *h, bool peer_only)
{
	struct outgoing **at = &h->first;

	while (*at != NULL) {
		struct outgoing *o = *at;

		if (peer_only && !o->peer) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		h->stats.peer_lost += o->peer;
		h->peer_bytes -= o->peer ? o->len : 0;
		free(o);
	}
	h->last = at;
}

void kms_handover_free(struct kms_handover *h)
{
	if (h == NULL)
		return;
	drop_outgoing(h, false);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* With the lock; false: no memory, or a field is out of range. */
static bool put(struct kms_handover *h, const struct handover_message *m)
{
	bool peer = m->type == HANDOVER_KMS_PEER;
	size_t cap = 64 + (peer ? m->peer.len : 0);
	struct outgoing *o = malloc(sizeof(*o) + cap);
	int len = o == NULL ? -ENOMEM : handover_encode(m, o->bytes, cap);

	if (len < 0) {
		free(o);
		return false;
	}
	o->next = NULL;
	o->peer = peer;
	o->len = (size_t)len;
	*h->last = o;
	h->last = &o->next;
	h->peer_bytes += peer ? o->len : 0;
	return true;
}

void kms_handover_opened(struct kms_handover *h)
{
	pthread_mutex_lock(&h->lock);
	h->open = true;
	h->stats.connections++;
	put(h, &(struct handover_message){.type = HANDOVER_KMS_HELLO});
	pthread_mutex_unlock(&h->lock);
	h->joined = false;
	h->room_ns = 0;
}

static void set_session(struct kms_handover *h, bool up, bool making, const char *state)
{
	pthread_mutex_lock(&h->lock);
	h->session = up;
	strncpy(h->stats.state, state, HANDOVER_TEXT_MAX);
	if (!up)
		drop_outgoing(h, true);
	pthread_mutex_unlock(&h->lock);
	h->ops.link(h->ops.ctx, up, making, state);
}

void kms_handover_closed(struct kms_handover *h)
{
	bool was;

	pthread_mutex_lock(&h->lock);
	was = h->open;
	h->open = false;
	drop_outgoing(h, false);
	/* What comes of them is for nobody: the gateway says them again. */
	memset(h->pending, 0, sizeof(h->pending));
	h->pending_count = 0;
	pthread_mutex_unlock(&h->lock);
	h->joined = false;
	if (was)
		set_session(h, false, false, "the gateway is away");
}

bool kms_handover_joined(const struct kms_handover *h)
{
	return h->joined;
}

static int take_segment(struct kms_handover *h, const struct handover_message *m)
{
	struct pending *p = h->pending;
	uint64_t ticket;
	int rc;

	pthread_mutex_lock(&h->lock);
	while (p < h->pending + SEGMENTS_MAX && p->ticket != 0)
		p++;
	if (p == h->pending + SEGMENTS_MAX) {
		/* The caller reads on though it is busy. */
		h->stats.again++;
		pthread_mutex_unlock(&h->lock);
		return -EAGAIN;
	}
	ticket = p->ticket = ++h->next_ticket;
	memcpy(p->block, m->segment.block, sizeof(p->block));
	p->class = m->segment.class;
	p->position = m->segment.position;
	h->pending_count++;
	h->stats.segments++;
	pthread_mutex_unlock(&h->lock);
	rc = h->ops.segment(h->ops.ctx, m, ticket);
	if (rc < 0)
		kms_handover_stored(h, ticket, KMS_HANDOVER_AGAIN);
	return rc;
}

void kms_handover_stored(struct kms_handover *h, uint64_t ticket, enum kms_handover_fate fate)
{
	struct pending *p = h->pending;
	struct handover_message m = {.type = HANDOVER_ACK};

	pthread_mutex_lock(&h->lock);
	h->stats.stored += fate == KMS_HANDOVER_STORED;
	h->stats.refused += fate == KMS_HANDOVER_REFUSED;
	h->stats.again += fate == KMS_HANDOVER_AGAIN;
	while (p < h->pending + SEGMENTS_MAX && p->ticket != ticket)
		p++;
	/* Else it is of an earlier connection. */
	if (p < h->pending + SEGMENTS_MAX) {
		memcpy(m.ack.block, p->block, sizeof(p->block));
		m.ack.class = p->class;
		m.ack.position = p->position;
		m.ack.verdict = fate == KMS_HANDOVER_STORED ? HANDOVER_STORED : HANDOVER_REFUSED;
		p->ticket = 0;
		h->pending_count--;
		if (fate != KMS_HANDOVER_AGAIN)
			put(h, &m);
	}
	pthread_mutex_unlock(&h->lock);
	h->ops.wake(h->ops.ctx);
}

static int bad(struct kms_handover *h, int rc)
{
	pthread_mutex_lock(&h->lock);
	h->stats.bad_packets++;
	pthread_mutex_unlock(&h->lock);
	return rc;
}

int kms_handover_receive(struct kms_handover *h, const uint8_t *packet, size_t len)
{
	struct handover_message m;
	int rc = handover_decode(packet, len, true, &m);

	if (rc == 0 && h->joined != (m.type != HANDOVER_HELLO))
		rc = -EPROTO;
	if (rc < 0)
		return bad(h, rc);
	switch (m.type) {
	case HANDOVER_HELLO:
		rc = h->ops.hello(h->ops.ctx, &m);
		h->joined = rc == 0;
		secret_wipe(&m, sizeof(m));
		return rc;
	case HANDOVER_SEGMENT:
		/* Whatever comes of it, the connection goes on. */
		take_segment(h, &m);
		return 0;
	case HANDOVER_PEER:
		pthread_mutex_lock(&h->lock);
		h->stats.peer_received++;
		pthread_mutex_unlock(&h->lock);
		h->ops.peer(h->ops.ctx, m.peer.bytes, m.peer.len);
		return 0;
	case HANDOVER_LINK:
		set_session(h, m.link.up, m.link.making, m.link.state);
		return 0;
	default:
		return bad(h, -EPROTO);
	}
}

bool kms_handover_busy(struct kms_handover *h)
{
	bool busy;

	pthread_mutex_lock(&h->lock);
	busy = h->pending_count >= SEGMENTS_MAX;
	pthread_mutex_unlock(&h->lock);
	return busy;
}

size_t kms_handover_next(struct kms_handover *h, uint8_t *out)
{
	size_t len = 0;

	pthread_mutex_lock(&h->lock);
	if (h->open && h->first != NULL) {
		len = h->first->len;
		memcpy(out, h->first->bytes, len);
	}
	pthread_mutex_unlock(&h->lock);
	return len;
}

void kms_handover_sent(struct kms_handover *h)
{
	struct outgoing *o;

	pthread_mutex_lock(&h->lock);
	o = h->first;
	if (o != NULL) {
		h->first = o->next;
		if (h->first == NULL)
			h->last = &h->first;
		h->peer_bytes -= o->peer ? o->len : 0;
		h->stats.peer_sent += o->peer;
	}
	pthread_mutex_unlock(&h->lock);
	free(o);
}

void kms_handover_tick(struct kms_handover *h, uint64_t now_ns)
{
	static const enum key_uuid_class class[] = {KEY_UUID_FROM_A, KEY_UUID_FROM_B};
	uint64_t room[2], next[2], age = now_ns - h->room_ns;
	bool changed = false;

	if (!h->joined || (h->room_ns != 0 && age < ROOM_SMALL_NS))
		return;
	for (int i = 0; i < 2; i++) {
		h->ops.room(h->ops.ctx, class[i], &room[i], &next[i]);
		/* By a quarter, or from or to none: worth a word before the second is over. */
		changed |= room[i] < h->room_told[i] / 4 * 3 || room[i] / 4 * 3 > h->room_told[i];
	}
	if (h->room_ns != 0 && age < ROOM_NS && !changed)
		return;
	h->room_ns = now_ns;
	memcpy(h->room_told, room, sizeof(room));
	pthread_mutex_lock(&h->lock);
	put(h, &(struct handover_message){.type = HANDOVER_ROOM,
	                                  .room = {.from_a = room[0],
	                                           .from_b = room[1],
	                                           .next_a = next[0],
	                                           .next_b = next[1]}});
	pthread_mutex_unlock(&h->lock);
	h->ops.wake(h->ops.ctx);
}

bool kms_handover_peer(struct kms_handover *h, const uint8_t *msg, size_t len)
{
	bool good;

	pthread_mutex_lock(&h->lock);
	good = h->open && h->session && h->peer_bytes + len <= PEER_BYTES &&
	       put(h, &(struct handover_message){.type = HANDOVER_KMS_PEER, .peer = {msg, len}});
	h->stats.peer_lost += !good;
	pthread_mutex_unlock(&h->lock);
	if (good)
		h->ops.wake(h->ops.ctx);
	return good;
}

void kms_handover_stats_read(struct kms_handover *h, struct kms_handover_stats *out)
{
	pthread_mutex_lock(&h->lock);
	*out = h->stats;
	out->connected = h->open;
	out->session = h->session;
	pthread_mutex_unlock(&h->lock);
}
