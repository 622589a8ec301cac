/* SPDX-License-Identifier: BSD-3-Clause */

/* Descriptor rings, the card's side. */

#ifndef DRIVERS_MODEL_SHM_RING_H
#define DRIVERS_MODEL_SHM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shm_card;

struct shm_ring {
	bool to_host;
	bool run;
	uint64_t base;
	uint32_t log2_size;
	uint32_t head; /* completed */
	uint64_t dropped;
	uint32_t vector;

	/* the buffer under way */
	bool open;
	uint64_t addr;
	uint8_t *data; /* the host's memory at addr */
	uint32_t len, used;
	uint64_t first_slot, open_ns;
};

void shm_ring_reset(struct shm_card *card, unsigned int q);

/* A write to register OFFSET of ring Q; the value of a bad one's offset, or 0. */
uint32_t shm_ring_write(struct shm_card *card, unsigned int q, uint32_t offset, uint32_t value);

/*
 * Card to host: place for a record of BYTES in the buffer under way, the next one if need be.
 * NULL when the host has posted none (a ring that does not run takes nothing either).
 */
void *shm_ring_record(struct shm_card *card, unsigned int q, uint32_t bytes, uint64_t slot);

/* The place that shm_ring_record() gave has been filled. */
void shm_ring_commit(struct shm_card *card, unsigned int q, uint32_t bytes);

/* Complete the buffer under way. */
void shm_ring_complete(struct shm_card *card, unsigned int q, uint32_t flags);

/* Complete what has waited for the moderation time. */
void shm_ring_moderate(struct shm_card *card, unsigned int q);

/* Open the next posted buffer, unless one is open; false when there is none. */
bool shm_ring_open(struct shm_card *card, unsigned int q, uint64_t slot);

#endif
