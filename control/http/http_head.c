/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/http_head.h"

#include <string.h>
#include <strings.h>

enum http_scanned http_scan(struct http_scan *scan, const char *text, size_t n)
{
	while (scan->at < n) {
		const char *lf = memchr(text + scan->at, '\n', n - scan->at);
		size_t end;

		if (lf == NULL) {
			scan->at = n;
			break;
		}
		end = (size_t)(lf - text);
		scan->at = end + 1;
		if (end == scan->line || text[end - 1] != '\r')
			return HTTP_BARE;
		if (end == scan->line + 1)
			return HTTP_HEAD;
		scan->line = end + 1;
	}
	return HTTP_MORE;
}

/* RFC 9110 section 5.6.2. */
static bool is_token(const char *s, size_t n)
{
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return true;
}

/* Blanks and bytes that may be in a field's value (RFC 9110 section 5.5). */
static bool is_value(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' ? s[i] != '\t' : s[i] == 0x7f)
			return false;
	return true;
}

static int bad(struct http_fault *f, const char *message)
{
	return http_fault_set(f, 400, message);
}

static int parse_version(const char *v, size_t n, struct http_head *out, struct http_fault *f)
{
	if (n != 8 || memcmp(v, "HTTP/", 5) != 0 || v[5] < '0' || v[5] > '9' || v[6] != '.' ||
	    v[7] < '0' || v[7] > '9')
		return bad(f, "HTTP request: the first line is not METHOD TARGET HTTP/1.1");
	if (v[5] != '1')
		return http_fault_set(f, 505, "HTTP version: 1.0 and 1.1 are served");
	out->minor = (unsigned int)(v[7] - '0');
	out->keep_alive = out->minor > 0;
	return 0;
}

/* What a proxy is told: scheme and host before the path (RFC 9112 section 3.2.2). */
static const char *after_authority(const char *target)
{
	const char *at = target;

	if (strncasecmp(at, "https://", 8) == 0)
		at += 8;
	else if (strncasecmp(at, "http://", 7) == 0)
		at += 7;
	else
		return target;
	at += strcspn(at, "/?#");
	return *at == '/' ? at : "/";
}

static int parse_line(char *line, size_t n, struct http_head *out, struct http_fault *f)
{
	char *target = memchr(line, ' ', n), *version;
	size_t left;

	if (target == NULL || !is_token(line, (size_t)(target - line)))
		return bad(f, "HTTP request: the first line is not METHOD TARGET HTTP/1.1");
	*target++ = '\0';
	out->method = line;
	left = n - (size_t)(target - line);
	version = memchr(target, ' ', left);
	if (version == NULL || version == target)
		return bad(f, "HTTP request: the first line is not METHOD TARGET HTTP/1.1");
	for (const char *p = target; p < version; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return bad(f, "HTTP request: the target has bytes that must be "
			              "percent-encoded");
	*version++ = '\0';
	out->target = after_authority(target);
	return parse_version(version, left - (size_t)(version - target), out, f);
}

/* Is WORD in the list of VALUE? */
static bool has_word(const char *value, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = value; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
		const char *end;

		at += strspn(at, " \t");
		end = at + len;
		if (strncasecmp(at, word, len) != 0)
			continue;
		end += strspn(end, " \t");
		if (*end == '\0' || *end == ',')
			return true;
	}
	return false;
}

static int parse_length(const char *value, struct http_head *out, struct http_fault *f)
{
	size_t n = strlen(value);

	if (n == 0 || n > 15 || strspn(value, "0123456789") != n)
		return bad(f, "Content-Length: not a number of bytes");
	if (out->has_body)
		return bad(f, "Content-Length: given twice");
	out->has_body = true;
	for (const char *p = value; *p != '\0'; p++)
		out->length = out->length * 10 + (uint64_t)(*p - '0');
	return 0;
}

/* What of the fields counts once. */
struct seen {
	bool host, length, coding, type, expect;
};

