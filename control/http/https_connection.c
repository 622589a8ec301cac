/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/https_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "common/secret.h"

#define REQUESTS_A_TURN 16 /* of one connection, then others have theirs */
/*
 * Key updates of TLS 1.3 for one request: work for us, and nothing is asked. One in 2^24 records
 * would do (RFC 8446 section 5.5).
 */
#define UPDATES_MOST 256

enum outcome {
	WAIT, /* for the network */
	GO_ON,
	GONE, /* closed */
};

static enum outcome end(struct connection *c)
{
	https_close(c);
	return GONE;
}

/* The last answer, or alert, must not be lost to a reset because more came in behind. */
static enum outcome linger(struct connection *c)
{
	if (shutdown(c->fd, SHUT_WR) != 0)
		return end(c);
	https_enter(c, CONNECTION_LINGER);
	return GO_ON;
}

static enum outcome drain(struct connection *c)
{
	char waste[4096];
	ssize_t n;

	/* It is bounded by the phase's time, and by this a turn. */
	for (int i = 0; i < 16; i++) {
		n = recv(c->fd, waste, sizeof(waste), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return end(c);
		if (n < 0)
			return WAIT;
	}
	https_again(c);
	return WAIT;
}

static enum outcome plain_http(struct connection *c)
{
	static const char body[] = "{\"message\": \"only HTTPS is served here\"}";
	char text[256];
	int n = snprintf(text, sizeof(text),
	                 "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
	                 "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
	                 sizeof(body) - 1, body);

	https_count(c->h, HTTPS_HANDSHAKE_PLAIN);
	if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		return end(c);
	return linger(c);
}

static enum outcome handshake_failed(struct connection *c)
{
	unsigned long code = ERR_peek_error();

	if (code == 0) {
		https_count(c->h, HTTPS_HANDSHAKE_FAILED);
		return end(c);
	}
	switch (ERR_GET_REASON(code)) {
	case SSL_R_HTTP_REQUEST:
		return plain_http(c);
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_WRONG_SSL_VERSION:
		https_count(c->h, HTTPS_HANDSHAKE_VERSION);
		break;
	case SSL_R_NO_APPLICATION_PROTOCOL:
		https_count(c->h, HTTPS_HANDSHAKE_ALPN);
		break;
	default:
		https_count(c->h, HTTPS_HANDSHAKE_FAILED);
	}
	return linger(c);
}

static enum outcome handshake(struct connection *c)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(c->ssl);
	if (rc == 1) {
		struct tls_verdict v;

		https_count(c->h, HTTPS_HANDSHAKES);
		https_enter(c, https_peer_check(c, &v) ? CONNECTION_IDLE : CONNECTION_STRANGER);
		c->readable = true;
		return GO_ON;
	}
	rc = SSL_get_error(c->ssl, rc);
	if (rc != SSL_ERROR_WANT_READ && rc != SSL_ERROR_WANT_WRITE)
		return handshake_failed(c);
	/* In a storm of connections the time until here was ours: it begins anew, once. */
	if (!c->hello && SSL_get_state(c->ssl) != TLS_ST_BEFORE) {
		c->hello = true;
		https_enter(c, CONNECTION_HANDSHAKE);
	}
	return WAIT;
}

/* Bytes of a request, for as much as there is room. */
static enum outcome read_more(struct connection *c)
{
	unsigned int records = c->records;
	enum https_wire rc;
	size_t n;

	if (c->in == NULL)
		c->in = malloc(HTTPS_IN_BYTES);
	if (c->in == NULL)
		return end(c);
	rc = https_wire_read(c, c->in + c->in_len, HTTPS_IN_BYTES - c->in_len, &n);
	if (c->updates > UPDATES_MOST) {
		https_count(c->h, HTTPS_KEY_UPDATES);
		return end(c);
	}
	if (rc == HTTPS_WIRE_DONE) {
		c->in_len += n;
		return GO_ON;
	}
	if (rc == HTTPS_WIRE_GONE) {
		if (c->phase > CONNECTION_IDLE)
			https_count(c->h, HTTPS_LOST);
		return end(c);
	}
	if (c->in_len == 0) {
		free(c->in);
		c->in = NULL;
	}
	/* A record that was none of ours, or a part of one: maybe more is there, after the others.
	 */
	if (c->records != records)
		https_again(c);
	else
		c->readable = false;
	return WAIT;
}

static enum outcome request(struct connection *c)
{
	if (https_request_step(c) == HTTPS_STEP)
		return c->phase == CONNECTION_DEAD ? GONE : GO_ON;
	return c->readable ? read_more(c) : WAIT;
}

static enum outcome written(struct connection *c)
{
	bool refused = c->phase == CONNECTION_WRITE && c->in_len > 0;

	if (!c->close) {
		https_enter(c, CONNECTION_IDLE);
		return GO_ON;
	}
	https_wire_end(c);
	/* A client that got what it asked for and sends no more needs no waiting for. */
	return refused ? linger(c) : end(c);
}

static enum outcome answer(struct connection *c)
{
	switch (https_write_more(c)) {
	case 1:
		return written(c);
	case 0:
		return WAIT;
	default:
		https_count(c->h, HTTPS_LOST);
		return end(c);
	}
}

static enum outcome step(struct connection *c)
{
	switch (c->phase) {
	case CONNECTION_HANDSHAKE:
		return handshake(c);
	case CONNECTION_STRANGER:
	case CONNECTION_IDLE:
	case CONNECTION_HEADER:
	case CONNECTION_BODY:
		return request(c);
	case CONNECTION_WRITE:
		return answer(c);
	case CONNECTION_LINGER:
		return drain(c);
	default:
		return WAIT;
	}
}

void https_drive(struct connection *c)
{
	unsigned int requests = 0;

	for (;;) {
		bool writing = c->phase == CONNECTION_WRITE;

		if (step(c) != GO_ON)
			return;
		if (writing && ++requests == REQUESTS_A_TURN) {
			https_again(c);
			return;
		}
	}
}

static void refuse_slow(struct connection *c, const char *what, enum https_count count)
{
	struct http_fault f;

	http_fault_set(&f, 408, what);
	https_refuse(c, &f, count);
	if (c->phase != CONNECTION_DEAD)
		https_drive(c);
}

void https_expire(struct connection *c)
{
	enum phase phase = c->phase;

	/* What it sent in time may still wait for us. */
	if (phase <= CONNECTION_BODY) {
		c->readable = true;
		https_drive(c);
		if (c->phase != phase || c->deadline_ns > c->h->now_ns)
			return;
	}
	switch (phase) {
	case CONNECTION_HANDSHAKE:
		https_count(c->h, HTTPS_HANDSHAKE_SLOW);
		break;
	case CONNECTION_STRANGER:
	case CONNECTION_IDLE:
		https_count(c->h, HTTPS_IDLE);
		https_wire_end(c);
		break;
	case CONNECTION_HEADER:
		refuse_slow(c, "HTTP header: not whole in time", HTTPS_HEADER_SLOW);
		return;
	case CONNECTION_BODY:
		refuse_slow(c, "body: not whole in time", HTTPS_BODY_SLOW);
		return;
	case CONNECTION_WRITE:
		https_count(c->h, HTTPS_ANSWER_SLOW);
		break;
	default:
		break;
	}
	https_close(c);
}
