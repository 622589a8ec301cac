/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/control/http/https_rig.h"

static void test_requests(void)
{
	SSL *ssl;

	begin();
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	put(ssl, "GET /a%20b?c HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_STRING_EQUAL(answer_body,
	                       "{\"who\":\"sae-1\",\"method\":\"GET\",\"target\":"
	                       "\"/a%20b?c\",\"type\":\"\",\"bytes\":0,\"body\":\"\"}");
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_head, "Cache-Control: no-store\r\n"));
	CU_ASSERT_PTR_NULL(strstr(answer_head, "Connection:"));
	put(ssl, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	         "Content-Length: 5\r\n\r\nhello");
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_body, "\"bytes\":5,\"body\":\"hello\""));
	put(ssl, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(ssl, false), 200);
	CU_ASSERT_TRUE(answer_len > 0);
	put(ssl, "TRACE /no HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(ssl, true), 405);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_head, "Allow: GET\r\n"));
	put(ssl, "GET /busy HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	CU_ASSERT_EQUAL(get(ssl, true), 503);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_head, "Retry-After: 7\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_head, "Connection: keep-alive\r\n"));
	put(ssl, "\r\n\r\nGET / HTTP/1.0\r\n\r\n");
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_head, "Connection: close\r\n"));
	CU_ASSERT_EQUAL(SSL_read(ssl, answer_body, 1), 0);
	CU_ASSERT_EQUAL(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN);
	bye(ssl);
	CU_ASSERT_EQUAL(count(HTTPS_REQUESTS), 6);
	CU_ASSERT_EQUAL(count(HTTPS_HANDSHAKES), 1);
	end();
}

static void test_bodies(void)
{
	const char *const chunked =
	        "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	        "3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: t\r\n\r\n";
	char *text = malloc(300000);
	size_t n;
	SSL *ssl;

	begin();
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	for (const char *p = chunked; *p != '\0'; p++)
		CU_ASSERT_EQUAL(SSL_write(ssl, p, 1), 1);
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_body, "\"bytes\":5,\"body\":\"abcde\""));

	n = (size_t)sprintf(text, "POST /l HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n");
	memset(text + n, 'z', 50000);
	strcpy(text + n + 50000, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
	strcat(text, chunked);
	strcat(text, "GET /three HTTP/1.1\r\nHost: x\r\n\r\n");
	put(ssl, text);
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_body, "\"bytes\":50000,\"body\":\"zzz"));
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_body, "/one"));
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_body, "abcde"));
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_body, "/three"));

	put(ssl,
	    "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	CU_ASSERT_EQUAL(get(ssl, true), 100);
	put(ssl, "{}");
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_body, "\"bytes\":2"));
	bye(ssl);
	free(text);
	end();
}

static void *answer_thread(void *text)
{
	while (later == NULL)
		usleep(1000);
	say(later, 200, text, strlen(text));
	later = NULL;
	return NULL;
}

static void test_later(void)
{
	static char text[] = "{\"late\":1}";
	pthread_t t;
	SSL *ssl;

	begin();
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	CU_ASSERT_EQUAL(pthread_create(&t, NULL, answer_thread, text), 0);
	put(ssl, "GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_STRING_EQUAL(answer_body, text);
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_body, "/next"));
	pthread_join(t, NULL);
	/* The client goes before the answer. */
	put(ssl, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	while (later == NULL)
		usleep(1000);
	setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
	           sizeof(struct linger));
	bye(ssl);
	CU_ASSERT_TRUE(until(HTTPS_LOST, 1));
	say(later, 200, text, strlen(text));
	later = NULL;
	/* The front goes before the answer. */
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	put(ssl, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	while (later == NULL)
		usleep(1000);
	https_stop(front, 10 * NS_PER_MS);
	https_destroy(front);
	say(later, 200, text, strlen(text));
	later = NULL;
	bye(ssl);
	end_rest();
}

