/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * All of one process: a link, the watches of its two sites, the OTDR beside it, and the alarms that
 * they raise. A process that is forked from here goes on by itself.
 */

#ifndef TESTS_BENCH_ATTACKS_RIG_H
#define TESTS_BENCH_ATTACKS_RIG_H

#include "tests/bench/attacks/alarms.h"
#include "tests/bench/attacks/fibre.h"
#include "tests/bench/attacks/link.h"

#define PARALLEL_MAX 64

struct trial_params {
	struct link_params link;
	double learn_s, trial_s;
	uint64_t seed;
	unsigned int parallel; /* links at a time, 1 to PARALLEL_MAX */
};

/* Dice of link T. */
#define OF_LINK(seed, t) ((seed)*1000003 + (t))

struct rig {
	struct attacked_link link;
	struct fibre_otdr otdr;
	struct config config[SITES];
	const char *engine_alarm;
};
extern struct rig rig;

/* Link T comes up, and baselines are learnt. */
void rig_learn(const struct trial_params *p, unsigned int t);
void rig_free(void);
/* LINK_TURN_NS of it, and what the gateways make of that. */
void rig_turn(void);

#endif
