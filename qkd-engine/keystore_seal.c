/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/keystore_block.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "common/bytes.h"
#include "common/seal.h"

/*
 * Each key is sealed on its own, so that one can be wiped in place: the index is the nonce, the
 * block's identity the associated data.
 */
static struct seal *block_seal(const struct keystore *ks, const uint8_t salt[16])
{
	return seal_new(ks->storage_key, salt, 16, "lumengate key store block");
}

static void nonce_of(uint32_t index, uint8_t nonce[GCM_IV_BYTES])
{
	memset(nonce, 0, GCM_IV_BYTES);
	put_be32(nonce + GCM_IV_BYTES - 4, index);
}

int ks_seal(const struct keystore *ks, const uint8_t id[16], const uint8_t salt[16],
            const uint8_t *bytes, uint32_t keys, uint8_t *out)
{
	struct seal *seal = block_seal(ks, salt);
	uint8_t nonce[GCM_IV_BYTES];

	if (seal == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < keys; i++, out += SEALED_KEY_BYTES) {
		nonce_of(i, nonce);
		seal_close(seal, nonce, id, 16, bytes + (size_t)i * KEY_BYTES, KEY_BYTES, out);
	}
	seal_free(seal);
	return 0;
}

int ks_unseal(const struct keystore *ks, const struct storage_block *at_rest, uint8_t *bytes)
{
	struct seal *seal = block_seal(ks, at_rest->salt);
	uint8_t nonce[GCM_IV_BYTES];
	int rc = seal == NULL ? -ENOMEM : 0;

	for (uint32_t i = 0; rc == 0 && i < at_rest->keys; i++) {
		if (!(at_rest->bitmap[i / 8] >> (i % 8) & 1))
			continue;
		nonce_of(i, nonce);
		rc = seal_open(seal, nonce, at_rest->id, 16,
		               at_rest->sealed + (size_t)i * SEALED_KEY_BYTES, KEY_BYTES,
		               bytes + (size_t)i * KEY_BYTES);
	}
	seal_free(seal);
	return rc;
}

int ks_mac(const struct keystore *ks, const void *data, size_t len, uint8_t out[16])
{
	uint8_t mac[EVP_MAX_MD_SIZE];

	if (HMAC(EVP_sha256(), ks->summary_key, 32, data, len, mac, NULL) == NULL)
		return -EIO;
	memcpy(out, mac, 16);
	return 0;
}
