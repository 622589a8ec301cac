/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What both sides of Cascade derive from the agreed parameters, all of it public: frames,
 * block sizes, permutations, random subsets.
 */

#ifndef QKD_ENGINE_CASCADE_PLAN_H
#define QKD_ENGINE_CASCADE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "qkd-engine/cascade.h"
#include "qkd-engine/workspace.h"

#define CASCADE_PASSES  3  /* with a permutation and blocks */
#define CASCADE_SUBSETS 32 /* afterwards: parities of random halves of a group of frames */

/*
 * Frames share subset parities up to this many bits: about one frame in twenty has errors left
 * after the passes, and a group pays for finding them one after the other.
 */
#define CASCADE_GROUP_BITS (1u << 21)

/* Positions shuffled or permuted in one call: about 50 us. */
#define CASCADE_STEP 8192

struct cascade_plan {
	size_t bits, frames;
	size_t group_frames; /* frames that share subsets; the last group may have fewer */
	size_t groups;
	size_t frame_bits;   /* of each frame; they end in less than a row of zero bits */
	size_t frame_words;  /* of a bit string of frame_bits: whole cache lines */
	uint64_t parity_max; /* no honest run gets near it */
	uint8_t block_log2[CASCADE_PASSES];
	uint64_t subset_seed;
	/*
	 * Permutations, the same for all frames: a frame is a matrix, its bit INDEX in row
	 * INDEX >> row_log2; columns are shifted by random amounts, then rows, and both again.
	 * What would be a table of megabytes for each block in flight is a few kilobytes. That of
	 * pass 0 is of the order of the key; the others are of the order of pass 0, in which all
	 * passes name a bit.
	 */
	unsigned int row_log2;
	uint32_t rows;
	uint16_t *shifts; /* per pass: of rows, twice, then of columns, twice */
	/*
	 * While permuting, for each pass the index of each position: 16 bits each where that is
	 * enough, or 32.
	 */
	void *order;
	size_t built; /* positions of these */
};

/* Blocks of pass 1, 2, 3 as powers of two (cascade_params.c). */
void cascade_block_sizes(double qber, size_t frame_bits, uint8_t block_log2[CASCADE_PASSES]);

/* Frames, block sizes and seed, without memory for permutations. 0 or -EINVAL. */
int cascade_plan_init(struct cascade_plan *plan, const struct cascade_params *p);

/* Memory for the permutations; then, where it fits, what they are made of, from SEED. */
void cascade_plan_place(struct cascade_plan *plan, struct workspace *w);
void cascade_plan_draw(struct cascade_plan *plan, uint64_t seed);

/* Whether an order takes 32 bits an entry. */
static inline bool cascade_wide(const struct cascade_plan *plan)
{
	return plan->frame_bits > 1u << 16;
}

/* The memory for all orders may be had back after permuting. */
static inline size_t cascade_orders_bytes(const struct cascade_plan *plan)
{
	return CASCADE_PASSES * plan->frame_bits *
	       (cascade_wide(plan) ? sizeof(uint32_t) : sizeof(uint16_t));
}

/* A bounded part of the orders; true when all are there. */
bool cascade_plan_build(struct cascade_plan *plan);

/* How many shifts there are. */
static inline size_t cascade_shifts(const struct cascade_plan *plan)
{
	return (size_t)CASCADE_PASSES * 2 * (plan->rows + (1u << plan->row_log2));
}

/*
 * Where a bit of a frame is in the order of PASS: INDEX is in the order of the key for pass 0, in
 * that of pass 0 for the others.
 */
