/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the gateway and the key delivery of one site say to each other on their socket (AF_UNIX,
 * SOCK_SEQPACKET; the gateway listens): one message a packet, its type first, then the fields
 * below in order, integers big-endian. A text is one byte of length and so many printable bytes.
 *
 *     gateway  1 HELLO    version 2, site 1 ('A', 'B'), link 1, simulated 1, secret 32,
 *                         name of the link, name of the protocol
 *              2 SEGMENT  block 16, class 1, route 1, simulated 1, position 8, units 2,
 *                         time of the wall clock in ns 8, SHA-256 of the bytes 32, bytes
 *              3 PEER     a message of the other site's key delivery
 *              4 LINK     session is up 1, key is being made 1, state in words
 *     kms     16 HELLO    version 2
 *             17 ACK      block 16, class 1, position 8, verdict 1
 *             18 PEER     a message to the other site's key delivery
 *             19 ROOM     bytes free in the stream from A 8, from B 8; position behind the last
 *                         that came in the stream from A 8, from B 8
 *
 * Each end says HELLO first. A SEGMENT is said again until there is an ACK for it: at once in a
 * new connection, for the receiver may have lost it. It holds key: packets are for secret memory.
 */

#ifndef CONTROL_KMS_HANDOVER_WIRE_H
#define CONTROL_KMS_HANDOVER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/kms/key_uuid.h"

#define HANDOVER_VERSION      1
#define HANDOVER_SECRET_BYTES 32
#define HANDOVER_UNITS_MAX    4096 /* of KEY_UUID_UNIT bytes in a segment */
#define HANDOVER_PEER_MAX     32768
#define HANDOVER_TEXT_MAX     127
#define HANDOVER_SEGMENT_HEAD 70 /* bytes of a SEGMENT before those of its key */
#define HANDOVER_PACKET_MAX   (HANDOVER_SEGMENT_HEAD + HANDOVER_UNITS_MAX * KEY_UUID_UNIT)

enum handover_type {
	HANDOVER_HELLO = 1,
	HANDOVER_SEGMENT,
	HANDOVER_PEER,
	HANDOVER_LINK,
	HANDOVER_KMS_HELLO = 16,
	HANDOVER_ACK,
	HANDOVER_KMS_PEER,
	HANDOVER_ROOM,
};

/* What became of a segment at the receiver: it has it, or will never take it. */
enum handover_verdict { HANDOVER_STORED, HANDOVER_REFUSED };

/* A message; pointers lead into the packet that was decoded. */
struct handover_message {
	enum handover_type type;
	union {
		struct {
			char site;    /* 'A' or 'B' */
			uint8_t link; /* number in key identifiers */
			bool simulated;
			uint8_t secret[HANDOVER_SECRET_BYTES]; /* both sites have it, of this link
			                                        */
			char name[HANDOVER_TEXT_MAX + 1], protocol[HANDOVER_TEXT_MAX + 1];
		} hello; /* of the gateway */
		struct {
			uint8_t block[16];
			enum key_uuid_class class;
			uint8_t route;
			bool simulated;
			uint64_t position; /* of the first, in units */
			uint16_t units;
			uint64_t time_wall_ns;
			uint8_t hash[32];
			const uint8_t *bytes; /* units * KEY_UUID_UNIT */
		} segment;
		struct {
			const uint8_t *bytes;
			size_t len; /* 1 to HANDOVER_PEER_MAX */
		} peer;             /* of either end */
		struct {
			bool up, making;
			char state[HANDOVER_TEXT_MAX + 1];
		} link;
		struct {
			uint8_t block[16];
			enum key_uuid_class class;
			uint64_t position;
			enum handover_verdict verdict;
		} ack;
		struct {
			uint64_t from_a, from_b; /* bytes */
			uint64_t next_a, next_b; /* positions, at most KEY_UUID_POSITIONS */
		} room;
	};
};

/* Bytes written to OUT; -ENOBUFS when CAP is too small, -EINVAL for a field out of range. */
int handover_encode(const struct handover_message *m, uint8_t *out, size_t cap);

/*
 * 0; -EPROTO when the packet is not a message of the gateway (FROM_GATEWAY) or of the key delivery:
 * type, length or a field; -EPROTONOSUPPORT for a HELLO of another version. On failure M is zero.
 */
int handover_decode(const uint8_t *packet, size_t len, bool from_gateway,
                    struct handover_message *m);

#endif
