/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a frame asks in a round. All odd ranges of one pass are searched together, each halved
 * once a round; other passes wait until these searches have found their errors, for two
 * searches of different passes would often find the same one. Then the pass with the smallest
 * blocks that has odd ranges goes on, which is the step back of Cascade.
 */

#include <errno.h>
#include <string.h>

#include "qkd-engine/cascade_run.h"

/* Ranges of a list are fetched so far ahead. */
#define AHEAD 16

/* Nothing is odd or known; the partition begins with the blocks. */
static void start(struct cascade_run *r, size_t f)
{
	memset(r->known + f * r->plan.frame_words, 0, r->plan.frame_words * sizeof(*r->known));
	memset(cascade_ranges(r, f, 0), 0,
	       CASCADE_PASSES * r->range_words * sizeof(struct cascade_ranges));
	memset(cascade_summary(r, f, 0), 0,
	       CASCADE_PASSES * r->summary_words * sizeof(*r->summary));
	for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++) {
		struct cascade_ranges *ranges = cascade_ranges(r, f, pass);
		size_t block = (size_t)1 << r->plan.block_log2[pass];

		for (size_t i = 0; i < r->plan.frame_bits; i += block)
			cascade_cut(ranges, i);
		cascade_cut(ranges, r->plan.frame_bits);
	}
	r->work += r->plan.frame_words / 8;
}

/* The last pass is searched from now on, so that its odd blocks are ranges like others. */
static void last_pass(struct cascade_run *r, size_t f)
{
	struct cascade_frame *frame = &r->frames[f];
	unsigned int pass = CASCADE_PASSES - 1;

	frame->odd[pass] = 0;
	for (uint32_t v = frame->late; v != 0; v &= v - 1)
		cascade_mark_odd(r, f, pass, cascade_ranges(r, f, pass),
		                 (size_t)__builtin_ctz(v) << r->plan.block_log2[pass]);
}

/* The pass with the smallest blocks that has odd ranges; false when there is none. */
static bool choose_pass(struct cascade_run *r, size_t f)
{
	struct cascade_frame *frame = &r->frames[f];
	uint8_t pass = (uint8_t)cascade_odd_pass(frame);

	if (pass == CASCADE_PASSES)
		return false;
	if (pass > frame->stage && pass + 1 == CASCADE_PASSES)
		last_pass(r, f);
	if (pass > frame->stage)
		frame->stage = pass;
	frame->pass = pass;
	return true;
}

/* One must be there. */
static size_t first_odd(const struct cascade_ranges *ranges, const uint64_t *summary)
{
	size_t i = 0;

	while (summary[i] == 0)
		i++;
	i = i * 64 + (size_t)__builtin_ctzll(summary[i]);
	return 2 * (i * 64 + (size_t)__builtin_ctzll(ranges[i].odd));
}

/* List the odd ranges of the pass, as many as there is room for; and settle what can be. */
static int list_odd(struct cascade_run *r, size_t f)
{
	struct cascade_frame *frame = &r->frames[f];
	struct cascade_ranges *ranges = cascade_ranges(r, f, frame->pass);
	const uint64_t *summary = cascade_summary(r, f, frame->pass);
	const uint64_t *own = r->own + cascade_offset(r, f, frame->pass);
	struct cascade_pair pair = {.frame = (uint32_t)f, .first = 1};

	while (frame->odd[frame->pass] > 0 && frame->listed < r->list_max) {
		size_t from = first_odd(ranges, summary);
		size_t size = cascade_range_end(ranges, from) - from;
		unsigned int level;

		if (r->work >= r->work_most)
			return -EAGAIN;
		r->work++;
		level = 64 - (unsigned int)__builtin_clzll(size - 1);
		cascade_mark_odd(r, f, frame->pass, ranges, from);
		__builtin_prefetch(own + from / 64);
		r->list[f * r->list_max + frame->listed++] =
		        cascade_listed(from, level, level, 0, 0);
		pair.start = (uint32_t)from;
		pair.slot = frame->listed - 1;
		if (level == 1 && cascade_pair_add(r, &pair) < 0)
			return -EPROTO;
	}
	if (cascade_pairs_flush(r) < 0)
		return -EPROTO;
	cascade_list_close(r, f);
	return 0;
}

int cascade_frame_choose(struct cascade_run *r, size_t f)
{
	struct cascade_frame *frame = &r->frames[f];

	if (!frame->started) {
		start(r, f);
		frame->asked = CASCADE_INITIAL;
		return 0;
	}
	if (r->i == 0)
		cascade_list_close(r, f);
	/* r->i: the list is being made. */
	while (frame->listed == 0 || r->i > 0) {
		int ret;

		if (r->i == 0 && !choose_pass(r, f)) {
			frame->asked = CASCADE_NOTHING;
			return 0;
		}
		r->i = 1;
		ret = list_odd(r, f);
		if (ret < 0)
			return ret;
		r->i = 0;
	}
	frame->asked = CASCADE_SEARCH;
	frame->depth = frame->listed <= CASCADE_DEEP_MAX ? (uint8_t)r->depth : 1;
	return 0;
}