static inline size_t cascade_position(const struct cascade_plan *plan, unsigned int pass,
                                      size_t index)
{
	uint32_t mask = (1u << plan->row_log2) - 1, rows = plan->rows;
	const uint16_t *row = plan->shifts + (size_t)pass * 2 * (rows + mask + 1);
	const uint16_t *column = row + 2 * rows;
	uint32_t x = (uint32_t)index & mask, y = (uint32_t)index >> plan->row_log2;

	for (unsigned int i = 0; i < 2; i++, row += rows, column += mask + 1) {
		x = (x + row[y]) & mask;
		y += column[x];
		y -= y >= rows ? rows : 0;
	}
	return (size_t)y << plan->row_log2 | x;
}

/* And back. */
static inline size_t cascade_index(const struct cascade_plan *plan, unsigned int pass,
                                   size_t position)
{
	uint32_t mask = (1u << plan->row_log2) - 1, rows = plan->rows;
	const uint16_t *row = plan->shifts + (size_t)pass * 2 * (rows + mask + 1) + rows;
	const uint16_t *column = row + rows + mask + 1;
	uint32_t x = (uint32_t)position & mask, y = (uint32_t)position >> plan->row_log2;

	for (unsigned int i = 0; i < 2; i++, row -= rows, column -= mask + 1) {
		y += rows - column[x];
		y -= y >= rows ? rows : 0;
		x = (x - row[y]) & mask;
	}
	return (size_t)y << plan->row_log2 | x;
}

/* First bit of frame F in the block; F == frames gives the end. */
static inline size_t cascade_frame_start(const struct cascade_plan *plan, size_t f)
{
	return (size_t)((uint64_t)f * plan->bits / plan->frames);
}

/* First frame of group G; G == groups gives the end. */
static inline size_t cascade_group_first(const struct cascade_plan *plan, size_t g)
{
	return g * plan->group_frames < plan->frames ? g * plan->group_frames : plan->frames;
}

/* First bit of group G in the block; G == groups gives the end. */
static inline size_t cascade_group_start(const struct cascade_plan *plan, size_t g)
{
	return cascade_frame_start(plan, cascade_group_first(plan, g));
}

/*
 * A bounded part of permuting all frames of KEY for all passes; true when it is done. Frame F
 * in the order of PASS goes to OUT + (F * CASCADE_PASSES + PASS) * frame_words. *AT starts at
 * 0. LANES is scratch of cascade_lanes() bytes, zero; both are secret.
 */
bool cascade_permute(const struct cascade_plan *plan, const uint64_t *key, uint64_t *out,
                     uint8_t *lanes, size_t *at);
size_t cascade_lanes(const struct cascade_plan *plan);

/* Splitmix64's output function (Steele, Lea and Flood, OOPSLA 2014). */
static inline uint64_t cascade_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline uint64_t cascade_rotate(uint64_t x, unsigned int n)
{
	return x << (n % 64) | x >> (-n % 64);
}

/*
 * Which bits of the block's word W are in subset 0. Subset s takes the word rotated by s: of
 * two errors, wherever they are, each subset holds just one with probability 1/2, independently
 * (any 32 neighbours of a cyclic code of dimension 32 or more are an information set).
 */
static inline uint64_t cascade_subset_word(const struct cascade_plan *plan, size_t w)
{
	return cascade_mix(plan->subset_seed + (w + 1) * 0x9e3779b97f4a7c15ULL);
}

/* Number of blocks of a pass. */
static inline size_t cascade_blocks(const struct cascade_plan *plan, unsigned int pass)
{
	size_t block = (size_t)1 << plan->block_log2[pass];

	return (plan->frame_bits + block - 1) / block;
}

/* Parity of 2^LEVEL bits of W from the multiple START of 2^LEVEL. */
static inline bool cascade_parity(const uint64_t *w, size_t start, unsigned int level)
{
	uint64_t x = w[start / 64] >> (start % 64);

	if (level <= 6)
		return __builtin_parityll(x & ~0ULL >> (64 - (1u << level)));
	for (size_t i = 1; i < (size_t)1 << (level - 6); i++)
		x ^= w[start / 64 + i];
	return __builtin_parityll(x);
}

#endif
