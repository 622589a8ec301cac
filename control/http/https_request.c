/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/https_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>

#include "common/clock.h"
#include "common/secret.h"

/* Set while the handler runs: it may answer at once. */
static __thread struct https_exchange *inside;

void https_answer(struct https_exchange *x, const struct https_answer *answer)
{
	struct https *h = x->h;
	bool gone, ring;

	x->answer = *answer;
	if (x == inside) {
		x->answered = true;
		return;
	}
	x->next = NULL;
	pthread_mutex_lock(&h->lock);
	gone = h->gone;
	ring = h->answered == NULL;
	if (!gone) {
		*h->answered_end = x;
		h->answered_end = &x->next;
		/* Under the lock: until the thread has taken it, it is there. */
		if (ring)
			eventfd_write(h->bell, 1);
	}
	pthread_mutex_unlock(&h->lock);
	if (gone)
		https_exchange_drop(x);
}

/* The first N bytes of what was read are done with. */
void https_consume(struct connection *c, size_t n)
{
	size_t left = c->in_len - n;

	memmove(c->in, c->in + n, left);
	secret_wipe(c->in + left, n);
	c->in_len = left;
	c->scan = (struct http_scan){0};
}

/* Who has the key of a name, for as long as the file gives it that key. */
static bool psk_verify(const struct connection *c, struct tls_verdict *v)
{
	*v = (struct tls_verdict){.refusal = TLS_PEER_FOREIGN, .until = (time_t)INT64_MAX};
	if (!tls_psk_peer_check(c->h->tls->psk, &c->psk)) {
		snprintf(v->reason, sizeof(v->reason),
		         "the pre-shared key is not its own any more");
		return false;
	}
	v->refusal = TLS_PEER_GOOD;
	memcpy(v->identity, c->psk.identity, sizeof(v->identity));
	return true;
}

static bool verify(const struct connection *c, time_t now, struct tls_verdict *v)
{
	switch (c->clients) {
	case HTTPS_CERTIFIED:
		return tls_peer_verify(c->h->tls->trust, SSL_get0_peer_certificate(c->ssl),
		                       SSL_get_peer_cert_chain(c->ssl), now, v);
	case HTTPS_PSK:
		return psk_verify(c, v);
	default:
		*v = (struct tls_verdict){.until = (time_t)INT64_MAX};
		return true;
	}
}

bool https_peer_check(struct connection *c, struct tls_verdict *v)
{
	struct https *h = c->h;
	time_t now = (time_t)(clock_wall_ns() / NS_PER_S);

	https_trust_refresh(h);
	if (c->peer.generation == h->tls_generation && now < c->peer.until)
		return true;
	free(c->peer.identity);
	c->peer.identity = NULL;
	c->peer.generation = 0;
	if (!verify(c, now, v))
		return false;
	c->peer.identity = strdup(v->identity);
	if (c->peer.identity == NULL) {
		v->refusal = TLS_PEER_OTHER;
		snprintf(v->reason, sizeof(v->reason), "out of memory");
		return false;
	}
	c->peer.until = v->until;
	c->peer.generation = h->tls_generation;
	return true;
}

static bool check_peer(struct connection *c)
{
	struct tls_verdict v;
	struct http_fault f;

	if (https_peer_check(c, &v))
		return true;
	http_fault_field(&f, 401, c->clients == HTTPS_CERTIFIED ? "client certificate" : "client",
	                 "%s", v.reason);
	https_refuse(c, &f, HTTPS_PEER + v.refusal);
	return false;
}

static bool is_type(const char *type, const char *name)
{
	size_t n = strlen(name);

	return strncasecmp(type, name, n) == 0 &&
	       (type[n] == '\0' || type[n] == ';' || type[n] == ' ' || type[n] == '\t');
}

/* The second is what curl -d and some clients of the standard call their JSON. */
static bool is_json(const char *type)
{
	return is_type(type, "application/json") ||
	       is_type(type, "application/x-www-form-urlencoded");
}

static void dispatch(struct connection *c, const char *body, size_t len)
{
	struct https_exchange *x = calloc(1, sizeof(*x));
	const struct https_peer peer = {
	        .identity = c->peer.identity, .address = c->text, .psk = c->clients == HTTPS_PSK};
	const struct https_request request = {
	        .x = x,
	        .peer = &peer,
	        .method = c->head.method,
	        .target = c->head.target,
	        .content_type = c->head.content_type,
	        .accept = c->head.accept,
	        .body = body,
	        .body_len = len,
	};

	if (x == NULL) {
		https_close(c);
		return;
	}
	x->h = c->h;
	x->c = c;
	c->x = x;
	pthread_mutex_lock(&c->h->lock);
	c->h->references++;
	pthread_mutex_unlock(&c->h->lock);
	atomic_fetch_add_explicit(&c->h->waiting, 1, memory_order_relaxed);
	https_count(c->h, HTTPS_REQUESTS);
	https_enter(c, CONNECTION_SERVICE);
	inside = x;
	c->h->handler(c->h->ctx, &request);
	inside = NULL;
}