static int ask_initial(struct cascade_run *r, size_t f)
{
	for (; r->pass < CASCADE_PASSES; r->pass++, r->i = 0) {
		const uint64_t *own = r->own + cascade_offset(r, f, r->pass);
		size_t blocks = cascade_blocks(&r->plan, r->pass);
		size_t told = r->pass == 0 ? blocks : blocks - 1;
		unsigned int level = r->plan.block_log2[r->pass];

		while (r->i < told) {
			size_t words = level < 6 ? 1 : (size_t)1 << (level - 6);
			size_t n = level < 6 ? 64 >> level : 1, at = (r->i << level) / 64;
			uint64_t x = 0;

			/* The last block ends in zeros. */
			if (at + words > r->plan.frame_words)
				words = r->plan.frame_words - at;
			for (size_t w = 0; w < words; w++)
				x ^= own[at + w];
			for (unsigned int s = level < 6 ? level : 6; s > 0; s--)
				x ^= x >> (1u << (s - 1));
			for (size_t k = 0; k < n && r->i < told; k++, r->i++)
				cascade_tell(r, x >> (k << level) & 1, 1);
			r->work += 1 + words / 16;
			if (r->work >= r->work_most)
				return -EAGAIN;
		}
	}
	return 0;
}

static void ask_tree(struct cascade_run *r, const uint64_t *own, size_t start, unsigned int level,
                     unsigned int depth)
{
	size_t middle = start + ((size_t)1 << (level - 1));
	unsigned int right = cascade_narrow(r->plan.frame_bits - middle, level - 1);

	cascade_tell(r, cascade_parity(own, start, level - 1), 1);
	if (depth > 1 && level > 1)
		ask_tree(r, own, start, level - 1, depth - 1);
	if (depth > 1 && right > 0)
		ask_tree(r, own, middle, right, depth - 1);
}

/* RANGE with its parts' parities, for up to five questions. */
static uint64_t fold(const uint64_t *own, uint64_t range)
{
	size_t start = cascade_listed_start(range);
	unsigned int level = cascade_listed_level(range), part, n;
	const uint64_t *w = own + start / 64;
	uint32_t parts = 0;

	/* Parts of a bit, a byte or words; 32 at most. */
	part = level <= 5 ? 0 : level <= 8 ? 3 : level <= 11 ? 6 : level - 5;
	n = 1u << (level - part);
	if (part == 0) {
		parts = (uint32_t)(w[0] >> (start % 64)) & ~0U >> (32 - n);
	} else if (part == 3) {
		for (unsigned int i = 0; i < n; i += 8, w++) {
			uint64_t x = *w ^ *w >> 4;

			x ^= x >> 2;
			x = (x ^ x >> 1) & 0x0101010101010101ULL;
			/* Bit 8 j to bit 56 + j. */
			parts |= (uint32_t)(x * 0x0102040810204080ULL >> 56) << i;
		}
	} else {
		for (unsigned int i = 0; i < n; i++)
			parts |= (uint32_t)cascade_parity(own, start + ((size_t)i << part), part)
			         << i;
	}
	return cascade_listed(start, cascade_listed_first(range), level, level - part, parts);
}

/* Of a range that has parts. */
static bool left_half(uint64_t range)
{
	unsigned int half = 1u << (cascade_listed_folded(range) - 1);

	return __builtin_parity(cascade_listed_parts(range) & ~0U >> (32 - half));
}

int cascade_frame_ask(struct cascade_run *r, size_t f)
{
	const struct cascade_frame *frame = &r->frames[f];
	const uint64_t *own = r->own + cascade_offset(r, f, frame->pass);
	uint64_t *list = r->list + f * r->list_max;
	size_t n;

	if (frame->asked == CASCADE_NOTHING)
		return 0;
	if (frame->asked == CASCADE_INITIAL)
		return ask_initial(r, f);
	if (frame->depth > 1) {
		r->work += 8 * frame->listed;
		for (size_t i = 0; i < frame->listed; i++)
			ask_tree(r, own, cascade_listed_start(list[i]),
			         cascade_listed_level(list[i]), frame->depth);
		return 0;
	}
	for (; r->i < frame->listed; r->i += n) {
		uint64_t parities = 0;

		if (r->work >= r->work_most)
			return -EAGAIN;
		/* As many as fill a word of the message. */
		n = 64 - r->asked % 64;
		if (n > frame->listed - r->i)
			n = frame->listed - r->i;
		for (size_t i = 0; i < n; i++) {
			uint64_t *range = &list[r->i + i];

			if (r->i + i + AHEAD < frame->listed &&
			    cascade_listed_folded(range[AHEAD]) == 0)
				__builtin_prefetch(own + cascade_listed_start(range[AHEAD]) / 64);
			if (cascade_listed_folded(*range) == 0)
				*range = fold(own, *range);
			parities |= (uint64_t)left_half(*range) << i;
		}
		cascade_tell(r, parities, (unsigned int)n);
		r->work += n / 2 + 1;
	}
	return 0;
}
