/* SPDX-License-Identifier: BSD-3-Clause */

/* Rows cascade/PERCENT: without a network, and through the classical channel. */

#ifndef BENCH_ENGINE_CASCADE_H
#define BENCH_ENGINE_CASCADE_H

#include "bench_engine.h"
#include "qkd-engine/cascade.h"

/* Of one block, or medians over blocks. */
struct cascade_figures {
	double alice_s, bob_s; /* processor time */
	double rounds, bytes[2];
};

/* Room for blocks with parameters P at both ends, as an engine has it. */
void bench_cascade_spaces(struct workspace w[2], const struct cascade_params *p);
/* Secret memory for COUNT workspaces, and some more. */
size_t bench_cascade_secret(const struct cascade_params *p, size_t count);
/* Empty again; S gets the time. */
void bench_cascade_wipe(struct workspace *w, double *s);

/*
 * One block to its end, with no network, in the workspaces of both ends; Alice's parities are
 * added to *PARITIES. STEPS, if not NULL, gets the time of each call.
 */
struct cascade_figures bench_cascade_block(struct workspace w[2], const struct cascade_params *p,
                                           const uint64_t *alice_key, uint64_t *bob_key,
                                           uint64_t *parities, struct bench_steps *steps);

/*
 * COUNT blocks that take turns, with keys and seeds from STATE: processor time of one, the rest of
 * the figures is not set.
 */
struct cascade_figures bench_cascade_turns(const struct cascade_params *p, size_t count,
                                           uint64_t *state);

/*
 * Processor time of the slower end for a block alone with no network, the median of five with
 * keys and seeds from SEED. *ROUNDS: how many they take.
 */
double bench_cascade_direct(struct cascade_params p, uint64_t seed, double *rounds);

/* Frames that differ. */
size_t bench_cascade_failures(const struct cascade_params *p, const uint64_t *x, const uint64_t *y);

/* The row with --rtt or --loss. */
void bench_cascade_link(const struct bench_options *o, double percent, const char *row);

/* Frames of a block, as cascade_plan_init() counts them. */
static inline size_t bench_cascade_frames(const struct cascade_params *p)
{
	size_t frames = (p->bits + p->frame_bits / 2) / p->frame_bits;

	return frames > 0 ? frames : 1;
}

#endif
