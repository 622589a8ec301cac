/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/skip.h"

#include "common/secret.h"

#include "tests/unit/control/http/check.h"

static const struct kms_limits limits = {
        .key_size = 256, .min_key_size = 64, .max_key_size = 1024, .max_key_per_request = 128};
static struct kms_skip_target t;
static struct http_fault f;

static int parse(const char *method, const char *target)
{
	return kms_skip_parse(method, target, strlen(target), &limits, &t, &f);
}

static void test_calls(void)
{
	CU_ASSERT_EQUAL(parse("GET", "/capabilities"), 0);
	CU_ASSERT_EQUAL(t.call, KMS_SKIP_CAPABILITIES);
	CU_ASSERT_EQUAL(parse("GET", "/key?remoteSystemID=KME%2DB"), 0);
	CU_ASSERT_EQUAL(t.call, KMS_SKIP_KEY);
	CU_ASSERT_STRING_EQUAL(t.remote, "KME-B");
	CU_ASSERT_EQUAL(t.bits, 256);
	CU_ASSERT_EQUAL(parse("GET", "/key?size=128&remoteSystemID=x"), 0);
	CU_ASSERT_EQUAL(t.bits, 128);
	CU_ASSERT_EQUAL(parse("GET", "/key/00112233445566778899AABBccddeeff?remoteSystemID=x"), 0);
	CU_ASSERT_EQUAL(t.call, KMS_SKIP_KEY_BY_ID);
	CU_ASSERT_EQUAL(t.uuid[1], 0x11);
	CU_ASSERT_EQUAL(t.uuid[10], 0xaa);
	CU_ASSERT_EQUAL(t.uuid[15], 0xff);
	CU_ASSERT_EQUAL(parse("GET", "/entropy"), 0);
	CU_ASSERT_EQUAL(t.bits, 256);
	CU_ASSERT_EQUAL(parse("GET", "/entropy?minentropy=7"), 0);
	CU_ASSERT_EQUAL(t.bits, 7);
}

static void test_other_paths_are_not_of_skip(void)
{
	static const char *const paths[] = {
	        "/api/v1/keys/x/enc_keys", "/", "/key/", "/keys", "/key/a/b", "/capabilities/", "",
	        "?remoteSystemID=x"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		CU_ASSERT_EQUAL(parse("GET", paths[i]), 0);
		CU_ASSERT_EQUAL(t.call, KMS_SKIP_NONE);
	}
}

static void test_refusals(void)
{
	static const struct {
		const char *target, *message;
	} bad[] = {
	        {"/key", "remoteSystemID: is missing"},
	        {"/key?remoteSystemID=", "remoteSystemID: is empty"},
	        {"/key?remoteSystemID=%01", "remoteSystemID: has a control character"},
	        {"/key?remoteSystemID=x&remoteSystemID=y", "remoteSystemID: is given twice"},
	        {"/key?remoteSystemID=x&size=0", "size: is not from 64 to 1024"},
	        {"/key?remoteSystemID=x&size=1032", "size: is not from 64 to 1024"},
	        {"/key?remoteSystemID=x&size=65", "size: is no multiple of 8"},
	        {"/key?remoteSystemID=x&size=64&size=64", "size: is given twice"},
	        {"/key?remoteSystemID=x&size=-1", "size: is not from 64 to 1024"},
	        {"/key?remoteSystemID=x&size=1e3", "size: is not an integer"},
	        {"/key?remoteSystemID=%zz", "query: has a %"},
	        {"/key/0011?remoteSystemID=x", "keyId: is not of 32 hexadecimal digits"},
	        {"/key/0011223344556677889900112233445g?remoteSystemID=x",
	         "keyId: is not of 32 hexadecimal digits"},
	        {"/key/00112233445566778899001122334455", "remoteSystemID: is missing"},
	        {"/entropy?minentropy=0", "minentropy: is not from 1 to 4096"},
	        {"/entropy?minentropy=4097", "minentropy: is not from 1 to 4096"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_fault(parse("GET", bad[i].target), &f, 400, bad[i].message);
	check_fault(parse("POST", "/key?remoteSystemID=x"), &f, 405, "method not allowed");
	CU_ASSERT_STRING_EQUAL(f.allow, "GET");
}

static void test_key_text(void)
{
	static const uint8_t uuid[16] = {0x01, 0xab, 0xff}, key[8] = {0x90, 0xa0, 0x0f, 0xf9};
	static const char want[] = "{\"keyId\":\"01abff00000000000000000000000000\",\"key\":"
	                           "\"90a00ff900000000\"}";
	char out[sizeof(want)];

	CU_ASSERT_EQUAL_FATAL(kms_skip_key_bytes(8), sizeof(want));
	CU_ASSERT_EQUAL(kms_skip_key_write(out, uuid, key, 8), strlen(want));
	CU_ASSERT_STRING_EQUAL(out, want);
}

static void test_entropy(void)
{
	static const uint32_t bits[] = {1, 8, 9, 256, KMS_SKIP_ENTROPY_BITS};
	char last[2 * KMS_SKIP_ENTROPY_BITS / 8 + 1] = "";

	CU_ASSERT_EQUAL(secret_init(1 << 20, NULL), 0);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		char *text = kms_skip_entropy(bits[i]);
		json_t *o = json_loads(text, 0, NULL);
		const char *r = json_string_value(json_object_get(o, "randomStr"));

		CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "minentropy")), bits[i]);
		CU_ASSERT_EQUAL(json_object_size(o), 2);
		CU_ASSERT_EQUAL(strlen(r), 2 * ((bits[i] + 7) / 8));
		CU_ASSERT_EQUAL(strspn(r, "0123456789abcdef"), strlen(r));
		/* The chance that it begins like the last is 2^-128. */
		if (bits[i] > 256)
			CU_ASSERT_NOT_EQUAL(strncmp(r, last, 32), 0);
		snprintf(last, sizeof(last), "%s", r);
		json_decref(o);
		secret_free(text);
	}
	CU_ASSERT_EQUAL(secret_used(), 0);
	secret_fini();
}

static void test_capabilities(void)
{
	static const char *const remote[] = {"KME-B", "west-*"};
	char *text = kms_skip_capabilities("KME-A", remote, 2);

	CU_ASSERT_STRING_EQUAL(text, "{\"entropy\":true,\"key\":true,\"algorithm\":\"QKD\","
	                             "\"localSystemID\":\"KME-A\",\"remoteSystemID\":[\"KME-B\","
	                             "\"west-*\"]}");
	free(text);
}

UNIT_MAIN(UNIT(test_calls), UNIT(test_other_paths_are_not_of_skip), UNIT(test_refusals),
          UNIT(test_key_text), UNIT(test_entropy), UNIT(test_capabilities))
