/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Additive FFT over GF(2^64) = GF(2)[y] / (y^64 + y^4 + y^3 + y + 1), in several
 * implementations: Cantor, J. Combin. Theory A 50, 1989; Gao and Mateer, IEEE Trans. Inf. Theory
 * 56, 2010; in the polynomial basis of Lin, Chung and Han, FOCS 2014 (arXiv:1404.3458).
 *
 * Cantor's basis: v_0 = 1, v_b^2 + v_b = v_(b-1). Point j is the sum of v_b over the bits b of j.
 * s_i(x), which vanishes on the span of v_0 ... v_(i-1), has s_i(v_b) = v_(b-i), 1 for b = i. The
 * basis polynomials are X_j = product of s_b over the bits b of j. Coefficients in that basis
 * become values at 2^k points in k levels: level i, from k - 1 down to 0, takes pairs 2^i apart,
 *
 *     x += t y,  y += x      with t = s_i(first point of the pair's block of 2^(i+1)),
 *
 * the sum of v_(b+1) over the bits b of the block's number. On the points shifted by the sum of
 * all v_b, b < k, t is that of the block's complement, plus 1.
 *
 * The inverse of the transposed transform has the same levels with x and y swapped. With the
 * array reversed that is x += t y, y += x again, t that of the block's complement. So one code
 * does for both, and point j of the one is point j of the other when the first is shifted: this is
 * why GF2_FFT_VALUES is.
 *
 * Constant in time: nothing branches on or indexes by the data; the t are public.
 */

#ifndef QKD_ENGINE_GF2_FFT_H
#define QKD_ENGINE_GF2_FFT_H

#include <stddef.h>
#include <stdint.h>

#define GF2_FFT_LOG2_MIN 8 /* of the number of points */
#define GF2_FFT_LOG2_MAX 22
#define GF2_CHUNK_MAX    11

struct gf2_fft {
	const char *name;
	unsigned int chunk;  /* log2 of the elements whose last levels are done in one go */
	unsigned int per_us; /* butterflies in a microsecond, roughly */
	/* N pairs X[i], Y[i], N a multiple of 16: x += t y, y += x; and back. */
	void (*rows)(uint64_t *x, uint64_t *y, size_t n, uint64_t t);
	void (*rows_back)(uint64_t *x, uint64_t *y, size_t n, uint64_t t);
	/*
	 * The last K levels of 2^K consecutive elements, 4 <= K <= CHUNK. T[i] is the t of their
	 * first block at level i, and SPAN[j], j < 2^(K-1), the sum of v_(b+1) over the bits b of
	 * j: block j's is T[i] + SPAN[j]. The order of the values is the implementation's own.
	 */
	void (*chunk_forward)(uint64_t *x, unsigned int k, const uint64_t *t, const uint64_t *span);
	void (*chunk_back)(uint64_t *x, unsigned int k, const uint64_t *t, const uint64_t *span);
	/* x *= y, N a multiple of 16. */
	void (*multiply)(uint64_t *x, const uint64_t *y, size_t n);
};

/* Ordinary C: multiplications of integers with holes between their bits. */
extern const struct gf2_fft gf2_fft_portable;

/* PCLMULQDQ; VPCLMULQDQ on 256 and on 512 bits; NULL where the CPU has none. */
const struct gf2_fft *gf2_fft_pclmul(void);
const struct gf2_fft *gf2_fft_vpclmul(void);
const struct gf2_fft *gf2_fft_avx512(void);

/* The fastest that this CPU has. */
const struct gf2_fft *gf2_fft_best(void);

/* Product in GF(2^64), portable. */
uint64_t gf2_multiply(uint64_t a, uint64_t b);

enum gf2_fft_kind {
	GF2_FFT_VALUES,    /* coefficients to values, at the shifted points */
	GF2_FFT_TRANSPOSED /* the inverse of the transposed transform, of a reversed array */
};

struct gf2_fft_plan {
	const struct gf2_fft *fft;
	unsigned int k, chunk; /* logs of the number of points and of a chunk */
	uint64_t v[GF2_FFT_LOG2_MAX];
	uint64_t span[1 << (GF2_CHUNK_MAX - 1)];
};

/* GF2_FFT_LOG2_MIN <= K <= GF2_FFT_LOG2_MAX. */
void gf2_fft_plan_init(struct gf2_fft_plan *p, const struct gf2_fft *fft, unsigned int k);

/*
 * A transform is so many passes, a pass so many pieces. Pass by pass all pieces, in any order, are
 * the forward transform; the passes from the last to the first with gf2_fft_piece_back() undo it.
 */
unsigned int gf2_fft_passes(const struct gf2_fft_plan *p);
size_t gf2_fft_pieces(const struct gf2_fft_plan *p, unsigned int pass);
/* Butterflies in a piece of the pass. */
size_t gf2_fft_piece_work(const struct gf2_fft_plan *p, unsigned int pass);
void gf2_fft_piece(const struct gf2_fft_plan *p, uint64_t *x, enum gf2_fft_kind kind,
                   unsigned int pass, size_t piece);
void gf2_fft_piece_back(const struct gf2_fft_plan *p, uint64_t *x, enum gf2_fft_kind kind,
                        unsigned int pass, size_t piece);

#endif
