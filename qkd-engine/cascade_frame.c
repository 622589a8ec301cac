/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One frame in a round. All odd ranges of one pass are searched together, each halved once a
 * round; other passes wait until these searches have found their errors, for two searches of
 * different passes would often find the same one. Then the pass with the smallest blocks that
 * has odd ranges goes on, which is the step back of Cascade.
 */

#include <errno.h>

#include "qkd-engine/cascade_run.h"

/* Memory is fetched ahead: ranges of a list, and frames. */
#define AHEAD       16
#define FRAMES_FAR  12 /* their lists */
#define FRAMES_NEAR 6  /* the first ranges of these */

/* The smallest level for a range that ends at SIZE bits behind its start, or at 2^LEVEL. */
static inline unsigned int narrow(size_t size, unsigned int level)
{
	while (level > 0 && (size_t)1 << (level - 1) >= size)
		level--;
	return level;
}

/* OFFSET is cascade_offset(r, f, pass). */
static inline void mark_odd(struct cascade_run *r, size_t f, unsigned int pass, size_t offset,
                            size_t start)
{
	uint64_t *odd = &r->ranges[offset + start / 64].odd;
	uint64_t *summary = cascade_summary(r, f, pass) + start / 4096;
	uint64_t now = *odd ^ 1ULL << (start % 64);

	*odd = now;
	*summary = (*summary & ~(1ULL << (start / 64 % 64))) | (uint64_t)(now != 0)
	                                                               << (start / 64 % 64);
	r->frames[f].odd[pass] += (now >> (start % 64) & 1) != 0 ? 1 : -1U;
}

