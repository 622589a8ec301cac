/* SPDX-License-Identifier: BSD-3-Clause */

/* What Bob learns from an answer. */

#include <errno.h>
#include <string.h>

#include "qkd-engine/cascade_bob.h"

static void set_odd(struct cascade_bob *b, size_t f, unsigned int pass, size_t start, bool v)
{
	uint64_t *odd = cascade_bits_of(b, b->odd, f, pass);

	b->frames[f].odd[pass] += (uint32_t)v - (uint32_t)bits_get(odd, start);
	bits_put(odd, start, v);
}

/*
 * Correct the bit INDEX of the frame. False when a range of one bit becomes odd by that: then
 * Alice gave its parity before, and both values of it.
 */
static bool correct(struct cascade_bob *b, size_t f, size_t index)
{
	size_t at = cascade_frame_start(&b->plan, f) + index;

	if (at >= cascade_frame_start(&b->plan, f + 1))
		return false; /* the zero bits that fill the frame */
	b->key[at / 64] ^= 1ULL << (at % 64);
	b->stats.corrected++;
	for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++) {
		const uint64_t *partition = cascade_bits_of(b, b->partition, f, pass);
		size_t position = b->plan.inverse[pass][index];
		size_t start = cascade_previous(partition, position);
		bool now = !bits_get(cascade_bits_of(b, b->odd, f, pass), start);

		cascade_bits_of(b, b->permuted, f, pass)[position / 64] ^= 1ULL << (position % 64);
		set_odd(b, f, pass, start, now);
		if (bits_get(partition, start + 1)) {
			if (now)
				return false;
			b->found[pass]--;
		}
	}
	return true;
}

static bool next_bit(struct cascade_bob *b)
{
	const uint8_t *bits = b->answer + CASCADE_HEADER;
	bool v = bits[b->bit / 8] >> (b->bit % 8) & 1;

	b->bit++;
	return v;
}

static void apply_initial(struct cascade_bob *b, size_t f)
{
	struct cascade_frame *frame = &b->frames[f];
	bool whole = false, sum;

	for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++) {
		const uint64_t *permuted = cascade_bits_of(b, b->permuted, f, pass);
		size_t blocks = cascade_blocks(&b->plan, pass);
		size_t block = (size_t)1 << b->plan.block_log2[pass];

		sum = false;
		for (size_t i = 0; i + 1 < blocks; i++) {
			bool differs = next_bit(b) ^
			               cascade_range_parity(permuted, i * block, (i + 1) * block);
			set_odd(b, f, pass, i * block, differs);
			sum ^= differs;
		}
		if (pass == 0)
			whole = sum ^ next_bit(b) ^
			        cascade_range_parity(permuted, (blocks - 1) * block,
			                             b->plan.frame_bits);
		set_odd(b, f, pass, (blocks - 1) * block, whole ^ sum);
	}
	for (unsigned int s = 0; s < CASCADE_SUBSETS; s++)
		frame->subsets |= (uint32_t)next_bit(b) << s;
	frame->level = CASCADE_NO_SEARCH;
	frame->started = true;
}

static bool apply_subset(struct cascade_bob *b, size_t f)
{
	struct cascade_frame *frame = &b->frames[f];
	size_t start = cascade_frame_start(&b->plan, f);
	size_t bits = cascade_frame_start(&b->plan, f + 1) - start;
	size_t from, to, index;
	bool left;

	frame->level--;
	frame->index *= 2;
	from = (size_t)frame->index << frame->level;
	to = from + ((size_t)1 << frame->level);
	left = next_bit(b) ^ cascade_subset_parity(&b->plan, b->key, frame->subset, start + from,
	                                           start + (to < bits ? to : bits));
	if (!left)
		frame->index++;
	cascade_bob_narrow(b, f);
	if (frame->level > 0)
		return true;
	index = frame->index;
	frame->level = CASCADE_NO_SEARCH;
	/* A bit outside of the subset cannot change its parity. */
	if ((cascade_subset_mask(&b->plan, frame->subset, (start + index) / 64) >>
	             ((start + index) % 64) &
	     1) == 0)
		return false;
	return correct(b, f, index);
}

