/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The watch on the fibre: feeds the monitors (drivers/watch/) with what engine and card count, and
 * makes alarms of what they say. Which monitor fires decides the alarm's name
 * (drivers/watch/monitors.c); those that break an assumption of the proof hold back key while they
 * last.
 *
 * Errors are seen at both sites. Site B has the clicks besides: doubles, by the blocks' counts the
 * decoy statistics and, with the power that site A tells it, the loss.
 */

#ifndef CONTROL_FIBRE_WATCH_H
#define CONTROL_FIBRE_WATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "control/watch_store.h"
#include "dataplane/qkd_role.h"

/* With baselines to be learnt. */
void fibre_watch_start(const struct config *config);

/* A few times a second: figures of the link, and what the peer's power monitor reads (0: unknown).
 */
void fibre_watch_poll(const struct qkd_role_status *s, double peer_power, uint64_t now_ns);

/* What the card's monitors tell: one of its records; its counts, SECONDS after those before. */
void fibre_watch_card(const struct card_monitor *record);
void fibre_watch_counts(const struct optics_monitor_counts *counts, double seconds);

/* Who knows what else may raise errors: as error_cause_of_rise(). NULL: nobody. */
typedef void fibre_watch_cause_fn(unsigned int basis, double rise, uint64_t now_ns, char *out,
                                  size_t n);
void fibre_watch_cause(fibre_watch_cause_fn *fn);

/* No block may become key. */
bool fibre_watch_holds(void);

/* Learn all baselines anew from now on: what changed is accepted, and its alarms end. */
void fibre_watch_relearn(void);

/* An operator has seen to it: alarms end, baselines stay. What is still true comes again. */
void fibre_watch_clear(void);

/*
 * What there was in the last minute is right: baselines are moved there, what was learnt of their
 * spread stays, and the alarms end.
 */
void fibre_watch_accept(void);

/* Where baselines are, for a file of them; the fibre was not looked at for GAP_S since. */
void fibre_watch_learnt(struct watch_learnt *out);
void fibre_watch_resume(double gap_s);

/* Monitors, baselines, thresholds; for status. */
json_t *fibre_watch_json(void);

#endif
