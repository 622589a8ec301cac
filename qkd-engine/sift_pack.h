/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bit strings under masks, 64 detections at a time: what sifting does to bases, intensities and
 * bits. Portable, or by BMI2's PEXT and PDEP, whose time does not depend on the bits that they
 * move (on CPUs that microcode them, AMD before Zen 3, it does on the mask, which is public).
 */

#ifndef QKD_ENGINE_SIFT_PACK_H
#define QKD_ENGINE_SIFT_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/engine.h"

struct sift_pack {
	const char *name;
	/*
	 * The bits of IN where MASK has ones, in order, into OUT: WORDS + 1 words, zero beyond;
	 * returns how many they are.
	 */
	size_t (*extract)(const uint64_t *in, const uint64_t *mask, size_t words, uint64_t *out);
	/* The inverse: bits of IN, in order, to where MASK has ones; IN has WORDS + 1 words. */
	void (*deposit)(const uint64_t *in, const uint64_t *mask, size_t words, uint64_t *out);
	size_t (*count)(const uint64_t *in, size_t words);
	/*
	 * N choices as a string for each field; OTHER: an intensity above 1. Only the lowest bit
	 * of basis, bit and valid counts. Words are written as far as N reaches.
	 */
	void (*choices)(const struct choice *c, size_t n, uint64_t *x, uint64_t *bit,
	                uint64_t *decoy, uint64_t *valid, uint64_t *other);
};

extern const struct sift_pack sift_pack_portable;
const struct sift_pack *sift_pack_bmi2(void); /* NULL: this CPU has none */
const struct sift_pack *sift_pack_best(void);

#endif
