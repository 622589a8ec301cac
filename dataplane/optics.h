/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The optics role: runs the card on a polling core and turns its clicks into detections on
 * the transmitter's slot grid. Opening, closing and re-opening a card takes system calls:
 * the control thread does that in optics_supervise() whenever the role has given the card
 * up (fault, loss, the card's restart).
 */

#ifndef DATAPLANE_OPTICS_H
#define DATAPLANE_OPTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "dataplane/optics_gate.h"
#include "dataplane/optics_monitor.h"
#include "dataplane/optics_otdr.h"
#include "dataplane/optics_qrng.h"
#include "drivers/card.h"
#include "qkd-engine/engine.h"

struct optics;

/*
 * CONFIG's strings must outlive the role. CLAIM and ALPHA_LOG2 as qrng_create() has them; a fault
 * of the random source keeps the card dark until optics_qrng() has it restarted and it passes.
 */
struct optics *optics_create(const struct card_config *config, double claim,
                             unsigned int alpha_log2, struct err *err);
void optics_destroy(struct optics *o);

/*
 * Control thread, a few times a second: opens and arms the card when there is none, which may
 * take over a second with a card that does not answer; a longer pause follows then. Returns
 * whether a card is in use; ERR gets the reason when one could not be had.
 */
bool optics_supervise(struct optics *o, uint64_t now_ns, struct err *err);

/* The rest on the polling core. */

/* One turn: work done. Clicks go to ENGINE (Bob), answered look-ups too (Alice). */
unsigned int optics_poll(struct optics *o, struct engine *engine, uint64_t now_ns);

/* engine_ops for this card; -ENODEV while there is none. */
int optics_source_mode(struct optics *o, enum source_mode mode, uint64_t *from_slot);
uint64_t optics_slot_now(struct optics *o);
int optics_lookup(struct optics *o, const uint64_t *slots, size_t n);
int optics_random(struct optics *o, void *buf, size_t n);

/* A simulated card was in use at some time: all key from here on may be made of its clicks. */
bool optics_simulated(const struct optics *o);

/* Control thread: acquisitions of the card in use. */
struct optics_otdr *optics_otdr(struct optics *o);
struct optics_qrng *optics_qrng(struct optics *o);
struct optics_monitor *optics_monitor(struct optics *o);

struct optics_status {
	bool present;   /* a card is in use */
	bool simulated; /* as above, card or not */
	bool phase_locked;
	double frequency_ppb;   /* transmitter's clock against the receiver's, Bob only */
	double coherence;       /* of the clicks' arrivals, 0 to 1; likewise */
	struct steer_gate gate; /* likewise */
	/*
	 * Clicks that are not handed on, since the start: without the transmitter's clock there is
	 * no slot to name; of one slot of its grid a click was handed on already; it waited at the
	 * card for longer than ENGINE_PATIENCE_NS.
	 */
	uint64_t clicks_no_phase, clicks_same_slot, clicks_too_old;
	/* Clicks are left at the card, as the engine has no room; so often, and for so long. */
	bool held;
	uint64_t holds, held_ns;
	struct card_status card;
	bool qrng_present; /* the card in use has one */
	struct qrng_status qrng;
	uint64_t coins_card, coins_kernel; /* bytes for double clicks, by source */
};
/* Control thread: the last scan of the card's channel monitor; false without one. */
bool optics_ocm(struct optics *o, struct card_ocm_scan *out);

void optics_status_read(const struct optics *o, struct optics_status *out);

#endif
