/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bit strings under masks, 64 detections at a time: what sifting does to bases, intensities and
 * bits. Portable, or by BMI2's PEXT and PDEP, whose time does not depend on the bits that they
 * move (on CPUs that microcode them, AMD before Zen 3, it does on the mask, which is public).
 */

#ifndef QKD_ENGINE_SIFT_PACK_H
#define QKD_ENGINE_SIFT_PACK_H

#include <stdbool.h>
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
	/*
	 * 64 detections: a word for each field and their slots plus OFFSET, modulo 2^64. False:
	 * these do not increase from FIRST on to SIFT_SLOT_MAX at most, and what was written is of
	 * no use.
	 */
	bool (*detections)(const struct detection *d, uint64_t offset, uint64_t first,
	                   uint64_t *slot, uint64_t *x, uint64_t *bit, uint64_t *cross);
	/* The least and the largest distance from one of N slots, 2 or more, to the next. */
	void (*range)(const uint64_t *slot, size_t n, uint64_t *least, uint64_t *most);
	/*
	 * N distances less LEAST, N a multiple of 8, as numbers of WIDTH bits each, from 1 to
	 * SIFT_PACK_WIDTH_MAX; writes up to 7 bytes more than they take. And back, which reads so.
	 */
	void (*put)(const uint64_t *slot, size_t n, uint64_t least, unsigned int width,
	            uint8_t *out);
	void (*get)(const uint8_t *in, size_t n, unsigned int width, uint16_t *out);
};

#define SIFT_PACK_WIDTH_MAX 14 /* eight: two words, each of whole bytes and four bits at most */

extern const struct sift_pack sift_pack_portable;
const struct sift_pack *sift_pack_bmi2(void); /* NULL: this CPU has none */
const struct sift_pack *sift_pack_best(void);

#endif
