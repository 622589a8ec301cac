/* SPDX-License-Identifier: BSD-3-Clause */

/* The front over loopback, with a handler that says what it was asked, and clients of it. */

#ifndef TESTS_UNIT_CONTROL_HTTP_HTTPS_RIG_H
#define TESTS_UNIT_CONTROL_HTTP_HTTPS_RIG_H

#include "control/http/https.h"
#include "tests/unit/control/http/certificates.h"
#include "tests/unit/remove_tree.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/clock.h"
#include "common/secret.h"

#define ANSWER_MOST (1 << 20)

static struct pair root, kme, sae, stranger;
static struct https *front;
static struct https_config front_config;
static SSL_CTX *client_ctx;

static char answer_head[2048], *answer_body;
static size_t answer_len;

/* What the handler keeps for later: set by a request for /later. */
static struct https_exchange *_Atomic later;

static inline void say(struct https_exchange *x, int status, const char *text, size_t n)
{
	struct https_answer a = {.status = status, .len = n, .secret = true};

	a.body = secret_alloc(n);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a.body);
	memcpy(a.body, text, n);
	if (status == 405)
		a.allow = "GET";
	if (status == 503)
		a.retry_after_s = 7;
	https_answer(x, &a);
}

static inline void handle(void *ctx, const struct https_request *r)
{
	static char big[200000];
	char text[70000];
	int n;

	if (strcmp(r->target, "/later") == 0) {
		later = r->x;
		return;
	}
	if (strcmp(r->target, "/big") == 0) {
		memset(big, 'k', sizeof(big));
		say(r->x, 200, big, sizeof(big));
		return;
	}
	n = snprintf(text, sizeof(text),
	             "{\"who\":\"%s\",\"method\":\"%s\",\"target\":\"%s\","
	             "\"type\":\"%s\",\"bytes\":%zu,\"body\":\"%.*s\"}",
	             r->peer->identity, r->method, r->target,
	             r->content_type != NULL ? r->content_type : "", r->body_len,
	             (int)(r->body_len < 60000 ? r->body_len : 60000), r->body);
	say(r->x,
	    strcmp(r->target, "/no") == 0     ? 405
	    : strcmp(r->target, "/busy") == 0 ? 503
	                                      : 200,
	    text, (size_t)n);
}

static inline struct https_config base_config(void)
{
	struct https_config c = {
	        .listen_count = 1,
	        .files = {.certificate = strdup(files_path("kme.pem")),
	                  .key = strdup(files_path("kme.key")),
	                  .ca = strdup(files_path("ca.pem")),
	                  .crl = strdup(files_path("crl.pem"))},
	        .connections = 50,
	        .connections_per_address = 40,
	        .body_bytes = 256 << 10,
	        .body_memory = 1 << 20,
	        .handshake_ns = NS_PER_S / 4,
	        .header_ns = NS_PER_S / 4,
	        .body_ns = NS_PER_S / 4,
	        .answer_ns = NS_PER_S / 4,
	        .idle_ns = 20 * NS_PER_S,
	};
	struct sockaddr_in *a = (struct sockaddr_in *)&c.listen[0];

	a->sin_family = AF_INET;
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return c;
}

static inline void begin_with(void (*change)(struct https_config *))
{
	static bool once;
	struct err err = {0};
	int rc;

	signal(SIGPIPE, SIG_IGN);
	if (!once)
		CU_ASSERT_EQUAL_FATAL(secret_init(8 << 20, &err), 0);
	once = true;
	files_begin();
	root = make_authority("root", NULL);
	kme = make_pair(&(struct says){.issuer = &root, .cn = {"kme"}, .purpose = "serverAuth"});
	sae = make_pair(&(struct says){.issuer = &root, .cn = {"sae-1"}});
	stranger = make_pair(&(struct says){.cn = {"sae-1"}});
	write_cert("ca.pem", root.cert, "w");
	write_cert("kme.pem", kme.cert, "w");
	write_key("kme.key", kme.key);
	write_crl("crl.pem", make_crl(&root, NULL, 9), "w");
	front_config = base_config();
	if (change != NULL)
		change(&front_config);
	rc = https_create(&front_config, handle, NULL, &front, &err);
	if (rc != 0)
		printf("%s\n", err.text);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	client_ctx = SSL_CTX_new(TLS_client_method());
}

