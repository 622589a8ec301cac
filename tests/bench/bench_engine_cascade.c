/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reconciliation by Cascade: rows cascade/PERCENT. No network between the parties; mbps is of
 * the slower one. f counts Alice's parities over n h(q) with the q of the errors made.
 */

#include "bench_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/cascade.h"
#include "qkd-engine/cascade_plan.h"

#define FRAMES_PER_BLOCK 16

struct tally {
	double alice_s, bob_s, step_s; /* step: the longest single call */
	uint64_t bits, parities, rounds, blocks, frames, frames_wrong, bytes[2];
	double ideal; /* bits: sum of n h(q) */
};

static void took(double *sum, struct tally *t, double *since)
{
	double at = bench_cpu_s();

	*sum += at - *since;
	if (t != NULL && at - *since > t->step_s)
		t->step_s = at - *since;
	*since = bench_cpu_s();
}

/* One block to its end; false when a party failed. */
static bool reconcile(const struct cascade_params *p, const uint64_t *alice_key, uint64_t *bob_key,
                      uint8_t *question, uint8_t *answer, struct tally *t)
{
	size_t cap = cascade_message_max(p);
	struct cascade_stats s = {0};
	struct cascade_alice *a;
	struct cascade_bob *b;
	double since = bench_cpu_s();
	int n, m = 1;

	a = cascade_alice_create(p, alice_key);
	took(&t->alice_s, NULL, &since);
	b = cascade_bob_create(p, bob_key);
	took(&t->bob_s, NULL, &since);
	if (a == NULL || b == NULL)
		bench_fail("cascade: %s", strerror(errno));
	while (m > 0) {
		do {
			n = cascade_bob_ask(b, question, cap);
			took(&t->bob_s, t, &since);
		} while (n == -EAGAIN);
		if (n <= 0)
			break;
		do {
			m = cascade_alice_answer(a, question, (size_t)n, answer, cap);
			took(&t->alice_s, t, &since);
		} while (m == -EAGAIN);
		if (m > 0 && cascade_bob_take(b, answer, (size_t)m) < 0)
			m = -EPROTO;
		took(&t->bob_s, t, &since);
		t->bytes[0] += (uint64_t)n;
		t->bytes[1] += (uint64_t)m;
	}
	cascade_alice_stats(a, &s);
	t->parities += s.alice_parities;
	t->rounds += s.rounds;
	cascade_alice_destroy(a);
	took(&t->alice_s, NULL, &since);
	cascade_bob_destroy(b);
	took(&t->bob_s, NULL, &since);
	return n == 0 && m > 0;
}

static void compare(const struct cascade_params *p, const uint64_t *x, const uint64_t *y,
                    struct tally *t)
{
	struct cascade_plan plan;

	if (cascade_plan_init(&plan, p) < 0)
		bench_fail("cascade: no plan");
	for (size_t f = 0; f < plan.frames; f++) {
		bool wrong = false;

		for (size_t i = cascade_frame_start(&plan, f);
		     i < cascade_frame_start(&plan, f + 1); i++)
			wrong |= bits_get(x, i) != bits_get(y, i);
		t->frames++;
		t->frames_wrong += wrong;
	}
	cascade_plan_fini(&plan);
}

static void bench(const struct bench_options *o, double percent, const char *row)
{
	size_t frame_bits = o->frame_bits == 0 ? 65536 : o->frame_bits;
	size_t frames = o->frames == 0 ? 160 : o->frames;
	struct cascade_params p = {.frame_bits = frame_bits, .qber = percent / 100};
	uint64_t *alice, *bob, state = o->seed + (uint64_t)(percent * 1000);
	uint8_t *messages = malloc(2 * CASCADE_MESSAGE_MAX);
	struct tally t = {0};
	double side, start = bench_wall_s();

	p.bits = o->block != 0
	                 ? o->block
	                 : frame_bits * (frames < FRAMES_PER_BLOCK ? frames : FRAMES_PER_BLOCK);
	alice = malloc(BITS_WORDS(p.bits) * 8);
	bob = malloc(BITS_WORDS(p.bits) * 8);
	if (messages == NULL || alice == NULL || bob == NULL)
		bench_fail("cascade: no memory");
	while (t.frames < frames) {
		size_t errors = bench_keys(&state, p.bits, p.qber, alice, bob);

		p.seed = bench_random(&state);
		if (!reconcile(&p, alice, bob, messages, messages + CASCADE_MESSAGE_MAX, &t))
			fprintf(stderr, "bench_engine: cascade: a block was given up\n");
		compare(&p, alice, bob, &t);
		t.blocks++;
		t.bits += p.bits;
		t.ideal += (double)p.bits * bench_entropy((double)errors / (double)p.bits);
	}
	side = t.alice_s > t.bob_s ? t.alice_s : t.bob_s;
	bench_emit(row,
	           "\"f\": %.4f, \"fer\": %.3g, \"frames\": %llu, \"frame_bits\": %zu, "
	           "\"mbps\": %.1f, \"alice_mbps\": %.1f, \"bob_mbps\": %.1f, "
	           "\"rounds\": %.1f, \"question_bytes\": %.0f, \"answer_bytes\": %.0f, "
	           "\"longest_step_us\": %.0f, \"wall_s\": %.2f",
	           (double)t.parities / t.ideal, (double)t.frames_wrong / (double)t.frames,
	           (unsigned long long)t.frames, frame_bits, (double)t.bits / side / 1e6,
	           (double)t.bits / t.alice_s / 1e6, (double)t.bits / t.bob_s / 1e6,
	           (double)t.rounds / (double)t.blocks, (double)t.bytes[0] / (double)t.blocks,
	           (double)t.bytes[1] / (double)t.blocks, t.step_s * 1e6, bench_wall_s() - start);
	free(alice);
	free(bob);
	free(messages);
}

void bench_engine_cascade(const struct bench_options *o)
{
	static const double percents[] = {0.5, 1, 1.5, 2, 3, 5, 8, 11};
	char row[32];

	for (size_t i = 0; i < (o->qber > 0 ? 1 : sizeof(percents) / sizeof(percents[0])); i++) {
		double percent = o->qber > 0 ? o->qber : percents[i];

		snprintf(row, sizeof(row), "cascade/%g", percent);
		if (bench_wanted(o, row))
			bench(o, percent, row);
	}
}
