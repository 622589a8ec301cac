/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * JSON-RPC 2.0: from the text of a request, single or batch, to the text of its response,
 * and where requests end in a stream of bytes. No I/O.
 */

#ifndef CONTROL_JSONRPC_H
#define CONTROL_JSONRPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Codes of the specification's section 5.1. */
#define JSONRPC_PARSE_ERROR      (-32700)
#define JSONRPC_INVALID_REQUEST  (-32600)
#define JSONRPC_METHOD_NOT_FOUND (-32601)
#define JSONRPC_INVALID_PARAMS   (-32602)
#define JSONRPC_INTERNAL_ERROR   (-32603)
/* Ours, in the range that it leaves to servers. */
#define JSONRPC_FAILED      (-32000) /* the gateway refused or could not */
#define JSONRPC_FORBIDDEN   (-32001) /* the client may only read */
#define JSONRPC_WRONG_STATE (-32002) /* not callable before, or after, start-up */

#define JSONRPC_BATCH_MAX 64 /* requests in one batch */

struct jsonrpc_error {
	int code;       /* 0: none */
	char text[320]; /* one line: path and reason */
};

/* Record a code and a sentence. */
void jsonrpc_fail(struct jsonrpc_error *error, int code, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

/*
 * Run METHOD with PARAMS (object, array or NULL): the result, a new reference, or NULL with
 * ERROR filled in.
 */
typedef json_t *(*jsonrpc_call_fn)(void *ctx, const char *method, const json_t *params,
                                   struct jsonrpc_error *error);

/* The response as one line without its end, to be freed; NULL when nothing is to be sent. */
char *jsonrpc_handle(const char *text, size_t len, jsonrpc_call_fn call, void *ctx);

/* An error response to no request in particular (id null), to be freed. */
char *jsonrpc_error_text(int code, const char *text);

/*
 * Requests follow each other in a stream with or without white space between them. Each byte
 * is looked at once, so that a client pays for what it sends.
 */
struct jsonrpc_scanner {
	bool inside, string, escape, garbage;
	unsigned int depth;
};

/*
 * Look at LEN more bytes. Returns how many belong to the first request in them, with *END
 * true when it ends there. What does not begin with a bracket is a request up to its line's
 * end, for the parser to refuse. White space alone before a request is consumed with it.
 */
size_t jsonrpc_scan(struct jsonrpc_scanner *s, const char *data, size_t len, bool *end);

/*
 * Let jansson wipe what it frees: a request may carry keys to import. Once, at start.
 */
void jsonrpc_wipe_memory(void);

#endif
