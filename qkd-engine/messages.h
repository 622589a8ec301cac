/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The engine's messages on CHANNEL_QKD: a type octet, then fixed fields, big endian;
 * docs/protocol.md has the table. The sifting messages have a codec of their own (sift.h).
 */

#ifndef QKD_ENGINE_MESSAGES_H
#define QKD_ENGINE_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

enum message_type {
	MESSAGE_SYNC_REQUEST = 1, /* Bob: show the sync pattern */
	MESSAGE_MODE,             /* Alice: the light changed */
	MESSAGE_ALIGNED,          /* Bob: found the offset, make key */
	MESSAGE_ANNOUNCE,         /* Bob: a batch of detections */
	MESSAGE_REPLY,            /* Alice: what of it matched */
	MESSAGE_START,            /* Bob: reconcile this block */
	MESSAGE_ASK,              /* Bob: Cascade's questions */
	MESSAGE_ANSWER,           /* Alice: Cascade's parities */
	MESSAGE_CORRECTED,        /* Bob: Cascade is done */
	MESSAGE_VERIFY,           /* Alice: hash key and hash of the block */
	MESSAGE_COUNTS,           /* Bob: the hash agrees; errors per intensity */
	MESSAGE_LENGTH,           /* Alice: length of the key */
	MESSAGE_SEED,             /* Alice: a piece of the Toeplitz seed */
	MESSAGE_TAG,              /* both: one-time tag over the transcript */
	MESSAGE_COMMIT,           /* Alice: the block is key */
	MESSAGE_ABORT,            /* both: the block is void */
	MESSAGE_TYPES
};

enum abort_reason {
	ABORT_ALARM = 1,    /* it saw an attack, or alignment was lost */
	ABORT_QBER,         /* error rate above qber_abort */
	ABORT_NO_SECRET,    /* the bound leaves no secret bits */
	ABORT_VERIFICATION, /* the ends' strings differ */
	ABORT_RECONCILE,    /* Cascade failed */
	ABORT_LENGTH,       /* Alice wants more than Bob's bound allows */
	ABORT_TAG,          /* a transcript tag is wrong, or its pad is refused */
	ABORT_PROTOCOL,     /* malformed or unexpected message */
	ABORT_TIMEOUT,      /* the peer does not go on */
	ABORT_REASONS
};

/* For logs and status: "attack alarm", ... */
const char *abort_reason_name(unsigned int reason);

#define MESSAGE_SEED_MAX 16384 /* bytes of seed in one message */
#define MESSAGE_HEADER   9     /* type and block: what precedes a payload */

/* A decoded message; pointers lead into the bytes that were decoded. */
struct message {
	enum message_type type;
	uint64_t block; /* all from MESSAGE_START on */
	union {
		uint32_t attempt; /* SYNC_REQUEST, ALIGNED: number of the alignment attempt */
		struct {
			uint32_t attempt;
			uint8_t mode; /* enum source_mode */
			uint64_t from_slot, slot_now;
		} mode;
		struct {
			uint32_t bits, frame_bits;
			uint32_t qber_ppb; /* estimated, parts per 10^9 */
			uint64_t seed;     /* of the permutations */
		} start;
		struct {
			const uint8_t *data;
			size_t len;
		} payload; /* ASK, ANSWER */
		struct {
			uint64_t alice, bob; /* parities disclosed by each */
		} corrected;
		struct {
			uint8_t key[16], tag[16];
		} verify;
		struct {
			uint64_t m_z[2];
		} counts;
		uint32_t secret_bits; /* LENGTH */
		struct {
			uint32_t offset; /* bytes */
			const uint8_t *data;
			size_t len;
		} seed;
		struct {
			uint64_t pad;
			/* Alice: what of the block renews authentication; Bob: zeros. */
			uint64_t pad_base; /* number of its first pad, in both directions */
			uint8_t pad_keys;  /* keys that become pads; even */
			uint8_t hash_keys; /* keys that become the hash keys: 0 or 1 */
			uint8_t tag[16];
		} tag;
		uint8_t reason; /* ABORT: enum abort_reason */
	};
};

/* The type of an encoded message; -EPROTO when it is empty or the type unknown. */
int message_type(const uint8_t *msg, size_t len);

/* Bytes written to OUT; -ENOBUFS when CAP is too small. Not for ANNOUNCE and REPLY. */
int message_encode(const struct message *m, uint8_t *out, size_t cap);

/* 0, or -EPROTO when the length or a field is wrong. Not for ANNOUNCE and REPLY. */
int message_decode(const uint8_t *msg, size_t len, struct message *m);

/* Bytes of an encoded TAG message before the tag, which the tag itself covers. */
#define MESSAGE_TAG_COVERED 27

#endif
