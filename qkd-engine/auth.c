/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/auth.h"

#include <math.h>
#include <string.h>

#include "common/bytes.h"
#include "common/gcm.h"
#include "common/secret.h"

/*
 * A transcript is a sequence of items, each a header block (kind, length in bytes) and the
 * bytes padded with zeros to whole blocks. It can be read back from the front in one way
 * only, and its first block is never zero: so two transcripts are two polynomials, and
 * their difference plus any constant has at most as many roots as the longer has blocks.
 */
enum item { ITEM_MESSAGE = 1, ITEM_LABEL = 2 };

struct auth_key {
	_Alignas(64) uint8_t schedule[GCM_KEY_BYTES];
};

struct auth_key *auth_key_create(const uint8_t key[16])
{
	struct auth_key *k;

	if (gcm_provider() == NULL)
		return NULL;
	k = secret_alloc(sizeof(*k));
	if (k != NULL)
		gcm_provider()->ghash_key(key, (struct gcm_key *)k->schedule);
	return k;
}

void auth_key_destroy(struct auth_key *key)
{
	secret_free(key);
}

void auth_transcript_init(struct auth_transcript *t, const struct auth_key *key)
{
	*t = (struct auth_transcript){.key = key};
}

static void hash_item(const struct auth_key *key, uint8_t state[16], enum item kind,
                      const void *data, size_t len)
{
	const struct gcm_key *k = (const struct gcm_key *)key->schedule;
	uint8_t header[16];

	put_be64(header, kind);
	put_be64(header + 8, len);
	gcm_provider()->ghash(k, header, sizeof(header), state, 16);
	if (len > 0)
		gcm_provider()->ghash(k, data, len, state, 16);
}

void auth_transcript_add(struct auth_transcript *t, const void *msg, size_t len)
{
	hash_item(t->key, t->state, ITEM_MESSAGE, msg, len);
	t->messages++;
	t->bytes += len;
}

void auth_transcript_tag(const struct auth_transcript *t, const void *label, size_t label_len,
                         const uint8_t pad[AUTH_TAG_BYTES], uint8_t tag[AUTH_TAG_BYTES])
{
	uint8_t state[16];

	memcpy(state, t->state, sizeof(state));
	hash_item(t->key, state, ITEM_LABEL, label, label_len);
	for (size_t i = 0; i < AUTH_TAG_BYTES; i++)
		tag[i] = state[i] ^ pad[i];
	secret_wipe(state, sizeof(state));
}

double auth_forgery_probability(const struct auth_transcript *t, size_t label_len)
{
	/* A header an item, and less than one block of zeros to pad each. */
	double blocks =
	        (double)t->bytes / 16 + 2 * ((double)t->messages + 1) + (double)label_len / 16;

	return ldexp(blocks, -128);
}
