/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/verify.h"

#include <string.h>

#include "common/bytes.h"
#include "common/gcm.h"
#include "common/secret.h"

/* In a step: 25 us where they come from the cache. */
#define STEP_WORDS ((size_t)16384)

void verify_start(struct verify *v, const uint64_t *key, size_t bits, const uint8_t hash_key[16])
{
	*v = (struct verify){.key = key, .bits = bits};
	memcpy(v->hash_key, hash_key, sizeof(v->hash_key));
}

/*
 * The difference of two tags is a polynomial in the hash key with ceil(n / 128) coefficients,
 * not all zero, times its square (the length block is the same in both): at most
 * ceil(n / 128) - 1 roots beside zero. A step ends where a block of 128 bits does.
 */
bool verify_step(struct verify *v)
{
	const struct gcm_provider *gcm = gcm_provider();
	_Alignas(64) uint8_t schedule[GCM_KEY_BYTES];
	struct gcm_key *k = (struct gcm_key *)(void *)schedule;
	size_t words = BITS_WORDS(v->bits) - v->at;
	uint8_t length[16] = {0};
	bool last = words <= STEP_WORDS;

	if (!last)
		words = STEP_WORDS;
	gcm->ghash_key(v->hash_key, k);
	if (words > 0)
		gcm->ghash(k, v->key + v->at, words * sizeof(*v->key), v->tag, 16);
	v->at += words;
	put_be64(length + 8, v->bits);
	if (last)
		gcm->ghash(k, length, sizeof(length), v->tag, 16);
	secret_wipe(schedule, sizeof(schedule));
	return last;
}

void verify_tag(const uint64_t *key, size_t bits, const uint8_t hash_key[16], uint8_t tag[16])
{
	struct verify v;

	verify_start(&v, key, bits, hash_key);
	while (!verify_step(&v))
		;
	memcpy(tag, v.tag, sizeof(v.tag));
}
