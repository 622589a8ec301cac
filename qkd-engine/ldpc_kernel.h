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

#include <stddef.h>
#include <stdint.h>

#define LDPC_LLR_MAX 127

/* Bytes behind the Z of a circulant's reliabilities that a kernel may use. */
#define LDPC_PAD 64

/*
 * The check rule. To each edge goes, with the sign that makes the check hold, what its other
 * edges combine to. Two magnitudes a and b combine to
 *
 *      f(a, b) = min(a, b) + ln(1 + e^-(a + b)) - ln(1 + e^-|a - b|)
 *
 * (box-plus; Hagenauer, Offer and Papke 1996), and so on. That is exact here, but for rounding,
 * towards the edge with the least magnitude; the others all get the combination of all edges, their
 * own included, which hardly counts as it is not the least: A-min* of Jones, Valles, Smith and
 * Villasenor (MILCOM 2003). Min-sum's two least magnitudes are not enough for checks of so many
 * edges: they lose a fifth of the rate, whatever they are scaled by.
 */
struct ldpc_rule {
	/*
	 * ln(1 + e^-x) by x, or the last one: 0. Rounded down more often than up for edges of even
	 * number, up more often for those of odd: else the many small corrections of a long check
	 * would all round to nothing.
	 */
	uint8_t correction[2][16];
	uint8_t clip; /* greatest magnitude of a message */
};

struct ldpc_layer {
	const uint16_t *col, *shift; /* of the entries; shifts count modulo Z */
	unsigned int degree;
	size_t z;
	const uint64_t *syndrome; /* Z bits, what the checks should be */
	int8_t *llr;      /* by column: Z reliabilities (negative: the bit is 1) and LDPC_PAD */
	int8_t *messages; /* DEGREE * Z, in an order that is the kernel's; at first zero */
};

struct ldpc_kernel {
	const char *name;
	size_t lanes;        /* Z is a multiple of it */
	unsigned int per_us; /* edges in a microsecond, roughly */
	/* Checks that did not hold before; LLR and MESSAGES are updated. Aligned to 64 bytes. */
	unsigned int (*layer)(const struct ldpc_layer *l, const struct ldpc_rule *rule);
};

/* Ordinary C. */
extern const struct ldpc_kernel ldpc_kernel_portable;

/* AVX2, 32 checks at once; NULL where the CPU has none. */
const struct ldpc_kernel *ldpc_kernel_avx2(void);

/* AVX-512BW, 64 checks at once; NULL where the CPU has none. */
const struct ldpc_kernel *ldpc_kernel_avx512(void);

/* The fastest that this CPU has for circulants of Z. */
const struct ldpc_kernel *ldpc_kernel_best(size_t z);

#endif
