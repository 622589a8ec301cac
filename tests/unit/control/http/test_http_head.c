/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/http_head.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

/* Of its own memory, to the byte: what is read or written beyond shows. */
static int parse(const char *text, struct http_head *out, struct http_fault *f, char **copy)
{
	size_t n = strlen(text);
	struct http_scan scan = {0};

	*copy = malloc(n);
	memcpy(*copy, text, n);
	CU_ASSERT_EQUAL_FATAL(http_scan(&scan, *copy, n), HTTP_HEAD);
	CU_ASSERT_EQUAL_FATAL(scan.at, n);
	return http_head_parse(*copy, n, out, f);
}

static void check_bad(const char *text, int status, const char *why)
{
	struct http_head head;
	struct http_fault f;
	char *copy;
	int rc = parse(text, &head, &f, &copy);

	if (rc != -status || f.status != status || strstr(f.message, why) == NULL) {
		printf("%s: %d %s\n", text, rc, rc == 0 ? "" : f.message);
		CU_FAIL("another refusal was expected");
	}
	free(copy);
}

static void test_get(void)
{
	struct http_head h;
	struct http_fault f;
	char *copy;

	CU_ASSERT_EQUAL(parse("GET /api/v1/keys/b%2Fc/status?x=1 HTTP/1.1\r\n"
	                      "Host: kme:8443\r\nAccept:\t*/*  \r\nX-Empty:\r\n\r\n",
	                      &h, &f, &copy),
	                0);
	CU_ASSERT_STRING_EQUAL(h.method, "GET");
	CU_ASSERT_STRING_EQUAL(h.target, "/api/v1/keys/b%2Fc/status?x=1");
	CU_ASSERT_PTR_NULL(h.content_type);
	CU_ASSERT_EQUAL(h.minor, 1);
	CU_ASSERT_TRUE(h.keep_alive);
	CU_ASSERT_FALSE(h.has_body || h.chunked || h.expect_continue);
	free(copy);
}

static void test_post(void)
{
	struct http_head h;
	struct http_fault f;
	char *copy;

	CU_ASSERT_EQUAL(parse("POST /k HTTP/1.1\r\nhost: a\r\nCONTENT-LENGTH: 17\r\n"
	                      "Content-Type: application/json; charset=utf-8 \r\n"
	                      "Expect: 100-Continue\r\n\r\n",
	                      &h, &f, &copy),
	                0);
	CU_ASSERT_TRUE(h.has_body && h.expect_continue && !h.chunked);
	CU_ASSERT_EQUAL(h.length, 17);
	CU_ASSERT_STRING_EQUAL(h.content_type, "application/json; charset=utf-8");
	free(copy);
	CU_ASSERT_EQUAL(parse("POST /k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
	                      &h, &f, &copy),
	                0);
	CU_ASSERT_TRUE(h.has_body && h.chunked && !h.expect_continue);
	free(copy);
	/* A body of nothing is none, so nobody is told to go on. */
	CU_ASSERT_EQUAL(parse("POST /k HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
	                      "Expect: 100-continue\r\n\r\n",
	                      &h, &f, &copy),
	                0);
	CU_ASSERT_FALSE(h.has_body || h.expect_continue);
	free(copy);
}

static bool keeps(const char *version, const char *connection)
{
	char text[200], *copy;
	struct http_head h;
	struct http_fault f;

	snprintf(text, sizeof(text), "GET / %s\r\nHost: a\r\n%s\r\n", version, connection);
	CU_ASSERT_EQUAL(parse(text, &h, &f, &copy), 0);
	free(copy);
	return h.keep_alive;
}

static void test_keep_alive(void)
{
	CU_ASSERT_TRUE(keeps("HTTP/1.1", ""));
	CU_ASSERT_FALSE(keeps("HTTP/1.1", "Connection: close\r\n"));
	CU_ASSERT_FALSE(keeps("HTTP/1.1", "Connection: TE,\t Close \r\n"));
	CU_ASSERT_TRUE(keeps("HTTP/1.1", "Connection: closed, not-close\r\n"));
	CU_ASSERT_FALSE(keeps("HTTP/1.0", ""));
	CU_ASSERT_TRUE(keeps("HTTP/1.0", "Connection: keep-alive\r\n"));
	CU_ASSERT_TRUE(keeps("HTTP/1.2", ""));
}

static const char *target_of(const char *target)
{
	static char text[200];
	struct http_head h;
	struct http_fault f;
	char *copy;

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
	CU_ASSERT_EQUAL(parse(text, &h, &f, &copy), 0);
	snprintf(text, sizeof(text), "%s", h.target);
	free(copy);
	return text;
}

static void test_targets(void)
{
	CU_ASSERT_STRING_EQUAL(target_of("https://kme:8443/api?q=1"), "/api?q=1");
	CU_ASSERT_STRING_EQUAL(target_of("HTTP://kme/x"), "/x");
	CU_ASSERT_STRING_EQUAL(target_of("https://kme"), "/");
	CU_ASSERT_STRING_EQUAL(target_of("https://kme?x=/y"), "/");
	CU_ASSERT_STRING_EQUAL(target_of("*"), "*");
}

