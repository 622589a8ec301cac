/* SPDX-License-Identifier: BSD-3-Clause */

/* Bob's stages of a block. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/random.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/verify.h"

/* The block before says as much about this one's error rate as so many sampled outcomes. */
#define PRIOR_OUTCOMES 2000.0
#define QBER_FIRST     0.03 /* weight 20, when there was no block before */
#define QBER_LEAST     0.002
#define QBER_MOST      0.25

static double estimate_qber(const struct engine *e, const struct block *b)
{
	double weight = e->last_qber > 0 ? PRIOR_OUTCOMES : 20;
	double prior = e->last_qber > 0 ? e->last_qber : QBER_FIRST;
	double q = ((double)b->sample_errors + weight * prior) / ((double)b->sampled + weight);

	return q < QBER_LEAST ? QBER_LEAST : q > QBER_MOST ? QBER_MOST : q;
}

/* Not worth reconciling: the sample is five standard deviations above what is accepted. */
static bool hopeless(const struct engine *e, const struct block *b)
{
	double q = e->config.qber_abort, n = (double)b->sampled;

	return n > 0 && (double)b->sample_errors > n * q + 5 * sqrt(n * q * (1 - q));
}

static bool start_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_START, .block = b->number};

	if (hopeless(e, b)) {
		block_abort(e, b, ABORT_QBER, true);
		return true;
	}
	/* Public, but not to be known before the bits are: any good source will do. */
	if (e->ops.random.fill(e->ops.random.ctx, &m.start.seed, sizeof(m.start.seed)) < 0)
		random_bytes(&m.start.seed, sizeof(m.start.seed));
	m.start.bits = (uint32_t)b->bits;
	m.start.frame_bits = e->config.frame_bits;
	m.start.qber_ppb = (uint32_t)(estimate_qber(e, b) * 1e9);
	b->cascade = (struct cascade_params){
	        .bits = b->bits,
	        .frame_bits = m.start.frame_bits,
	        .qber = m.start.qber_ppb * 1e-9,
	        .seed = m.start.seed,
	};
	memcpy(b->original, b->key, BITS_WORDS(b->bits) * sizeof(uint64_t));
	b->cascade_b = cascade_bob_create(&b->cascade, b->key);
	block_send_message(e, b, &m);
	if (block_reconcile_buffers(e, b))
		block_advance(e, b, BLOCK_RECONCILE);
	return true;
}

/* Every corrected bit was an error; the intensity of its pulse is known. */
static void count_errors(struct block *b)
{
	b->counts.m_z[0] = b->counts.m_z[1] = 0;
	for (size_t w = 0; w < BITS_WORDS(b->bits); w++) {
		uint64_t errors = b->key[w] ^ b->original[w];

		b->counts.m_z[1] += (uint64_t)__builtin_popcountll(errors & b->decoy[w]);
		b->counts.m_z[0] += (uint64_t)__builtin_popcountll(errors & ~b->decoy[w]);
	}
	b->qber = (double)(b->counts.m_z[0] + b->counts.m_z[1]) / (double)b->bits;
}

static void corrected(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_CORRECTED, .block = b->number};
	struct cascade_stats s;
	double entropy;

	cascade_bob_stats(b->cascade_b, &s);
	b->alice_parities = m.corrected.alice = s.alice_parities;
	b->bob_parities = m.corrected.bob = s.bob_parities;
	cascade_bob_destroy(b->cascade_b);
	b->cascade_b = NULL;
	count_errors(b);
	entropy = (double)b->bits * binary_entropy(b->qber);
	b->efficiency = entropy > 0 ? (double)b->alice_parities / entropy : 0;
	if (b->qber > e->config.qber_abort) {
		block_abort(e, b, ABORT_QBER, true);
		return;
	}
	block_send_message(e, b, &m);
	block_advance(e, b, BLOCK_VERIFY);
}

static bool reconcile_step(struct engine *e, struct block *b)
{
	int n;

	if (cascade_bob_done(b->cascade_b)) {
		corrected(e, b);
		return true;
	}
	n = cascade_bob_ask(b->cascade_b, b->out + MESSAGE_HEADER, b->io_cap);
	if (n == -EAGAIN)
		return true;
	if (n == 0)
		return cascade_bob_done(b->cascade_b);
	if (n < 0) {
		block_abort(e, b, ABORT_RECONCILE, true);
		return true;
	}
	b->out[0] = MESSAGE_ASK;
	put_be64(b->out + 1, b->number);
	block_send(e, b, b->out, MESSAGE_HEADER + (size_t)n);
	return true;
}

