/* SPDX-License-Identifier: BSD-3-Clause */

/* Plans of single frames and random words for the tests of LDPC reconciliation. */

#ifndef TESTS_LDPC_FRAMES_H
#define TESTS_LDPC_FRAMES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/ldpc_plan.h"
#include "tests/unit/dice.h"

/* One frame of BITS key bits in circulants of Z; the code is number CODE, no pair is merged. */
static inline struct ldpc_plan one_frame(unsigned int code, size_t z, size_t bits, double qber)
{
	struct ldpc_plan plan = {.bits = bits, .frames = 1, .qber = qber};

	plan.code = &ldpc_codes[code];
	plan.choice.code = code;
	plan.z = z;
	plan.words = (z + 63) / 64;
	plan.frame_words = plan.code->cols * plan.words;
	plan.syndrome_words = plan.code->rows * plan.words;
	plan.syndrome_bits = plan.code->rows * z;
	return plan;
}

/* A bit string of BITS random bits, and a word more. */
static inline uint64_t *random_bits(size_t bits)
{
	size_t words = BITS_WORDS(bits);
	uint64_t *w = calloc(words + 1, sizeof(*w));

	for (size_t i = 0; i < words; i++)
		w[i] = (uint64_t)dice(0xffffffff) << 32 ^ dice(0xffffffff);
	if (bits % 64 != 0)
		w[words - 1] &= ~0ULL >> (64 - bits % 64);
	return w;
}

/* Flip COUNT different bits of W. */
static inline void flip_bits(uint64_t *w, size_t bits, size_t count)
{
	uint64_t *flipped = calloc(BITS_WORDS(bits), sizeof(*flipped));

	while (count > 0) {
		size_t i = dice((uint32_t)bits);

		if (bits_get(flipped, i))
			continue;
		bits_put(flipped, i, true);
		bits_put(w, i, !bits_get(w, i));
		count--;
	}
	free(flipped);
}

static inline double entropy(double q)
{
	return -q * log2(q) - (1 - q) * log2(1 - q);
}

/* An error rate that code CODE decodes easily. */
static inline double easy_rate(unsigned int code)
{
	const struct ldpc_code *c = &ldpc_codes[code];
	double rate = (double)c->rows / c->cols, q = 0.25;

	while (entropy(q) * 1.6 > rate)
		q *= 0.98;
	return q;
}

#endif