/* The request is with the handler: its bytes go, and if it was answered at once, that begins. */
void https_request_whole(struct connection *c, const char *body, size_t len, size_t used)
{
	c->updates = 0;
	c->keep = c->head.keep_alive;
	dispatch(c, body, len);
	if (c->phase != CONNECTION_SERVICE)
		return;
	/* Of the head what matters from now on is whether it was HEAD: a text that stays. */
	c->head.method = strcmp(c->head.method, "HEAD") == 0 ? "HEAD" : NULL;
	https_body_release(c);
	https_consume(c, used);
	if (c->x->answered) {
		struct https_exchange *x = c->x;
		struct https_answer answer = x->answer;

		x->answer = (struct https_answer){0};
		c->x = NULL;
		atomic_fetch_sub_explicit(&c->h->waiting, 1, memory_order_relaxed);
		https_exchange_drop(x);
		https_write_begin(c, &answer, c->keep);
	}
}

/* The body's length, or how it comes, is known: may it? */
static bool check_body(struct connection *c)
{
	const struct http_head *head = &c->head;
	struct http_fault f;

	if (strcmp(head->method, "POST") == 0 && head->content_type != NULL &&
	    !is_json(head->content_type)) {
		http_fault_set(&f, 415, "Content-Type: only application/json is served");
		https_refuse(c, &f, HTTPS_MEDIA_TYPE);
		return false;
	}
	if (head->length > c->h->config.body_bytes) {
		http_fault_field(&f, 413, "body", "more than %zu bytes", c->h->config.body_bytes);
		https_refuse(c, &f, HTTPS_BODY_LARGE);
		return false;
	}
	return true;
}

/* The client waits for this before it sends the body. */
static bool say_continue(struct connection *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t written;

	if (!c->head.expect_continue || c->in_len > c->scan.at)
		return true;
	if (https_wire_write(c, text, sizeof(text) - 1, &written) == HTTPS_WIRE_DONE &&
	    written == sizeof(text) - 1)
		return true;
	/* It has not read its last answer. */
	https_count(c->h, HTTPS_ANSWER_SLOW);
	https_close(c);
	return false;
}

static void refuse_head(struct connection *c, const struct http_fault *f)
{
	https_refuse(c, f,
	             f->status == 431 || f->status == 414 ? HTTPS_HEADER_LARGE
	             : f->status == 415                   ? HTTPS_MEDIA_TYPE
	                                                  : HTTPS_MALFORMED);
}

static enum https_step whole_head(struct connection *c)
{
	size_t n = c->scan.at;
	struct http_fault f;

	if (http_head_parse(c->in, n, &c->head, &f) != 0) {
		refuse_head(c, &f);
		return HTTPS_STEP;
	}
	if (!check_peer(c) || (c->head.has_body && !check_body(c)))
		return HTTPS_STEP;
	if (!c->head.has_body) {
		https_request_whole(c, "", 0, n);
	} else if (!c->head.chunked && c->in_len - n >= c->head.length) {
		https_request_whole(c, c->in + n, (size_t)c->head.length,
		                    n + (size_t)c->head.length);
	} else if (say_continue(c)) {
		c->chunks = (struct http_chunks){0};
		https_enter(c, CONNECTION_BODY);
	}
	return HTTPS_STEP;
}

/* Empty lines before a request go unheeded (RFC 9112 section 2.2). */
static void skip_empty(struct connection *c)
{
	size_t n = 0;

	while (c->scan.at == 0 && c->in_len - n >= 2 && memcmp(c->in + n, "\r\n", 2) == 0)
		n += 2;
	if (n > 0)
		https_consume(c, n);
}

static enum https_step read_head(struct connection *c)
{
	struct http_fault f;

	skip_empty(c);
	switch (http_scan(&c->scan, c->in, c->in_len)) {
	case HTTP_HEAD:
		if (c->scan.at > HTTP_HEAD_BYTES)
			break;
		return whole_head(c);
	case HTTP_BARE:
		http_fault_set(&f, 400, "HTTP request: a line feed without carriage return");
		refuse_head(c, &f);
		return HTTPS_STEP;
	case HTTP_MORE:
		break;
	}
	if (c->scan.at <= HTTP_HEAD_BYTES)
		return HTTPS_NEED;
	if (memchr(c->in, '\n', HTTP_HEAD_BYTES) == NULL)
		http_fault_set(&f, 414, "HTTP request: the first line is too long");
	else
		http_fault_set(&f, 431, "HTTP header: more than 8192 bytes");
	refuse_head(c, &f);
	return HTTPS_STEP;
}

enum https_step https_request_step(struct connection *c)
{
	if (c->in_len == 0)
		return HTTPS_NEED;
	if (c->phase == CONNECTION_BODY)
		return https_body_step(c);
	if (c->phase == CONNECTION_IDLE || c->phase == CONNECTION_STRANGER) {
		c->head = (struct http_head){0};
		https_enter(c, CONNECTION_HEADER);
	}
	return read_head(c);
}
