/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kme_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/secret.h"
#include "tests/unit/unit.h"

/* The Status of ETSI GS QKD 014 V1.1.1, section 6.1, example, but for the sizes that MEMBERS has.
 */
#define STATUS(members)                                                                            \
	"{\"source_KME_ID\": \"AAAABBBBCCCCDDDD\", \"target_KME_ID\": \"EEEEFFFFGGGGHHHH\","       \
	"\"master_SAE_ID\": \"IIIIJJJJKKKKLLLL\", \"slave_SAE_ID\": \"MMMMNNNNOOOOPPPP\","         \
	"\"key_size\": 352, \"stored_key_count\": 25000, \"max_key_count\": 100000,"               \
	"\"max_key_per_request\": 128, " members "\"max_SAE_ID_count\": 0}"
#define SIZES "\"max_key_size\": 1024, \"min_key_size\": 64, "

#define ID1 "bc490419-7d60-487f-adc1-4ddcc177c139"
#define ID2 "0a782fb5-3434-48fe-aa4d-14f41d46cf92"
#define ID3 "64a7e9a2-269c-4b2c-832c-5351f3ac5adb"

static uint8_t entries[4 * KME_ENTRY_BYTES];

static int status(const char *text, const char *sae, struct kme_message *m, struct err *err)
{
	*err = (struct err){0};
	return kme_answer_status(text, strlen(text), sae, m, err);
}

static void test_status(void)
{
	struct kme_message m;
	struct err err;

	CU_ASSERT_EQUAL(status(STATUS(SIZES), "IIIIJJJJKKKKLLLL", &m, &err), 0);
	CU_ASSERT_EQUAL(m.type, KME_STATUS);
	CU_ASSERT_EQUAL(m.light, KME_LIGHT_UNKNOWN);
	CU_ASSERT_EQUAL(m.stored, 25000);
	CU_ASSERT_EQUAL(m.most, 128);
	CU_ASSERT_STRING_EQUAL(m.source, "AAAABBBBCCCCDDDD");
	CU_ASSERT_STRING_EQUAL(m.target, "EEEEFFFFGGGGHHHH");
	CU_ASSERT_EQUAL(
	        status(STATUS(SIZES "\"status_extension\": {\"lumengate_simulated\": true}, "), "",
	               &m, &err),
	        0);
	CU_ASSERT_EQUAL(m.light, KME_LIGHT_SIMULATED);
	CU_ASSERT_EQUAL(
	        status(STATUS(SIZES "\"status_extension\": {\"lumengate_simulated\": false}, "), "",
	               &m, &err),
	        0);
	CU_ASSERT_EQUAL(m.light, KME_LIGHT_REAL);
	CU_ASSERT_EQUAL(status(STATUS(SIZES "\"status_extension\": {\"lumengate_simulated\": 0}, "),
	                       "", &m, &err),
	                0);
	CU_ASSERT_EQUAL(m.light, KME_LIGHT_UNKNOWN);
}

/* As many in a request as a packet takes. */
static void test_status_of_a_generous_kme(void)
{
	static const char generous[] = "\"max_key_per_request\": 65537, ";
	char text[1024] = STATUS(SIZES);
	struct kme_message m;
	struct err err;
	char *at = strstr(text, "\"max_key_per_request\"");
	char rest[1024];

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	strcpy(rest, strchr(at, ',') + 1);
	strcpy(at, generous);
	strcat(at, rest);
	CU_ASSERT_EQUAL(status(text, "", &m, &err), 0);
	CU_ASSERT_EQUAL(m.most, KME_KEYS_MAX);
}

static void test_status_is_of_use(void)
{
	struct kme_message m;
	struct err err;

	CU_ASSERT_EQUAL(status(STATUS(SIZES), "me", &m, &err), -EACCES);
	CU_ASSERT_STRING_EQUAL(err.text, "its certificate makes this gateway SAE IIIIJJJJKKKKLLLL");
	CU_ASSERT_EQUAL(
	        status(STATUS("\"max_key_size\": 1024, \"min_key_size\": 352, "), "", &m, &err),
	        -EACCES);
	CU_ASSERT_STRING_EQUAL(err.text, "it has keys of 352 to 1024 bits, none of 256");
	CU_ASSERT_EQUAL(
	        status(STATUS("\"max_key_size\": 128, \"min_key_size\": 64, "), "", &m, &err),
	        -EACCES);
}

