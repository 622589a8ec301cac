/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/target.h"

#include "tests/unit/control/http/check.h"

static struct kms_target t;
static struct http_fault f;

static int parse(const char *method, const char *target)
{
	return kms_target_parse(method, target, strlen(target), &t, &f);
}

static void test_the_three_calls(void)
{
	CU_ASSERT_EQUAL(parse("GET", "/api/v1/keys/ABCDEFG/status"), 0);
	CU_ASSERT_EQUAL(t.call, KMS_STATUS);
	CU_ASSERT_STRING_EQUAL(t.sae, "ABCDEFG");
	CU_ASSERT_FALSE(t.post);
	CU_ASSERT_EQUAL(parse("GET", "/api/v1/keys/ABCDEFG/enc_keys?number=3&size=512"), 0);
	CU_ASSERT_EQUAL(t.call, KMS_ENC_KEYS);
	CU_ASSERT_EQUAL(t.query_len, 17);
	CU_ASSERT_NSTRING_EQUAL(t.query, "number=3&size=512", 17);
	CU_ASSERT_EQUAL(parse("POST", "/api/v1/keys/ABCDEFG/dec_keys"), 0);
	CU_ASSERT_EQUAL(t.call, KMS_DEC_KEYS);
	CU_ASSERT(t.post);
	CU_ASSERT_EQUAL(t.query_len, 0);
	CU_ASSERT_EQUAL(parse("GET", "/api/v1/keys/A/enc_keys?"), 0);
	CU_ASSERT_EQUAL(t.query_len, 0);
}

static void test_percent_encoded_sae_id(void)
{
	char target[1024] = "/api/v1/keys/";

	CU_ASSERT_EQUAL(parse("GET", "/api/v1/keys/a%2Fb%3Fc%20%25+%c3%a9/status"), 0);
	CU_ASSERT_STRING_EQUAL(t.sae, "a/b?c %+\xc3\xa9");
	CU_ASSERT_EQUAL(parse("GET", "/api/v1/keys/..%2f../status"), 0);
	CU_ASSERT_STRING_EQUAL(t.sae, "../..");
	for (int i = 0; i < 255; i++)
		strcat(target, "%7E");
	strcat(target, "/enc_keys");
	CU_ASSERT_EQUAL(parse("GET", target), 0);
	CU_ASSERT_EQUAL(strlen(t.sae), 255);
	CU_ASSERT_EQUAL(strspn(t.sae, "~"), 255);
	strcpy(target, "/api/v1/keys/x");
	for (int i = 0; i < 255; i++)
		strcat(target, "%7E");
	strcat(target, "/enc_keys");
	check_fault(parse("GET", target), &f, 400, "slave_SAE_ID: is longer than 255 bytes");
}

static void test_sae_id_that_is_none(void)
{
	check_fault(parse("GET", "/api/v1/keys//status"), &f, 400, "slave_SAE_ID: is empty");
	check_fault(parse("GET", "/api/v1/keys/a%2/status"), &f, 400,
	            "slave_SAE_ID: has a % without two hexadecimal digits");
	check_fault(parse("GET", "/api/v1/keys/a%00b/dec_keys"), &f, 400,
	            "master_SAE_ID: has a control character");
	check_fault(parse("GET", "/api/v1/keys/a%0ab/status"), &f, 400,
	            "slave_SAE_ID: has a control character");
	check_fault(parse("GET", "/api/v1/keys/%ff/status"), &f, 400, "slave_SAE_ID: is not UTF-8");
}

static void test_no_such_path(void)
{
	static const char *const bad[] = {
	        "",
	        "/",
	        "*",
	        "/api/v1/keys",
	        "/api/v1/keys/",
	        "/api/v1/keys/A",
	        "/api/v1/keys/A/",
	        "/api/v1/keys/A/statu",
	        "/api/v1/keys/A/status/",
	        "/api/v1/keys/A/STATUS",
	        "/api/v1/keys/A/B/status",
	        "/api/v2/keys/A/status",
	        "/API/v1/keys/A/status",
	        "//api/v1/keys/A/status",
	        "/api/v1/keys/A?/status",
	        "/api/v1/keys?x=/A/status",
	        "/kme/key-pool",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		check_fault(parse("GET", bad[i]), &f, 404, "no such path");
		check_fault(parse("DELETE", bad[i]), &f, 404, "no such path");
	}
}

static void test_wrong_method(void)
{
	static const char *const methods[] = {"PUT", "DELETE", "HEAD",  "OPTIONS",
	                                      "get", "",       "PATCH", "POSTS"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		check_fault(parse(methods[i], "/api/v1/keys/A/enc_keys"), &f, 405,
		            "method not allowed");
		CU_ASSERT_STRING_EQUAL(f.allow, "GET, POST");
	}
	check_fault(parse("POST", "/api/v1/keys/A/status"), &f, 405, "method not allowed");
	CU_ASSERT_STRING_EQUAL(f.allow, "GET");
}

/* Whatever is cut off, nothing behind the end is read: for ASan. */
static void test_every_length(void)
{
	static const char whole[] = "/api/v1/keys/A%20B/enc_keys?number=1";

	for (size_t n = 0; n < sizeof(whole); n++) {
		char *text = malloc(n == 0 ? 1 : n);
		int rc;

		memcpy(text, whole, n);
		rc = kms_target_parse("GET", text, n, &t, &f);
		CU_ASSERT_EQUAL(rc, n < 27 ? -404 : 0);
		free(text);
	}
}

UNIT_MAIN(UNIT(test_the_three_calls), UNIT(test_percent_encoded_sae_id),
          UNIT(test_sae_id_that_is_none), UNIT(test_no_such_path), UNIT(test_wrong_method),
          UNIT(test_every_length))
