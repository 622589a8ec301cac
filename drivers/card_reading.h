/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a card's monitors read over some time, from its records (docs/optical-card.md): what the
 * driver hands out and the watch on the fibre (drivers/watch/) takes in.
 */

#ifndef DRIVERS_CARD_READING_H
#define DRIVERS_CARD_READING_H

#include <stdbool.h>
#include <stdint.h>

/* Of the receiver, by state: normal; reduced efficiency; cut off; lit by its own emitter. */
enum card_rx_state {
	CARD_STATE_NORMAL,
	CARD_STATE_LOW,
	CARD_STATE_SHUT,
	CARD_STATE_EMIT,
	CARD_STATES
};
#define CARD_DETECTORS 4

/* Reduced efficiency over the normal one, as the driver sets it. */
#define CARD_LOW_RATIO 0.5

struct card_rx_reading {
	double seconds;
	uint64_t live[CARD_STATES]; /* slots with live detectors */
	uint32_t clicks[CARD_STATES][CARD_DETECTORS];
	uint32_t doubles[CARD_STATES]; /* slots with several clicks */
	uint32_t current_na[CARD_DETECTORS];
	uint32_t peak_na[CARD_DETECTORS]; /* highest mean of 10 us */
	int32_t detector_mc[CARD_DETECTORS];
	uint32_t bright[CARD_DETECTORS]; /* clicks above the second threshold */
};

struct card_tx_reading {
	double seconds;
	bool key_light;              /* QKD mode from before its first slot on */
	uint32_t power_nw[3];        /* before the attenuator: mean, least, most */
	uint32_t output_fw[3];       /* behind it, likewise */
	uint32_t reflection_pw;      /* light that comes in, mean */
	uint32_t reflection_peak_pw; /* most in any microsecond */
	uint32_t extinction_mdb, voa_mdb, laser_bias_ua;
	int32_t laser_mc, modulator_mv;
};

/* Slots of a state in which something clicked; those with three clicks or more count twice. */
static inline uint64_t card_rx_slots(const struct card_rx_reading *r, enum card_rx_state state)
{
	uint64_t n = 0;

	for (unsigned int d = 0; d < CARD_DETECTORS; d++)
		n += r->clicks[state][d];
	return n > r->doubles[state] ? n - r->doubles[state] : 0;
}

#endif
