/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/seal.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/hkdf.h"
#include "common/secret.h"

struct seal {
	_Alignas(64) uint8_t schedule[GCM_KEY_BYTES];
};

static const struct gcm_key *schedule_of(const struct seal *s)
{
	return (const struct gcm_key *)s->schedule;
}

struct seal *seal_new(const uint8_t storage_key[SEAL_KEY_BYTES], const void *salt, size_t salt_len,
                      const char *label)
{
	struct seal *s = secret_alloc(sizeof(*s));
	uint8_t *key = secret_alloc(SEAL_KEY_BYTES);

	if (s != NULL && key != NULL &&
	    hkdf_sha256(storage_key, SEAL_KEY_BYTES, salt, salt_len, label, strlen(label), key,
	                SEAL_KEY_BYTES) == 0) {
		gcm_provider()->key_expand(key, (struct gcm_key *)s->schedule);
	} else {
		secret_free(s);
		s = NULL;
	}
	secret_free(key);
	return s;
}

void seal_free(struct seal *s)
{
	secret_free(s);
}

void seal_close(const struct seal *s, const uint8_t nonce[GCM_IV_BYTES], const void *aad,
                size_t aad_len, const uint8_t *in, size_t n, uint8_t *out)
{
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];

	gcm_provider()->seal(schedule_of(s), (struct gcm_context *)context, out, in, n, nonce, aad,
	                     aad_len, out + n, GCM_TAG_BYTES);
	secret_wipe(context, sizeof(context));
}

int seal_open(const struct seal *s, const uint8_t nonce[GCM_IV_BYTES], const void *aad,
              size_t aad_len, const uint8_t *in, size_t n, uint8_t *out)
{
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	uint8_t tag[GCM_TAG_BYTES];

	gcm_provider()->open(schedule_of(s), (struct gcm_context *)context, out, in, n, nonce, aad,
	                     aad_len, tag, GCM_TAG_BYTES);
	secret_wipe(context, sizeof(context));
	if (bytes_equal_ct(tag, in + n, GCM_TAG_BYTES))
		return 0;
	secret_wipe(out, n);
	return -EBADMSG;
}