static void on_answer(struct engine *e, struct block *b, const struct message *m)
{
	if (cascade_bob_take(b->cascade_b, m->payload.data, m->payload.len) < 0) {
		e->stats.protocol_errors++;
		block_abort(e, b, ABORT_RECONCILE, true);
	}
}

static void on_verify(struct engine *e, struct block *b, const struct message *m)
{
	struct message counts = {.type = MESSAGE_COUNTS, .block = b->number};
	uint8_t tag[VERIFY_TAG_BITS / 8];

	verify_tag(b->key, b->bits, m->verify.key, tag);
	if (!bytes_equal_ct(tag, m->verify.tag, sizeof(tag))) {
		block_abort(e, b, ABORT_VERIFICATION, true);
		return;
	}
	counts.counts.m_z[0] = b->counts.m_z[0];
	counts.counts.m_z[1] = b->counts.m_z[1];
	block_send_message(e, b, &counts);
	block_advance(e, b, BLOCK_COUNTS);
}

static void on_length(struct engine *e, struct block *b, const struct message *m)
{
	uint32_t most = block_secret_bits(e, b);

	if (m->secret_bits == 0 || m->secret_bits % 256 != 0 || m->secret_bits > most) {
		block_abort(e, b, ABORT_LENGTH, true);
		return;
	}
	b->secret_bits = m->secret_bits;
	b->seed_bytes = (amplify_seed_bits(b->bits, b->secret_bits) + 7) / 8;
	b->seed = calloc(b->seed_bytes / 8 + 1, sizeof(uint64_t));
	if (b->seed == NULL) {
		block_abort(e, b, ABORT_RECONCILE, true);
		return;
	}
	block_advance(e, b, BLOCK_SEED);
}

static void on_seed(struct engine *e, struct block *b, const struct message *m)
{
	size_t spare = b->seed_bytes * 8 - amplify_seed_bits(b->bits, b->secret_bits);

	if (m->seed.offset != b->seed_have || m->seed.len > b->seed_bytes - b->seed_have) {
		engine_protocol_error(e, "a piece of seed out of order");
		return;
	}
	memcpy((uint8_t *)b->seed + b->seed_have, m->seed.data, m->seed.len);
	b->seed_have += m->seed.len;
	if (b->seed_have < b->seed_bytes)
		return;
	((uint8_t *)b->seed)[b->seed_bytes - 1] &= (uint8_t)(0xff >> spare);
	block_advance(e, b, BLOCK_AMPLIFY);
	block_amplify_start(e, b);
}

static bool hold_step(struct engine *e, struct block *b)
{
	if (!block_is_clean(e, b))
		return false;
	if (b->result == NULL && !block_prepare(e, b))
		return true;
	if (!block_send_tag(e, b))
		return false;
	b->result->computational = b->computational;
	block_advance(e, b, BLOCK_COMMIT);
	return true;
}

bool block_bob_step(struct engine *e, struct block *b)
{
	switch (b->stage) {
	case BLOCK_START:
		return start_step(e, b);
	case BLOCK_RECONCILE:
		return reconcile_step(e, b);
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

void block_bob_message(struct engine *e, struct block *b, const struct message *m,
                       const uint8_t *msg, size_t len)
{
	if (m->type == MESSAGE_TAG && (b->stage == BLOCK_AMPLIFY || b->stage == BLOCK_PEER_TAG)) {
		block_peer_tag(e, b, m, msg, len);
		return;
	}
	if (m->type == MESSAGE_COMMIT && b->stage == BLOCK_COMMIT) {
		block_deliver(e, b);
		return;
	}
	auth_transcript_add(&b->secret->rx, msg, len);
	b->progress_ns = e->now_ns;
	if (m->type == MESSAGE_ANSWER && b->stage == BLOCK_RECONCILE)
		on_answer(e, b, m);
	else if (m->type == MESSAGE_VERIFY && b->stage == BLOCK_VERIFY)
		on_verify(e, b, m);
	else if (m->type == MESSAGE_LENGTH && b->stage == BLOCK_COUNTS)
		on_length(e, b, m);
	else if (m->type == MESSAGE_SEED && b->stage == BLOCK_SEED)
		on_seed(e, b, m);
	else
		engine_protocol_error(e, "a message out of turn");
}