static void test_refusals(void)
{
	const char *line = "first line";

	check_bad("GET\r\nHost: a\r\n\r\n", 400, line);
	check_bad("GET /\r\nHost: a\r\n\r\n", 400, line); /* HTTP/0.9 */
	check_bad("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, line);
	check_bad("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, line);
	check_bad("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", 400, line);
	check_bad("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, line);
	check_bad(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, line);
	check_bad("GET / http/1.1\r\nHost: a\r\n\r\n", 400, line);
	check_bad("GET / HTTP/11\r\nHost: a\r\n\r\n", 400, line);
	check_bad("GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "percent-encoded");
	check_bad("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400, "percent-encoded");
	check_bad("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "percent-encoded");
	check_bad("PRI * HTTP/2.0\r\n\r\n", 505, "1.0 and 1.1"); /* RFC 9113 section 3.4 */
	check_bad("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505, "1.0 and 1.1");
	check_bad("GET / HTTP/1.1\r\n\r\n", 400, "Host: missing");
	check_bad("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "Host: given twice");
	check_bad("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400, "folded");
	check_bad("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "NAME: VALUE");
	check_bad("GET / HTTP/1.1\r\nHost\r\n\r\n", 400, "NAME: VALUE");
	check_bad("GET / HTTP/1.1\r\n: a\r\n\r\n", 400, "NAME: VALUE");
	check_bad("GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", 400, "control characters");
	check_bad("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400, "control characters");
	check_bad("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200\r\n\r\n", 417, "100-continue");
	check_bad("GET / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n\r\n", 415, "none");
}

/* What lets two readers of one stream see different requests in it. */
static void test_lengths(void)
{
	const char *const begin = "POST / HTTP/1.1\r\nHost: a\r\n";
	const struct {
		const char *fields;
		int status;
		const char *why;
	} bad[] = {
	        {"Content-Length: 1\r\nContent-Length: 1\r\n", 400, "given twice"},
	        {"Content-Length: 1\r\nContent-Length: 2\r\n", 400, "given twice"},
	        {"Content-Length: 1, 1\r\n", 400, "not a number"},
	        {"Content-Length: +1\r\n", 400, "not a number"},
	        {"Content-Length: -1\r\n", 400, "not a number"},
	        {"Content-Length: 0x1\r\n", 400, "not a number"},
	        {"Content-Length: \r\n", 400, "not a number"},
	        {"Content-Length: 18446744073709551617\r\n", 400, "not a number"},
	        {"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400, "beside"},
	        {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400, "beside"},
	        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501, "only"},
	        {"Transfer-Encoding: gzip, chunked\r\n", 501, "only"},
	        {"Transfer-Encoding: identity\r\n", 501, "only"},
	        {"Transfer-Encoding: chunked,\r\n", 501, "only"},
	        {"Content-Type: a\r\nContent-Type: b\r\n", 400, "given twice"},
	};
	char text[300];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "%s%s\r\n", begin, bad[i].fields);
		check_bad(text, bad[i].status, bad[i].why);
	}
	check_bad("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "HTTP/1.0");
}

static void test_fields(void)
{
	char text[4096] = "GET / HTTP/1.1\r\nHost: a\r\n", *copy;
	struct http_head h;
	struct http_fault f;

	for (int i = 1; i < HTTP_HEAD_FIELDS; i++)
		strcat(text, "X: y\r\n");
	strcat(text, "\r\n");
	CU_ASSERT_EQUAL(parse(text, &h, &f, &copy), 0);
	free(copy);
	text[strlen(text) - 2] = '\0';
	strcat(text, "X: y\r\n\r\n");
	check_bad(text, 431, "more than 64");
}

/* Byte by byte, and all at once: the end is at the same place. */
static void test_scan(void)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next";
	const size_t end = strlen(text) - strlen("GET /next");
	struct http_scan scan = {0};
	size_t n = 0;

	while (http_scan(&scan, text, n) == HTTP_MORE && n < sizeof(text))
		n++;
	CU_ASSERT_EQUAL(n, end);
	CU_ASSERT_EQUAL(scan.at, end);
	scan = (struct http_scan){0};
	CU_ASSERT_EQUAL(http_scan(&scan, text, strlen(text)), HTTP_HEAD);
	CU_ASSERT_EQUAL(scan.at, end);
	scan = (struct http_scan){0};
	CU_ASSERT_EQUAL(http_scan(&scan, "GET / HTTP/1.1\nHost: a\n\n", 24), HTTP_BARE);
	scan = (struct http_scan){0};
	CU_ASSERT_EQUAL(http_scan(&scan, "\n", 1), HTTP_BARE);
	scan = (struct http_scan){0};
	CU_ASSERT_EQUAL(http_scan(&scan, "a\r\n\n", 4), HTTP_BARE);
}

UNIT_MAIN(UNIT(test_get), UNIT(test_post), UNIT(test_keep_alive), UNIT(test_targets),
          UNIT(test_refusals), UNIT(test_lengths), UNIT(test_fields), UNIT(test_scan))
