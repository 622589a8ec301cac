/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/https_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/secret.h"

static const char *reason_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
	        {200, "OK"},
	        {400, "Bad Request"},
	        {401, "Unauthorized"},
	        {403, "Forbidden"},
	        {404, "Not Found"},
	        {405, "Method Not Allowed"},
	        {408, "Request Timeout"},
	        {413, "Content Too Large"},
	        {414, "URI Too Long"},
	        {415, "Unsupported Media Type"},
	        {417, "Expectation Failed"},
	        {431, "Request Header Fields Too Large"},
	        {500, "Internal Server Error"},
	        {501, "Not Implemented"},
	        {503, "Service Unavailable"},
	        {505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Other";
}

/* RFC 9110 section 6.6.1, made once a second. */
static const char *date(struct https *h)
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	uint64_t now_s = clock_wall_ns() / NS_PER_S;
	time_t t = (time_t)now_s;
	struct tm tm;

	if (now_s != h->date_s) {
		gmtime_r(&t, &tm);
		snprintf(h->date, sizeof(h->date), "%s, %02d %s %d %02d:%02d:%02d GMT",
		         days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
		         tm.tm_hour, tm.tm_min, tm.tm_sec);
		h->date_s = now_s;
	}
	return h->date;
}

static void write_head(struct connection *c, const struct https_answer *a)
{
	char retry[40] = "", allow[80] = "";
	const char *connection = "";

	if (a->retry_after_s > 0)
		snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", a->retry_after_s);
	if (a->allow != NULL)
		snprintf(allow, sizeof(allow), "Allow: %s\r\n", a->allow);
	if (c->close)
		connection = "Connection: close\r\n";
	else if (c->head.minor == 0)
		connection = "Connection: keep-alive\r\n";
	c->out_head_len =
	        (size_t)snprintf(c->out_head, sizeof(c->out_head),
	                         "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\n"
	                         "Content-Length: %zu\r\nCache-Control: no-store\r\n%s%s%s\r\n",
	                         a->status, reason_phrase(a->status), date(c->h),
	                         a->content_type != NULL ? a->content_type : "application/json",
	                         a->len, retry, allow, connection);
}

void https_out_release(struct https_answer *out)
{
	if (out->secret) {
		secret_free(out->body);
	} else if (out->body != NULL) {
		secret_wipe(out->body, out->len);
		free(out->body);
	}
	*out = (struct https_answer){0};
}

void https_write_begin(struct connection *c, const struct https_answer *answer, bool keep)
{
	c->close = !keep || c->h->stopping;
	c->out = *answer;
	write_head(c, answer);
	/* Of HEAD, the length alone (RFC 9110 section 9.3.2). */
	if (c->head.method != NULL && strcmp(c->head.method, "HEAD") == 0)
		https_out_release(&c->out);
	c->out_at = 0;
	https_enter(c, CONNECTION_WRITE);
}

void https_refuse(struct connection *c, const struct http_fault *f, enum https_count what)
{
	struct https_answer a = {
	        .status = f->status, .retry_after_s = f->retry_after_s, .body = http_fault_body(f)};

	https_count(c->h, what);
	if (a.body == NULL) {
		https_close(c);
		return;
	}
	a.len = strlen(a.body);
	https_write_begin(c, &a, false);
}

/* Head and body are one stream; a record's worth of it from OUT_AT on. */
static size_t fill_stage(const struct connection *c)
{
	size_t n = 0, at = c->out_at, part;

	if (at < c->out_head_len) {
		n = c->out_head_len - at;
		memcpy(c->h->stage, c->out_head + at, n);
		at = c->out_head_len;
	}
	at -= c->out_head_len;
	part = c->out.len - at;
	if (part > HTTPS_RECORD - n)
		part = HTTPS_RECORD - n;
	if (part > 0)
		memcpy(c->h->stage + n, c->out.body + at, part);
	return n + part;
}

int https_write_more(struct connection *c)
{
	size_t total = c->out_head_len + c->out.len;

	while (c->out_at < total) {
		/* The same bytes again when the last try had to wait: TLS wants that. */
		size_t n = fill_stage(c), written;
		enum https_wire rc = https_wire_write(c, c->h->stage, n, &written);

		if (c->out.secret)
			secret_wipe(c->h->stage, n);
		if (rc != HTTPS_WIRE_DONE)
			return rc == HTTPS_WIRE_WAIT ? 0 : -1;
		c->out_at += written;
	}
	https_out_release(&c->out);
	return 1;
}

/* One holder less; the last one frees. */
void https_release(struct https *h)
{
	unsigned int left;

	pthread_mutex_lock(&h->lock);
	left = --h->references;
	pthread_mutex_unlock(&h->lock);
	if (left > 0)
		return;
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void https_exchange_drop(struct https_exchange *x)
{
	struct https *h = x->h;

	https_out_release(&x->answer);
	free(x);
	https_release(h);
}
