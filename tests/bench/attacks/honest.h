/* SPDX-License-Identifier: BSD-3-Clause */

/* Links that nobody attacks: false alarms, by their kind and by the monitor that gave them. */

#ifndef TESTS_BENCH_ATTACKS_HONEST_H
#define TESTS_BENCH_ATTACKS_HONEST_H

#include "tests/bench/attacks/rig.h"

#define HONEST_MONITORS 48
struct honest {
	unsigned int links;
	double hours, cpu_s;
	uint64_t clicks, compared[2], traces, cells; /* cells: statistics of the OTDR */
	uint64_t key_bits, blocks, void_blocks, no_key_blocks;
	struct noted_alarms alarms;
	unsigned int learning_alarms;
	/* how often each of the watch's monitors crossed its threshold, both sites together */
	struct {
		char name[ALARMS_NAME];
		uint64_t crossings;
	} monitor[HONEST_MONITORS];
	unsigned int monitors;
};
/* Nobody attacks, on P->parallel links together. Tells of each hour on stderr. */
void honest_run(const struct trial_params *p, double hours, struct honest *out);

#endif
