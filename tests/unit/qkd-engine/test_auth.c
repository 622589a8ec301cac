/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/auth.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "common/bytes.h"
#include "common/gcm.h"
#include "common/secret.h"

static const uint8_t hash_key[16] = {0xb8, 0x3b, 0x53, 0x37, 0x08, 0xbf, 0x53, 0x5d,
                                     0x0a, 0xa6, 0xe5, 0x29, 0x80, 0xd5, 0x3b, 0x78};

/*
 * The hash, bit by bit: multiplication of NIST SP 800-38D, section 6.3 (bit 0 is the most
 * significant bit of byte 0; the polynomial is x^128 + x^7 + x^2 + x + 1).
 */
static void multiply(uint8_t x[16], const uint8_t y[16])
{
	uint8_t z[16] = {0}, v[16];

	memcpy(v, y, 16);
	for (int i = 0; i < 128; i++) {
		bool carry = v[15] & 1;

		if (x[i / 8] >> (7 - i % 8) & 1)
			for (int j = 0; j < 16; j++)
				z[j] ^= v[j];
		for (int j = 15; j > 0; j--)
			v[j] = (uint8_t)(v[j] >> 1 | v[j - 1] << 7);
		v[0] >>= 1;
		if (carry)
			v[0] ^= 0xe1;
	}
	memcpy(x, z, 16);
}

static void reference_item(uint8_t state[16], uint8_t kind, const uint8_t *data, size_t len)
{
	uint8_t block[16] = {0};

	block[7] = kind;
	put_be64(block + 8, len);
	for (size_t pos = 0;; pos += 16) {
		for (int j = 0; j < 16; j++)
			state[j] ^= block[j];
		multiply(state, hash_key);
		if (pos >= len)
			break;
		memset(block, 0, 16);
		memcpy(block, data + pos, len - pos < 16 ? len - pos : 16);
	}
}

static struct auth_key *make_key(const uint8_t *bytes)
{
	struct auth_key *k;

	if (secret_size() == 0)
		CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, NULL), 0);
	k = auth_key_create(bytes);
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	return k;
}

/* The tag of COUNT messages, label "label", pad of zeros. */
static void tag_of(const struct auth_key *key, const char *const *msgs, const size_t *lens,
                   size_t count, const char *label, uint8_t tag[16])
{
	static const uint8_t pad[16];
	struct auth_transcript t;

	auth_transcript_init(&t, key);
	for (size_t i = 0; i < count; i++)
		auth_transcript_add(&t, msgs[i], lens[i]);
	auth_transcript_tag(&t, label, strlen(label), pad, tag);
}

static void test_equals_bitwise_reference(void)
{
	static const size_t lens[] = {0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 129, 1000, 4097};
	struct auth_key *k = make_key(hash_key);
	static uint8_t msg[4097];
	uint8_t pad[16], want[16] = {0}, tag[16];
	struct auth_transcript t;

	for (size_t i = 0; i < sizeof(msg); i++)
		msg[i] = (uint8_t)(i * 37 + 11);
	memcpy(pad, msg + 99, 16);
	auth_transcript_init(&t, k);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		uint8_t masked[16];

		auth_transcript_add(&t, msg, lens[i]);
		reference_item(want, 1, msg, lens[i]);
		memcpy(masked, want, 16);
		reference_item(masked, 2, (const uint8_t *)"A to B, block 7", 15);
		for (int j = 0; j < 16; j++)
			masked[j] ^= pad[j];
		auth_transcript_tag(&t, "A to B, block 7", 15, pad, tag);
		CU_ASSERT_EQUAL(memcmp(tag, masked, 16), 0);
	}
	CU_ASSERT_EQUAL(t.messages, sizeof(lens) / sizeof(lens[0]));
	auth_key_destroy(k);
}

/* GHASH itself: test case 2 of McGrew and Viega, as the reference computes it. */
static void test_reference_is_ghash(void)
{
	uint8_t x[16] = {0x03, 0x88, 0xda, 0xce, 0x60, 0xb6, 0xa3, 0x92,
	                 0xf3, 0x28, 0xc2, 0xb9, 0x71, 0xb2, 0xfe, 0x78};
	static const uint8_t h[16] = {0x66, 0xe9, 0x4b, 0xd4, 0xef, 0x8a, 0x2c, 0x3b,
	                              0x88, 0x4c, 0xfa, 0x59, 0xca, 0x34, 0x2b, 0x2e};
	static const uint8_t want[16] = {0x5e, 0x2e, 0xc7, 0x46, 0x91, 0x70, 0x62, 0x88,
	                                 0x2c, 0x85, 0xb0, 0x68, 0x53, 0x53, 0xde, 0xb7};

	multiply(x, h);
	CU_ASSERT_EQUAL(memcmp(x, want, 16), 0);
}

