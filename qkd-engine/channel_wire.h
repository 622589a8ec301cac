/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The channel's datagrams, as docs/protocol.md lays them out: writers and a parser that
 * accepts nothing else. Integers are big-endian.
 */

#ifndef QKD_ENGINE_CHANNEL_WIRE_H
#define QKD_ENGINE_CHANNEL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/channel.h"
#include "qkd-engine/channel_mtu.h"

#define WIRE_VERSION       2
#define WIRE_TAG_BYTES     16
#define WIRE_IV_BYTES      12
#define WIRE_NONCE_BYTES   16
#define WIRE_SESSION_BYTES 8 /* of the session's identity, the first */

enum wire_type { WIRE_INIT = 1, WIRE_RESP = 2, WIRE_CONFIRM = 3, WIRE_HINT = 4, WIRE_DATA = 5 };

/* type, version, IV, body, tag */
#define WIRE_HELLO_HEAD  (2 + WIRE_IV_BYTES)
#define WIRE_HELLO_BYTES (WIRE_HELLO_HEAD + 2 * WIRE_NONCE_BYTES + WIRE_TAG_BYTES)

/* type, version, session, number, frames, tag */
#define WIRE_DATA_HEAD (2 + WIRE_SESSION_BYTES + 8)

/* The first datagram of a session; so no window of numbers reaches below zero. */
#define WIRE_FIRST_NUMBER 4096

/* The segments of a message but the last have the same length: this, or less on other paths. */
#define WIRE_SEGMENT_BYTES 1280
#define WIRE_SEGMENT_LEAST (WIRE_SEGMENT_BYTES - CHANNEL_DATAGRAM_MAX + PATH_MTU_BASE)
#define WIRE_STREAM_HEAD   13
#define WIRE_ACK_HEAD      (14 + 8 * CHANNEL_STREAMS)
#define WIRE_ACK_WORDS_MAX 32
/* Words of an acknowledgement that leave room for a full segment behind them. */
#define WIRE_ACK_WORDS_BESIDE                                                                      \
	((CHANNEL_DATAGRAM_MAX - WIRE_DATA_HEAD - WIRE_TAG_BYTES - WIRE_STREAM_HEAD -              \
	  WIRE_SEGMENT_BYTES - WIRE_ACK_HEAD) /                                                    \
	 8)

/* Segments that a session's sender may send before it heard a limit. */
#define WIRE_INITIAL_LIMIT 1024

enum wire_frame_type {
	WIRE_FRAME_PAD = 0,
	WIRE_FRAME_PING = 1,
	WIRE_FRAME_ACK = 2,
	WIRE_FRAME_STREAM = 3
};
enum wire_segment_flags { WIRE_SEGMENT_FIRST = 1, WIRE_SEGMENT_LAST = 2 };

struct wire_datagram {
	enum wire_type type;
	const uint8_t *iv;                /* hellos */
	const uint8_t *nonce_a, *nonce_b; /* INIT has only the first */
	const uint8_t *session;           /* HINT, DATA */
	uint64_t number;                  /* DATA */
	const uint8_t *frames, *frames_end;
	const uint8_t *tag;
	size_t tagged_len; /* bytes from the start that the tag covers */
};

/*
 * Word i has a bit for each of the numbers largest - 64 i - 63 ... largest - 64 i, the
 * lowest number in bit 0.
 */
struct wire_ack {
	uint64_t largest;
	uint32_t delay_us; /* from the arrival of LARGEST to this frame */
	uint64_t limit[CHANNEL_STREAMS];
	unsigned int words;
	uint64_t word[WIRE_ACK_WORDS_MAX];
};

struct wire_segment {
	enum channel_stream stream;
	uint8_t flags;
	uint64_t seq;
	const uint8_t *data;
	uint16_t len;
};

struct wire_frame {
	enum wire_frame_type type;
	union {
		struct wire_ack ack;
		struct wire_segment segment;
	};
};

/* The outer layout of a datagram: 0, or -EPROTO when it has no known form. */
int wire_parse(const uint8_t *data, size_t len, struct wire_datagram *out);

/* The frame at *POS: 1 and *POS moved on, 0 at END, -EPROTO when it is malformed. */
int wire_frame_next(const uint8_t **pos, const uint8_t *end, struct wire_frame *out);

/* Writers return the bytes written; the caller made sure that they fit. */
size_t wire_put_hello(uint8_t *out, enum wire_type type, const uint8_t iv[WIRE_IV_BYTES],
                      const uint8_t *body, size_t body_len);
size_t wire_put_data_head(uint8_t *out, const uint8_t *session, uint64_t number);
size_t wire_put_ack(uint8_t *out, const struct wire_ack *ack);
size_t wire_put_segment_head(uint8_t *out, const struct wire_segment *segment);

#endif
