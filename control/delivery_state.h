/* SPDX-License-Identifier: BSD-3-Clause */

/* The state of delivery, for delivery.c (segments, room) and delivery_talk.c (messages) alone. */

#ifndef CONTROL_DELIVERY_STATE_H
#define CONTROL_DELIVERY_STATE_H

#include "control/delivery.h"

#define HELLO_BYTES 320

struct segment {
	struct segment *next;
	uint8_t block[16];
	unsigned int stream; /* 0 from A, 1 from B */
	uint64_t position;
	uint16_t units;
	uint8_t hash[32];
	bool simulated;
	uint64_t time_wall_ns;
	bool held;      /* the peer may not have its block */
	bool sent;      /* in this connection */
	uint8_t *bytes; /* secret memory */
};

/* A message of the other key delivery that waits for the client. */
struct relay {
	struct relay *next;
	size_t len;
	uint8_t bytes[];
};

struct delivery {
	struct delivery_config config;
	struct delivery_ops ops;
	uint8_t *hello; /* secret memory */
	size_t hello_len;
	/* segments, in the order in which their blocks came */
	struct segment *first, **last;
	uint64_t queued[2];
	/* the client */
	bool joined, connected; /* there is one; and its HELLO came */
	bool hello_sent;
	uint64_t kms_room[2], kms_next; /* NEXT: of both streams, and of every client there was */
	struct relay *relay_first, **relay_last;
	size_t relay_bytes;
	struct {
		bool up, making, simulated;
		char state[HANDOVER_TEXT_MAX + 1];
	} link;
	bool link_told;
	enum { NEXT_NONE, NEXT_HELLO, NEXT_LINK, NEXT_RELAY, NEXT_SEGMENT } next;
	struct segment *next_segment;
	/* the other gateway */
	bool session, peer_connected, told, told_connected;
	uint8_t peer_number; /* of the link */
	uint64_t peer_room[2], told_room[2], told_ns, peer_next;
	struct delivery_stats stats;
};

/* delivery.c */
struct segment *delivery_next_segment(const struct delivery *d);
void delivery_ack(struct delivery *d, const struct handover_message *m);
void delivery_unsend(struct delivery *d);
void delivery_taken(struct delivery *d, const uint8_t block[16], bool taken);

/* delivery_talk.c */
void delivery_relay_clear(struct delivery *d);
bool delivery_tell_room(struct delivery *d, bool connected, const uint64_t room[2]);
void delivery_tell_taken(struct delivery *d, const uint8_t block[16], bool taken);

#endif
