/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc_decoder.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Work of a step, in microseconds by the kernel's figure. */
#define STEP_US 30

/* Bytes set or cleared in a microsecond, roughly. */
#define CLEARED_PER_US 8000

/*
 * Messages to a bit are limited, to less where it has many checks. Else one wrong bit in a column
 * of 30 checks, whose reliability has overflowed, turns over when a few of them change their
 * mind, misleads all 30, and the frame diverges when it is nearly decoded.
 */
#define LIMIT_OF_COLUMN 200u
#define LIMIT_LEAST     8u
#define LIMIT_MOST      44u

/* A frame whose best sweep is so old is not going to be decoded: with time to spare, without. */
#define STALE_SWEEPS_LAST 15
#define STALE_SWEEPS      8

/* Sweeps with so few checks violated, one after the other, are a trapping set. */
#define TRAPPED_CHECKS 64u
#define TRAPPED_SWEEPS 4

/* Reliability of the other bits after that: checks may overrule it. */
#define TRUSTED 8

enum phase { CLEAR, SWEEP, CHECK, TRAPPED, DONE, GIVEN_UP };

struct ldpc_decoder {
	const struct ldpc_plan *plan;
	const struct ldpc_kernel *kernel;
	struct ldpc_rule rule;
	int8_t channel;           /* reliability of a key bit */
	uint32_t *limit;          /* of each entry */
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
	unsigned int sweeps_max, stale_max;
	bool retried;         /* a trapping set was met */
	struct workspace own; /* none: it is another's */
};

static void init_limits(struct ldpc_decoder *d)
{
	const struct ldpc_code *code = d->plan->code;
	unsigned int edges = code->row_start[code->rows], degree[LDPC_COLS_MAX] = {0};

	for (unsigned int e = 0; e < edges; e++)
		degree[code->col[e]]++;
	for (unsigned int e = 0; e < edges; e++) {
		unsigned int limit = LIMIT_OF_COLUMN / degree[code->col[e]];

		limit = limit < LIMIT_LEAST ? LIMIT_LEAST : limit > LIMIT_MOST ? LIMIT_MOST : limit;
		d->limit[e] = limit * 0x01010101u;
	}
}

/* D itself, then pieces for what it points to, as far as D is there. */
static struct ldpc_decoder *place(struct workspace *w, const struct ldpc_code *code, size_t z)
{
	struct ldpc_decoder *d = workspace_secret(w, sizeof(*d)), counted;
	size_t edges = code->row_start[code->rows], words = (z + 63) / 64;
	struct ldpc_decoder *to = w->secret == NULL || !workspace_fits(w) ? &counted : d;

	to->messages_size = edges * z;
	to->limit = workspace_secret(w, edges * sizeof(*to->limit));
	to->llr = workspace_secret(w, code->cols * (z + LDPC_PAD));
	to->messages = workspace_secret(w, to->messages_size);
	to->errors = workspace_secret(w, code->cols * words * sizeof(uint64_t));
	to->check = workspace_secret(w, words * sizeof(uint64_t));
	return d;
}

void ldpc_decoder_size(struct workspace *w, const struct ldpc_code *code, size_t z)
{
	place(w, code, z);
}

struct ldpc_decoder *ldpc_decoder_create_in(struct workspace *w, const struct ldpc_plan *plan,
                                            const struct ldpc_kernel *kernel)
{
	struct ldpc_decoder *d = place(w, plan->code, plan->z);
	double qber = plan->qber;
	double units;

	if (!workspace_fits(w))
		return NULL;
	d->plan = plan;
	d->kernel = kernel;
	ldpc_rule_init(&d->rule);
	init_limits(d);
	qber = qber < 1e-4 ? 1e-4 : qber > 0.25 ? 0.25 : qber;
	units = LDPC_UNITS_PER_NAT * log((1 - qber) / qber) + 0.5;
	d->channel = (int8_t)units;
	d->phase = GIVEN_UP;
	return d;
}

