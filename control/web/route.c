/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct web_route *routes;

void web_route_register(struct web_route *route)
{
	struct web_route **at = &routes;

	while (*at != NULL && strcmp((*at)->path, route->path) < 0)
		at = &(*at)->next;
	if (*at != NULL && strcmp((*at)->path, route->path) == 0) {
		fprintf(stderr, "path %s is defined twice\n", route->path);
		abort();
	}
	route->next = *at;
	*at = route;
}

void web_reply_json(struct web_reply *out, int status, json_t *body)
{
	out->status = status;
	out->content_type = NULL;
	out->body = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	out->len = out->body != NULL ? strlen(out->body) : 0;
	json_decref(body);
}

void web_reply_error(struct web_reply *out, int status, const char *fmt, ...)
{
	char text[320];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	web_reply_json(out, status, json_pack("{s:s}", "message", text));
}

/* The paths that there are, for whoever missed them. */
static void not_found(struct web_reply *out)
{
	char text[256] = "";
	size_t n = 0;

	for (const struct web_route *w = routes; w != NULL && n < sizeof(text); w = w->next)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? ", " : "",
		                      w->path);
	web_reply_error(out, 404, "there is no such path; there are: %s", text);
}

static void refuse_method(const struct web_route *w, struct web_reply *out, const char **allow)
{
	*allow = w->get == NULL ? "POST" : w->post == NULL ? "GET, HEAD" : "GET, HEAD, POST";
	web_reply_error(out, 405, "the method is none of: %s", *allow);
}

void web_route_serve(const struct web_request *r, struct web_reply *out, const char **allow)
{
	bool get = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
	const struct web_route *w = routes;

	*allow = NULL;
	*out = (struct web_reply){.status = 200};
	while (w != NULL && strcmp(w->path, r->path) != 0)
		w = w->next;
	if (w == NULL)
		not_found(out);
	else if (get && w->get != NULL)
		w->get(r, out);
	else if (strcmp(r->method, "POST") == 0 && w->post != NULL)
		w->post(r, out);
	else
		refuse_method(w, out, allow);
	if (out->body == NULL)
		web_reply_error(out, 500, "out of memory");
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* What is not could be no string of the JSON that answers. */
static bool is_utf8(const char *text, size_t len)
{
	json_t *string = json_stringn(text, len);
	bool good = string != NULL;

	json_decref(string);
	return good;
}

static bool decode(const char *from, size_t n, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		int c = from[i] == '+' ? ' ' : from[i];

		if (c == '%') {
			if (i + 2 >= n || hex(from[i + 1]) < 0 || hex(from[i + 2]) < 0)
				return false;
			c = hex(from[i + 1]) * 16 + hex(from[i + 2]);
			i += 2;
			if (c == 0)
				return false;
		}
		if (len + 1 >= size)
			return false;
		out[len++] = (char)c;
	}
	out[len] = '\0';
	return is_utf8(out, len);
}

bool web_query_has(const char *query, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = query; *at != '\0'; at += *at == '&') {
		size_t n = strcspn(at, "&");

		if (n >= len && strncmp(at, name, len) == 0 && (n == len || at[len] == '='))
			return true;
		at += n;
	}
	return false;
}

bool web_query_get(const char *query, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	for (const char *at = query; *at != '\0'; at += *at == '&') {
		size_t n = strcspn(at, "&");

		if (n > len && at[len] == '=' && strncmp(at, name, len) == 0)
			return decode(at + len + 1, n - len - 1, out, size);
		at += n;
	}
	return false;
}
