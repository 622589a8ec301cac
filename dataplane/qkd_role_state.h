/* SPDX-License-Identifier: BSD-3-Clause */

/* The QKD role's state, for qkd_role*.c only. */

#ifndef DATAPLANE_QKD_ROLE_STATE_H
#define DATAPLANE_QKD_ROLE_STATE_H

#include "common/spsc.h"
#include "dataplane/channel_mux.h"
#include "dataplane/qkd_role.h"

#define PADS_HELD 64

struct qkd_role {
	/* role: rw */
	struct channel *channel;
	struct engine *engine;
	struct optics *optics;
	struct channel_mux *mux;
	bool quantum;
	struct qkd_worker *worker[QKD_WORKERS_MAX];
	unsigned int workers;
	uint8_t session_id[16];
	uint64_t session;
	bool session_untold;    /* control does not know of it yet */
	const uint8_t *message; /* of the channel, not handed on yet */
	size_t message_len;
	struct auth_pad *pads; /* secret memory: PADS_HELD */
	unsigned int pad_count;
	uint64_t last_pad, last_pad_session; /* the number of the one that a tag took last */
	struct qkd_note *unsent;             /* waits for room in the channel's control stream */
	uint64_t next_status_ns;
	uint64_t notes_dropped, datagrams_dropped;

	/* role: producer, control: consumer; and the other way round */
	struct spsc to_control, to_role;

	/* role and control: atomic add */
	_Alignas(64) unsigned int pads_around;

	/* role: wo, others: ro, under the sequence lock */
	_Alignas(64) unsigned int status_seq;
	struct qkd_role_status status;
};

/* To control, which frees NOTE; NULL, or no room: counted, and false. */
bool qkd_role_tell(struct qkd_role *q, struct qkd_note *note);

/* qkd_role_ops.c; WORKERS: other cores take jobs. */
struct engine_ops qkd_role_ops(struct qkd_role *q, bool workers);

#endif
