/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What lumengate-web serves: a path a file, which registers itself.
 *
 *     static void health(const struct web_request *r, struct web_reply *out) { ... }
 *     WEB_ROUTE_DEFINE(health, .path = "/healthz", .get = health)
 *
 * All of it in the thread of the loop.
 */

#ifndef CONTROL_WEB_ROUTE_H
#define CONTROL_WEB_ROUTE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct web_request {
	const char *method; /* "GET" */
	const char *path;   /* without the query */
	const char *query;  /* what is behind the question mark, raw; "": nothing */
	const char *accept; /* or NULL */
	const char *body;
	size_t body_len;
	const char *identity; /* of the client's certificate; "": it has none */
	const char *address;  /* for logs */
};

struct web_reply {
	int status;               /* 200 unless it is set */
	const char *content_type; /* static; NULL: application/json */
	char *body;               /* of malloc(); NULL is an error 500 */
	size_t len;
};

struct web_route {
	const char *path;
	/* NULL: not allowed. HEAD is served by GET. */
	void (*get)(const struct web_request *r, struct web_reply *out);
	void (*post)(const struct web_request *r, struct web_reply *out);
	struct web_route *next;
};

#define WEB_ROUTE_DEFINE(name_, ...)                                                               \
	static struct web_route name_##_route_ = {__VA_ARGS__};                                    \
	__attribute__((constructor)) static void name_##_route_register_(void)                     \
	{                                                                                          \
		web_route_register(&name_##_route_);                                               \
	}

/* Called by constructors; aborts on a duplicate path. */
void web_route_register(struct web_route *route);

/*
 * The answer to R by whom its path is; 404 and 405 with an Error object otherwise. *ALLOW is the
 * header of 405, else NULL.
 */
void web_route_serve(const struct web_request *r, struct web_reply *out, const char **allow);

/* BODY, taken over, as the reply. */
void web_reply_json(struct web_reply *out, int status, json_t *body);
/* {"message": ...} */
void web_reply_error(struct web_reply *out, int status, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

/*
 * The value of NAME in a query, percent-decoded into OUT; false: it is not there, or longer than
 * SIZE - 1, or has %00, a % that is none, or bytes that are no UTF-8.
 */
bool web_query_get(const char *query, const char *name, char *out, size_t size);
/* NAME is there, whatever its value. */
bool web_query_has(const char *query, const char *name);

#endif
