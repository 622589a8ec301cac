/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The engine's messages on CHANNEL_QKD: a type octet, then fixed fields, big endian;
 * docs/protocol.md has the table. The sifting messages have a codec of their own (sift.h).
 */

#ifndef QKD_ENGINE_MESSAGES_H
#define QKD_ENGINE_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/abort.h"

enum message_type {
	MESSAGE_SYNC_REQUEST = 1, /* Bob: show the sync pattern */
	MESSAGE_MODE,             /* Alice: the light changed */
	MESSAGE_ALIGNED,          /* Bob: found the offset, make key */
	MESSAGE_ANNOUNCE,         /* Bob: the slots of a batch of detections, and a sample */
	MESSAGE_REPLY,            /* Alice: what of the sample matched */
	MESSAGE_START,            /* Bob: reconcile this block; what it may leak, its length */
	MESSAGE_ASK,              /* Bob: questions of reconciliation */
	MESSAGE_ANSWER,           /* Alice: answers to them */
	MESSAGE_CORRECTED,        /* Bob: reconciliation is done */
	MESSAGE_CHECK,            /* Alice: hash key and short hash of each frame */
	MESSAGE_FAILED,           /* Bob: frames whose hash differs */
	MESSAGE_REVEAL,           /* Alice: a piece of such a frame */
	MESSAGE_VERIFY,           /* Alice: hash key and hash of the block */
	MESSAGE_COUNTS,           /* Bob: the hash agrees; errors per intensity */
	MESSAGE_SEED,             /* Alice: a piece of the Toeplitz seed */
	MESSAGE_TAG,              /* both: one-time tag over the transcript */
	MESSAGE_COMMIT,           /* Alice: the block is key */
	MESSAGE_ABORT,            /* both: the block is void */
	MESSAGE_BASES,            /* Bob: the bases of some of the block's detections */
	MESSAGE_SIFTED,           /* Alice: what of them matched */
	MESSAGE_PARAMETERS,       /* both: what must be alike, first of a session (agree.c) */
	MESSAGE_TYPES
};

#define MESSAGE_SEED_MAX 16384 /* bytes of seed, or of a frame, in one message */
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
			uint32_t qber_ppb;            /* estimated, parts per 10^9 */
			uint64_t seed;                /* of the permutations */
			uint8_t method, mode, reason; /* enum reconcile_*, leak_mode */
			uint32_t errors[2];           /* planned for, by intensity */
			uint32_t budget;              /* bits that may leak */
			uint32_t secret_bits;         /* length of the key */
		} start;
		struct {
			const uint8_t *data;
			size_t len;
		} payload; /* ASK, ANSWER; FAILED: a bit for each frame */
		struct {
			uint8_t key[16];
			const uint8_t *tags; /* FRAME_CHECK_BYTES a frame */
			size_t len;
		} check;
		struct {
			uint32_t frame, offset; /* bytes */
			const uint8_t *data;
			size_t len;
		} reveal;
		struct {
			uint64_t alice, bob; /* parities disclosed by each */
		} corrected;
		struct {
			uint8_t key[16], tag[16];
		} verify;
		struct {
			uint64_t m_z[2];
		} counts;
		struct {
			uint32_t offset; /* bytes */
			const uint8_t *data;
			size_t len;
		} seed;
		struct {
			uint64_t pad;
			/*
			 * Alice: what of the block renews authentication, and what leaves the
			 * gateways; Bob: zeros.
			 */
			uint64_t pad_base; /* number of its first pad, in both directions */
			uint8_t pad_keys;  /* keys that become pads; even */
			uint8_t hash_keys; /* keys that become the hash keys: 0 or 1 */
			uint64_t position; /* of the first unit of both streams of delivery */
			uint32_t units[2]; /* of 8 bytes, from A and from B */
			uint8_t tag[16];
		} tag;
		uint8_t reason; /* ABORT: enum abort_reason */
		struct {
			uint32_t offset; /* detections of the block before these */
			const uint8_t *data;
			size_t len;
		} sift; /* BASES, SIFTED: sift.h */
	};
};

/* The type of an encoded message; -EPROTO when it is empty or the type unknown. */
int message_type(const uint8_t *msg, size_t len);

/* Bytes written to OUT; -ENOBUFS when CAP is too small. Not for ANNOUNCE and REPLY. */
int message_encode(const struct message *m, uint8_t *out, size_t cap);

/* 0, or -EPROTO when the length or a field is wrong. Not for ANNOUNCE and REPLY. */
int message_decode(const uint8_t *msg, size_t len, struct message *m);

/* Bytes of an encoded TAG message before the tag, which the tag itself covers. */
#define MESSAGE_TAG_COVERED 43

#endif
