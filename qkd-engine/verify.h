/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Verification: a 128-bit universal hash of the reconciled block. Two different strings of
 * n bits have the same tag under a uniform key with probability at most ceil(n / 128) / 2^128.
 *
 * The hash is GHASH (NIST SP 800-38D, section 6.4) of the bits, least significant first in
 * bytes, padded with zeros to 128, and a block with their number. The tag discloses at most
 * VERIFY_TAG_BITS of the block to who knows HASH_KEY: count them as leaked.
 */

#ifndef QKD_ENGINE_VERIFY_H
#define QKD_ENGINE_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFY_TAG_BITS 128

/*
 * Hash BITS bits of KEY (bit string) under the fresh random HASH_KEY. gcm_provider_init()
 * (common/gcm.h) must have succeeded before. 10^6 bits take about 25 us.
 */
void verify_tag(const uint64_t *key, size_t bits, const uint8_t hash_key[16], uint8_t tag[16]);

/*
 * The same in steps: verify_start(), then verify_step() until it says true, and TAG is there. KEY
 * stays the caller's and as it is.
 */
struct verify {
	const uint64_t *key;
	size_t bits, at; /* AT: words that are hashed */
	uint8_t hash_key[16], tag[16];
};
void verify_start(struct verify *v, const uint64_t *key, size_t bits, const uint8_t hash_key[16]);
bool verify_step(struct verify *v); /* below 50 us */

#endif
