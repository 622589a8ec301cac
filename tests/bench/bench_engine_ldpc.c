/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One-way reconciliation by LDPC codes: rows ldpc/PERCENT. No network between the parties; mbps
 * is of the slower one. f counts all bits that either party discloses, and those of frames that
 * failed, over n h(q) with the q of the errors made; f_budget what is charged for a block
 * (ldpc_budget()), over n h(q) with the q that both know before. f_floor is the least that any
 * code of this length can have in one message with a failure in 1000 frames. avx2_mbps is the
 * decoder alone with AVX2, on the same frames as best_mbps with the widest registers.
 */

#include "bench_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/gcm.h"
#include "qkd-engine/ldpc.h"
#include "qkd-engine/ldpc_decoder.h"
#include "qkd-engine/ldpc_plan.h"
#include "tests/unit/qkd-engine/own_space.h"

#define FRAMES_PER_BLOCK 32
#define FLOOR_FAILURES   1e-3
#define COMPARED_FRAMES  8

struct tally {
	double alice_s, bob_s;
	uint64_t bits, leak, rounds, blocks, frames, blind, failed, wrong, over, sweeps;
	double ideal; /* bits: sum of n h(q) */
};

static void took(double *sum, struct bench_steps *steps, double *since)
{
	double at = bench_cpu_s();

	bench_steps_add(steps);
	*sum += at - *since;
	*since = bench_cpu_s();
}

/* Frames that differ after the block has ended with RET, their bits in *BITS. */
static size_t differing(const struct ldpc_plan *plan, const uint64_t *x, const uint64_t *y,
                        uint64_t *bits)
{
	size_t frames = 0;

	*bits = 0;
	for (size_t f = 0; f < plan->frames; f++) {
		bool wrong = false;

		for (size_t i = ldpc_frame_start(plan, f); i < ldpc_frame_start(plan, f + 1); i++)
			wrong |= bits_get(x, i) != bits_get(y, i);
		frames += wrong;
		*bits += wrong ? ldpc_frame_bits(plan, f) : 0;
	}
	return frames;
}

/* One block to its end. */
static void reconcile(struct workspace w[2], const struct ldpc_params *p, const uint64_t *alice_key,
                      uint64_t *bob_key, uint8_t *question, uint8_t *answer,
                      struct bench_steps *steps, struct tally *t)
{
	size_t cap = ldpc_message_max(p), frames;
	double since = bench_cpu_s();
	struct ldpc_stats s;
	struct ldpc_plan plan;
	struct ldpc_alice *a;
	struct ldpc_bob *b;
	uint64_t bits;
	int n, m = 1;

	if (steps != NULL)
		bench_steps_again(steps);
	a = ldpc_alice_create_in(&w[0], p, alice_key);
	took(&t->alice_s, steps, &since);
	b = ldpc_bob_create_in(&w[1], p, bob_key);
	took(&t->bob_s, steps, &since);
	if (a == NULL || b == NULL || ldpc_plan_init(&plan, p) < 0)
		bench_fail("ldpc: %s", strerror(errno));
	while (m > 0) {
		do {
			n = ldpc_bob_ask(b, question, cap);
			took(&t->bob_s, steps, &since);
		} while (n == -EAGAIN);
		if (n <= 0)
			break;
		do {
			m = ldpc_alice_answer(a, question, (size_t)n, answer, cap);
			took(&t->alice_s, steps, &since);
		} while (m == -EAGAIN);
		if (m > 0 && ldpc_bob_take(b, answer, (size_t)m) < 0)
			m = -EPROTO;
		took(&t->bob_s, steps, &since);
	}
	ldpc_bob_stats(b, &s);
	for (unsigned int end = 0; end < 2; end++) {
		bool wiped = false;

		while (!wiped) {
			wiped = workspace_wipe(&w[end]);
			took(end == 0 ? &t->alice_s : &t->bob_s, steps, &since);
		}
	}
	frames = differing(&plan, alice_key, bob_key, &bits);
	if (n == -EOVERFLOW) {
		/* Void; the figures are as if the frames had been disclosed. */
		t->over++;
		t->failed += frames;
		t->leak += bits;
	} else if (n == 0 && m > 0) {
		t->failed += s.failed;
		t->wrong += frames;
	} else {
		bench_fail("ldpc: %s", strerror(n < 0 ? -n : -m));
	}
	t->blocks++;
	t->bits += p->bits;
	t->frames += s.frames;
	t->leak += s.alice_leak + s.bob_leak;
	t->rounds += s.rounds;
	t->blind += s.blind;
	t->sweeps += s.iterations;
}

