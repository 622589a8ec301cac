/* SPDX-License-Identifier: BSD-3-Clause */

/* The stage in which Bob's bits become Alice's, at both ends. */

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/engine_state.h"

int block_reconcile_size(enum engine_role role, const struct reconcile_ops *ops,
                         const struct reconcile_params *p, struct workspace_size *out)
{
	size_t message = ops->message_most(p);
	struct workspace io = {0};
	int ret = (role == ENGINE_ALICE ? ops->alice_size : ops->bob_size)(p, out);

	if (role == ENGINE_ALICE)
		workspace_plain(&io, message);
	workspace_plain(&io, MESSAGE_HEADER + message);
	out->plain += io.most.plain;
	return ret;
}

bool block_reconcile_space(struct engine *e, struct block *b)
{
	if (b->space == NULL)
		b->space = workspace_pool_take(&e->spaces);
	if (b->space == NULL && !b->waited)
		e->stats.reconcile_waits++;
	b->waited = b->space == NULL;
	return b->space != NULL;
}

void block_reconcile_end(struct engine *e, struct block *b)
{
	if (b->space == NULL)
		return;
	workspace_pool_give(&e->spaces, b->space);
	b->space = NULL;
	b->reconciler = NULL;
	b->in = b->out = NULL;
}

/* In the workspace that there is; false: aborted. */
static bool create(struct engine *e, struct block *b)
{
	bool alice = e->config.role == ENGINE_ALICE;

	b->in = alice ? workspace_plain(b->space, b->io_cap) : NULL;
	b->out = workspace_plain(b->space, MESSAGE_HEADER + b->io_cap);
	if (workspace_fits(b->space))
		b->reconciler = alice ? b->ops->alice_create(b->space, &b->params, b->key)
		                      : b->ops->bob_create(b->space, &b->params, b->key);
	if (b->reconciler != NULL)
		return true;
	block_abort(e, b, ABORT_RECONCILE, true);
	return false;
}

bool block_reconcile_start(struct engine *e, struct block *b, const struct message *start)
{
	b->params = (struct reconcile_params){
	        .bits = b->bits,
	        .frame_bits = start->start.frame_bits,
	        .qber = start->start.qber_ppb * 1e-9,
	        .seed = start->start.seed,
	};
	b->turn = true;
	b->ops = reconcile_ops(b->plan.method);
	b->io_cap = b->ops->message_max(&b->params);
	if (b->io_cap == 0) {
		block_abort(e, b, ABORT_RECONCILE, true);
		return false;
	}
	/* Alice waits for a workspace when she is asked. */
	return e->config.role == ENGINE_ALICE || create(e, b);
}

/* What was disclosed so far; false: too much, and the block is gone. */
static bool count(struct engine *e, struct block *b, struct reconcile_count *c)
{
	(e->config.role == ENGINE_ALICE ? b->ops->alice_count : b->ops->bob_count)(b->reconciler,
	                                                                           c);
	b->leak.alice = c->alice;
	b->leak.bob = c->bob;
	return block_in_budget(e, b);
}

/* This end's half gave up; -EOVERFLOW: what is left would take more than was planned for. */
static void give_up(struct engine *e, struct block *b, int error)
{
	if (error == -EOVERFLOW)
		leak_track_missed(&e->leak_track);
	block_abort(e, b, error == -EOVERFLOW ? ABORT_BUDGET : ABORT_RECONCILE, true);
}

/* Reconciled: on to what finds the errors that are left. */
static void finish(struct engine *e, struct block *b, const struct reconcile_count *c)
{
	e->stats.frames += c->frames;
	e->stats.frames_failed += c->failed;
	block_reconcile_end(e, b);
	block_advance(e, b, b->ops->checks_frames ? BLOCK_VERIFY : BLOCK_CHECK);
}

static void send_payload(struct engine *e, struct block *b, enum message_type type, int n)
{
	b->out[0] = (uint8_t)type;
	put_be64(b->out + 1, b->number);
	block_send(e, b, b->out, MESSAGE_HEADER + (size_t)n);
}

