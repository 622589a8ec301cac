/* SPDX-License-Identifier: BSD-3-Clause */

/* Addresses where anybody is a client, with TLS and without, over loopback. */

#include "tests/unit/control/http/https_rig.h"

static void plain(struct https_config *c)
{
	c->clients[0] = HTTPS_PLAIN;
	free((char *)c->files.certificate);
	free((char *)c->files.key);
	free((char *)c->files.ca);
	free((char *)c->files.crl);
	c->files = (struct tls_files){0};
}

static void anybody(struct https_config *c)
{
	c->clients[0] = HTTPS_ANYBODY;
	free((char *)c->files.ca);
	free((char *)c->files.crl);
	c->files.ca = c->files.crl = NULL;
}

/* All that comes until the front closes, as text. */
static const char *rest(int fd)
{
	static char text[300000];
	size_t n = 0;
	ssize_t r;

	while ((r = recv(fd, text + n, sizeof(text) - 1 - n, 0)) > 0)
		n += (size_t)r;
	text[n] = '\0';
	close(fd);
	return text;
}

static const char *ask(const char *request)
{
	int fd = dial();

	CU_ASSERT_EQUAL(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
	return rest(fd);
}

static bool has(const char *text, const char *words)
{
	if (strstr(text, words) != NULL)
		return true;
	printf("\n  %.400s\n", text);
	return false;
}

static void test_plain_is_served_to_anybody(void)
{
	const char *text;

	begin_with(plain);
	text = ask("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	CU_ASSERT_TRUE(has(text, "HTTP/1.1 200 OK\r\n"));
	CU_ASSERT_TRUE(has(text, "{\"who\":\"\",\"method\":\"GET\",\"target\":\"/x\""));
	text = ask("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
	           "POST /2 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n"
	           "Connection: close\r\n\r\nabcd");
	CU_ASSERT_TRUE(has(text, "\"target\":\"/1\""));
	CU_ASSERT_TRUE(has(text, "\"target\":\"/2\",\"type\":\"\",\"bytes\":4,\"body\":\"abcd\""));
	text = ask("GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	CU_ASSERT_TRUE(has(text, "Content-Length: 200000\r\n"));
	CU_ASSERT_EQUAL(strspn(strstr(text, "\r\n\r\n") + 4, "k"), 200000);
	CU_ASSERT_EQUAL(count(HTTPS_HANDSHAKES), 0);
	CU_ASSERT_EQUAL(https_certificate_end(front), INT64_MAX);
	end();
}

static void test_plain_keeps_its_limits(void)
{
	const char *text;

	begin_with(plain);
	text = ask("GET /x HTTP/1.1\r\nBad\r\n\r\n");
	CU_ASSERT_TRUE(has(text, "HTTP/1.1 400 Bad Request\r\n"));
	text = ask("GET /x HTTP/1.1\r\nHost");
	CU_ASSERT_TRUE(has(text, "HTTP/1.1 408 Request Timeout\r\n"));
	/* A TLS client's first record is no request. */
	text = ask("\x16\x03\x01\x02\x01\n");
	CU_ASSERT_TRUE(has(text, "HTTP/1.1 400 Bad Request\r\n"));
	CU_ASSERT_TRUE(until(HTTPS_HEADER_SLOW, 1));
	CU_ASSERT_EQUAL(count(HTTPS_MALFORMED), 2);
	end();
}

static void test_plain_client_that_goes_within_its_request(void)
{
	static const char request[] = "GET /x HT";
	int fd;

	begin_with(plain);
	fd = dial();
	CU_ASSERT_EQUAL(send(fd, request, 9, 0), 9);
	close(fd);
	CU_ASSERT_TRUE(until(HTTPS_LOST, 1));
	end();
}

static void test_tls_for_anybody(void)
{
	SSL *ssl;

	begin_with(anybody);
	/* With a certificate that nobody here knows, without one: all the same. */
	for (int i = 0; i < 2; i++) {
		ssl = hello(i == 0 ? &stranger : NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
		put(ssl, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
		CU_ASSERT_EQUAL(get(ssl, true), 200);
		CU_ASSERT_TRUE(has(answer_body, "{\"who\":\"\",\"method\":\"GET\""));
		bye(ssl);
	}
	CU_ASSERT_TRUE(has(ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "only HTTPS is served here"));
	end();
}

static void expect_refusal(struct https_config *c, const char *words)
{
	struct https *h = NULL;
	struct err err = {0};

	CU_ASSERT_EQUAL(https_create(c, handle, NULL, &h, &err), -EINVAL);
	CU_ASSERT_TRUE(has(err.text, words));
}

/* A front that is to verify clients never starts without what to verify them by. */
static void test_missing_files(void)
{
	struct https_config c;

	begin_with(anybody);
	c = front_config;
	c.clients[0] = HTTPS_CERTIFIED;
	expect_refusal(&c, "ca: missing for clients' certificates");
	c.clients[0] = HTTPS_PSK;
	expect_refusal(&c, "psk: missing for clients' keys");
	c.clients[0] = HTTPS_ANYBODY;
	c.files.certificate = "";
	expect_refusal(&c, "certificate: missing for TLS");
	end();
}

UNIT_MAIN(UNIT(test_plain_is_served_to_anybody), UNIT(test_plain_keeps_its_limits),
          UNIT(test_plain_client_that_goes_within_its_request), UNIT(test_tls_for_anybody),
          UNIT(test_missing_files))
