/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/gf2_fft.h"

#include <stdbool.h>
#include <string.h>

#define PASS_LEVELS 3 /* of a pass over rows: 8 rows fit the ways of a first-level cache */

const struct gf2_fft *gf2_fft_best(void)
{
	const struct gf2_fft *best = gf2_fft_avx512();

	if (best == NULL)
		best = gf2_fft_vpclmul();
	if (best == NULL)
		best = gf2_fft_pclmul();
	return best != NULL ? best : &gf2_fft_portable;
}

void gf2_fft_plan_init(struct gf2_fft_plan *p, const struct gf2_fft *fft, unsigned int k)
{
	uint64_t v = 1ULL << 61; /* v_63: its trace is 1, so that v_0 = s_63(v_63) is */

	memset(p, 0, sizeof(*p));
	p->fft = fft;
	p->k = k;
	p->chunk = fft->chunk < k ? fft->chunk : k;
	for (int b = 63; b >= 0; b--) {
		if (b < GF2_FFT_LOG2_MAX)
			p->v[b] = v;
		v ^= gf2_multiply(v, v);
	}
	for (size_t j = 1; j < 1u << (p->chunk - 1); j++)
		p->span[j] = p->span[j & (j - 1)] ^ p->v[__builtin_ctzl(j) + 1];
}

/* Of block J at level I. */
static uint64_t twiddle(const struct gf2_fft_plan *p, enum gf2_fft_kind kind, unsigned int i,
                        size_t j)
{
	uint64_t t = kind == GF2_FFT_VALUES;

	for (unsigned int b = 0; b + i + 1 < p->k; b++)
		if ((j >> b & 1) == 0)
			t ^= p->v[b + 1];
	return t;
}

/* Levels of a pass over rows: from *HIGH down to *LOW. */
static void levels(const struct gf2_fft_plan *p, unsigned int pass, unsigned int *high,
                   unsigned int *low)
{
	*high = p->k - 1 - PASS_LEVELS * pass;
	*low = *high + 1 >= p->chunk + PASS_LEVELS ? *high + 1 - PASS_LEVELS : p->chunk;
}

static size_t strip(const struct gf2_fft_plan *p)
{
	return (size_t)1 << (p->chunk - PASS_LEVELS);
}

unsigned int gf2_fft_passes(const struct gf2_fft_plan *p)
{
	return (p->k - p->chunk + PASS_LEVELS - 1) / PASS_LEVELS + 1;
}

size_t gf2_fft_pieces(const struct gf2_fft_plan *p, unsigned int pass)
{
	unsigned int high, low;

	if (pass + 1 == gf2_fft_passes(p))
		return (size_t)1 << (p->k - p->chunk);
	levels(p, pass, &high, &low);
	return ((size_t)1 << (p->k - 1 - high + low)) / strip(p);
}

size_t gf2_fft_piece_work(const struct gf2_fft_plan *p, unsigned int pass)
{
	unsigned int high, low;

	if (pass + 1 == gf2_fft_passes(p))
		return (size_t)p->chunk << (p->chunk - 1);
	levels(p, pass, &high, &low);
	return (high + 1 - low) * (strip(p) << (high - low));
}

/*
 * 2^(high+1-low) rows of 2^low elements each, and a strip of some columns: all levels of the pass
 * stay among these.
 */
static void rows_piece(const struct gf2_fft_plan *p, uint64_t *x, enum gf2_fft_kind kind,
                       unsigned int pass, size_t piece, bool back)
{
	unsigned int high, low;
	size_t strips, block;

	levels(p, pass, &high, &low);
	strips = ((size_t)1 << low) / strip(p);
	block = piece / strips;
	x += (block << (high + 1)) + piece % strips * strip(p);
	for (unsigned int n = 0; n <= high - low; n++) {
		unsigned int i = back ? low + n : high - n;
		size_t half = (size_t)1 << i;

		for (size_t j = 0; j < 1u << (high - i); j++) {
			uint64_t t = twiddle(p, kind, i, block << (high - i) | j);
			uint64_t *row = x + j * 2 * half;

			for (size_t r = 0; r < half; r += (size_t)1 << low)
				(back ? p->fft->rows_back : p->fft->rows)(row + r, row + half + r,
				                                          strip(p), t);
		}
	}
}

static void chunk_piece(const struct gf2_fft_plan *p, uint64_t *x, enum gf2_fft_kind kind,
                        size_t piece, bool back)
{
	uint64_t t[GF2_CHUNK_MAX];

	for (unsigned int i = 0; i < p->chunk; i++)
		t[i] = twiddle(p, kind, i, piece << (p->chunk - 1 - i));
	(back ? p->fft->chunk_back : p->fft->chunk_forward)(x + (piece << p->chunk), p->chunk, t,
	                                                    p->span);
}

static void run(const struct gf2_fft_plan *p, uint64_t *x, enum gf2_fft_kind kind,
                unsigned int pass, size_t piece, bool back)
{
	if (pass + 1 == gf2_fft_passes(p))
		chunk_piece(p, x, kind, piece, back);
	else
		rows_piece(p, x, kind, pass, piece, back);
}

void gf2_fft_piece(const struct gf2_fft_plan *p, uint64_t *x, enum gf2_fft_kind kind,
                   unsigned int pass, size_t piece)
{
	run(p, x, kind, pass, piece, false);
}

void gf2_fft_piece_back(const struct gf2_fft_plan *p, uint64_t *x, enum gf2_fft_kind kind,
                        unsigned int pass, size_t piece)
{
	run(p, x, kind, pass, piece, true);
}
