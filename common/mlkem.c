/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/mlkem.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "common/secret.h"

#define NAME "ML-KEM-768"

/* EVP_PKEY-ML-KEM(7), EVP_KEM-ML-KEM(7): headers before 3.5 do not have these. */
#define PARAM_SEED "seed"
#define PARAM_M    "ikme"

/* A key of PARAM, "pub" or "priv"; NULL when libcrypto refuses it. */
static EVP_PKEY *load(const char *param, int selection, const uint8_t *bytes, size_t n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, NAME, NULL);
	OSSL_PARAM params[] = {
	        OSSL_PARAM_construct_octet_string(param, (void *)bytes, n),
	        OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, selection, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* FIPS 203, algorithm 16. */
static EVP_PKEY *from_seed(const uint8_t seed[MLKEM_SEED_BYTES])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, NAME, NULL);
	OSSL_PARAM params[] = {
	        OSSL_PARAM_construct_octet_string(PARAM_SEED, (void *)seed, MLKEM_SEED_BYTES),
	        OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_params(ctx, params) != 1 || EVP_PKEY_generate(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* The queue of reasons is the thread's: nobody else may find ours there. */
static int done(bool good, int error, uint8_t *out, size_t n)
{
	if (good)
		return 0;
	ERR_clear_error();
	secret_wipe(out, n);
	return -error;
}

static int key(const uint8_t seed[MLKEM_SEED_BYTES], uint8_t ek[MLKEM_KEY_BYTES])
{
	EVP_PKEY *k = from_seed(seed);
	size_t n = 0;
	bool good = k != NULL &&
	            EVP_PKEY_get_octet_string_param(k, OSSL_PKEY_PARAM_PUB_KEY, ek, MLKEM_KEY_BYTES,
	                                            &n) == 1 &&
	            n == MLKEM_KEY_BYTES;

	EVP_PKEY_free(k);
	return done(good, EIO, ek, MLKEM_KEY_BYTES);
}

int mlkem_encapsulate_by(const uint8_t ek[MLKEM_KEY_BYTES], const uint8_t m[32],
                         uint8_t ct[MLKEM_CIPHERTEXT_BYTES], uint8_t shared[MLKEM_SHARED_BYTES])
{
	EVP_PKEY *k = load(OSSL_PKEY_PARAM_PUB_KEY, EVP_PKEY_PUBLIC_KEY, ek, MLKEM_KEY_BYTES);
	EVP_PKEY_CTX *ctx = k == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, k, NULL);
	OSSL_PARAM params[] = {
	        OSSL_PARAM_construct_octet_string(PARAM_M, (void *)m, 32),
	        OSSL_PARAM_construct_end(),
	};
	size_t ct_len = MLKEM_CIPHERTEXT_BYTES, shared_len = MLKEM_SHARED_BYTES;
	bool good = ctx != NULL && EVP_PKEY_encapsulate_init(ctx, m == NULL ? NULL : params) == 1 &&
	            EVP_PKEY_encapsulate(ctx, ct, &ct_len, shared, &shared_len) == 1 &&
	            ct_len == MLKEM_CIPHERTEXT_BYTES && shared_len == MLKEM_SHARED_BYTES;
	int rc;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(k);
	rc = done(good, k == NULL ? EINVAL : EIO, shared, MLKEM_SHARED_BYTES);
	if (rc < 0)
		secret_wipe(ct, MLKEM_CIPHERTEXT_BYTES);
	return rc;
}

static int encapsulate(const uint8_t ek[MLKEM_KEY_BYTES], uint8_t ct[MLKEM_CIPHERTEXT_BYTES],
                       uint8_t shared[MLKEM_SHARED_BYTES])
{
	return mlkem_encapsulate_by(ek, NULL, ct, shared);
}

/* Frees K. */
static int open_with(EVP_PKEY *k, const uint8_t ct[MLKEM_CIPHERTEXT_BYTES],
                     uint8_t shared[MLKEM_SHARED_BYTES])
{
	EVP_PKEY_CTX *ctx = k == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, k, NULL);
	size_t n = MLKEM_SHARED_BYTES;
	bool good = ctx != NULL && EVP_PKEY_decapsulate_init(ctx, NULL) == 1 &&
	            EVP_PKEY_decapsulate(ctx, shared, &n, ct, MLKEM_CIPHERTEXT_BYTES) == 1 &&
	            n == MLKEM_SHARED_BYTES;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(k);
	return done(good, EIO, shared, MLKEM_SHARED_BYTES);
}

static int decapsulate(const uint8_t seed[MLKEM_SEED_BYTES],
                       const uint8_t ct[MLKEM_CIPHERTEXT_BYTES], uint8_t shared[MLKEM_SHARED_BYTES])
{
	return open_with(from_seed(seed), ct, shared);
}

int mlkem_decapsulate_by(const uint8_t dk[MLKEM_SECRET_KEY_BYTES],
                         const uint8_t ct[MLKEM_CIPHERTEXT_BYTES],
                         uint8_t shared[MLKEM_SHARED_BYTES])
{
	return open_with(
	        load(OSSL_PKEY_PARAM_PRIV_KEY, EVP_PKEY_KEYPAIR, dk, MLKEM_SECRET_KEY_BYTES), ct,
	        shared);
}

const struct mlkem *mlkem_find(struct err *err)
{
	static const struct mlkem by_libcrypto = {
	        .key = key, .encapsulate = encapsulate, .decapsulate = decapsulate};
	EVP_KEM *kem = EVP_KEM_fetch(NULL, NAME, NULL);

	if (kem == NULL) {
		ERR_clear_error();
		err_set(err, ENOTSUP, NAME " is not in %s: it takes 3.5 or later",
		        OpenSSL_version(OPENSSL_VERSION));
		return NULL;
	}
	EVP_KEM_free(kem);
	return &by_libcrypto;
}
