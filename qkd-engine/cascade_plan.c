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

static int shifts_init(struct cascade_plan *plan, uint64_t state)
{
	size_t columns = (size_t)1 << plan->row_log2;
	uint16_t *p = malloc(2 * CASCADE_PASSES * (plan->rows + columns) * sizeof(*p));

	plan->shifts = p;
	for (unsigned int i = 0; i < CASCADE_PASSES; i++) {
		plan->order[i] = malloc((plan->frame_bits + 64) * sizeof(uint32_t));
		if (p == NULL || plan->order[i] == NULL) {
			cascade_plan_fini(plan);
			return -ENOMEM;
		}
		for (size_t k = 0; k < 2 * plan->rows; k++)
			*p++ = (uint16_t)(random_next(&state) >> (64 - plan->row_log2));
		/* The bias of the multiplication is below 2^-53. */
		for (size_t k = 0; k < 2 * columns; k++)
			*p++ = (uint16_t)(((unsigned __int128)random_next(&state) * plan->rows) >>
			                  64);
		for (size_t k = 0; k < 64; k++)
			plan->order[i][plan->frame_bits + k] = (uint32_t)plan->frame_bits;
	}
	return 0;
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
	/* Whole rows; so even, and the last block, shorter than the others, has two bits at least.
	 */
	plan->row_log2 = (63 - (unsigned int)__builtin_clzll(plan->frame_bits)) / 2;
	plan->rows = (uint32_t)((plan->frame_bits + (1u << plan->row_log2) - 1) >> plan->row_log2);
	plan->frame_bits = (size_t)plan->rows << plan->row_log2;
	plan->frame_words = BITS_WORDS(plan->frame_bits + 1);
	plan->group_frames = CASCADE_GROUP_BITS / plan->frame_bits;
	plan->groups = (plan->frames + plan->group_frames - 1) / plan->group_frames;
	plan->parity_max = 2 * (uint64_t)p->bits + 64 * plan->frames;
	cascade_block_sizes(p->qber, plan->frame_bits, plan->block_log2);
	plan->subset_seed = random_next(&state);
	return shifts_init(plan, state);
}

void cascade_plan_fini(struct cascade_plan *plan)
{
	cascade_plan_built(plan);
	free(plan->shifts);
	plan->shifts = NULL;
}

void cascade_plan_built(struct cascade_plan *plan)
{
	for (unsigned int i = 0; i < CASCADE_PASSES; i++) {
		free(plan->order[i]);
		plan->order[i] = NULL;
	}
}

bool cascade_plan_build(struct cascade_plan *plan)
{
	size_t n = plan->frame_bits, pass = plan->built / n, at = plan->built % n, to;

	if (pass == CASCADE_PASSES)
		return true;
	to = at + CASCADE_STEP < n ? at + CASCADE_STEP : n;
	plan->built += to - at;
	for (; at < to; at++)
		plan->order[pass][at] = (uint32_t)cascade_index(plan, (unsigned int)pass, at);
	return plan->built == n * CASCADE_PASSES;
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
