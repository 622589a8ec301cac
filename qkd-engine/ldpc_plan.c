/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc_plan.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* A frame whose positions are filled by less than this gives way to a shorter one. */
#define LEAST_FILL 0.8

/*
 * Shares of frames of 2^18 bits that are not decoded at first and after each blind round, for the
 * budget: somewhat above what bench_engine measures, as the estimate of the error rate is one. Of
 * frames a quarter as long it is twice as many.
 */
static const double undecoded[LDPC_BLIND_ROUNDS + 1] = {0.08, 0.008, 1e-3, 1e-4};

/* Of a block about this share becomes key: what an aborted one costs. */
#define KEY_SHARE 0.4

static double entropy(double q)
{
	return q <= 0 ? 0 : -q * log2(q) - (1 - q) * log2(1 - q);
}

/* The error rate up to 1/2 with entropy H. */
static double entropy_inverse(double h)
{
	double low = 0, high = 0.5;

	for (int i = 0; i < 60; i++) {
		double q = (low + high) / 2;

		if (entropy(q) < h)
			low = q;
		else
			high = q;
	}
	return high;
}

/* More than C of N independent events of probability P. */
static double binomial_tail(size_t n, double p, size_t c)
{
	double log_term = (double)n * log1p(-p), below = exp(log_term);

	for (size_t i = 1; i <= c; i++) {
		log_term += log((double)(n - i + 1) / (double)i) + log(p) - log1p(-p);
		below += exp(log_term);
	}
	return below < 1 ? 1 - below : 0;
}

/*
 * Each bit of the budget costs a bit of key, and a block that exceeds it is lost: one more frame
 * that takes BITS when it is not decoded in round R is provided for as long as it is worth it.
 */
static size_t provided(const struct ldpc_plan *plan, unsigned int r, size_t bits)
{
	double full = 1 << LDPC_FRAME_LOG2_MAX, frame = (double)(plan->code->cols * plan->z);
	double p = undecoded[r] * sqrt(full / frame);
	size_t c = 0;

	while (c < plan->frames &&
	       binomial_tail(plan->frames, p, c) * KEY_SHARE * (double)plan->bits > (double)bits)
		c++;
	return c;
}

static uint64_t budget(const struct ldpc_plan *plan)
{
	uint64_t bits = plan->frames * (plan->syndrome_bits + LDPC_CHECK_BITS + 1);
	size_t c;

	for (unsigned int r = 1; r <= plan->blind_rounds; r++) {
		size_t each = ldpc_revealed_bits(plan, r) + 1; /* and a verdict */

		bits += provided(plan, r - 1, each) * each;
	}
	/* Frames may differ by a bit. */
	c = provided(plan, plan->blind_rounds, plan->bits / plan->frames + 1);
	return bits + c * (plan->bits / plan->frames + 1);
}

int ldpc_plan_init(struct ldpc_plan *plan, const struct ldpc_params *p)
{
	unsigned int log2_bits = LDPC_FRAME_LOG2_MAX;
	double fill, qber;
	int ret;

	memset(plan, 0, sizeof(*plan));
	if (p->bits < LDPC_BITS_MIN || p->bits > LDPC_BITS_MAX ||
	    p->frame_bits < (size_t)1 << LDPC_FRAME_LOG2_MIN ||
	    p->frame_bits > (size_t)1 << LDPC_FRAME_LOG2_MAX || !(p->qber >= 0 && p->qber <= 0.5))
		return -EINVAL;
	while ((size_t)1 << log2_bits > p->frame_bits)
		log2_bits--;
	for (;; log2_bits--) {
		size_t n = (size_t)1 << log2_bits;

		plan->frames = (p->bits + n - 1) / n;
		fill = (double)p->bits / ((double)plan->frames * (double)n);
		if (fill >= LEAST_FILL || log2_bits == LDPC_FRAME_LOG2_MIN)
			break;
	}
	plan->bits = p->bits;
	plan->qber = p->qber;
	qber = entropy_inverse(entropy(p->qber) * fill);
	ret = ldpc_choose(&plan->choice, qber, log2_bits);
	if (ret < 0)
		return ret;
	plan->code = &ldpc_codes[plan->choice.code];
	plan->z = ldpc_code_z(plan->code, log2_bits);
	plan->words = (plan->z + 63) / 64;
	plan->frame_words = plan->code->cols * plan->words;
	plan->syndrome_words = plan->code->rows * plan->words;
	plan->syndrome_bits = (size_t)(plan->code->rows - plan->choice.merged[0]) * plan->z;
	while (plan->blind_rounds < LDPC_BLIND_ROUNDS &&
	       plan->choice.merged[plan->blind_rounds + 1] <
	               plan->choice.merged[plan->blind_rounds])
		plan->blind_rounds++;
	plan->per_message = (LDPC_MESSAGE_MAX - LDPC_HEADER) / ldpc_frame_bytes(plan);
	plan->syndrome_messages = (plan->frames + plan->per_message - 1) / plan->per_message;
	plan->budget = budget(plan);
	plan->check_seed = p->seed;
	return 0;
}

