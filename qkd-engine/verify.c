/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/verify.h"

#include <string.h>

#include "common/bytes.h"
#include "common/gcm.h"
#include "common/secret.h"

/*
 * The difference of two tags is a polynomial in the hash key with ceil(n / 128) coefficients,
 * not all zero, times its square (the length block is the same in both): at most
 * ceil(n / 128) - 1 roots beside zero.
 */
void verify_tag(const uint64_t *key, size_t bits, const uint8_t hash_key[16], uint8_t tag[16])
{
	const struct gcm_provider *gcm = gcm_provider();
	_Alignas(64) uint8_t schedule[GCM_KEY_BYTES];
	struct gcm_key *k = (struct gcm_key *)(void *)schedule;
	uint8_t length[16] = {0};

	put_be64(length + 8, bits);
	memset(tag, 0, 16);
	gcm->ghash_key(hash_key, k);
	if (bits > 0)
		gcm->ghash(k, key, BITS_WORDS(bits) * sizeof(*key), tag, 16);
	gcm->ghash(k, length, sizeof(length), tag, 16);
	secret_wipe(schedule, sizeof(schedule));
}
