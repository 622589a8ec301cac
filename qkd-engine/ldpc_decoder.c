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

/* Bytes set in a microsecond, roughly. */
#define CLEARED_PER_US 8000

/* When so few were violated in a sweep it is worth a look whether all hold at its end. */
#define NEARLY 32u

/* A frame whose best sweep is so old is not going to be decoded: with time to spare, without. */
#define STALE_SWEEPS_LAST 15
#define STALE_SWEEPS      8

/*
 * So few checks violated, but no fewer for some sweeps, are a trapping set; so many more than there
 * were are one that is about to take the others with it.
 */
#define TRAPPED_CHECKS 64u
#define TRAPPED_SWEEPS 4
#define TRAPPED_GROWTH 3u

enum phase { CLEAR, SWEEP, CHECK, TRAPPED, FORGET, DONE, GIVEN_UP };

struct ldpc_decoder {
	const struct ldpc_plan *plan;
	const struct ldpc_kernel *kernel;
	struct ldpc_rule rule;
	int8_t channel;           /* reliability of a key bit */
	int8_t *llr, *messages;   /* see ldpc_kernel.h */
	uint64_t *errors, *check; /* frame_words, words */
	size_t z;                 /* lanes of a circulant: those of 32 are kept twice */
	/* the frame */
	const uint64_t *syndrome;
	size_t frame;
	unsigned int merged;
	enum phase phase, otherwise; /* the latter after CHECK, if not solved */
	size_t cleared;              /* columns */
	bool fresh;                  /* no message yet in this sweep */
	unsigned int sweep, layer;
	unsigned int violated, least; /* checks in this sweep, in the best one */
	unsigned int least_at;
	unsigned int sweeps_max, stale_max;
	bool decided;    /* while checking */
	unsigned int at; /* the layer that is looked at next */
	bool retried;    /* a trapping set was met */
};

/* D itself, then pieces for what it points to, as far as D is there. */
static struct ldpc_decoder *place(struct workspace *w, const struct ldpc_code *code, size_t z)
{
	struct ldpc_decoder *d = workspace_secret(w, sizeof(*d)), counted;
	size_t edges = code->row_start[code->rows], words = (z + 63) / 64;
	struct ldpc_decoder *to = w->secret == NULL || !workspace_fits(w) ? &counted : d;

	to->z = 64 * words;
	to->llr = workspace_secret(w, code->cols * (to->z + LDPC_PAD));
	to->messages = workspace_secret(w, edges * to->z);
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
	/* Surer than this, and checks would take all of their bits for certain. */
	qber = qber < LDPC_QBER_MIN ? LDPC_QBER_MIN : qber > 0.25 ? 0.25 : qber;
	units = LDPC_UNITS_PER_NAT * log((1 - qber) / qber) + 0.5;
	d->channel = (int8_t)units;
	d->phase = GIVEN_UP;
	return d;
}

void ldpc_decoder_start(struct ldpc_decoder *d, const uint64_t *syndrome, size_t f,
                        unsigned int merged, bool last)
{
	d->sweeps_max = last ? LDPC_SWEEPS_MAX : LDPC_SWEEPS;
	d->stale_max = last ? STALE_SWEEPS_LAST : STALE_SWEEPS;
	d->retried = d->decided = false;
	d->at = 0;
	d->syndrome = syndrome;
	d->frame = f;
	d->merged = merged;
	d->phase = CLEAR;
	d->cleared = 0;
	d->fresh = true;
	d->sweep = 1;
	d->layer = d->violated = 0;
	d->least = ~0u;
	d->least_at = 0;
}

/* Behind its key bits a column has zeros that are known; then its beginning is repeated. */
static void known_bits(struct ldpc_decoder *d, size_t c)
{
	const struct ldpc_plan *plan = d->plan;
	size_t bits = ldpc_frame_bits(plan, d->frame);
	size_t key = ldpc_column_start(plan, bits, c + 1) - ldpc_column_start(plan, bits, c);
	int8_t *llr = d->llr + c * (d->z + LDPC_PAD);

	for (size_t copy = 0; copy < d->z; copy += plan->z)
		memset(llr + copy + key, LDPC_LLR_MAX, plan->z - key);
	memcpy(llr + d->z, llr, LDPC_PAD);
}

