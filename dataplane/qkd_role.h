/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The QKD role: runs channel, engine and optics of one link on a polling core, and trades
 * with the control thread over two rings of notes. Everything that takes system calls (the
 * key store, alarms, rekeying) is on the control thread's side of the rings.
 */

#ifndef DATAPLANE_QKD_ROLE_H
#define DATAPLANE_QKD_ROLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "dataplane/optics.h"
#include "qkd-engine/channel.h"
#include "qkd-engine/engine.h"

struct channel_mux;
struct worker;

struct qkd_role_config {
	struct channel_config channel;
	struct engine_config engine;
	bool quantum;            /* false: the channel alone, for rekeying from imported keys */
	struct card_config card; /* when quantum; its strings must outlive the role */
};

enum qkd_note_type {
	/* role to control */
	QKD_NOTE_SESSION,    /* the channel has a new session; its messages come behind this */
	QKD_NOTE_MESSAGE,    /* a message of the control stream: data, len */
	QKD_NOTE_BLOCK,      /* block: key that both ends agreed on; the receiver frees it */
	QKD_NOTE_PAD_WANTED, /* pad.id: the peer's tag names it */
	QKD_NOTE_ALARM,      /* alarm, raised, data: text */
	/* control to role */
	QKD_NOTE_SEND,        /* data, len: for the control stream of session `session` */
	QKD_NOTE_PAD,         /* pad: for this end's tags */
	QKD_NOTE_PAD_FETCHED, /* pad; raised: it was there */
	QKD_NOTE_THRESHOLDS,  /* qber_abort, qber_alarm */
};

/* In secret memory, since some carry pads; the receiver frees it with secret_free(). */
struct qkd_note {
	enum qkd_note_type type;
	uint64_t session; /* counts sessions of this process */
	struct key_block *block;
	struct auth_pad pad;
	enum engine_alarm alarm;
	bool raised;
	double qber_abort, qber_alarm;
	size_t len;
	uint8_t data[];
};

struct qkd_role;

struct qkd_role *qkd_role_create(const struct qkd_role_config *config, struct channel_mux *mux,
                                 struct err *err);
/* After the workers have stopped. */
void qkd_role_destroy(struct qkd_role *q);

/* A worker role: CTX is the struct qkd_role. */
unsigned int qkd_role_poll(void *ctx, struct worker *w);

/* Control thread: the next note, NULL for none; and one for the role, -EAGAIN when it is behind. */
struct qkd_note *qkd_role_receive(struct qkd_role *q);
int qkd_role_post(struct qkd_role *q, struct qkd_note *note);

/* A note with room for LEN bytes of data; NULL when secret memory is full. */
struct qkd_note *qkd_note_new(enum qkd_note_type type, size_t len);

/* Pads that the role holds or has on their way, so that control keeps it supplied. */
unsigned int qkd_role_pads(const struct qkd_role *q);

/* Control thread: see optics_supervise(). */
bool qkd_role_supervise(struct qkd_role *q, uint64_t now_ns, struct err *err);

/* A copy of the figures, at most 100 ms old; any thread. */
struct qkd_role_status {
	bool quantum;
	struct channel_stats channel;
	struct engine_stats engine;
	struct optics_status optics;
	uint64_t notes_dropped;
};
void qkd_role_status_read(const struct qkd_role *q, struct qkd_role_status *out);

#endif
