/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/cascade_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Splitmix64. The permutations are public: uniform and the same at both ends is enough. */
static uint64_t random_next(uint64_t *state)
{
	return cascade_mix(*state += 0x9e3779b97f4a7c15ULL);
}

int cascade_plan_init(struct cascade_plan *plan, const struct cascade_params *p)
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
	plan->group_frames = CASCADE_GROUP_BITS / plan->frame_bits;
	plan->groups = (plan->frames + plan->group_frames - 1) / plan->group_frames;
	plan->parity_max = 2 * (uint64_t)p->bits + 64 * plan->frames;
	cascade_block_sizes(p->qber, plan->frame_bits, plan->block_log2);
	for (unsigned int i = 0; i < CASCADE_PASSES; i++)
		plan->pass_seed[i] = random_next(&state);
	plan->subset_seed = random_next(&state);
	plan->inverse = aligned_alloc(64, (plan->frame_bits * CASCADE_ROW * sizeof(uint32_t) + 63) /
	                                          64 * 64);
	for (unsigned int i = 0; i < CASCADE_PASSES; i++) {
		plan->permutation[i] = malloc((plan->frame_bits + 64) * sizeof(uint32_t));
		if (plan->permutation[i] == NULL || plan->inverse == NULL) {
			cascade_plan_fini(plan);
			return -ENOMEM;
		}
		for (size_t k = 0; k < 64; k++)
			plan->permutation[i][plan->frame_bits + k] = (uint32_t)plan->frame_bits;
	}
	return 0;
}

void cascade_plan_fini(struct cascade_plan *plan)
{
	for (unsigned int i = 0; i < CASCADE_PASSES; i++) {
		free(plan->permutation[i]);
		plan->permutation[i] = NULL;
	}
	free(plan->inverse);
	plan->inverse = NULL;
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
	uint32_t *table;

	if (pass == CASCADE_PASSES)
		return true;
	table = plan->permutation[pass];
	if (at == 0)
		plan->random_state = plan->pass_seed[pass];
	if (at < n) {
		to = at + CASCADE_STEP / 2 < n ? at + CASCADE_STEP / 2 : n;
		shuffle(plan, table, at, to);
	} else {
		to = at + CASCADE_STEP < 2 * n ? at + CASCADE_STEP : 2 * n;
		for (size_t i = at; i < to; i++)
			plan->inverse[table[i - n] * CASCADE_ROW + pass] = (uint32_t)(i - n);
	}
	plan->built += to - at;
	return plan->built == 2 * n * CASCADE_PASSES;
}

size_t cascade_message_max(const struct cascade_params *p)
{
	/*
	 * Parities of blocks at the start, of which the shortest have 4 bits, are the longest
	 * message (cascade_params.c); few ranges are halved more than once in a round.
	 */
	size_t n = p->bits / 3 + 128 * (p->bits / (p->frame_bits == 0 ? 1 : p->frame_bits) + 2);

	n = 4096 + n / 8;
	return n < CASCADE_MESSAGE_MAX ? n : CASCADE_MESSAGE_MAX;
}
