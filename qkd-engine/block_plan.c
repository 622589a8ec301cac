/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is fixed before a block is reconciled: how much may leak, how many errors are planned
 * for, how long the key will be. All of it follows from public figures, so that none of it
 * tells of the bits; later a block keeps to the plan or is void. Steps 1, 3 and 6 of the
 * argument in docs/security.md, "The length".
 */

#include <math.h>

#include "common/clock.h"
#include "common/decoy_share.h"
#include "common/log.h"
#include "common/tail.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/frame_check.h"
#include "qkd-engine/ldpc.h"
#include "qkd-engine/ldpc_code.h"

LOG_COMPONENT_DEFINE(engine_plan)

/* Key of a block with errors M, charged LEAK bits, rounded down to whole keys. */
static uint32_t secret_bits(const struct engine *e, const struct block *b, const uint64_t m[2],
                            double leak)
{
	struct finite_key_input in = {
	        .source = e->config.source, .counts = b->counts, .leak = leak};
	struct finite_key_result bound;

	in.counts.m_z[0] = m[0];
	in.counts.m_z[1] = m[1];
	if (finite_key_bound(e->config.proof, &in, &bound) < 0 || bound.secret_bits >= b->bits)
		return 0; /* counts that contradict each other */
	return (uint32_t)bound.secret_bits & ~255u;
}

/* Where LDPC leaves nearly as much key and round trips are longer than this, it is taken. */
#define ROUNDS_NS    (5 * NS_PER_MS)
#define ROUNDS_SHARE 1.02

/* One honest block in 10^10, if the intensities' ratio is off by all of DECOY_TOLERANCE. */
#define DECOYS_LN_ALPHA (-10 * M_LN10)

uint32_t block_frame_bits(const struct engine *e, enum reconcile_method method)
{
	return method == RECONCILE_LDPC ? 1u << LDPC_FRAME_LOG2_MAX : e->config.frame_bits;
}

/* How a method's leak is counted under the configuration; LEAK_AUTO: the two do not go together. */
static enum leak_mode mode_of(const struct engine_config *c, enum reconcile_method method)
{
	enum leak_mode proven = reconcile_ops(method)->mode;

	if (c->reconciliation != RECONCILE_AUTO && c->reconciliation != method)
		return LEAK_AUTO;
	if (c->leak_mode == LEAK_AUTO || c->leak_mode == proven)
		return proven;
	return c->leak_mode == LEAK_ALICE_ONLY && method == RECONCILE_CASCADE ? LEAK_ALICE_ONLY
	                                                                      : LEAK_AUTO;
}

/* Cascade: each of Alice's parities tells one of Bob's (cascade.h). And frames that may fail. */
static double cascade_budget(const struct engine *e, const struct block *b,
                             const struct block_plan *p, const struct leak_expect *x)
{
	double n = (double)b->bits, frame = (double)frame_check_size_max(b->bits, p->frames);
	double alice =
	        leak_track_f_most(&e->leak_track, b->bits) * n * binary_entropy(x->qber_most);
	double budget = (p->mode == LEAK_ALICE_ONLY ? alice : 2 * alice) +
	                (double)leak_fixed_bits(p->frames);

	return budget + frame * leak_track_reserve(&e->leak_track, p->frames, (uint64_t)frame,
	                                           secret_bits(e, b, p->errors, budget));
}

/* LDPC: its own, for a rate two deviations above what is expected; 0: it has no code. */
static double ldpc_most(const struct engine *e, const struct block *b, double qber)
{
	const struct ldpc_params l = {.bits = b->bits,
	                              .frame_bits = block_frame_bits(e, RECONCILE_LDPC),
	                              .qber = (uint32_t)(qber * 1e9) * 1e-9};

	return (double)ldpc_budget(&l);
}

