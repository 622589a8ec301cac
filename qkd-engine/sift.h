/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sifting in two steps. While a block's light comes Bob announces the slots of his detections in
 * batches, with basis and outcome of a few that he drew at random: they serve to watch the errors
 * and are left out of key and estimate. When the block has as many detections as it is to have,
 * he announces the bases of the others, with the outcomes of those in X; Alice replies which of
 * them she prepared in the same basis, at which intensity, and her bits for the disclosed ones.
 *
 * What is known of the detections of a batch, or of a part of a block, are bit strings
 * (common/bytes.h), a bit for each detection, or for each of a subset, in order.
 */

#ifndef QKD_ENGINE_SIFT_H
#define QKD_ENGINE_SIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/engine.h"

#define SIFT_BATCH_MAX 512 /* detections, a multiple of 64 */
#define SIFT_WORDS     (SIFT_BATCH_MAX / 64)
#define SIFT_STRING    (SIFT_BATCH_MAX / 8) /* bytes */
#define SIFT_SLOT_MAX  ((1ULL << 56) - 1)   /* two years at 1 GHz */
#define SIFT_WIDTH_MAX 56                   /* bits of a distance between slots */
#define SIFT_ANNOUNCE_MAX                                                                          \
	(37 + (SIFT_BATCH_MAX - 1) * SIFT_WIDTH_MAX / 8 + 1 + 3 * SIFT_STRING + 8) /* bytes */
#define SIFT_BASES_MAX (3 * SIFT_STRING)                                           /* bytes */
#define SIFT_REPLY_MAX (11 + 4 * SIFT_STRING)                                      /* bytes */

/* Bob's end: a bit for each of COUNT detections; zero beyond their number. */
struct sift_outcomes {
	size_t count;
	uint64_t x[SIFT_WORDS];         /* measured in X, else in Z */
	uint64_t disclosed[SIFT_WORDS]; /* outcome announced: all of a sample, else those in X */
	uint64_t bit[SIFT_WORDS];       /* the outcome; on the wire only where disclosed */
	uint64_t cross[SIFT_WORDS]; /* clicks in both bases; on the wire only for X, no sample */
};

/* Alice's end, likewise: what she sent. */
struct sift_choices {
	uint64_t x[SIFT_WORDS + 1], bit[SIFT_WORDS + 1], decoy[SIFT_WORDS + 1];
	uint64_t light[SIFT_WORDS + 1]; /* key light in a slot that her card still knew */
};

struct sift_batch {
	uint64_t sequence, block;
	bool last;     /* of the block */
	bool odd_keys; /* hash keys of the block: see hash_keys.h */
	size_t count;
	uint64_t sampled[SIFT_WORDS];
	struct sift_outcomes sample;   /* of the sampled ones, in order; all disclosed */
	uint64_t slot[SIFT_BATCH_MAX]; /* the transmitter's, strictly increasing */
};

/* Alice's word on a sample or on a part of a block. */
struct sift_reply {
	uint64_t matched[SIFT_WORDS]; /* of all: same basis, key light */
	uint64_t bit[SIFT_WORDS + 1]; /* of those shown: her bits */
};

/* What comes of it. The same at both ends but for the key's bits. */
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
 * Bytes written to OUT (SIFT_ANNOUNCE_MAX of room). The batch is not empty, its slots strictly
 * increase, its sample has as many as are sampled.
 */
size_t sift_announce_encode(const struct sift_batch *b, uint8_t *out);
/*
 * 0, or -EPROTO: malformed, empty, slots not strictly increasing or below FIRST_SLOT. What is
 * not on the wire is 0 in B.
 */
int sift_announce_decode(const uint8_t *msg, size_t len, uint64_t first_slot, struct sift_batch *b);

/* Those of the batch that are not sampled. */
void sift_rest(const struct sift_batch *b, uint64_t rest[SIFT_WORDS]);

/*
 * The payload of BASES for detections whose outcomes in X are disclosed, and no others; decoding
 * is for COUNT of them, 0 or -EPROTO.
 */
size_t sift_bases_encode(const struct sift_outcomes *o, uint8_t *out);
int sift_bases_decode(const uint8_t *data, size_t len, size_t count, struct sift_outcomes *o);

/* Alice: compare with her choices. */
void sift_judge(const struct sift_outcomes *o, const struct sift_choices *c, struct sift_reply *r,
                struct sift_gain *g);

/*
 * The payload of SIFTED, about COUNT detections; of G the numbers and the intensities are sent.
 * Bytes written to OUT (SIFT_REPLY_MAX).
 */
size_t sift_reply_encode(const struct sift_reply *r, const struct sift_gain *g, size_t count,
                         uint8_t *out);
/* Bob: a reply about OUTCOMES, and what it gives him; 0 or -EPROTO. */
int sift_reply_decode(const uint8_t *data, size_t len, const struct sift_outcomes *outcomes,
                      struct sift_reply *r, struct sift_gain *g);

/*
 * REPLY, to an announcement of COUNT detections of which SAMPLE was: how many of all slots her
 * card no longer knew, and then as SIFTED. Decoding is in two steps, since the sequence number
 * selects the batch.
 */
size_t sift_sample_encode(uint64_t sequence, unsigned int stale, const struct sift_reply *r,
                          const struct sift_gain *g, size_t sample, uint8_t *out);
int sift_sample_head(const uint8_t *msg, size_t len, uint64_t *sequence);
int sift_sample_decode(const uint8_t *msg, size_t len, size_t count,
                       const struct sift_outcomes *sample, unsigned int *stale,
                       struct sift_reply *r, struct sift_gain *g);

#endif
