/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/log.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/ldpc.h"
#include "qkd-engine/sift_pack.h"

LOG_COMPONENT_DEFINE(engine)

/* Secret memory that stays free, for who keeps keys: of so many blocks. */
#define KEPT_RESULTS 8

/* As many workspaces as there is secret memory for. */
static int allocate_spaces(struct engine *e)
{
	struct engine_memory *m = &e->stats.memory;
	unsigned int wanted = m->reconciling, amplifying = m->amplifying;

	e->results = key_blocks_create(m->results, &m->result);
	if (e->results == NULL ||
	    workspace_pool_init(&e->products, 1, amplifying, &m->product, m->space.secret) < 0 ||
	    workspace_pool_init(&e->spaces, 1, wanted, &m->space, KEPT_RESULTS * m->result.secret) <
	            0)
		return -ENOMEM;
	m->reconciling = e->spaces.count;
	m->amplifying = e->products.count;
	engine_memory_sum(m);
	if (m->reconciling < wanted || m->amplifying < amplifying)
		log_warn("%s: secret memory for the reconciliation of %u blocks at a time, not %u, "
		         "and the amplification of %u",
		         e->config.link, m->reconciling, wanted, m->amplifying);
	return 0;
}

static int allocate(struct engine *e)
{
	uint8_t hash_key[2 * AUTH_TAG_BYTES];

	for (unsigned int i = 0; i < e->block_count; i++)
		if (block_init(&e->blocks[i], e->block_detections) < 0)
			return -ENOMEM;
	if (allocate_spaces(e) < 0)
		return -ENOMEM;
	memcpy(hash_key, e->config.hash_key_ab, AUTH_TAG_BYTES);
	memcpy(hash_key + AUTH_TAG_BYTES, e->config.hash_key_ba, AUTH_TAG_BYTES);
	e->preshared_hash = hash_keys_create(hash_key, true);
	secret_wipe(hash_key, sizeof(hash_key));
	if (e->preshared_hash == NULL)
		return -ENOMEM;
	e->hash = hash_keys_hold(e->preshared_hash);
	if (e->config.role == ENGINE_ALICE)
		return alice_init(e);
	e->bob.pending = secret_alloc(sizeof(*e->bob.pending));
	e->bob.samples = calloc(BATCHES_MAX, sizeof(e->bob.samples[0]));
	return e->bob.pending == NULL || e->bob.samples == NULL ? -ENOMEM : 0;
}

struct engine *engine_create(const struct engine_config *config, const struct engine_ops *ops,
                             void *ctx, struct channel *channel, struct err *err)
{
	struct engine *e;

	if (engine_config_check(config, err) < 0)
		return NULL;
	e = secret_alloc(sizeof(*e));
	if (e == NULL) {
		err_set(err, ENOMEM, "qkd engine: secret memory is full");
		return NULL;
	}
	e->config = *config;
	e->block_detections = (size_t)engine_block_detections(config);
	e->block_count = engine_block_count(config);
	engine_memory(config, &e->stats.memory);
	e->ops = *ops;
	e->random_until_ns = UINT64_MAX;
	e->ldpc_number = ldpc_number();
	e->ctx = ctx;
	e->channel = channel;
	e->stats.role = config->role;
	outbox_clear(e);
	monitor_init(&e->monitor, config->qber_alarm);
	if (allocate(e) < 0) {
		err_set(err, ENOMEM,
		        "qkd engine: %u blocks of %u bits take %zu KiB of secret memory, of which "
		        "%zu KiB are in use",
		        e->block_count, config->block_bits, e->stats.memory.all.secret >> 10,
		        secret_used() >> 10);
		engine_destroy(e);
		return NULL;
	}
	return e;
}

