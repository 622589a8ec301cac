/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How near to the limit the codes of qkd-engine/ldpc_codes.c decode, alone, without blind rounds:
 *
 *      ldpc_figures FRAMES LOG2_BITS F [CODE]
 *
 * For each code (or number CODE), with a half of its pairs merged, a line of JSON for each f from F
 * down, f being the syndrome over the entropy of the error rate, until a tenth of the frames fail:
 * errors drawn bit by bit, frames that failed, mean sweeps of the others.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/ldpc_decoder.h"
#include "tests/bench/bench_engine.h"
#include "tests/unit/qkd-engine/own_space.h"

#define F_STEP  0.01
#define GIVE_UP 0.1
#define ENOUGH  50 /* failed frames say what the rate is */

static uint64_t state;

static double rate_of_entropy(double h)
{
	double low = 0, high = 0.5;

	for (int i = 0; i < 60; i++) {
		double q = (low + high) / 2;

		if (bench_entropy(q) < h)
			low = q;
		else
			high = q;
	}
	return low;
}

/* One frame of a code, as ldpc_plan_init() would have it. */
static struct ldpc_plan plan_of(unsigned int code, unsigned int log2_bits)
{
	struct ldpc_plan plan = {.bits = (size_t)1 << log2_bits, .frames = 1};

	plan.code = &ldpc_codes[code];
	plan.choice.code = code;
	plan.z = ldpc_code_z(plan.code, log2_bits);
	plan.words = (plan.z + 63) / 64;
	plan.frame_words = plan.code->cols * plan.words;
	plan.syndrome_words = plan.code->rows * plan.words;
	plan.syndrome_bits = plan.code->rows * plan.z;
	return plan;
}

struct result {
	unsigned int frames, failed, wrong;
	uint64_t sweeps;
	double cpu_s;
};

static void decode(struct ldpc_decoder *d, const struct ldpc_plan *plan, unsigned int merged,
                   uint64_t *errors, uint64_t *frame, uint64_t *syndrome, struct result *r)
{
	uint64_t below = (uint64_t)(plan->qber * 18446744073709551616.0);
	clock_t began;
	int ret;

	memset(errors, 0, BITS_WORDS(plan->bits) * 8);
	for (size_t i = 0; i < plan->bits; i++)
		errors[i / 64] |= (uint64_t)(bench_random(&state) < below) << (i % 64);
	ldpc_frame_load(plan, errors, 0, frame);
	ldpc_syndrome(plan, frame, merged, syndrome);
	began = clock();
	ldpc_decoder_start(d, syndrome, 0, merged, true);
	while ((ret = ldpc_decoder_step(d)) == -EAGAIN)
		;
	r->cpu_s += (double)(clock() - began) / CLOCKS_PER_SEC;
	r->frames++;
	if (ret < 0)
		r->failed++;
	else
		r->sweeps += ldpc_decoder_sweeps(d);
	r->wrong += ret == 0 && memcmp(ldpc_decoder_errors(d), frame, plan->frame_words * 8) != 0;
}

static struct result measure(const struct ldpc_plan *plan, unsigned int merged, unsigned int frames)
{
	struct workspace w;
	struct ldpc_decoder *d = ldpc_decoder_own(&w, plan, ldpc_kernel_best());
	uint64_t *errors = calloc(BITS_WORDS(plan->bits) + 1, 8);
	uint64_t *frame = malloc(plan->frame_words * 8);
	uint64_t *syndrome = malloc(plan->syndrome_words * 8);
	struct result r = {0};

	if (d == NULL || errors == NULL || frame == NULL || syndrome == NULL)
		exit(1);
	state = 1;
	while (r.frames < frames && r.failed < ENOUGH)
		decode(d, plan, merged, errors, frame, syndrome, &r);
	workspace_fini(&w);
	free(errors);
	free(frame);
	free(syndrome);
	return r;
}

static void row(unsigned int code, unsigned int log2_bits, unsigned int frames, double f)
{
	struct ldpc_plan plan = plan_of(code, log2_bits);
	unsigned int merged = plan.code->pairs / 2;
	double sent = (double)(plan.code->rows - merged) / plan.code->cols;

	for (; f > 1; f -= F_STEP) {
		struct result r;

		plan.qber = rate_of_entropy(sent / f);
		r = measure(&plan, merged, frames);
		printf("{\"rows\": %u, \"cols\": %u, \"merged\": %u, \"qber\": %.5f, \"f\": %.3f, "
		       "\"frames\": %u, \"failed\": %u, \"wrong\": %u, \"sweeps\": %.1f, "
		       "\"mbps\": %.1f}\n",
		       plan.code->rows, plan.code->cols, merged, plan.qber, f, r.frames, r.failed,
		       r.wrong, (double)r.sweeps / (r.frames - r.failed),
		       1e-6 * r.frames * (double)plan.bits / r.cpu_s);
		fflush(stdout);
		if (r.failed > GIVE_UP * r.frames)
			return;
	}
}

int main(int argc, char **argv)
{
	unsigned int frames, log2_bits, first = 0, last = ldpc_code_count - 1;

	if (argc < 4) {
		fprintf(stderr, "usage: %s FRAMES LOG2_BITS F [CODE]\n", argv[0]);
		return 2;
	}
	frames = (unsigned int)atoi(argv[1]);
	log2_bits = (unsigned int)atoi(argv[2]);
	if (argc > 4)
		first = last = (unsigned int)atoi(argv[4]);
	if (frames == 0 || log2_bits < LDPC_FRAME_LOG2_MIN || log2_bits > LDPC_FRAME_LOG2_MAX ||
	    last >= ldpc_code_count) {
		fprintf(stderr, "FRAMES, LOG2_BITS or CODE is out of range\n");
		return 2;
	}
	if (secret_init(32 << 20, NULL) != 0)
		return 1;
	for (unsigned int code = first; code <= last; code++)
		row(code, log2_bits, frames, atof(argv[3]));
	return 0;
}