/* The plan with one method; secret_bits is 0 where it leaves nothing or does not apply. */
static void plan_with(const struct engine *e, const struct block *b, enum reconcile_method method,
                      const struct leak_expect *x, struct block_plan *p)
{
	double budget;

	*p = (struct block_plan){.method = method,
	                         .mode = mode_of(&e->config, method),
	                         .errors = {x->errors_most[0], x->errors_most[1]},
	                         .qber = x->qber};
	if (p->mode == LEAK_AUTO)
		return;
	if (method == RECONCILE_LDPC) {
		p->qber = (x->qber + x->qber_most) / 2;
		budget = ldpc_most(e, b, p->qber);
		if (budget == 0)
			return;
		budget += (double)leak_fixed_bits(0);
	} else {
		p->frames = frame_check_count(b->bits, e->config.frame_bits);
		budget = cascade_budget(e, b, p, x);
	}
	budget = ceil(budget);
	p->budget = budget < (double)b->bits ? (uint32_t)budget : (uint32_t)b->bits;
	p->secret_bits = secret_bits(e, b, p->errors, p->budget);
}

/* What leaves more key; Cascade gives way where its round trips cost more than its key is worth. */
static void choose(const struct engine *e, struct block *b, const struct leak_expect *x)
{
	struct block_plan cascade, ldpc;
	struct channel_stats channel;

	plan_with(e, b, RECONCILE_CASCADE, x, &cascade);
	plan_with(e, b, RECONCILE_LDPC, x, &ldpc);
	channel_stats_read(e->channel, &channel);
	b->plan = ldpc.secret_bits > cascade.secret_bits ? ldpc : cascade;
	b->plan.reason = RECONCILE_MORE_KEY;
	if (e->config.reconciliation != RECONCILE_AUTO) {
		b->plan.reason = RECONCILE_CONFIGURED;
	} else if (cascade.secret_bits == 0 || ldpc.secret_bits == 0) {
		b->plan.reason = RECONCILE_ONLY;
	} else if (b->plan.method == RECONCILE_CASCADE && channel.rtt_ns > ROUNDS_NS &&
	           cascade.secret_bits < ROUNDS_SHARE * ldpc.secret_bits) {
		b->plan = ldpc;
		b->plan.reason = RECONCILE_ROUNDS;
	}
}

/* For status. */
static void planned(struct engine *e, const struct block_plan *p)
{
	e->stats.method = p->method;
	e->stats.reason = p->reason;
	e->stats.leak_mode = p->mode;
}

/*
 * Photon-number splitting: the bound takes what she knows, but where she lets some single photons
 * pass it leaves key, of light that somebody is known to have handled.
 */
static bool decoys_missing(const struct engine *e, const struct block *b)
{
	const struct finite_key_source *s = &e->config.source;
	const struct finite_key_counts *c = &b->counts;
	uint64_t signal = c->n_z[0] + c->n_x[0], decoy = c->n_z[1] + c->n_x[1];
	double least = decoy_share(s->mu[0], s->mu[1], s->p[0], s->p[1], 1);

	return tail_binomial_below(decoy, signal + decoy, least) < DECOYS_LN_ALPHA;
}

bool block_plan(struct engine *e, struct block *b)
{
	const struct leak_sample sample = {.n = {b->counts.n_z[0], b->counts.n_z[1]},
	                                   .sampled = {b->sampled[0], b->sampled[1]},
	                                   .errors = {b->sample_errors[0], b->sample_errors[1]}};
	const struct block_plan *p = &b->plan;
	struct leak_expect x;

	for (unsigned int k = 0; k < 2; k++)
		e->stats.counted[k] += b->counts.n_z[k] + b->counts.n_x[k];
	if (decoys_missing(e, b)) {
		block_abort(e, b, ABORT_DECOYS, true);
		return false;
	}
	leak_track_expect(&e->leak_track, &sample, &x);
	choose(e, b, &x);
	if (p->secret_bits == 0) {
		leak_track_sample(&e->leak_track, &sample);
		block_abort(e, b, ABORT_NO_SECRET, true);
		return false;
	}
	planned(e, p);
	return true;
}

