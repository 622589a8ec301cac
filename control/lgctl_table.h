/* SPDX-License-Identifier: BSD-3-Clause */

/* Tables for people. */

#ifndef CONTROL_LGCTL_TABLE_H
#define CONTROL_LGCTL_TABLE_H

#include "control/lgctl.h"

struct lgctl_column {
	const char *title, *member; /* of the objects in the list */
};

/* Nothing of TEXT moves a terminal's cursor any more: controls become '?'. */
void lgctl_clean(char *text);

/* V as a cell has it, clean; "-" for what is not there. */
void lgctl_cell(const json_t *v, char *out, size_t size);

/* A line an element of LIST; figures to the right. N columns at most 16. */
void lgctl_table(FILE *out, const json_t *list, const struct lgctl_column *columns, size_t n);

#define LGCTL_TABLE(out, list, columns)                                                            \
	lgctl_table((out), (list), (columns), sizeof(columns) / sizeof((columns)[0]))

#endif
