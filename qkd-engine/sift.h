/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sifting in batches. Bob announces the slots and bases of his detections; with them the
 * outcomes of basis X and of a few detections in Z drawn at random, which serve to watch the
 * errors and never become key. Alice replies which of them she prepared in the same basis,
 * at which intensity, and her bits for the disclosed ones.
 */

#ifndef QKD_ENGINE_SIFT_H
#define QKD_ENGINE_SIFT_H

#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/engine.h"

#define SIFT_BATCH_MAX    512                           /* detections */
#define SIFT_ANNOUNCE_MAX (19 + SIFT_BATCH_MAX * 10)    /* bytes */
#define SIFT_REPLY_MAX    (19 + SIFT_BATCH_MAX * 3 / 8) /* bytes */
#define SIFT_SLOT_MAX     ((1ULL << 56) - 1)            /* two years at 1 GHz */

/* What is known of a detection. */
#define SIFT_X         1 /* measured in X, else in Z */
#define SIFT_DISCLOSED 2 /* its outcome is announced: all in X, the sample in Z */
#define SIFT_BIT       4 /* the outcome; on the wire only when disclosed */

struct sift_batch {
	uint64_t sequence;
	size_t count;
	uint64_t slot[SIFT_BATCH_MAX]; /* the transmitter's, strictly increasing */
	uint8_t what[SIFT_BATCH_MAX];
};

/* Alice's word on a detection. */
enum sift_verdict { SIFT_UNMATCHED, SIFT_SIGNAL, SIFT_DECOY, SIFT_STALE };

struct sift_reply {
	uint64_t sequence, block;
	size_t count;
	uint8_t verdict[SIFT_BATCH_MAX];
	uint8_t bit[SIFT_BATCH_MAX]; /* Alice's bits of the matched and disclosed ones, else 0 */
};

/* Bytes written to OUT (SIFT_ANNOUNCE_MAX of room). The batch is not empty. */
size_t sift_announce_encode(const struct sift_batch *b, uint8_t *out);
/* 0, or -EPROTO: malformed, empty, slots not strictly increasing or below FIRST_SLOT. */
int sift_announce_decode(const uint8_t *msg, size_t len, uint64_t first_slot, struct sift_batch *b);

/* Alice: compare a batch with her choices. */
void sift_judge(const struct sift_batch *b, const struct choice *choices, struct sift_reply *r);

/*
 * WHAT: of the batch that is replied to. Bytes written to OUT (SIFT_REPLY_MAX); 0 or -EPROTO.
 * Decoding is in two steps, since the sequence number in the head selects the batch.
 */
size_t sift_reply_encode(const struct sift_reply *r, const uint8_t *what, uint8_t *out);
int sift_reply_head(const uint8_t *msg, size_t len, uint64_t *sequence, uint64_t *block);
int sift_reply_decode(const uint8_t *msg, size_t len, const uint8_t *what, size_t count,
                      struct sift_reply *r);

#endif
