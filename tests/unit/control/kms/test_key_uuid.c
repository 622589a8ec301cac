/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/key_uuid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/bytes.h"
#include "common/hkdf.h"
#include "common/secret.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

static const uint8_t shared[32] = "thirty-two bytes of both sides!";
static const struct key_uuid_place some = {
        .link = 7, .route = 0, .class = KEY_UUID_FROM_A, .position = 123456, .length = 32};

static struct key_uuid_keys *keys(uint8_t link)
{
	static int ready;
	struct key_uuid_keys *k;

	if (!ready)
		CU_ASSERT_FATAL(secret_init(1 << 20, NULL) == 0);
	ready = 1;
	k = key_uuid_keys_new(shared, sizeof(shared), link, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	return k;
}

static int same_place(const struct key_uuid_place *a, const struct key_uuid_place *b)
{
	return a->link == b->link && a->route == b->route && a->class == b->class &&
	       a->position == b->position && a->length == b->length;
}

static void test_other_end_reads_where_the_key_is(void)
{
	static const uint64_t positions[] = {
	        0, 1, 255, 256, 65535, 1ULL << 32, KEY_UUID_POSITIONS - 32};
	struct key_uuid_keys *a = keys(7), *b = keys(7);
	uint8_t uuid[16];

	for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++)
		for (uint16_t length = 1; length <= KEY_UUID_LENGTH; length++) {
			struct key_uuid_place in = some, out;

			in.position = positions[i];
			in.length = length;
			in.route = length & KEY_UUID_ROUTE;
			in.class = length & 1 ? KEY_UUID_FROM_A : KEY_UUID_FROM_B;
			CU_ASSERT_EQUAL(key_uuid_issue(a, &in, "alice", "bob", uuid, NULL), 0);
			CU_ASSERT_EQUAL(uuid[6] >> 4, 8);
			CU_ASSERT_EQUAL(uuid[8] >> 6, 2);
			CU_ASSERT_EQUAL(key_uuid_check(b, uuid, "alice", "bob", &out),
			                KEY_UUID_GOOD);
			CU_ASSERT(same_place(&in, &out));
		}
	key_uuid_keys_free(a);
	key_uuid_keys_free(b);
}

/* Computed apart with Python's hmac and hashlib: the wire format, which both ends must keep. */
static void test_known_identifier(void)
{
	struct key_uuid_keys *k = keys(7);
	char text[KEY_UUID_TEXT + 1];
	char master[256] = "", slave[256] = "";
	uint8_t uuid[16];

	CU_ASSERT_EQUAL(
	        key_uuid_issue(k, &some, "IIIIJJJJKKKKLLLL", "MMMMNNNNOOOOPPPP", uuid, NULL), 0);
	key_uuid_format(uuid, text);
	CU_ASSERT_STRING_EQUAL(text, "07080000-01e2-8401-bd92-dc00583de894");
	/* Names that fill many blocks of the hash. */
	memset(master, 'm', 255);
	memset(slave, 's', 254);
	CU_ASSERT_EQUAL(key_uuid_issue(k, &some, master, slave, uuid, NULL), 0);
	key_uuid_format(uuid, text);
	CU_ASSERT_STRING_EQUAL(text, "07080000-01e2-8401-bd92-dc00585981d0");
	key_uuid_keys_free(k);
}

static void test_any_changed_bit_was_not_issued_or_is_of_others(void)
{
	struct key_uuid_keys *k = keys(7);
	struct key_uuid_place out;
	uint8_t uuid[16];

	CU_ASSERT_EQUAL(key_uuid_issue(k, &some, "alice", "bob", uuid, NULL), 0);
	for (int bit = 0; bit < 128; bit++) {
		uuid[bit / 8] ^= 0x80 >> bit % 8;
		/* Pair tag: the last 32. */
		CU_ASSERT_EQUAL(key_uuid_check(k, uuid, "alice", "bob", &out),
		                bit >= 96 ? KEY_UUID_OTHER_PAIR : KEY_UUID_NOT_ISSUED);
		CU_ASSERT_EQUAL(out.length, 0);
		uuid[bit / 8] ^= 0x80 >> bit % 8;
	}
	CU_ASSERT_EQUAL(key_uuid_check(k, uuid, "alice", "bob", &out), KEY_UUID_GOOD);
	key_uuid_keys_free(k);
}

