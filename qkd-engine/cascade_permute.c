/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Permuting all frames of a block. They share their permutations, so eight frames are laid
 * side by side, a bit of each in a byte: one load then moves a position of all eight, at
 * addresses that no key bit decides. Blocks of 8 x 8 bits are transposed on the way in and out.
 */

#include "qkd-engine/cascade_plan.h"

#define LANES 8

/* Bit j of byte i to bit i of byte j (Warren, Hacker's Delight, section 7-3). */
static inline uint64_t transpose(uint64_t x)
{
	uint64_t t;

	t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aaULL;
	x ^= t ^ (t << 7);
	t = (x ^ (x >> 14)) & 0x0000cccc0000ccccULL;
	x ^= t ^ (t << 14);
	t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0ULL;
	return x ^ t ^ (t << 28);
}

/* 64 x 8 bits: byte j of each of eight words to the j-th of eight words, and the same back. */
static inline void transpose_bytes(const uint64_t in[8], uint64_t out[8])
{
	for (unsigned int j = 0; j < 8; j++) {
		uint64_t x = 0;

		for (unsigned int f = 0; f < 8; f++)
			x |= (in[f] >> (8 * j) & 0xff) << (8 * f);
		out[j] = x;
	}
}

/* Word W of frame F; zero behind its end. */
static uint64_t frame_word(const struct cascade_plan *plan, const uint64_t *key, size_t f, size_t w)
{
	size_t start = cascade_frame_start(plan, f),
	       bits = cascade_frame_start(plan, f + 1) - start;
	size_t at = start / 64 + w, shift = start % 64;
	uint64_t x;

	if (w * 64 >= bits)
		return 0;
	x = key[at] >> shift;
	if (shift != 0 && at < BITS_WORDS(plan->bits) - 1)
		x |= key[at + 1] << (64 - shift);
	return bits - w * 64 < 64 ? x & ~(~0ULL << (bits - w * 64)) : x;
}

static void fill(const struct cascade_plan *plan, const uint64_t *key, size_t first, size_t w,
                 uint8_t *lanes)
{
	uint64_t in[LANES], x[LANES];

	for (size_t f = 0; f < LANES; f++)
		in[f] = first + f < plan->frames ? frame_word(plan, key, first + f, w) : 0;
	transpose_bytes(in, x);
	for (size_t j = 0; j < 8; j++)
		x[j] = transpose(x[j]);
	memcpy(lanes + w * 64, x, sizeof(x));
}

/* The bits at N positions from AT on of the order of PASS, side by side. */
static void look_up(const struct cascade_plan *plan, const uint8_t *lanes, unsigned int pass,
                    size_t at, size_t n, uint8_t out[64])
{
	size_t first = pass * plan->frame_bits + at;

	if (cascade_wide(plan)) {
		const uint32_t *order = (const uint32_t *)plan->order + first;

		for (size_t i = 0; i < n; i++)
			out[i] = lanes[order[i]];
	} else {
		const uint16_t *order = (const uint16_t *)plan->order + first;

		for (size_t i = 0; i < n; i++)
			out[i] = lanes[order[i]];
	}
}

/* Pass 0 takes the lanes of the key and leaves those of its order, which the others take. */
static void gather(const struct cascade_plan *plan, uint8_t *lanes, size_t first, unsigned int pass,
                   size_t w, uint64_t *out)
{
	uint8_t *base = lanes + cascade_lanes(plan) / 2, bytes[64];
	uint64_t x[8], words[LANES];

	if (w * 64 + 64 <= plan->frame_bits) {
		look_up(plan, pass == 0 ? lanes : base, pass, w * 64, 64, bytes);
	} else {
		memset(bytes, 0, sizeof(bytes));
		look_up(plan, pass == 0 ? lanes : base, pass, w * 64, plan->frame_bits % 64, bytes);
	}
	if (pass == 0)
		memcpy(base + w * 64, bytes, sizeof(bytes));
	memcpy(x, bytes, sizeof(x));
	for (size_t j = 0; j < 8; j++)
		x[j] = transpose(x[j]);
	transpose_bytes(x, words);
	for (size_t f = 0; f < LANES && first + f < plan->frames; f++)
		out[((first + f) * CASCADE_PASSES + pass) * plan->frame_words + w] = words[f];
}

size_t cascade_lanes(const struct cascade_plan *plan)
{
	return 2 * BITS_WORDS(plan->frame_bits) * 64;
}

bool cascade_permute(const struct cascade_plan *plan, const uint64_t *key, uint64_t *out,
                     uint8_t *lanes, size_t *at)
{
	size_t words = BITS_WORDS(plan->frame_bits), steps = words * (CASCADE_PASSES + 1);
	size_t all = (plan->frames + LANES - 1) / LANES * steps;

	for (size_t n = 0; n < CASCADE_STEP / 64 && *at < all; n++, (*at)++) {
		size_t first = *at / steps * LANES, step = *at % steps;

		if (step < words)
			fill(plan, key, first, step, lanes);
		else
			gather(plan, lanes, first, (unsigned int)(step / words - 1), step % words,
			       out);
	}
	return *at == all;
}
