/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Figures as text for Prometheus: OpenMetrics 1.0, or the text format 0.0.4 that came before.
 *
 *     static const struct metric_family drops = {"lumengate_drops", METRIC_COUNTER, "",
 *                                                "Packets dropped, by reason"};
 *     exposition_begin(&x, EXPOSITION_OPENMETRICS);
 *     exposition_family(&x, &drops);
 *     exposition_uint(&x, 7, &(struct metric_label){"reason", "no_key"}, 1);
 *     text = exposition_end(&x, &len);
 *
 * A family's values stand together, in one call after another.
 */

#ifndef CONTROL_WEB_EXPOSITION_H
#define CONTROL_WEB_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_INFO };

struct metric_family {
	const char *name; /* without _total and _info, which the type adds; ends with the unit */
	enum metric_type type;
	const char *unit; /* "seconds"; "": none */
	const char *help; /* one sentence, without its full stop */
};

struct metric_label {
	const char *name, *value; /* any text */
};

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };

struct exposition {
	enum exposition_format format;
	const struct metric_family *family;
	char *text;
	size_t len, room;
	bool failed; /* for want of memory */
};

/* What a client takes by its header Accept (NULL: none), and what it is called. */
enum exposition_format exposition_choose(const char *accept);
const char *exposition_content_type(enum exposition_format format);

void exposition_begin(struct exposition *x, enum exposition_format format);
void exposition_family(struct exposition *x, const struct metric_family *family);
/* A value of the last family. No NaN: what is not known is not written. */
void exposition_uint(struct exposition *x, uint64_t value, const struct metric_label *labels,
                     size_t n);
void exposition_real(struct exposition *x, double value, const struct metric_label *labels,
                     size_t n);
/* What a series is called there, "name_total{label=\"value\"}", into OUT; false: too long. */
bool exposition_series(const struct metric_family *family, const struct metric_label *labels,
                       size_t n, char *out, size_t size);
/* For free(); NULL for want of memory. */
char *exposition_end(struct exposition *x, size_t *len);

#endif
