/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/base64.h"
#include "tests/unit/unit.h"

#include <string.h>

/* RFC 4648 section 10. */
static const char *const vectors[][2] = {{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"}};

static void test_published_vectors(void)
{
	char text[16];
	uint8_t data[16];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		size_t n = strlen(vectors[i][0]);

		base64_encode((const uint8_t *)vectors[i][0], n, text);
		CU_ASSERT_STRING_EQUAL(text, vectors[i][1]);
		CU_ASSERT_EQUAL(base64_decode(text, strlen(text), data), (ssize_t)n);
		CU_ASSERT_EQUAL(memcmp(data, vectors[i][0], n), 0);
	}
}

static void test_all_bytes(void)
{
	uint8_t in[256], out[258];
	char text[350];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(255 - i);
	base64_encode(in, sizeof(in), text);
	CU_ASSERT_EQUAL(base64_decode(text, strlen(text), out), 256);
	CU_ASSERT_EQUAL(memcmp(in, out, sizeof(in)), 0);
}

static void test_refuses_what_is_no_base64(void)
{
	static const char *const bad[] = {
	        "A",    "AAA",  "====",  "A===", "AA=A",     "AA A",
	        "Zh==", "Zm9=", "AA\n=", "A-_A", "AA==AAAA", "\xff\xff\xff\xff"};
	uint8_t out[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(base64_decode(bad[i], strlen(bad[i]), out), -1);
}

UNIT_MAIN(UNIT(test_published_vectors), UNIT(test_all_bytes), UNIT(test_refuses_what_is_no_base64))
