/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The hash keys of both directions, counted. A session begins with those of the pre-shared
 * secret; a block that becomes key renews them for the blocks that begin after it. A block
 * keeps those that it began with: those that Bob had, who begins it, so that Alice, who renews
 * them first, keeps the last ones too.
 */

#ifndef QKD_ENGINE_HASH_KEYS_H
#define QKD_ENGINE_HASH_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "qkd-engine/auth.h"

struct hash_keys {
	struct auth_key *ab, *ba;
	bool preshared, odd; /* renewed an odd number of times in the session */
	uint64_t uses;       /* tags that this end made under its own */
	unsigned int holders;
};

/* Tags after which Alice renews them: 256 bits of key, 4 bits a block. */
#define HASH_KEYS_USES 64

/* With one holder. KEY: of A to B, then of B to A. NULL: secret memory is full. */
struct hash_keys *hash_keys_create(const uint8_t key[2 * AUTH_TAG_BYTES], bool preshared);
struct hash_keys *hash_keys_hold(struct hash_keys *h);
/* The last one destroys them; NULL is allowed. */
void hash_keys_release(struct hash_keys *h);

#endif
