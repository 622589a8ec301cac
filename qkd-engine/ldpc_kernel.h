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
 * edges have least, |a| <= |b| <= |c| <= ...: min-sum. The exact magnitude is lower,
 *
 *      f(a, b) = a - ln(1 + e^-(b - a)) + ln(1 + e^-(b + a)),
 *
 * and so on for the third and later ones (box-plus; Hagenauer, Offer and Papke 1996). The first
 * correction is a table, taken for the two least after the least; the last term and all
 * further edges are left to a factor. This takes a third minimum for each check, and nothing
 * more for each edge.
 */
struct ldpc_rule {
	uint8_t correction[16]; /* by half the difference, or the last one */
	uint16_t factor;        /* of 256 */
	uint8_t clip;           /* greatest magnitude of a message */
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
