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
#include "dataplane/qkd_note.h"
#include "dataplane/qkd_worker.h"
#include "qkd-engine/channel.h"
#include "qkd-engine/engine.h"

struct channel_mux;
struct worker;

struct qkd_role_config {
	struct channel_config channel;
	struct engine_config engine;
	bool quantum;            /* false: the channel alone, for rekeying from imported keys */
	struct card_config card; /* when quantum; its strings must outlive the role */
	double qrng_claim;       /* as optics_create() has them */
	unsigned int qrng_alpha_log2;
	unsigned int workers; /* for the engine's jobs, 0 to QKD_WORKERS_MAX */
};

struct qkd_role;

struct qkd_role *qkd_role_create(const struct qkd_role_config *config, struct channel_mux *mux,
                                 struct err *err);
/* After the workers have stopped. */
void qkd_role_destroy(struct qkd_role *q);

/* A worker role: CTX is the struct qkd_role. */
unsigned int qkd_role_poll(void *ctx, struct worker *w);
/* For a lcore of its own each (qkd_worker_poll()); I below the number of workers. */
struct qkd_worker *qkd_role_worker(struct qkd_role *q, unsigned int i);

/*
 * Control thread: the next note, NULL for none, which the caller frees; and one for the role,
 * which owns it then, or -EAGAIN when it is behind.
 */
struct qkd_note *qkd_role_receive(struct qkd_role *q);
int qkd_role_post(struct qkd_role *q, struct qkd_note *note);

/* Pads that the role holds or has on their way, so that control keeps it supplied. */
unsigned int qkd_role_pads(const struct qkd_role *q);

/* Control thread: see optics_supervise(); false without a card to look after. */
bool qkd_role_supervise(struct qkd_role *q, uint64_t now_ns, struct err *err);

/* Control thread: see optics_ocm(); false without a card to look after. */
bool qkd_role_ocm(struct qkd_role *q, struct card_ocm_scan *out);

/* Control thread: see optics_otdr.h; NULL without a card to look after. */
struct optics_otdr *qkd_role_otdr(struct qkd_role *q);
/* Likewise, optics_qrng.h. */
struct optics_qrng *qkd_role_qrng(struct qkd_role *q);
/* Likewise, optics_monitor.h. */
struct optics_monitor *qkd_role_monitor(struct qkd_role *q);

/* A copy of the figures, at most 100 ms old; any thread. */
struct qkd_role_status {
	bool quantum;
	struct channel_place peer; /* of the channel; as channel_mux_receive() has it */
	struct channel_stats channel;
	struct engine_stats engine;
	struct optics_status optics;
	uint64_t notes_dropped;     /* for want of memory, or the control thread stood still */
	uint64_t datagrams_dropped; /* of the channel, for want of buffers to the WAN port */
};
void qkd_role_status_read(const struct qkd_role *q, struct qkd_role_status *out);

#endif
