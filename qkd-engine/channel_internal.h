/* SPDX-License-Identifier: BSD-3-Clause */

/* What the files of the channel share; nobody else includes it but its tests. */

#ifndef QKD_ENGINE_CHANNEL_INTERNAL_H
#define QKD_ENGINE_CHANNEL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "qkd-engine/channel.h"
#include "qkd-engine/channel_mtu.h"
#include "qkd-engine/channel_rate.h"
#include "qkd-engine/channel_wire.h"

#define CHANNEL_KEEPALIVE_NS (500 * NS_PER_MS)
#define CHANNEL_SILENCE_NS   (3 * NS_PER_S)  /* without a valid datagram: down */
#define CHANNEL_GIVE_UP_NS   (10 * NS_PER_S) /* the initiator asks for a new session */
#define CHANNEL_NEVER        UINT64_MAX

#define RECV_SLOTS    2048  /* segments of one stream, 2.6 MB */
#define SEND_SEGMENTS 16384 /* queued segments of one stream */
#define SENT_RING     4096  /* datagrams whose fate is remembered */
#define SENT_SEGMENTS 8     /* segments in one datagram */
#define REPLAY_BITS   4096
#define REPLAY_WINDOW (REPLAY_BITS - 64) /* the newest word is partly ahead of the window */
#define RESP_OWED     4

/* In secret memory. */
struct channel_key {
	_Alignas(64) uint8_t schedule[GCM_KEY_BYTES];
};

struct channel_secrets {
	uint8_t link_secret[32];
	struct channel_key hello_tx, hello_rx;
	struct {
		struct channel_key tx, rx;
	} session[2]; /* the live one and the one that a handshake prepares */
};

struct channel_session {
	bool valid;
	unsigned int slot; /* in channel_secrets */
	uint8_t id[16];
	uint8_t nonce_a[WIRE_NONCE_BYTES], nonce_b[WIRE_NONCE_BYTES];
};

enum handshake_phase { HANDSHAKE_IDLE, HANDSHAKE_INIT, HANDSHAKE_CONFIRM };

struct channel_handshake {
	/* initiator */
	enum handshake_phase phase;
	uint8_t nonce_a[WIRE_NONCE_BYTES];
	uint64_t started_ns, next_ns, interval_ns;
	struct channel_session next; /* derived, until the peer's first datagram proves it */
	/* responder */
	bool have_nonce_b;
	uint8_t nonce_b[WIRE_NONCE_BYTES];
	uint8_t owed[RESP_OWED][WIRE_NONCE_BYTES]; /* answers to these INITs */
	struct channel_place owed_to[RESP_OWED];   /* where they came from */
	unsigned int owed_count;
	bool hint_owed;
	uint8_t hint_session[WIRE_SESSION_BYTES];
	uint64_t hint_after_ns;
	bool hinted; /* initiator: the responder lost the session */
	bool heard;
	uint64_t heard_ns; /* last authentic hello */
};

enum segment_state { SEGMENT_QUEUED, SEGMENT_IN_FLIGHT, SEGMENT_LOST, SEGMENT_ACKED };

struct send_segment {
	uint32_t pos; /* in the ring of bytes */
	uint16_t len;
	uint8_t flags, state;
	uint64_t number; /* of the datagram that carried it last */
};

struct send_stream {
	uint8_t *ring;
	struct send_segment *segments;
	uint64_t ring_mask;
	uint64_t head_bytes, tail_bytes;         /* written, acknowledged in order */
	uint64_t unacked_seq, next_seq, end_seq; /* oldest kept, first never sent, end of queue */
	uint64_t lost_seq;                       /* no lost segment before it */
	uint64_t lost_count;
	uint64_t limit_seq; /* the receiver's limit */
};

enum sent_state { SENT_NONE, SENT_OUTSTANDING, SENT_ACKED, SENT_LOST };

struct sent_datagram {
	uint64_t number, time_ns;
	uint16_t bytes;
	uint8_t state, count;
	struct {
		uint64_t seq : 63, stream : 1;
	} segment[SENT_SEGMENTS];
};