/* The same bytes, cut or ordered otherwise, or with zeros that padding would add. */
static void test_no_two_transcripts_alike(void)
{
	static const struct {
		const char *msgs[3];
		size_t lens[3], count;
		const char *label;
	} cases[] = {
	        {{"abcd"}, {4}, 1, "L"},
	        {{"ab", "cd"}, {2, 2}, 2, "L"},
	        {{"cd", "ab"}, {2, 2}, 2, "L"},
	        {{"a", "bcd"}, {1, 3}, 2, "L"},
	        {{"abcd", ""}, {4, 0}, 2, "L"},
	        {{"", "abcd"}, {0, 4}, 2, "L"},
	        {{"abcd\0"}, {5}, 1, "L"},
	        {{"\0abcd"}, {5}, 1, "L"},
	        {{"abcd\0\0\0\0\0\0\0\0\0\0\0\0"}, {16}, 1, "L"},
	        {{"abcd"}, {4}, 1, "M"},
	        {{"abcd"}, {4}, 1, ""},
	        {{"abcd", "L"}, {4, 1}, 2, ""},
	        {{""}, {0}, 0, "L"},
	        {{""}, {0}, 1, "L"},
	        {{"", ""}, {0, 0}, 2, "L"},
	};
	enum { COUNT = sizeof(cases) / sizeof(cases[0]) };
	struct auth_key *k = make_key(hash_key);
	uint8_t tags[COUNT][16];

	for (size_t i = 0; i < COUNT; i++) {
		tag_of(k, cases[i].msgs, cases[i].lens, cases[i].count, cases[i].label, tags[i]);
		for (size_t j = 0; j < i; j++)
			CU_ASSERT_NOT_EQUAL(memcmp(tags[i], tags[j], 16), 0);
	}
	auth_key_destroy(k);
}

static void test_key_and_pad_matter(void)
{
	static const char *const msgs[] = {"parity"};
	static const size_t lens[] = {6};
	uint8_t other[16], pad[16] = {0x80, [15] = 1}, tags[3][16];
	struct auth_key *k = make_key(hash_key), *k2;
	struct auth_transcript t;

	memcpy(other, hash_key, 16);
	other[3] ^= 4;
	k2 = make_key(other);
	tag_of(k, msgs, lens, 1, "L", tags[0]);
	tag_of(k2, msgs, lens, 1, "L", tags[1]);
	CU_ASSERT_NOT_EQUAL(memcmp(tags[0], tags[1], 16), 0);
	auth_transcript_init(&t, k);
	auth_transcript_add(&t, "parity", 6);
	auth_transcript_tag(&t, "L", 1, pad, tags[2]);
	tags[0][0] ^= 0x80;
	tags[0][15] ^= 1;
	CU_ASSERT_EQUAL(memcmp(tags[0], tags[2], 16), 0);
	auth_key_destroy(k);
	auth_key_destroy(k2);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

/* Two messages, 5 and 2 blocks with their headers, and a label of 5: never less than that. */
static void test_forgery_probability(void)
{
	struct auth_key *key = auth_key_create(hash_key);
	struct auth_transcript t;
	uint8_t message[64] = {0};

	auth_transcript_init(&t, key);
	auth_transcript_add(&t, message, 64);
	auth_transcript_add(&t, message, 1);
	CU_ASSERT(auth_forgery_probability(&t, 64) >= ldexp(5 + 2 + 5, -128));
	CU_ASSERT(auth_forgery_probability(&t, 64) <= ldexp(5 + 2 + 5 + 3, -128));
	auth_key_destroy(key);
}

UNIT_MAIN(UNIT(test_reference_is_ghash), UNIT(test_equals_bitwise_reference),
          UNIT(test_no_two_transcripts_alike), UNIT(test_key_and_pad_matter),
          UNIT(test_forgery_probability))
