/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Figures of the key distillation: rows cascade/PERCENT and amplify/LOG2 as JSON.
 *
 *     bench_engine [--only ROW] [--qber PERCENT] [--frames N] [--frame-bits N] [--seed N]
 *                  [--json FILE]
 *
 * Both parties run in this thread with no network between them; mbps is of the slower party,
 * by processor time. f counts Alice's parities over n h(q) with the q of the errors made.
 */

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/amplify.h"
#include "qkd-engine/cascade.h"
#include "qkd-engine/cascade_plan.h"
#include "qkd-engine/gf2_mul.h"

#define FRAMES_PER_BLOCK 16

struct options {
	const char *only, *json;
	double qber; /* percent; 0: all rows */
	size_t frames, frame_bits;
	uint64_t seed;
};

static uint64_t state;
static const char *separator = "";

static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double entropy(double q)
{
	return q <= 0 || q >= 1 ? 0 : -q * log2(q) - (1 - q) * log2(1 - q);
}

struct tally {
	double alice_s, bob_s, step_s; /* step: the longest single call */
	uint64_t bits, errors, parities, rounds, blocks, frames, frames_wrong, bytes[2];
	double ideal; /* bits: sum of n h(q) */
};

static void took(double *sum, struct tally *t, double *since)
{
	double at = now_s();

	*sum += at - *since;
	if (t != NULL && at - *since > t->step_s)
		t->step_s = at - *since;
	*since = now_s();
}