static bool answer_job(void *ctx)
{
	struct block *b = ctx;

	b->job_result = b->ops->alice_answer(b->reconciler, b->in, b->in_len,
	                                     b->out + MESSAGE_HEADER, b->io_cap);
	return b->job_result != -EAGAIN;
}

bool block_reconcile_alice(struct engine *e, struct block *b)
{
	struct reconcile_count c;
	enum block_job did;
	int n;

	if (b->in_len == 0)
		return false;
	if (b->reconciler == NULL) {
		if (!block_reconcile_space(e, b))
			return false;
		if (!create(e, b))
			return true;
		memcpy(b->in, b->first, b->in_len);
	}
	did = block_job(e, b, answer_job);
	if (did != BLOCK_JOB_DONE)
		return did == BLOCK_JOB_MORE;
	n = b->job_result;
	b->in_len = 0;
	b->progress_ns = e->now_ns;
	if (n < 0)
		give_up(e, b, n);
	else if (count(e, b, &c) && n > 0)
		send_payload(e, b, MESSAGE_ANSWER, n);
	return true;
}

static void corrected(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_CORRECTED, .block = b->number};
	struct reconcile_count c;

	if (!count(e, b, &c))
		return;
	m.corrected.alice = b->leak.alice;
	m.corrected.bob = b->leak.bob;
	block_send_message(e, b, &m);
	finish(e, b, &c);
}

static bool ask_job(void *ctx)
{
	struct block *b = ctx;

	b->job_result = b->ops->bob_ask(b->reconciler, b->out + MESSAGE_HEADER, b->io_cap);
	return b->job_result != -EAGAIN;
}

bool block_reconcile_bob(struct engine *e, struct block *b)
{
	struct reconcile_count c;
	enum block_job did;
	int n;

	if (!b->turn)
		return false;
	did = block_job(e, b, ask_job);
	if (did != BLOCK_JOB_DONE)
		return did == BLOCK_JOB_MORE;
	n = b->job_result;
	b->turn = false; /* until the answer comes */
	if (n < 0 || (n == 0 && !b->ops->bob_done(b->reconciler)))
		give_up(e, b, n);
	else if (n == 0)
		corrected(e, b);
	else if (count(e, b, &c))
		send_payload(e, b, MESSAGE_ASK, n);
	return true;
}

void block_reconcile_ask(struct engine *e, struct block *b, const struct message *m,
                         const uint8_t *msg, size_t len)
{
	size_t cap = b->reconciler == NULL ? sizeof(b->first) : b->io_cap;

	if (b->in_len != 0 || m->payload.len > cap) {
		engine_protocol_error(e, "questions out of turn");
		return;
	}
	memcpy(b->reconciler == NULL ? b->first : b->in, m->payload.data, m->payload.len);
	b->in_len = m->payload.len;
}

void block_reconcile_answer(struct engine *e, struct block *b, const struct message *m,
                            const uint8_t *msg, size_t len)
{
	if (b->turn) {
		engine_protocol_error(e, "an answer out of turn");
	} else if (b->ops->bob_take(b->reconciler, m->payload.data, m->payload.len) < 0) {
		e->stats.protocol_errors++;
		block_abort(e, b, ABORT_RECONCILE, true);
	} else {
		b->turn = true;
	}
}

void block_reconcile_corrected(struct engine *e, struct block *b, const struct message *m,
                               const uint8_t *msg, size_t len)
{
	struct reconcile_count c;

	if (b->in_len != 0 || b->reconciler == NULL) {
		engine_protocol_error(e, "the end of reconciliation with a question open");
		return;
	}
	if (!count(e, b, &c))
		return;
	/* Each end trusts itself and takes the greater leak. */
	if (m->corrected.alice > b->leak.alice)
		b->leak.alice = m->corrected.alice;
	if (m->corrected.bob > b->leak.bob)
		b->leak.bob = m->corrected.bob;
	if (block_in_budget(e, b))
		finish(e, b, &c);
}
