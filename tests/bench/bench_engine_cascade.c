/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reconciliation by Cascade with no network between the parties. Figures are medians over
 * blocks, and the rows take turns, a block each. f is Alice's parities over n h(q) with the q
 * of the errors made; f_two_way counts both ends' parities, which is what the key loses.
 */

#include "bench_engine_cascade.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/cascade_plan.h"

#define FRAME_BITS       65536
#define FRAMES           320
#define FRAMES_PER_BLOCK 16

struct row {
	char name[32];
	double percent;
	struct cascade_params params;
	uint64_t state, parities;
	double ideal; /* sum of n h(q) */
	size_t frames, failures, blocks;
	struct cascade_figures *samples;
	struct workspace space[2];
	double share[2], turns_s; /* with blocks that take turns: of the rate without, by end */
};

void bench_cascade_spaces(struct workspace w[2], const struct cascade_params *p)
{
	struct workspace_size size;

	if (cascade_size(p, &size) < 0 || workspace_init(&w[0], &size) < 0 ||
	    workspace_init(&w[1], &size) < 0)
		bench_fail("cascade: no memory for blocks of %zu bits", p->bits);
}

size_t bench_cascade_secret(const struct cascade_params *p, size_t count)
{
	struct workspace_size size;

	if (cascade_size(p, &size) < 0)
		bench_fail("cascade: no blocks of %zu bits", p->bits);
	/* A quarter for what is lost to rounding. */
	return count * (size.secret + size.secret / 4) + ((size_t)16 << 20);
}

void bench_cascade_wipe(struct workspace *w, double *s)
{
	double since = bench_cpu_s();

	while (!workspace_wipe(w))
		;
	*s += bench_cpu_s() - since;
}

struct cascade_figures bench_cascade_block(struct workspace w[2], const struct cascade_params *p,
                                           const uint64_t *alice_key, uint64_t *bob_key,
                                           uint64_t *parities, struct bench_steps *steps)
{
	size_t cap = cascade_message_max(p);
	uint8_t *question = malloc(2 * cap), *answer = question + cap;
	struct cascade_figures s = {0};
	struct cascade_stats stats;
	struct cascade_alice *a;
	struct cascade_bob *b;
	double since = bench_cpu_s(), at;
	int n, m = 1;

	if (steps != NULL)
		bench_steps_again(steps);
	a = cascade_alice_create_in(&w[0], p, alice_key);
	bench_steps_add(steps);
	at = bench_cpu_s();
	s.alice_s += at - since;
	b = cascade_bob_create_in(&w[1], p, bob_key);
	bench_steps_add(steps);
	if (question == NULL || a == NULL || b == NULL)
		bench_fail("cascade: %s", strerror(errno));
	since = at;
	while (m > 0) {
		do {
			n = cascade_bob_ask(b, question, cap);
			bench_steps_add(steps);
		} while (n == -EAGAIN);
		at = bench_cpu_s();
		s.bob_s += at - since;
		if (n <= 0)
			break;
		do {
			m = cascade_alice_answer(a, question, (size_t)n, answer, cap);
			bench_steps_add(steps);
		} while (m == -EAGAIN);
		since = bench_cpu_s();
		s.alice_s += since - at;
		if (m > 0 && cascade_bob_take(b, answer, (size_t)m) < 0)
			m = -EPROTO;
		bench_steps_add(steps);
		s.bytes[0] += n;
		s.bytes[1] += m;
	}
	if (n != 0 || m <= 0)
		fprintf(stderr, "bench_engine: cascade: a block was given up\n");
	cascade_alice_stats(a, &stats);
	*parities += stats.alice_parities;
	s.rounds = (double)stats.rounds;
	for (unsigned int end = 0; end < 2; end++) {
		bool wiped = false;

		since = bench_cpu_s();
		bench_steps_skip(steps);
		while (!wiped) {
			wiped = workspace_wipe(&w[end]);
			bench_steps_add(steps);
		}
		*(end == 0 ? &s.alice_s : &s.bob_s) += bench_cpu_s() - since;
	}
	free(question);
	return s;
}

