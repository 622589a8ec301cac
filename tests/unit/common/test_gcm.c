/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/gcm.h"
#include "tests/unit/common/gcm_libraries.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/wait.h>

/* Seal with OpenSSL, the independent implementation. */
static void openssl_seal(const uint8_t *key, const uint8_t *iv, const uint8_t *aad, int aad_len,
                         const uint8_t *in, int len, uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	CU_ASSERT_EQUAL(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, iv), 1);
	CU_ASSERT_EQUAL(EVP_EncryptUpdate(c, NULL, &n, aad, aad_len), 1);
	CU_ASSERT_EQUAL(EVP_EncryptUpdate(c, out, &n, in, len), 1);
	CU_ASSERT_EQUAL(EVP_EncryptFinal_ex(c, out + n, &n), 1);
	CU_ASSERT_EQUAL(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, tag), 1);
	EVP_CIPHER_CTX_free(c);
}

static void test_missing_library_is_named(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(gcm_provider_init("/nonexistent/libIPSec_MB.so", &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nonexistent"));
	CU_ASSERT_PTR_NULL(gcm_provider());
}

static void test_equals_openssl_at_every_length(void)
{
	_Alignas(64) static uint8_t schedule[GCM_KEY_BYTES];
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	struct gcm_key *k = (struct gcm_key *)schedule;
	struct gcm_context *c = (struct gcm_context *)context;
	static uint8_t in[2048], out[2048], want[2048], back[2048];
	uint8_t key[32], iv[12], aad[12], tag[16], want_tag[16], open_tag[16];
	struct err err = {0};
	const struct gcm_provider *p;

	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, &err), 0);
	p = gcm_provider();
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 131 + 7);
	memcpy(key, in, 32);
	memcpy(iv, in + 32, 12);
	memcpy(aad, in + 44, 12);
	p->key_expand(key, k);
	for (int len = 1; len < 1600; len += len < 300 ? 1 : 61) {
		p->seal(k, c, out, in, (uint64_t)len, iv, aad, 12, tag, 16);
		openssl_seal(key, iv, aad, 12, in, len, want, want_tag);
		CU_ASSERT_EQUAL(memcmp(out, want, (size_t)len), 0);
		CU_ASSERT_EQUAL(memcmp(tag, want_tag, 16), 0);
		p->open(k, c, back, out, (uint64_t)len, iv, aad, 12, open_tag, 16);
		CU_ASSERT_EQUAL(memcmp(back, in, (size_t)len), 0);
		CU_ASSERT_EQUAL(memcmp(open_tag, tag, 16), 0);
	}
}

/* GHASH of test case 2 in McGrew and Viega: H and C of a zero key. */
static void test_ghash_vector(void)
{
	static const uint8_t h[16] = {0x66, 0xe9, 0x4b, 0xd4, 0xef, 0x8a, 0x2c, 0x3b,
	                              0x88, 0x4c, 0xfa, 0x59, 0xca, 0x34, 0x2b, 0x2e};
	static const uint8_t text[32] = {0x03, 0x88, 0xda, 0xce, 0x60, 0xb6, 0xa3, 0x92,       0xf3,
	                                 0x28, 0xc2, 0xb9, 0x71, 0xb2, 0xfe, 0x78, [31] = 0x80};
	static const uint8_t want[16] = {0xf3, 0x8c, 0xbb, 0x1a, 0xd6, 0x92, 0x23, 0xdc,
	                                 0xc3, 0x45, 0x7a, 0xe5, 0xb6, 0xb0, 0xf8, 0x85};
	_Alignas(64) static uint8_t schedule[GCM_KEY_BYTES];
	uint8_t tag[16] = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, &err), 0);
	gcm_provider()->ghash_key(h, (struct gcm_key *)schedule);
	gcm_provider()->ghash((struct gcm_key *)schedule, text, 32, tag, 16);
	CU_ASSERT_EQUAL(memcmp(tag, want, 16), 0);
}

/* Before anything is chosen. */
static void test_forced_choice_that_cannot_be(void)
{
	struct gcm_provider runs[PROVIDERS_MAX];
	struct err err = {0};
	unsigned int n = gcm_provider_list(NULL, runs, PROVIDERS_MAX, &err);
	static const char *const names[] = {"vaes-avx512", "vaes-avx2", "avx512", "avx2", "sse"};

	CU_ASSERT_TRUE_FATAL(n > 0);
	CU_ASSERT_EQUAL(gcm_provider_force(NULL, "avx1024", &err), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "gcm-provider: there is no \"avx1024\"");
	CU_ASSERT_EQUAL(gcm_provider_force("/nonexistent/lib.so", "sse", &err), -ENOENT);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool can = false;

		for (unsigned int k = 0; k < n; k++)
			can |= strcmp(runs[k].name, names[i]) == 0;
		if (can)
			continue;
		CU_ASSERT_EQUAL(gcm_provider_force(NULL, names[i], &err), -ENOTSUP);
		CU_ASSERT_PTR_EQUAL(strstr(err.text, "gcm-provider: "), err.text);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, names[i]));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot run here: "));
	}
	CU_ASSERT_PTR_NULL(gcm_provider());
}

/* In a process of its own each, since a choice is for good. */
static void test_every_code_can_be_forced(void)
{
	struct gcm_provider runs[PROVIDERS_MAX];
	unsigned int n = gcm_provider_list(NULL, runs, PROVIDERS_MAX, NULL);
	int status;

	CU_ASSERT_TRUE_FATAL(n > 0);
	fflush(NULL);
	for (unsigned int i = 0; i < n; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(gcm_provider_force(NULL, runs[i].name, NULL) != 0 ||
			      strcmp(gcm_provider()->name, runs[i].name) != 0 ||
			      gcm_provider()->seal != runs[i].seal ||
			      gcm_provider_force(NULL, runs[i].name, NULL) != 0 ||
			      gcm_provider_force(NULL, runs[(i + 1) % n].name, NULL) !=
			              (n > 1 ? -EBUSY : 0) ||
			      gcm_provider_force(NULL, "auto", NULL) != 0);
		CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
		CU_ASSERT_EQUAL(status, 0);
	}
}

/* The best of what there is: VAES code comes before all other. */
static void test_best_code_is_chosen(void)
{
	struct gcm_provider runs[PROVIDERS_MAX];

	CU_ASSERT_TRUE_FATAL(gcm_provider_list(NULL, runs, PROVIDERS_MAX, NULL) > 0);
	CU_ASSERT_STRING_EQUAL(gcm_provider()->name, runs[0].name);
	CU_ASSERT_TRUE(gcm_provider()->key_bytes >= 256 &&
	               gcm_provider()->key_bytes <= GCM_KEY_BYTES);
}

static void test_choice_is_named(void)
{
	CU_ASSERT_NOT_EQUAL(gcm_provider()->name[0], '\0');
	CU_ASSERT_PTR_NOT_NULL(strstr(gcm_provider()->library, "IPSec_MB"));
}

UNIT_MAIN(UNIT(test_missing_library_is_named), UNIT(test_forced_choice_that_cannot_be),
          UNIT(test_every_code_can_be_forced), UNIT(test_equals_openssl_at_every_length),
          UNIT(test_ghash_vector), UNIT(test_choice_is_named), UNIT(test_best_code_is_chosen))