static inline void begin(void)
{
	begin_with(NULL);
}

/* The front is gone already. */
static inline void end_rest(void)
{
	SSL_CTX_free(client_ctx);
	free((char *)front_config.files.certificate);
	free((char *)front_config.files.key);
	free((char *)front_config.files.ca);
	free((char *)front_config.files.crl);
	free(answer_body);
	answer_body = NULL;
	free_pair(&root);
	free_pair(&kme);
	free_pair(&sae);
	free_pair(&stranger);
	remove_tree(files_folder);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static inline void end(void)
{
	https_stop(front, NS_PER_S);
	https_destroy(front);
	end_rest();
}

static inline uint64_t count(enum https_count what)
{
	struct https_stats s;

	https_stats_read(front, &s);
	return s.count[what];
}

static inline bool until(enum https_count what, uint64_t value)
{
	for (int i = 0; i < 300 && count(what) < value; i++)
		usleep(10000);
	return count(what) == value;
}

static inline int dial(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_port = htons(https_port(front, 0)),
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval wait = {5, 0};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* NULL: no handshake. WHO NULL: without a certificate. */
static inline SSL *hello(const struct pair *who)
{
	SSL *ssl = SSL_new(client_ctx);

	SSL_set_fd(ssl, dial());
	if (who != NULL) {
		SSL_use_certificate(ssl, who->cert);
		SSL_use_PrivateKey(ssl, who->key);
	}
	if (SSL_connect(ssl) == 1)
		return ssl;
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
	return NULL;
}

static inline void bye(SSL *ssl)
{
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
}

static inline void put(SSL *ssl, const char *text)
{
	CU_ASSERT_EQUAL(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
}

/* One answer by its Content-Length into BODY; its status, 0 when the connection ended. */
static inline int get(SSL *ssl, bool has_body)
{
	size_t n = 0;
	const char *at;

	answer_head[0] = '\0';
	while (strstr(answer_head, "\r\n\r\n") == NULL) {
		if (n + 1 == sizeof(answer_head) || SSL_read(ssl, answer_head + n, 1) != 1)
			return 0;
		answer_head[++n] = '\0';
	}
	if (strncmp(answer_head, "HTTP/1.1 100", 12) == 0)
		return 100;
	at = strstr(answer_head, "Content-Length: ");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	answer_len = (size_t)atol(at + 16);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_head, "Content-Type: application/json\r\n"));
	if (answer_body == NULL)
		answer_body = malloc(ANSWER_MOST + 1);
	for (n = 0; has_body && n < answer_len;) {
		int r = SSL_read(ssl, answer_body + n, (int)(answer_len - n));

		if (r <= 0)
			return 0;
		n += (size_t)r;
	}
	answer_body[n] = '\0';
	return atoi(answer_head + 9);
}

/* An Error object, and its message has WORDS. */
static inline void check_error(SSL *ssl, int status, const char *words)
{
	int got = get(ssl, true);
	json_t *o = json_loads(answer_body, 0, NULL);
	const char *message = json_string_value(json_object_get(o, "message"));

	if (got != status || message == NULL || strstr(message, words) == NULL) {
		printf("%d: %s\n", got, answer_body);
		CU_FAIL("another error was expected");
	}
	json_decref(o);
}

static inline void refused(const char *request, int status, const char *words)
{
	SSL *ssl = hello(&sae);
	char c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	put(ssl, request);
	check_error(ssl, status, words);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer_head, "Connection: close\r\n"));
	CU_ASSERT_TRUE(SSL_read(ssl, &c, 1) <= 0);
	bye(ssl);
}

#endif
