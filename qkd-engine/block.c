/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/block.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/log.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"

LOG_COMPONENT_DEFINE(engine_block)

int block_init(struct block *b, size_t bits)
{
	size_t cap = bits + SIFT_BATCH_MAX, words = BITS_WORDS(cap);

	memset(b, 0, sizeof(*b));
	b->cap = cap;
	b->secret = secret_alloc(sizeof(*b->secret) + 2 * words * sizeof(uint64_t));
	b->decoy = calloc(words, sizeof(uint64_t));
	if (b->secret == NULL || b->decoy == NULL)
		return -ENOMEM;
	b->key = b->secret->bits;
	b->original = b->secret->bits + words;
	return 0;
}

void block_fini(struct block *b)
{
	secret_free(b->secret);
	free(b->decoy);
	memset(b, 0, sizeof(*b));
}

struct block *block_open(struct engine *e, uint64_t number)
{
	bool alice = e->config.role == ENGINE_ALICE;

	for (unsigned int i = 0; i < BLOCKS_MAX; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage != BLOCK_FREE)
			continue;
		b->stage = BLOCK_FILLING;
		b->number = number;
		memcpy(b->id, e->session, 8);
		put_be64(b->id + 8, number);
		b->tainted = monitor_blocks_key(&e->monitor);
		auth_transcript_init(&b->secret->tx, alice ? e->key_ab : e->key_ba);
		auth_transcript_init(&b->secret->rx, alice ? e->key_ba : e->key_ab);
		b->progress_ns = e->now_ns;
		e->open = b;
		e->last_number = number;
		e->stats.blocks_in_flight++;
		return b;
	}
	return NULL;
}

void block_release(struct engine *e, struct block *b)
{
	size_t words = BITS_WORDS(b->cap);
	struct block kept = {.cap = b->cap,
	                     .secret = b->secret,
	                     .key = b->key,
	                     .original = b->original,
	                     .decoy = b->decoy};

	if (b->stage == BLOCK_FREE)
		return;
	cascade_alice_destroy(b->cascade_a);
	cascade_bob_destroy(b->cascade_b);
	amplify_destroy(b->amplify);
	free(b->in);
	free(b->out);
	free(b->seed);
	secret_wipe(b->secret, sizeof(*b->secret) + 2 * words * sizeof(uint64_t));
	memset(b->decoy, 0, words * sizeof(uint64_t));
	*b = kept;
	if (e->open == b)
		e->open = NULL;
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

void block_void_recent(struct engine *e)
{
	for (unsigned int i = 0; i < BLOCKS_MAX; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage == BLOCK_FREE || b->stage == BLOCK_COMMIT)
			continue;
		if (b->stage == BLOCK_FILLING || e->now_ns - b->last_batch_ns <= BLOCK_VOID_NS)
			block_abort(e, b, ABORT_ALARM, true);
	}
}

void block_batch_added(struct engine *e, struct block *b, uint64_t first_slot, uint64_t last_slot)
{
	if (b->last_slot == 0)
		b->first_slot = first_slot;
	b->last_slot = last_slot;
	b->last_batch_ns = e->now_ns;
	/* During an alarm sifting only feeds monitoring; a block must not stop it by being full. */
	if (b->tainted && b->bits >= e->config.block_bits / 4) {
		block_abort(e, b, ABORT_ALARM, true);
		return;
	}
	if (b->bits < e->config.block_bits)
		return;
	e->open = NULL;
	block_advance(e, b, BLOCK_START);
}

void block_send(struct engine *e, struct block *b, const uint8_t *msg, size_t len)
{
	auth_transcript_add(&b->secret->tx, msg, len);
	engine_send(e, msg, len);
}

void block_send_message(struct engine *e, struct block *b, const struct message *m)
{
	uint8_t buf[13 + MESSAGE_SEED_MAX];
	int len = message_encode(m, buf, sizeof(buf));

	if (len > 0)
		block_send(e, b, buf, (size_t)len);
}

void block_advance(struct engine *e, struct block *b, enum block_stage stage)
{
	b->stage = stage;
	b->progress_ns = e->now_ns;
	e->worked = true;
}

bool block_reconcile_buffers(struct engine *e, struct block *b)
{
	b->io_cap = cascade_message_max(&b->cascade);
	b->in = malloc(b->io_cap);
	b->out = malloc(MESSAGE_HEADER + b->io_cap);
	if (b->in != NULL && b->out != NULL && (b->cascade_a != NULL || b->cascade_b != NULL))
		return true;
	block_abort(e, b, ABORT_RECONCILE, true);
	return false;
}

uint32_t block_secret_bits(const struct engine *e, const struct block *b)
{
	double leak = (double)b->alice_parities + (double)b->bob_parities + VERIFY_TAG_BITS +
	              BLOCK_LEAK_COUNTS + BLOCK_LEAK_VERDICT;
	const struct finite_key_input in = {
	        .source = e->config.source, .counts = b->counts, .leak = leak};
	struct finite_key_result bound;

	if (finite_key_bound(e->config.proof, &in, &bound) < 0 || bound.secret_bits >= b->bits)
		return 0; /* counts that contradict each other */
	return (uint32_t)bound.secret_bits & ~255u;
}