/* One block to its end; false when a party failed. */
static bool reconcile(const struct cascade_params *p, const uint64_t *alice_key, uint64_t *bob_key,
                      uint8_t *question, uint8_t *answer, struct tally *t)
{
	size_t cap = cascade_message_max(p);
	struct cascade_stats s = {0};
	struct cascade_alice *a;
	struct cascade_bob *b;
	double since = now_s();
	int n, m = 1;

	a = cascade_alice_create(p, alice_key);
	took(&t->alice_s, NULL, &since);
	b = cascade_bob_create(p, bob_key);
	took(&t->bob_s, NULL, &since);
	if (a == NULL || b == NULL) {
		fprintf(stderr, "bench_engine: cascade: %s\n", strerror(errno));
		exit(1);
	}
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

	if (cascade_plan_init(&plan, p, false) < 0)
		exit(1);
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

static void bench_cascade(const struct options *o, double percent, FILE *out)
{
	struct cascade_params p = {.frame_bits = o->frame_bits, .qber = percent / 100};
	uint64_t *alice, *bob;
	uint8_t *messages = malloc(2 * CASCADE_MESSAGE_MAX);
	struct tally t = {0};
	double side;

	p.bits = o->frame_bits * (o->frames < FRAMES_PER_BLOCK ? o->frames : FRAMES_PER_BLOCK);
	alice = malloc(BITS_WORDS(p.bits) * 8);
	bob = malloc(BITS_WORDS(p.bits) * 8);
	state = o->seed + (uint64_t)(percent * 1000);
	while (t.frames < o->frames) {
		size_t errors = 0;

		for (size_t i = 0; i < BITS_WORDS(p.bits); i++)
			alice[i] = bob[i] = next();
		/* Distances between errors are geometrically distributed. */
		for (size_t i = 0;; i++, errors++) {
			double u = ((double)(next() >> 11) + 0.5) * 0x1p-53;

			i += (size_t)(log(u) / log1p(-p.qber));
			if (i >= p.bits)
				break;
			bob[i / 64] ^= 1ULL << (i % 64);
		}
		p.seed = next();
		if (!reconcile(&p, alice, bob, messages, messages + CASCADE_MESSAGE_MAX, &t))
			fprintf(stderr, "bench_engine: cascade: a block was given up\n");
		compare(&p, alice, bob, &t);
		t.blocks++;
		t.bits += p.bits;
		t.errors += errors;
		t.ideal += (double)p.bits * entropy((double)errors / (double)p.bits);
	}
	side = t.alice_s > t.bob_s ? t.alice_s : t.bob_s;
	fprintf(out,
	        "%s\n  {\"name\": \"cascade/%g\", \"f\": %.4f, \"fer\": %.3g, \"frames\": %llu, "
	        "\"frame_bits\": %zu, \"mbps\": %.1f, \"alice_mbps\": %.1f, \"bob_mbps\": %.1f, "
	        "\"rounds\": %.1f, \"question_bytes\": %.0f, \"answer_bytes\": %.0f, "
	        "\"longest_step_us\": %.0f}",
	        separator, percent, (double)t.parities / t.ideal,
	        (double)t.frames_wrong / (double)t.frames, (unsigned long long)t.frames,
	        o->frame_bits, (double)t.bits / side / 1e6, (double)t.bits / t.alice_s / 1e6,
	        (double)t.bits / t.bob_s / 1e6, (double)t.rounds / (double)t.blocks,
	        (double)t.bytes[0] / (double)t.blocks, (double)t.bytes[1] / (double)t.blocks,
	        t.step_s * 1e6);
	fflush(out);
	separator = ",";
	free(alice);
	free(bob);
	free(messages);
}

static void bench_amplify(unsigned int log2n, FILE *out)
{
	size_t n = (size_t)1 << log2n, m = n / 10 * 3;
	size_t seed_words = BITS_WORDS(amplify_seed_bits(n, m));
	uint64_t *key = malloc(n / 8), *seed = malloc(seed_words * 8);
	double best = 0, step = 0;

	for (size_t i = 0; i < n / 64; i++)
		key[i] = next();
	for (size_t i = 0; i < seed_words; i++)
		seed[i] = next();
	for (int run = 0; run < 5; run++) {
		double start = now_s(), since = start, at;
		struct amplify *a = amplify_create(key, n, seed, m);
		bool done;

		if (a == NULL) {
			fprintf(stderr, "bench_engine: amplify: %s\n", strerror(errno));
			exit(1);
		}
		do {
			done = amplify_step(a);
			at = now_s();
			if (at - since > step)
				step = at - since;
			since = at;
		} while (!done);
		if (best == 0 || at - start < best)
			best = at - start;
		amplify_destroy(a);
	}
	fprintf(out,
	        "%s\n  {\"name\": \"amplify/%u\", \"mbps\": %.1f, \"ms\": %.2f, "
	        "\"output_share\": 0.3, \"provider\": \"%s\", \"longest_step_us\": %.0f}",
	        separator, log2n, (double)n / best / 1e6, best * 1e3, gf2_mul_best()->name,
	        step * 1e6);
	fflush(out);
	separator = ",";
	free(key);
	free(seed);
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {{"only", required_argument, NULL, 'o'},
	                                      {"json", required_argument, NULL, 'j'},
	                                      {"qber", required_argument, NULL, 'q'},
	                                      {"frames", required_argument, NULL, 'f'},
	                                      {"frame-bits", required_argument, NULL, 'b'},
	                                      {"seed", required_argument, NULL, 's'},
	                                      {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'o')
			o->only = optarg;
		else if (c == 'j')
			o->json = optarg;
		else if (c == 'q')
			o->qber = atof(optarg);
		else if (c == 'f')
			o->frames = strtoul(optarg, NULL, 0);
		else if (c == 'b')
			o->frame_bits = strtoul(optarg, NULL, 0);
		else if (c == 's')
			o->seed = strtoull(optarg, NULL, 0);
		else
			exit(2);
	}
	if (o->qber < 0 || o->qber > 50 || o->frames < 1 || o->frame_bits < CASCADE_FRAME_MIN ||
	    o->frame_bits > CASCADE_FRAME_MAX || o->frame_bits % 64 != 0) {
		fprintf(stderr, "bench_engine: --qber is 0 to 50 (percent), --frames at least 1, "
		                "--frame-bits a multiple of 64 from 2^10 to 2^20\n");
		exit(2);
	}
}

static bool wanted(const struct options *o, const char *row)
{
	return o->only == NULL || strcmp(o->only, row) == 0;
}

int main(int argc, char **argv)
{
	static const double percents[] = {0.5, 1, 1.5, 2, 3, 5, 8, 11};
	struct options o = {.frames = 160, .frame_bits = 65536, .seed = 1};
	FILE *out = stdout;
	struct err err;
	char row[32];

	parse(argc, argv, &o);
	if (secret_init(64 << 20, &err) < 0) {
		fprintf(stderr, "bench_engine: %s\n", err.text);
		return 1;
	}
	if (o.json != NULL && (out = fopen(o.json, "w")) == NULL) {
		fprintf(stderr, "bench_engine: --json %s: %s\n", o.json, strerror(errno));
		return 2;
	}
	fprintf(out, "{\"bench\": \"engine\", \"rows\": [");
	for (size_t i = 0; i < (o.qber > 0 ? 1 : sizeof(percents) / sizeof(percents[0])); i++) {
		double percent = o.qber > 0 ? o.qber : percents[i];

		snprintf(row, sizeof(row), "cascade/%g", percent);
		if (wanted(&o, row))
			bench_cascade(&o, percent, out);
	}
	for (unsigned int k = 16; k <= 22; k++) {
		snprintf(row, sizeof(row), "amplify/%u", k);
		if (wanted(&o, row) && (o.qber == 0 || o.only != NULL))
			bench_amplify(k, out);
	}
	fprintf(out, "\n]}\n");
	return fclose(out) == 0 ? 0 : 1;
}
