/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Requests as they come over a connection: heads, one behind the other, with their bodies. The
 * first byte says in what pieces. However it is cut, the same requests are found; what is taken
 * keeps what http_head.h promises, what is refused has a status and a body that a JSON parser
 * reads.
 */

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control/http/http_chunks.h"
#include "control/http/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
	if (!what)
		abort();
}

static void check_refusal(int rc, const struct http_fault *f)
{
	static const int known[] = {400, 415, 417, 431, 501, 505};
	char *text = http_fault_body(f);
	json_t *body = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	bool found = false;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		found |= f->status == known[i];
	must(found && rc == -f->status);
	must(json_string_length(json_object_get(body, "message")) > 0);
	json_decref(body);
	free(text);
}

static void check_head(const struct http_head *h)
{
	must(strlen(h->method) > 0 && strpbrk(h->method, " \t\r\n") == NULL);
	for (const char *p = h->target; *p != '\0'; p++)
		must(*p > ' ' && *p < 0x7f);
	must(h->target[0] != '\0' && h->minor <= 9);
	must(h->has_body == (h->chunked || h->length > 0) && !(h->chunked && h->length > 0));
	must(!h->expect_continue || (h->has_body && h->minor > 0));
	must(h->content_type == NULL || strpbrk(h->content_type, "\r\n") == NULL);
}

/* How many bytes of N at TEXT are a head, looked at STEP at a time; 0: none, or refused. */
static size_t head_bytes(const char *text, size_t n, size_t step, enum http_scanned *what)
{
	struct http_scan scan = {0};

	*what = HTTP_MORE;
	for (size_t have = step; *what == HTTP_MORE; have += step) {
		*what = http_scan(&scan, text, have < n ? have : n);
		must(scan.at <= n && scan.line <= scan.at);
		if (have >= n)
			break;
	}
	return *what == HTTP_HEAD ? scan.at : 0;
}

/* The body's chunks; how many bytes they take, 0: they do not end, or are refused. */
static size_t chunk_bytes(const char *text, size_t n, size_t step, size_t *body)
{
	struct http_chunks c = {0};
	struct http_fault f;
	size_t at = 0;

	*body = 0;
	while (at < n && c.state != CHUNK_DONE) {
		const char *piece;
		size_t used, len, m = n - at < step ? n - at : step;
		int rc = http_chunks_take(&c, text + at, m, &used, &piece, &len, &f);

		if (rc < 0) {
			check_refusal(rc, &f);
			return 0;
		}
		must(used > 0 && used <= m);
		must(len == 0 || (piece >= text + at && piece + len <= text + at + used));
		*body += len;
		at += used;
	}
	return c.state == CHUNK_DONE ? at : 0;
}

static size_t body_bytes(const struct http_head *h, const char *text, size_t n, size_t step)
{
	size_t body, again, used;

	if (!h->chunked)
		return h->length <= n ? (size_t)h->length : 0;
	used = chunk_bytes(text, n, step, &body);
	must(chunk_bytes(text, n, n + 1, &again) == used && again == body);
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	size_t n = size - 1, step;

	if (size == 0)
		return 0;
	step = 1 + data[0] % 32;
	while (n > 0) {
		enum http_scanned what, whole;
		size_t head = head_bytes(text, n, step, &what), body;
		struct http_head h;
		struct http_fault f;
		char *copy;
		int rc;

		must(head_bytes(text, n, n, &whole) == head && whole == what);
		if (head == 0)
			return 0;
		/* Of its own memory: what is read behind the head shows. */
		copy = malloc(head);
		memcpy(copy, text, head);
		/* The front skips empty lines before the head. */
		rc = head == 2 ? -400 : http_head_parse(copy, head, &h, &f);
		if (head > 2 && rc < 0)
			check_refusal(rc, &f);
		if (rc == 0)
			check_head(&h);
		text += head;
		n -= head;
		body = rc == 0 && h.has_body ? body_bytes(&h, text, n, step) : 0;
		free(copy);
		if (head > 2 && (rc < 0 || (h.has_body && body == 0)))
			return 0;
		text += body;
		n -= body;
	}
	return 0;
}
