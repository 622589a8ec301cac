/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/verify.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/gcm.h"

static uint64_t state = 1;

static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* x = x y in GF(2^128), by algorithm 1 of NIST SP 800-38D. */
static void multiply(uint8_t x[16], const uint8_t y[16])
{
	uint64_t zh = 0, zl = 0, vh = get_be64(y), vl = get_be64(y + 8);

	for (int i = 0; i < 128; i++) {
		bool low = vl & 1;

		if (x[i / 8] >> (7 - i % 8) & 1) {
			zh ^= vh;
			zl ^= vl;
		}
		vl = vl >> 1 | vh << 63;
		vh = vh >> 1 ^ (low ? 0xe1ULL << 56 : 0);
	}
	put_be64(x, zh);
	put_be64(x + 8, zl);
}

static void reference(const uint64_t *key, size_t bits, const uint8_t h[16], uint8_t tag[16])
{
	size_t bytes = BITS_WORDS(bits) * 8;
	uint8_t length[16] = {0};

	memset(tag, 0, 16);
	for (size_t i = 0; i < bytes; i++) {
		tag[i % 16] ^= ((const uint8_t *)key)[i];
		if (i % 16 == 15 || i + 1 == bytes)
			multiply(tag, h);
	}
	put_be64(length + 8, bits);
	for (int i = 0; i < 16; i++)
		tag[i] ^= length[i];
	multiply(tag, h);
}

/* Test case 2 of McGrew and Viega: the ciphertext hashed with its length. */
static void test_published_vector(void)
{
	static const uint8_t h[16] = {0x66, 0xe9, 0x4b, 0xd4, 0xef, 0x8a, 0x2c, 0x3b,
	                              0x88, 0x4c, 0xfa, 0x59, 0xca, 0x34, 0x2b, 0x2e};
	static const uint8_t text[16] = {0x03, 0x88, 0xda, 0xce, 0x60, 0xb6, 0xa3, 0x92,
	                                 0xf3, 0x28, 0xc2, 0xb9, 0x71, 0xb2, 0xfe, 0x78};
	static const uint8_t want[16] = {0xf3, 0x8c, 0xbb, 0x1a, 0xd6, 0x92, 0x23, 0xdc,
	                                 0xc3, 0x45, 0x7a, 0xe5, 0xb6, 0xb0, 0xf8, 0x85};
	struct err err = {0};
	uint64_t key[2];
	uint8_t tag[16];

	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, &err), 0);
	memcpy(key, text, 16);
	verify_tag(key, 128, h, tag);
	CU_ASSERT_EQUAL(memcmp(tag, want, 16), 0);
}

static void test_against_definition(void)
{
	static const size_t lengths[] = {0, 1, 63, 64, 65, 127, 128, 129, 192, 255, 1000, 20001};

	for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
		size_t n = lengths[k];
		uint64_t *key = calloc(BITS_WORDS(n) + 1, 8), h[2] = {next(), next()};
		uint8_t tag[16], want[16];

		for (size_t i = 0; i < BITS_WORDS(n); i++)
			key[i] = next();
		if (n % 64 != 0)
			key[n / 64] &= ~0ULL >> (64 - n % 64);
		verify_tag(key, n, (uint8_t *)h, tag);
		reference(key, n, (uint8_t *)h, want);
		CU_ASSERT_EQUAL(memcmp(tag, want, 16), 0);
		free(key);
	}
}

static void test_sees_each_bit_and_the_length(void)
{
	uint64_t key[16], h[2] = {next(), next()};
	uint8_t tag[16], other[16];

	for (size_t i = 0; i < 16; i++)
		key[i] = next();
	key[15] &= 0xff;
	verify_tag(key, 968, (uint8_t *)h, tag);
	for (size_t i = 0; i < 968; i++) {
		key[i / 64] ^= 1ULL << (i % 64);
		verify_tag(key, 968, (uint8_t *)h, other);
		key[i / 64] ^= 1ULL << (i % 64);
		CU_ASSERT_NOT_EQUAL(memcmp(tag, other, 16), 0);
	}
	verify_tag(key, 969, (uint8_t *)h, other);
	CU_ASSERT_NOT_EQUAL(memcmp(tag, other, 16), 0);
	verify_tag(key, 968, (uint8_t *)h, other);
	CU_ASSERT_EQUAL(memcmp(tag, other, 16), 0);
	h[0] ^= 1;
	verify_tag(key, 968, (uint8_t *)h, other);
	CU_ASSERT_NOT_EQUAL(memcmp(tag, other, 16), 0);
}

/* Longer than a step: ends at, before and behind where steps do. */
static void test_steps(void)
{
	static const size_t bits[] = {1 << 20, (1 << 20) - 1, (1 << 20) + 1, (1 << 20) + 65,
	                              3 << 20};
	uint64_t *key = malloc((3 << 20) / 8 + 8);
	uint8_t h[16], tag[16];
	struct verify v;

	for (size_t i = 0; i <= (3 << 20) / 64; i++)
		key[i] = next();
	put_be64(h, next());
	put_be64(h + 8, next());
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		uint64_t last = key[bits[i] / 64];
		unsigned int steps = 1;

		if (bits[i] % 64 != 0)
			key[bits[i] / 64] &= ~0ULL >> (64 - bits[i] % 64);
		verify_start(&v, key, bits[i], h);
		for (; !verify_step(&v); steps++)
			;
		reference(key, bits[i], h, tag);
		CU_ASSERT_EQUAL(memcmp(v.tag, tag, sizeof(tag)), 0);
		CU_ASSERT_EQUAL(steps, (bits[i] + (1 << 20) - 1) >> 20);
		key[bits[i] / 64] = last;
	}
	free(key);
}

UNIT_MAIN(UNIT(test_published_vector), UNIT(test_against_definition), UNIT(test_steps),
          UNIT(test_sees_each_bit_and_the_length))
