/* SPDX-License-Identifier: BSD-3-Clause */

/* Linear algebra on frames of key. No branch and no address depends on key bits. */

#include <string.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/ldpc_plan.h"
#include "qkd-engine/verify.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

void ldpc_frame_load(const struct ldpc_plan *plan, const uint64_t *key, size_t f, uint64_t *out)
{
	size_t start = ldpc_frame_start(plan, f), bits = ldpc_frame_bits(plan, f);

	for (size_t c = 0; c < plan->code->cols; c++, out += plan->words) {
		size_t at = ldpc_column_start(plan, bits, c);
		size_t left = ldpc_column_start(plan, bits, c + 1) - at;

		at += start;
		for (size_t w = 0; w < plan->words; w++) {
			size_t n = least(left, 64);

			out[w] = n > 0 ? ldpc_bits_take(key, at, n) : 0;
			at += n;
			left -= n;
		}
		if (plan->z < 64)
			out[0] |= out[0] << plan->z;
	}
}

void ldpc_frame_add(const struct ldpc_plan *plan, uint64_t *key, size_t f, const uint64_t *words)
{
	size_t start = ldpc_frame_start(plan, f), bits = ldpc_frame_bits(plan, f);

	for (size_t c = 0; c < plan->code->cols; c++, words += plan->words) {
		size_t at = ldpc_column_start(plan, bits, c);
		size_t left = ldpc_column_start(plan, bits, c + 1) - at;

		at += start;
		for (size_t w = 0; left > 0; w++) {
			size_t n = least(left, 64);

			ldpc_bits_add(key, at, n, words[w]);
			at += n;
			left -= n;
		}
	}
}

void ldpc_frame_mask(const struct ldpc_plan *plan, size_t f, uint64_t *words)
{
	size_t bits = ldpc_frame_bits(plan, f);

	for (size_t c = 0; c < plan->code->cols; c++, words += plan->words) {
		size_t left =
		        ldpc_column_start(plan, bits, c + 1) - ldpc_column_start(plan, bits, c);

		for (size_t w = 0; w < plan->words; w++) {
			size_t n = least(left, 64);
			uint64_t mask = ldpc_low_bits(n);

			if (plan->z < 64)
				mask |= mask << plan->z;
			words[w] &= n > 0 ? mask : 0;
			left -= n;
		}
	}
}

/* OUT ^= the circulant IN rotated: bit i takes bit i + SHIFT. */
static void add_rotated(uint64_t *out, const uint64_t *in, size_t words, size_t shift)
{
	size_t o = shift / 64, head = words - o - 1;
	unsigned int down = shift % 64, up = 63 - down;

	for (size_t w = 0; w < head; w++)
		out[w] ^= in[o + w] >> down | in[o + w + 1] << 1 << up;
	out[head] ^= in[words - 1] >> down | in[0] << 1 << up;
	out += head + 1;
	for (size_t w = 0; w < o; w++)
		out[w] ^= in[w] >> down | in[w + 1] << 1 << up;
}

void ldpc_row_syndrome(const struct ldpc_plan *plan, const uint64_t *frame, struct ldpc_rows rows,
                       uint64_t *out)
{
	const struct ldpc_code *code = plan->code;

	memset(out, 0, plan->words * sizeof(*out));
	for (unsigned int e = code->row_start[rows.first];
	     e < code->row_start[rows.first + rows.count]; e++)
		add_rotated(out, frame + code->col[e] * plan->words, plan->words,
		            code->shift[e] & (plan->z - 1));
}

/* Words that are added in 20 us, roughly. */
#define STEP_WORDS 16384

unsigned int ldpc_layers_step(const struct ldpc_plan *plan, unsigned int merged, unsigned int first)
{
	const struct ldpc_code *code = plan->code;
	unsigned int layers = code->rows - merged, l = first;

	for (size_t left = STEP_WORDS; l < layers; l++) {
		struct ldpc_rows rows = ldpc_layer_rows(code, merged, l);
		unsigned int degree =
		        code->row_start[rows.first + rows.count] - code->row_start[rows.first];
		size_t words = degree * (plan->words + 1);

		if (l > first && words > left)
			break;
		left -= words < left ? words : left;
	}
	return l;
}

void ldpc_syndromes(const struct ldpc_plan *plan, const uint64_t *frame, unsigned int merged,
                    unsigned int first, unsigned int end, uint64_t *out)
{
	for (unsigned int l = first; l < end; l++) {
		struct ldpc_rows rows = ldpc_layer_rows(plan->code, merged, l);

		ldpc_row_syndrome(plan, frame, rows, out + rows.first * plan->words);
	}
}

void ldpc_syndrome(const struct ldpc_plan *plan, const uint64_t *frame, unsigned int merged,
                   uint64_t *out)
{
	memset(out, 0, plan->syndrome_words * sizeof(*out));
	ldpc_syndromes(plan, frame, merged, 0, plan->code->rows - merged, out);
}

void ldpc_row_put(const struct ldpc_plan *plan, const uint64_t *row, uint8_t *out)
{
	memcpy(out, row, plan->z / 8);
}

void ldpc_row_get(const struct ldpc_plan *plan, const uint8_t *in, uint64_t *row)
{
	memcpy(row, in, plan->z / 8);
	if (plan->z < 64) /* kept twice */
		memcpy((uint8_t *)row + plan->z / 8, in, plan->z / 8);
}

void ldpc_split(const struct ldpc_plan *plan, uint64_t *syndrome, unsigned int r,
                const uint8_t *revealed)
{
	const struct ldpc_choice *choice = &plan->choice;
	unsigned int pair = (unsigned int)(plan->code->pairs - choice->merged[r - 1]);
	unsigned int end = (unsigned int)(plan->code->pairs - choice->merged[r]);

	for (; pair < end; pair++) {
		uint64_t *even = syndrome + 2 * pair * plan->words, *odd = even + plan->words;

		memcpy(odd, even, plan->words * sizeof(*odd));
		ldpc_row_get(plan, revealed, even);
		revealed += plan->z / 8;
		for (size_t w = 0; w < plan->words; w++)
			odd[w] ^= even[w];
	}
}

uint32_t ldpc_check(const struct ldpc_plan *plan, const uint64_t *frame, size_t f)
{
	uint8_t key[16], tag[VERIFY_TAG_BITS / 8];
	uint32_t check;

	/* Uniform to both ends alike is all that is asked of it: Splitmix64's output function. */
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t z = plan->check_seed + (2 * f + i + 1) * 0x9e3779b97f4a7c15ULL;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
		put_be64(key + 8 * i, z ^ (z >> 31));
	}
	verify_tag(frame, plan->frame_words * 64, key, tag);
	check = get_be32(tag);
	secret_wipe(tag, sizeof(tag));
	return check;
}
