/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/key_request.h"

#include "tests/unit/control/http/check.h"

/* The example of section 6.1, with two more slaves. */
static struct kms_limits limits = {.key_size = 352,
                                   .min_key_size = 64,
                                   .max_key_size = 1024,
                                   .max_key_per_request = 128,
                                   .max_sae_id_count = 2};
static const struct kms_offer offer = {.simulated = true};
static struct kms_key_request r;
static struct http_fault f;

static int get(const char *query)
{
	struct kms_target t = {
	        .call = KMS_ENC_KEYS, .sae = "bob", .query = query, .query_len = strlen(query)};

	return kms_key_request_read(&t, NULL, 0, &limits, &offer, &r, &f);
}

static int post(const char *body)
{
	struct kms_target t = {.call = KMS_ENC_KEYS, .post = true, .sae = "bob"};

	return kms_key_request_read(&t, body, strlen(body), &limits, &offer, &r, &f);
}

static void refused(int rc, int status, const char *message)
{
	check_fault(rc, &f, status, message);
	CU_ASSERT_PTR_NULL(r.slave);
	CU_ASSERT_EQUAL(r.number, 0);
}

static void taken(int rc, uint32_t number, uint32_t size)
{
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(r.number, number);
	CU_ASSERT_EQUAL(r.size, size);
	CU_ASSERT_EQUAL(f.status, 0);
	kms_key_request_free(&r);
}

static void test_defaults(void)
{
	taken(get(""), 1, 352);
	taken(post(""), 1, 352);
	taken(post("{}"), 1, 352);
	taken(get("number=3"), 3, 352);
	taken(get("size=512"), 1, 512);
	taken(post("{\"number\":20,\"size\":512}"), 20, 512);
	/* Some clients write all members that they know. */
	taken(post("{\"number\":null,\"size\":null,\"additional_slave_SAE_IDs\":null,"
	           "\"extension_mandatory\":null,\"extension_optional\":null}"),
	      1, 352);
}

static void test_number(void)
{
	taken(get("number=1"), 1, 352);
	taken(get("number=128"), 128, 352);
	taken(post("{\"number\":1}"), 1, 352);
	taken(post("{\"number\":128}"), 128, 352);
	refused(get("number=129"), 400, "number: is not from 1 to 128");
	refused(get("number=0"), 400, "number: is not from 1 to 128");
	refused(get("number=-1"), 400, "number: is not from 1 to 128");
	refused(get("number=x"), 400, "number: is not an integer");
	refused(get("number=1.5"), 400, "number: is not an integer");
	refused(get("number="), 400, "number: is not an integer");
	refused(get("number=9223372036854775808"), 400, "number: is not from 1 to 128");
	refused(post("{\"number\":129}"), 400, "number: is not from 1 to 128");
	refused(post("{\"number\":0}"), 400, "number: is not from 1 to 128");
	refused(post("{\"number\":-1}"), 400, "number: is not from 1 to 128");
	refused(post("{\"number\":\"x\"}"), 400, "number: is not an integer");
	refused(post("{\"number\":1.5}"), 400, "number: is not an integer");
	refused(post("{\"number\":9223372036854775808}"), 400, "body: is no JSON");
}

static void test_size(void)
{
	static const uint32_t good[] = {64, 72, 1016, 1024}, outside[] = {0, 56, 1032, 63, 1025};
	static const uint32_t odd[] = {65, 257, 71, 1023};
	char text[64];

	for (size_t i = 0; i < 4; i++) {
		sprintf(text, "size=%u", good[i]);
		taken(get(text), 1, good[i]);
		sprintf(text, "{\"size\":%u}", good[i]);
		taken(post(text), 1, good[i]);
		sprintf(text, "size=%u", odd[i]);
		refused(get(text), 400, KMS_SIZE_NOT_BYTES);
		sprintf(text, "{\"size\":%u}", odd[i]);
		refused(post(text), 400, "size shall be a multiple of 8");
	}
	for (size_t i = 0; i < 5; i++) {
		sprintf(text, "size=%u", outside[i]);
		refused(get(text), 400, "size: is not from 64 to 1024");
		sprintf(text, "{\"size\":%u}", outside[i]);
		refused(post(text), 400, "size: is not from 64 to 1024");
	}
	refused(post("{\"size\":[]}"), 400, "size: is not an integer");
}

