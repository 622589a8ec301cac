/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * An OTDR acquisition between the control thread, which asks for it and takes the trace, and
 * the role that owns the card. One at a time; the state says whose turn it is:
 *
 *     control: IDLE -> ASKED             READY or FAILED -> TAKEN
 *     role:    ASKED -> RUNNING or FAILED, RUNNING -> READY or FAILED, TAKEN -> IDLE
 */

#ifndef DATAPLANE_OPTICS_OTDR_H
#define DATAPLANE_OPTICS_OTDR_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/card.h"

enum optics_otdr_state {
	OPTICS_OTDR_IDLE,
	OPTICS_OTDR_ASKED,
	OPTICS_OTDR_RUNNING,
	OPTICS_OTDR_READY,
	OPTICS_OTDR_FAILED,
	OPTICS_OTDR_TAKEN
};

struct optics_otdr {
	int state; /* atomic: enum optics_otdr_state */

	/* control: wo in IDLE (abort: always), role: ro */
	struct card_otdr_settings set;
	bool abort;

	/* role: wo before READY or FAILED, control: ro */
	uint32_t done; /* averages */
	int error;     /* FAILED: -errno */
	struct card_otdr_trace trace;
	bool simulated; /* by a card that says so */
};

/* Control thread. -EBUSY while another is under way or not yet taken. */
int optics_otdr_ask(struct optics_otdr *o, const struct card_otdr_settings *set);
void optics_otdr_abort(struct optics_otdr *o);
enum optics_otdr_state optics_otdr_state(const struct optics_otdr *o);
uint32_t optics_otdr_done(const struct optics_otdr *o);
/*
 * 0 and the trace, in the card's memory until optics_otdr_release(); or -errno of one that
 * failed, to be released likewise; -EAGAIN while there is none.
 */
int optics_otdr_take(const struct optics_otdr *o, struct card_otdr_trace *out);
void optics_otdr_release(struct optics_otdr *o);
/* The card is about to be closed: what it holds goes with it. */
void optics_otdr_closing(struct optics_otdr *o);

/* Role: its part of a turn; and the card is lost. */
void optics_otdr_poll(struct optics_otdr *o, struct card *card);
void optics_otdr_lost(struct optics_otdr *o);

#endif
