/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The key delivery's end of the socket to its gateway (handover_wire.h): what the gateway says goes
 * to those whom it concerns, segments are acknowledged when they are durable, messages for the
 * other site's key delivery go out while there is a session, and the gateway is told each second
 * how much room there is. No socket, no clock, no store: control/kms_handover.c joins them.
 *
 * The main thread owns it; kms_handover_peer() and kms_handover_stored() may be called from any.
 */

#ifndef CONTROL_KMS_HANDOVER_H
#define CONTROL_KMS_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "control/kms/handover_wire.h"

struct kms_handover;

/* Main thread, within kms_handover_receive(), but for wake(). */
struct kms_handover_ops {
	/* Who it is, and a link's secret: to be copied. -errno: not to be taken, the connection
	 * ends. */
	int (*hello)(void *ctx, const struct handover_message *m);
	/*
	 * A segment to be made durable; its bytes must be copied. TICKET comes back with
	 * kms_handover_stored(). -errno: not now; the gateway says it again in the next connection.
	 */
	int (*segment)(void *ctx, const struct handover_message *m, uint64_t ticket);
	void (*peer)(void *ctx, const uint8_t *msg, size_t len);
	/* The session with the other site; also when the connection ends. */
	void (*link)(void *ctx, bool up, bool making, const char *state);
	/* Of a stream: bytes that may come, and the position behind the last that came. */
	void (*room)(void *ctx, enum key_uuid_class class, uint64_t *bytes, uint64_t *next);
	void (*wake)(void *ctx); /* any thread: there is something to send */
	void *ctx;
};

int kms_handover_new(const struct kms_handover_ops *ops, struct kms_handover **out,
                     struct err *err);
void kms_handover_free(struct kms_handover *h);

/* The socket is connected; or not any more. */
void kms_handover_opened(struct kms_handover *h);
void kms_handover_closed(struct kms_handover *h);
/* The gateway's HELLO was taken. */
bool kms_handover_joined(const struct kms_handover *h);

/* A packet. -EPROTO, -EPROTONOSUPPORT, or what hello() said: close the connection. */
int kms_handover_receive(struct kms_handover *h, const uint8_t *packet, size_t len);
/* So many segments wait for the disk that no more is to be read now. */
bool kms_handover_busy(struct kms_handover *h);

/* As delivery_next() at the other end: the next packet, 0: none; and it was sent. */
size_t kms_handover_next(struct kms_handover *h, uint8_t *out);
void kms_handover_sent(struct kms_handover *h);

/* About each tenth of a second. */
void kms_handover_tick(struct kms_handover *h, uint64_t now_ns);

/* To the other key delivery; false: there is no session, or too much waits. Any thread. */
bool kms_handover_peer(struct kms_handover *h, const uint8_t *msg, size_t len);

/* A segment is durable, or refused for good; AGAIN: neither, keep it. Any thread. */
enum kms_handover_fate { KMS_HANDOVER_STORED, KMS_HANDOVER_REFUSED, KMS_HANDOVER_AGAIN };
void kms_handover_stored(struct kms_handover *h, uint64_t ticket, enum kms_handover_fate fate);

struct kms_handover_stats {
	bool connected, session;
	uint64_t connections, segments, stored, refused, again;
	uint64_t peer_sent, peer_received, peer_lost;
	uint64_t bad_packets;
	char state[HANDOVER_TEXT_MAX + 1]; /* of the link, in the gateway's words */
};
void kms_handover_stats_read(struct kms_handover *h, struct kms_handover_stats *out);

#endif
