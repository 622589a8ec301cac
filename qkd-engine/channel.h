/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The classical channel: ordered, reliable messages between the two sites over datagrams
 * that may be lost, repeated, reordered, delayed or forged. A state machine without I/O,
 * threads or clocks of its own: datagrams and time in, datagrams and messages out.
 * docs/protocol.md has the formats.
 *
 * Every datagram carries an AES-256-GMAC tag under a key derived from the link's secret and
 * both sides' fresh nonces, and a number for the replay window. A session starts anew when
 * either side restarts or the path was silent for over 10 s; what was not delivered by then
 * is gone, at both ends. Compare channel_session() with the last one before messages are read
 * as an answer to earlier ones.
 *
 * One thread drives a channel:
 *
 *     while ((n = receive_datagram(buf)) > 0)
 *             channel_input(ch, buf, n, now);
 *     while ((msg = channel_receive(ch, CHANNEL_QKD, &len)) != NULL)
 *             take(msg, len);
 *     for (int i = 0; i < 64 && (n = channel_output(ch, buf, now)) > 0; i++)
 *             send_datagram(buf, n);
 *
 * channel_output() is also its timer: call it every millisecond or so; with nothing to do it
 * costs two comparisons.
 */

#ifndef QKD_ENGINE_CHANNEL_H
#define QKD_ENGINE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/random.h"

#define CHANNEL_MESSAGE_MAX  (1u << 20) /* bytes of one message */
#define CHANNEL_DATAGRAM_MAX 1400       /* bytes of one datagram, UDP payload */

/* Streams are delivered in order each, on their own; the lower number is sent first. */
enum channel_stream { CHANNEL_CONTROL = 0, CHANNEL_QKD = 1, CHANNEL_STREAMS = 2 };

struct channel_config {
	bool initiator;             /* site A */
	uint8_t link_secret[32];    /* from the pre-shared secret, the same at both ends */
	uint32_t send_buffer_bytes; /* per stream; 0 for 8 MiB, else rounded up to a power of two, 2
	                               MiB at least */
};

enum channel_state { CHANNEL_DOWN, CHANNEL_CONNECTING, CHANNEL_UP };

struct channel_stats {
	enum channel_state state;
	uint64_t sessions; /* established since creation */
	uint64_t datagrams_sent, datagrams_received, retransmitted;
	uint64_t messages_sent, messages_received;
	/* dropped, by reason */
	uint64_t bad_format, bad_mac, replayed, hello_mac_failures;
	uint64_t unknown_session;    /* of an earlier session, or of a peer's that we lost */
	uint64_t hello_stale;        /* authentic, but of another handshake: late or replayed */
	uint64_t protocol_errors;    /* authentic, but against the rules; ends the session */
	uint64_t duplicate_segments; /* sent again although they had arrived */
	uint64_t bytes_sent, bytes_received;
	uint64_t rtt_ns, rtt_min_ns; /* smoothed and least of this session */
	uint64_t last_heard_ns;
	uint64_t mtu_reductions;     /* sessions ended since the path lost long datagrams alone */
	uint16_t datagram_bytes;     /* the longest that are sent now */
	uint64_t moves;              /* times that the peer was found elsewhere */
	bool authentication_failing; /* only hellos with a wrong tag arrive: secrets differ */
};

struct channel;

/*
 * After gcm_provider_init() and secret_init(); CONFIG is copied, RANDOM is kept. NULL with
 * ENOTSUP (no AES-GCM code) or ENOMEM (memory, or secret memory: 16 KiB).
 */
struct channel *channel_create(const struct channel_config *config,
                               const struct random_source *random, struct err *err);
void channel_destroy(struct channel *ch);

/*
 * Where a datagram came from or goes to, in the caller's terms: bytes that are copied and compared
 * alone. All zeros: where the peer is configured to be.
 */
struct channel_place {
	uint8_t bytes[18];
};

/* Least time between two moves of the peer. */
#define CHANNEL_MOVE_NS UINT64_C(1000000000)

/*
 * As channel_input() and channel_output() below, for a peer that may move: it is where the newest
 * authentic datagram came from, one of the session that is above all before it, or a hello that
 * answers a nonce of ours. An INIT is answered where it came from, and moves nothing: it may be
 * replayed.
 */
void channel_input_from(struct channel *ch, const uint8_t *data, size_t len,
                        const struct channel_place *from, uint64_t now_ns);
size_t channel_output_to(struct channel *ch, uint8_t *buf, struct channel_place *to,
                         uint64_t now_ns);

/* Where the peer is. */
void channel_peer(const struct channel *ch, struct channel_place *out);

/* A datagram arrived (UDP payload). Anything may be in it. */
void channel_input(struct channel *ch, const uint8_t *data, size_t len, uint64_t now_ns);

/* The next datagram to send: its length, or 0 when there is none now. BUF: CHANNEL_DATAGRAM_MAX. */
size_t channel_output(struct channel *ch, uint8_t *buf, uint64_t now_ns);

/*
 * Queue a message (copied). -EAGAIN: the stream's buffer is full, try again later; -ENOTCONN:
 * no session; -EMSGSIZE.
 */
int channel_send(struct channel *ch, enum channel_stream stream, const void *msg, size_t len);

/* The same from pieces, to save the caller a copy. */
struct channel_piece {
	const void *data;
	size_t len;
};
int channel_send_pieces(struct channel *ch, enum channel_stream stream,
                        const struct channel_piece *pieces, size_t count);

/*
 * The next message of STREAM, valid until the next call for that stream; NULL when none.
 * What is not read stops the peer's stream after 2.6 MB, and loses nothing.
 */
const uint8_t *channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);

/* Bytes that wait in the send buffer of STREAM, sent or not, without acknowledgement. */
size_t channel_unacked(const struct channel *ch, enum channel_stream stream);

/*
 * Identity of the current session: changes with each, the same 16 bytes at both ends,
 * derived from both nonces; false when there is none.
 */
bool channel_session(const struct channel *ch, uint8_t id[16]);

void channel_stats_read(const struct channel *ch, struct channel_stats *out);

#endif
