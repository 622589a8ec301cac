/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

int http_fault_set(struct http_fault *f, int status, const char *message)
{
	memset(f, 0, sizeof(*f));
	f->status = status;
	snprintf(f->message, sizeof(f->message), "%s", message);
	return -status;
}

static void add(struct http_fault *f, const char *name, const char *fmt, va_list ap)
{
	struct http_detail *d;

	if (f->count == HTTP_DETAILS)
		return;
	d = &f->detail[f->count++];
	snprintf(d->name, sizeof(d->name), "%s", name);
	vsnprintf(d->reason, sizeof(d->reason), fmt, ap);
}

int http_fault_field(struct http_fault *f, int status, const char *name, const char *fmt, ...)
{
	va_list ap;

	http_fault_set(f, status, "");
	va_start(ap, fmt);
	add(f, name, fmt, ap);
	va_end(ap);
	snprintf(f->message, sizeof(f->message), "%s: %s", name, f->detail[0].reason);
	return -status;
}

int http_fault_add(struct http_fault *f, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(f, name, fmt, ap);
	va_end(ap);
	return -f->status;
}

int http_fault_unavailable(struct http_fault *f, const char *message, unsigned int retry_after_s)
{
	http_fault_set(f, 503, message);
	f->retry_after_s = retry_after_s;
	return -503;
}

/* TEXT as JSON. A client's words may have been cut within a character: that goes. */
static json_t *text_json(const char *text)
{
	size_t n = strlen(text);
	json_t *v = json_stringn(text, n);

	for (int i = 0; v == NULL && i < 3 && n > 0; i++)
		v = json_stringn(text, --n);
	return v;
}

char *http_fault_body(const struct http_fault *f)
{
	json_t *body = json_pack("{s:o}", "message", text_json(f->message));
	json_t *details = f->count > 0 ? json_array() : NULL;
	char *text;

	for (unsigned int i = 0; i < f->count; i++) {
		json_t *d = json_object();

		json_object_set_new(d, f->detail[i].name, text_json(f->detail[i].reason));
		json_array_append_new(details, d);
	}
	if (details != NULL)
		json_object_set_new(body, "details", details);
	text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
	json_decref(body);
	return text;
}