/* Mb/s of the decoder with either kernel, frame by frame in turn. */
static void compare(const struct ldpc_plan *plan, uint64_t state, double mbps[2])
{
	const struct ldpc_kernel *kernel[2] = {ldpc_kernel_best(), ldpc_kernel_avx2()};
	uint64_t *zero = calloc(BITS_WORDS(plan->bits) + 1, 8);
	uint64_t *errors = calloc(BITS_WORDS(plan->bits) + 1, 8);
	uint64_t *frame = calloc(plan->frame_words, 8);
	uint64_t *syndrome = calloc(plan->syndrome_words, 8);
	double spent[2] = {0}, bits = 0;

	if (zero == NULL || errors == NULL || frame == NULL || syndrome == NULL)
		bench_fail("ldpc: no memory");
	bench_keys(&state, plan->bits, plan->qber, zero, errors);
	for (size_t w = 0; w < BITS_WORDS(plan->bits); w++)
		errors[w] ^= zero[w];
	for (size_t f = 0; f < plan->frames && f < COMPARED_FRAMES; f++) {
		ldpc_frame_load(plan, errors, f, frame);
		ldpc_syndrome(plan, frame, plan->choice.merged[0], syndrome);
		bits += (double)ldpc_frame_bits(plan, f);
		for (unsigned int k = 0; k < 2 && kernel[k] != NULL; k++) {
			struct workspace w;
			struct ldpc_decoder *d = ldpc_decoder_own(&w, plan, kernel[k]);
			double start = bench_cpu_s();

			if (d == NULL)
				bench_fail("ldpc: no memory");
			ldpc_decoder_start(d, syndrome, f, plan->choice.merged[0], false);
			while (ldpc_decoder_step(d) == -EAGAIN)
				;
			spent[k] += bench_cpu_s() - start;
			workspace_fini(&w);
		}
	}
	for (unsigned int k = 0; k < 2; k++)
		mbps[k] = spent[k] > 0 ? bits / spent[k] / 1e6 : 0;
	free(zero);
	free(errors);
	free(frame);
	free(syndrome);
}

