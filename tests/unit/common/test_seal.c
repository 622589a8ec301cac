/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/seal.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/hkdf.h"
#include "common/secret.h"
#include "tests/unit/unit.h"

#define N 100

static const char label[] = "lumengate a kind of file";
static uint8_t storage_key[32], salt[16], nonce[12], text[N];

static void set_up(void)
{
	static int done;

	if (!done) {
		CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, NULL), 0);
		CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, NULL), 0);
	}
	done = 1;
	for (unsigned int i = 0; i < N; i++)
		text[i] = (uint8_t)(i * 7);
	memset(storage_key, 0x31, sizeof(storage_key));
	memset(salt, 0x52, sizeof(salt));
	memset(nonce, 0x73, sizeof(nonce));
}

/* The same by OpenSSL's cipher. */
static void test_as_openssl_does(void)
{
	uint8_t ours[N + 16], theirs[N + 16], key[32];
	struct seal *s;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	set_up();
	s = seal_new(storage_key, salt, sizeof(salt), label);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	seal_close(s, nonce, "where", 5, text, N, ours);
	hkdf_sha256(storage_key, 32, salt, 16, label, strlen(label), key, 32);
	CU_ASSERT(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	          EVP_EncryptUpdate(c, NULL, &n, (const uint8_t *)"where", 5) == 1 &&
	          EVP_EncryptUpdate(c, theirs, &n, text, N) == 1 && n == N &&
	          EVP_EncryptFinal_ex(c, theirs + N, &n) == 1 &&
	          EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, theirs + N) == 1);
	CU_ASSERT_EQUAL(memcmp(ours, theirs, sizeof(ours)), 0);
	EVP_CIPHER_CTX_free(c);
	seal_free(s);
}

/* One bit of anything that differs, and nothing is opened. */
static void test_opens_nothing_else(void)
{
	static const uint8_t zero[N];
	uint8_t sealed[N + 16], out[N];
	struct seal *s, *other;

	set_up();
	s = seal_new(storage_key, salt, sizeof(salt), label);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	seal_close(s, nonce, "where", 5, text, N, sealed);
	CU_ASSERT_EQUAL(seal_open(s, nonce, "where", 5, sealed, N, out), 0);
	CU_ASSERT_EQUAL(memcmp(out, text, N), 0);
	for (unsigned int i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		CU_ASSERT_EQUAL(seal_open(s, nonce, "where", 5, sealed, N, out), -EBADMSG);
		CU_ASSERT_EQUAL(memcmp(out, zero, N), 0);
		sealed[i] ^= 1;
	}
	CU_ASSERT_EQUAL(seal_open(s, nonce, "wherE", 5, sealed, N, out), -EBADMSG);
	nonce[0] ^= 1;
	CU_ASSERT_EQUAL(seal_open(s, nonce, "where", 5, sealed, N, out), -EBADMSG);
	nonce[0] ^= 1;
	salt[3] ^= 1;
	other = seal_new(storage_key, salt, sizeof(salt), label);
	CU_ASSERT_EQUAL(seal_open(other, nonce, "where", 5, sealed, N, out), -EBADMSG);
	seal_free(other);
	salt[3] ^= 1;
	storage_key[31] ^= 1;
	other = seal_new(storage_key, salt, sizeof(salt), label);
	CU_ASSERT_EQUAL(seal_open(other, nonce, "where", 5, sealed, N, out), -EBADMSG);
	seal_free(other);
	other = seal_new(storage_key, salt, sizeof(salt), "another kind");
	CU_ASSERT_EQUAL(seal_open(other, nonce, "where", 5, sealed, N, out), -EBADMSG);
	seal_free(other);
	seal_free(s);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

UNIT_MAIN(UNIT(test_as_openssl_does), UNIT(test_opens_nothing_else))
