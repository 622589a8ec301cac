/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a frame learns in a round. Each range under search goes on in the half that is odd; the
 * last one of two bits is settled without asking when one of them is known.
 */

#include <errno.h>

#include "qkd-engine/cascade_run.h"

/*
 * The cuts that a search has made from a range of level FIRST down to the one of LEVEL at START.
 * They are made late, when they are all known, since they are in few words.
 */
static void cut_path(struct cascade_run *r, size_t f, size_t start, unsigned int first,
                     unsigned int level)
{
	struct cascade_ranges *ranges = cascade_ranges(r, f, r->frames[f].pass);

	/* Pairs are not cut. */
	for (level = level == 0 ? 1 : level; first-- > level;) {
		size_t middle = (start >> first | 1) << first;

		/* Behind the end of the frame there was nothing to cut. */
		if (middle < r->plan.frame_bits)
			cascade_cut(ranges, middle);
	}
}

static int oldest_pair(struct cascade_run *r)
{
	const struct cascade_pair *pair = &r->pairs[r->pairs_from++ % CASCADE_PAIRS];
	struct cascade_frame *frame = &r->frames[pair->frame];
	uint64_t *known = r->known + pair->frame * r->plan.frame_words;
	unsigned int error = pair->error;

	if (!pair->found) {
		bool known_a = bits_get(known, pair->index[0]);
		bool known_b = bits_get(known, pair->index[1]);

		if (!known_a && !known_b)
			return 0;
		if (known_a && known_b)
			return -EPROTO;
		error = known_a;
		r->list[pair->frame * r->list_max + pair->slot] = 0;
		frame->holes = true;
	}
	cut_path(r, pair->frame, pair->start, pair->first, 1);
	bits_put(known, pair->index[0], true);
	bits_put(known, pair->index[1], true);
	return cascade_correct(r, pair->frame, frame->pass, pair->start + error, pair->index[error])
	               ? 0
	               : -EPROTO;
}

int cascade_pair_add(struct cascade_run *r, const struct cascade_pair *pair)
{
	const uint64_t *known = r->known + pair->frame * r->plan.frame_words;
	unsigned int pass = r->frames[pair->frame].pass;
	struct cascade_pair *place;
	int ret = 0;

	if (r->pairs_to - r->pairs_from == CASCADE_PAIRS)
		ret = oldest_pair(r);
	place = &r->pairs[r->pairs_to++ % CASCADE_PAIRS];
	*place = *pair;
	for (unsigned int i = 0; i < 2; i++) {
		size_t at = pair->start + i;

		place->index[i] = (uint32_t)(pass == 0 ? at : cascade_index(&r->plan, pass, at));
		__builtin_prefetch(known + place->index[i] / 64, 1);
	}
	__builtin_prefetch(cascade_ranges(r, pair->frame, pass) + pair->start / 128, 1);
	return ret;
}

int cascade_pairs_flush(struct cascade_run *r)
{
	int ret = 0;

	while (r->pairs_from != r->pairs_to)
		if (oldest_pair(r) < 0)
			ret = -EPROTO;
	cascade_flush(r);
	return ret;
}

void cascade_list_close(struct cascade_run *r, size_t f)
{
	struct cascade_frame *frame = &r->frames[f];
	uint64_t *list = r->list + f * r->list_max;
	size_t kept = 0;

	if (!frame->holes)
		return;
	for (size_t i = 0; i < frame->listed; i++)
		if (list[i] != 0)
			list[kept++] = list[i];
	r->work += frame->listed / 16;
	frame->listed = (uint32_t)kept;
	frame->holes = false;
}

static void odd_block(struct cascade_run *r, size_t f, size_t block)
{
	if (r->pass + 1 == CASCADE_PASSES)
		cascade_mark_late(&r->frames[f], block);
	else
		cascade_mark_odd(r, f, r->pass, cascade_ranges(r, f, r->pass),
		                 block << r->plan.block_log2[r->pass]);
}

/* Differences of all blocks; the last one of a pass follows from the parity of the frame. */
static int apply_initial(struct cascade_run *r, size_t f)
{
	for (; r->pass < CASCADE_PASSES; r->pass++, r->i = 0) {
		size_t blocks = cascade_blocks(&r->plan, r->pass);
		size_t told = r->pass == 0 ? blocks : blocks - 1;

		if (r->i == 0)
			r->sum = false;
		for (; r->i < told; r->i++) {
			bool odd = cascade_difference(r);

			if (odd)
				odd_block(r, f, r->i);
			r->sum ^= odd;
			if (++r->work >= r->work_most) {
				r->i++;
				return -EAGAIN;
			}
		}
		if (r->pass == 0)
			r->whole = r->sum;
		else if (r->sum != r->whole)
			odd_block(r, f, told);
	}
	r->frames[f].started = true;
	return 0;
}

