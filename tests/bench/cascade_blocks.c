/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Makes the table of qkd-engine/cascade_params.c: for each error rate, runs both ends of
 * Cascade with all plausible pairs of block sizes and prints the best. It is linked in place
 * of that file.
 *
 *     cascade_blocks [--frames N] [--frame-bits N] [--qber PERCENT] [--seed N] [--all]
 *
 * The best is where f + ROUND_COST * rounds is least: a round saved is worth memory, for that
 * many blocks more are in flight. Blocks have sixteen frames.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_engine.h"
#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/cascade.h"
#include "qkd-engine/cascade_plan.h"
#include "tests/unit/qkd-engine/own_space.h"

/* Thirty rounds for a thousandth of the parities. */
#define ROUND_COST 3.5e-5

#define BLOCK_FRAMES 16

static unsigned int sizes[2];

void cascade_block_sizes(double qber, size_t frame_bits, uint8_t block_log2[CASCADE_PASSES])
{
	(void)qber;
	block_log2[0] = (uint8_t)sizes[0];
	block_log2[1] = (uint8_t)sizes[1];
	block_log2[2] = (uint8_t)(60 - __builtin_clzll(frame_bits));
}

struct result {
	double f, rounds;
};

static void run(const struct cascade_params *p, const uint64_t *alice_key, uint64_t *bob_key,
                struct cascade_stats *s)
{
	static uint8_t question[CASCADE_MESSAGE_MAX], answer[CASCADE_MESSAGE_MAX];
	struct workspace w[2];
	struct cascade_alice *a = cascade_alice_own(&w[0], p, alice_key);
	struct cascade_bob *b = cascade_bob_own(&w[1], p, bob_key);
	int n, m;

	if (a == NULL || b == NULL) {
		fprintf(stderr, "cascade_blocks: out of memory\n");
		exit(1);
	}
	for (;;) {
		while ((n = cascade_bob_ask(b, question, sizeof(question))) == -EAGAIN)
			;
		if (n <= 0)
			break;
		while ((m = cascade_alice_answer(a, question, (size_t)n, answer, sizeof(answer))) ==
		       -EAGAIN)
			;
		if (m <= 0 || cascade_bob_take(b, answer, (size_t)m) < 0)
			break;
	}
	cascade_bob_stats(b, s);
	workspace_fini(&w[0]);
	workspace_fini(&w[1]);
}

static struct result simulate(const struct bench_options *o, double qber)
{
	struct cascade_params p = {BLOCK_FRAMES * o->frame_bits, o->frame_bits, qber, 0};
	uint64_t *alice = malloc(p.bits / 8), *bob = malloc(p.bits / 8), state = o->seed;
	struct cascade_stats s;
	double parities = 0, ideal = 0, rounds = 0;
	size_t blocks = 0;

	if (alice == NULL || bob == NULL) {
		fprintf(stderr, "cascade_blocks: out of memory\n");
		exit(1);
	}
	for (; blocks * BLOCK_FRAMES < o->frames; blocks++) {
		size_t errors = bench_keys(&state, p.bits, qber, alice, bob);

		p.seed = bench_random(&state);
		run(&p, alice, bob, &s);
		parities += (double)s.alice_parities;
		rounds += (double)s.rounds;
		ideal += (double)p.bits * bench_entropy((double)errors / (double)p.bits);
	}
	free(alice);
	free(bob);
	return (struct result){parities / ideal, rounds / (double)blocks};
}

static void best(const struct bench_options *o, double qber, bool all)
{
	unsigned int best_sizes[2] = {0, 0}, near = (unsigned int)lround(log2(0.8 / qber));
	struct result best_result = {0, 0};

	for (unsigned int k1 = near > 2 ? near - 1 : 2; k1 <= near + 1; k1++)
		for (unsigned int k2 = k1 + 2; k2 <= k1 + 4; k2++) {
			struct result r;

			if ((size_t)4 << k2 > o->frame_bits)
				continue;
			sizes[0] = k1;
			sizes[1] = k2;
			r = simulate(o, qber);
			if (all)
				printf("    %.5f  %2u %2u  f %.4f  rounds %.0f\n", qber, k1, k2,
				       r.f, r.rounds);
			if (best_sizes[0] == 0 ||
			    r.f + ROUND_COST * r.rounds <
			            best_result.f + ROUND_COST * best_result.rounds) {
				best_sizes[0] = k1;
				best_sizes[1] = k2;
				best_result = r;
			}
		}
	printf("%.5f  %2u %2u  f %.4f  rounds %.0f\n", qber, best_sizes[0], best_sizes[1],
	       best_result.f, best_result.rounds);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct option names[] = {{"frames", required_argument, NULL, 'f'},
	                                      {"frame-bits", required_argument, NULL, 'b'},
	                                      {"qber", required_argument, NULL, 'q'},
	                                      {"seed", required_argument, NULL, 's'},
	                                      {"all", no_argument, NULL, 'a'},
	                                      {NULL, 0, NULL, 0}};
	struct bench_options o = {.frames = 32, .frame_bits = 65536, .seed = 1};
	bool all = false;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'f')
			o.frames = strtoul(optarg, NULL, 0);
		else if (c == 'b')
			o.frame_bits = strtoul(optarg, NULL, 0);
		else if (c == 'q')
			o.qber = atof(optarg) / 100;
		else if (c == 's')
			o.seed = strtoull(optarg, NULL, 0);
		else if (c == 'a')
			all = true;
		else
			return 2;
	}
	if (o.frame_bits < CASCADE_FRAME_MIN || o.frame_bits > CASCADE_FRAME_MAX ||
	    o.frame_bits % 64 != 0 || secret_init(64 << 20, NULL) < 0)
		return 2;
	if (o.qber > 0)
		best(&o, o.qber, all);
	/* Eight rates to an octave. */
	for (double q = 0.0004; o.qber == 0 && q < 0.16; q *= 1.0905077)
		best(&o, q, all);
	return 0;
}
