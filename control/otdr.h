/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The fibre watched by the card's OTDR: traces on schedule and on command, events, changes
 * against the approved baseline, history, alarms. Control thread only.
 *
 * Alarms at the link, each with the distance from this site: fibre-bend (a loss where the
 * baseline has none: a bend or a tap), fibre-splice (one of its events got worse), fibre-cut,
 * fibre-reflection, fibre-gain; otdr-baseline (the baseline no longer fits), otdr-failed.
 */

#ifndef CONTROL_OTDR_H
#define CONTROL_OTDR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "config/config.h"
#include "dataplane/optics_otdr.h"

struct otdr;

/* RESOURCE as alarms name the link. A history that cannot be opened is logged and lives in memory.
 */
struct otdr *otdr_create(const struct config *config, const char *resource, struct err *err);
void otdr_destroy(struct otdr *o);

/* Call it every few milliseconds; CARD NULL: no card at all. Settings are CONFIG's as it is now. */
void otdr_poll(struct otdr *o, struct optics_otdr *card, const struct config *config,
               uint64_t now_ns);

/* A trace now, or after the one under way. -EBUSY: asked for already; -ENODEV without a card. */
int otdr_run(struct otdr *o, struct err *err);
/* Give up the one under way; -ENOENT: there is none. */
int otdr_abort(struct otdr *o, struct err *err);

/* What runs, how far; baseline and dead zones. */
json_t *otdr_state(const struct otdr *o);
/* The same in short, with how the newest trace compared. */
json_t *otdr_summary(const struct otdr *o);
/* The report of trace ID, 0: the newest; or of the newest COUNT, in short. */
int otdr_report(struct otdr *o, int64_t id, json_t **out, struct err *err);
json_t *otdr_history(struct otdr *o, unsigned int count);
/* Trace ID as a .sor file, to be freed. */
int otdr_export(struct otdr *o, int64_t id, uint8_t **file, size_t *n, struct err *err);

/* The newest COUNT traces become the baseline; 0: none is compared with from now on. */
int otdr_approve(struct otdr *o, unsigned int count, struct err *err);

#endif