double bench_cascade_direct(struct cascade_params p, uint64_t seed, double *rounds)
{
	uint64_t *alice = malloc(BITS_WORDS(p.bits) * 8), *bob = malloc(BITS_WORDS(p.bits) * 8);
	double alice_s[5], bob_s[5];
	struct workspace space[2];
	uint64_t parities = 0;

	if (alice == NULL || bob == NULL)
		bench_fail("cascade: no memory");
	bench_cascade_spaces(space, &p);
	*rounds = 0;
	for (int i = 0; i < 5; i++) {
		struct cascade_figures s;

		bench_keys(&seed, p.bits, p.qber, alice, bob);
		p.seed = bench_random(&seed);
		s = bench_cascade_block(space, &p, alice, bob, &parities, NULL);
		alice_s[i] = s.alice_s;
		bob_s[i] = s.bob_s;
		*rounds += s.rounds / 5;
	}
	workspace_fini(&space[0]);
	workspace_fini(&space[1]);
	free(alice);
	free(bob);
	return fmax(bench_median(alice_s, 5), bench_median(bob_s, 5));
}

size_t bench_cascade_failures(const struct cascade_params *p, const uint64_t *x, const uint64_t *y)
{
	struct cascade_plan plan;
	size_t failures = 0;

	if (memcmp(x, y, BITS_WORDS(p->bits) * 8) == 0)
		return 0;
	if (cascade_plan_init(&plan, p) < 0)
		bench_fail("cascade: no plan");
	for (size_t f = 0; f < plan.frames; f++) {
		bool wrong = false;

		for (size_t i = cascade_frame_start(&plan, f);
		     i < cascade_frame_start(&plan, f + 1); i++)
			wrong |= bits_get(x, i) != bits_get(y, i);
		failures += wrong;
	}
	return failures;
}

static void block(struct row *r, uint64_t *alice, uint64_t *bob)
{
	struct cascade_params *p = &r->params;
	size_t errors = bench_keys(&r->state, p->bits, p->qber, alice, bob);

	p->seed = bench_random(&r->state);
	r->samples[r->blocks] = bench_cascade_block(r->space, p, alice, bob, &r->parities, NULL);
	r->blocks++;
	r->failures += bench_cascade_failures(p, alice, bob);
	r->frames += bench_cascade_frames(p);
	r->ideal += (double)p->bits * bench_entropy((double)errors / (double)p->bits);
}

/* The slower end's rate with COUNT blocks that take turns, beside that of as many without. */
static void turns(struct row *r, size_t count, uint64_t *alice, uint64_t *bob)
{
	struct cascade_figures s = bench_cascade_turns(&r->params, count, &r->state);
	double alone[2] = {0};
	uint64_t parities = 0;

	for (size_t i = 0; i < count; i++) {
		struct cascade_figures one;

		bench_keys(&r->state, r->params.bits, r->params.qber, alice, bob);
		r->params.seed = bench_random(&r->state);
		one = bench_cascade_block(r->space, &r->params, alice, bob, &parities, NULL);
		alone[0] += one.alice_s / (double)count;
		alone[1] += one.bob_s / (double)count;
	}
	r->turns_s = s.alice_s > s.bob_s ? s.alice_s : s.bob_s;
	r->share[0] = alone[0] / s.alice_s;
	r->share[1] = alone[1] / s.bob_s;
}

/* The times of a block's calls. */
static void steps(struct row *r, uint64_t *alice, uint64_t *bob, double us[2])
{
	struct cascade_params p = r->params;
	struct bench_steps s = {0};
	uint64_t parities = 0;

	for (unsigned int i = 0; i < BENCH_STEPS_RUNS; i++) {
		uint64_t state = r->state;

		bench_keys(&state, p.bits, p.qber, alice, bob);
		p.seed = bench_random(&state);
		bench_cascade_block(r->space, &p, alice, bob, &parities, &s);
	}
	bench_steps_end(&s, &us[0], &us[1]);
}

/* The median of the figure at OFFSET in the samples. */
static double median(const struct row *r, size_t offset)
{
	double *x = malloc(r->blocks * sizeof(*x)), m;

	if (x == NULL)
		bench_fail("cascade: no memory");
	for (size_t i = 0; i < r->blocks; i++)
		memcpy(&x[i], (const char *)&r->samples[i] + offset, sizeof(*x));
	m = bench_median(x, r->blocks);
	free(x);
	return m;
}
#define MEDIAN(r, figure) median(r, offsetof(struct cascade_figures, figure))

