/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/key_ids.h"

#include "common/secret.h"
#include "tests/unit/control/http/check.h"

/* Examples of sections 6.3 and 6.4. */
#define ID_1 "bc490419-7d60-487f-adc1-4ddcc177c139"
#define ID_2 "0a782fb5-3434-48fe-aa4d-14f41d46cf92"

static struct kms_key_ids ids;
static struct http_fault f;

static int get(const char *query)
{
	struct kms_target t = {
	        .call = KMS_DEC_KEYS, .sae = "alice", .query = query, .query_len = strlen(query)};

	return kms_key_ids_read(&t, NULL, 0, 3, &ids, &f);
}

static int post(const char *body)
{
	struct kms_target t = {.call = KMS_DEC_KEYS, .post = true, .sae = "alice"};

	return kms_key_ids_read(&t, body, strlen(body), 3, &ids, &f);
}

static void refused(int rc, int status, const char *message)
{
	check_fault(rc, &f, status, message);
	CU_ASSERT_PTR_NULL(ids.uuid);
	CU_ASSERT_EQUAL(ids.count, 0);
}

static void holds(uint32_t i, const char *text)
{
	char id[KEY_UUID_TEXT + 1];

	CU_ASSERT_FATAL(i < ids.count);
	key_uuid_format(ids.uuid[i], id);
	CU_ASSERT_STRING_EQUAL(id, text);
}

static void test_one_by_get(void)
{
	CU_ASSERT_EQUAL(get("key_ID=" ID_1), 0);
	CU_ASSERT_EQUAL(ids.count, 1);
	holds(0, ID_1);
	kms_key_ids_free(&ids);
	CU_ASSERT_EQUAL(get("x=1&key%5FID=%62c490419-7d60-487f-adc1-4ddcc177c139"), 0);
	holds(0, ID_1);
	kms_key_ids_free(&ids);
	refused(get(""), 400, "key_ID: is missing");
	refused(get("key_id=" ID_1), 400, "key_ID: is missing");
	refused(get("key_ID=" ID_1 "&key_ID=" ID_2), 400, "key_ID: is given twice");
	refused(get("key_IDs=" ID_1), 400, "key_IDs: needs POST");
	refused(get("key_ID=" ID_1 "&y=%"), 400, "query: has a %");
	refused(get("key_ID="), 400, KMS_KEY_NOT_FOUND);
	refused(get("key_ID=" ID_1 "0"), 400, KMS_KEY_NOT_FOUND);
}

static void test_several_by_post(void)
{
	CU_ASSERT_EQUAL(post("{\"key_IDs\":[{\"key_ID\":\"" ID_1 "\"},{\"key_ID\":\"" ID_2 "\"}]}"),
	                0);
	CU_ASSERT_EQUAL(ids.count, 2);
	holds(0, ID_1);
	holds(1, ID_2);
	kms_key_ids_free(&ids);
	/* Members of other dialects go unheeded. */
	CU_ASSERT_EQUAL(post("{\"key_IDs\":[{\"key_ID\":\"" ID_1 "\",\"master_SAE_ID\":\"x\","
	                     "\"key_ID_extension\":{\"a\":1}}],\"key_IDs_extension\":{},\"z\":[]}"),
	                0);
	holds(0, ID_1);
	kms_key_ids_free(&ids);
}

static void test_wrong_bodies(void)
{
	refused(post(""), 400, "key_IDs: is missing");
	refused(post("{}"), 400, "key_IDs: is missing");
	refused(post("{\"key_IDs\":[]}"), 400, "key_IDs: has 0 entries, not 1 to 3");
	refused(post("{\"key_IDs\":[{},{},{},{}]}"), 400, "key_IDs: has 4 entries, not 1 to 3");
	refused(post("{\"key_IDs\":\"" ID_1 "\"}"), 400, "key_IDs: is not an array");
	refused(post("{\"key_IDs\":[\"" ID_1 "\"]}"), 400, "key_IDs: entry 0 is not an object");
	refused(post("{\"key_IDs\":[{}]}"), 400, "key_IDs: entry 0 has no string key_ID");
	refused(post("{\"key_IDs\":[{\"key_ID\":1}]}"), 400, "key_IDs: entry 0 has no string");
	refused(post("{\"key_IDs\":[{\"key_ID\":\"" ID_1 "\",\"key_ID_extension\":1}]}"), 400,
	        "key_IDs: entry 0: key_ID_extension is not an object");
	refused(post("{\"key_IDs\":[{\"key_ID\":\"" ID_1 "\"}],\"key_IDs_extension\":[]}"), 400,
	        "key_IDs_extension: is not an object");
	refused(post("{\"key_IDs\":["), 400, "body: is no JSON");
}

