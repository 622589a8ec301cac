/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/keystore_block.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "common/bytes.h"
#include "common/gcm.h"
#include "common/hkdf.h"
#include "common/secret.h"

/*
 * Each key is sealed on its own, so that one can be wiped in place: AES-256-GCM under a key
 * derived for the block from the storage key and a fresh salt, the index as nonce, the
 * block's identity as associated data.
 */
static struct gcm_key *block_key(const struct keystore *ks, const uint8_t salt[16])
{
	static const char label[] = "lumengate key store block";
	struct gcm_key *schedule = secret_alloc(GCM_KEY_BYTES);
	uint8_t *key = secret_alloc(32);

	if (schedule != NULL && key != NULL &&
	    hkdf_sha256(ks->storage_key, 32, salt, 16, label, sizeof(label) - 1, key, 32) == 0) {
		gcm_provider()->key_expand(key, schedule);
	} else {
		secret_free(schedule);
		schedule = NULL;
	}
	secret_free(key);
	return schedule;
}

static void nonce_of(uint32_t index, uint8_t nonce[GCM_IV_BYTES])
{
	memset(nonce, 0, GCM_IV_BYTES);
	put_be32(nonce + GCM_IV_BYTES - 4, index);
}

int ks_seal(const struct keystore *ks, const uint8_t id[16], const uint8_t salt[16],
            const uint8_t *bytes, uint32_t keys, uint8_t *out)
{
	struct gcm_key *schedule = block_key(ks, salt);
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	uint8_t nonce[GCM_IV_BYTES];

	if (schedule == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < keys; i++, out += SEALED_KEY_BYTES) {
		nonce_of(i, nonce);
		gcm_provider()->seal(schedule, (struct gcm_context *)context, out,
		                     bytes + (size_t)i * KEY_BYTES, KEY_BYTES, nonce, id, 16,
		                     out + KEY_BYTES, 16);
	}
	secret_wipe(context, sizeof(context));
	secret_free(schedule);
	return 0;
}

int ks_unseal(const struct keystore *ks, const struct storage_block *at_rest, uint8_t *bytes)
{
	struct gcm_key *schedule = block_key(ks, at_rest->salt);
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	uint8_t nonce[GCM_IV_BYTES], tag[16];
	int rc = schedule == NULL ? -ENOMEM : 0;

	for (uint32_t i = 0; rc == 0 && i < at_rest->keys; i++) {
		const uint8_t *sealed = at_rest->sealed + (size_t)i * SEALED_KEY_BYTES;

		if (!(at_rest->bitmap[i / 8] >> (i % 8) & 1))
			continue;
		nonce_of(i, nonce);
		gcm_provider()->open(schedule, (struct gcm_context *)context,
		                     bytes + (size_t)i * KEY_BYTES, sealed, KEY_BYTES, nonce,
		                     at_rest->id, 16, tag, 16);
		if (!bytes_equal_ct(tag, sealed + KEY_BYTES, 16))
			rc = -EBADMSG;
	}
	secret_wipe(context, sizeof(context));
	secret_free(schedule);
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
