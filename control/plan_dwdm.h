/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A quantum channel beside data channels on one fibre: what each of these costs, where the quantum
 * channel does best, how strong the others may be, and what one more does. Noise by
 * drivers/physics/lit_fibre.h, key by plan_link.h.
 */

#ifndef CONTROL_PLAN_DWDM_H
#define CONTROL_PLAN_DWDM_H

#include <stdbool.h>

#include "control/plan_link.h"
#include "drivers/physics/lit_fibre.h"

#define PLAN_SLOTS_MAX 256
#define PLAN_ADDED_MAX 32

struct plan_dwdm {
	struct plan_link link;
	struct lit_fibre fibre;
	struct lit_quantum quantum;
	struct lit_channel channels[LIT_CHANNELS_MAX];
	unsigned int channel_count;
	struct lit_channel added[PLAN_ADDED_MAX]; /* each by itself: what would it do? */
	unsigned int added_count;
	struct lit_amplifier amplifiers[LIT_AMPLIFIERS_MAX];
	unsigned int amplifier_count;
	double slots[PLAN_SLOTS_MAX]; /* GHz: where the quantum channel could go */
	unsigned int slot_count;
	double o_band_db_km;       /* the quantum channel's loss below 1360 nm */
	double target_rate;        /* bit/s; 0: half of what there is without other light */
	double leak_counts;        /* what a channel may leak a gate, for the filters' list */
	double preamplifier_nf_db; /* of the data channels' receivers */
};

/* Three thin-film filters in a row, a 15 GHz passband, a third of a 1 ns slot; no frequency. */
extern const struct lit_quantum plan_dwdm_quantum;

/* With the quantum channel at GHZ. */
struct plan_lit {
	double ghz;
	struct lit_noise noise; /* photons a second */
	double counts;          /* of it, per gate, all detectors of a basis */
	struct plan_point point;
};
void plan_dwdm_at(const struct plan_dwdm *d, double ghz, struct plan_lit *out);

/* Free slots, the best first: by finite key, then asymptotic key, then noise. */
unsigned int plan_dwdm_rank(const struct plan_dwdm *d, struct plan_lit out[PLAN_SLOTS_MAX]);

/*
 * The highest launch power of channel WHICH, dBm to 0.01 dB, that leaves RATE with all else as it
 * is: at most MOST; LIT_OFF_DBM when even without it there is less.
 */
double plan_dwdm_power(const struct plan_dwdm *d, unsigned int which, double rate, double most);

/* By how much all channels may be raised together (negative: must be lowered), dB. */
double plan_dwdm_headroom(const struct plan_dwdm *d, double rate, double most);

/* An amplifier lies on the quantum path: there is no key, whatever the noise. */
bool plan_dwdm_blocked(const struct plan_dwdm *d);

#endif
