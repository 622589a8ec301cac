/* SPDX-License-Identifier: BSD-3-Clause */

/* Alice's stages of a block. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/verify.h"

static void on_start(struct engine *e, struct block *b, const struct message *m)
{
	if (m->start.bits != b->bits || m->start.frame_bits != e->config.frame_bits) {
		engine_protocol_error(e, "block length or frame length differs");
		return;
	}
	b->cascade = (struct cascade_params){
	        .bits = b->bits,
	        .frame_bits = m->start.frame_bits,
	        .qber = m->start.qber_ppb * 1e-9,
	        .seed = m->start.seed,
	};
	b->cascade_a = cascade_alice_create(&b->cascade, b->key);
	if (block_reconcile_buffers(e, b))
		block_advance(e, b, BLOCK_RECONCILE);
}

static void on_corrected(struct engine *e, struct block *b, const struct message *m)
{
	struct cascade_stats s;

	cascade_alice_stats(b->cascade_a, &s);
	/* Each end trusts itself and takes the greater leak; Bob's bound checks ours. */
	b->alice_parities = s.alice_parities;
	b->bob_parities = s.bob_parities;
	if (m->corrected.alice > b->alice_parities)
		b->alice_parities = m->corrected.alice;
	if (m->corrected.bob > b->bob_parities)
		b->bob_parities = m->corrected.bob;
	cascade_alice_destroy(b->cascade_a);
	b->cascade_a = NULL;
	block_advance(e, b, BLOCK_VERIFY);
}

static void on_counts(struct engine *e, struct block *b, const struct message *m)
{
	uint64_t errors = m->counts.m_z[0] + m->counts.m_z[1];
	struct message length = {.type = MESSAGE_LENGTH, .block = b->number};
	double entropy;

	if (m->counts.m_z[0] > b->counts.n_z[0] || m->counts.m_z[1] > b->counts.n_z[1]) {
		engine_protocol_error(e, "more errors than detections");
		return;
	}
	b->counts.m_z[0] = m->counts.m_z[0];
	b->counts.m_z[1] = m->counts.m_z[1];
	b->qber = (double)errors / (double)b->bits;
	entropy = (double)b->bits * binary_entropy(b->qber);
	b->efficiency = entropy > 0 ? (double)b->alice_parities / entropy : 0;
	if (b->qber > e->config.qber_abort) {
		block_abort(e, b, ABORT_QBER, true);
		return;
	}
	b->secret_bits = block_secret_bits(e, b);
	if (b->secret_bits == 0) {
		block_abort(e, b, ABORT_NO_SECRET, true);
		return;
	}
	b->seed_bytes = (amplify_seed_bits(b->bits, b->secret_bits) + 7) / 8;
	b->seed = calloc(b->seed_bytes / 8 + 1, sizeof(uint64_t));
	if (b->seed == NULL) {
		block_abort(e, b, ABORT_RECONCILE, true);
		return;
	}
	length.secret_bits = b->secret_bits;
	block_send_message(e, b, &length);
	block_advance(e, b, BLOCK_SEED);
}

static bool reconcile_step(struct engine *e, struct block *b)
{
	int n;

	if (b->in_len == 0)
		return false;
	n = cascade_alice_answer(b->cascade_a, b->in, b->in_len, b->out + MESSAGE_HEADER,
	                         b->io_cap);
	if (n == -EAGAIN)
		return true;
	b->in_len = 0;
	b->progress_ns = e->now_ns;
	if (n < 0) {
		block_abort(e, b, ABORT_RECONCILE, true);
		return true;
	}
	if (n > 0) {
		b->out[0] = MESSAGE_ANSWER;
		put_be64(b->out + 1, b->number);
		block_send(e, b, b->out, MESSAGE_HEADER + (size_t)n);
	}
	return true;
}

static bool verify_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_VERIFY, .block = b->number};

	if (e->ops.random.fill(e->ops.random.ctx, m.verify.key, sizeof(m.verify.key)) < 0)
		return false;
	verify_tag(b->key, b->bits, m.verify.key, m.verify.tag);
	block_send_message(e, b, &m);
	block_advance(e, b, BLOCK_COUNTS);
	return true;
}

static bool seed_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_SEED, .block = b->number};
	uint8_t *at = (uint8_t *)b->seed + b->seed_have;
	size_t left = b->seed_bytes - b->seed_have;
	size_t spare = b->seed_bytes * 8 - amplify_seed_bits(b->bits, b->secret_bits);

	if (left > MESSAGE_SEED_MAX)
		left = MESSAGE_SEED_MAX;
	if (e->ops.random.fill(e->ops.random.ctx, at, left) < 0)
		return false;
	m.seed.offset = (uint32_t)b->seed_have;
	m.seed.data = at;
	m.seed.len = left;
	b->seed_have += left;
	b->progress_ns = e->now_ns;
	if (b->seed_have == b->seed_bytes)
		((uint8_t *)b->seed)[b->seed_bytes - 1] &= (uint8_t)(0xff >> spare);
	block_send_message(e, b, &m);
	if (b->seed_have == b->seed_bytes)
		block_advance(e, b, BLOCK_TAG);
	return true;
}

static bool tag_step(struct engine *e, struct block *b)
{
	if (!block_send_tag(e, b))
		return false;
	block_advance(e, b, BLOCK_AMPLIFY);
	block_amplify_start(e, b);
	return true;
}

static bool hold_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_COMMIT, .block = b->number};

	if (!block_is_clean(e, b))
		return false;
	if (!block_prepare(e, b))
		return true;
	engine_send_message(e, &m);
	block_deliver(e, b);
	return true;
}

bool block_alice_step(struct engine *e, struct block *b)
{
	switch (b->stage) {
	case BLOCK_RECONCILE:
		return reconcile_step(e, b);
	case BLOCK_VERIFY:
		return verify_step(e, b);
	case BLOCK_SEED:
		return seed_step(e, b);
	case BLOCK_TAG:
		return tag_step(e, b);
	case BLOCK_AMPLIFY:
		if (block_amplify_step(e, b))
			block_advance(e, b, BLOCK_PEER_TAG);
		return true;
	case BLOCK_PEER_TAG:
		return block_peer_tag_step(e, b);
	case BLOCK_HOLD:
		return hold_step(e, b);
	default:
		return false;
	}
}

void block_alice_message(struct engine *e, struct block *b, const struct message *m,
                         const uint8_t *msg, size_t len)
{
	if (m->type == MESSAGE_TAG && (b->stage == BLOCK_AMPLIFY || b->stage == BLOCK_PEER_TAG)) {
		block_peer_tag(e, b, m, msg, len);
		return;
	}
	auth_transcript_add(&b->secret->rx, msg, len);
	b->progress_ns = e->now_ns;
	if (m->type == MESSAGE_START && b->stage == BLOCK_START) {
		on_start(e, b, m);
	} else if (m->type == MESSAGE_ASK && b->stage == BLOCK_RECONCILE && b->in_len == 0 &&
	           m->payload.len <= b->io_cap) {
		memcpy(b->in, m->payload.data, m->payload.len);
		b->in_len = m->payload.len;
	} else if (m->type == MESSAGE_CORRECTED && b->stage == BLOCK_RECONCILE && b->in_len == 0) {
		on_corrected(e, b, m);
	} else if (m->type == MESSAGE_COUNTS && b->stage == BLOCK_COUNTS) {
		on_counts(e, b, m);
	} else {
		engine_protocol_error(e, "a message out of turn");
	}
}
