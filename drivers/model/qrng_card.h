/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The random source of a card: several lanes of noise, what is wrong with them, the card's own
 * health tests (feature QRNG_TESTS), and the stream to the host.
 */

#ifndef DRIVERS_MODEL_QRNG_CARD_H
#define DRIVERS_MODEL_QRNG_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/model/attack_plugin.h"
#include "drivers/qrng_window.h"

#define QRNG_CARD_LANES     4
#define QRNG_CARD_LANES_MAX 16

struct shm_card;

enum qrng_card_tests {
	QRNG_CARD_UNTESTED, /* no QRNG_TESTS, one lane */
	QRNG_CARD_TESTS,
	QRNG_CARD_BLIND /* QRNG_TESTS, but its tests fail with the source */
};

struct qrng_card_lane {
	uint8_t window[QRNG_WINDOW_BYTES];
	uint32_t used; /* bytes of it */
	uint32_t run, run_bit;
	struct attack_random fault;
};

struct qrng_card {
	enum qrng_card_tests tests;
	unsigned int lanes;
	uint32_t ctrl, claim, rct_cutoff, apt_cutoff; /* as written */
	uint32_t rct, apt;                            /* in force */
	uint32_t state, fails;
	uint64_t startup_ns, idle_ns, rate_ns, bits;
	struct attack fault;
	struct qrng_card_lane lane[QRNG_CARD_LANES_MAX];
};

/* As built. Before a host finds the card. */
void qrng_card_build(struct shm_card *card, unsigned int lanes, enum qrng_card_tests tests);
/* The dice of its faults. */
void qrng_card_seed(struct shm_card *card, struct rng *dice);

void qrng_card_reset(struct shm_card *card);
/* A write to one of its registers: 0, or its offset where the value cannot be. */
uint32_t qrng_card_write(struct shm_card *card, uint32_t offset, uint32_t value);
void qrng_card_turn(struct shm_card *card);

#endif