static void test_status_of_wrong_types(void)
{
	static const char *const bad[] = {
	        "",
	        "{}",
	        "[]",
	        "nonsense",
	        STATUS(""),
	        STATUS("\"max_key_size\": \"1024\", \"min_key_size\": 64, "),
	        STATUS("\"max_key_size\": 1024.0, \"min_key_size\": 64, "),
	        STATUS("\"max_key_size\": 1024, \"min_key_size\": -1, "),
	        STATUS("\"max_key_size\": 99999999999999999999, \"min_key_size\": 1, "),
	        STATUS(SIZES "\"max_key_per_request\": 1, "), /* a member twice */
	        "{\"source_KME_ID\": 1}",
	        "{\"source_KME_ID\": \"a\", \"target_KME_ID\": null}",
	};
	struct kme_message m;
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(status(bad[i], "", &m, &err), -EPROTO);
		CU_ASSERT_EQUAL(err.code, EPROTO);
	}
	CU_ASSERT_EQUAL(status("{\"source_KME_ID\": \"a\", \"target_KME_ID\": null}", "", &m, &err),
	                -EPROTO);
	CU_ASSERT_STRING_EQUAL(err.text, "status: target_KME_ID is no string");
}

static const char *key(char out[64], uint8_t byte, unsigned int bytes)
{
	uint8_t data[48];

	memset(data, byte, sizeof(data));
	base64_encode(data, bytes, out);
	return out;
}

static int keys(const char *text, const uint8_t *ids, unsigned int n, struct err *err)
{
	memset(entries, 0x77, sizeof(entries));
	*err = (struct err){0};
	return kme_answer_keys(text, strlen(text), ids, n, entries, err);
}

static void container(char out[1024], const char *id_a, const char *key_a, const char *id_b,
                      const char *key_b)
{
	snprintf(out, 1024,
	         "{\"key_container_extension\": {\"x\": [1, {}]}, \"keys\": ["
	         "{\"key_ID\": \"%s\", \"key\": \"%s\", \"key_extension\": {}},"
	         "{\"key\": \"%s\", \"key_ID\": \"%s\"}]}",
	         id_a, key_a, key_b, id_b);
}

static void check_entry(unsigned int i, const char *id, uint8_t byte)
{
	uint8_t bytes[KME_KEY_BYTES];

	memset(bytes, byte, sizeof(bytes));
	CU_ASSERT_EQUAL(memcmp(entries + i * KME_ENTRY_BYTES, id, KME_ID_BYTES), 0);
	CU_ASSERT_EQUAL(memcmp(entries + i * KME_ENTRY_BYTES + KME_ID_BYTES, bytes, 32), 0);
}