/* A range of an odd or even number of errors is halved DEPTH times; false: contradiction. */
static bool apply_tree(struct cascade_run *r, size_t f, size_t start, unsigned int level, bool odd,
                       unsigned int depth)
{
	struct cascade_frame *frame = &r->frames[f];
	size_t size = (size_t)1 << (level - 1);
	bool left = cascade_difference(r), half[2] = {left, odd ^ left};

	if (level > 1)
		cascade_cut(cascade_ranges(r, f, frame->pass), start + size);
	for (unsigned int side = 0; side < 2; side++) {
		size_t at = start + (side ? size : 0);
		unsigned int l = cascade_narrow(r->plan.frame_bits - at, level - 1);

		if (l == 0) {
			size_t index =
			        frame->pass == 0 ? at : cascade_index(&r->plan, frame->pass, at);

			bits_put(r->known + f * r->plan.frame_words, index, true);
			if (half[side] && !cascade_correct(r, f, frame->pass, at, index))
				return false;
		} else if (depth > 1) {
			if (!apply_tree(r, f, at, l, half[side], depth - 1))
				return false;
		} else if (half[side]) {
			if (frame->listed + r->kept < r->list_max)
				r->list[f * r->list_max + frame->listed + r->kept++] =
				        cascade_listed(at, l, l, 0, 0);
			else
				cascade_mark_odd(r, f, frame->pass,
				                 cascade_ranges(r, f, frame->pass),
				                 at); /* for later */
		}
	}
	return true;
}

/* Each listed range goes on in any of its parts. */
static int apply_deep(struct cascade_run *r, size_t f)
{
	struct cascade_frame *frame = &r->frames[f];
	uint64_t *list = r->list + f * r->list_max;

	for (size_t i = 0; i < frame->listed; i++) {
		size_t start = cascade_listed_start(list[i]);
		unsigned int level = cascade_listed_level(list[i]);

		r->work += 8;
		cut_path(r, f, start, cascade_listed_first(list[i]), level);
		if (!apply_tree(r, f, start, level, true, frame->depth))
			return -EPROTO;
	}
	memmove(list, list + frame->listed, r->kept * sizeof(*list));
	frame->listed = (uint32_t)r->kept;
	return 0;
}

/* Each listed range goes on in one of its halves. */
static int apply_search(struct cascade_run *r, size_t f)
{
	struct cascade_frame *frame = &r->frames[f];
	uint64_t *list = r->list + f * r->list_max;
	/* Copies, since the compiler must take them for what the bit strings may overlap. */
	const uint8_t *differences = r->differences;
	size_t frame_bits = r->plan.frame_bits, listed = frame->listed, i = r->i;
	size_t kept = r->kept, taken = r->taken;
	bool settles = frame->stage > 0;
	int ret = 0;

	if (frame->depth > 1)
		return apply_deep(r, f);
	for (; i < listed && r->work < r->work_most; i++, taken++) {
		unsigned int level = cascade_listed_level(list[i]) - 1;
		unsigned int first = cascade_listed_first(list[i]);
		bool right = !(differences[taken / 8] >> (taken % 8) & 1);
		uint64_t range = cascade_listed_half(list[i], right);
		struct cascade_pair pair = {.frame = (uint32_t)f};
		size_t start = cascade_listed_start(list[i]) + ((size_t)right << level);

		r->work++;
		if (start + ((size_t)1 << level) > frame_bits) {
			level = cascade_narrow(frame_bits - start, level);
			range = cascade_listed(start, first, level, 0, 0);
		}
		if (level > 0)
			list[kept++] = range;
		if (level > 1 || (level == 1 && !settles))
			continue;
		pair.start = (uint32_t)start & ~1U;
		pair.first = first;
		pair.slot = (uint32_t)kept - 1;
		pair.found = level == 0;
		pair.error = right;
		if (cascade_pair_add(r, &pair) < 0)
			ret = -EPROTO;
	}
	r->i = i;
	r->kept = kept;
	r->taken = taken;
	if (ret == 0 && i < listed)
		return -EAGAIN;
	frame->listed = (uint32_t)kept;
	return ret;
}

int cascade_frame_apply(struct cascade_run *r, size_t f)
{
	switch (r->frames[f].asked) {
	case CASCADE_INITIAL:
		return apply_initial(r, f);
	case CASCADE_SEARCH:
		return apply_search(r, f);
	default:
		return 0;
	}
}
