/* SPDX-License-Identifier: BSD-3-Clause */

/* Bob: detections into announcements, replies into key. */

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/random.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"

#define BATCH_NS          (5 * NS_PER_MS)
#define REPLY_PATIENCE_NS (10 * NS_PER_S)

static struct batch_out *batch_at(struct bob *b, uint64_t index)
{
	return &b->batches[index % BATCHES_MAX];
}

static void pop(struct bob *b)
{
	struct batch_out *out = batch_at(b, b->head);

	b->outstanding -= out->count;
	free(out->raw);
	out->raw = NULL;
	secret_wipe(b->what[b->head % BATCHES_MAX], SIFT_BATCH_MAX);
	b->head++;
}

void bob_sift_drop(struct engine *e)
{
	struct bob *b = &e->bob;

	while (b->head < b->tail)
		pop(b);
	secret_wipe(b->pending, sizeof(*b->pending));
	b->dropping = false;
}

static bool block_is_free(const struct engine *e)
{
	for (unsigned int i = 0; i < BLOCKS_MAX; i++)
		if (e->blocks[i].stage == BLOCK_FREE)
			return true;
	return false;
}

/*
 * Whatever Alice's replies to all that is announced say, it must fit: into the open block,
 * or into it and one more.
 */
static bool has_room(const struct engine *e)
{
	const struct bob *b = &e->bob;
	uint64_t open = e->open != NULL ? e->open->bits : 0;
	uint64_t coming = b->outstanding + b->pending->count + 1;

	if (b->tail - b->head >= BATCHES_MAX || outbox_full(e))
		return false;
	if (coming > SIFT_BATCH_MAX && coming > e->config.block_bits / 2)
		return false;
	if (block_is_free(e))
		return true;
	return e->open != NULL && open + coming < e->config.block_bits;
}

/* A number below N that says nothing about detections. */
static uint32_t sample_random(struct engine *e, uint32_t n)
{
	struct bob *b = &e->bob;

	if (b->sample_pool_left == 0) {
		if (e->ops.random.fill(e->ops.random.ctx, b->sample_pool, sizeof(b->sample_pool)) <
		    0)
			random_bytes(b->sample_pool, sizeof(b->sample_pool));
		b->sample_pool_left = sizeof(b->sample_pool) / sizeof(b->sample_pool[0]);
	}
	return (uint32_t)((uint64_t)b->sample_pool[--b->sample_pool_left] * n >> 32);
}

/* One Z detection of each sample_interval, at a random place among them. */
static bool sampled(struct engine *e)
{
	struct bob *b = &e->bob;

	if (b->sample_left == 0) {
		b->sample_left = e->config.sample_interval;
		b->sample_at = sample_random(e, b->sample_left);
	}
	b->sample_left--;
	return b->sample_left == b->sample_at;
}

static void announce(struct engine *e)
{
	struct bob *b = &e->bob;
	struct sift_batch *p = b->pending;
	struct batch_out *out = batch_at(b, b->tail);
	uint8_t msg[SIFT_ANNOUNCE_MAX];
	size_t len;

	if (p->count == 0)
		return;
	p->sequence = b->next_sequence;
	len = sift_announce_encode(p, msg);
	out->raw = malloc(len);
	if (out->raw != NULL) {
		memcpy(out->raw, msg, len);
		out->raw_len = len;
		out->sequence = b->next_sequence++;
		out->count = p->count;
		out->first_slot = p->slot[0];
		out->last_slot = p->slot[p->count - 1];
		out->sent_ns = e->now_ns;
		memcpy(b->what[b->tail % BATCHES_MAX], p->what, p->count);
		b->tail++;
		b->outstanding += p->count;
		e->stats.announced += p->count;
		engine_send(e, msg, len);
	} else {
		e->stats.dropped += p->count;
	}
	p->count = 0;
}

void bob_detection(struct engine *e, uint64_t slot, const struct detection *d)
{
	struct bob *b = &e->bob;
	struct sift_batch *p = b->pending;
	uint8_t what = d->bit ? SIFT_BIT : 0;

	if (!has_room(e)) {
		e->stats.gaps += !b->dropping;
		b->dropping = true;
		e->stats.dropped++;
		return;
	}
	b->dropping = false;
	if (d->basis)
		what |= SIFT_X | SIFT_DISCLOSED;
	else if (sampled(e))
		what |= SIFT_DISCLOSED;
	if (p->count == 0)
		b->pending_ns = e->now_ns;
	p->slot[p->count] = slot;
	p->what[p->count++] = what;
	b->next_slot = slot + 1;
	if (p->count == SIFT_BATCH_MAX)
		announce(e);
}

void bob_sift_tick(struct engine *e)
{
	struct bob *b = &e->bob;

	if (b->pending->count > 0 && e->now_ns - b->pending_ns >= BATCH_NS)
		announce(e);
	if (b->head < b->tail && e->now_ns - batch_at(b, b->head)->sent_ns >= REPLY_PATIENCE_NS)
		engine_realign(e, "no reply to an announcement");
}

/* Alice says which block a batch belongs to; NULL: one that was aborted here. */
static struct block *block_of_reply(struct engine *e, uint64_t number)
{
	if (e->open != NULL && e->open->number == number)
		return e->open;
	if (number <= e->last_number)
		return NULL;
	if (e->open != NULL || number > e->last_number + BATCHES_MAX) {
		engine_protocol_error(e, "a reply for another block than the open one");
		return NULL;
	}
	return block_open(e, number);
}

static void take(struct engine *e, struct batch_out *out, const uint8_t *what,
                 const struct sift_reply *r, const uint8_t *msg, size_t len)
{
	struct monitor_counts errors = {{0, 0}, {0, 0}};
	struct block *b = block_of_reply(e, r->block);
	uint8_t own[SIFT_BATCH_MAX];

	for (size_t i = 0; i < r->count; i++)
		own[i] = (what[i] & SIFT_BIT) != 0;
	block_append(b, what, r, own, &errors);
	secret_wipe(own, sizeof(own));
	engine_count_sifted(e, r, what, &errors);
	if (b != NULL) {
		auth_transcript_add(&b->secret->tx, out->raw, out->raw_len);
		auth_transcript_add(&b->secret->rx, msg, len);
		block_batch_added(e, b, out->first_slot, out->last_slot);
	}
	pop(&e->bob);
	alarms_errors(e, &errors);
}

void bob_reply(struct engine *e, const uint8_t *msg, size_t len)
{
	struct bob *b = &e->bob;
	struct batch_out *out = batch_at(b, b->head);
	uint64_t sequence, block;
	struct sift_reply r;

	if (sift_reply_head(msg, len, &sequence, &block) < 0) {
		engine_protocol_error(e, "a malformed reply");
		return;
	}
	/* To a batch from before the last realignment, which Alice had not yet heard of. */
	if (sequence < (b->head < b->tail ? out->sequence : b->next_sequence))
		return;
	if (b->head == b->tail || sequence != out->sequence ||
	    sift_reply_decode(msg, len, b->what[b->head % BATCHES_MAX], out->count, &r) < 0) {
		engine_protocol_error(e, "a reply that fits no announcement");
		engine_realign(e, "sifting is out of step");
		return;
	}
	take(e, out, b->what[b->head % BATCHES_MAX], &r, msg, len);
}