void block_plan_encode(const struct engine *e, const struct block *b, struct message *start)
{
	start->start.frame_bits = block_frame_bits(e, b->plan.method);
	start->start.qber_ppb = (uint32_t)(b->plan.qber * 1e9);
	start->start.method = (uint8_t)b->plan.method;
	start->start.mode = (uint8_t)b->plan.mode;
	start->start.reason = (uint8_t)b->plan.reason;
	start->start.errors[0] = (uint32_t)b->plan.errors[0];
	start->start.errors[1] = (uint32_t)b->plan.errors[1];
	start->start.budget = b->plan.budget;
	start->start.secret_bits = b->plan.secret_bits;
}

bool block_plan_take(struct engine *e, struct block *b, const struct message *start)
{
	struct block_plan *p = &b->plan;

	enum reconcile_method method = (enum reconcile_method)start->start.method;

	if (reconcile_ops(method) == NULL || start->start.reason >= RECONCILE_REASONS ||
	    start->start.mode == LEAK_AUTO || start->start.mode != mode_of(&e->config, method)) {
		block_abort(e, b, ABORT_MODE, true);
		return false;
	}
	*p = (struct block_plan){
	        .method = method,
	        .reason = (enum reconcile_reason)start->start.reason,
	        .mode = (enum leak_mode)start->start.mode,
	        .frames = reconcile_ops(method)->checks_frames
	                          ? 0
	                          : frame_check_count(b->bits, e->config.frame_bits),
	        .errors = {start->start.errors[0], start->start.errors[1]},
	        .budget = start->start.budget,
	        .secret_bits = start->start.secret_bits,
	};
	if (start->start.frame_bits != block_frame_bits(e, method)) {
		engine_protocol_error(e, "frame length differs");
		return false;
	}
	if (p->errors[0] > b->counts.n_z[0] || p->errors[1] > b->counts.n_z[1] ||
	    p->budget < leak_fixed_bits(p->frames)) {
		engine_protocol_error(e, "a plan that cannot be");
		return false;
	}
	if (p->secret_bits == 0 || p->secret_bits % 256 != 0 ||
	    p->secret_bits > secret_bits(e, b, p->errors, p->budget)) {
		block_abort(e, b, ABORT_LENGTH, true);
		return false;
	}
	planned(e, p);
	return true;
}

uint64_t block_disclosed(const struct block *b)
{
	return leak_total_bits(b->plan.mode, b->plan.frames, &b->leak);
}

bool block_in_budget(struct engine *e, struct block *b)
{
	if (block_disclosed(b) <= b->plan.budget)
		return true;
	leak_track_missed(&e->leak_track);
	block_abort(e, b, ABORT_BUDGET, true);
	return false;
}

bool block_accept(struct engine *e, struct block *b)
{
	const uint64_t *m = b->counts.m_z;
	double n = (double)b->bits, entropy;

	b->qber = (double)(m[0] + m[1]) / n;
	entropy = n * binary_entropy(b->qber);
	b->efficiency = entropy > 0 ? (double)b->leak.alice / entropy : 0;
	/* Disclosed, so the blocks to come may be planned by it whatever becomes of this one. */
	leak_track_errors(&e->leak_track, b->counts.n_z, m,
	                  b->plan.method == RECONCILE_CASCADE ? b->leak.alice : 0);
	if (b->qber > e->config.qber_abort) {
		block_abort(e, b, ABORT_QBER, true);
		return false;
	}
	if (secret_bits(e, b, m, b->plan.budget) < b->plan.secret_bits) {
		log_info("%s: block %llu: %llu errors, planned for %llu", e->config.link,
		         (unsigned long long)b->number, (unsigned long long)(m[0] + m[1]),
		         (unsigned long long)(b->plan.errors[0] + b->plan.errors[1]));
		block_abort(e, b, ABORT_PLAN, true);
		return false;
	}
	return true;
}
