/* SPDX-License-Identifier: BSD-3-Clause */

/* The history of OTDR traces: SQLite, on the control thread. */

#ifndef CONTROL_OTDR_STORE_H
#define CONTROL_OTDR_STORE_H

#include <jansson.h>
#include <stdint.h>

#include "common/err.h"
#include "drivers/trace.h"

struct otdr_store;

/* The database at PATH, made when it is missing; ":memory:" for none on disk. -EIO, -EPROTO. */
int otdr_store_open(const char *path, struct otdr_store **out, struct err *err);
void otdr_store_close(struct otdr_store *s);

/* Keeps the newest KEEP traces and those of the baseline. *ID grows. -EIO. */
int otdr_store_add(struct otdr_store *s, const struct trace *t, const json_t *report, uint32_t keep,
                   int64_t *id, struct err *err);

/*
 * Trace and report of ID, 0: of the newest; either may be NULL. -ENOENT; free with trace_free()
 * and json_decref().
 */
int otdr_store_read(struct otdr_store *s, int64_t id, struct trace *t, json_t **report,
                    struct err *err);

/* Up to MAX ids, newest first. */
unsigned int otdr_store_ids(struct otdr_store *s, int64_t *ids, unsigned int max);

/* The traces that are the baseline, in place of those that were. 0 traces: none. -EIO. */
int otdr_store_baseline_set(struct otdr_store *s, const int64_t *ids, unsigned int n,
                            struct err *err);
unsigned int otdr_store_baseline(struct otdr_store *s, int64_t *ids, unsigned int max);

#endif
