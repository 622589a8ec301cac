/* SPDX-License-Identifier: BSD-3-Clause */

/* Privacy amplification of a block, at both ends alike once the seed is there. */

#include "common/bytes.h"
#include "common/log.h"
#include "qkd-engine/engine_state.h"

LOG_COMPONENT_DEFINE(engine_amplify)

static size_t seed_words(size_t bits)
{
	return BITS_WORDS(amplify_seed_bits(bits, 1));
}

int block_amplify_size(size_t bits, struct workspace_size *out)
{
	struct workspace seed = {0};
	int ret = amplify_size(bits, out);

	workspace_plain(&seed, seed_words(bits) * sizeof(uint64_t));
	out->plain += seed.most.plain;
	return ret;
}

bool block_amplify_space(struct engine *e, struct block *b)
{
	size_t words = seed_words(b->bits);

	if (b->product != NULL)
		return true;
	b->product = workspace_pool_take(&e->products);
	if (b->product == NULL) {
		e->stats.amplify_waits += !b->product_waited;
		b->product_waited = true;
		return false;
	}
	b->seed = workspace_plain(b->product, words * sizeof(uint64_t));
	b->seed[words - 1] = 0;
	b->seed_bytes = (amplify_seed_bits(b->bits, b->plan.secret_bits) + 7) / 8;
	return true;
}

void block_amplify_end(struct engine *e, struct block *b)
{
	if (b->product == NULL)
		return;
	workspace_pool_give(&e->products, b->product);
	b->product = NULL;
	b->amplify = NULL;
	b->seed = NULL;
}

void block_amplify_start(struct engine *e, struct block *b)
{
	b->amplify = amplify_create_in(b->product, gf2_fft_best(), b->key, b->bits, b->seed,
	                               b->plan.secret_bits, b->key);
	if (b->amplify != NULL)
		return;
	log_err("%s: no room to amplify a block of %zu bits", e->config.link, b->bits);
	block_abort(e, b, ABORT_RECONCILE, true);
}

static bool amplify_job(void *ctx)
{
	return amplify_step(((struct block *)ctx)->amplify);
}

bool block_amplify_step(struct engine *e, struct block *b, enum block_stage next)
{
	enum block_job did = block_job(e, b, amplify_job);

	if (did != BLOCK_JOB_DONE)
		return did == BLOCK_JOB_MORE;
	block_amplify_end(e, b);
	/* A benchmark's block has shown what it was for. */
	if (leak_mode_proven(b->plan.mode))
		block_advance(e, b, next);
	else
		block_end_benchmark(e, b);
	return true;
}