/* The bit strings are larger than the caches: fetch for all bits, then correct. */
void cascade_flush(struct cascade_run *r)
{
	size_t positions[sizeof(r->found) / sizeof(r->found[0])][CASCADE_PASSES];

	for (unsigned int i = 0; i < r->found_count; i++) {
		const struct cascade_found *found = &r->found[i];

		for (unsigned int q = 0; q < CASCADE_PASSES; q++) {
			size_t position = cascade_position(&r->plan, q, found->index);
			size_t w = cascade_offset(r, found->frame, q) + position / 64;

			positions[i][q] = position;
			__builtin_prefetch(r->own + w, 1);
			__builtin_prefetch(r->ranges + w, 1);
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

		if (r->corrects)
			r->key[at / 64] ^= 1ULL << (at % 64);
		for (unsigned int q = 0; q < CASCADE_PASSES; q++, offset += r->plan.frame_words) {
			size_t position = positions[i][q], range;

			if (r->corrects)
				r->own[offset + position / 64] ^= 1ULL << (position % 64);
			if (q == found->pass)
				continue;
			range = q > frame->stage
			                ? position >> r->plan.block_log2[q] << r->plan.block_log2[q]
			                : cascade_range_start(r->ranges + offset, position);
			mark_odd(r, found->frame, q, offset, range);
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
		size_t middle = (list[i] >> 5) + ((size_t)1 << ((list[i] & 31) - 1));

		if (r->step == CASCADE_APPLY)
			__builtin_prefetch(
			        r->ranges + cascade_offset(r, f, frame->pass) + middle / 64, 1);
		else
			__builtin_prefetch(r->own + cascade_offset(r, f, frame->pass) +
			                   (list[i] >> 5) / 64);
	}
	if (r->step == CASCADE_CHOOSE && frame->listed == 0) {
		unsigned int pass = 0;

		while (pass < CASCADE_PASSES && frame->odd[pass] == 0)
			pass++;
		if (pass < CASCADE_PASSES)
			__builtin_prefetch(cascade_summary(r, f, pass));
	}
}

/*
 * The odd range [START, START + 2) of a pass. When one of its bits is known, the error is the
 * other and nothing needs to be asked: 1. Otherwise 0; or -EPROTO when both are known.
 */
static inline int settle(struct cascade_run *r, size_t f, unsigned int pass, size_t start)
{
	uint64_t *known = r->known + f * r->plan.frame_words;
	size_t a = cascade_index(&r->plan, pass, start);
	size_t b = cascade_index(&r->plan, pass, start + 1);
	bool known_a = bits_get(known, a), known_b = bits_get(known, b);

	if (!known_a && !known_b)
		return 0;
	if (known_a && known_b)
		return -EPROTO;
	cascade_cut(r->ranges + cascade_offset(r, f, pass), start + 1);
	bits_put(known, known_a ? b : a, true);
	return cascade_correct(r, f, pass, known_a ? b : a) ? 1 : -EPROTO;
}

/* Differences of all blocks; the last one of a pass follows from the parity of the frame. */
static int apply_initial(struct cascade_run *r, size_t f)
{
	for (; r->pass < CASCADE_PASSES; r->pass++, r->i = 0) {
		size_t blocks = cascade_blocks(&r->plan, r->pass);
		size_t told = r->pass == 0 ? blocks : blocks - 1;
		size_t offset = cascade_offset(r, f, r->pass);

		if (r->i == 0)
			r->sum = false;
		for (; r->i < told; r->i++) {
			bool odd = cascade_difference(r);

			if (odd)
				mark_odd(r, f, r->pass, offset,
				         r->i << r->plan.block_log2[r->pass]);
			r->sum ^= odd;
			if (++r->work >= CASCADE_WORK) {
				r->i++;
				return -EAGAIN;
			}
		}
		if (r->pass == 0)
			r->whole = r->sum;
		else if (r->sum != r->whole)
			mark_odd(r, f, r->pass, offset, told << r->plan.block_log2[r->pass]);
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

	cascade_cut(r->ranges + cascade_offset(r, f, frame->pass), start + size);
	for (unsigned int side = 0; side < 2; side++) {
		size_t at = start + (side ? size : 0);
		unsigned int l = narrow(r->plan.frame_bits - at, level - 1);

		if (l == 0) {
			size_t index = cascade_index(&r->plan, frame->pass, at);

			bits_put(r->known + f * r->plan.frame_words, index, true);
			if (half[side] && !cascade_correct(r, f, frame->pass, index))
				return false;
		} else if (depth > 1) {
			if (!apply_tree(r, f, at, l, half[side], depth - 1))
				return false;
		} else if (half[side]) {
			if (frame->listed + r->kept < r->list_max)
				r->list[f * r->list_max + frame->listed + r->kept++] =
				        (uint32_t)(at << 5 | l);
			else
				mark_odd(r, f, frame->pass, cascade_offset(r, f, frame->pass),
				         at); /* for later */
		}
	}
	return true;
}

/* Each listed range goes on in any of its parts. */
static int apply_deep(struct cascade_run *r, size_t f)
{
	struct cascade_frame *frame = &r->frames[f];
	uint32_t *list = r->list + f * r->list_max;

	for (size_t i = 0; i < frame->listed; i++) {
		r->work += 8;
		if (!apply_tree(r, f, list[i] >> 5, list[i] & 31, true, frame->depth))
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
	const struct cascade_plan *plan = &r->plan;
	struct cascade_ranges *ranges = r->ranges + cascade_offset(r, f, frame->pass);
	uint64_t *known = r->known + f * r->plan.frame_words;
	uint32_t *list = r->list + f * r->list_max;
	/* Copies, since the compiler must take them for what the bit strings may overlap. */
	const uint8_t *differences = r->differences;
	size_t frame_bits = r->plan.frame_bits, listed = frame->listed, i = r->i;
	size_t kept = r->kept, taken = r->taken;
	bool settles = frame->stage > 0;
	int ret = 0;

	if (frame->depth > 1)
		return apply_deep(r, f);
	for (; i < listed && r->work < CASCADE_WORK; i++, taken++) {
		unsigned int level = (list[i] & 31) - 1;
		size_t start = list[i] >> 5, middle = start + ((size_t)1 << level);
		bool left = differences[taken / 8] >> (taken % 8) & 1;

		r->work++;
		if (i + AHEAD < listed)
			__builtin_prefetch(ranges + (list[i + AHEAD] >> 11), 1);
		cascade_cut(ranges, middle);
		start = left ? start : middle;
		if (start + ((size_t)1 << level) > frame_bits)
			level = narrow(frame_bits - start, level);
		if (level == 0) {
			size_t a = cascade_index(plan, frame->pass, middle - 1);
			size_t b = cascade_index(plan, frame->pass, middle);

			bits_put(known, a, true);
			bits_put(known, b, true);
			if (!cascade_correct(r, f, frame->pass, left ? a : b))
				ret = -EPROTO;
			continue;
		}
		if (level == 1 && settles) {
			int settled = settle(r, f, frame->pass, start);

			if (settled < 0)
				ret = settled;
			if (settled != 0)
				continue;
		}
		list[kept++] = (uint32_t)(start << 5 | level);
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

/* The partition begins with the blocks. */
static void start(struct cascade_run *r, size_t f)
{
	for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++) {
		struct cascade_ranges *ranges = r->ranges + cascade_offset(r, f, pass);
		size_t block = (size_t)1 << r->plan.block_log2[pass];

		for (size_t i = 0; i < r->plan.frame_bits; i += block)
			cascade_cut(ranges, i);
		cascade_cut(ranges, r->plan.frame_bits);
	}
	r->work += r->plan.frame_words / 8;
}

/* The pass with the smallest blocks that has odd ranges; false when there is none. */
static bool choose_pass(struct cascade_frame *frame)
{
	uint8_t pass = 0;

	while (pass < CASCADE_PASSES && frame->odd[pass] == 0)
		pass++;
	if (pass == CASCADE_PASSES)
		return false;
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
	return i * 64 + (size_t)__builtin_ctzll(ranges[i].odd);
}

/* List the odd ranges of the pass, as many as there is room for; and settle what can be. */
static int list_odd(struct cascade_run *r, size_t f)
{
	struct cascade_frame *frame = &r->frames[f];
	size_t offset = cascade_offset(r, f, frame->pass);
	const struct cascade_ranges *ranges = r->ranges + offset;
	const uint64_t *summary = cascade_summary(r, f, frame->pass);

	while (frame->odd[frame->pass] > 0 && frame->listed < r->list_max) {
		size_t from = first_odd(ranges, summary);
		size_t size = cascade_range_end(ranges, from + 1) - from;
		unsigned int level;
		int settled = 0;

		if (r->work >= CASCADE_WORK) {
			cascade_flush(r);
			return -EAGAIN;
		}
		r->work++;
		if (size < 2)
			return -EPROTO; /* both values of one bit */
		level = 64 - (unsigned int)__builtin_clzll(size - 1);
		mark_odd(r, f, frame->pass, offset, from);
		if (level == 1)
			settled = settle(r, f, frame->pass, from);
		if (settled < 0)
			return settled;
		if (settled == 0)
			r->list[f * r->list_max + frame->listed++] = (uint32_t)(from << 5 | level);
	}
	cascade_flush(r);
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
	/* r->i: the list is being made. */
	while (frame->listed == 0 || r->i > 0) {
		int ret;

		if (r->i == 0 && !choose_pass(frame)) {
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
			if (r->work >= CASCADE_WORK)
				return -EAGAIN;
		}
	}
	return 0;
}

static void ask_tree(struct cascade_run *r, const uint64_t *own, size_t start, unsigned int level,
                     unsigned int depth)
{
	size_t middle = start + ((size_t)1 << (level - 1));
	unsigned int right = narrow(r->plan.frame_bits - middle, level - 1);

	cascade_tell(r, cascade_parity(own, start, level - 1), 1);
	if (depth > 1 && level > 1)
		ask_tree(r, own, start, level - 1, depth - 1);
	if (depth > 1 && right > 0)
		ask_tree(r, own, middle, right, depth - 1);
}

int cascade_frame_ask(struct cascade_run *r, size_t f)
{
	const struct cascade_frame *frame = &r->frames[f];
	const uint64_t *own = r->own + cascade_offset(r, f, frame->pass);
	const uint32_t *list = r->list + f * r->list_max;
	size_t n;

	if (frame->asked == CASCADE_NOTHING)
		return 0;
	if (frame->asked == CASCADE_INITIAL)
		return ask_initial(r, f);
	if (frame->depth > 1) {
		r->work += 8 * frame->listed;
		for (size_t i = 0; i < frame->listed; i++)
			ask_tree(r, own, list[i] >> 5, list[i] & 31, frame->depth);
		return 0;
	}
	for (; r->i < frame->listed; r->i += n) {
		uint64_t parities = 0;

		if (r->work >= CASCADE_WORK)
			return -EAGAIN;
		/* As many as fill a word of the message. */
		n = 64 - r->asked % 64;
		if (n > frame->listed - r->i)
			n = frame->listed - r->i;
		for (size_t i = 0; i < n; i++) {
			uint32_t range = list[r->i + i];

			if (r->i + i + AHEAD < frame->listed)
				__builtin_prefetch(own + (list[r->i + i + AHEAD] >> 11));
			parities |= (uint64_t)cascade_parity(own, range >> 5, (range & 31) - 1)
			            << i;
		}
		cascade_tell(r, parities, (unsigned int)n);
		r->work += n / 2 + 1;
	}
	return 0;
}