struct channel_sender {
	struct send_stream stream[CHANNEL_STREAMS];
	struct sent_datagram *sent;    /* ring by number */
	uint64_t told[SENT_RING / 64]; /* numbers that an acknowledgement was seen of */
	struct rate rate;
	struct path_mtu mtu; /* outlives sessions */
	uint64_t next_number, oldest_number, largest_acked;
	uint64_t loss_at_ns, timeout_from_ns;
	uint64_t asked_ns; /* last datagram that asks for an acknowledgement */
	uint64_t acked_ns; /* last time that one was acknowledged */
	bool ping;
	bool paced;          /* something waits for pacing alone */
	unsigned int probes; /* datagrams that may go beyond the window after a time-out */
};

struct recv_slot {
	uint16_t len;
	uint8_t flags;
	bool present;
};

struct recv_stream {
	uint8_t *bytes;          /* RECV_SLOTS * WIRE_SEGMENT_BYTES */
	struct recv_slot *slots; /* slot of SEQ: (SEQ + base) % RECV_SLOTS */
	uint8_t *joined;         /* a message that wraps around the ring */
	uint64_t base;
	uint64_t read_seq, next_seq; /* first unread, first missing */
	uint64_t held;               /* slots before read_seq that the reader looks at */
	uint64_t advertised_seq;
	uint64_t complete; /* messages ready to read */
	/* the message that is not complete: its segments so far, their bytes, and those of one */
	uint64_t open_segments, open_bytes, segment_bytes;
};

struct channel_receiver {
	struct recv_stream stream[CHANNEL_STREAMS];
	uint64_t seen[REPLAY_BITS / 64];
	uint64_t largest, largest_ns;
	bool any; /* something arrived in this session */
	unsigned int elicited;
	bool ack_now;
	uint64_t ack_at_ns;
};

struct channel {
	struct channel_config config;
	const struct random_source *random;
	struct channel_secrets *secrets;
	struct channel_session current;
	struct channel_handshake hs;
	struct channel_sender tx;
	struct channel_receiver rx;
	uint64_t now_ns, wake_ns;
	struct channel_place peer, from, to; /* the peer's; of this datagram in, and out */
	uint64_t moved_ns;
	bool dirty; /* something happened since channel_output() found nothing to do */
	struct channel_stats stats;
};

/* channel_session.c: keys and tags */
int session_secrets(struct channel *ch);
int session_derive(struct channel *ch, struct channel_session *s, unsigned int slot,
                   const uint8_t *nonce_a, const uint8_t *nonce_b);
size_t session_seal_hello(struct channel *ch, uint8_t *buf, size_t len);
bool session_open_hello(struct channel *ch, const uint8_t *data, const struct wire_datagram *d);
size_t session_seal_data(struct channel *ch, const struct channel_session *s, uint8_t *buf,
                         size_t len, uint64_t number);
bool session_open_data(struct channel *ch, const struct channel_session *s, const uint8_t *data,
                       const struct wire_datagram *d);

/* channel_handshake.c */
void handshake_input(struct channel *ch, const uint8_t *data, const struct wire_datagram *d);
void handshake_unknown_session(struct channel *ch, const uint8_t *session);
size_t handshake_output(struct channel *ch, uint8_t *buf);
uint64_t handshake_wake(const struct channel *ch);

/* channel.c: S becomes the session, all queues start empty; or there is none any more. */
void channel_switch(struct channel *ch, const struct channel_session *s);
void channel_drop(struct channel *ch);
/* The datagram under way is authentic and newer than all before it: the peer is where it was. */
void channel_found(struct channel *ch);

/* channel_send.c, channel_loss.c */
int sender_create(struct channel *ch);
void sender_destroy(struct channel *ch);
void sender_reset(struct channel *ch);
size_t sender_output(struct channel *ch, uint8_t *buf);
uint64_t sender_wake(const struct channel *ch);
void loss_ack(struct channel *ch, const struct wire_ack *ack);
void loss_detect(struct channel *ch);
void loss_timeout(struct channel *ch);
/* NUMBER is about to be sent: what its place in the rings had is out of reach. */
void loss_forget(struct channel *ch, uint64_t number);
uint64_t loss_timeout_at(const struct channel *ch);

/* channel_recv.c */
int receiver_create(struct channel *ch);
void receiver_destroy(struct channel *ch);
void receiver_reset(struct channel *ch);
bool receiver_is_new(const struct channel_receiver *rx, uint64_t number);
void receiver_data(struct channel *ch, const struct wire_datagram *d);
void receiver_ack(struct channel *ch, struct wire_ack *ack, unsigned int words_max);

#endif
