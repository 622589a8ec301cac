/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * MONITOR and PROTECTION of a modelled card: when a record is due, how it gets to the host, and the
 * limits at which the card goes dark by itself. What a record holds is its end's.
 */

#ifndef DRIVERS_MODEL_MONITOR_H
#define DRIVERS_MODEL_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

struct shm_card;

struct shm_records {
	uint32_t ms; /* period of the records */
	uint64_t due_ns;
	uint64_t slot; /* first one of the record under way */
	uint32_t back_reflection_max, output_max, photocurrent_max, temperature_max;
};

/* Function reset. */
void monitor_begin(struct shm_card *card);
/* A write to one of its registers: 0, or the offset of the register that is wrong. */
uint32_t monitor_write(struct shm_card *card, uint32_t offset, uint32_t value);
/* The host accepted MONITOR, and rings run. */
bool monitor_on(const struct shm_card *card);
/* A record is to be made now. */
bool monitor_due(struct shm_card *card);
/*
 * RECORD of TYPE and BYTES, all but its head and check filled in, into the ring; from the slot of
 * the record before up to now. Without room for it, it is counted as dropped.
 */
void monitor_put(struct shm_card *card, uint32_t type, void *record, uint32_t bytes);

/* VALUE of what register LIMIT (CARD_*_MAX) is for: above it an armed card is at fault. */
void monitor_limit(struct shm_card *card, uint32_t limit, double value);

/* A reading as a register holds it. */
uint32_t monitor_word(double value);

#endif
