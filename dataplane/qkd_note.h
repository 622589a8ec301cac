/* SPDX-License-Identifier: BSD-3-Clause */

/* What the QKD role and the control thread tell each other. */

#ifndef DATAPLANE_QKD_NOTE_H
#define DATAPLANE_QKD_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/spsc.h"
#include "qkd-engine/engine.h"

enum qkd_note_type {
	/* role to control */
	QKD_NOTE_SESSION,    /* session: the channel has a new one; its messages come behind */
	QKD_NOTE_MESSAGE,    /* a message of the control stream: data, len */
	QKD_NOTE_BLOCK,      /* block: key that both ends agreed on; the receiver may take it */
	QKD_NOTE_PAD_WANTED, /* pad.id: the peer's tag names it; every one is answered */
	QKD_NOTE_ALARM,      /* alarm, raised, data: text */
	/* control to role */
	QKD_NOTE_SEND,        /* data, len: for the control stream of session `session` */
	QKD_NOTE_PAD,         /* pad: for this end's tags */
	QKD_NOTE_PAD_FETCHED, /* pad: the one that was wanted */
	QKD_NOTE_PAD_UNKNOWN, /* pad.id: there is no such pad, or not any more */
	QKD_NOTE_THRESHOLDS,  /* qber_abort, qber_alarm */
	QKD_NOTE_HOLD,        /* raised: no block may become key */
	QKD_NOTE_DELIVERY,    /* percent: of what blocks have left, what leaves the gateways */
};

struct qkd_note {
	enum qkd_note_type type;
	struct qkd_note *next; /* the holder's, for a list */
	uint64_t session;      /* counts sessions of this process */
	struct key_block *block;
	struct auth_pad pad;
	enum engine_alarm alarm;
	bool raised;
	union {
		struct {
			double qber_abort, qber_alarm;
		};
		struct {
			unsigned int percent[2]; /* from A, from B */
			uint64_t position;       /* none below is to be used */
		};
	};
	size_t len;
	uint8_t data[];
};

/*
 * Zeroed but for type and len, with room for LEN bytes of data. Notes that carry a pad are in
 * secret memory, others are not: a full key store must not silence the two. NULL when memory
 * is short.
 */
struct qkd_note *qkd_note_new(enum qkd_note_type type, size_t len);

/* With its block and, wiped, its pad; NULL is allowed. */
void qkd_note_free(struct qkd_note *note);

/* All that are in a ring, which may be one that spsc_init() failed for, and the ring. */
void qkd_notes_drop(struct spsc *ring);

#endif
