/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/block.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/log.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"

LOG_COMPONENT_DEFINE(engine_block)

/* Zeroed in a slice: 20 us where it is not in the cache. */
#define WIPE_BYTES ((size_t)128 << 10)

int block_init(struct block *b, size_t detections)
{
	size_t cap = detections + SIFT_BATCH_MAX, words = BITS_WORDS(cap);

	memset(b, 0, sizeof(*b));
	b->cap = cap;
	b->secret = secret_alloc(sizeof(*b->secret) + BLOCK_STRINGS * words * sizeof(uint64_t));
	b->decoy = calloc(words, sizeof(uint64_t));
	b->sift = calloc(1, sizeof(*b->sift));
	b->check = calloc(1, sizeof(*b->check));
	b->digest = EVP_MD_CTX_new();
	if (b->secret == NULL || b->decoy == NULL || b->sift == NULL || b->check == NULL ||
	    b->digest == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < BLOCK_STRINGS; i++)
		b->string[i] = b->secret->bits + i * words;
	b->key = b->string[BLOCK_BIT];
	b->original = b->string[BLOCK_X];
	return 0;
}

void block_fini(struct block *b)
{
	secret_free(b->secret);
	free(b->decoy);
	free(b->sift);
	free(b->check);
	EVP_MD_CTX_free(b->digest);
	/* What it had, if it was not wiped to the end. */
	hash_keys_release(b->hash);
	hash_keys_release(b->next_hash);
	key_block_free(b->result);
	memset(b, 0, sizeof(*b));
}

struct block *block_open(struct engine *e, uint64_t number, struct hash_keys *keys)
{
	bool alice = e->config.role == ENGINE_ALICE;

	for (unsigned int i = 0; i < e->block_count; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage != BLOCK_FREE)
			continue;
		b->stage = BLOCK_FILLING;
		b->number = number;
		memcpy(b->id, e->session, 8);
		put_be64(b->id + 8, number);
		b->tainted = alarms_block_key(e);
		b->hash = hash_keys_hold(keys);
		auth_transcript_init(&b->secret->tx, alice ? b->hash->ab : b->hash->ba);
		auth_transcript_init(&b->secret->rx, alice ? b->hash->ba : b->hash->ab);
		b->progress_ns = e->now_ns;
		memset(b->end.n[MONITOR_BLOCKS], 0xff, sizeof(b->end.n[MONITOR_BLOCKS]));
		b->sift->first = b->sift->waiting = b->sift->seen = 0;
		b->sift->step = NULL;
		e->open = b;
		e->last_number = number;
		e->stats.blocks_in_flight++;
		return b;
	}
	return NULL;
}

/* Zero a slice of what was in it; true: all of it is. */
static bool wipe_slice(struct block *b)
{
	size_t strings = BITS_WORDS(b->cap) * sizeof(uint64_t), from = b->wiped;
	const struct {
		void *p;
		size_t bytes;
	} part[] = {
	        {b->secret, sizeof(*b->secret) + BLOCK_STRINGS * strings},
	        {b->decoy, strings},
	        {b->result != NULL ? b->result->key : NULL,
	         b->result != NULL ? b->result->bits / 8 : 0},
	};

	for (unsigned int i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		size_t left = part[i].bytes - from, n = left < WIPE_BYTES ? left : WIPE_BYTES;

		if (from >= part[i].bytes) {
			from -= part[i].bytes;
			continue;
		}
		secret_wipe((uint8_t *)part[i].p + from, n);
		b->wiped += n;
		return false;
	}
	return true;
}

void block_release(struct engine *e, struct block *b)
{
	struct block kept = {.cap = b->cap,
	                     .secret = b->secret,
	                     .key = b->key,
	                     .original = b->original,
	                     .decoy = b->decoy,
	                     .sift = b->sift,
	                     .check = b->check,
	                     .digest = b->digest};

	memcpy(kept.string, b->string, sizeof(kept.string));
	if (b->stage == BLOCK_FREE)
		return;
	if (e->open == b)
		e->open = NULL;
	b->stage = BLOCK_ENDING; /* engine_poll() comes back to it */
	if (!block_job_end(e, b))
		return;
	block_reconcile_end(e, b);
	block_amplify_end(e, b);
	if (!wipe_slice(b))
		return;
	hash_keys_release(b->hash);
	hash_keys_release(b->next_hash);
	key_block_free(b->result);
	EVP_MD_CTX_reset(b->digest);
	*b = kept;
	e->stats.blocks_in_flight--;
}

