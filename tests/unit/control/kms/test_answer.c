/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/answer.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base64.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

static const struct kms_limits limits = {
        .key_size = 352, .min_key_size = 64, .max_key_size = 1024, .max_key_per_request = 128};
static const struct kms_offer offer = {.simulated = true};
static struct kms_status status = {.source_kme = "AAAABBBBCCCCDDDD",
                                   .target_kme = "EEEEFFFFGGGGHHHH",
                                   .master_sae = "IIIIJJJJKKKKLLLL",
                                   .slave_sae = "MMMMNNNNOOOOPPPP",
                                   .stored_key_count = 25000,
                                   .max_key_count = 100000,
                                   .limits = &limits,
                                   .offer = &offer,
                                   .link_state = "up",
                                   .protocol = "BB84"};

/* The example of section 6.1, to the letter, and our extension. */
static void test_status_of_the_standard(void)
{
	char *text = kms_status_body(&status);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_STRING_EQUAL(
	        text,
	        "{\"source_KME_ID\":\"AAAABBBBCCCCDDDD\",\"target_KME_ID\":\"EEEEFFFFGGGGHHHH\","
	        "\"master_SAE_ID\":\"IIIIJJJJKKKKLLLL\",\"slave_SAE_ID\":\"MMMMNNNNOOOOPPPP\","
	        "\"key_size\":352,\"stored_key_count\":25000,\"max_key_count\":100000,"
	        "\"max_key_per_request\":128,\"max_key_size\":1024,\"min_key_size\":64,"
	        "\"max_SAE_ID_count\":0,\"status_extension\":{\"lumengate_simulated\":true,"
	        "\"lumengate_link_state\":\"up\",\"lumengate_protocol\":\"BB84\"}}");
	free(text);
}

static void test_status_with_any_name(void)
{
	struct kms_status s = status;
	char *text;
	json_t *body;

	s.slave_sae = "a\"\\/\xc3\xa9";
	text = kms_status_body(&s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(body);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(body, "slave_SAE_ID")),
	                       s.slave_sae);
	json_decref(body);
	free(text);
	s.slave_sae = "\xff";
	CU_ASSERT_PTR_NULL(kms_status_body(&s));
}

/* A key of the example of section 6.3. */
static void test_container_text(void)
{
	static const char key[] = "wHHVxRwDJs3/bXd38GHP3oe4svTuRpZS0yCC7x4Ly+s=";
	static const char want[] =
	        "{\"keys\":[{\"key_ID\":\"bc490419-7d60-487f-adc1-4ddcc177c139\","
	        "\"key\":\"wHHVxRwDJs3/bXd38GHP3oe4svTuRpZS0yCC7x4Ly+s=\"}]}";
	uint8_t uuid[1][KEY_UUID_BYTES], bytes[33];
	char out[sizeof(want)];

	CU_ASSERT_EQUAL(base64_decode(key, strlen(key), bytes), 32);
	CU_ASSERT_EQUAL(key_uuid_parse("bc490419-7d60-487f-adc1-4ddcc177c139", 36, uuid[0]), 0);
	CU_ASSERT_EQUAL_FATAL(kms_container_bytes(1, 32), sizeof(want));
	CU_ASSERT_EQUAL(kms_container_write(out, uuid, bytes, 1, 32), strlen(want));
	CU_ASSERT_STRING_EQUAL(out, want);
}

/* Keys of unlike sizes, as dec_keys may ask for, read as one container each. */
static void test_container_of_unlike_sizes(void)
{
	static const uint8_t uuid[2][KEY_UUID_BYTES] = {{1}, {2}};
	static const uint8_t key[2][32] = {{3, 4}, {5, 6}};
	const struct kms_container_key keys[] = {{uuid[0], key[0], 8}, {uuid[1], key[1], 32}};
	char one[256], two[256], both[512], want[512];
	size_t n1 = kms_container_write(one, &uuid[0], key[0], 1, 8);
	size_t n2 = kms_container_write(two, &uuid[1], key[1], 1, 32);

	snprintf(want, sizeof(want), "%.*s,%s", (int)n1 - 2, one, two + strlen("{\"keys\":["));
	CU_ASSERT_EQUAL(kms_container_put(both, keys, 2), strlen(want));
	CU_ASSERT_STRING_EQUAL(both, want);
	CU_ASSERT_EQUAL(kms_container_room(keys, 2), strlen(want) + 1);
	CU_ASSERT_EQUAL(kms_container_room(keys + 1, 1), n2 + 1);
}

/* Each size in bytes of 64 to 1024 bits, one, two and 128 keys, as a JSON parser reads them. */
static void test_container_of_every_size(void)
{
	static const uint32_t numbers[] = {1, 2, 128};
	static uint8_t keys[128 * 128], uuid[128][KEY_UUID_BYTES];

	for (size_t i = 0; i < sizeof(keys); i++)
		keys[i] = (uint8_t)dice(256);
	for (size_t i = 0; i < sizeof(uuid); i++)
		uuid[i / KEY_UUID_BYTES][i % KEY_UUID_BYTES] = (uint8_t)dice(256);
	for (uint32_t bytes = 8; bytes <= 128; bytes++)
		for (int n = 0; n < 3; n++) {
			size_t room = kms_container_bytes(numbers[n], bytes), i;
			char *text = malloc(room);
			json_t *body, *list, *k;

			CU_ASSERT_EQUAL(kms_container_write(text, (const uint8_t(*)[16])uuid, keys,
			                                    numbers[n], bytes),
			                room - 1);
			body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
			list = json_object_get(body, "keys");
			CU_ASSERT_EQUAL(json_object_size(body), 1);
			CU_ASSERT_EQUAL(json_array_size(list), numbers[n]);
			json_array_foreach (list, i, k) {
				const json_t *key = json_object_get(k, "key");
				uint8_t id[16], out[132];

				CU_ASSERT_EQUAL(json_object_size(k), 2);
				CU_ASSERT_EQUAL(key_uuid_parse(json_string_value(json_object_get(
				                                       k, "key_ID")),
				                               36, id),
				                0);
				CU_ASSERT_EQUAL(memcmp(id, uuid[i], 16), 0);
				CU_ASSERT_EQUAL(json_string_length(key) % 4, 0);
				CU_ASSERT_EQUAL_FATAL(base64_decode(json_string_value(key),
				                                    json_string_length(key), out),
				                      bytes);
				CU_ASSERT_EQUAL(memcmp(out, keys + i * bytes, bytes), 0);
			}
			json_decref(body);
			free(text);
		}
}

UNIT_MAIN(UNIT(test_status_of_the_standard), UNIT(test_status_with_any_name),
          UNIT(test_container_text), UNIT(test_container_of_every_size),
          UNIT(test_container_of_unlike_sizes))
