/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A list or a tree of figures as a reply of DPDK's telemetry, which holds no more than 16 KiB and
 * 256 entries: as many as fit, from a given one on, with how many there are.
 *
 *     {"total": 8192, "offset": 100, "count": 43, "dc/0xf1a2b340": {"packets": 12, ...}, ...}
 */

#ifndef CONTROL_TELEMETRY_PAGE_H
#define CONTROL_TELEMETRY_PAGE_H

#include <jansson.h>
#include <stdbool.h>

#include <rte_telemetry.h>

#define TELEMETRY_ROWS_MAX  250   /* and the three figures of the page */
#define TELEMETRY_BYTES_MAX 15000 /* as JSON; the rest is for DPDK's own */

/* "OFFSET[,COUNT]", or NULL or "": 0 and all that fit. False when it is not that. */
bool telemetry_page_parse(const char *params, unsigned int *offset, unsigned int *count);

/*
 * ROWS holds the page's rows by name, in their order, each a figure, a text or an object of
 * these; the OFFSET-th of TOTAL comes first. At most COUNT (0: all) are put into D.
 */
void telemetry_page_put(struct rte_tel_data *d, const json_t *rows, unsigned int offset,
                        unsigned int count, unsigned int total);

#endif