static void clear_step(struct ldpc_decoder *d)
{
	size_t left = STEP_US * CLEARED_PER_US / d->z;

	for (; left > 0 && d->cleared < d->plan->code->cols; left--, d->cleared++) {
		memset(d->llr + d->cleared * (d->z + LDPC_PAD), d->channel, d->z);
		known_bits(d, d->cleared);
	}
	if (d->cleared == d->plan->code->cols)
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

/* Which of 64 bytes are negative. */
static uint64_t signs(const int8_t *p)
{
	return signs_of(p) | signs_of(p + 16) << 16 | signs_of(p + 32) << 32 |
	       signs_of(p + 48) << 48;
}

static void decide(struct ldpc_decoder *d)
{
	const struct ldpc_plan *plan = d->plan;

	for (size_t c = 0; c < plan->code->cols; c++)
		for (size_t w = 0; w < plan->words; w++)
			d->errors[c * plan->words + w] =
			        signs(d->llr + c * (d->z + LDPC_PAD) + 64 * w);
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

/* The end of the layers that a step looks at, from the one at AT on. */
static unsigned int layers_end(const struct ldpc_decoder *d)
{
	return ldpc_layers_step(d->plan, d->merged, d->at);
}

/*
 * Whether the decisions have the syndrome: a layer may have undone one that held. First they are
 * made, then some layers a step are looked at.
 */
static void check_step(struct ldpc_decoder *d)
{
	unsigned int end = layers_end(d);
	uint64_t any = 0;

	if (!d->decided) {
		decide(d);
		d->decided = true;
		return;
	}
	for (; d->at < end && any == 0; d->at++)
		any |= remainder_of(d, ldpc_layer_rows(d->plan->code, d->merged, d->at));
	if (any != 0)
		d->phase = d->otherwise;
	else if (end == d->plan->code->rows - d->merged)
		d->phase = DONE;
	if (d->phase != CHECK) {
		d->decided = false;
		d->at = 0;
	}
}

/* Nothing is known of the bits in the violated checks of a layer, which are few. */
static void forget(struct ldpc_decoder *d, struct ldpc_rows rows)
{
	const struct ldpc_code *code = d->plan->code;
	size_t z = d->z, stride = z + LDPC_PAD;

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
	size_t z = d->z, stride = z + LDPC_PAD;

	decide(d);
	d->at = 0;
	d->phase = FORGET;
	for (size_t c = 0; c < plan->code->cols; c++) {
		int8_t *llr = d->llr + c * stride;

		for (size_t i = 0; i < z; i++)
			llr[i] = llr[i] < 0 ? (int8_t)-d->channel : d->channel;
	}
}

/* Some layers a step; then from the beginning. */
static void forget_step(struct ldpc_decoder *d)
{
	const struct ldpc_plan *plan = d->plan;
	unsigned int end = layers_end(d);

	for (; d->at < end; d->at++) {
		struct ldpc_rows rows = ldpc_layer_rows(plan->code, d->merged, d->at);

		if (remainder_of(d, rows) != 0)
			forget(d, rows);
	}
	if (end < plan->code->rows - d->merged)
		return;
	d->at = 0;
	for (size_t c = 0; c < plan->code->cols; c++)
		known_bits(d, c);
	d->phase = SWEEP;
	d->fresh = true;
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
	if (!d->retried && d->least <= TRAPPED_CHECKS &&
	    (stale >= TRAPPED_SWEEPS || d->violated > TRAPPED_GROWTH * d->least))
		d->otherwise = TRAPPED;
	else if (d->sweep >= d->sweeps_max || stale >= d->stale_max)
		d->otherwise = GIVEN_UP;
	else
		d->otherwise = SWEEP;
	d->phase = d->violated <= NEARLY ? CHECK : d->otherwise;
	d->fresh = false;
	d->violated = 0;
	d->layer = 0;
	d->sweep++;
}

static size_t layer_step(struct ldpc_decoder *d)
{
	const struct ldpc_plan *plan = d->plan;
	const struct ldpc_code *code = plan->code;
	struct ldpc_rows rows = ldpc_layer_rows(code, d->merged, d->layer);
	unsigned int first = code->row_start[rows.first];
	struct ldpc_layer layer = {
	        .col = code->col + first,
	        .shift = code->shift + first,
	        .degree = code->row_start[rows.first + rows.count] - first,
	        .z = d->z,
	        .fresh = d->fresh,
	        .syndrome = d->syndrome + rows.first * plan->words,
	        .llr = d->llr,
	        .messages = d->messages + first * d->z,
	};

	d->violated += d->kernel->layer(&layer, &d->rule);
	d->layer++;
	return layer.degree * d->z;
}

static void sweep_step(struct ldpc_decoder *d)
{
	unsigned int layers = d->plan->code->rows - d->merged;
	size_t left = STEP_US * d->kernel->per_us;

	while (d->phase == SWEEP) {
		size_t work = layer_step(d);

		if (d->layer == layers)
			sweep_ended(d);
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
		check_step(d);
		return d->phase == DONE ? 0 : d->phase == GIVEN_UP ? -ENOENT : -EAGAIN;
	case TRAPPED:
		leave_trap(d);
		return -EAGAIN;
	case FORGET:
		forget_step(d);
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
	return d->sweep - 1;
}
