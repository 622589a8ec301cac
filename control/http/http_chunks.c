/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/http_chunks.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int bad(struct http_fault *f)
{
	return http_fault_set(f, 400, "Transfer-Encoding: the chunks are malformed");
}

/* A byte of a line with a size. */
static int size_byte(struct http_chunks *c, char byte, struct http_fault *f)
{
	int d = digit(byte);

	if (c->extension)
		return 0;
	if (d >= 0) {
		c->size = c->size << 4 | (uint64_t)d;
		/* 32 bits: more than a body may have. */
		return ++c->digits <= 8 ? 0 : bad(f);
	}
	if (byte != ';' && byte != ' ' && byte != '\t')
		return bad(f);
	c->extension = true;
	return 0;
}

static int line_end(struct http_chunks *c, struct http_fault *f)
{
	switch (c->state) {
	case CHUNK_SIZE:
		if (c->digits == 0)
			return bad(f);
		c->state = c->size > 0 ? CHUNK_DATA : CHUNK_TRAILER;
		break;
	case CHUNK_END:
		c->state = CHUNK_SIZE;
		break;
	default:
		if (c->line == 2)
			c->state = CHUNK_DONE;
	}
	c->digits = 0;
	c->extension = false;
	c->line = 0;
	return 0;
}

/* A byte that is none of the body. */
static int take_byte(struct http_chunks *c, char byte, struct http_fault *f)
{
	bool cr = c->cr;

	if (++c->line > HTTP_CHUNK_LINE || ++c->overhead > HTTP_CHUNK_OVERHEAD)
		return http_fault_set(f, 400, "Transfer-Encoding: too much beside the body");
	c->cr = byte == '\r';
	if (cr != (byte == '\n'))
		return bad(f);
	if (byte == '\n')
		return line_end(c, f);
	if (c->cr)
		return 0;
	if ((unsigned char)byte < ' ' && byte != '\t')
		return bad(f);
	if (c->state == CHUNK_END)
		return bad(f);
	return c->state == CHUNK_SIZE ? size_byte(c, byte, f) : 0;
}

int http_chunks_take(struct http_chunks *c, const char *in, size_t n, size_t *used,
                     const char **data, size_t *len, struct http_fault *f)
{
	size_t i = 0;

	*data = in;
	*len = 0;
	while (i < n && c->state != CHUNK_DATA && c->state != CHUNK_DONE) {
		int rc = take_byte(c, in[i++], f);

		if (rc < 0)
			return rc;
	}
	if (c->state == CHUNK_DATA && i < n) {
		*data = in + i;
		*len = n - i < c->size ? n - i : (size_t)c->size;
		c->size -= *len;
		i += *len;
		if (c->size == 0)
			c->state = CHUNK_END;
	}
	*used = i;
	return 0;
}
