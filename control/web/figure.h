/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which figure is where in what a program's methods say: tables of one line a figure, walked by
 * whoever shows figures or keeps them.
 *
 *     {{"lumengate_port_sent_bytes", METRIC_COUNTER, "bytes", "Bytes sent by a port"},
 *      "status", "ports/" "*", "tx_bytes", .label = {{"port", "@"}}}
 *
 * is the member tx_bytes of each member of ports, labelled with that one's name.
 */

#ifndef CONTROL_WEB_FIGURE_H
#define CONTROL_WEB_FIGURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "control/web/exposition.h"
#include "control/web/source.h"

#define FIGURE_LABELS 6

struct figure {
	struct metric_family family; /* lines of one family stand together */
	const char *method;
	const char *at; /* members from the top down, by slashes; * is each of them; "" */
	const char
	        *value; /* member; "@": what AT led to itself; "NAME=TEXT": is it TEXT?; info: "" */
	double scale;   /* to the family's unit; 0: it is in it */
	bool kept;      /* its history, too */
	struct figure_label {
		const char *name;
		/* A member; "@": the name of the last *, "@PREFIX" without this; "=TEXT": TEXT. */
		const char *from;
	} label[FIGURE_LABELS];
};

struct figure_table {
	const struct figure *figure;
	size_t count;
};

/* What the gateway and the key delivery have. */
extern const struct figure_table figures_gateway, figures_kms;

struct figure_value {
	const struct figure *figure;
	bool whole; /* exactly NUMBER */
	uint64_t number;
	double real; /* in any case */
	struct metric_label label[FIGURE_LABELS];
	size_t labels;
};

typedef void (*figure_fn)(void *ctx, const struct figure_value *value);

/* Every figure of TABLE that S has now, in its order. What FN gets is its own during the call. */
void figures_walk(const struct figure_table *table, const struct source *s, figure_fn fn,
                  void *ctx);

/* They, as text. */
void figures_write(const struct figure_table *table, const struct source *s,
                   struct exposition *out);

#endif
