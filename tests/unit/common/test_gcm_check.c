/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/gcm_check.h"
#include "tests/unit/common/gcm_libraries.h"

#include <string.h>

/* A good provider, and one that differs from it in one function, one length, one bit. */
static struct gcm_provider good, bad;

static void seal_other(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *out,
                       const uint8_t *in, uint64_t len, const uint8_t *iv, const uint8_t *aad,
                       uint64_t aad_len, uint8_t *tag, uint64_t tag_len)
{
	good.seal(key, ctx, out, in, len, iv, aad, aad_len, tag, tag_len);
	if (len == 1420)
		tag[15] ^= 1;
}

static void open_other(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *out,
                       const uint8_t *in, uint64_t len, const uint8_t *iv, const uint8_t *aad,
                       uint64_t aad_len, uint8_t *tag, uint64_t tag_len)
{
	good.open(key, ctx, out, in, len, iv, aad, aad_len, tag, tag_len);
	if (len == 33)
		out[32] ^= 0x80;
}

static void update_other(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *out,
                         const uint8_t *in, uint64_t len)
{
	good.seal_update(key, ctx, out, in, len);
	if (len == 7)
		out[6] ^= 1;
}

static void final_other(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *tag,
                        uint64_t tag_len)
{
	good.open_final(key, ctx, tag, tag_len);
	tag[0] ^= 1;
}

static void hash_other(const struct gcm_key *key, const void *in, uint64_t len, void *tag,
                       uint64_t tag_len)
{
	good.ghash(key, in, len, tag, tag_len);
	if (len == 17)
		((uint8_t *)tag)[3] ^= 4;
}

static void expand_too_much(const void *key, struct gcm_key *out)
{
	good.key_expand(key, out);
	((uint8_t *)out)[GCM_KEY_BYTES] = ((uint8_t *)out)[GCM_KEY_BYTES] == 0x5a ? 1 : 0x5a;
}

static void expand_odd(const void *key, struct gcm_key *out)
{
	good.key_expand(key, out);
	memset((uint8_t *)out + 1500, 0x5a, 17);
}

static void start(void)
{
	struct gcm_provider p[PROVIDERS_MAX];

	CU_ASSERT_TRUE_FATAL(providers(p) > 0);
	good = bad = p[0];
}

static void test_good_code_passes(void)
{
	struct gcm_provider p[PROVIDERS_MAX];
	unsigned int n = providers(p);

	for (unsigned int i = 0; i < n; i++) {
		CU_ASSERT_TRUE(gcm_check_known_answer(&p[i]));
		for (unsigned int k = 0; k < n; k++)
			CU_ASSERT_TRUE(gcm_check_agrees(&p[i], &p[k]));
	}
}

static void test_one_wrong_bit_is_found(void)
{
	start();
	bad.seal = seal_other;
	CU_ASSERT_FALSE(gcm_check_agrees(&bad, &good));
	bad = good;
	bad.open = open_other;
	CU_ASSERT_FALSE(gcm_check_agrees(&bad, &good));
	bad = good;
	bad.seal_update = update_other;
	CU_ASSERT_FALSE(gcm_check_agrees(&bad, &good));
	bad = good;
	bad.open_final = final_other;
	CU_ASSERT_FALSE(gcm_check_agrees(&bad, &good));
	bad = good;
	bad.ghash = hash_other;
	CU_ASSERT_FALSE(gcm_check_agrees(&bad, &good));
	bad = good;
	CU_ASSERT_TRUE(gcm_check_agrees(&bad, &good));
}

static void test_key_bytes(void)
{
	start();
	bad.key_expand = expand_too_much;
	CU_ASSERT_EQUAL(gcm_check_key_bytes(&bad), 0);
	/* Seen though it writes what one of the fillings is. */
	bad.key_expand = expand_odd;
	CU_ASSERT_EQUAL(gcm_check_key_bytes(&bad), 1536);
	bad = good;
	CU_ASSERT_EQUAL(gcm_check_key_bytes(&bad), good.key_bytes);
}

/* A schedule between canaries: nothing is written beyond key_bytes, and it works there. */
static void test_schedules_fit_their_bytes(void)
{
	_Alignas(64) static uint8_t memory[2 * GCM_KEY_BYTES + 64];
	struct gcm_provider p[PROVIDERS_MAX];
	unsigned int n = providers(p);

	for (unsigned int i = 0; i < n; i++) {
		printf("  %s of %s: %zu bytes\n", p[i].name, p[i].library, p[i].key_bytes);
		CU_ASSERT_TRUE(p[i].key_bytes >= 256 && p[i].key_bytes <= GCM_KEY_BYTES);
		CU_ASSERT_EQUAL(p[i].key_bytes % 64, 0);
		for (unsigned int key = 0; key < 64; key++) {
			uint8_t bytes[32];

			memset(bytes, (int)key * 5, sizeof(bytes));
			memset(memory, 0x33, sizeof(memory));
			p[i].key_expand(bytes, (struct gcm_key *)(memory + 64));
			if (key % 2 == 1)
				p[i].ghash_key(bytes, (struct gcm_key *)(memory + 64));
			for (unsigned int at = 0; at < 64; at++)
				CU_ASSERT_EQUAL(memory[at], 0x33);
			for (size_t at = 64 + p[i].key_bytes; at < sizeof(memory); at++)
				if (memory[at] != 0x33)
					CU_FAIL_FATAL("written beyond key_bytes");
		}
	}
}

UNIT_MAIN(UNIT(test_good_code_passes), UNIT(test_one_wrong_bit_is_found), UNIT(test_key_bytes),
          UNIT(test_schedules_fit_their_bytes))
