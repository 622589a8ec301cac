/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc_decoder.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"

/* Work of a step, in microseconds by the kernel's figure. */
#define STEP_US 40

/* Bytes set or cleared in a microsecond, roughly. */
#define CLEARED_PER_US 8000

/* A frame whose best sweep is so old is not going to be decoded. */
#define STALE_SWEEPS 15

enum phase { CLEAR, SWEEP, DONE, GIVEN_UP };

struct ldpc_decoder {
	const struct ldpc_plan *plan;
	const struct ldpc_kernel *kernel;
	struct ldpc_rule rule;
	int8_t channel;           /* reliability of a key bit */
	int8_t *llr, *messages;   /* see ldpc_kernel.h */
	uint64_t *errors, *check; /* frame_words, words */
	size_t messages_size;
	/* the frame */
	const uint64_t *syndrome;
	size_t frame;
	unsigned int merged;
	enum phase phase;
	size_t cleared; /* columns, then bytes of messages */
	unsigned int sweep, layer;
	unsigned int held;            /* layers one after the other whose checks held */
	unsigned int violated, least; /* checks in this sweep, in the best one */
	unsigned int least_at;
};

struct ldpc_decoder *ldpc_decoder_create(const struct ldpc_plan *plan,
                                         const struct ldpc_kernel *kernel)
{
	struct ldpc_decoder *d = secret_alloc(sizeof(*d));
	size_t stride = plan->z + LDPC_PAD;
	double qber = plan->qber;
	double units;

	if (d == NULL)
		return NULL;
	d->plan = plan;
	d->kernel = kernel;
	d->messages_size = plan->code->row_start[plan->code->rows] * plan->z;
	d->llr = secret_alloc(plan->code->cols * stride);
	d->messages = secret_alloc(d->messages_size);
	d->errors = secret_alloc(plan->frame_words * sizeof(uint64_t));
	d->check = secret_alloc(plan->words * sizeof(uint64_t));
	if (d->llr == NULL || d->messages == NULL || d->errors == NULL || d->check == NULL) {
		ldpc_decoder_destroy(d);
		return NULL;
	}
	ldpc_rule_init(&d->rule);
	qber = qber < 1e-4 ? 1e-4 : qber > 0.25 ? 0.25 : qber;
	units = LDPC_UNITS_PER_NAT * log((1 - qber) / qber) + 0.5;
	d->channel = (int8_t)units;
	d->phase = GIVEN_UP;
	return d;
}

void ldpc_decoder_destroy(struct ldpc_decoder *d)
{
	if (d == NULL)
		return;
	secret_free(d->llr);
	secret_free(d->messages);
	secret_free(d->errors);
	secret_free(d->check);
	secret_free(d);
}

void ldpc_decoder_start(struct ldpc_decoder *d, const uint64_t *syndrome, size_t f,
                        unsigned int merged)
{
	d->syndrome = syndrome;
	d->frame = f;
	d->merged = merged;
	d->phase = CLEAR;
	d->cleared = 0;
	d->sweep = 1;
	d->layer = d->held = d->violated = 0;
	d->least = ~0u;
	d->least_at = 0;
}

/* One column's reliabilities at the start: key bits, then zeros that are known. */
static void clear_column(struct ldpc_decoder *d, size_t c)
{
	const struct ldpc_plan *plan = d->plan;
	size_t bits = ldpc_frame_bits(plan, d->frame), z = plan->z;
	size_t key = ldpc_column_start(plan, bits, c + 1) - ldpc_column_start(plan, bits, c);
	int8_t *llr = d->llr + c * (z + LDPC_PAD);

	memset(llr, d->channel, key);
	memset(llr + key, LDPC_LLR_MAX, z - key);
	memcpy(llr + z, llr, z < LDPC_PAD ? z : LDPC_PAD);
}

static void clear_step(struct ldpc_decoder *d)
{
	size_t cols = d->plan->code->cols, left = STEP_US * CLEARED_PER_US, at, n;

	for (; d->cleared < cols; d->cleared++) {
		if (left < d->plan->z)
			return;
		left -= d->plan->z;
		clear_column(d, d->cleared);
	}
	at = d->cleared - cols;
	n = d->messages_size - at < left ? d->messages_size - at : left;
	memset(d->messages + at, 0, n);
	d->cleared += n;
	if (at + n == d->messages_size)
		d->phase = SWEEP;
}

