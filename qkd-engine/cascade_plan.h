/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What both sides of Cascade derive from the agreed parameters, all of it public: frames,
 * block sizes, permutations, random subsets; and the partition of a permuted frame into the
 * ranges whose parities are known.
 */

#ifndef QKD_ENGINE_CASCADE_PLAN_H
#define QKD_ENGINE_CASCADE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "qkd-engine/cascade.h"

#define CASCADE_PASSES  3  /* with a permutation and blocks */
#define CASCADE_SUBSETS 12 /* afterwards: parities of random halves of the frame */

/* Positions permuted in one call: about 50 us. */
#define CASCADE_STEP 8192

struct cascade_plan {
	size_t bits, frames;
	size_t frame_bits;   /* of each frame; they end in up to two zero bits */
	size_t frame_words;  /* of a bit string of frame_bits + 1 */
	uint64_t parity_max; /* no honest run gets near it */
	uint8_t block_log2[CASCADE_PASSES];
	uint64_t pass_seed[CASCADE_PASSES], subset_seed[CASCADE_SUBSETS];
	/* position to index in the frame, and back (Bob only); the same for all frames */
	uint32_t *permutation[CASCADE_PASSES], *inverse[CASCADE_PASSES];
	size_t built; /* steps of the shuffles done */
	uint64_t random_state;
};

/* Blocks of pass 1, 2, 3 as powers of two (cascade_params.c). */
void cascade_block_sizes(double qber, size_t frame_bits, uint8_t block_log2[CASCADE_PASSES]);

/* 0, -EINVAL or -ENOMEM. */
int cascade_plan_init(struct cascade_plan *plan, const struct cascade_params *p, bool inverse);
void cascade_plan_fini(struct cascade_plan *plan);

/* A bounded part of the shuffles; true when all are done. */
bool cascade_plan_build(struct cascade_plan *plan);

/* First bit of frame F in the block; F == frames gives the end. */
static inline size_t cascade_frame_start(const struct cascade_plan *plan, size_t f)
{
	return (size_t)((uint64_t)f * plan->bits / plan->frames);
}

/* Frame F of KEY as a bit string of plan->frame_words words. */
void cascade_frame_load(const struct cascade_plan *plan, const uint64_t *key, size_t f,
                        uint64_t *out);

/* Word W (of 64 positions) of the frame, permuted for PASS. */
uint64_t cascade_gather(const struct cascade_plan *plan, const uint64_t *frame, unsigned int pass,
                        size_t w);

/* Which bits of the block's word W the subset takes: half of them. Splitmix64's output function. */
static inline uint64_t cascade_subset_mask(const struct cascade_plan *plan, unsigned int subset,
                                           size_t w)
{
	uint64_t z = plan->subset_seed[subset] + (w + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Parity of the bits [a, b) of KEY that are in the subset. */
bool cascade_subset_parity(const struct cascade_plan *plan, const uint64_t *key,
                           unsigned int subset, size_t a, size_t b);

/*
 * A partition is a bit string with a bit at the first position of each range, and one at
 * frame_bits. It starts with the blocks of the pass; a question splits one range in two.
 */
void cascade_partition_init(const struct cascade_plan *plan, unsigned int pass, uint64_t *part);

/* Number of blocks of a pass. */
static inline size_t cascade_blocks(const struct cascade_plan *plan, unsigned int pass)
{
	size_t block = (size_t)1 << plan->block_log2[pass];

	return (plan->frame_bits + block - 1) / block;
}

/* Parities of one frame at the start: blocks of all passes but the inferred ones, subsets. */
static inline size_t cascade_initial_parities(const struct cascade_plan *plan)
{
	size_t n = CASCADE_SUBSETS + 1;

	for (unsigned int p = 0; p < CASCADE_PASSES; p++)
		n += cascade_blocks(plan, p) - 1;
	return n;
}

/* Position of the first set bit at or after FROM; one must be there. */
static inline size_t cascade_next(const uint64_t *w, size_t from)
{
	size_t i = from / 64;
	uint64_t v = w[i] & (~0ULL << (from % 64));

	while (v == 0)
		v = w[++i];
	return i * 64 + (size_t)__builtin_ctzll(v);
}

/* Position of the last set bit at or before FROM; one must be there. */
static inline size_t cascade_previous(const uint64_t *w, size_t from)
{
	size_t i = from / 64;
	uint64_t v = w[i] & (~0ULL >> (63 - from % 64));

	while (v == 0)
		v = w[--i];
	return i * 64 + 63 - (size_t)__builtin_clzll(v);
}

/* Length of the left part of a range of SIZE >= 2 bits: the largest power of two below. */
static inline size_t cascade_half(size_t size)
{
	return (size_t)1 << (63 - __builtin_clzll(size - 1));
}

/* Parity of the bits [a, b) of W. */
static inline bool cascade_range_parity(const uint64_t *w, size_t a, size_t b)
{
	size_t i = a / 64, last = (b - 1) / 64;
	uint64_t head = ~0ULL << (a % 64), tail = ~0ULL >> (63 - (b - 1) % 64), x;

	if (i == last)
		return __builtin_parityll(w[i] & head & tail);
	x = w[i] & head;
	while (++i < last)
		x ^= w[i];
	return __builtin_parityll(x ^ (w[last] & tail));
}

#endif
