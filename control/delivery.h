/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Keys that leave the gateway: what of a committed block belongs to the streams of delivery is cut
 * into segments, which are kept in secret memory, and there alone, until lumengate-kms has
 * acknowledged them (handover_wire.h). The two sites tell each other how much room their key
 * deliveries have; without a key delivery or room at either, nothing is delivered.
 *
 * Site B has a block when site A's COMMIT came. A holds what a block delivers until B says that it
 * has the block, or until the comparison of the key stores in the next session has shown it: so
 * that no key is given out at A of which B knows nothing.
 *
 * A state machine without sockets (delivery_socket.h) and clock; control thread.
 */

#ifndef CONTROL_DELIVERY_H
#define CONTROL_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "control/kms/handover_wire.h"
#include "qkd-engine/engine.h"

struct delivery;

struct delivery_config {
	bool site_a;
	uint8_t link_number;
	const uint8_t *secret; /* HANDOVER_SECRET_BYTES, of both sites; copied to secret memory */
	const char *link, *protocol;
	size_t block_bytes; /* key of the largest block */
	size_t queue_bytes; /* of segments without an ACK */
};

/* Messages to the other site's gateway: of one key delivery to the other, and of the gateways. */
enum delivery_message { DELIVERY_PEER, DELIVERY_OWN };

struct delivery_ops {
	/* False: there is no session, or no room now. */
	bool (*send)(void *ctx, enum delivery_message kind, const uint8_t *msg, size_t len);
	void *ctx;
};

struct delivery *delivery_create(const struct delivery_config *config,
                                 const struct delivery_ops *ops, struct err *err);
void delivery_destroy(struct delivery *d);

/* Secret memory that it takes at the most. */
size_t delivery_secret_bytes(const struct delivery_config *config);

/* A committed block that this end's key store took: copies what is to be delivered. */
void delivery_block(struct delivery *d, const struct key_block *kb);
/* One that it did not take: the peer must not deliver its share either. */
void delivery_refused(struct delivery *d, const struct key_block *kb);

/* The channel has a new session, or none. */
void delivery_session(struct delivery *d, bool up);
/* Site A: the key stores were compared; HAS tells whether a block is still there. */
void delivery_compared(struct delivery *d, bool (*has)(void *ctx, const uint8_t block[16]),
                       void *ctx);
/* What the other gateway sent; false: malformed. */
bool delivery_message(struct delivery *d, enum delivery_message kind, const uint8_t *msg,
                      size_t len);

/* How the link is, for the key delivery. */
void delivery_link(struct delivery *d, bool up, bool making, bool simulated, const char *state);

/* A client came (its HELLO is yet to come), or went. */
void delivery_joined(struct delivery *d);
void delivery_left(struct delivery *d);
/* Its HELLO came. */
bool delivery_connected(const struct delivery *d);
/* What ours said of the card is no longer so: only a client that comes again hears of it. */
bool delivery_outdated(const struct delivery *d);
/* A packet of the client; -EPROTO, -EPROTONOSUPPORT: it is to be dropped. */
int delivery_receive(struct delivery *d, const uint8_t *packet, size_t len);
/*
 * The next packet for the client, which stays the next until delivery_sent(); its bytes in OUT
 * (HANDOVER_PACKET_MAX, secret memory), or 0: none now.
 */
size_t delivery_next(struct delivery *d, uint8_t *out);
void delivery_sent(struct delivery *d);

/*
 * Each tenth of a second or so: tells the other gateway of the room here.
 */
void delivery_tick(struct delivery *d, uint64_t now_ns);

/* What keeps a stream from being filled; DELIVERY_OPEN: nothing. */
enum delivery_why {
	DELIVERY_OPEN,
	DELIVERY_NO_SESSION,
	DELIVERY_NO_KMS,       /* here */
	DELIVERY_NO_PEER_KMS,  /* or it has said nothing yet */
	DELIVERY_OTHER_NUMBER, /* identifiers of one site would not be understood at the other */
	DELIVERY_NO_ROOM,      /* here */
	DELIVERY_NO_PEER_ROOM,
};
const char *delivery_why_text(enum delivery_why why);
/* Of stream 0 (from A) or 1 (from B): its blocks may be committed with a share for it. */
enum delivery_why delivery_why(const struct delivery *d, unsigned int stream);

struct delivery_stats {
	bool connected, peer_connected;
	uint64_t next;                     /* positions below have come, here or there */
	uint64_t room[2], peer_room[2];    /* bytes, from A and from B */
	uint64_t queued_bytes, held_bytes; /* without an ACK; of these, not yet sure at the peer */
	uint64_t queue_bytes;
	uint64_t unacked_since;   /* ticks that the oldest that was sent waits */
	uint64_t segments, bytes; /* cut, since the start */
	uint64_t acked_bytes, refused_bytes, dropped_bytes, unsure_bytes;
	uint64_t acked, refused;           /* segments; the key delivery has them, or will not */
	uint64_t dropped;                  /* segments: the queue was full */
	uint64_t unsure;                   /* segments of blocks that the peer did not get */
	uint64_t peer_sent, peer_received; /* messages between the key deliveries */
	uint64_t peer_lost;                /* of them, dropped here */
	uint64_t clients, bad_packets, bad_messages;
};
void delivery_stats_read(const struct delivery *d, struct delivery_stats *out);

#endif
