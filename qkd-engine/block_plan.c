/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is fixed before a block is reconciled: how much may leak, how many errors are planned
 * for, how long the key will be. All of it follows from public figures, so that none of it
 * tells of the bits; later a block keeps to the plan or is void. Steps 5 to 9 of the argument
 * in docs/security.md, "The length".
 */

#include <math.h>

#include "common/log.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/frame_check.h"

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

static enum leak_mode mode_of(const struct engine_config *c)
{
	return c->leak_mode == LEAK_AUTO ? LEAK_TWO_WAY : c->leak_mode;
}

/* Cascade: each of Alice's parities tells one of Bob's (cascade.h). */
static double parities_most(const struct engine *e, const struct block *b, double qber_most)
{
	double alice = leak_track_f_most(&e->leak_track, b->bits) * (double)b->bits *
	               binary_entropy(qber_most);

	return b->plan.mode == LEAK_ALICE_ONLY ? alice : 2 * alice;
}

/* For status. */
static void planned(struct engine *e, const struct block_plan *p)
{
	e->stats.method = p->method;
	e->stats.reason = p->reason;
	e->stats.leak_mode = p->mode;
}

bool block_plan(struct engine *e, struct block *b)
{
	const struct leak_sample sample = {.n = {b->counts.n_z[0], b->counts.n_z[1]},
	                                   .sampled = {b->sampled[0], b->sampled[1]},
	                                   .errors = {b->sample_errors[0], b->sample_errors[1]}};
	struct block_plan *p = &b->plan;
	struct leak_expect x;
	double budget, frame;

	leak_track_expect(&e->leak_track, &sample, &x);
	b->qber = x.qber;
	p->method = RECONCILE_CASCADE;
	p->reason =
	        e->config.reconciliation == RECONCILE_AUTO ? RECONCILE_ONLY : RECONCILE_CONFIGURED;
	p->mode = mode_of(&e->config);
	p->frames = frame_check_count(b->bits, e->config.frame_bits);
	p->errors[0] = x.errors_most[0];
	p->errors[1] = x.errors_most[1];
	budget = ceil(parities_most(e, b, x.qber_most) + (double)leak_fixed_bits(p->frames));
	frame = (double)frame_check_size_max(b->bits, p->frames);
	budget += frame * leak_track_reserve(&e->leak_track, p->frames, (uint64_t)frame,
	                                     secret_bits(e, b, p->errors, budget));
	p->budget = budget < (double)b->bits ? (uint32_t)budget : (uint32_t)b->bits;
	p->secret_bits = secret_bits(e, b, p->errors, p->budget);
	if (p->secret_bits == 0) {
		leak_track_sample(&e->leak_track, &sample);
		block_abort(e, b, ABORT_NO_SECRET, true);
		return false;
	}
	planned(e, p);
	return true;
}

void block_plan_encode(const struct block *b, struct message *start)
{
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

	if (start->start.method != RECONCILE_CASCADE || start->start.reason >= RECONCILE_REASONS ||
	    start->start.mode != mode_of(&e->config)) {
		block_abort(e, b, ABORT_MODE, true);
		return false;
	}
	*p = (struct block_plan){
	        .method = (enum reconcile_method)start->start.method,
	        .reason = (enum reconcile_reason)start->start.reason,
	        .mode = (enum leak_mode)start->start.mode,
	        .frames = frame_check_count(b->bits, e->config.frame_bits),
	        .errors = {start->start.errors[0], start->start.errors[1]},
	        .budget = start->start.budget,
	        .secret_bits = start->start.secret_bits,
	};
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
	leak_track_errors(&e->leak_track, b->counts.n_z, m, b->leak.alice);
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