static void test_keys(void)
{
	char text[1024], a[64], b[64], escaped[96], *p = escaped;
	struct err err;

	container(text, ID1, key(a, 1, 32), ID2, key(b, 2, 32));
	CU_ASSERT_EQUAL(keys(text, NULL, 2, &err), 0);
	check_entry(0, ID1, 1);
	check_entry(1, ID2, 2);
	/* In the order of the request, spelt as there. */
	CU_ASSERT_EQUAL(keys(text, (const uint8_t *)ID2 ID1, 2, &err), 0);
	check_entry(0, ID2, 2);
	check_entry(1, ID1, 1);
	CU_ASSERT_EQUAL(
	        keys(text, (const uint8_t *)"0A782FB5-3434-48fe-aa4d-14f41d46cf92" ID1, 2, &err),
	        0);
	check_entry(0, "0A782FB5-3434-48fe-aa4d-14f41d46cf92", 2);
	/* Some libraries write \/ for /. */
	key(a, 0xff, 32);
	for (const char *s = a; *s != '\0'; *p++ = *s++)
		if (*s == '/')
			*p++ = '\\';
	*p = '\0';
	container(text, ID1, escaped, ID2, b);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\\/"));
	CU_ASSERT_EQUAL(keys(text, NULL, 2, &err), 0);
	check_entry(0, ID1, 0xff);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void refused(const char *text, const uint8_t *ids, const char *why)
{
	static const uint8_t nothing[2 * KME_ENTRY_BYTES];
	struct err err;

	CU_ASSERT_EQUAL(keys(text, ids, 2, &err), -EPROTO);
	CU_ASSERT_STRING_EQUAL(err.text, why);
	CU_ASSERT_EQUAL(memcmp(entries, nothing, sizeof(nothing)), 0);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void test_keys_that_are_none(void)
{
	static const uint8_t *const asked = (const uint8_t *)ID1 ID2;
	char text[1024], a[64], b[64];

	key(b, 2, 32);
	container(text, ID1, key(a, 1, 32), ID1, b);
	refused(text, NULL, "key 2 has the key_ID of key 1");
	refused(text, asked, "key 2 is there twice");
	container(text, ID1, a, ID3, b);
	refused(text, asked, "key 2 was not asked for");
	container(text, ID1, a, "x", b);
	refused(text, NULL, "key 2 has no UUID as key_ID");
	container(text, ID1, a, ID2 "0", b);
	refused(text, NULL, "key 2 has no UUID as key_ID");
	container(text, ID1, key(a, 1, 31), ID2, b);
	refused(text, NULL, "key 1 is not 256 bits in base64");
	container(text, ID1, key(a, 1, 33), ID2, b);
	refused(text, NULL, "key 1 is not 256 bits in base64");
	container(text, ID1, key(a, 1, 16), ID2, b);
	refused(text, NULL, "key 1 is not 256 bits in base64");
	key(a, 1, 32);
	a[7] = '-'; /* of the other alphabet */
	container(text, ID1, a, ID2, b);
	refused(text, NULL, "key 1 is not 256 bits in base64");
	key(a, 1, 32);
	strcat(a, "AAAA"); /* after a whole key */
	container(text, ID1, a, ID2, b);
	refused(text, NULL, "key 1 is not 256 bits in base64");
	container(text, ID1, "", ID2, b);
	refused(text, NULL, "key 1 is not 256 bits in base64");
	refused("{\"keys\": [{\"key_ID\": \"" ID1 "\", \"key\": 5}, {}]}", NULL,
	        "key 1 is not 256 bits in base64");
	refused("{\"keys\": [null, 1]}", NULL, "key 1 has no UUID as key_ID");
	refused("{\"keys\": [{}]}", NULL, "1 keys, not the 2 that were asked for");
	refused("{\"keys\": [{}, {}, {}]}", NULL, "3 keys, not the 2 that were asked for");
	refused("{\"keys\": {}}", NULL, "there is no array keys");
	refused("{}", NULL, "there is no array keys");
	refused("", NULL, "no JSON object, too large or too deep");
	refused("{\"keys\": [", NULL, "no JSON object, too large or too deep");
}

static void test_bombs(void)
{
	static const char *const pieces[] = {"[", "{\"a\":", "[0,0],", "\"\",", "{},"};
	size_t n = KME_ANSWER_MAX + 100;
	char *text = malloc(n + 1);
	struct err err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t len = (size_t)sprintf(text, "{\"keys\":[");

		while (len < n - 8)
			len += (size_t)sprintf(text + len, "%s", pieces[i]);
		CU_ASSERT_EQUAL(kme_answer_keys(text, len, NULL, 2, entries, &err), -EPROTO);
		CU_ASSERT_EQUAL(kme_answer_keys(text, KME_ANSWER_MAX, NULL, 2, entries, &err),
		                -EPROTO);
	}
	free(text);
}

static void test_messages(void)
{
	static const char good[] = "{\"message\": \"one or more keys specified are not found on "
	                           "KME\", \"details\": [{\"a\": \"b\"}]}";
	static const char odd[] = "{\"message\": \"a\\u001b[31m\\nb\"}";
	char text[KME_TEXT_MAX + 1];

	kme_answer_message(good, strlen(good), text);
	CU_ASSERT_STRING_EQUAL(text, "one or more keys specified are not found on KME");
	kme_answer_message(odd, strlen(odd), text);
	CU_ASSERT_STRING_EQUAL(text, "a?[31m?b");
	kme_answer_message("<html>", 6, text);
	CU_ASSERT_STRING_EQUAL(text, "");
	kme_answer_message("{\"message\": 5}", 14, text);
	CU_ASSERT_STRING_EQUAL(text, "");
}

int main(void)
{
	static const struct unit units[] = {
	        UNIT(test_status),
	        UNIT(test_status_of_a_generous_kme),
	        UNIT(test_status_is_of_use),
	        UNIT(test_status_of_wrong_types),
	        UNIT(test_keys),
	        UNIT(test_keys_that_are_none),
	        UNIT(test_bombs),
	        UNIT(test_messages),
	};
	struct err err;

	if (secret_init(1 << 20, &err) < 0)
		return 2;
	return unit_main(__FILE__, units, sizeof(units) / sizeof(units[0]));
}