struct ldpc_decoder *ldpc_decoder_create(const struct ldpc_plan *plan,
                                         const struct ldpc_kernel *kernel)
{
	struct workspace count = {0}, own;
	struct ldpc_decoder *d;

	ldpc_decoder_size(&count, plan->code, plan->z);
	if (workspace_init(&own, &count.most) < 0)
		return NULL;
	d = ldpc_decoder_create_in(&own, plan, kernel);
	d->own = own;
	return d;
}

void ldpc_decoder_destroy(struct ldpc_decoder *d)
{
	struct workspace own;

	if (d == NULL)
		return;
	own = d->own; /* D is in it */
	workspace_fini(&own);
}

void ldpc_decoder_start(struct ldpc_decoder *d, const uint64_t *syndrome, size_t f,
                        unsigned int merged, bool last)
{
	d->sweeps_max = last ? LDPC_SWEEPS_MAX : LDPC_SWEEPS;
	d->stale_max = last ? STALE_SWEEPS_LAST : STALE_SWEEPS;
	d->retried = false;
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

/* Behind its key bits a column has zeros that are known; then its beginning is repeated. */
static void known_bits(struct ldpc_decoder *d, size_t c)
{
	const struct ldpc_plan *plan = d->plan;
	size_t bits = ldpc_frame_bits(plan, d->frame), z = plan->z;
	size_t key = ldpc_column_start(plan, bits, c + 1) - ldpc_column_start(plan, bits, c);
	int8_t *llr = d->llr + c * (z + LDPC_PAD);

	memset(llr + key, LDPC_LLR_MAX, z - key);
	memcpy(llr + z, llr, z < LDPC_PAD ? z : LDPC_PAD);
}

static void clear_column(struct ldpc_decoder *d, size_t c)
{
	memset(d->llr + c * (d->plan->z + LDPC_PAD), d->channel, d->plan->z);
	known_bits(d, c);
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

/* Bit 7 of 16 bytes. */
static uint64_t signs_of(const int8_t *p)
{
#ifdef __SSE2__
	return (unsigned int)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)p));
#else
	uint64_t bits = 0;

	for (unsigned int i = 0; i < 16; i++)
		bits |= (uint64_t)(p[i] < 0) << i;
	return bits;
#endif
}

/* Which of the Z bytes at P are negative, as a circulant of words. */
static void signs(const int8_t *p, size_t z, uint64_t *out)
{
	for (size_t w = 0; w < (z + 63) / 64; w++, p += 64) {
		uint64_t low = signs_of(p) | signs_of(p + 16) << 16;

		out[w] = z < 64 ? low | low << 32
		                : low | signs_of(p + 32) << 32 | signs_of(p + 48) << 48;
	}
}

static void decide(struct ldpc_decoder *d)
{
	const struct ldpc_plan *plan = d->plan;

	for (size_t c = 0; c < plan->code->cols; c++)
		signs(d->llr + c * (plan->z + LDPC_PAD), plan->z, d->errors + c * plan->words);
	ldpc_frame_mask(plan, d->frame, d->errors);
}

/* In CHECK what the decisions leave of the syndrome of a layer; whether any bit is set. */
static uint64_t remainder_of(struct ldpc_decoder *d, struct ldpc_rows rows)
{
	const uint64_t *s = d->syndrome + rows.first * d->plan->words;
	uint64_t any = 0;

	ldpc_row_syndrome(d->plan, d->errors, rows, d->check);
	for (size_t w = 0; w < d->plan->words; w++)
		any |= d->check[w] ^= s[w];
	return any;
}

/* Whether the decisions have the syndrome: a layer may have undone one that held. */
static bool solved(struct ldpc_decoder *d)
{
	uint64_t any = 0;

	decide(d);
	for (unsigned int l = 0; l < d->plan->code->rows - d->merged; l++)
		any |= remainder_of(d, ldpc_layer_rows(d->plan->code, d->merged, l));
	return any == 0;
}

