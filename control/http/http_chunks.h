/* SPDX-License-Identifier: BSD-3-Clause */

/* A body in chunks (RFC 9112 section 7.1), piece by piece. Extensions and trailers go unheeded. */

#ifndef CONTROL_HTTP_HTTP_CHUNKS_H
#define CONTROL_HTTP_HTTP_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/http/fault.h"

#define HTTP_CHUNK_LINE     256         /* of a size with its extensions, of a trailer */
#define HTTP_CHUNK_OVERHEAD (64u << 10) /* of all that is not the body */

/* Zero to begin with. */
struct http_chunks {
	enum {
		CHUNK_SIZE, /* in its line */
		CHUNK_DATA,
		CHUNK_END, /* the line's end behind the data */
		CHUNK_TRAILER,
		CHUNK_DONE,
	} state;
	uint64_t size;         /* of the chunk, left of it in CHUNK_DATA */
	unsigned int digits;   /* of size that were read */
	bool extension;        /* the rest of the line is none of the size */
	unsigned int line;     /* bytes of this line */
	unsigned int overhead; /* bytes that were none of the body */
	bool cr;               /* the last byte was a carriage return */
};

/*
 * Take of the N bytes at IN up to the end of a piece of the body, which *DATA and *LEN become; a
 * length of 0: all of them were taken without one. *USED is how many were taken. 0, or -400 with F
 * set. c->state is CHUNK_DONE when the body is whole.
 */
int http_chunks_take(struct http_chunks *c, const char *in, size_t n, size_t *used,
                     const char **data, size_t *len, struct http_fault *f);

#endif