/* One range, odd or not, is halved DEPTH times. */
static void split(struct cascade_bob *b, size_t f, unsigned int pass, size_t start, size_t end,
                  bool odd, unsigned int depth)
{
	size_t middle = start + cascade_half(end - start);
	bool left = next_bit(b) ^
	            cascade_range_parity(cascade_bits_of(b, b->permuted, f, pass), start, middle);
	bool right = odd ^ left;

	bits_put(cascade_bits_of(b, b->partition, f, pass), middle, true);
	set_odd(b, f, pass, start, left);
	set_odd(b, f, pass, middle, right);
	if (middle - start == 1)
		b->found[pass] += left;
	else if (depth > 1)
		split(b, f, pass, start, middle, left, depth - 1);
	if (end - middle == 1)
		b->found[pass] += right;
	else if (depth > 1)
		split(b, f, pass, middle, end, right, depth - 1);
}

/*
 * A part of the answers about the ranges of a frame; true when all are applied. The odd ranges
 * ahead of b->position are those that were asked, for nothing is corrected before the end.
 */
static bool apply_search(struct cascade_bob *b, size_t f, size_t *work)
{
	const struct cascade_frame *frame = &b->frames[f];

	for (; b->pass < CASCADE_PASSES; b->pass++, b->position = 0) {
		const uint64_t *odd = cascade_bits_of(b, b->odd, f, b->pass);
		const uint64_t *partition = cascade_bits_of(b, b->partition, f, b->pass);

		while ((frame->asked >> b->pass & 1) != 0 && b->left[b->pass] > 0) {
			size_t start, end;

			if ((*work)++ >= CASCADE_BOB_STEP)
				return false;
			start = cascade_next(odd, b->position);
			end = cascade_next(partition, start + 1);
			split(b, f, b->pass, start, end, true, b->depth);
			b->position = end;
			b->left[b->pass]--;
		}
	}
	return true;
}

/*
 * Correct the bits that the searches of a frame have found, each once: -EAGAIN, -EPROTO, or 0.
 * b->pass counts on from CASCADE_PASSES.
 */
static int correct_found(struct cascade_bob *b, size_t f, size_t *work)
{
	for (; b->pass < 2 * CASCADE_PASSES; b->pass++, b->position = 0) {
		unsigned int pass = b->pass - CASCADE_PASSES;
		const uint64_t *odd = cascade_bits_of(b, b->odd, f, pass);
		const uint64_t *partition = cascade_bits_of(b, b->partition, f, pass);

		while (b->found[pass] > 0) {
			size_t at = cascade_next(odd, b->position);

			if (*work >= CASCADE_BOB_STEP)
				return -EAGAIN;
			b->position = at + 1;
			if (!bits_get(partition, at + 1))
				continue;
			*work += 4;
			if (!correct(b, f, b->plan.permutation[pass][at]))
				return -EPROTO;
		}
	}
	b->pass = 0;
	return 0;
}

int cascade_bob_apply(struct cascade_bob *b)
{
	size_t work = 0;
	int ret;

	for (; b->frame_at < b->plan.frames; b->frame_at++) {
		struct cascade_frame *frame = &b->frames[b->frame_at];

		if (frame->asked == CASCADE_NOTHING)
			continue;
		if (work >= CASCADE_BOB_STEP)
			return -EAGAIN;
		if (frame->asked == CASCADE_INITIAL) {
			apply_initial(b, b->frame_at);
			work += cascade_initial_parities(&b->plan) / 4;
		} else if (frame->asked == CASCADE_SUBSET) {
			work += 1 + b->plan.frame_words / 16;
			if (!apply_subset(b, b->frame_at))
				return -EPROTO;
		} else {
			if (b->pass == 0 && b->position == 0)
				memcpy(b->left, frame->odd, sizeof(b->left));
			if (!apply_search(b, b->frame_at, &work))
				return -EAGAIN;
			ret = correct_found(b, b->frame_at, &work);
			if (ret < 0)
				return ret;
		}
	}
	return b->bit == b->asked ? 0 : -EPROTO;
}
