/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What Bob asks. All odd ranges of one pass are halved together; other passes wait until that
 * pass has none left, for two searches of different passes would often find the same error.
 * Then the pass with the smallest blocks that has odd ranges goes on, which is the step back
 * of Cascade. When no pass has any, the parities of random subsets tell whether errors are
 * left.
 */

#include <errno.h>
#include <string.h>

#include "qkd-engine/cascade_bob.h"

/*
 * So few odd ranges in a frame are halved together, whatever their passes: the same error is
 * then seldom found twice, and the round trips of the last corrections overlap.
 */
#define TOGETHER 100

/*
 * When no more ranges than these were searched in the last round, in the whole block, each is
 * halved twice or three times at once: 0.3 % more parities for a fifth of the rounds less.
 */
#define FEW(frames)      (frames)
#define VERY_FEW(frames) ((frames) / 2)

/* The odd range of a subset under search, halved without asking while its right half is empty. */
void cascade_bob_narrow(const struct cascade_bob *b, size_t f)
{
	struct cascade_frame *frame = &b->frames[f];
	size_t bits = cascade_frame_start(&b->plan, f + 1) - cascade_frame_start(&b->plan, f);

	while (frame->level > 0 && (size_t)(2 * frame->index + 1) << (frame->level - 1) >= bits) {
		frame->level--;
		frame->index *= 2;
	}
}

static uint32_t differing_subsets(const struct cascade_bob *b, size_t f)
{
	uint32_t own = 0;

	for (unsigned int s = 0; s < CASCADE_SUBSETS; s++)
		own |= (uint32_t)cascade_subset_parity(&b->plan, b->key, s,
		                                       cascade_frame_start(&b->plan, f),
		                                       cascade_frame_start(&b->plan, f + 1))
		       << s;
	return own ^ b->frames[f].subsets;
}

/* What to ask about a frame now; done when there is nothing. */
static void choose(struct cascade_bob *b, size_t f)
{
	struct cascade_frame *frame = &b->frames[f];
	uint32_t total = 0;
	unsigned int pass = 0, mask = 0;

	if (!frame->started) {
		frame->asked = CASCADE_INITIAL;
		return;
	}
	while (pass < CASCADE_PASSES && (pass <= frame->stage || total == 0)) {
		total += frame->odd[pass];
		mask |= (unsigned int)(frame->odd[pass] != 0) << pass;
		pass++;
	}
	frame->stage = (uint8_t)(pass - 1);
	if (total > TOGETHER && mask != 0) {
		if (frame->odd[frame->pass] == 0)
			frame->pass = (uint8_t)__builtin_ctz(mask);
		mask = 1u << frame->pass;
	}
	if (mask != 0) {
		frame->asked = (uint8_t)(CASCADE_SEARCH | b->depth << CASCADE_PASSES | mask);
		return;
	}
	if (frame->level == CASCADE_NO_SEARCH) {
		uint32_t differ = differing_subsets(b, f);

		if (differ == 0) {
			frame->asked = CASCADE_NOTHING;
			frame->done = true;
			return;
		}
		frame->subset = (uint8_t)__builtin_ctz(differ);
		frame->level = (uint8_t)(64 - __builtin_clzll(b->plan.frame_bits - 1));
		frame->index = 0;
		cascade_bob_narrow(b, f);
	}
	frame->asked = CASCADE_SUBSET;
}

/* Bytes that the questions about a frame may take at most. */
static size_t question_bytes(const struct cascade_bob *b, const struct cascade_frame *frame)
{
	size_t n = 3 * CASCADE_VARINT_MAX;

	if ((frame->asked & CASCADE_SEARCH) == 0)
		return n;
	for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++)
		if (frame->asked >> pass & 1)
			/* One byte each, and one more for each 2^7 and each 2^14 positions. */
			n += CASCADE_VARINT_MAX + frame->odd[pass] + b->plan.frame_bits / 128 +
			     b->plan.frame_bits / 16384;
	return n;
}