static int parse_field(const char *name, const char *value, struct http_head *out, struct seen *s,
                       struct http_fault *f)
{
	if (strcasecmp(name, "Host") == 0) {
		if (s->host)
			return bad(f, "Host: given twice");
		s->host = true;
	} else if (strcasecmp(name, "Content-Length") == 0) {
		s->length = true;
		return parse_length(value, out, f);
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		if (s->coding || strcasecmp(value, "chunked") != 0)
			return http_fault_set(f, 501, "Transfer-Encoding: only chunked is served");
		s->coding = true;
	} else if (strcasecmp(name, "Content-Type") == 0) {
		if (s->type)
			return bad(f, "Content-Type: given twice");
		s->type = true;
		out->content_type = value;
	} else if (strcasecmp(name, "Accept") == 0) {
		if (out->accept == NULL)
			out->accept = value;
	} else if (strcasecmp(name, "Content-Encoding") == 0) {
		if (strcasecmp(value, "identity") != 0)
			return http_fault_set(f, 415, "Content-Encoding: none is served");
	} else if (strcasecmp(name, "Connection") == 0) {
		if (has_word(value, "close"))
			out->keep_alive = false;
		else if (out->minor == 0 && has_word(value, "keep-alive"))
			out->keep_alive = true;
	} else if (strcasecmp(name, "Expect") == 0) {
		if (strcasecmp(value, "100-continue") != 0)
			return http_fault_set(f, 417, "Expect: only 100-continue is served");
		s->expect = out->minor > 0;
	}
	return 0;
}

/* NAME ":" VALUE without the blanks around it. */
static int split_field(char *line, size_t n, char **value, struct http_fault *f)
{
	char *colon = memchr(line, ':', n), *v, *end = line + n;

	if (line[0] == ' ' || line[0] == '\t')
		return bad(f, "HTTP header: a folded line");
	if (colon == NULL || !is_token(line, (size_t)(colon - line)))
		return bad(f, "HTTP header: a line is not NAME: VALUE");
	v = colon + 1;
	if (!is_value(v, (size_t)(end - v)))
		return bad(f, "HTTP header: a value has control characters");
	while (v < end && (*v == ' ' || *v == '\t'))
		v++;
	while (end > v && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*colon = '\0';
	*end = '\0'; /* at the latest in place of the carriage return */
	*value = v;
	return 0;
}

static int finish(struct http_head *out, const struct seen *s, struct http_fault *f)
{
	if (out->minor > 0 && !s->host)
		return bad(f, "Host: missing, HTTP/1.1 must have it");
	if (s->coding && s->length)
		return bad(f, "Content-Length: beside Transfer-Encoding");
	if (s->coding && out->minor == 0)
		return bad(f, "Transfer-Encoding: HTTP/1.0 has none");
	if (s->coding)
		out->has_body = out->chunked = true;
	else
		out->has_body = out->length > 0;
	out->expect_continue = s->expect && out->has_body;
	return 0;
}

int http_head_parse(char *text, size_t n, struct http_head *out, struct http_fault *f)
{
	struct seen seen = {0};
	unsigned int fields = 0;
	char *line = text, *end = text + n;
	int rc;

	*out = (struct http_head){0};
	for (bool first = true;; first = false) {
		char *lf = memchr(line, '\n', (size_t)(end - line)), *value = NULL;
		size_t len = (size_t)(lf - line) - 1;

		if (len == 0)
			break;
		if (first)
			rc = parse_line(line, len, out, f);
		else if (fields++ == HTTP_HEAD_FIELDS)
			rc = http_fault_set(f, 431, "HTTP header: more than 64 fields");
		else
			rc = split_field(line, len, &value, f);
		if (rc == 0 && !first)
			rc = parse_field(line, value, out, &seen, f);
		if (rc != 0)
			return rc;
		line = lf + 1;
	}
	return finish(out, &seen, f);
}
