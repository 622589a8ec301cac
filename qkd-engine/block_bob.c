/* SPDX-License-Identifier: BSD-3-Clause */

/* Bob's stages of a block. */

#include <math.h>
#include <string.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/sift_pack.h"
#include "qkd-engine/verify.h"

/* In a step: 128 KiB, 20 us where they are not in the cache; as many in pieces on the stack. */
#define COPY_WORDS    ((size_t)16384)
#define COUNT_WORDS   256
#define COUNTS_A_STEP 24

/* Not worth reconciling: the sample is five standard deviations above what is accepted. */
static bool hopeless(const struct engine *e, const struct block *b)
{
	double q = e->config.qber_abort, n = (double)(b->sampled[0] + b->sampled[1]);
	double errors = (double)(b->sample_errors[0] + b->sample_errors[1]);

	return n > 0 && errors > n * q + 5 * sqrt(n * q * (1 - q));
}

/* The next slice of the key, as it is before correction; true: it was the last. */
static bool keep_original(struct block *b)
{
	size_t words = BITS_WORDS(b->bits) - b->at;

	if (words > COPY_WORDS)
		words = COPY_WORDS;
	memcpy(b->original + b->at, b->key + b->at, words * sizeof(*b->key));
	b->at += words;
	return b->at == BITS_WORDS(b->bits);
}

static bool start_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_START, .block = b->number};

	if (b->at == 0 && hopeless(e, b)) {
		block_abort(e, b, ABORT_QBER, true);
		return true;
	}
	if (b->at < BITS_WORDS(b->bits) && !keep_original(b))
		return true;
	if (!block_reconcile_space(e, b))
		return false;
	if (!block_plan(e, b))
		return true;
	/* Public, but not to be known before the bits are: any good source will do. */
	engine_random_any(e, &m.start.seed, sizeof(m.start.seed));
	m.start.bits = (uint32_t)b->bits;
	block_plan_encode(e, b, &m);
	block_send_message(e, b, &m);
	if (block_reconcile_start(e, b, &m))
		block_advance(e, b, BLOCK_RECONCILE);
	return true;
}

/*
 * Every corrected bit was an error; the intensity of its pulse is known. Of a slice of the words;
 * true: it was the last.
 */
static bool count_errors(struct block *b)
{
	const struct sift_pack *pack = sift_pack_best();
	size_t left = BITS_WORDS(b->bits) - b->at, n = left < COUNT_WORDS ? left : COUNT_WORDS;
	uint64_t errors[COUNT_WORDS], decoys[COUNT_WORDS], decoy;

	for (size_t w = 0; w < n; w++) {
		errors[w] = b->key[b->at + w] ^ b->original[b->at + w];
		decoys[w] = errors[w] & b->decoy[b->at + w];
	}
	decoy = pack->count(decoys, n);
	b->counts.m_z[1] += decoy;
	b->counts.m_z[0] += pack->count(errors, n) - decoy;
	secret_wipe(errors, sizeof(errors));
	secret_wipe(decoys, sizeof(decoys));
	b->at += n;
	return n == left;
}

/* Hash the block, then count, in slices. */
static bool counts_job(void *ctx)
{
	struct block *b = ctx;

	if (b->verify.at < BITS_WORDS(b->bits)) {
		verify_step(&b->verify);
		return false;
	}
	for (unsigned int i = 0; i < COUNTS_A_STEP; i++)
		if (count_errors(b))
			return true;
	return false;
}

static void on_verify(struct engine *e, struct block *b, const struct message *m,
                      const uint8_t *msg, size_t len)
{
	verify_start(&b->verify, b->key, b->bits, m->verify.key);
	memcpy(b->peer_hash, m->verify.tag, sizeof(b->peer_hash));
	b->counts.m_z[0] = b->counts.m_z[1] = 0;
	block_advance(e, b, BLOCK_COUNTS);
}

/* The ends have the same block: what was wrong in it. */
static void say_counts(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_COUNTS, .block = b->number};

	m.counts.m_z[0] = b->counts.m_z[0];
	m.counts.m_z[1] = b->counts.m_z[1];
	block_send_message(e, b, &m);
	if (block_accept(e, b))
		block_advance(e, b, BLOCK_SEED);
}

static bool counts_step(struct engine *e, struct block *b)
{
	enum block_job did;

	if (!b->counted) {
		did = block_job(e, b, counts_job);
		if (did != BLOCK_JOB_DONE)
			return did == BLOCK_JOB_MORE;
		b->counted = true;
		if (!bytes_equal_ct(b->verify.tag, b->peer_hash, sizeof(b->peer_hash))) {
			block_abort(e, b, ABORT_VERIFICATION, true);
			return true;
		}
	}
	/* The seed comes next, and Alice draws it when she has the counts. */
	if (!block_amplify_space(e, b))
		return false;
	say_counts(e, b);
	return true;
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

static bool amplify_stage(struct engine *e, struct block *b)
{
	return block_amplify_step(e, b, BLOCK_PEER_TAG);
}

static bool hold_step(struct engine *e, struct block *b)
{
	enum block_job did;

	if (!block_is_clean(e, b))
		return false;
	did = block_prepare(e, b);
	if (did != BLOCK_JOB_DONE)
		return did == BLOCK_JOB_MORE;
	if (!b->ready)
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
        [BLOCK_FAILED] = {.step = block_failed_step},
        [BLOCK_REVEAL] = {.messages = {{MESSAGE_REVEAL, block_on_reveal}}, .waits = true},
        [BLOCK_VERIFY] = {.messages = {{MESSAGE_VERIFY, on_verify}}, .waits = true},
        [BLOCK_COUNTS] = {.step = counts_step},
        [BLOCK_SEED] = {.messages = {{MESSAGE_SEED, on_seed}}, .waits = true},
        [BLOCK_AMPLIFY] = {.step = amplify_stage, .messages = {{MESSAGE_TAG, block_peer_tag}}},
        [BLOCK_PEER_TAG] = {.step = block_peer_tag_step,
                            .messages = {{MESSAGE_TAG, block_peer_tag}}},
        [BLOCK_HOLD] = {.step = hold_step},
        [BLOCK_COMMIT] = {.messages = {{MESSAGE_COMMIT, on_commit}}},
};