static void test_additional_slaves(void)
{
	char text[1024], longest[256];

	CU_ASSERT_EQUAL(post("{\"additional_slave_SAE_IDs\":[\"ABCDEFG\",\"HIJKLMN\"]}"), 0);
	CU_ASSERT_EQUAL_FATAL(r.slaves, 2);
	CU_ASSERT_STRING_EQUAL(r.slave[0], "ABCDEFG");
	CU_ASSERT_STRING_EQUAL(r.slave[1], "HIJKLMN");
	kms_key_request_free(&r);
	taken(post("{\"additional_slave_SAE_IDs\":[]}"), 1, 352);
	memset(longest, 'x', 255);
	longest[255] = '\0';
	sprintf(text, "{\"additional_slave_SAE_IDs\":[\"%s\"]}", longest);
	CU_ASSERT_EQUAL(post(text), 0);
	CU_ASSERT_STRING_EQUAL(r.slave[0], longest);
	kms_key_request_free(&r);
	sprintf(text, "{\"additional_slave_SAE_IDs\":[\"%sx\"]}", longest);
	refused(post(text), 400, "additional_slave_SAE_IDs: entry 0 is longer than 255 bytes");
	refused(post("{\"additional_slave_SAE_IDs\":[\"a\",\"b\",\"c\"]}"), 400,
	        "additional_slave_SAE_IDs: has 3 entries, max_SAE_ID_count is 2");
	refused(post("{\"additional_slave_SAE_IDs\":[\"a\",\"a\"]}"), 400,
	        "additional_slave_SAE_IDs: entry 1 is entry 0 again");
	refused(post("{\"additional_slave_SAE_IDs\":[\"a\",\"bob\"]}"), 400,
	        "additional_slave_SAE_IDs: entry 1 is the slave_SAE_ID");
	refused(post("{\"additional_slave_SAE_IDs\":[\"a\",7]}"), 400,
	        "additional_slave_SAE_IDs: entry 1 is not a string");
	refused(post("{\"additional_slave_SAE_IDs\":[\"\"]}"), 400,
	        "additional_slave_SAE_IDs: entry 0 is empty");
	refused(post("{\"additional_slave_SAE_IDs\":[\"a\\n\"]}"), 400,
	        "additional_slave_SAE_IDs: entry 0 has a control character");
	refused(post("{\"additional_slave_SAE_IDs\":\"a\"}"), 400,
	        "additional_slave_SAE_IDs: is not an array");
}

static void test_no_additional_slaves(void)
{
	limits.max_sae_id_count = 0;
	refused(post("{\"additional_slave_SAE_IDs\":[\"a\"]}"), 400,
	        "additional_slave_SAE_IDs: has 1 entries, max_SAE_ID_count is 0");
	taken(post("{\"additional_slave_SAE_IDs\":[]}"), 1, 352);
	limits.max_sae_id_count = 2;
}

static void test_extensions(void)
{
	taken(post("{\"extension_mandatory\":[{\"lumengate_simulated\":true}]}"), 1, 352);
	taken(post("{\"extension_optional\":[{\"abc_max_age\":30000}]}"), 1, 352);
	refused(post("{\"extension_mandatory\":[{\"abc_route_type\":\"direct\"}]}"), 400,
	        KMS_MANDATORY_UNSUPPORTED);
	/* What was read before goes again. */
	refused(post("{\"additional_slave_SAE_IDs\":[\"a\"],"
	             "\"extension_mandatory\":[{\"lumengate_simulated\":false}]}"),
	        400, KMS_MANDATORY_UNMET);
	refused(post("{\"extension_mandatory\":{}}"), 400, "extension_mandatory: is not an array");
	refused(post("{\"extension_optional\":{}}"), 400, "extension_optional: is not an array");
	limits.optional_strict = true;
	refused(post("{\"extension_optional\":[{\"abc_max_age\":30000}]}"), 400,
	        KMS_OPTIONAL_UNHANDLED);
	limits.optional_strict = false;
}

static void test_unknown_members_go_unheeded(void)
{
	taken(post("{\"number\":2,\"priority\":\"high\",\"x\":{\"number\":9}}"), 2, 352);
	taken(get("number=2&verbose&x=y"), 2, 352);
}

static void test_query_of_get_alone(void)
{
	struct kms_target t = {.call = KMS_ENC_KEYS, .sae = "bob"};

	refused(get("number=1&number=1"), 400, "number: is given twice");
	refused(get("size=64&size=64"), 400, "size: is given twice");
	refused(get("additional_slave_SAE_IDs=a"), 400, "additional_slave_SAE_IDs: needs POST");
	refused(get("extension_mandatory"), 400, "extension_mandatory: needs POST");
	refused(get("number=%"), 400, "query: has a %");
	refused(kms_key_request_read(&t, "{}", 2, &limits, &offer, &r, &f), 400, "body: goes with");
	t.post = true;
	t.query = "number=3";
	t.query_len = 8;
	refused(kms_key_request_read(&t, "{}", 2, &limits, &offer, &r, &f), 400,
	        "query: goes with");
}

static void test_body_that_is_none(void)
{
	refused(post("{\"number\":2,\"number\":3}"), 400, "body: is no JSON");
	refused(post("number=3"), 400, "body: is no JSON");
	refused(post("[]"), 400, "body: is no JSON object");
}

UNIT_MAIN(UNIT(test_defaults), UNIT(test_number), UNIT(test_size), UNIT(test_additional_slaves),
          UNIT(test_no_additional_slaves), UNIT(test_extensions),
          UNIT(test_unknown_members_go_unheeded), UNIT(test_query_of_get_alone),
          UNIT(test_body_that_is_none))