static void emit(const struct row *r, const double step_us[2])
{
	char with_turns[128] = "";
	double bits = (double)r->params.bits * 1e-6;
	double alice = bits / MEDIAN(r, alice_s), bob = bits / MEDIAN(r, bob_s);

	if (r->turns_s > 0)
		snprintf(with_turns, sizeof(with_turns),
		         ", \"turns_mbps\": %.1f, \"turns_share\": [%.3f, %.3f]", bits / r->turns_s,
		         r->share[0], r->share[1]);
	bench_emit(r->name,
	           "\"f\": %.4f, \"f_two_way\": %.4f, \"frames\": %zu, \"failures\": %zu, "
	           "\"fer\": %.3g, \"rtt_ms\": 0, \"loss\": 0, \"frame_bits\": %zu, "
	           "\"block_bits\": %zu, \"mbps\": %.1f, "
	           "\"alice_mbps\": %.1f, \"bob_mbps\": %.1f, \"rounds\": %.0f, "
	           "\"question_bytes\": %.0f, \"answer_bytes\": %.0f, \"longest_step_us\": %.1f, "
	           "\"step_999_us\": %.1f%s",
	           (double)r->parities / r->ideal, 2 * (double)r->parities / r->ideal, r->frames,
	           r->failures, (double)r->failures / (double)r->frames, r->params.frame_bits,
	           r->params.bits, alice < bob ? alice : bob, alice, bob, MEDIAN(r, rounds),
	           MEDIAN(r, bytes[0]), MEDIAN(r, bytes[1]), step_us[0], step_us[1], with_turns);
}

static void measure(const struct bench_options *o, struct row *rows, size_t count)
{
	size_t frames = o->frames == 0 ? FRAMES : o->frames, bits, blocks;
	uint64_t *alice, *bob;

	if (count == 0)
		return;
	bits = rows[0].params.bits;
	blocks = (frames * rows[0].params.frame_bits + bits - 1) / bits;
	alice = malloc(BITS_WORDS(bits) * 8);
	bob = malloc(BITS_WORDS(bits) * 8);
	for (size_t i = 0; i < count; i++) {
		rows[i].samples = calloc(blocks, sizeof(struct cascade_figures));
		bench_cascade_spaces(rows[i].space, &rows[i].params);
	}
	if (alice == NULL || bob == NULL)
		bench_fail("cascade: no memory");
	for (size_t b = 0; b < blocks; b++)
		for (size_t i = 0; i < count; i++)
			block(&rows[i], alice, bob);
	for (size_t i = 0; i < count; i++) {
		double step_us[2];

		if (o->turns > 0)
			turns(&rows[i], o->turns, alice, bob);
		steps(&rows[i], alice, bob, step_us);
		emit(&rows[i], step_us);
		free(rows[i].samples);
		workspace_fini(&rows[i].space[0]);
		workspace_fini(&rows[i].space[1]);
	}
	free(alice);
	free(bob);
}

void bench_engine_cascade(const struct bench_options *o)
{
	static const double percents[] = {0.5, 1, 1.5, 2, 3, 5, 8, 11};
	struct row rows[sizeof(percents) / sizeof(percents[0])] = {0};
	size_t frame_bits = o->frame_bits == 0 ? FRAME_BITS : o->frame_bits, count = 0;

	if (o->block != 0 && (o->block < CASCADE_BITS_MIN || o->block > CASCADE_BITS_MAX))
		bench_fail("cascade: --block is %u to %u bits", CASCADE_BITS_MIN, CASCADE_BITS_MAX);
	for (size_t i = 0; i < (o->qber > 0 ? 1 : sizeof(percents) / sizeof(percents[0])); i++) {
		struct row *r = &rows[count];

		r->percent = o->qber > 0 ? o->qber : percents[i];
		r->state = o->seed + (uint64_t)(r->percent * 1000);
		r->params = (struct cascade_params){
		        .bits = o->block != 0 ? o->block : FRAMES_PER_BLOCK * frame_bits,
		        .frame_bits = frame_bits,
		        .qber = r->percent / 100};
		snprintf(r->name, sizeof(r->name), "cascade/%g", r->percent);
		if (!bench_wanted(o, r->name))
			continue;
		if (o->network)
			bench_cascade_link(o, r->percent, r->name);
		else
			count++;
	}
	if (count > 0 && o->turns > 0) {
		secret_fini();
		/* The lists of the most errors are the longest. */
		if (secret_init(
		            bench_cascade_secret(&rows[count - 1].params, 2 * (o->turns + count)),
		            NULL) < 0)
			bench_fail("cascade: no secret memory for %zu blocks", o->turns);
	}
	measure(o, rows, count);
}
