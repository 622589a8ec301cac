/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the cards of both ends have in common: identity, control, faults, watchdog, mailbox,
 * rings (shm_ring.h), QRNG (qrng_card.h) and telemetry. What is particular to an end hangs below as
 * shm_card_ops. The card believes nothing that it reads back from the file, which the host
 * can write: its state is in here and the registers show it.
 */

#ifndef DRIVERS_MODEL_SHM_CARD_H
#define DRIVERS_MODEL_SHM_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/card_regs.h"
#include "drivers/model/analog.h"
#include "drivers/model/attack_plugin.h"
#include "drivers/model/ocm_card.h"
#include "drivers/model/monitor.h"
#include "drivers/model/otdr_card.h"
#include "drivers/model/qrng_card.h"
#include "drivers/model/rng.h"
#include "drivers/model/shm_ring.h"

struct shm_card_ops {
	/* A write to a register of this end: 0, or the offset of the register that is wrong. */
	uint32_t (*write)(void *end, uint32_t offset, uint32_t value);
	/* Function reset: defaults, and a new slot counter in card->slot. */
	void (*reset)(void *end);
	/* Light or gates went on or off. */
	void (*armed)(void *end, bool on);
};

/* Where the host's memory is and how the host is called: for transports other than a file. */
struct shm_card_host {
	/* BYTES at bus address ADDR, or NULL where the host mapped nothing (or not in one piece).
	 */
	void *(*memory)(void *state, uint64_t addr, uint64_t bytes);
	/* Message VECTOR to the host. */
	void (*interrupt)(void *state, unsigned int vector);
	void *state;
	unsigned int vectors;
};

struct shm_card {
	uint8_t *bar, *dma;
	unsigned int role; /* CARD_ROLE_* */
	const struct shm_card_ops *ops;
	void *end;
	struct rng rng;

	uint64_t now_ns, slot; /* of this turn */
	double slot_fs;
	struct analog analog;
	struct shm_card_host host; /* memory NULL: the file's own, no interrupts */
	uint32_t features, features_used;
	bool enabled, armed, faulted, unplugged;
	uint32_t dark_cause;      /* CARD_DARK_* */
	uint32_t selftest;        /* CARD_SELFTEST_* */
	uint64_t selftest_ns;     /* its start */
	uint32_t selftest_failed; /* CARD_CHECK_* that shall not hold */
	uint32_t interlock;
	uint32_t irq_cause, irq_mask, irq_vector;
	uint32_t irq_new; /* causes of this turn that the host has not been called for */
	uint32_t moderation_us, watchdog_ms;
	uint64_t silent_ns; /* since the last write */
	uint32_t mbox_seq;

	struct shm_ring ring[CARD_RING_COUNT];
	struct otdr_card otdr;
	struct ocm_card ocm;

	struct shm_records monitor;
	double injected_pw; /* light from outside at the back-reflection monitor */

	struct qrng_card qrng;
	uint64_t telemetry_ns;
	double power;   /* of the light, more than on the mean, relative: what its monitor sees */
	double board_k; /* the board is so much warmer than on the mean */
	double temperature, laser, bias, back_reflection; /* telemetry's slow drift */
	uint32_t photocurrent_na;
};

/* BAR and DMA as in a fresh file. Resets the card: ops->reset() is called. */
void shm_card_init(struct shm_card *card, uint8_t *bar, unsigned int role, double slot_fs,
                   const struct shm_card_ops *ops, void *end, const struct rng *rng);

/* Start of a turn: take the host's writes, look at the watchdog. SLOT is the card's own. */
void shm_card_begin(struct shm_card *card, uint64_t now_ns, uint64_t slot);

/* End of a turn: QRNG, telemetry, buffers that have waited long enough, counters. */
void shm_card_end(struct shm_card *card);

/* Serve a host whose memory is not in the file; before it finds the card. */
void shm_card_host(struct shm_card *card, const struct shm_card_host *host);

/* From outside: pulled out (registers read all ones) and plugged in again, as after power-on. */
void shm_card_unplug(struct shm_card *card, bool out);

/* From outside: the interlocks that are open, and the checks that the next self-test fails. */
void shm_card_interlock(struct shm_card *card, uint32_t open);
void shm_card_selftest(struct shm_card *card, uint32_t failing);

/* A cause of interrupts came up. */
void shm_card_cause(struct shm_card *card, uint32_t cause);

/* BYTES of the host's memory at bus address ADDR, or NULL. */
void *shm_card_memory(struct shm_card *card, uint64_t addr, uint64_t bytes);

/* Dark, rings still, until the host resets: the first fault is shown. */
void shm_card_fault(struct shm_card *card, uint32_t code, uint32_t argument);

uint32_t shm_card_get(const struct shm_card *card, uint32_t offset);
void shm_card_put(struct shm_card *card, uint32_t offset, uint32_t value);
/* A pair of registers at once, under the latch. */
void shm_card_put64(struct shm_card *card, uint32_t offset, uint64_t value);

#endif
