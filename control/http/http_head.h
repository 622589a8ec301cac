/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The head of an HTTP request (RFC 9112): request line and header fields, taken strictly. What two
 * parsers could read in two ways is refused: line feeds alone, blanks before a colon, folded lines,
 * two lengths, a length beside chunks. No I/O, no allocation.
 *
 * It does not decode the target, nor compare Host with anything, nor keep fields but those that
 * HTTP itself needs, Content-Type and Accept; there are no upgrades, no codings but chunked, no
 * HTTP/2.
 */

#ifndef CONTROL_HTTP_HTTP_HEAD_H
#define CONTROL_HTTP_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/http/fault.h"

#define HTTP_HEAD_BYTES  8192 /* of a head, its empty line included */
#define HTTP_HEAD_FIELDS 64

/* How far a head was looked at: zero to begin with. */
struct http_scan {
	size_t at;   /* all before was seen */
	size_t line; /* where the line begins that AT is in */
};

enum http_scanned {
	HTTP_MORE, /* the head goes on */
	HTTP_HEAD, /* it ends at scan->at */
	HTTP_BARE, /* a line feed without carriage return */
};

/* Look at what is new of the N bytes at TEXT, which do not begin with an empty line. */
enum http_scanned http_scan(struct http_scan *scan, const char *text, size_t n);

struct http_head {
	const char *method, *target; /* as they stand there */
	const char *content_type;    /* or NULL */
	const char *accept;          /* or NULL; of several fields the first */
	unsigned int minor;          /* of version 1 */
	bool keep_alive;
	bool expect_continue;
	bool has_body; /* of LENGTH bytes, or in chunks */
	bool chunked;
	uint64_t length;
};

/*
 * The head in the N bytes at TEXT, which http_scan() found whole; nulls are written into it, and
 * OUT points into it. 0, or -STATUS with F set: 400 for what is no request, 417 for an expectation
 * that is not 100-continue, 431 for more than HTTP_HEAD_FIELDS, 501 for an unknown coding of the
 * body, 505 for another version. METHOD of OUT may be set then, to know HEAD by, else it is NULL.
 */
int http_head_parse(char *text, size_t n, struct http_head *out, struct http_fault *f);

#endif