/* Nothing is known of the bits in the violated checks of a layer, which are few. */
static void forget(struct ldpc_decoder *d, struct ldpc_rows rows)
{
	const struct ldpc_code *code = d->plan->code;
	size_t z = d->plan->z, stride = z + LDPC_PAD;

	for (size_t w = 0; w < d->plan->words; w++) {
		for (uint64_t left = d->check[w]; left != 0; left &= left - 1) {
			size_t i = 64 * w + (size_t)__builtin_ctzll(left);
			unsigned int e = code->row_start[rows.first];

			for (; e < code->row_start[rows.first + rows.count]; e++)
				d->llr[code->col[e] * stride + ((i + code->shift[e]) & (z - 1))] =
				        0;
		}
	}
}

/*
 * A few wrong bits hold each other up against the few checks that see them. Begin anew from
 * the decisions, but forget those on the bits of all violated checks.
 */
static void leave_trap(struct ldpc_decoder *d)
{
	const struct ldpc_plan *plan = d->plan;
	size_t z = plan->z, stride = z + LDPC_PAD;

	decide(d);
	for (size_t c = 0; c < plan->code->cols; c++) {
		int8_t *llr = d->llr + c * stride;

		for (size_t i = 0; i < z; i++)
			llr[i] = llr[i] < 0 ? -TRUSTED : TRUSTED;
	}
	for (unsigned int l = 0; l < plan->code->rows - d->merged; l++) {
		struct ldpc_rows rows = ldpc_layer_rows(plan->code, d->merged, l);

		if (remainder_of(d, rows) != 0)
			forget(d, rows);
	}
	for (size_t c = 0; c < plan->code->cols; c++)
		known_bits(d, c);
	d->phase = CLEAR;
	d->cleared = plan->code->cols;
	d->retried = true;
	d->least = ~0u;
}

/* At the end of a sweep: go on with the next, or not. */
static void sweep_ended(struct ldpc_decoder *d)
{
	unsigned int stale;

	if (d->violated < d->least) {
		d->least = d->violated;
		d->least_at = d->sweep;
	}
	stale = d->sweep - d->least_at;
	if (!d->retried && d->least <= TRAPPED_CHECKS && stale >= TRAPPED_SWEEPS)
		d->phase = TRAPPED;
	else if (d->sweep >= d->sweeps_max || stale >= d->stale_max)
		d->phase = GIVEN_UP;
	d->violated = 0;
	d->layer = 0;
	d->sweep++;
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
	        .limit = d->limit + first,
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

static void sweep_step(struct ldpc_decoder *d)
{
	unsigned int layers = d->plan->code->rows - d->merged;
	size_t left = STEP_US * d->kernel->per_us;

	while (d->phase == SWEEP) {
		size_t work = layer_step(d);

		if (d->layer == layers)
			sweep_ended(d);
		if (d->phase == SWEEP && d->held >= layers)
			d->phase = CHECK;
		if (left < work)
			break;
		left -= work;
	}
}

int ldpc_decoder_step(struct ldpc_decoder *d)
{
	switch (d->phase) {
	case CLEAR:
		clear_step(d);
		return -EAGAIN;
	case SWEEP:
		sweep_step(d);
		return d->phase == GIVEN_UP ? -ENOENT : -EAGAIN;
	case CHECK:
		d->held = 0;
		d->phase = solved(d) ? DONE : SWEEP;
		return d->phase == DONE ? 0 : -EAGAIN;
	case TRAPPED:
		leave_trap(d);
		return -EAGAIN;
	case DONE:
		return 0;
	default:
		return -ENOENT;
	}
}

const uint64_t *ldpc_decoder_errors(const struct ldpc_decoder *d)
{
	return d->errors;
}

unsigned int ldpc_decoder_sweeps(const struct ldpc_decoder *d)
{
	return d->phase == GIVEN_UP ? d->sweep - 1 : d->sweep;
}
