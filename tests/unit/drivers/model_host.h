/* SPDX-License-Identifier: BSD-3-Clause */

/* A host that drives the model's two cards register by register, on a clock of its own. */

#ifndef TESTS_UNIT_DRIVERS_MODEL_HOST_H
#define TESTS_UNIT_DRIVERS_MODEL_HOST_H

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "drivers/card_regs.h"
#include "drivers/model/sim_link.h"
#include "tests/unit/unit.h"

#define TURN_NS    (250 * NS_PER_US)
#define BUFFER     4096u
#define FILE_BYTES (CARD_BAR0_BYTES + CARD_SHM_DMA_BYTES)

enum { A, B };

struct host {
	struct sim_link link;
	uint8_t *map[2];
	uint64_t now;
	bool feed; /* write the watchdogs in each turn */
};

static inline uint32_t reg(const struct host *h, int end, uint32_t offset)
{
	return *(uint32_t *)(h->map[end] + offset);
}

static inline uint64_t reg64(const struct host *h, int end, uint32_t offset)
{
	return (uint64_t)reg(h, end, offset + 4) << 32 | reg(h, end, offset);
}

static inline void poke(struct host *h, int end, uint32_t offset, uint32_t value)
{
	*(uint32_t *)(h->map[end] + offset) = value;
}

static inline void turn(struct host *h)
{
	h->now += TURN_NS;
	sim_link_turn(&h->link, h->now);
}

static inline void host_write(struct host *h, int end, uint32_t offset, uint32_t value)
{
	uint32_t seq = reg(h, end, CARD_SHM_MBOX_SEQ);

	CU_ASSERT_EQUAL(reg(h, end, CARD_SHM_MBOX_DONE), seq);
	poke(h, end, CARD_SHM_MBOX_OFFSET, offset);
	poke(h, end, CARD_SHM_MBOX_VALUE, value);
	poke(h, end, CARD_SHM_MBOX_SEQ, seq + 1);
	turn(h);
	CU_ASSERT_EQUAL(reg(h, end, CARD_SHM_MBOX_DONE), seq + 1);
}

static inline void pass_ms(struct host *h, unsigned int ms)
{
	for (unsigned int i = 0; i < ms * 4; i++) {
		if (h->feed && i % 40 == 0) {
			host_write(h, A, CARD_WATCHDOG, 100);
			host_write(h, B, CARD_WATCHDOG, 100);
		}
		turn(h);
	}
}

static inline struct host *host_open(const struct optics_link *optics, uint64_t seed)
{
	struct host *h = calloc(1, sizeof(*h));
	struct rng rng;

	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	for (int end = 0; end < 2; end++) {
		h->map[end] = calloc(1, FILE_BYTES);
		CU_ASSERT_PTR_NOT_NULL_FATAL(h->map[end]);
	}
	rng_init_seed(&rng, seed);
	h->now = 1000 * NS_PER_S;
	CU_ASSERT_EQUAL(sim_link_init(&h->link, optics, &rng, h->map[A], h->map[B], h->now), 0);
	turn(h);
	return h;
}

static inline void host_close(struct host *h)
{
	sim_link_free(&h->link);
	free(h->map[A]);
	free(h->map[B]);
	free(h);
}

/* Where a test keeps ring Q: descriptors, then its buffers, 1 MiB a ring. */
static inline uint64_t ring_place(unsigned int q)
{
	return (uint64_t)(q + 1) << 20;
}

static inline struct card_desc *desc(const struct host *h, int end, unsigned int q, uint32_t i)
{
	return (struct card_desc *)(h->map[end] + CARD_BAR0_BYTES + ring_place(q)) + i;
}

static inline void *buffer(const struct host *h, int end, unsigned int q, uint32_t i)
{
	return h->map[end] + CARD_BAR0_BYTES + desc(h, end, q, i)->addr;
}

static inline void ring_run(struct host *h, int end, unsigned int q, uint32_t log2_size)
{
	for (uint32_t i = 0; i < 1u << log2_size; i++) {
		desc(h, end, q, i)->addr = ring_place(q) + 0x10000 + i * BUFFER;
		desc(h, end, q, i)->len = BUFFER;
	}
	host_write(h, end, CARD_RING(q) + CARD_RING_BASE_LO, (uint32_t)ring_place(q));
	host_write(h, end, CARD_RING(q) + CARD_RING_BASE_HI, 0);
	host_write(h, end, CARD_RING(q) + CARD_RING_LOG2_SIZE, log2_size);
	host_write(h, end, CARD_RING(q) + CARD_RING_CTRL, CARD_RING_CTRL_RUN);
}

static inline void post(struct host *h, int end, unsigned int q, uint32_t tail)
{
	poke(h, end, CARD_RING(q) + CARD_RING_TAIL, tail);
}

static inline uint32_t head(const struct host *h, int end, unsigned int q)
{
	return reg(h, end, CARD_RING(q) + CARD_RING_HEAD);
}

static inline void set_tx(struct host *h, uint32_t mode)
{
	host_write(h, A, CARD_TX_MODE, mode);
	host_write(h, A, CARD_TX_MU1, 19661);
	host_write(h, A, CARD_TX_MU2, 6554);
	host_write(h, A, CARD_TX_P_MU1, 19661);
	host_write(h, A, CARD_TX_P_Z, 52429);
	host_write(h, A, CARD_TX_APPLY, 1);
}

/* Both armed, QKD light; the watchdogs are fed by pass_ms(). */
static inline void light_up(struct host *h)
{
	for (int end = 0; end < 2; end++) {
		host_write(h, end, CARD_CTRL, CARD_CTRL_ENABLE);
		host_write(h, end, CARD_WATCHDOG, 100);
		host_write(h, end, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
		CU_ASSERT(reg(h, end, CARD_STATUS) == (CARD_STATUS_READY | CARD_STATUS_ARMED));
	}
	set_tx(h, CARD_TX_MODE_QKD);
	h->feed = true;
}

#endif