static void test_twice_in_one_request(void)
{
	refused(post("{\"key_IDs\":[{\"key_ID\":\"" ID_1 "\"},{\"key_ID\":\"" ID_2
	             "\"},{\"key_ID\":\"BC490419-7D60-487F-ADC1-4DDCC177C139\"}]}"),
	        400, "key_IDs: entry 2 is entry 0 again");
}

static void test_what_is_no_uuid_is_not_found(void)
{
	refused(post("{\"key_IDs\":[{\"key_ID\":\"" ID_1 "\"},{\"key_ID\":\"7\"}]}"), 400,
	        "one or more keys specified are not found on KME");
	CU_ASSERT_STRING_EQUAL(f.detail[0].reason, "entry 1 is not a UUID");
}

static void test_query_of_get_alone(void)
{
	struct kms_target t = {
	        .call = KMS_DEC_KEYS, .post = true, .query = "key_ID=" ID_1, .query_len = 43};

	refused(kms_key_ids_read(&t, "{}", 2, 3, &ids, &f), 400, "query: goes with GET");
	t.post = false;
	refused(kms_key_ids_read(&t, "{}", 2, 3, &ids, &f), 400, "body: goes with POST");
}

/* All or nothing, and who may not have one hears so. */
static void test_check(void)
{
	static const uint8_t shared[32] = "shared by both ends, 32 bytes..";
	struct key_uuid_place p = {.link = 1, .class = KEY_UUID_FROM_A, .length = 32}, place[3];
	uint8_t uuid[3][KEY_UUID_BYTES];
	struct kms_key_ids three = {.count = 3, .uuid = uuid};
	struct key_uuid_keys *k;

	CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, NULL), 0);
	k = key_uuid_keys_new(shared, sizeof(shared), 1, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	for (int i = 0; i < 3; i++) {
		p.position = (uint64_t)i * 4;
		CU_ASSERT_EQUAL(key_uuid_issue(k, &p, "alice", "bob", uuid[i], NULL), 0);
	}
	CU_ASSERT_EQUAL(kms_key_ids_check(&three, k, "alice", "bob", place, &f), 0);
	CU_ASSERT_EQUAL(place[2].position, 8);
	/* The master itself, and a third. */
	check_fault(kms_key_ids_check(&three, k, "alice", "alice", place, &f), &f, 401,
	            "one or more keys were issued to other SAEs");
	check_fault(kms_key_ids_check(&three, k, "alice", "carol", place, &f), &f, 401, "one or");
	uuid[1][9] ^= 1;
	place[0].position = place[2].position = 77;
	check_fault(kms_key_ids_check(&three, k, "alice", "bob", place, &f), &f, 400,
	            KMS_KEY_NOT_FOUND);
	CU_ASSERT_EQUAL(place[0].position, 0);
	CU_ASSERT_EQUAL(place[2].position, 0);
	check_fault(kms_key_ids_check(&three, k, "alice", "carol", place, &f), &f, 401, "one or");
	key_uuid_keys_free(k);
}

UNIT_MAIN(UNIT(test_one_by_get), UNIT(test_several_by_post), UNIT(test_wrong_bodies),
          UNIT(test_twice_in_one_request), UNIT(test_what_is_no_uuid_is_not_found),
          UNIT(test_query_of_get_alone), UNIT(test_check))
