/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The click generator: jumps from click to click by the closed-form probabilities instead of
 * following each pulse.
 *
 * Pulse n of the link leaves Alice in the slot n of true time and meets the detectors at
 * n + 1/2 in a frame that moves with the light. Arrival times are kept in that frame;
 * clicks_run() gives them on the grid of Bob's clock, whose error it walks.
 */

#ifndef DRIVERS_MODEL_CLICKS_H
#define DRIVERS_MODEL_CLICKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/card_regs.h"
#include "drivers/model/analog.h"
#include "drivers/model/attack.h"
#include "drivers/model/outcomes.h"
#include "drivers/model/physics.h"
#include "drivers/model/rng.h"

/* The light from one slot on. */
struct light {
	uint64_t from;
	unsigned int mode; /* CARD_TX_MODE_*; DARK as well while the transmitter is not armed */
	struct optics_source source;
	uint64_t slot_base; /* the transmitter's number of pulse 0, for the sync pattern */
	struct attack attack;
};

enum click_origin { CLICK_LIGHT, CLICK_DARK, CLICK_AFTERPULSE };

struct click {
	uint64_t pulse;    /* n */
	uint64_t slot;     /* Bob's, counted from his slot at n = 0 */
	uint8_t sub;       /* 1/256 slot */
	uint8_t detectors; /* mask */
	uint8_t choice;    /* of Alice, when she sent a pulse that was seen */
	uint8_t state;     /* CARD_RX_*, of the receiver */
	bool qkd;          /* the light was that of QKD mode */
	bool has_choice;   /* false: her choice in this slot is independent of the click */
	bool bright;       /* far more light than a photon */
	enum click_origin origin;
};

/* Probabilities of a block's state, and what reduced efficiency is of the normal one. */
struct clicks_states {
	unsigned int log2; /* slots of a block */
	double p_low, p_shut, p_emit, low_ratio;
};

#define CLICKS_LIGHTS  64
#define CLICKS_PENDING 64

struct clicks {
	struct optics_link link; /* what it is on the mean */
	struct drift drift;
	double more_loss_db; /* of the fibre, than it was laid with */
	/* What the cards' analog settings do, beside what the link says. */
	struct analog_light transmitter, receiver;
	struct rng rng;
	uint64_t n; /* all slots before it are done */

	double path;     /* slots: what the fibre's temperature makes of the delay, within phase */
	uint64_t tables; /* when the tables were made that hold now */

	/* Bob's clock: slot n of true time is n + phase + frequency (n - anchor) on his grid */
	uint64_t anchor;
	double phase, frequency;

	/* receiver */
	bool gates_on;
	double holdoff;   /* slots */
	double live_from; /* arrival - n_live: detectors fire again from here on */
	uint64_t n_live;  /* integer part of it */
	double dead;      /* slots: each detector's own dead time, 0 when the hold-off is longer */
	struct {
		uint64_t n;
		double frac;
	} ready[4];         /* when detector i fires again */
	uint64_t last_slot; /* of the last click, on Bob's grid */
	unsigned int gate_start, gate_width;

	/* light under way and to come, oldest first; the first is in force at n */
	struct light light[CLICKS_LIGHTS];
	unsigned int lights;
	struct outcomes pulse[CARD_RX_STATES], dark[CARD_RX_STATES];
	double p_step;       /* chance of a candidate per slot */
	double inv_log_skip; /* 1 / log(1 - p_step) */
	double trap;         /* chance that a click leaves an afterpulse beyond its hold-off */

	/* Gates shut for SHUT slots of each PERIOD from SHUT_FROM on; 0: none. */
	double shut, shut_period;
	uint64_t shut_from;

	/* the receiver's states: NORMAL throughout unless there is a chance of another */
	struct clicks_states states;
	unsigned int state;
	uint64_t state_end;
	struct rng state_rng;
	uint64_t live_n; /* LIVE counts the slots before it */
	double live[CARD_RX_STATES];
	double dead_slots, dead_counted; /* slots of hold-off so far, up to DEAD_UNTIL */
	double dead_until;

	/* trapped carriers by time of release, earliest first */
	struct {
		uint64_t n;
		double frac;
		uint8_t detector;
	} pending[CLICKS_PENDING];
	unsigned int pendings;
};

/* Takes over RNG. The light is dark, the gates are off. */
void clicks_init(struct clicks *c, const struct optics_link *link, const struct rng *rng);

/*
 * Change the light from pulse light->from on: not before c->n, nor before an earlier
 * change; one at the same pulse replaces it. -ENOSPC with CLICKS_LIGHTS changes under way.
 */
int clicks_set_light(struct clicks *c, const struct light *light);

/* The cards' analog settings did something to the light; small changes are left for later. */
void clicks_set_analog(struct clicks *c, const struct analog_light *transmitter,
                       const struct analog_light *receiver);

/* The fibre loses so much more than it was laid with, at once. */
void clicks_set_loss(struct clicks *c, double db);

/* Counts of other light per slot, from the slot c->n on. */
void clicks_set_noise(struct clicks *c, double counts);

/* The light last set. */
const struct light *clicks_last_light(const struct clicks *c);

/* Receiver from the slot c->n on: hold-off in slots, gate in 1/256 slot. */
void clicks_set_receiver(struct clicks *c, bool gates_on, double holdoff, unsigned int gate_start,
                         unsigned int gate_width);

/* From the slot c->n on the gates are shut for SHUT of each PERIOD slots; 0: they are not. */
void clicks_set_shut(struct clicks *c, double shut, double period);

/* From the slot c->n on. */
void clicks_set_states(struct clicks *c, const struct clicks_states *states);
/* Slots before c->n in which all detectors were live, by state, since the last call. */
void clicks_live(struct clicks *c, uint64_t live[CARD_RX_STATES]);

/*
 * Go on until pulse UNTIL or MAX clicks; returns the clicks, in order of arrival, their
 * slots strictly increasing. Done when c->n == until.
 */
size_t clicks_run(struct clicks *c, uint64_t until, struct click *out, size_t max);

/* Leave out the slots before UNTIL. */
void clicks_skip(struct clicks *c, uint64_t until);

/* Bob's slot in which the pulse N arrives. */
uint64_t clicks_bob_slot(const struct clicks *c, uint64_t n);

#endif