static void bench(const struct bench_options *o, double percent, const char *row)
{
	size_t frame_bits = o->frame_bits == 0 ? 1 << 18 : o->frame_bits;
	size_t frames = o->frames == 0 ? 192 : o->frames;
	struct ldpc_params p = {.frame_bits = frame_bits, .qber = percent / 100};
	uint64_t *alice, *bob, state = o->seed + (uint64_t)(percent * 1000);
	uint8_t *messages = malloc(2 * LDPC_MESSAGE_MAX);
	struct ldpc_plan plan;
	struct tally t = {0};
	struct bench_steps steps = {0};
	struct workspace_size size[2];
	struct workspace space[2];
	double side, kernels[2], step_us[2], start = bench_wall_s();
	int ret;

	p.bits = o->block != 0
	                 ? o->block
	                 : frame_bits * (frames < FRAMES_PER_BLOCK ? frames : FRAMES_PER_BLOCK);
	ret = ldpc_plan_init(&plan, &p);
	if (ret < 0)
		bench_fail("%s: %s", row,
		           ret == -ERANGE
		                   ? "--qber: there are codes up to about 12 %"
		                   : "--block is 1024 to 2^24 bits, --frame-bits 2^14 to 2^18");
	alice = malloc(BITS_WORDS(p.bits) * 8);
	bob = malloc(BITS_WORDS(p.bits) * 8);
	if (messages == NULL || alice == NULL || bob == NULL ||
	    ldpc_alice_size(p.bits, frame_bits, &size[0]) < 0 ||
	    ldpc_bob_size(p.bits, frame_bits, &size[1]) < 0 ||
	    workspace_init(&space[0], &size[0]) < 0 || workspace_init(&space[1], &size[1]) < 0)
		bench_fail("ldpc: no memory");
	while (t.frames < frames) {
		size_t errors = bench_keys(&state, p.bits, p.qber, alice, bob);

		p.seed = bench_random(&state);
		reconcile(space, &p, alice, bob, messages, messages + LDPC_MESSAGE_MAX, NULL, &t);
		t.ideal += (double)p.bits * bench_entropy((double)errors / (double)p.bits);
	}
	for (unsigned int i = 0; i < BENCH_STEPS_RUNS; i++) {
		uint64_t again = state;
		struct tally none = {0};

		bench_keys(&again, p.bits, p.qber, alice, bob);
		reconcile(space, &p, alice, bob, messages, messages + LDPC_MESSAGE_MAX, &steps,
		          &none);
	}
	bench_steps_end(&steps, &step_us[0], &step_us[1]);
	compare(&plan, state, kernels);
	side = t.alice_s > t.bob_s ? t.alice_s : t.bob_s;
	bench_emit(row,
	           "\"f\": %.4f, \"f_budget\": %.4f, \"f_floor\": %.4f, \"fer\": %.3g, "
	           "\"fer_first\": %.3g, \"wrong\": %llu, \"over_budget\": %.3g, "
	           "\"frames\": %llu, \"frame_bits\": %zu, \"mbps\": %.1f, \"alice_mbps\": %.1f, "
	           "\"bob_mbps\": %.1f, \"sweeps\": %.1f, \"rounds\": %.2f, \"kernel\": \"%s\", "
	           "\"best_mbps\": %.1f, \"avx2_mbps\": %.1f, "
	           "\"longest_step_us\": %.1f, \"step_999_us\": %.1f, \"wall_s\": %.2f",
	           (double)t.leak / t.ideal,
	           (double)plan.budget / ((double)p.bits * bench_entropy(p.qber)),
	           ldpc_f_floor(p.qber, (double)plan.bits / (double)plan.frames, FLOOR_FAILURES),
	           (double)t.failed / (double)t.frames, (double)t.blind / (double)t.frames,
	           (unsigned long long)t.wrong, (double)t.over / (double)t.blocks,
	           (unsigned long long)t.frames, plan.code->cols * plan.z,
	           (double)t.bits / side / 1e6, (double)t.bits / t.alice_s / 1e6,
	           (double)t.bits / t.bob_s / 1e6, (double)t.sweeps / (double)t.frames,
	           (double)t.rounds / (double)t.blocks, ldpc_kernel_best()->name, kernels[0],
	           kernels[1], step_us[0], step_us[1], bench_wall_s() - start);
	free(alice);
	free(bob);
	workspace_fini(&space[0]);
	workspace_fini(&space[1]);
	free(messages);
}

void bench_engine_ldpc(const struct bench_options *o)
{
	static const double percents[] = {0.5, 1, 2, 3, 5, 8, 11};
	struct err err;
	char row[32];

	if (gcm_provider_init(NULL, &err) < 0)
		bench_fail("ldpc: %s", err.text);
	for (size_t i = 0; i < (o->qber > 0 ? 1 : sizeof(percents) / sizeof(percents[0])); i++) {
		double percent = o->qber > 0 ? o->qber : percents[i];

		snprintf(row, sizeof(row), "ldpc/%g", percent);
		if (bench_wanted(o, row))
			bench(o, percent, row);
	}
}
