/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/cascade_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Splitmix64 (Steele, Lea and Flood, OOPSLA 2014). The permutations are public: they need to
 * be uniform and the same at both ends, not unpredictable.
 */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

int cascade_plan_init(struct cascade_plan *plan, const struct cascade_params *p, bool inverse)
{
	uint64_t state = p->seed;

	memset(plan, 0, sizeof(*plan));
	if (p->bits < CASCADE_BITS_MIN || p->bits > CASCADE_BITS_MAX ||
	    p->frame_bits < CASCADE_FRAME_MIN || p->frame_bits > CASCADE_FRAME_MAX ||
	    !(p->qber >= 0 && p->qber <= 0.5))
		return -EINVAL;
	plan->bits = p->bits;
	/* Equal frames: one short frame at the end would be reconciled badly. */
	plan->frames = (p->bits + p->frame_bits / 2) / p->frame_bits;
	if (plan->frames == 0)
		plan->frames = 1;
	plan->frame_bits = (p->bits + plan->frames - 1) / plan->frames;
	if (plan->frame_bits > CASCADE_FRAME_MAX) {
		plan->frames++;
		plan->frame_bits = (p->bits + plan->frames - 1) / plan->frames;
	}
	/* Even, so that the last block, shorter than the others, has two bits at least. */
	plan->frame_bits += plan->frame_bits % 2;
	plan->frame_words = BITS_WORDS(plan->frame_bits + 1);
	plan->parity_max = 2 * (uint64_t)p->bits + 64 * plan->frames;
	cascade_block_sizes(p->qber, plan->frame_bits, plan->block_log2);
	for (unsigned int i = 0; i < CASCADE_PASSES; i++)
		plan->pass_seed[i] = random_next(&state);
	for (unsigned int i = 0; i < CASCADE_SUBSETS; i++)
		plan->subset_seed[i] = random_next(&state);
	for (unsigned int i = 0; i < CASCADE_PASSES; i++) {
		plan->permutation[i] = malloc(plan->frame_bits * sizeof(uint32_t));
		if (inverse)
			plan->inverse[i] = malloc(plan->frame_bits * sizeof(uint32_t));
		if (plan->permutation[i] == NULL || (inverse && plan->inverse[i] == NULL)) {
			cascade_plan_fini(plan);
			return -ENOMEM;
		}
	}
	return 0;
}

void cascade_plan_fini(struct cascade_plan *plan)
{
	for (unsigned int i = 0; i < CASCADE_PASSES; i++) {
		free(plan->permutation[i]);
		free(plan->inverse[i]);
		plan->permutation[i] = plan->inverse[i] = NULL;
	}
}

/* Fisher and Yates, inside out: item i goes to a random place among the first i + 1. */
static void shuffle(struct cascade_plan *plan, uint32_t *table, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		uint64_t r = random_next(&plan->random_state);
		/* The bias of the multiplication is below 2^-44. */
		size_t j = (size_t)(((unsigned __int128)r * (i + 1)) >> 64);

		table[i] = table[j];
		table[j] = (uint32_t)i;
	}
}

bool cascade_plan_build(struct cascade_plan *plan)
{
	size_t n = plan->frame_bits, pass = plan->built / (2 * n), at = plan->built % (2 * n), to;
	uint32_t *table, *back;

	if (pass == CASCADE_PASSES)
		return true;
	table = plan->permutation[pass];
	back = plan->inverse[pass];
	if (at == 0)
		plan->random_state = plan->pass_seed[pass];
	if (at < n) {
		to = at + CASCADE_STEP / 2 < n ? at + CASCADE_STEP / 2 : n;
		shuffle(plan, table, at, to);
	} else {
		to = back != NULL && at + CASCADE_STEP < 2 * n ? at + CASCADE_STEP : 2 * n;
		for (size_t i = at; back != NULL && i < to; i++)
			back[table[i - n]] = (uint32_t)(i - n);
	}
	plan->built += to - at;
	return plan->built == 2 * n * CASCADE_PASSES;
}

void cascade_frame_load(const struct cascade_plan *plan, const uint64_t *key, size_t f,
                        uint64_t *out)
{
	size_t start = cascade_frame_start(plan, f),
	       bits = cascade_frame_start(plan, f + 1) - start;
	size_t shift = start % 64, words = BITS_WORDS(bits), last = BITS_WORDS(plan->bits) - 1;

	for (size_t i = 0; i < words; i++) {
		size_t w = start / 64 + i;

		out[i] = key[w] >> shift;
		if (shift != 0 && w < last)
			out[i] |= key[w + 1] << (64 - shift);
	}
	for (size_t i = words; i < plan->frame_words; i++)
		out[i] = 0;
	if (bits % 64 != 0)
		out[words - 1] &= ~0ULL >> (64 - bits % 64);
}

uint64_t cascade_gather(const struct cascade_plan *plan, const uint64_t *frame, unsigned int pass,
                        size_t w)
{
	const uint32_t *table = plan->permutation[pass] + w * 64;
	size_t n = plan->frame_bits - w * 64 < 64 ? plan->frame_bits - w * 64 : 64;
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (frame[table[i] / 64] >> (table[i] % 64) & 1) << i;
	return v;
}

bool cascade_subset_parity(const struct cascade_plan *plan, const uint64_t *key,
                           unsigned int subset, size_t a, size_t b)
{
	uint64_t x = 0;

	for (size_t w = a / 64; w <= (b - 1) / 64; w++) {
		uint64_t v = key[w] & cascade_subset_mask(plan, subset, w);

		if (w == a / 64)
			v &= ~0ULL << (a % 64);
		if (w == (b - 1) / 64)
			v &= ~0ULL >> (63 - (b - 1) % 64);
		x ^= v;
	}
	return __builtin_parityll(x);
}

void cascade_partition_init(const struct cascade_plan *plan, unsigned int pass, uint64_t *part)
{
	memset(part, 0, plan->frame_words * sizeof(*part));
	for (size_t i = 0; i < plan->frame_bits; i += (size_t)1 << plan->block_log2[pass])
		bits_put(part, i, true);
	bits_put(part, plan->frame_bits, true);
}

size_t cascade_message_max(const struct cascade_params *p)
{
	/*
	 * Questions: at most one byte for two positions, one more for 2^7, one more for 2^14;
	 * answers are shorter. A frame has at most 3/2 of the nominal length, and blocks longer
	 * than the maximum are asked in parts.
	 */
	size_t n = p->bits / 2 + p->bits / 128 + p->bits / 16384 + 4096;

	n += 32 * (p->bits / (p->frame_bits == 0 ? 1 : p->frame_bits) + 2);
	return n < CASCADE_MESSAGE_MAX ? n : CASCADE_MESSAGE_MAX;
}