/* An answer longer than what the kernel takes, read slowly. */
static void test_big(void)
{
	SSL *ssl;

	begin();
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	put(ssl, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
	usleep(50000);
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	CU_ASSERT_EQUAL(answer_len, 200000);
	CU_ASSERT_EQUAL(strspn(answer_body, "k"), 200000);
	bye(ssl);
	end();
}

static void test_peers(void)
{
	struct err err = {0};
	struct pair late;
	SSL *ssl, *kept;

	begin();
	ssl = hello(NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	put(ssl, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	check_error(ssl, 401, "client certificate: none was shown");
	bye(ssl);
	CU_ASSERT_EQUAL(count(HTTPS_PEER + TLS_PEER_NONE), 1);
	ssl = hello(&stranger);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	put(ssl, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	check_error(ssl, 401, "client certificate: self-signed");
	bye(ssl);
	CU_ASSERT_EQUAL(count(HTTPS_PEER + TLS_PEER_FOREIGN), 1);

	/* Revoked while it is connected: after the reload its next request is refused. */
	kept = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
	put(kept, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(kept, true), 200);
	write_crl("crl.pem", make_crl(&root, sae.cert, 9), "w");
	put(kept, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(kept, true), 200);
	CU_ASSERT_EQUAL(https_reload(front, &err), 0);
	put(kept, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	check_error(kept, 401, "client certificate: certificate revoked");
	bye(kept);
	CU_ASSERT_EQUAL(count(HTTPS_PEER + TLS_PEER_REVOKED), 1);

	/* A certificate that ends while the connection lasts. */
	write_crl("crl.pem", make_crl(&root, NULL, 9), "w");
	CU_ASSERT_EQUAL(https_reload(front, &err), 0);
	late = make_pair(&(struct says){
	        .issuer = &root, .now = time(NULL) + 2 - DAY, .from_days = -1, .to_days = 1});
	kept = hello(&late);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
	put(kept, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(kept, true), 200);
	sleep(2);
	put(kept, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	check_error(kept, 401, "client certificate: certificate has expired");
	bye(kept);
	free_pair(&late);
	CU_ASSERT_EQUAL(count(HTTPS_REQUESTS), 3);
	end();
}

/* New files that are wrong change nothing. */
static void test_reload(void)
{
	struct pair fresh;
	struct err err = {0};
	X509 *seen;
	SSL *ssl;

	begin();
	fresh = make_pair(&(struct says){.issuer = &root, .cn = {"new"}, .purpose = "serverAuth"});
	write_cert("kme.pem", fresh.cert, "w");
	CU_ASSERT_EQUAL(https_reload(front, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "private key /tmp/kms-files"));
	write_text("ca.pem", "");
	CU_ASSERT_EQUAL(https_reload(front, &err), -EINVAL);
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	seen = SSL_get1_peer_certificate(ssl);
	CU_ASSERT_EQUAL(X509_cmp(seen, kme.cert), 0);
	X509_free(seen);
	put(ssl, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	bye(ssl);

	write_cert("ca.pem", root.cert, "w");
	write_key("kme.key", fresh.key);
	CU_ASSERT_EQUAL(chmod(files_path("kme.key"), 0640), 0);
	CU_ASSERT_EQUAL(https_reload(front, &err), -EACCES);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "mode 640"));
	CU_ASSERT_EQUAL(chmod(files_path("kme.key"), 0600), 0);
	CU_ASSERT_EQUAL(https_reload(front, &err), 0);
	CU_ASSERT_EQUAL(https_certificate_end(front), tls_time(X509_get0_notAfter(fresh.cert)));
	/* The thread takes it up with its next event. */
	usleep(50000);
	ssl = hello(&sae);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	seen = SSL_get1_peer_certificate(ssl);
	CU_ASSERT_EQUAL(X509_cmp(seen, fresh.cert), 0);
	X509_free(seen);
	bye(ssl);
	free_pair(&fresh);
	end();
}

UNIT_MAIN(UNIT(test_requests), UNIT(test_bodies), UNIT(test_later), UNIT(test_big),
          UNIT(test_peers), UNIT(test_reload))