static void test_other_saes(void)
{
	static const char *const others[][2] = {
	        {"bob", "alice"},   {"alice", "carol"}, {"carol", "bob"}, {"aliceb", "ob"},
	        {"", "alicebob"},   {"alice", "bob "},  {"Alice", "bob"}, {"alice\3bob", ""},
	        {"alic", "e\3bob"}, {"alice", "bo"}};
	struct key_uuid_keys *k = keys(7);
	struct key_uuid_place out;
	char longest[256], longer[257];
	uint8_t uuid[16];

	CU_ASSERT_EQUAL(key_uuid_issue(k, &some, "alice", "bob", uuid, NULL), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CU_ASSERT_EQUAL(key_uuid_check(k, uuid, others[i][0], others[i][1], &out),
		                KEY_UUID_OTHER_PAIR);
	memset(longest, 'x', 255);
	longest[255] = '\0';
	memset(longer, 'x', 256);
	longer[256] = '\0';
	CU_ASSERT_EQUAL(key_uuid_issue(k, &some, longest, longest, uuid, NULL), 0);
	CU_ASSERT_EQUAL(key_uuid_check(k, uuid, longest, longest, &out), KEY_UUID_GOOD);
	CU_ASSERT_EQUAL(key_uuid_check(k, uuid, longest, longer, &out), KEY_UUID_OTHER_PAIR);
	CU_ASSERT_EQUAL(key_uuid_issue(k, &some, longer, "bob", uuid, NULL), -EINVAL);
	key_uuid_keys_free(k);
}

static void test_other_link_or_secret(void)
{
	struct key_uuid_keys *k = keys(7), *link = keys(8), *secret;
	struct key_uuid_place out;
	uint8_t uuid[16], other[32] = "something else, of 32 bytes too";

	secret = key_uuid_keys_new(other, sizeof(other), 7, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(secret);
	CU_ASSERT_EQUAL(key_uuid_issue(k, &some, "alice", "bob", uuid, NULL), 0);
	CU_ASSERT_EQUAL(key_uuid_check(link, uuid, "alice", "bob", &out), KEY_UUID_NOT_ISSUED);
	CU_ASSERT_EQUAL(key_uuid_check(secret, uuid, "alice", "bob", &out), KEY_UUID_NOT_ISSUED);
	key_uuid_keys_free(k);
	key_uuid_keys_free(link);
	key_uuid_keys_free(secret);
}

static void test_issues_within_the_streams_alone(void)
{
	struct key_uuid_place bad[8];
	struct key_uuid_keys *k = keys(7);
	uint8_t uuid[16] = {0}, before[16] = {0};
	struct err err;

	for (int i = 0; i < 8; i++)
		bad[i] = some;
	bad[0].link = 8;
	bad[1].route = 16;
	bad[2].class = 0; /* the gateway's own: never delivered */
	bad[3].class = 1;
	bad[4].length = 0;
	bad[5].length = 257;
	bad[6].position = KEY_UUID_POSITIONS;
	bad[7].position = KEY_UUID_POSITIONS - 3; /* 32 bytes are four units */
	for (int i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(key_uuid_issue(k, &bad[i], "a", "b", uuid, &err), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is outside link 7"));
		CU_ASSERT_EQUAL(memcmp(uuid, before, 16), 0);
	}
	CU_ASSERT_PTR_NULL(key_uuid_keys_new(shared, 31, 7, &err));
	CU_ASSERT_EQUAL(err.code, EINVAL);
	key_uuid_keys_free(k);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static void test_no_identifier_twice(void)
{
	enum { N = 50000 };
	struct key_uuid_keys *k = keys(7);
	uint8_t(*all)[16] = malloc(sizeof(*all) * N);
	struct key_uuid_place p = some;
	int twice = 0;

	for (int i = 0; i < N; i++) {
		p.position = (uint64_t)(i / 2) * 4;
		p.class = i & 1 ? KEY_UUID_FROM_A : KEY_UUID_FROM_B;
		CU_ASSERT_EQUAL_FATAL(key_uuid_issue(k, &p, "a", "b", all[i], NULL), 0);
	}
	qsort(all, N, sizeof(*all), compare);
	for (int i = 1; i < N; i++)
		twice += memcmp(all[i - 1], all[i], 16) == 0;
	CU_ASSERT_EQUAL(twice, 0);
	free(all);
	key_uuid_keys_free(k);
}

static void test_text(void)
{
	/* RFC 9562 appendix B.2: a UUID of version 8. */
	static const char text[] = "5c146b14-3c52-8afd-938a-375d0df1fbf6";
	char again[KEY_UUID_TEXT + 1], upper[] = "5C146B14-3C52-8AFD-938A-375D0DF1FBF6";
	uint8_t uuid[16], same[16];

	CU_ASSERT_EQUAL(key_uuid_parse(text, 36, uuid), 0);
	CU_ASSERT_EQUAL(uuid[0], 0x5c);
	CU_ASSERT_EQUAL(uuid[15], 0xf6);
	key_uuid_format(uuid, again);
	CU_ASSERT_STRING_EQUAL(again, text);
	CU_ASSERT_EQUAL(key_uuid_parse(upper, 36, same), 0);
	CU_ASSERT_EQUAL(memcmp(uuid, same, 16), 0);
}

/* Each byte at each place, and each length. */
static void test_text_that_is_no_uuid(void)
{
	static const char good[] = "5c146b14-3c52-8afd-938a-375d0df1fbf6-0";
	char text[64];
	uint8_t uuid[16] = {0}, before[16] = {0};

	for (size_t len = 0; len < sizeof(good); len++)
		if (len != 36)
			CU_ASSERT_EQUAL(key_uuid_parse(good, len, uuid), -EINVAL);
	for (int at = 0; at < 36; at++)
		for (int c = 0; c < 256; c++) {
			int dash = good[at] == '-';
			int ok = dash ? c == '-' : c != 0 && strchr("0123456789abcdefABCDEF", c);

			memcpy(text, good, 36);
			text[at] = (char)c;
			if (ok)
				continue;
			CU_ASSERT_EQUAL(key_uuid_parse(text, 36, uuid), -EINVAL);
		}
	CU_ASSERT_EQUAL(memcmp(uuid, before, 16), 0);
}

static uint64_t tag(const char *info, const uint8_t *msg, size_t n)
{
	uint8_t key[32], mac[32];

	hkdf_sha256(shared, sizeof(shared), "lumengate kms v1", 16, info, strlen(info), key, 32);
	HMAC(EVP_sha256(), key, 32, msg, n, mac, NULL);
	return get_be64(mac);
}

/* A peer that has the secret and is wrong: keys of the gateway's own, of other links, past the end.
 */
static void test_right_tags_over_a_wrong_place(void)
{
	static const uint64_t good = UINT64_C(7) << 56 | UINT64_C(2) << 50 | 123456 << 8 | 31;
	static const uint64_t wrong[] = {UINT64_C(2) << 50, /* class 0 */
	                                 UINT64_C(3) << 50, /* class 1 */
	                                 UINT64_C(1) << 56, /* link 6 */
	                                 ((KEY_UUID_POSITIONS - 1) ^ 123456) << 8};
	struct key_uuid_keys *k = keys(7);
	struct key_uuid_place out;

	for (int i = -1; i < 4; i++) {
		uint64_t v = good ^ (i < 0 ? 0 : wrong[i]), issue, pair;
		uint8_t uuid[16], msg[12] = {[8] = 1, 'a', 1, 'b'};

		put_be64(msg, v);
		issue = tag("key identifier issue\7", msg, 8) >> 38;
		pair = tag("key identifier pair\7", msg, 12) >> 32;
		put_be64(uuid, (v >> 16) << 16 | 8 << 12 | (v >> 4 & 0xfff));
		put_be64(uuid + 8, UINT64_C(2) << 62 | (v & 15) << 58 | issue << 32 | pair);
		CU_ASSERT_EQUAL(key_uuid_check(k, uuid, "a", "b", &out),
		                i < 0 ? KEY_UUID_GOOD : KEY_UUID_NOT_ISSUED);
	}
	key_uuid_keys_free(k);
}

/* What is made up is never taken for issued: 2^-26 each. */
static void test_made_up(void)
{
	struct key_uuid_keys *k = keys(7);
	struct key_uuid_place out;
	uint8_t uuid[16];
	int passed = 0;

	for (int i = 0; i < 20000; i++) {
		for (int j = 0; j < 16; j++)
			uuid[j] = (uint8_t)dice(256);
		uuid[0] = 7;
		uuid[6] = (uint8_t)(0x80 | (uuid[6] & 15));
		uuid[8] = (uint8_t)(0x80 | (uuid[8] & 63));
		passed += key_uuid_check(k, uuid, "a", "b", &out) != KEY_UUID_NOT_ISSUED;
	}
	CU_ASSERT_EQUAL(passed, 0);
	key_uuid_keys_free(k);
}

UNIT_MAIN(UNIT(test_other_end_reads_where_the_key_is), UNIT(test_known_identifier),
          UNIT(test_any_changed_bit_was_not_issued_or_is_of_others), UNIT(test_other_saes),
          UNIT(test_other_link_or_secret), UNIT(test_issues_within_the_streams_alone),
          UNIT(test_no_identifier_twice), UNIT(test_text), UNIT(test_text_that_is_no_uuid),
          UNIT(test_right_tags_over_a_wrong_place), UNIT(test_made_up))
