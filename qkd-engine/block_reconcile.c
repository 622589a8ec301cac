/* SPDX-License-Identifier: BSD-3-Clause */

/* The stage in which Bob's bits become Alice's, at both ends. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/engine_state.h"

bool block_reconcile_start(struct engine *e, struct block *b, const struct message *start)
{
	b->cascade = (struct cascade_params){
	        .bits = b->bits,
	        .frame_bits = start->start.frame_bits,
	        .qber = start->start.qber_ppb * 1e-9,
	        .seed = start->start.seed,
	};
	if (e->config.role == ENGINE_ALICE)
		b->cascade_a = cascade_alice_create(&b->cascade, b->key);
	else
		b->cascade_b = cascade_bob_create(&b->cascade, b->key);
	b->turn = true;
	b->io_cap = cascade_message_max(&b->cascade);
	b->in = malloc(b->io_cap);
	b->out = malloc(MESSAGE_HEADER + b->io_cap);
	if (b->in != NULL && b->out != NULL && (b->cascade_a != NULL || b->cascade_b != NULL))
		return true;
	block_abort(e, b, ABORT_RECONCILE, true);
	return false;
}

/* What was disclosed so far; false: too much, and the block is gone. */
static bool count(struct engine *e, struct block *b)
{
	struct cascade_stats s;

	if (e->config.role == ENGINE_ALICE)
		cascade_alice_stats(b->cascade_a, &s);
	else
		cascade_bob_stats(b->cascade_b, &s);
	b->leak.alice = s.alice_parities;
	b->leak.bob = s.bob_parities;
	return block_in_budget(e, b);
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

	b->job_result = cascade_alice_answer(b->cascade_a, b->in, b->in_len,
	                                     b->out + MESSAGE_HEADER, b->io_cap);
	return b->job_result != -EAGAIN;
}

bool block_reconcile_alice(struct engine *e, struct block *b)
{
	enum block_job did;
	int n;

	if (b->in_len == 0)
		return false;
	did = block_job(e, b, answer_job);
	if (did != BLOCK_JOB_DONE)
		return did == BLOCK_JOB_MORE;
	n = b->job_result;
	b->in_len = 0;
	b->progress_ns = e->now_ns;
	if (n < 0)
		block_abort(e, b, ABORT_RECONCILE, true);
	else if (count(e, b) && n > 0)
		send_payload(e, b, MESSAGE_ANSWER, n);
	return true;
}

static void corrected(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_CORRECTED, .block = b->number};

	if (!count(e, b))
		return;
	m.corrected.alice = b->leak.alice;
	m.corrected.bob = b->leak.bob;
	cascade_bob_destroy(b->cascade_b);
	b->cascade_b = NULL;
	block_send_message(e, b, &m);
	block_advance(e, b, BLOCK_CHECK);
}

static bool ask_job(void *ctx)
{
	struct block *b = ctx;

	b->job_result = cascade_bob_ask(b->cascade_b, b->out + MESSAGE_HEADER, b->io_cap);
	return b->job_result != -EAGAIN;
}

bool block_reconcile_bob(struct engine *e, struct block *b)
{
	enum block_job did;
	int n;

	if (!b->turn)
		return false;
	did = block_job(e, b, ask_job);
	if (did != BLOCK_JOB_DONE)
		return did == BLOCK_JOB_MORE;
	n = b->job_result;
	b->turn = false; /* until the answer comes */
	if (n < 0)
		block_abort(e, b, ABORT_RECONCILE, true);
	else if (n == 0)
		corrected(e, b);
	else if (count(e, b))
		send_payload(e, b, MESSAGE_ASK, n);
	return true;
}

void block_reconcile_ask(struct engine *e, struct block *b, const struct message *m,
                         const uint8_t *msg, size_t len)
{
	if (b->in_len != 0 || m->payload.len > b->io_cap) {
		engine_protocol_error(e, "questions out of turn");
		return;
	}
	memcpy(b->in, m->payload.data, m->payload.len);
	b->in_len = m->payload.len;
}

void block_reconcile_answer(struct engine *e, struct block *b, const struct message *m,
                            const uint8_t *msg, size_t len)
{
	if (b->turn) {
		engine_protocol_error(e, "an answer out of turn");
	} else if (cascade_bob_take(b->cascade_b, m->payload.data, m->payload.len) < 0) {
		e->stats.protocol_errors++;
		block_abort(e, b, ABORT_RECONCILE, true);
	} else {
		b->turn = true;
	}
}

void block_reconcile_corrected(struct engine *e, struct block *b, const struct message *m,
                               const uint8_t *msg, size_t len)
{
	if (b->in_len != 0) {
		engine_protocol_error(e, "the end of reconciliation with a question open");
		return;
	}
	/* Each end trusts itself and takes the greater leak. */
	if (m->corrected.alice > b->leak.alice)
		b->leak.alice = m->corrected.alice;
	if (m->corrected.bob > b->leak.bob)
		b->leak.bob = m->corrected.bob;
	if (!block_in_budget(e, b))
		return;
	cascade_alice_destroy(b->cascade_a);
	b->cascade_a = NULL;
	block_advance(e, b, BLOCK_CHECK);
}
