/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/cascade_plan.h"

#include <errno.h>
#include <string.h>

/* Splitmix64. The permutations are public: uniform and the same at both ends is enough. */
static uint64_t random_next(uint64_t *state)
{
	return cascade_mix(*state += 0x9e3779b97f4a7c15ULL);
}

/* Enough for the rows and columns of any frame that is not longer. */
static size_t shifts_most(const struct cascade_plan *plan)
{
	return (size_t)2 * CASCADE_PASSES * (5u << plan->row_log2);
}

void cascade_plan_place(struct cascade_plan *plan, struct workspace *w)
{
	plan->shifts = workspace_plain(w, shifts_most(plan) * sizeof(*plan->shifts));
}

void cascade_plan_draw(struct cascade_plan *plan, uint64_t seed)
{
	size_t columns = (size_t)1 << plan->row_log2;
	uint16_t *p = plan->shifts;
	uint64_t state = seed;

	plan->subset_seed = random_next(&state);
	for (unsigned int i = 0; i < CASCADE_PASSES; i++) {
		for (size_t k = 0; k < 2 * plan->rows; k++)
			*p++ = (uint16_t)(random_next(&state) >> (64 - plan->row_log2));
		/* The bias of the multiplication is below 2^-53. */
		for (size_t k = 0; k < 2 * columns; k++)
			*p++ = (uint16_t)(((unsigned __int128)random_next(&state) * plan->rows) >>
			                  64);
	}
}

int cascade_plan_init(struct cascade_plan *plan, const struct cascade_params *p)
{
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
	plan->frame_words = (BITS_WORDS(plan->frame_bits) + 7) / 8 * 8;
	plan->group_frames = CASCADE_GROUP_BITS / plan->frame_bits;
	plan->groups = (plan->frames + plan->group_frames - 1) / plan->group_frames;
	plan->parity_max = 2 * (uint64_t)p->bits + 64 * plan->frames;
	cascade_block_sizes(p->qber, plan->frame_bits, plan->block_log2);
	return 0;
}

bool cascade_plan_build(struct cascade_plan *plan)
{
	size_t n = plan->frame_bits, pass = plan->built / n, from = plan->built % n, to;

	if (pass == CASCADE_PASSES)
		return true;
	to = from + CASCADE_STEP < n ? from + CASCADE_STEP : n;
	plan->built += to - from;
	if (cascade_wide(plan)) {
		uint32_t *order = (uint32_t *)plan->order + pass * n;

		for (size_t at = from; at < to; at++)
			order[at] = (uint32_t)cascade_index(plan, (unsigned int)pass, at);
	} else {
		uint16_t *order = (uint16_t *)plan->order + pass * n;

		for (size_t at = from; at < to; at++)
			order[at] = (uint16_t)cascade_index(plan, (unsigned int)pass, at);
	}
	return plan->built == n * CASCADE_PASSES;
}

/*
 * Parities in one message: those of all blocks, or of the ranges under search. Counted so that
 * shorter blocks never have more, though their frames may be longer, by a row at most.
 */
static size_t asked_most(const struct cascade_plan *plan, const struct cascade_params *p)
{
	size_t row = (size_t)1 << (64 - __builtin_clzll(2 * p->frame_bits)) / 2, n = 0;

	for (unsigned int pass = 0; pass < 2; pass++)
		n += (p->bits + plan->frames * row) >> plan->block_log2[pass];
	/* The third pass has up to sixteen blocks (cascade_params.c), as long as it is. */
	return n + plan->frames * (128 + 2 * 2 + 17) + plan->groups * 2 * CASCADE_SUBSETS;
}

size_t cascade_message_max(const struct cascade_params *p)
{
	struct cascade_plan plan;
	size_t n;

	if (cascade_plan_init(&plan, p) < 0)
		return 0;
	n = 64 + asked_most(&plan, p) / 8;
	return n < CASCADE_MESSAGE_MAX ? n : CASCADE_MESSAGE_MAX;
}
