/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The random source between the control thread, which shows it, lets a fault go and records its
 * streams, and the role that owns the card. One recording at a time; the state says whose turn it
 * is:
 *
 *     control: IDLE -> ASKED, READY or FAILED -> IDLE
 *     role:    ASKED -> RUNNING, RUNNING -> READY or FAILED
 */

#ifndef DATAPLANE_OPTICS_QRNG_H
#define DATAPLANE_OPTICS_QRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/card.h"
#include "drivers/qrng.h"

enum optics_tape_state {
	OPTICS_TAPE_IDLE,
	OPTICS_TAPE_ASKED,
	OPTICS_TAPE_RUNNING,
	OPTICS_TAPE_READY,
	OPTICS_TAPE_FAILED
};

struct optics_qrng {
	struct qrng *qrng; /* of the role, however often its card is opened */

	int state; /* atomic: enum optics_tape_state */
	/* control: wo in IDLE (abort: always), role: ro */
	struct card_tape tape;
	bool abort;
	/* role: wo before READY or FAILED, control: ro */
	size_t used;
	int error;
};

/*
 * Control thread. Bytes as TAPE wants them; -EBUSY while another is under way. One with restarts
 * darkens the card, and has it opened anew behind it.
 */
int optics_qrng_tape(struct optics_qrng *o, const struct card_tape *tape);
void optics_qrng_abort(struct optics_qrng *o);
/* Bytes so far; -errno of one that failed, -ENOENT: there is none. *READY: BUF is the caller's. */
int64_t optics_qrng_taped(const struct optics_qrng *o, bool *ready);
void optics_qrng_release(struct optics_qrng *o);

/* Role: its part of a turn, true: the card is to be opened anew; and the card is lost. */
bool optics_qrng_poll(struct optics_qrng *o, struct card *card);
void optics_qrng_lost(struct optics_qrng *o);

#endif