void block_abort(struct engine *e, struct block *b, enum abort_reason reason, bool tell)
{
	struct message m = {.type = MESSAGE_ABORT, .block = b->number, .reason = (uint8_t)reason};

	log_info("%s: block %llu aborted%s: %s", e->config.link, (unsigned long long)b->number,
	         tell ? "" : " by the peer", abort_reason_name(reason));
	snprintf(e->stats.last_abort, sizeof(e->stats.last_abort), "%s%s",
	         abort_reason_name(reason), tell ? "" : " (peer)");
	e->stats.blocks_aborted++;
	e->stats.aborts[reason]++;
	if (reason == ABORT_TAG) {
		e->stats.auth_failures++;
		alarm_set(e, ENGINE_ALARM_AUTH, true,
		          "the transcript tag of block %llu was refused %s",
		          (unsigned long long)b->number, tell ? "here" : "by the peer");
	}
	if (tell)
		engine_send_message(e, &m);
	block_release(e, b);
}

/* Void for what monitoring found; in a block that Bob has tagged only Alice decides now. */
static void void_block(struct engine *e, struct block *b, enum abort_reason reason)
{
	if (b->stage > BLOCK_ENDING && b->stage != BLOCK_COMMIT)
		block_abort(e, b, reason, true);
}

void block_void_recent(struct engine *e, enum abort_reason reason)
{
	for (unsigned int i = 0; i < e->block_count; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage == BLOCK_FILLING || e->now_ns - b->last_batch_ns <= BLOCK_VOID_NS)
			void_block(e, b, reason);
	}
}

void block_void_suspect(struct engine *e)
{
	for (unsigned int i = 0; i < e->block_count; i++) {
		struct block *b = &e->blocks[i];

		/* What fills during an alarm is tainted, and ends in its own way. */
		if (b->stage > BLOCK_FILLING && monitor_suspects(&e->monitor, &b->end))
			void_block(e, b, ABORT_ALARM);
	}
}

bool block_batch_added(struct engine *e, struct block *b, uint64_t first_slot, uint64_t last_slot)
{
	if (b->last_slot == 0) {
		b->first_slot = first_slot;
		b->first_batch_ns = e->now_ns;
	}
	b->last_slot = last_slot;
	b->last_batch_ns = e->now_ns;
	/* During an alarm announcements only feed monitoring; a block must not stop it by being
	 * full. */
	if (!b->tainted || b->detections < e->block_detections / 4)
		return true;
	block_abort(e, b, ABORT_ALARM, true);
	return false;
}

void block_send(struct engine *e, struct block *b, const uint8_t *msg, size_t len)
{
	auth_transcript_add(&b->secret->tx, msg, len);
	engine_send(e, msg, len);
}

void block_send_message(struct engine *e, struct block *b, const struct message *m)
{
	uint8_t buf[25 + MESSAGE_SEED_MAX];
	int len = message_encode(m, buf, sizeof(buf));

	if (len > 0)
		block_send(e, b, buf, (size_t)len);
}

static const struct block_stage_ops *stage_of(const struct engine *e, const struct block *b)
{
	return &(e->config.role == ENGINE_ALICE ? block_alice_stages : block_bob_stages)[b->stage];
}

bool block_step(struct engine *e, struct block *b)
{
	const struct block_stage_ops *ops = stage_of(e, b);

	if (ops->waits && e->now_ns - b->progress_ns > BLOCK_TIMEOUT_NS) {
		block_abort(e, b, ABORT_TIMEOUT, true);
		return true;
	}
	return ops->step != NULL && ops->step(e, b);
}

void block_message(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                   size_t len)
{
	const struct block_stage_ops *ops = stage_of(e, b);

	/* A tag covers itself in its own way; a commit is only believed of who knows the tags. */
	if (m->type != MESSAGE_TAG && m->type != MESSAGE_COMMIT) {
		auth_transcript_add(&b->secret->rx, msg, len);
		b->progress_ns = e->now_ns;
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (m->type != ops->messages[i].type)
			continue;
		ops->messages[i].take(e, b, m, msg, len);
		return;
	}
	engine_protocol_error(e, "a message out of turn");
}

void block_advance(struct engine *e, struct block *b, enum block_stage stage)
{
	b->stage = stage;
	b->at = 0;
	b->progress_ns = e->now_ns;
	e->worked = true;
}

/* Monitoring had its chance, or gets none. */
static bool was_held(const struct engine *e, const struct block *b)
{
	uint64_t fill_ns = b->last_batch_ns - b->first_batch_ns;

	/* What chose the light was tested since it went out. */
	if (b->last_batch_ns >= e->random_until_ns)
		return false;
	return monitor_found_since(&e->monitor, &b->end) ||
	       e->now_ns - b->last_batch_ns >= BLOCK_HOLD_NS + BLOCK_HOLD_FILLS * fill_ns;
}

bool block_is_clean(const struct engine *e, const struct block *b)
{
	return !alarms_block_key(e) && !b->tainted && was_held(e, b);
}
