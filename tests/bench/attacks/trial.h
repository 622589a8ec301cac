/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Trials. A link learns its baselines once, in a process of its own; each trial is a process forked
 * from there, whose light is attacked from its first turn on. What watches is in the same state in
 * all of them, and is told nothing but what a gateway is told.
 */

#ifndef TESTS_BENCH_ATTACKS_TRIAL_H
#define TESTS_BENCH_ATTACKS_TRIAL_H

#include "tests/bench/attacks/plan.h"
#include "tests/bench/attacks/rig.h"

struct trial {
	bool found;
	double time_s;        /* of the first alarm */
	uint64_t bits[2];     /* outcomes of attacked light, Z and X, told until then */
	uint64_t released;    /* key bits of blocks with attacked light until then */
	uint64_t after;       /* and after it, to the end of the trial */
	uint64_t blocks;      /* until then: so many became key */
	uint64_t void_blocks; /* in the trial: void ones with attacked light */
	double exposed_s; /* of a random source: light that passed although it was chosen by it */
	bool held;        /* key was held back from the alarm on */
	unsigned int alarms;
	struct {
		char kind[ALARMS_NAME];
		double time_s;
	} alarm[8]; /* all that were raised, first ones first */
};

/*
 * So many trials of N cells, in an order of its own for each, each on a link of its own with dice
 * of its own: trial T of cell I is OUT[T * N + I].
 */
void trial_links(const struct trial_params *p, unsigned int trials, const struct cell *cells,
                 unsigned int n, struct trial *out);

#endif
