/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The alarms of a program that are raised, kept by its events: each change is told once, whatever
 * is lost in between. After a connection the whole list says what changed meanwhile.
 */

#ifndef CONTROL_WEB_ALARM_TABLE_H
#define CONTROL_WEB_ALARM_TABLE_H

#include <jansson.h>
#include <stdbool.h>

struct alarm_table {
	json_t *raised; /* "kind\nresource": the last data */
	json_t *listed; /* those of the list so far, while it comes */
};

/* DATA: kind, resource, severity ("cleared": it is), text, time. STANDING: found by a list. */
typedef void (*alarm_table_fn)(void *ctx, const json_t *data, bool standing);

/* False: no memory. */
bool alarm_table_init(struct alarm_table *t);
void alarm_table_free(struct alarm_table *t);

/* An event came. */
void alarm_table_event(struct alarm_table *t, const json_t *data, const char *time,
                       alarm_table_fn fn, void *ctx);

/*
 * The answers of alarm_list from offset 0 on: true when the list is whole, and then what it says
 * was told. An event between two pages holds, whatever the pages say.
 */
void alarm_table_list_begin(struct alarm_table *t);
bool alarm_table_list_page(struct alarm_table *t, const json_t *result, alarm_table_fn fn,
                           void *ctx);

#endif