int ldpc_plan_size(size_t bits, size_t frame_bits,
                   void (*count)(struct workspace *w, const struct ldpc_code *code, size_t z,
                                 size_t frames),
                   struct workspace_size *out)
{
	*out = (struct workspace_size){0};
	if (bits < LDPC_BITS_MIN || bits > LDPC_BITS_MAX ||
	    frame_bits < (size_t)1 << LDPC_FRAME_LOG2_MIN)
		return -EINVAL;
	for (unsigned int log2 = LDPC_FRAME_LOG2_MIN;
	     log2 <= LDPC_FRAME_LOG2_MAX && (size_t)1 << log2 <= frame_bits; log2++) {
		size_t n = (size_t)1 << log2, frames = (bits + n - 1) / n;

		/* Not even one frame would be filled. */
		if (log2 > LDPC_FRAME_LOG2_MIN && (double)bits < LEAST_FILL * (double)n)
			break;
		for (unsigned int i = 0; i < ldpc_code_count; i++) {
			struct workspace w = {0};

			count(&w, &ldpc_codes[i], ldpc_code_z(&ldpc_codes[i], log2), frames);
			if (w.most.secret > out->secret)
				out->secret = w.most.secret;
			if (w.most.plain > out->plain)
				out->plain = w.most.plain;
		}
	}
	return 0;
}

/* Of frames that are filled or as short as can be, syndromes are fewer than bits. */
size_t ldpc_message_most(size_t bits)
{
	size_t shortest = (size_t)1 << LDPC_FRAME_LOG2_MIN;
	size_t frames = (bits + shortest - 1) / shortest;
	size_t n = LDPC_HEADER + frames * (shortest / 8 + LDPC_CHECK_BITS / 8);

	return n < LDPC_MESSAGE_MAX ? n : LDPC_MESSAGE_MAX;
}

uint64_t ldpc_budget(const struct ldpc_params *p)
{
	struct ldpc_plan plan;

	return ldpc_plan_init(&plan, p) < 0 ? 0 : plan.budget;
}

size_t ldpc_message_max(const struct ldpc_params *p)
{
	struct ldpc_plan plan;
	size_t most, full;

	if (ldpc_plan_init(&plan, p) < 0)
		return 0;
	most = plan.frames < plan.per_message ? plan.frames : plan.per_message;
	most *= ldpc_frame_bytes(&plan);
	for (unsigned int r = 1; r <= plan.blind_rounds; r++) {
		size_t bytes = plan.frames * ldpc_revealed_bits(&plan, r) / 8;

		most = bytes > most ? bytes : most;
	}
	/* Frames in full are within the budget, which is less than the syndromes and so much. */
	full = plan.budget < plan.bits ? plan.budget : plan.bits;
	if (full / 8 + plan.frames > most)
		most = full / 8 + plan.frames;
	return LDPC_HEADER +
	       (most < LDPC_MESSAGE_MAX - LDPC_HEADER ? most : LDPC_MESSAGE_MAX - LDPC_HEADER);
}

struct ldpc_rows ldpc_layer_rows(const struct ldpc_code *code, unsigned int merged,
                                 unsigned int layer)
{
	unsigned int alone = 2u * (code->pairs - merged); /* rows before the merged pairs */

	if (layer < alone)
		return (struct ldpc_rows){layer, 1};
	if (layer < alone + merged)
		return (struct ldpc_rows){alone + 2 * (layer - alone), 2};
	return (struct ldpc_rows){layer + merged, 1};
}

/* FNV-1a (Fowler, Noll, Vo), 64 bits: no secret, and nobody's choice. */
static uint64_t number_add(uint64_t h, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		h = (h ^ (v >> 8 * i & 0xff)) * 0x100000001b3ULL;
	return h;
}

static uint64_t number_code(uint64_t h, const struct ldpc_code *c)
{
	h = number_add(h, c->cols);
	h = number_add(h, c->rows);
	h = number_add(h, c->pairs);
	for (unsigned int r = 0; r <= c->rows; r++)
		h = number_add(h, c->row_start[r]);
	for (unsigned int i = 0; i < c->row_start[c->rows]; i++)
		h = number_add(h, (uint64_t)c->col[i] << 16 | c->shift[i]);
	return h;
}

uint64_t ldpc_number(void)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (unsigned int c = 0; c < ldpc_code_count; c++)
		h = number_code(h, &ldpc_codes[c]);
	/* Rates that no rounding brings near to where another row begins. */
	for (unsigned int q = 3; q <= 120; q += 3) {
		const struct ldpc_params p = {.bits = 1000000,
		                              .frame_bits = 1 << LDPC_FRAME_LOG2_MAX,
		                              .qber = q / 1000.0};

		for (unsigned int l = LDPC_FRAME_LOG2_MIN; l <= LDPC_FRAME_LOG2_MAX; l++) {
			struct ldpc_choice choice = {0};

			ldpc_choose(&choice, p.qber, l);
			h = number_add(h, choice.code);
			for (unsigned int r = 0; r <= LDPC_BLIND_ROUNDS; r++)
				h = number_add(h, choice.merged[r]);
		}
		h = number_add(h, ldpc_budget(&p));
	}
	return h;
}