/* Parities in the answer about a range of SIZE bits. */
static size_t parities_of(size_t size, unsigned int depth)
{
	if (size < 2 || depth == 0)
		return 0;
	return 1 + parities_of(cascade_half(size), depth - 1) +
	       parities_of(size - cascade_half(size), depth - 1);
}

/* Write the questions about the odd ranges of one pass; the number of parities asked. */
static size_t write_search(struct cascade_bob *b, size_t f, unsigned int pass, uint8_t **out)
{
	const uint64_t *odd = cascade_bits_of(b, b->odd, f, pass);
	const uint64_t *partition = cascade_bits_of(b, b->partition, f, pass);
	size_t count = b->frames[f].odd[pass], parities = count, last = 0;
	uint8_t *p = *out;

	b->ranges += count;
	p += cascade_varint_put(p, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		size_t start = cascade_next(odd, last);

		p += cascade_varint_put(p, (uint32_t)(start - last));
		last = start + 1;
		if (b->depth > 1)
			parities +=
			        parities_of(cascade_next(partition, last) - start, b->depth) - 1;
	}
	*out = p;
	return parities;
}

/* Write the questions about a frame; their number. */
static size_t write_questions(struct cascade_bob *b, size_t f, uint8_t *out)
{
	const struct cascade_frame *frame = &b->frames[f];
	uint8_t *p = out + b->length;
	size_t parities = 0;

	p += cascade_varint_put(
	        p, (uint32_t)(b->last_frame == b->plan.frames ? f : f - b->last_frame - 1));
	*p++ = frame->asked;
	if (frame->asked == CASCADE_INITIAL) {
		parities = cascade_initial_parities(&b->plan);
		b->ranges += parities;
	} else if (frame->asked == CASCADE_SUBSET) {
		parities = 1;
		b->ranges++;
		*p++ = frame->subset;
		*p++ = (uint8_t)(frame->level - 1);
		p += cascade_varint_put(p, 2 * frame->index);
	} else {
		for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++)
			if (frame->asked >> pass & 1)
				parities += write_search(b, f, pass, &p);
	}
	b->last_frame = f;
	b->length = (size_t)(p - out);
	return parities;
}

int cascade_bob_write(struct cascade_bob *b, uint8_t *out, size_t cap)
{
	size_t work = 0;

	if (cap > CASCADE_MESSAGE_MAX)
		cap = CASCADE_MESSAGE_MAX;
	if (cap < b->message_max)
		return -ENOBUFS;
	if (b->frame_at == 0) {
		put_be32(out, (uint32_t)(b->stats.rounds + 1));
		b->length = CASCADE_HEADER;
		b->last_frame = b->plan.frames;
		b->asked = 0;
		b->depth = b->ranges > FEW(b->plan.frames)        ? 1
		           : b->ranges > VERY_FEW(b->plan.frames) ? 2
		                                                  : 3;
		b->ranges = 0;
	}
	for (; b->frame_at < b->plan.frames; b->frame_at++) {
		struct cascade_frame *frame = &b->frames[b->frame_at];

		frame->asked = CASCADE_NOTHING;
		if (frame->done)
			continue;
		if (work >= CASCADE_BOB_STEP)
			return -EAGAIN;
		choose(b, b->frame_at);
		if (frame->asked == CASCADE_NOTHING)
			continue;
		if (b->length + question_bytes(b, frame) > cap) {
			/* The message is full: the rest of the frames wait for the next one. */
			for (size_t f = b->frame_at; f < b->plan.frames; f++)
				b->frames[f].asked = CASCADE_NOTHING;
			break;
		}
		size_t n = write_questions(b, b->frame_at, out);

		b->asked += n;
		work += n;
	}
	b->frame_at = 0;
	if (b->asked == 0) {
		b->phase = CASCADE_DONE;
		return 0;
	}
	b->stats.rounds++;
	b->phase = CASCADE_WAIT;
	return (int)b->length;
}
