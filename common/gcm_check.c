/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/gcm_check.h"

#include <string.h>

/*
 * One text of 48 bytes under AES-256-GCM: test case 15 of McGrew and Viega, "The
 * Galois/Counter Mode of Operation", shortened to three blocks, whole and in pieces, there
 * and back. The first block of its ciphertext is 522dc1f099567d07f47f37a32a84427d.
 */
bool gcm_check_known_answer(const struct gcm_provider *p)
{
	static const uint8_t key[32] = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
	                                0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
	                                0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
	                                0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
	static const uint8_t iv[12] = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
	                               0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
	static const uint8_t plain[48] = {
	        0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5,
	        0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda,
	        0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31, 0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95,
	        0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25};
	static const uint8_t first[16] = {0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07,
	                                  0xf4, 0x7f, 0x37, 0xa3, 0x2a, 0x84, 0x42, 0x7d};
	_Alignas(64) uint8_t schedule[GCM_KEY_BYTES] = {0};
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	struct gcm_key *k = (struct gcm_key *)schedule;
	struct gcm_context *c = (struct gcm_context *)context;
	uint8_t out[48], back[48], pieces[48], tag[3][16];

	p->key_expand(key, k);
	p->seal(k, c, out, plain, 48, iv, key, 12, tag[0], 16);
	p->open(k, c, back, out, 48, iv, key, 12, tag[1], 16);
	p->init(k, c, iv, key, 12);
	p->seal_update(k, c, pieces, plain, 17);
	p->seal_update(k, c, pieces + 17, plain + 17, 31);
	p->seal_final(k, c, tag[2], 16);
	return memcmp(out, first, 16) == 0 && memcmp(back, plain, 48) == 0 &&
	       memcmp(pieces, out, 48) == 0 && memcmp(tag[0], tag[1], 16) == 0 &&
	       memcmp(tag[0], tag[2], 16) == 0;
}

#define LENGTH_MAX 9018

/* P seals and opens LEN bytes in pieces of PIECE as REFERENCE does whole. */
static bool pieces_agree(const struct gcm_provider *p, const struct gcm_key *k, uint64_t piece,
                         const uint8_t *plain, const uint8_t *sealed, uint64_t len,
                         const uint8_t *iv, const uint8_t *aad, const uint8_t *tag)
{
	static uint8_t text[LENGTH_MAX];
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	struct gcm_context *c = (struct gcm_context *)context;
	uint8_t got[16];
	bool same;

	p->init(k, c, iv, aad, 12);
	for (uint64_t at = 0, n; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		p->seal_update(k, c, text + at, plain + at, n);
	}
	p->seal_final(k, c, got, 16);
	same = memcmp(text, sealed, len) == 0 && memcmp(got, tag, 16) == 0;
	p->init(k, c, iv, aad, 12);
	for (uint64_t at = 0, n; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		p->open_update(k, c, text + at, text + at, n);
	}
	p->open_final(k, c, got, 16);
	return same && memcmp(text, plain, len) == 0 && memcmp(got, tag, 16) == 0;
}

static bool length_agrees(const struct gcm_provider *p, const struct gcm_key *k,
                          const struct gcm_provider *reference, const struct gcm_key *rk,
                          const uint8_t *plain, uint64_t len)
{
	static const uint64_t pieces[] = {1, 7, 16, 17, 64, 100, 255, 1000};
	static uint8_t sealed[LENGTH_MAX], text[LENGTH_MAX];
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	struct gcm_context *c = (struct gcm_context *)context;
	const uint8_t *iv = plain + len % 64, *aad = plain + 64;
	uint8_t tag[16], got[16];

	reference->seal(rk, c, sealed, plain, len, iv, aad, 12, tag, 16);
	p->seal(k, c, text, plain, len, iv, aad, 12, got, 16);
	if (memcmp(text, sealed, len) != 0 || memcmp(got, tag, 16) != 0)
		return false;
	p->open(k, c, text, text, len, iv, aad, 12, got, 16);
	if (memcmp(text, plain, len) != 0 || memcmp(got, tag, 16) != 0)
		return false;
	/* A byte at a time is slow, and says no more of a long text than of a short one. */
	for (size_t i = len > 300 ? 2 : 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		if (!pieces_agree(p, k, pieces[i], plain, sealed, len, iv, aad, tag))
			return false;
	return true;
}

static bool hash_agrees(const struct gcm_provider *p, const struct gcm_provider *reference,
                        const uint8_t *text)
{
	_Alignas(64) uint8_t schedule[2][GCM_KEY_BYTES] = {0};
	struct gcm_key *k = (struct gcm_key *)schedule[0], *rk = (struct gcm_key *)schedule[1];

	p->ghash_key(text, k);
	reference->ghash_key(text, rk);
	for (uint64_t len = 1; len < LENGTH_MAX; len += len < 300 ? 1 : 509) {
		uint8_t state[2][16] = {{1}, {1}};

		p->ghash(k, text, len, state[0], 16);
		reference->ghash(rk, text, len, state[1], 16);
		if (memcmp(state[0], state[1], 16) != 0)
			return false;
	}
	return true;
}

bool gcm_check_agrees(const struct gcm_provider *p, const struct gcm_provider *reference)
{
	static const uint16_t long_ones[] = {511,  512,  513,  1023, 1024, 1025, 1420,      1500,
	                                     2047, 2048, 2049, 4095, 4096, 9000, LENGTH_MAX};
	_Alignas(64) uint8_t schedule[2][GCM_KEY_BYTES] = {0};
	struct gcm_key *k = (struct gcm_key *)schedule[0], *rk = (struct gcm_key *)schedule[1];
	static uint8_t plain[LENGTH_MAX];
	uint32_t x = 1;

	/* Any text will do; this is Marsaglia's xorshift32. */
	for (size_t i = 0; i < sizeof(plain); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		plain[i] = (uint8_t)(x >> 24);
	}
	p->key_expand(plain, k);
	reference->key_expand(plain, rk);
	for (uint64_t len = 1; len <= 300; len++)
		if (!length_agrees(p, k, reference, rk, plain, len))
			return false;
	for (size_t i = 0; i < sizeof(long_ones) / sizeof(long_ones[0]); i++)
		if (!length_agrees(p, k, reference, rk, plain, long_ones[i]))
			return false;
	return hash_agrees(p, reference, plain);
}

/* The end of what EXPAND writes over FILL. */
static size_t written(void (*expand)(const void *, struct gcm_key *), uint8_t fill)
{
	_Alignas(64) static uint8_t schedule[2 * GCM_KEY_BYTES];
	static const uint8_t key[32] = {1};
	size_t n = sizeof(schedule);

	memset(schedule, fill, sizeof(schedule));
	expand(key, (struct gcm_key *)schedule);
	while (n > 0 && schedule[n - 1] == fill)
		n--;
	return n;
}

size_t gcm_check_key_bytes(const struct gcm_provider *p)
{
	size_t most = 0;

	/* A last byte that happens to equal one filling differs from the other. */
	for (int i = 0; i < 2; i++) {
		size_t a = written(p->key_expand, i == 0 ? 0x5a : 0xa5);
		size_t b = written(p->ghash_key, i == 0 ? 0x5a : 0xa5);

		most = a > most ? a : most;
		most = b > most ? b : most;
	}
	most = (most + 63) & ~(size_t)63;
	return most <= GCM_KEY_BYTES ? most : 0;
}
