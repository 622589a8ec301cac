/* SPDX-License-Identifier: BSD-3-Clause */

/* Bob's stages of a block. */

#include <math.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/verify.h"

/* Not worth reconciling: the sample is five standard deviations above what is accepted. */
static bool hopeless(const struct engine *e, const struct block *b)
{
	double q = e->config.qber_abort, n = (double)(b->sampled[0] + b->sampled[1]);
	double errors = (double)(b->sample_errors[0] + b->sample_errors[1]);

	return n > 0 && errors > n * q + 5 * sqrt(n * q * (1 - q));
}

static bool start_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_START, .block = b->number};

	if (hopeless(e, b)) {
		block_abort(e, b, ABORT_QBER, true);
		return true;
	}
	if (!block_reconcile_space(e, b))
		return false;
	if (!block_plan(e, b))
		return true;
	/* Public, but not to be known before the bits are: any good source will do. */
	engine_random_any(e, &m.start.seed, sizeof(m.start.seed));
	m.start.bits = (uint32_t)b->bits;
	block_plan_encode(e, b, &m);
	memcpy(b->original, b->key, BITS_WORDS(b->bits) * sizeof(uint64_t));
	block_send_message(e, b, &m);
	if (block_reconcile_start(e, b, &m))
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
}

static void on_verify(struct engine *e, struct block *b, const struct message *m,
                      const uint8_t *msg, size_t len)
{
	struct message counts = {.type = MESSAGE_COUNTS, .block = b->number};
	uint8_t tag[VERIFY_TAG_BITS / 8];

	verify_tag(b->key, b->bits, m->verify.key, tag);
	if (!bytes_equal_ct(tag, m->verify.tag, sizeof(tag))) {
		block_abort(e, b, ABORT_VERIFICATION, true);
		return;
	}
	count_errors(b);
	counts.counts.m_z[0] = b->counts.m_z[0];
	counts.counts.m_z[1] = b->counts.m_z[1];
	block_send_message(e, b, &counts);
	if (block_accept(e, b) && block_seed_init(e, b))
		block_advance(e, b, BLOCK_SEED);
}

static void on_seed(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                    size_t len)
{
	size_t spare = b->seed_bytes * 8 - amplify_seed_bits(b->bits, b->plan.secret_bits);

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

static void on_commit(struct engine *e, struct block *b, const struct message *m,
                      const uint8_t *msg, size_t len)
{
	block_deliver(e, b);
}

const struct block_stage_ops block_bob_stages[BLOCK_STAGES] = {
        [BLOCK_SIFT] = {.step = block_sift_step,
                        .messages = {{MESSAGE_SIFTED, block_on_sifted}},
                        .waits = true},
        [BLOCK_START] = {.step = start_step},
        [BLOCK_RECONCILE] = {.step = block_reconcile_bob,
                             .messages = {{MESSAGE_ANSWER, block_reconcile_answer}},
                             .waits = true},
        [BLOCK_CHECK] = {.messages = {{MESSAGE_CHECK, block_on_check}}, .waits = true},
        [BLOCK_REVEAL] = {.messages = {{MESSAGE_REVEAL, block_on_reveal}}, .waits = true},
        [BLOCK_VERIFY] = {.messages = {{MESSAGE_VERIFY, on_verify}}, .waits = true},
        [BLOCK_SEED] = {.messages = {{MESSAGE_SEED, on_seed}}, .waits = true},
        [BLOCK_AMPLIFY] = {.step = block_amplify_step, .messages = {{MESSAGE_TAG, block_peer_tag}}},
        [BLOCK_PEER_TAG] = {.step = block_peer_tag_step,
                            .messages = {{MESSAGE_TAG, block_peer_tag}}},
        [BLOCK_HOLD] = {.step = hold_step},
        [BLOCK_COMMIT] = {.messages = {{MESSAGE_COMMIT, on_commit}}},
};
