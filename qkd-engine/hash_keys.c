/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/hash_keys.h"

#include <stdlib.h>

struct hash_keys *hash_keys_create(const uint8_t key[2 * AUTH_TAG_BYTES], bool preshared)
{
	struct hash_keys *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	*h = (struct hash_keys){.ab = auth_key_create(key),
	                        .ba = auth_key_create(key + AUTH_TAG_BYTES),
	                        .preshared = preshared,
	                        .holders = 1};
	if (h->ab == NULL || h->ba == NULL) {
		hash_keys_release(h);
		return NULL;
	}
	return h;
}

struct hash_keys *hash_keys_hold(struct hash_keys *h)
{
	h->holders++;
	return h;
}

void hash_keys_release(struct hash_keys *h)
{
	if (h == NULL || --h->holders > 0)
		return;
	auth_key_destroy(h->ab);
	auth_key_destroy(h->ba);
	free(h);
}
