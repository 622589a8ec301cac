/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One descriptor ring and its buffers in DMA memory. Indices count from the start of the
 * ring, modulo 2^32:
 *
 *     taken <= done <= tail <= taken + size
 *
 * tail: posted to the card. done: completed by the card and checked. taken: handed back by
 * the user of the buffers; what lies behind may be posted again.
 */

#ifndef DRIVERS_CARD_RING_H
#define DRIVERS_CARD_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/card_regs.h"
#include "drivers/transport.h"

#define CARD_RING_BUFFER_BYTES 4096

struct card_ring {
	const struct transport_ops *ops;
	void *t;
	unsigned int number;
	bool running;
	uint32_t mask; /* size - 1 */
	uint32_t tail, rung, done, taken;
	uint32_t seq;           /* sequence number of the next completion */
	struct card_desc *desc; /* the card writes here: every field is read once */
	uint8_t *buffers;
	uint64_t buffers_bus;
};

/* A completed buffer. */
struct card_buffer {
	const uint8_t *data;
	uint32_t used; /* at most CARD_RING_BUFFER_BYTES */
	uint64_t first_slot;
	bool error;
	bool in_sequence; /* false: completions before this one were lost or repeated */
};

/*
 * Take 2^LOG2_SIZE descriptors and buffers from DMA from *USED on, program the ring and let
 * it run. ENOMEM, ETIMEDOUT.
 */
int card_ring_start(struct card_ring *r, const struct transport_ops *ops, void *t,
                    unsigned int number, unsigned int log2_size, const struct transport_dma *dma,
                    size_t *used);

/* Card to host: post every free buffer. */
void card_ring_refill(struct card_ring *r);

/* Host to card: the buffer to fill next, or NULL when all are under way. */
void *card_ring_free(struct card_ring *r);
/* Host to card: post that buffer with N bytes. */
void card_ring_post(struct card_ring *r, uint32_t n);

/* Tell the card of what was posted since the last call. */
void card_ring_doorbell(struct card_ring *r);

/* The next completed buffer, if there is one; it stays the user's until card_ring_release(). */
bool card_ring_next(struct card_ring *r, struct card_buffer *out);
/* Give back the oldest N buffers that card_ring_next() returned. */
void card_ring_release(struct card_ring *r, uint32_t n);

#endif