/* Bit 7 of each byte of P, Z of them, as a circulant of words. */
static void signs(const int8_t *p, size_t z, uint64_t *out)
{
	for (size_t w = 0; w < (z + 63) / 64; w++) {
		uint64_t bits = 0;

		for (size_t i = 0; i < 64 && 64 * w + i < z; i += 8) {
			uint64_t v;

			memcpy(&v, p + 64 * w + i, sizeof(v));
			/* The product has bit 7 of byte b in bit 56 + b, and no carries there. */
			v = (v >> 7 & 0x0101010101010101ULL) * 0x0102040810204080ULL;
			bits |= v >> 56 << i;
		}
		out[w] = z < 64 ? bits | bits << z : bits;
	}
}

/* Whether the hard decisions have the syndrome: a layer may have undone one that held. */
static bool solved(struct ldpc_decoder *d)
{
	const struct ldpc_plan *plan = d->plan;
	uint64_t differs = 0;

	for (size_t c = 0; c < plan->code->cols; c++)
		signs(d->llr + c * (plan->z + LDPC_PAD), plan->z, d->errors + c * plan->words);
	ldpc_frame_mask(plan, d->frame, d->errors);
	for (unsigned int l = 0; l < plan->code->rows - d->merged; l++) {
		struct ldpc_rows rows = ldpc_layer_rows(plan->code, d->merged, l);
		const uint64_t *s = d->syndrome + rows.first * plan->words;

		ldpc_row_syndrome(plan, d->errors, rows, d->check);
		for (size_t w = 0; w < plan->words; w++)
			differs |= d->check[w] ^ s[w];
	}
	return differs == 0;
}

/* True at the end of a sweep after which the frame is given up. */
static bool sweep_ended(struct ldpc_decoder *d)
{
	if (d->violated < d->least) {
		d->least = d->violated;
		d->least_at = d->sweep;
	}
	if (d->sweep == LDPC_SWEEPS_MAX || d->sweep - d->least_at >= STALE_SWEEPS)
		return true;
	d->violated = 0;
	d->layer = 0;
	d->sweep++;
	return false;
}

static size_t layer_step(struct ldpc_decoder *d)
{
	const struct ldpc_plan *plan = d->plan;
	const struct ldpc_code *code = plan->code;
	struct ldpc_rows rows = ldpc_layer_rows(code, d->merged, d->layer);
	unsigned int first = code->row_start[rows.first], violated;
	struct ldpc_layer layer = {
	        .col = code->col + first,
	        .shift = code->shift + first,
	        .degree = code->row_start[rows.first + rows.count] - first,
	        .z = plan->z,
	        .syndrome = d->syndrome + rows.first * plan->words,
	        .llr = d->llr,
	        .messages = d->messages + first * plan->z,
	};

	violated = d->kernel->layer(&layer, &d->rule);
	d->violated += violated;
	d->held = violated == 0 ? d->held + 1 : 0;
	d->layer++;
	return layer.degree * plan->z;
}

int ldpc_decoder_step(struct ldpc_decoder *d)
{
	size_t left = STEP_US * d->kernel->per_us;
	unsigned int layers = d->plan->code->rows - d->merged;

	if (d->phase == CLEAR) {
		clear_step(d);
		return -EAGAIN;
	}
	while (d->phase == SWEEP) {
		size_t work = layer_step(d);

		if (d->held >= layers) {
			if (solved(d))
				d->phase = DONE;
			d->held = 0;
			left = 0;
		}
		if (d->phase == SWEEP && d->layer == layers && sweep_ended(d))
			d->phase = GIVEN_UP;
		if (left < work)
			break;
		left -= work;
	}
	return d->phase == SWEEP ? -EAGAIN : d->phase == DONE ? 0 : -ENOENT;
}

const uint64_t *ldpc_decoder_errors(const struct ldpc_decoder *d)
{
	return d->errors;
}

unsigned int ldpc_decoder_sweeps(const struct ldpc_decoder *d)
{
	return d->sweep;
}
