/* SPDX-License-Identifier: BSD-3-Clause */

/* A whole link: two cards, the fibre and who sits on it, moved along in turns. */

#ifndef DRIVERS_MODEL_SIM_LINK_H
#define DRIVERS_MODEL_SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/model/alice.h"
#include "drivers/model/bob.h"
#include "drivers/model/lit.h"

/* What really happened: for tests and for the eavesdropper's books, on no card. */
struct sim_truth {
	uint64_t clicks, doubles, dark, afterpulses;
	uint64_t sifted[2], errors[2]; /* single clicks in the same basis, Z and X */
};

/* From when on an attack stood, in the slots of either card at that time. */
struct sim_attack {
	struct attack attack;
	uint64_t pulse, alice_slot, bob_slot;
};

struct sim_link {
	struct clicks clicks;
	struct alice alice;
	struct bob bob;
	struct otdr_fibre fibre;      /* from Alice's end, as the OTDRs see it */
	struct otdr_fibre fibre_laid; /* without what was done to it */
	struct otdr_fibre fibre_done; /* with it, but without what the attack does */
	struct lit lit;
	struct lit_noise lit_noise;
	unsigned int otdrs; /* bit 0 Alice's, 1 Bob's: whose light is on the fibre */
	uint64_t start_ns, slot_fs;
	uint64_t delay; /* slots from Alice to Bob */

	struct sim_attack attack, attack_before;
	struct sim_truth truth, phase; /* since the start; since the attack changed */
	bool phase_due;

	uint64_t behind_ms, skipped_ms, skips;

	/* For tests and benches, on no card: each click with her choice, -1: she made none. */
	void (*seen)(void *ctx, const struct click *k, int choice);
	void *seen_ctx;
};

/* The two maps are card files, all zero. RNG seeds everything but the QRNG. -ENOMEM. */
int sim_link_init(struct sim_link *s, const struct optics_link *optics, const struct rng *rng,
                  uint8_t *alice_map, uint8_t *bob_map, uint64_t now_ns);
void sim_link_free(struct sim_link *s);

/* Bring the link to NOW. More than a second behind, it leaves out what it missed. */
void sim_link_turn(struct sim_link *s, uint64_t now_ns);

/*
 * From the next pulse on, in place of the one before. -EBUSY when the light changed too often just
 * now; -EINVAL: its place is not on the fibre, its lane not in the card.
 */
int sim_link_attack(struct sim_link *s, const struct attack *attack);

/* From now on the fibre holds LIT. */
void sim_link_lit(struct sim_link *s, const struct lit *lit);

/*
 * Do something to the fibre at KM from Alice: a loss (a bend or a tap; negative: none), what it
 * reflects (0: nothing), or a cut. The light of the link loses as much. -EINVAL: KM is not on
 * the fibre; -ENOSPC.
 */
int sim_link_fibre(struct sim_link *s, const struct otdr_point *point, bool cut);
/* As it was laid. */
void sim_link_fibre_restore(struct sim_link *s);

/* One JSON object; returns its length. */
size_t sim_link_status(const struct sim_link *s, uint64_t now_ns, char *buf, size_t n);

#endif
