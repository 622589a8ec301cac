/* SPDX-License-Identifier: BSD-3-Clause */

/* What clients must not get by with. */

#include "tests/unit/control/http/https_rig.h"

static void test_refusals(void)
{
	char *text = malloc(300000);
	size_t n;

	begin();
	refused("hello\r\n\r\n", 400, "first line");
	refused("GET / HTTP/1.1\n\n", 400, "line feed");
	refused("GET / HTTP/1.1\r\n\r\n", 400, "Host: missing");
	refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP version");
	refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", 400,
	        "chunks");
	refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "chunked");
	refused("POST / HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n", 417, "Expect");
	CU_ASSERT_EQUAL(count(HTTPS_MALFORMED), 7);
	refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: "
	        "2\r\n\r\n",
	        415, "application/json");
	refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/jsonx\r\n"
	        "Content-Length: 2\r\n\r\n{}",
	        415, "application/json");
	CU_ASSERT_EQUAL(count(HTTPS_MEDIA_TYPE), 2);
	n = (size_t)sprintf(text, "GET /");
	memset(text + n, 'a', 9000);
	strcpy(text + n + 9000, " HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(text, 414, "first line");
	n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
	memset(text + n, 'a', 9000);
	strcpy(text + n + 9000, "\r\n\r\n");
	refused(text, 431, "8192");
	CU_ASSERT_EQUAL(count(HTTPS_HEADER_LARGE), 2);
	refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 262145\r\n\r\n", 413, "262144");
	refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999999\r\n\r\n", 413,
	        "body");
	/* The client goes on to send while it is told. */
	n = (size_t)sprintf(text,
	                    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 70; i++) {
		n += (size_t)sprintf(text + n, "fff\r\n");
		memset(text + n, 'b', 0xfff);
		n += 0xfff;
		n += (size_t)sprintf(text + n, "\r\n");
	}
	text[n] = '\0';
	refused(text, 413, "262144");
	CU_ASSERT_EQUAL(count(HTTPS_BODY_LARGE), 3);
	CU_ASSERT_EQUAL(count(HTTPS_REQUESTS), 0);
	free(text);
	end();
}

