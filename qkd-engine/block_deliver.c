/* SPDX-License-Identifier: BSD-3-Clause */

/* The end of a block: its key and the record that goes with it. */

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/bytes.h"
#include "common/log.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"

LOG_COMPONENT_DEFINE(engine_deliver)

/* Of the key in a step: 40 us where the CPU has no instructions for SHA-256. */
#define COPY_BYTES ((size_t)16 << 10)

static void count(struct engine *e, const struct key_block *kb)
{
	struct engine_stats *s = &e->stats;

	s->blocks_ok++;
	s->blocks_computational += kb->computational;
	s->secret_bits += kb->bits;
	s->delivered_units[0] += kb->units[0];
	s->delivered_units[1] += kb->units[1];
	s->leaked_bits += kb->leaked_bits;
	s->blocks_sifted_bits += kb->sifted_bits;
	s->eps_total += kb->source.eps_sec + kb->source.eps_cor + kb->eps_auth;
	s->block_qber_z = kb->qber_z;
	s->block_qber_x = kb->qber_x;
	s->efficiency_f = kb->efficiency_f;
}

static void record(struct engine *e, const struct block *b, struct key_block *kb)
{
	const struct finite_key_counts *c = &b->counts;
	uint64_t n_x = c->n_x[0] + c->n_x[1];

	memcpy(kb->id, b->id, sizeof(kb->id));
	kb->number = b->number;
	kb->bits = b->plan.secret_bits;
	kb->proof = e->config.proof;
	kb->leak_mode = b->plan.mode;
	kb->method = b->plan.method;
	kb->reason = b->plan.reason;
	kb->source = e->config.source;
	kb->pad_base = b->pad_base;
	kb->pad_keys = b->pad_keys;
	kb->hash_keys = b->hash_keys;
	kb->position = b->position;
	memcpy(kb->units, b->units, sizeof(kb->units));
	kb->computational = b->computational;
	kb->qber_z = b->qber;
	kb->qber_x = n_x > 0 ? (double)(c->m_x[0] + c->m_x[1]) / (double)n_x : 0;
	kb->efficiency_f = b->efficiency;
	kb->counts = *c;
	kb->sifted_bits = b->bits;
	kb->leaked_bits = b->plan.budget;
	kb->disclosed_bits = block_disclosed(b);
	memcpy(kb->planned_z, b->plan.errors, sizeof(b->plan.errors));
	kb->first_slot = b->first_slot;
	kb->last_slot = b->last_slot;
}

/* The hash keys are the engine's alone: the store gets zeros for them. */
static bool split_hash_keys(struct block *b, struct key_block *kb)
{
	uint8_t *key = kb->key + (size_t)kb->pad_keys * 32;

	if (kb->hash_keys == 0)
		return true;
	b->next_hash = hash_keys_create(key, false);
	secret_wipe(key, 32);
	return b->next_hash != NULL;
}

void block_end_benchmark(struct engine *e, struct block *b)
{
	e->stats.blocks_benchmark++;
	e->stats.efficiency_f = b->efficiency;
	e->stats.block_qber_z = b->qber;
	block_release(e, b);
}

/* Copy and hash a slice of the key; true when all of it is, or (a result below 0) OpenSSL failed.
 */
static bool prepare_job(void *ctx)
{
	struct block *b = ctx;
	struct key_block *kb = b->result;
	size_t left = kb->bits / 8 - b->at, n = left < COPY_BYTES ? left : COPY_BYTES;
	bool good = b->at > 0 || EVP_DigestInit_ex(b->digest, EVP_sha256(), NULL) == 1;

	memcpy(kb->key + b->at, (const uint8_t *)b->key + b->at, n);
	good = good && EVP_DigestUpdate(b->digest, kb->key + b->at, n) == 1;
	b->at += n;
	if (n == left)
		good = good && EVP_DigestFinal_ex(b->digest, kb->hash, NULL) == 1;
	b->job_result = good ? 0 : -EIO;
	return n == left || !good;
}

enum block_job block_prepare(struct engine *e, struct block *b)
{
	enum block_job did;

	if (b->ready)
		return BLOCK_JOB_DONE;
	if (b->result == NULL) {
		b->result = key_blocks_take(e->results);
		if (b->result == NULL) {
			e->stats.result_waits += !b->result_waited;
			b->result_waited = true;
			return BLOCK_JOB_WAITS;
		}
		record(e, b, b->result);
	}
	did = block_job(e, b, prepare_job);
	if (did != BLOCK_JOB_DONE)
		return did;
	b->ready = b->job_result == 0 && split_hash_keys(b, b->result);
	if (b->ready)
		return BLOCK_JOB_DONE;
	log_err("%s: no memory for the key of block %llu", e->config.link,
	        (unsigned long long)b->number);
	block_abort(e, b, ABORT_RECONCILE, true);
	return BLOCK_JOB_DONE;
}

void block_deliver(struct engine *e, struct block *b)
{
	struct key_block *kb = b->result;

	/* It ended after amplification; were it here, it would still be no key. */
	if (!leak_mode_proven(b->plan.mode)) {
		block_end_benchmark(e, b);
		return;
	}
	b->result = NULL;
	kb->eps_auth = e->eps_auth;
	e->eps_auth = 0;
	kb->preshared_hashes = e->preshared_hashes;
	e->preshared_hashes = 0;
	if (b->next_hash != NULL) {
		b->next_hash->odd = !e->hash->odd;
		hash_keys_release(e->last_hash);
		e->last_hash = e->hash;
		e->hash = b->next_hash;
		b->next_hash = NULL;
		e->stats.hash_key_renewals++;
	}
	count(e, kb);
	alarm_set(e, ENGINE_ALARM_AUTH, false, "block %llu is authentic",
	          (unsigned long long)b->number);
	block_release(e, b);
	e->ops.block_ready(e->ctx, kb);
}
