/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From the coefficients of x^j to those of X_j (gf2_fft.h), after Lin, Al-Naffouri, Han and Chung,
 * IEEE Trans. Inf. Theory 62, 2016: sums alone, as all is over GF(2). With q the largest power of
 * two below k, s_q(x) = x^(2^q) + x, and a polynomial of 2^k coefficients is expanded in powers of
 * s_q: q low bits of the index then belong to the powers of x, and those above to the powers of
 * s_q; both are converted in the same way.
 *
 * One halving of the expansion divides blocks of 2^(q+e+1) coefficients by s_q^(2^e) = x^(2^(q+e))
 * + x^(2^e): with T = 2^q and E = 2^e
 *
 *     f[i - T E + E] += f[i] for i from 2 T E - 1 down to T E.
 *
 * The inverse of the transposed conversion, of a reversed array, has the same order and form, only
 * that what above leads from upper half to upper half stays in the lower one.
 */

#ifndef QKD_ENGINE_GF2_BASIS_H
#define QKD_ENGINE_GF2_BASIS_H

#include <stddef.h>
#include <stdint.h>

#define GF2_BASIS_LOG2_MIN   8
#define GF2_BASIS_LOG2_MAX   22
#define GF2_BASIS_PASSES_MAX 48

enum gf2_basis_kind {
	GF2_BASIS_DIRECT,     /* coefficients to those of X_j */
	GF2_BASIS_TRANSPOSED, /* the inverse of the transposed conversion, of a reversed array */
	GF2_BASIS_TRANSPOSED_BACK
};

struct gf2_basis_pass {
	uint8_t q, e, unit; /* UNIT: log2 of the distance of the indices converted */
};

struct gf2_basis_plan {
	unsigned int k;
	/* The first WIDE passes reach across chunks; the others and the last eight bits do not. */
	unsigned int passes, wide;
	struct gf2_basis_pass pass[GF2_BASIS_PASSES_MAX];
};

/* GF2_BASIS_LOG2_MIN <= K <= GF2_BASIS_LOG2_MAX. */
void gf2_basis_plan_init(struct gf2_basis_plan *p, unsigned int k);

/*
 * All pieces of a conversion, in order from 0. F has 2^k elements of ELEMENT 32-bit words, 1 or 2.
 */
size_t gf2_basis_pieces(const struct gf2_basis_plan *p);
/* Additions of elements in a piece; one that converts the last eight bits has twelve times as many.
 */
size_t gf2_basis_piece_additions(const struct gf2_basis_plan *p);
void gf2_basis_piece(const struct gf2_basis_plan *p, uint32_t *f, unsigned int element,
                     enum gf2_basis_kind kind, size_t piece);

#endif
