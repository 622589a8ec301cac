/* SPDX-License-Identifier: BSD-3-Clause */

/* The receiver's card: gates, tags, gaps. */

#ifndef DRIVERS_MODEL_BOB_H
#define DRIVERS_MODEL_BOB_H

#include <stdint.h>

#include "drivers/model/bob_monitor.h"
#include "drivers/model/clicks.h"
#include "drivers/model/shm_card.h"

struct bob_rx {
	uint32_t holdoff_ns, gate_start, gate_width;
	uint32_t state_log2, p_low, p_shut, p_emit, low_ratio; /* with MONITOR */
};

struct bob {
	struct shm_card card;
	struct clicks *clicks;
	uint64_t pulse; /* arriving now */
	uint64_t base;  /* card's slot = base + click.slot */
	struct bob_rx shadow, active;
	uint64_t count[4], all;

	bool gap;
	uint64_t gap_first, gap_last, gap_lost;

	uint64_t current_ns, current_all; /* start of the photocurrent's 100 ms */
	double eve_na;                    /* of it, by light that she sends */
	double phase;                     /* sum of squares, rad^2, over so many turns of them */
	unsigned int phases;
	double shut_slots; /* that the OTDR kept the gates shut */
	uint64_t shut_n;   /* counted up to there */
	struct bob_monitor monitor;
};

void bob_init(struct bob *b, uint8_t *bar, struct clicks *clicks, uint64_t pulse,
              const struct rng *rng);

/* PULSE arrives now. */
void bob_begin(struct bob *b, uint64_t now_ns, uint64_t pulse);
void bob_click(struct bob *b, const struct click *k);
/* LOST clicks are missing in the slots FIRST to LAST of clicks_bob_slot(). */
void bob_gap(struct bob *b, uint64_t first, uint64_t last, uint64_t lost);
void bob_end(struct bob *b);

#endif
