/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Corrections. The bits found in all frames of a group wait in a ring while the memory that they
 * touch is fetched.
 */

#include "qkd-engine/cascade_run.h"

/*
 * Frames ahead whose lists are fetched, or where their odd ranges are, and then what the first
 * LIST_NEAR ranges will need.
 */
#define FRAMES_FAR    12
#define FRAMES_MIDDLE 6
#define FRAMES_NEAR   3
#define LIST_NEAR     16

#define LAST (CASCADE_PASSES - 1u)

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

static void correct_oldest(struct cascade_run *r)
{
	const struct cascade_found *found = &r->found[r->found_from++ % CASCADE_FOUND];
	struct cascade_frame *frame = &r->frames[found->frame];
	size_t offset = cascade_offset(r, found->frame, 0);
	struct cascade_ranges *ranges = cascade_ranges(r, found->frame, 0);

	if (r->corrects)
		r->key[found->at / 64] ^= 1ULL << (found->at % 64);
	for (unsigned int q = 0; q < CASCADE_PASSES;
	     q++, offset += r->plan.frame_words, ranges += r->range_words) {
		size_t position = found->position[q];

		if (r->corrects)
			r->own[offset + position / 64] ^= 1ULL << (position % 64);
		if (q == LAST && frame->stage < LAST)
			cascade_mark_late(frame, position >> r->plan.block_log2[LAST]);
		else if (q != found->pass)
			cascade_mark_odd(r, found->frame, q, ranges,
			                 cascade_range_start(ranges, position));
	}
	r->stats.corrected++;
	r->work += 4;
}

void cascade_flush(struct cascade_run *r)
{
	while (r->found_from != r->found_to)
		correct_oldest(r);
}

bool cascade_correct(struct cascade_run *r, size_t f, unsigned int pass, size_t position,
                     size_t index)
{
	struct cascade_frame *frame = &r->frames[f];
	struct cascade_group *group = &r->groups[frame->group];
	struct cascade_found *found;
	size_t at = 0;

	if (r->corrects || frame->padded || group->checked)
		at = frame->start + cascade_index(&r->plan, 0, index);
	if (at >= frame->end)
		return false; /* the zero bits that fill the frame */
	if (group->checked) {
		uint64_t word = cascade_subset_word(&r->plan, at / 64);

		for (unsigned int s = 0; s < CASCADE_SUBSETS; s++)
			group->differ ^= (uint32_t)(cascade_rotate(word, s) >> (at % 64) & 1) << s;
	}
	if (r->found_to - r->found_from == CASCADE_FOUND)
		correct_oldest(r);
	found = &r->found[r->found_to++ % CASCADE_FOUND];
	*found = (struct cascade_found){(uint32_t)f, (uint32_t)at, pass, {(uint32_t)index}};
	for (unsigned int q = 0; q < CASCADE_PASSES; q++) {
		if (q == pass)
			found->position[q] = (uint32_t)position;
		else if (q > 0)
			found->position[q] = (uint32_t)cascade_position(&r->plan, q, index);
		if (r->corrects)
			__builtin_prefetch(
			        r->own + cascade_offset(r, f, q) + found->position[q] / 64, 1);
		if (q == pass || (q == LAST && frame->stage < LAST))
			continue;
		__builtin_prefetch(cascade_ranges(r, f, q) + found->position[q] / 128, 1);
		__builtin_prefetch(cascade_summary(r, f, q) + found->position[q] / 128 / 64, 1);
	}
	if (r->corrects)
		__builtin_prefetch(r->key + at / 64, 1);
	return true;
}

/* What the first COUNT odd ranges of a frame will need when they are listed and asked. */
static void prefetch_odd(const struct cascade_run *r, size_t f, unsigned int count)
{
	unsigned int pass = cascade_odd_pass(&r->frames[f]);
	const uint64_t *summary = cascade_summary(r, f, pass);

	if (pass == CASCADE_PASSES || (pass == LAST && r->frames[f].stage < LAST))
		return;
	for (size_t i = 0; i < r->summary_words; i++) {
		for (uint64_t v = summary[i]; v != 0 && count > 0; v &= v - 1, count--) {
			size_t w = i * 64 + (size_t)__builtin_ctzll(v);

			__builtin_prefetch(cascade_ranges(r, f, pass) + w, 1);
			__builtin_prefetch(r->own + cascade_offset(r, f, pass) + 2 * w);
		}
	}
}

void cascade_frame_prefetch(const struct cascade_run *r, size_t f)
{
	const struct cascade_frame *frame;
	const uint64_t *list;

	if (f + FRAMES_FAR < r->plan.frames)
		__builtin_prefetch(r->list + (f + FRAMES_FAR) * r->list_max);
	if (r->step == CASCADE_APPLY)
		return;
	if (f + FRAMES_MIDDLE < r->plan.frames) {
		frame = &r->frames[f + FRAMES_MIDDLE];
		if (frame->listed == 0 && cascade_odd_pass(frame) < CASCADE_PASSES)
			__builtin_prefetch(
			        cascade_summary(r, f + FRAMES_MIDDLE, cascade_odd_pass(frame)));
	}
	f += FRAMES_NEAR;
	if (f >= r->plan.frames)
		return;
	frame = &r->frames[f];
	list = r->list + f * r->list_max;
	if (frame->listed == 0)
		prefetch_odd(r, f, LIST_NEAR);
	for (unsigned int i = 0; i < LIST_NEAR && i < frame->listed; i++)
		if (cascade_listed_folded(list[i]) == 0)
			__builtin_prefetch(r->own + cascade_offset(r, f, frame->pass) +
			                   cascade_listed_start(list[i]) / 64);
}
