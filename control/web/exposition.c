/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/exposition.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const type_names[] = {"gauge", "counter", "info"};
static const char *const suffixes[] = {"", "_total", "_info"};

/*
 * Prometheus lists OpenMetrics first when it takes it: a q that would prefer the other is not
 * weighed.
 */
enum exposition_format exposition_choose(const char *accept)
{
	return accept != NULL && strcasestr(accept, "application/openmetrics-text") != NULL
	               ? EXPOSITION_OPENMETRICS
	               : EXPOSITION_TEXT;
}

const char *exposition_content_type(enum exposition_format format)
{
	return format == EXPOSITION_OPENMETRICS
	               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
	               : "text/plain; version=0.0.4; charset=utf-8";
}

void exposition_begin(struct exposition *x, enum exposition_format format)
{
	*x = (struct exposition){.format = format};
}

static void put(struct exposition *x, const char *text, size_t n)
{
	if (x->len + n > x->room && !x->failed) {
		size_t room = x->room == 0 ? 16384 : x->room * 2;
		char *more;

		while (room < x->len + n)
			room *= 2;
		more = realloc(x->text, room);
		x->failed = more == NULL;
		if (more != NULL) {
			x->text = more;
			x->room = room;
		}
	}
	if (x->failed)
		return;
	memcpy(x->text + x->len, text, n);
	x->len += n;
}

static void put_text(struct exposition *x, const char *text)
{
	put(x, text, strlen(text));
}

/* Backslash and line feed, and in labels the quotation mark, are escaped in both formats. */
static void put_escaped(struct exposition *x, const char *text, bool label)
{
	for (; *text != '\0'; text++) {
		size_t n = strcspn(text, label ? "\\\n\"" : "\\\n");

		put(x, text, n);
		text += n;
		if (*text == '\0')
			return;
		put_text(x, *text == '\n' ? "\\n" : *text == '"' ? "\\\"" : "\\\\");
	}
}

/* Of the older format the name with its suffix is that of the family, and an info is a gauge. */
static void put_family(struct exposition *x, const char *what)
{
	put_text(x, "# ");
	put_text(x, what);
	put_text(x, " ");
	put_text(x, x->family->name);
	if (x->format == EXPOSITION_TEXT)
		put_text(x, suffixes[x->family->type]);
	put_text(x, " ");
}

void exposition_family(struct exposition *x, const struct metric_family *family)
{
	bool old = x->format == EXPOSITION_TEXT;

	x->family = family;
	put_family(x, "TYPE");
	put_text(x, old && family->type == METRIC_INFO ? "gauge" : type_names[family->type]);
	put_text(x, "\n");
	if (!old && family->unit[0] != '\0') {
		put_family(x, "UNIT");
		put_text(x, family->unit);
		put_text(x, "\n");
	}
	put_family(x, "HELP");
	put_escaped(x, family->help, false);
	put_text(x, ".\n");
}

static void put_series(struct exposition *x, const struct metric_label *labels, size_t n)
{
	put_text(x, x->family->name);
	put_text(x, suffixes[x->family->type]);
	for (size_t i = 0; i < n; i++) {
		put_text(x, i == 0 ? "{" : ",");
		put_text(x, labels[i].name);
		put_text(x, "=\"");
		put_escaped(x, labels[i].value, true);
		put_text(x, "\"");
	}
	if (n > 0)
		put_text(x, "}");
}

bool exposition_series(const struct metric_family *family, const struct metric_label *labels,
                       size_t n, char *out, size_t size)
{
	struct exposition x = {.family = family};
	bool fits;

	put_series(&x, labels, n);
	fits = !x.failed && x.len < size;
	if (fits) {
		memcpy(out, x.text, x.len);
		out[x.len] = '\0';
	}
	free(x.text);
	return fits;
}

static void put_sample(struct exposition *x, const char *value, const struct metric_label *labels,
                       size_t n)
{
	put_series(x, labels, n);
	put_text(x, " ");
	put_text(x, value);
	put_text(x, "\n");
}

void exposition_uint(struct exposition *x, uint64_t value, const struct metric_label *labels,
                     size_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	put_sample(x, text, labels, n);
}

void exposition_real(struct exposition *x, double value, const struct metric_label *labels,
                     size_t n)
{
	char text[40];

	if (isnan(value))
		return;
	if (isinf(value))
		snprintf(text, sizeof(text), "%s", value > 0 ? "+Inf" : "-Inf");
	else
		snprintf(text, sizeof(text), "%.15g", value);
	put_sample(x, text, labels, n);
}

char *exposition_end(struct exposition *x, size_t *len)
{
	if (x->format == EXPOSITION_OPENMETRICS)
		put_text(x, "# EOF\n");
	if (x->failed || x->text == NULL) {
		free(x->text);
		x->text = NULL;
		return NULL;
	}
	*len = x->len;
	return x->text;
}
