/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Products over GF(2) of a small Toeplitz matrix and a vector by carry-less multiplication,
 * in several implementations. Constant in time: nothing branches on or indexes by the data.
 */

#ifndef QKD_ENGINE_GF2_MUL_H
#define QKD_ENGINE_GF2_MUL_H

#include <stddef.h>
#include <stdint.h>

/*
 * OUT[0..w) = words w to 2w-1 of the product of T[0..2w) and V[0..w) as polynomials over
 * GF(2), bit i of word k being the coefficient of x^(64k+i): bit i of OUT is the sum over j of
 * bit i - j + 64 w of T times bit j of V. OUT overlaps neither T nor V.
 */
typedef void (*gf2_toeplitz_fn)(uint64_t *out, const uint64_t *t, const uint64_t *v, size_t w);

struct gf2_mul {
	const char *name;
	gf2_toeplitz_fn toeplitz;
	unsigned int per_us; /* products of two words in a microsecond, roughly */
};

/* Ordinary C: multiplications of integers with holes between their bits. */
extern const struct gf2_mul gf2_mul_portable;

/* PCLMULQDQ; NULL where the CPU has none. */
const struct gf2_mul *gf2_mul_pclmul(void);

/* VPCLMULQDQ with AVX2; NULL where the CPU has none. */
const struct gf2_mul *gf2_mul_vpclmul(void);

/* The fastest that this CPU has. */
const struct gf2_mul *gf2_mul_best(void);

#endif
