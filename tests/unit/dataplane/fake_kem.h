/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A key encapsulation without any secrecy, with the ways of ML-KEM-768: a key that follows from
 * the seed, a secret for a key, and for a wrong ciphertext another secret. Where libcrypto has
 * no ML-KEM it stands in for it.
 */

#ifndef TESTS_FAKE_KEM_H
#define TESTS_FAKE_KEM_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/hkdf.h"
#include "common/mlkem.h"
#include "common/random.h"

static struct {
	unsigned int keys, encapsulations, decapsulations;
	bool no_key, refuse_key; /* what fails */
} fake_kem_calls;

static inline void fake_kem_expand(const char *label, const void *a, size_t a_len, const void *b,
                                   size_t b_len, uint8_t *out, size_t n)
{
	hkdf_sha256(a, a_len, b, b_len, label, strlen(label), out, n);
}

static inline int fake_kem_key(const uint8_t seed[MLKEM_SEED_BYTES], uint8_t ek[MLKEM_KEY_BYTES])
{
	fake_kem_calls.keys++;
	if (fake_kem_calls.no_key)
		return -EIO;
	fake_kem_expand("key", seed, MLKEM_SEED_BYTES, "", 0, ek, MLKEM_KEY_BYTES);
	return 0;
}

/* The first 32 bytes of CT are random, the others follow. */
static inline void fake_kem_by(const uint8_t ek[MLKEM_KEY_BYTES],
                               uint8_t ct[MLKEM_CIPHERTEXT_BYTES],
                               uint8_t shared[MLKEM_SHARED_BYTES])
{
	fake_kem_expand("ciphertext", ek, MLKEM_KEY_BYTES, ct, 32, ct + 32,
	                MLKEM_CIPHERTEXT_BYTES - 32);
	fake_kem_expand("shared", ek, MLKEM_KEY_BYTES, ct, 32, shared, MLKEM_SHARED_BYTES);
}

static inline int fake_kem_encapsulate(const uint8_t ek[MLKEM_KEY_BYTES],
                                       uint8_t ct[MLKEM_CIPHERTEXT_BYTES],
                                       uint8_t shared[MLKEM_SHARED_BYTES])
{
	fake_kem_calls.encapsulations++;
	if (fake_kem_calls.refuse_key)
		return -EINVAL;
	random_bytes(ct, 32);
	fake_kem_by(ek, ct, shared);
	return 0;
}

static inline int fake_kem_decapsulate(const uint8_t seed[MLKEM_SEED_BYTES],
                                       const uint8_t ct[MLKEM_CIPHERTEXT_BYTES],
                                       uint8_t shared[MLKEM_SHARED_BYTES])
{
	uint8_t ek[MLKEM_KEY_BYTES], again[MLKEM_CIPHERTEXT_BYTES];

	fake_kem_calls.decapsulations++;
	fake_kem_expand("key", seed, MLKEM_SEED_BYTES, "", 0, ek, sizeof(ek));
	memcpy(again, ct, 32);
	fake_kem_by(ek, again, shared);
	if (memcmp(again, ct, sizeof(again)) != 0)
		fake_kem_expand("rejected", seed, MLKEM_SEED_BYTES, ct, MLKEM_CIPHERTEXT_BYTES,
		                shared, MLKEM_SHARED_BYTES);
	return 0;
}

static const struct mlkem fake_kem = {.key = fake_kem_key,
                                      .encapsulate = fake_kem_encapsulate,
                                      .decapsulate = fake_kem_decapsulate};

#endif