static void test_slow(void)
{
	SSL *ssl;
	int raw;
	char c;

	begin();
	raw = dial();
	CU_ASSERT_EQUAL(read(raw, &c, 1), 0); /* it says nothing, and is put out */
	close(raw);
	CU_ASSERT_TRUE(until(HTTPS_HANDSHAKE_SLOW, 1));
	refused("GET / HTTP/1.1\r\nHo", 408, "header");
	CU_ASSERT_TRUE(until(HTTPS_HEADER_SLOW, 1));
	refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{", 408, "body");
	CU_ASSERT_TRUE(until(HTTPS_BODY_SLOW, 1));
	/* A byte now and then does not help. */
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	for (int i = 0; i < 40 && count(HTTPS_HEADER_SLOW) < 2; i++) {
		if (SSL_write(ssl, "GET / HTTP/1.1 and so on until it ends" + i % 30, 1) != 1)
			break;
		usleep(20000);
	}
	CU_ASSERT_TRUE(until(HTTPS_HEADER_SLOW, 2));
	bye(ssl);
	/* It asks for much and reads nothing. */
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	for (int i = 0; i < 15; i++)
		put(ssl, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_TRUE(until(HTTPS_ANSWER_SLOW, 1));
	bye(ssl);
	end();
}

static void test_tls(void)
{
	static const unsigned char h2[] = "\x02h2", both[] = "\x02h2\x08http/1.1";
	const unsigned char *chosen;
	unsigned int n;
	char text[300];
	SSL *ssl;
	int raw;

	begin();
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_2_VERSION);
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	CU_ASSERT_STRING_EQUAL(SSL_get_version(ssl), "TLSv1.2");
	put(ssl, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	bye(ssl);
	SSL_CTX_set_security_level(client_ctx, 0);
	SSL_CTX_set_min_proto_version(client_ctx, TLS1_1_VERSION);
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_1_VERSION);
	CU_ASSERT_PTR_NULL(hello(&sae));
	CU_ASSERT_EQUAL(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
	ERR_clear_error();
	CU_ASSERT_TRUE(until(HTTPS_HANDSHAKE_VERSION, 1));
	SSL_CTX_set_max_proto_version(client_ctx, 0);
	SSL_CTX_set_alpn_protos(client_ctx, h2, sizeof(h2) - 1);
	CU_ASSERT_PTR_NULL(hello(&sae));
	CU_ASSERT_EQUAL(ERR_GET_REASON(ERR_peek_last_error()),
	                SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
	ERR_clear_error();
	CU_ASSERT_TRUE(until(HTTPS_HANDSHAKE_ALPN, 1));
	SSL_CTX_set_alpn_protos(client_ctx, both, sizeof(both) - 1);
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	SSL_get0_alpn_selected(ssl, &chosen, &n);
	CU_ASSERT_TRUE(n == 8 && memcmp(chosen, "http/1.1", 8) == 0);
	CU_ASSERT_STRING_EQUAL(SSL_get_cipher(ssl), "TLS_AES_256_GCM_SHA384");
	bye(ssl);
	raw = dial();
	CU_ASSERT_EQUAL(write(raw, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	memset(text, 0, sizeof(text));
	for (size_t at = 0; at < sizeof(text) - 1;) {
		ssize_t r = read(raw, text + at, sizeof(text) - 1 - at);

		if (r <= 0)
			break;
		at += (size_t)r;
	}
	CU_ASSERT_EQUAL(strncmp(text, "HTTP/1.1 400 ", 13), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "\r\n\r\n"));
	CU_ASSERT_EQUAL(strlen(strstr(text, "\r\n\r\n") + 4),
	                (size_t)atoi(strstr(text, "Content-Length: ") + 16));
	close(raw);
	CU_ASSERT_TRUE(until(HTTPS_HANDSHAKE_PLAIN, 1));
	raw = dial();
	CU_ASSERT_EQUAL(write(raw, "\x16\x03\x01\x00\x05junk!", 10), 10);
	CU_ASSERT_TRUE(until(HTTPS_HANDSHAKE_FAILED, 1));
	close(raw);
	end();
}

/* Records that carry nothing: what is behind them is found, and too many are not borne. */
static void test_key_updates(void)
{
	SSL *ssl;
	int i;

	begin();
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	for (i = 0; i < 3; i++) {
		put(ssl, "GET /one HT");
		for (int k = 0; k < 100; k++) {
			CU_ASSERT_EQUAL(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
			CU_ASSERT_EQUAL(SSL_do_handshake(ssl), 1);
		}
		CU_ASSERT_EQUAL(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		put(ssl, "TP/1.1\r\nHost: x\r\n\r\n");
		CU_ASSERT_EQUAL(get(ssl, true), 200);
	}
	for (i = 0; i < 100000 && count(HTTPS_KEY_UPDATES) == 0; i++) {
		SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
		if (SSL_do_handshake(ssl) != 1)
			break;
	}
	CU_ASSERT_TRUE(until(HTTPS_KEY_UPDATES, 1));
	bye(ssl);
	end();
}

static void few(struct https_config *c)
{
	c->connections = 4;
	c->connections_per_address = 4;
	c->body_memory = 8192;
	c->body_ns = 9 * NS_PER_S;
}

static void two_an_address(struct https_config *c)
{
	c->connections_per_address = 2;
}

static void test_limits(void)
{
	SSL *ssl[2], *more;

	begin_with(two_an_address);
	ssl[0] = hello(&sae);
	ssl[1] = hello(&sae);
	CU_ASSERT_TRUE(ssl[0] != NULL && ssl[1] != NULL);
	CU_ASSERT_PTR_NULL(hello(&sae));
	CU_ASSERT_EQUAL(count(HTTPS_ADDRESS), 1);
	bye(ssl[0]);
	usleep(50000);
	ssl[0] = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl[0]);
	bye(ssl[0]);
	bye(ssl[1]);
	end();

	begin_with(few);
	for (int i = 0; i < 2; i++) {
		ssl[i] = hello(&sae);
		CU_ASSERT_PTR_NOT_NULL_FATAL(ssl[i]);
		put(ssl[i], "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\nabc");
	}
	usleep(50000);
	more = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(more);
	put(more, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\nabc");
	check_error(more, 503, "long bodies");
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_head, "Retry-After: 1\r\n"));
	bye(more);
	bye(ssl[0]);
	bye(ssl[1]);
	CU_ASSERT_TRUE(until(HTTPS_LOST, 2));
	end();
}

static void four(struct https_config *c)
{
	c->handshake_ns = c->header_ns = 9 * NS_PER_S;
	c->connections = 4;
	c->connections_per_address = 9;
}

/* Strangers give way first, then who has shown nothing yet, then who idles; none within a request.
 */
static void test_full(void)
{
	SSL *idle, *stranger_ssl, *busy[3];
	int raw, last;
	char c;

	begin_with(four);
	idle = hello(&sae);
	stranger_ssl = hello(NULL);
	CU_ASSERT_TRUE_FATAL(idle != NULL && stranger_ssl != NULL);
	raw = dial();
	busy[0] = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(busy[0]);
	put(busy[0], "G");
	CU_ASSERT_TRUE(until(HTTPS_ACCEPTED, 4));
	busy[1] = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(busy[1]);
	CU_ASSERT_EQUAL(count(HTTPS_EVICTED), 1);
	CU_ASSERT_TRUE(SSL_read(stranger_ssl, &c, 1) <= 0);
	put(busy[1], "G");
	busy[2] = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(busy[2]);
	CU_ASSERT_EQUAL(count(HTTPS_EVICTED), 2);
	CU_ASSERT_TRUE(read(raw, &c, 1) <= 0);
	put(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(idle, true), 200);
	put(busy[2], "G");
	usleep(50000);
	close(dial());
	CU_ASSERT_TRUE(until(HTTPS_EVICTED, 3));
	CU_ASSERT_TRUE(SSL_read(idle, &c, 1) <= 0);
	/* One place is free again, and taken; then there is none to give. */
	usleep(50000);
	bye(idle);
	idle = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(idle);
	put(idle, "G");
	usleep(50000);
	last = dial();
	CU_ASSERT_EQUAL(read(last, &c, 1), 0);
	CU_ASSERT_EQUAL(count(HTTPS_FULL), 1);
	close(last);
	close(raw);
	bye(idle);
	bye(stranger_ssl);
	for (int i = 0; i < 3; i++)
		bye(busy[i]);
	end();
}

UNIT_MAIN(UNIT(test_refusals), UNIT(test_slow), UNIT(test_tls), UNIT(test_key_updates),
          UNIT(test_limits), UNIT(test_full))
