/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ML-KEM-768 (FIPS 203), by libcrypto of OpenSSL 3.5 or later. Which one is loaded is seen at run
 * time: what was built with an older one finds it in a newer one.
 *
 *     const struct mlkem *kem = mlkem_find(&err);       NULL: this libcrypto has none
 *
 *     receiver                                   sender
 *     random seed; kem->key(seed, ek)       ek ->
 *                                           <- ct    kem->encapsulate(ek, ct, shared)
 *     kem->decapsulate(seed, ct, shared)
 *
 * The receiver keeps the seed (d and z, FIPS 203 section 3.3), not the decapsulation key that
 * follows from it: 64 bytes of secret memory; libcrypto's copies live for a call, and it wipes
 * them.
 */

#ifndef COMMON_MLKEM_H
#define COMMON_MLKEM_H

#include <stdint.h>

#include "common/err.h"

#define MLKEM_SEED_BYTES       64 /* d, z */
#define MLKEM_KEY_BYTES        1184
#define MLKEM_CIPHERTEXT_BYTES 1088
#define MLKEM_SHARED_BYTES     32

/* Each returns 0 or a negative errno; what it wrote is zero then. Tests put a fake here. */
struct mlkem {
	/* The encapsulation key of SEED, which is random and used once. */
	int (*key)(const uint8_t seed[MLKEM_SEED_BYTES], uint8_t ek[MLKEM_KEY_BYTES]);
	/* -EINVAL: EK has a coefficient that is not below q (FIPS 203 section 7.2). */
	int (*encapsulate)(const uint8_t ek[MLKEM_KEY_BYTES], uint8_t ct[MLKEM_CIPHERTEXT_BYTES],
	                   uint8_t shared[MLKEM_SHARED_BYTES]);
	/* A wrong CT succeeds, with a secret that nobody has (implicit rejection, section 7.3). */
	int (*decapsulate)(const uint8_t seed[MLKEM_SEED_BYTES],
	                   const uint8_t ct[MLKEM_CIPHERTEXT_BYTES],
	                   uint8_t shared[MLKEM_SHARED_BYTES]);
};

const struct mlkem *mlkem_find(struct err *err);

/* For published vectors alone: encapsulation by M (algorithm 17), decapsulation by a key. */
#define MLKEM_SECRET_KEY_BYTES 2400
int mlkem_encapsulate_by(const uint8_t ek[MLKEM_KEY_BYTES], const uint8_t m[32],
                         uint8_t ct[MLKEM_CIPHERTEXT_BYTES], uint8_t shared[MLKEM_SHARED_BYTES]);
int mlkem_decapsulate_by(const uint8_t dk[MLKEM_SECRET_KEY_BYTES],
                         const uint8_t ct[MLKEM_CIPHERTEXT_BYTES],
                         uint8_t shared[MLKEM_SHARED_BYTES]);

#endif
