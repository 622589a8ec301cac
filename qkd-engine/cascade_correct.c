/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Corrections. The bits found in all frames of a group wait for each other, so that the memory
 * they touch is fetched together.
 */

#include "qkd-engine/cascade_run.h"

/* Frames ahead whose lists are fetched, and the first ranges of these. */
#define FRAMES_FAR  12
#define FRAMES_NEAR 6

void cascade_mark_odd(struct cascade_run *r, size_t f, unsigned int pass,
                      struct cascade_ranges *ranges, size_t start)
{
	size_t pair = start / 2, word = pair / 64;
	uint64_t *summary = cascade_summary(r, f, pass) + word / 64;
	uint64_t now = ranges[word].odd ^ 1ULL << (pair % 64);

	ranges[word].odd = now;
	*summary = (*summary & ~(1ULL << (word % 64))) | (uint64_t)(now != 0) << (word % 64);
	r->frames[f].odd[pass] += (now >> (pair % 64) & 1) != 0 ? 1 : -1U;
}

/* The bit strings are larger than the caches: fetch for all bits, then correct. */
void cascade_flush(struct cascade_run *r)
{
	size_t positions[sizeof(r->found) / sizeof(r->found[0])][CASCADE_PASSES];

	for (unsigned int i = 0; i < r->found_count; i++) {
		const struct cascade_found *found = &r->found[i];

		for (unsigned int q = 0; q < CASCADE_PASSES; q++) {
			size_t position = cascade_position(&r->plan, q, found->index);

			positions[i][q] = position;
			__builtin_prefetch(
			        r->own + cascade_offset(r, found->frame, q) + position / 64, 1);
			__builtin_prefetch(cascade_ranges(r, found->frame, q) + position / 128, 1);
		}
		if (r->corrects)
			__builtin_prefetch(
			        r->key + (r->frames[found->frame].start + found->index) / 64, 1);
	}
	for (unsigned int i = 0; i < r->found_count; i++) {
		const struct cascade_found *found = &r->found[i];
		const struct cascade_frame *frame = &r->frames[found->frame];
		size_t at = frame->start + found->index;
		size_t offset = cascade_offset(r, found->frame, 0);
		struct cascade_ranges *ranges = cascade_ranges(r, found->frame, 0);

		if (r->corrects)
			r->key[at / 64] ^= 1ULL << (at % 64);
		for (unsigned int q = 0; q < CASCADE_PASSES;
		     q++, offset += r->plan.frame_words, ranges += r->range_words) {
			size_t position = positions[i][q], range;

			if (r->corrects)
				r->own[offset + position / 64] ^= 1ULL << (position % 64);
			if (q == found->pass)
				continue;
			range = q > frame->stage
			                ? position >> r->plan.block_log2[q] << r->plan.block_log2[q]
			                : cascade_range_start(ranges, position);
			cascade_mark_odd(r, found->frame, q, ranges, range);
		}
	}
	r->stats.corrected += r->found_count;
	r->work += 4 * r->found_count;
	r->found_count = 0;
}

bool cascade_correct(struct cascade_run *r, size_t f, unsigned int pass, size_t index)
{
	struct cascade_frame *frame = &r->frames[f];
	struct cascade_group *group = &r->groups[frame->group];
	size_t at = frame->start + index;

	if (at >= frame->end)
		return false; /* the zero bits that fill the frame */
	if (group->checked) {
		uint64_t word = cascade_subset_word(&r->plan, at / 64);

		for (unsigned int s = 0; s < CASCADE_SUBSETS; s++)
			group->differ ^= (uint32_t)(cascade_rotate(word, s) >> (at % 64) & 1) << s;
	}
	r->found[r->found_count++] = (struct cascade_found){(uint32_t)f, (uint32_t)index, pass};
	if (r->found_count == sizeof(r->found) / sizeof(r->found[0]))
		cascade_flush(r);
	return true;
}

void cascade_frame_prefetch(const struct cascade_run *r, size_t f)
{
	const struct cascade_frame *frame;
	const uint32_t *list;

	if (f + FRAMES_FAR < r->plan.frames)
		__builtin_prefetch(r->list + (f + FRAMES_FAR) * r->list_max);
	f += FRAMES_NEAR;
	if (f >= r->plan.frames)
		return;
	frame = &r->frames[f];
	list = r->list + f * r->list_max;
	for (unsigned int i = 0; i < 4 && i < frame->listed; i++) {
		size_t middle = cascade_listed_start(list[i]) +
		                ((size_t)1 << (cascade_listed_level(list[i]) - 1));

		if (r->step == CASCADE_APPLY)
			__builtin_prefetch(cascade_ranges(r, f, frame->pass) + middle / 128, 1);
		else
			__builtin_prefetch(r->own + cascade_offset(r, f, frame->pass) +
			                   cascade_listed_start(list[i]) / 64);
	}
	if (r->step == CASCADE_CHOOSE && frame->listed == 0) {
		unsigned int pass = 0;

		while (pass < CASCADE_PASSES && frame->odd[pass] == 0)
			pass++;
		if (pass < CASCADE_PASSES)
			__builtin_prefetch(cascade_summary(r, f, pass));
	}
}
