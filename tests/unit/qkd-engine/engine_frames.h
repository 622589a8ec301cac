/* SPDX-License-Identifier: BSD-3-Clause */

/* Reconciliation that leaves errors: bits of Bob's are turned behind its back. */

#ifndef TESTS_ENGINE_FRAMES_H
#define TESTS_ENGINE_FRAMES_H

#include "qkd-engine/engine_state.h"
#include "qkd-engine/frame_check.h"
#include "tests/unit/qkd-engine/engine_rig.h"

/* Turn one bit in each of the first FRAMES frames of blocks whose frames are not checked yet. */
static inline unsigned int rig_break_frames(struct rig *r, unsigned int frames, uint64_t *last)
{
	unsigned int broken = 0;

	for (unsigned int i = 0; i < ENGINE_BLOCKS_MAX; i++) {
		struct block *b = &r->b.engine->blocks[i];

		if (b->stage != BLOCK_CHECK || b->number <= *last)
			continue;
		*last = b->number;
		for (unsigned int f = 0; f < frames && f < b->plan.frames; f++)
			b->key[frame_check_word(b->bits, b->plan.frames, f)] ^= 1ULL << f;
		broken++;
	}
	return broken;
}

/*
 * As if one frame in ten had failed so far: budgets have room for some, but in the blocks that were
 * planned before. The newest of those, or 0.
 */
static inline uint64_t rig_expect_failures(struct rig *r)
{
	uint64_t planned = 0;

	r->b.engine->leak_track.frames = 1e7;
	r->b.engine->leak_track.failed = 1e6;
	for (unsigned int i = 0; i < ENGINE_BLOCKS_MAX; i++) {
		const struct block *b = &r->b.engine->blocks[i];

		if (b->stage > BLOCK_START && b->number > planned)
			planned = b->number;
	}
	return planned;
}

#endif
