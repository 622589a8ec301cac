/* SPDX-License-Identifier: BSD-3-Clause */

/* The transmitter's card: light, choices and their look-up. */

#ifndef DRIVERS_MODEL_ALICE_H
#define DRIVERS_MODEL_ALICE_H

#include <stdint.h>

#include "drivers/model/alice_monitor.h"
#include "drivers/model/choices.h"
#include "drivers/model/clicks.h"
#include "drivers/model/shm_card.h"

struct alice_tx {
	uint32_t mode, mu1, mu2, p_mu1, p_z;
	uint32_t mu3, p_mu2, states; /* with TWO_DECOY, THREE_STATE; else 0 */
};

struct alice {
	struct shm_card card;
	struct clicks *clicks;
	struct choices choices;
	uint64_t pulse; /* in emission now */
	uint64_t base;  /* the card's number of pulse 0 */
	struct alice_tx shadow, active;
	struct alice_monitor monitor;
};

/* BAR as in a fresh file; PULSE is in emission now. -ENOMEM. */
int alice_init(struct alice *a, uint8_t *bar, struct clicks *clicks, uint64_t pulse,
               const struct rng *rng);
/* Keep choices for so long, in place of 8 s; the contract asks for 2 s at least. */
void alice_keep(struct alice *a, double seconds);
void alice_free(struct alice *a);

void alice_begin(struct alice *a, uint64_t now_ns, uint64_t pulse);

/* Answer look-ups. All pulses before ARRIVED have met the detectors. */
void alice_end(struct alice *a, uint64_t arrived);

#endif