void engine_drop_session(struct engine *e)
{
	for (unsigned int i = 0; i < e->block_count; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage > BLOCK_FILLING) {
			enum abort_reason reason =
			        b->stage == BLOCK_COMMIT ? ABORT_DOUBT : ABORT_SESSION;

			e->stats.blocks_aborted++;
			e->stats.aborts[reason]++;
			snprintf(e->stats.last_abort, sizeof(e->stats.last_abort), "%s",
			         abort_reason_name(reason));
			e->stats.blocks_in_doubt += b->stage == BLOCK_COMMIT;
		}
		if (b->secret != NULL)
			block_release(e, b);
	}
	/* Whether the peer has those that were renewed is not known: begin where both did. */
	hash_keys_release(e->last_hash);
	e->last_hash = NULL;
	if (e->hash != e->preshared_hash && e->preshared_hash != NULL) {
		hash_keys_release(e->hash);
		e->hash = hash_keys_hold(e->preshared_hash);
	}
	e->open = NULL;
	e->last_number = 0;
	e->pads_wait_ns = 0;
	outbox_clear(e);
	monitor_reset(&e->monitor);
	if (e->config.role == ENGINE_ALICE && e->alice.batches != NULL)
		alice_reset(e);
	if (e->config.role == ENGINE_BOB && e->bob.samples != NULL)
		bob_reset(e);
	e->session_up = false;
}

void engine_destroy(struct engine *e)
{
	if (e == NULL)
		return;
	/* Who had them has stopped. */
	for (unsigned int i = 0; i < e->block_count; i++)
		e->blocks[i].job.given = false;
	engine_drop_session(e);
	for (unsigned int i = 0; i < e->block_count; i++)
		block_fini(&e->blocks[i]);
	workspace_pool_fini(&e->spaces);
	workspace_pool_fini(&e->products);
	key_blocks_destroy(e->results);
	hash_keys_release(e->hash);
	hash_keys_release(e->preshared_hash);
	free(e->alice.batches);
	secret_free(e->bob.pending);
	free(e->bob.samples);
	secret_free(e);
}

void engine_count_sifted(struct engine *e, unsigned int stale, size_t keys,
                         const struct monitor_counts *c)
{
	e->stats.stale_choices += stale;
	e->stats.sifted_z += keys;
	e->stats.sampled_z += c->n[0];
	e->stats.sample_errors_z += c->e[0];
	e->stats.sifted_x += c->n[1];
	e->stats.errors_x += c->e[1];
}

void engine_count_sample(struct engine *e, unsigned int stale, const struct sift_gain *g,
                         const struct monitor_counts *c)
{
	uint64_t decoys = sift_pack_best()->count(g->shown_decoy, BITS_WORDS(g->shown));

	engine_count_sifted(e, stale, g->keys, c);
	e->stats.sampled_x += c->n[1];
	e->stats.sample_errors_x += c->e[1];
	e->stats.sampled_decoy += decoys;
	e->stats.sampled_signal += g->shown - decoys;
}

int engine_random(struct engine *e, void *buf, size_t n)
{
	int rc = e->ops.random.fill(e->ops.random.ctx, buf, n);

	if (rc == 0)
		e->stats.random_card += n;
	return rc;
}

void engine_random_any(struct engine *e, void *buf, size_t n)
{
	if (engine_random(e, buf, n) == 0)
		return;
	random_bytes(buf, n);
	e->stats.random_kernel += n;
}

void engine_random_failed(struct engine *e)
{
	e->random_until_ns = 0;
	engine_check_session(e);
	for (unsigned int i = 0; i < e->block_count; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage > BLOCK_ENDING && b->stage != BLOCK_COMMIT)
			block_abort(e, b, ABORT_RANDOM, true);
	}
}

void engine_random_tested(struct engine *e, uint64_t until_ns)
{
	e->random_until_ns = until_ns;
}

void engine_thresholds(struct engine *e, double qber_abort, double qber_alarm)
{
	e->config.qber_abort = qber_abort;
	e->config.qber_alarm = qber_alarm;
	monitor_threshold(&e->monitor, qber_alarm);
}

void engine_stats_read(const struct engine *e, struct engine_stats *out)
{
	*out = e->stats;
	if (e->config.role == ENGINE_BOB)
		out->aligned = e->bob.sync == SYNC_ALIGNED;
	else
		out->aligned = e->session_up && e->alice.next_slot <= SIFT_SLOT_MAX;
	out->blocks_reconciling = e->spaces.count - e->spaces.clean_count - e->spaces.dirty_count;
	out->blocks_amplifying =
	        e->products.count - e->products.clean_count - e->products.dirty_count;
	out->hash_keys_preshared = e->hash->preshared;
	out->positions_free =
	        e->position_end > e->position_next ? e->position_end - e->position_next : 0;
	out->hash_key_uses = e->hash->uses;
	out->qber_z = monitor_qber(&e->monitor, 0, e->now_ns);
	out->qber_x = monitor_qber(&e->monitor, 1, e->now_ns);
}
