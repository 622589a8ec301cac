/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/http_chunks.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

/* The body of N bytes at TEXT that come STEP at a time; the bytes taken, or -1 when it is refused.
 */
static long decode(const char *text, size_t n, size_t step, char *body, size_t *len)
{
	struct http_chunks c = {0};
	struct http_fault f;
	const char *data;
	size_t at = 0, used, piece;

	*len = 0;
	while (at < n && c.state != CHUNK_DONE) {
		size_t m = n - at < step ? n - at : step;
		char *copy = malloc(m);

		memcpy(copy, text + at, m);
		if (http_chunks_take(&c, copy, m, &used, &data, &piece, &f) != 0) {
			CU_ASSERT_EQUAL(f.status, 400);
			CU_ASSERT_PTR_NOT_NULL(strstr(f.message, "Transfer-Encoding"));
			free(copy);
			return -1;
		}
		CU_ASSERT_TRUE(used > 0);
		memcpy(body + *len, data, piece);
		*len += piece;
		at += used;
		free(copy);
	}
	return c.state == CHUNK_DONE ? (long)at : -2;
}

static long decode_text(const char *text, char *body, size_t *len)
{
	long rc = decode(text, strlen(text), 1, body, len);

	CU_ASSERT_EQUAL(decode(text, strlen(text), 1000000, body, len), rc);
	CU_ASSERT_EQUAL(decode(text, strlen(text), 3, body, len), rc);
	return rc;
}

static void test_good(void)
{
	static const char text[] = "4\r\n{\"a\"\r\n1;x=\"y\"\r\n:\r\nA \r\n0123456789\r\n"
	                           "00\r\nTrailer: z\r\n\r\nGET /next";
	char body[64];
	size_t len;

	CU_ASSERT_EQUAL(decode_text(text, body, &len), (long)strlen(text) - 9);
	CU_ASSERT_EQUAL(len, 15);
	CU_ASSERT_EQUAL(memcmp(body, "{\"a\":0123456789", 15), 0);
	CU_ASSERT_EQUAL(decode_text("0\r\n\r\n", body, &len), 5);
	CU_ASSERT_EQUAL(len, 0);
	CU_ASSERT_EQUAL(decode_text("5\r\n01234\r\n0\r\n", body, &len), -2);
}

static void test_bad(void)
{
	static const char *const bad[] = {
	        "\r\n",        "x\r\n",          "-1\r\n",          "0x5\r\n",
	        " 5\r\n",      "5\n01234",       "5\r01234",        "123456789\r\n",
	        "1\r\na0\r\n", "1\r\nab\r\n",    "1\r\na\n0\r\n",   "1\r\na\r0\r\n",
	        "0\r\n\n",     "0\r\na\x01\r\n", "5;\x01\r\n01234", "0\r\n\rx",
	};
	char body[64];
	size_t len;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (decode_text(bad[i], body, &len) != -1) {
			printf("%zu: %s\n", i, bad[i]);
			CU_FAIL("it was taken");
		}
	}
}

/* What costs more than it carries. */
static void test_overhead(void)
{
	static char text[200000], body[100000];
	size_t n = 0, len;

	n = (size_t)sprintf(text, "1;");
	memset(text + n, 'x', HTTP_CHUNK_LINE);
	CU_ASSERT_EQUAL(decode(text, n + HTTP_CHUNK_LINE, 7, body, &len), -1);
	n = 0;
	while (n < 3 * (size_t)HTTP_CHUNK_OVERHEAD)
		n += (size_t)sprintf(text + n, "1\r\na\r\n");
	CU_ASSERT_EQUAL(decode(text, n, 4096, body, &len), -1);
	n = (size_t)sprintf(text, "0\r\n");
	while (n < 2 * (size_t)HTTP_CHUNK_OVERHEAD)
		n += (size_t)sprintf(text + n, "Trailer: more of it\r\n");
	CU_ASSERT_EQUAL(decode(text, n, 4096, body, &len), -1);
}

UNIT_MAIN(UNIT(test_good), UNIT(test_bad), UNIT(test_overhead))
