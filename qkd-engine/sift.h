/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sifting in batches. Bob announces the slots and bases of his detections; with them the
 * outcomes of basis X and of a few detections in Z drawn at random, which serve to watch the
 * errors and never become key. Alice replies which of them she prepared in the same basis,
 * at which intensity, and her bits for the disclosed ones.
 *
 * What is known of the detections of a batch are bit strings (common/bytes.h), a bit for each
 * detection, or for each of a subset, in order.
 */

#ifndef QKD_ENGINE_SIFT_H
#define QKD_ENGINE_SIFT_H

#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/engine.h"

#define SIFT_BATCH_MAX 512 /* detections, a multiple of 64 */
#define SIFT_WORDS     (SIFT_BATCH_MAX / 64)
#define SIFT_STRING    (SIFT_BATCH_MAX / 8) /* bytes */
#define SIFT_SLOT_MAX  ((1ULL << 56) - 1)   /* two years at 1 GHz */
#define SIFT_WIDTH_MAX 56                   /* bits of a distance between slots */
#define SIFT_ANNOUNCE_MAX                                                                          \
	(28 + (SIFT_BATCH_MAX - 1) * SIFT_WIDTH_MAX / 8 + 1 + 3 * SIFT_STRING + 8) /* bytes */
#define SIFT_REPLY_MAX (21 + 4 * SIFT_STRING)                                      /* bytes */

/* One string for each detection of a batch; zero beyond their number. */
struct sift_outcomes {
	size_t count;
	uint64_t x[SIFT_WORDS];         /* measured in X, else in Z */
	uint64_t disclosed[SIFT_WORDS]; /* outcome announced: all in X, the sample in Z */
	uint64_t bit[SIFT_WORDS];       /* the outcome; on the wire only where disclosed */
	uint64_t cross[SIFT_WORDS];     /* clicks in both bases; on the wire only for X */
};

struct sift_batch {
	uint64_t sequence;
	struct sift_outcomes outcomes;
	uint64_t slot[SIFT_BATCH_MAX]; /* the transmitter's, strictly increasing */
};

/* Alice's word on a batch. */
struct sift_reply {
	uint64_t sequence, block;
	unsigned int stale;           /* slots that her card no longer knew */
	uint64_t matched[SIFT_WORDS]; /* of all: same basis, key light */
	uint64_t bit[SIFT_WORDS + 1]; /* of those shown: her bits */
};

/* What a batch gives. The same at both ends but for the key's bits. */
struct sift_gain {
	/* matched, undisclosed: key */
	size_t keys;
	uint64_t key[SIFT_WORDS + 1];       /* this end's bits */
	uint64_t key_decoy[SIFT_WORDS + 1]; /* sent at the decoy intensity */
	/* matched and disclosed */
	size_t shown;
	uint64_t shown_x[SIFT_WORDS + 1], shown_decoy[SIFT_WORDS + 1], shown_error[SIFT_WORDS + 1];
	/* clicks in both bases that count for X: matched, and not */
	size_t cross[2];
};

/*
 * Bytes written to OUT (SIFT_ANNOUNCE_MAX of room). The batch is not empty, all of its X
 * outcomes are disclosed, its slots strictly increase.
 */
size_t sift_announce_encode(const struct sift_batch *b, uint8_t *out);
/*
 * 0, or -EPROTO: malformed, empty, slots not strictly increasing or below FIRST_SLOT, an
 * outcome in X not disclosed. What is not on the wire is 0 in B.
 */
int sift_announce_decode(const uint8_t *msg, size_t len, uint64_t first_slot, struct sift_batch *b);

/* Alice: compare a batch with her choices; r->block is the caller's to fill in. */
void sift_judge(const struct sift_batch *b, const struct choice *choices, struct sift_reply *r,
                struct sift_gain *g);

/*
 * COUNT detections in the batch; of G the numbers and the intensities are sent. Bytes written
 * to OUT (SIFT_REPLY_MAX).
 */
size_t sift_reply_encode(const struct sift_reply *r, const struct sift_gain *g, size_t count,
                         uint8_t *out);
/*
 * Bob: a reply to the batch of OUTCOMES, and what it gives him; 0 or -EPROTO. Decoding is in two
 * steps, since the sequence number in the head selects the batch.
 */
int sift_reply_head(const uint8_t *msg, size_t len, uint64_t *sequence, uint64_t *block);
int sift_reply_decode(const uint8_t *msg, size_t len, const struct sift_outcomes *outcomes,
                      struct sift_reply *r, struct sift_gain *g);

#endif
