/* SPDX-License-Identifier: BSD-3-Clause */

/* Alice's stages of a block. */

#include <string.h>

#include "qkd-engine/engine_state.h"
#include "qkd-engine/verify.h"

static void on_start(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                     size_t len)
{
	if (m->start.bits != b->bits) {
		engine_protocol_error(e, "block length differs");
		return;
	}
	if (block_plan_take(e, b, m) && block_reconcile_start(e, b, m))
		block_advance(e, b, BLOCK_RECONCILE);
}

static bool verify_job(void *ctx)
{
	return verify_step(&((struct block *)ctx)->verify);
}

static bool verify_stage(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_VERIFY, .block = b->number};
	enum block_job did;

	if (b->at == 0) {
		if (engine_random(e, m.verify.key, sizeof(m.verify.key)) < 0)
			return false;
		verify_start(&b->verify, b->key, b->bits, m.verify.key);
		b->at = 1;
	}
	did = block_job(e, b, verify_job);
	if (did != BLOCK_JOB_DONE)
		return did == BLOCK_JOB_MORE;
	memcpy(m.verify.key, b->verify.hash_key, sizeof(m.verify.key));
	memcpy(m.verify.tag, b->verify.tag, sizeof(m.verify.tag));
	block_send_message(e, b, &m);
	block_advance(e, b, BLOCK_COUNTS);
	return true;
}

static void on_counts(struct engine *e, struct block *b, const struct message *m,
                      const uint8_t *msg, size_t len)
{
	if (m->counts.m_z[0] > b->counts.n_z[0] || m->counts.m_z[1] > b->counts.n_z[1]) {
		engine_protocol_error(e, "more errors than detections");
		return;
	}
	b->counts.m_z[0] = m->counts.m_z[0];
	b->counts.m_z[1] = m->counts.m_z[1];
	if (block_accept(e, b))
		block_advance(e, b, BLOCK_SEED);
}

static bool seed_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_SEED, .block = b->number};
	uint8_t *at;
	size_t left, spare;

	if (!block_amplify_space(e, b))
		return false;
	at = (uint8_t *)b->seed + b->seed_have;
	left = b->seed_bytes - b->seed_have;
	spare = b->seed_bytes * 8 - amplify_seed_bits(b->bits, b->plan.secret_bits);
	if (left > MESSAGE_SEED_MAX)
		left = MESSAGE_SEED_MAX;
	if (engine_random(e, at, left) < 0)
		return false;
	m.seed.offset = (uint32_t)b->seed_have;
	m.seed.data = at;
	m.seed.len = left;
	b->seed_have += left;
	b->progress_ns = e->now_ns;
	if (b->seed_have == b->seed_bytes)
		((uint8_t *)b->seed)[b->seed_bytes - 1] &= (uint8_t)(0xff >> spare);
	block_send_message(e, b, &m);
	if (b->seed_have < b->seed_bytes)
		return true;
	block_advance(e, b, BLOCK_AMPLIFY);
	block_amplify_start(e, b);
	return true;
}

/* What waits for a pad holds no room that others need. */
static bool amplify_stage(struct engine *e, struct block *b)
{
	return block_amplify_step(e, b, BLOCK_TAG);
}

static bool tag_step(struct engine *e, struct block *b)
{
	if (!block_send_tag(e, b))
		return false;
	block_advance(e, b, BLOCK_PEER_TAG);
	return true;
}

static bool hold_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_COMMIT, .block = b->number};
	enum block_job did;

	if (!block_is_clean(e, b))
		return false;
	did = block_prepare(e, b);
	if (did != BLOCK_JOB_DONE)
		return did == BLOCK_JOB_MORE;
	if (!b->ready)
		return true;
	engine_send_message(e, &m);
	block_deliver(e, b);
	return true;
}

const struct block_stage_ops block_alice_stages[BLOCK_STAGES] = {
        [BLOCK_SIFT] = {.step = block_sift_step,
                        .messages = {{MESSAGE_BASES, block_on_bases}},
                        .waits = true},
        [BLOCK_START] = {.messages = {{MESSAGE_START, on_start}}, .waits = true},
        [BLOCK_RECONCILE] = {.step = block_reconcile_alice,
                             .messages = {{MESSAGE_ASK, block_reconcile_ask},
                                          {MESSAGE_CORRECTED, block_reconcile_corrected}},
                             .waits = true},
        [BLOCK_CHECK] = {.step = block_check_step},
        [BLOCK_FAILED] = {.messages = {{MESSAGE_FAILED, block_on_failed}}, .waits = true},
        [BLOCK_REVEAL] = {.step = block_reveal_step},
        [BLOCK_VERIFY] = {.step = verify_stage},
        [BLOCK_COUNTS] = {.messages = {{MESSAGE_COUNTS, on_counts}}, .waits = true},
        [BLOCK_SEED] = {.step = seed_step},
        [BLOCK_AMPLIFY] = {.step = amplify_stage},
        [BLOCK_TAG] = {.step = tag_step},
        [BLOCK_PEER_TAG] = {.step = block_peer_tag_step,
                            .messages = {{MESSAGE_TAG, block_peer_tag}}},
        [BLOCK_HOLD] = {.step = hold_step},
};
