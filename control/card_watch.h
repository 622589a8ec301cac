/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The part of the watch on the fibre (fibre_watch.h) that lives on what the cards' own monitors
 * tell: records, arrivals, and limits by which a card went dark. Control thread only.
 */

#ifndef CONTROL_CARD_WATCH_H
#define CONTROL_CARD_WATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/watch_store.h"
#include "dataplane/optics_monitor.h"
#include "drivers/watch/arrivals.h"
#include "drivers/watch/monitors.h"
#include "drivers/watch/photocurrent.h"
#include "drivers/watch/toggle.h"
#include "drivers/watch/transmitter.h"

struct card_watch {
	struct watch_photocurrent photocurrent;
	struct watch_toggle toggle;
	struct watch_arrivals arrivals;
	struct watch_transmitter transmitter;
	double holdoff_s, output_fw; /* as configured */
	uint64_t records[2];         /* of a transmitter, of a receiver */
	struct optics_monitor_counts last;
	bool counted;                    /* LAST is there */
	uint64_t tripped[OPTICS_LIMITS]; /* since the start */
	/* of the receiver in NORMAL, since card_watch_exposure() */
	uint64_t clicks, live;
	double seconds;
};

/* OUTPUT_FW: of key light behind the attenuator, 0: unknown. */
void card_watch_init(struct card_watch *w, double holdoff_s, double output_fw);
/* Learn the baselines anew; limits that were passed are forgotten. */
void card_watch_relearn(struct card_watch *w);

/* What is suspected is forgotten; it comes again while it is true. */
void card_watch_clear(struct card_watch *w);
/* What is there now is right, as far as it is kept over a restart; where that is. */
void card_watch_accept(struct card_watch *w);
void card_watch_learnt(struct card_watch *w, struct watch_learnt *out);

/* The results as watch_errors_add(). A record of either end; counts of the last SECONDS. */
uint32_t card_watch_record(struct card_watch *w, const struct card_monitor *m);
uint32_t card_watch_counts(struct card_watch *w, const struct optics_monitor_counts *c,
                           double seconds);

/* Clicks and live slots of the records since the last call, and their time: false without. */
bool card_watch_exposure(struct card_watch *w, uint64_t *clicks, double *live, double *seconds);

/* M is one of these monitors: above its threshold now; what it sees, for people. */
bool card_watch_above(const struct card_watch *w, enum watch_monitor m);
void card_watch_describe(const struct card_watch *w, enum watch_monitor m, char *text, size_t size);

json_t *card_watch_json(const struct card_watch *w);

#endif
