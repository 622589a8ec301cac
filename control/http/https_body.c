/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/https_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/secret.h"

#define ROOM_LEAST 4096

void https_body_release(struct connection *c)
{
	if (c->body == NULL)
		return;
	secret_wipe(c->body, c->body_len);
	free(c->body);
	atomic_fetch_sub_explicit(&c->h->body_memory, c->body_room, memory_order_relaxed);
	c->body = NULL;
	c->body_len = c->body_room = 0;
}

/* Room for NEEDED bytes. Memory grows with what has come: what is announced alone costs none. */
static bool make_room(struct connection *c, size_t needed)
{
	struct https *h = c->h;
	size_t len = c->body_len, room = c->body_room == 0 ? ROOM_LEAST : c->body_room;
	char *p;

	if (needed <= c->body_room)
		return true;
	while (room < needed)
		room *= 2;
	if (atomic_load_explicit(&h->body_memory, memory_order_relaxed) + room >
	    h->config.body_memory)
		return false;
	p = malloc(room);
	if (p == NULL)
		return false;
	if (len > 0)
		memcpy(p, c->body, len);
	https_body_release(c);
	c->body = p;
	c->body_len = len;
	c->body_room = room;
	atomic_fetch_add_explicit(&h->body_memory, room, memory_order_relaxed);
	return true;
}

static bool append(struct connection *c, const char *data, size_t n)
{
	struct http_fault f;

	if (n > c->h->config.body_bytes - c->body_len) {
		http_fault_field(&f, 413, "body", "more than %zu bytes", c->h->config.body_bytes);
		https_refuse(c, &f, HTTPS_BODY_LARGE);
		return false;
	}
	if (!make_room(c, c->body_len + n)) {
		http_fault_unavailable(&f, "too many requests with long bodies", 1);
		https_refuse(c, &f, HTTPS_BODY_MEMORY);
		return false;
	}
	memcpy(c->body + c->body_len, data, n);
	c->body_len += n;
	return true;
}

/*
 * The head stays at the begin of what was read until the request is whole: the handler is given
 * pointers into it. Behind it bytes of the body pass through.
 */
static void drop_read(struct connection *c, size_t n)
{
	size_t at = c->scan.at, left = c->in_len - at - n;

	memmove(c->in + at, c->in + at + n, left);
	secret_wipe(c->in + at + left, n);
	c->in_len = at + left;
}

static enum https_step plain(struct connection *c)
{
	size_t there = c->in_len - c->scan.at, left = (size_t)c->head.length - c->body_len;
	size_t n = there < left ? there : left;

	if (n > 0 && !append(c, c->in + c->scan.at, n))
		return HTTPS_STEP;
	drop_read(c, n);
	if (c->body_len < c->head.length)
		return HTTPS_NEED;
	https_request_whole(c, c->body, c->body_len, c->scan.at);
	return HTTPS_STEP;
}

static enum https_step chunked(struct connection *c)
{
	size_t at = c->scan.at, used, len;
	const char *data;
	struct http_fault f;

	while (at < c->in_len && c->chunks.state != CHUNK_DONE) {
		if (http_chunks_take(&c->chunks, c->in + at, c->in_len - at, &used, &data, &len,
		                     &f) != 0) {
			https_refuse(c, &f, HTTPS_MALFORMED);
			return HTTPS_STEP;
		}
		if (len > 0 && !append(c, data, len))
			return HTTPS_STEP;
		at += used;
	}
	drop_read(c, at - c->scan.at);
	if (c->chunks.state != CHUNK_DONE)
		return HTTPS_NEED;
	https_request_whole(c, c->body != NULL ? c->body : "", c->body_len, c->scan.at);
	return HTTPS_STEP;
}

enum https_step https_body_step(struct connection *c)
{
	return c->head.chunked ? chunked(c) : plain(c);
}
