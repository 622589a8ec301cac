/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One layer of the decoder (ldpc_decoder.h) in several implementations, which give the same bytes.
 * A layer is the circulants of one base row, or of two merged ones: Z checks that share no bit,
 * so that any number of them may be computed at once. Checks are in lanes next to each other
 * because bits then are as well: a circulant is an unaligned load. One frame of 2^18 bits is
 * 256 KiB of reliabilities and a byte for each edge, which stay in the second-level cache; frames
 * in lanes, the usual way, would be 32 times as much and run at the speed of memory.
 */

#ifndef QKD_ENGINE_LDPC_KERNEL_H
#define QKD_ENGINE_LDPC_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LDPC_LLR_MAX 127

/* Most checks that a kernel takes at once. */
#define LDPC_LANES 64

/* Bytes behind the Z of a circulant's reliabilities that a kernel may use. */
#define LDPC_PAD 64

/*
 * The check rule. A check tells each of its edges, with the sign that makes it hold, what the
 * others imply together:
 *
 *      phi(sum of phi(|a|) over the other edges), phi(x) = -ln tanh(x / 2) = phi^-1(x)
 *
 * (Gallager 1963). Min-sum puts the least |a| for it: with the 20 to 100 edges of a check of a
 * high rate that is far too sure, and codes with the best thresholds are not decoded at all. Here
 * the sum is kept in a byte of 1/64, from a table of phi that rounds in one of two ways in turn
 * so that small terms are right on average. Its inverse is taken twice for each check, as in
 * A-min* (Jones, Valles, Smith, Villasenor, MILCOM 2003): for the edge with the least |a|, whose
 * term makes a difference, of the sum without it, and for all others of the whole sum. Results
 * are rounded in one of four ways, by the check. None is above the least |a| among the others, and
 * that is taken where the sum is zero.
 *
 * What a message could not add to a reliability, which is a byte, is no part of it: else it would
 * be taken away the next time. So a reliability is at any time what came from the channel and the
 * messages together. Without that a bit in a column of 30 checks, whose reliability has
 * overflowed, turns over when a few of them change their mind, misleads all 30, and the frame
 * diverges when it is nearly decoded.
 *
 * Reliabilities and messages are in quarters of the natural logarithm of a likelihood ratio. A
 * finer unit makes the columns with many edges overflow.
 */
#define LDPC_UNITS_PER_NAT 4

struct ldpc_rule {
	/* phi of 2 i - 1 and 2 i units on average, with two roundings, and rounded to nearest */
	uint8_t phi[2][16], phi_mid[16];
	/* inverse, in quarters of a unit: of sums 0 to 15, 16 to 63 by 4, 64 to 255 by 16 */
	uint8_t inverse[3][16];
};

void ldpc_rule_init(struct ldpc_rule *rule);

struct ldpc_layer {
	const uint16_t *col, *shift; /* of the entries; shifts count modulo Z */
	unsigned int degree;
	size_t z;                 /* a multiple of LDPC_LANES */
	bool fresh;               /* messages are not yet there: they would be zero */
	const uint64_t *syndrome; /* Z bits, what the checks should be */
	int8_t *llr;      /* by column: Z reliabilities (negative: the bit is 1) and LDPC_PAD */
	int8_t *messages; /* DEGREE * Z, in an order that is the kernel's */
};

struct ldpc_kernel {
	const char *name;
	unsigned int per_us; /* edges in a microsecond, roughly */
	/* Checks that did not hold before; LLR and MESSAGES are updated. Aligned to 64 bytes. */
	unsigned int (*layer)(const struct ldpc_layer *l, const struct ldpc_rule *rule);
};

/* Ordinary C. */
extern const struct ldpc_kernel ldpc_kernel_portable;

/* AVX2; NULL where the CPU has none. */
const struct ldpc_kernel *ldpc_kernel_avx2(void);

/* AVX-512BW; NULL where the CPU has none. */
const struct ldpc_kernel *ldpc_kernel_avx512(void);

/* The fastest that this CPU has. */
const struct ldpc_kernel *ldpc_kernel_best(void);

#endif