void block_amplify_start(struct engine *e, struct block *b)
{
	b->amplify = amplify_create(b->key, b->bits, b->seed, b->secret_bits);
	if (b->amplify == NULL) {
		log_err("no memory to amplify a block of %zu bits", b->bits);
		block_abort(e, b, ABORT_RECONCILE, true);
	}
}

bool block_amplify_step(struct engine *e, struct block *b)
{
	e->worked = true;
	return amplify_step(b->amplify);
}

/* What a tag is for: its direction, the link, the block, the pad. */
static size_t tag_label(const struct engine *e, const struct block *b, bool from_alice,
                        uint64_t pad, uint8_t label[64])
{
	static const char purpose[] = "lumengate";

	memset(label, 0, 64);
	memcpy(label, purpose, sizeof(purpose) - 1);
	label[9] = from_alice ? 'A' : 'B';
	memcpy(label + 10, e->config.link, strnlen(e->config.link, 30));
	memcpy(label + 40, b->id, 16);
	put_be64(label + 56, pad);
	return 64;
}

bool block_send_tag(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_TAG, .block = b->number};
	uint8_t msg[MESSAGE_TAG_COVERED + AUTH_TAG_BYTES], label[64];
	size_t label_len;
	int r = e->ops.pad_take(e->ctx, &b->secret->tx_pad);

	alarms_pads(e, r == 0);
	if (r < 0)
		return false;
	m.tag.pad = b->secret->tx_pad.id;
	message_encode(&m, msg, sizeof(msg));
	auth_transcript_add(&b->secret->tx, msg, MESSAGE_TAG_COVERED);
	label_len = tag_label(e, b, e->config.role == ENGINE_ALICE, m.tag.pad, label);
	auth_transcript_tag(&b->secret->tx, label, label_len, b->secret->tx_pad.bits,
	                    msg + MESSAGE_TAG_COVERED);
	e->eps_auth += auth_forgery_probability(&b->secret->tx, label_len);
	secret_wipe(&b->secret->tx_pad, sizeof(b->secret->tx_pad));
	engine_send(e, msg, sizeof(msg));
	return true;
}

void block_peer_tag(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                    size_t len)
{
	if (b->peer_tag || len != sizeof(b->peer_tag_msg)) {
		engine_protocol_error(e, "a second tag");
		return;
	}
	b->peer_tag = true;
	b->peer_pad_id = m->tag.pad;
	memcpy(b->peer_tag_msg, msg, len);
	e->worked = true;
}

static bool check_peer_tag(struct engine *e, struct block *b)
{
	uint8_t label[64], tag[AUTH_TAG_BYTES];
	size_t label_len = tag_label(e, b, e->config.role != ENGINE_ALICE, b->peer_pad_id, label);
	bool right;

	auth_transcript_add(&b->secret->rx, b->peer_tag_msg, MESSAGE_TAG_COVERED);
	/* Whatever comes of the block: a forgery had this chance. */
	e->eps_auth += auth_forgery_probability(&b->secret->rx, label_len);
	auth_transcript_tag(&b->secret->rx, label, label_len, b->secret->rx_pad.bits, tag);
	right = bytes_equal_ct(tag, b->peer_tag_msg + MESSAGE_TAG_COVERED, AUTH_TAG_BYTES);
	secret_wipe(tag, sizeof(tag));
	secret_wipe(&b->secret->rx_pad, sizeof(b->secret->rx_pad));
	if (!right)
		block_abort(e, b, ABORT_TAG, true);
	return right;
}

bool block_peer_tag_step(struct engine *e, struct block *b)
{
	int r;

	if (!b->peer_tag)
		return false;
	if (!b->peer_pad_asked) {
		b->peer_pad_asked = true; /* the answer may come from within */
		r = e->ops.pad_fetch(e->ctx, b->peer_pad_id);
		if (r == -EAGAIN)
			b->peer_pad_asked = false;
		else if (r < 0)
			block_abort(e, b, ABORT_TAG, true);
		return r != -EAGAIN;
	}
	if (!b->peer_pad)
		return false;
	if (check_peer_tag(e, b))
		block_advance(e, b, BLOCK_HOLD);
	return true;
}

void block_peer_pad(struct engine *e, struct block *b, const struct auth_pad *pad)
{
	if (pad == NULL) {
		block_abort(e, b, ABORT_TAG, true);
		return;
	}
	b->secret->rx_pad = *pad;
	b->peer_pad = true;
	e->worked = true;
}

bool block_is_clean(const struct engine *e, const struct block *b)
{
	return !monitor_blocks_key(&e->monitor) && !b->tainted &&
	       e->now_ns - b->last_batch_ns >= BLOCK_HOLD_NS;
}
