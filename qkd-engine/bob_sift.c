/* SPDX-License-Identifier: BSD-3-Clause */

/* Bob: detections into announcements, replies into key. */

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/random.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/sift_pack.h"

#define BATCH_NS          (5 * NS_PER_MS)
#define REPLY_PATIENCE_NS (10 * NS_PER_S)

static struct batch_out *batch_at(struct bob *b, uint64_t index)
{
	return &b->batches[index % BATCHES_MAX];
}

static struct sift_outcomes *outcomes_at(struct bob *b, uint64_t index)
{
	return &b->outcomes[index % BATCHES_MAX];
}

static void pop(struct bob *b)
{
	struct batch_out *out = batch_at(b, b->head);

	b->outstanding -= out->count;
	free(out->raw);
	out->raw = NULL;
	secret_wipe(outcomes_at(b, b->head), sizeof(struct sift_outcomes));
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
 * How many more detections may be announced. Whatever Alice's replies to all that is announced
 * say, it must fit: into the open block, or into it and one more.
 */
static size_t room(const struct engine *e)
{
	const struct bob *b = &e->bob;
	uint64_t coming = b->outstanding + b->pending->outcomes.count;
	uint64_t most = e->config.block_bits / 2;

	if (b->tail - b->head >= BATCHES_MAX || outbox_full(e))
		return 0;
	if (most < SIFT_BATCH_MAX)
		most = SIFT_BATCH_MAX;
	if (!block_is_free(e)) {
		uint64_t left = 0;

		if (e->open != NULL && e->open->bits < e->config.block_bits)
			left = e->config.block_bits - e->open->bits - 1;
		if (left < most)
			most = left;
	}
	return most > coming ? (size_t)(most - coming) : 0;
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

/*
 * One Z detection of each sample_interval is sampled, at a random place among them. The next
 * one comes FROM detections later than what sample_skip counts from, behind the rest of its
 * interval.
 */
static void next_sample(struct engine *e, uint64_t from)
{
	struct bob *b = &e->bob;
	uint32_t at = sample_random(e, e->config.sample_interval);

	b->sample_skip = from + b->sample_left + at;
	b->sample_left = e->config.sample_interval - 1 - at;
}

/* The lowest bit of V that has K ones below it; V has more than K ones. */
static uint64_t nth_one(uint64_t v, uint64_t k)
{
	while (k-- > 0)
		v &= v - 1;
	return v & -v;
}

/* What is disclosed of a batch: all in X, the sample in Z. */
static void disclose(struct engine *e, struct sift_outcomes *o)
{
	struct bob *b = &e->bob;

	if (!b->sampling)
		next_sample(e, 0);
	b->sampling = true;
	for (size_t w = 0; w < BITS_WORDS(o->count); w++) {
		size_t left = o->count - 64 * w;
		uint64_t z = ~o->x[w] & (left < 64 ? (1ULL << left) - 1 : UINT64_MAX);
		size_t n = sift_pack_best()->count(&z, 1);

		o->disclosed[w] = o->x[w];
		while (b->sample_skip < n) {
			o->disclosed[w] |= nth_one(z, b->sample_skip);
			next_sample(e, b->sample_skip + 1);
		}
		b->sample_skip -= n;
	}
}

static void announce(struct engine *e)
{
	struct bob *b = &e->bob;
	struct sift_batch *p = b->pending;
	struct sift_outcomes *o = &p->outcomes;
	struct batch_out *out = batch_at(b, b->tail);
	uint8_t msg[SIFT_ANNOUNCE_MAX];
	size_t len;

	if (o->count == 0)
		return;
	disclose(e, o);
	p->sequence = b->next_sequence;
	len = sift_announce_encode(p, msg);
	out->raw = malloc(len);
	if (out->raw != NULL) {
		memcpy(out->raw, msg, len);
		out->raw_len = len;
		out->sequence = b->next_sequence++;
		out->count = o->count;
		out->first_slot = p->slot[0];
		out->last_slot = p->slot[o->count - 1];
		out->sent_ns = e->now_ns;
		*outcomes_at(b, b->tail) = *o;
		b->tail++;
		b->outstanding += o->count;
		e->stats.announced += o->count;
		engine_send(e, msg, len);
	} else {
		e->stats.dropped += o->count;
	}
	memset(o, 0, sizeof(*o));
}

static bool in_gap(const struct bob *b, uint64_t slot)
{
	if (slot > b->gap_last)
		return false;
	for (unsigned int i = 0; i < GAPS_MAX; i++)
		if (slot >= b->gaps[i].first && slot <= b->gaps[i].last)
			return b->gaps[i].last != 0;
	return false;
}

/* N detections, not more than are left in the word of the batch that fills. */
static void collect(struct engine *e, const struct detection *d, size_t n)
{
	struct bob *b = &e->bob;
	struct sift_batch *p = b->pending;
	struct sift_outcomes *o = &p->outcomes;
	size_t at = o->count, w = at / 64;
	uint64_t x = o->x[w], bit = o->bit[w], cross = o->cross[w], next = b->next_slot;

	for (size_t i = 0; i < n; i++) {
		/* Less than 0 is far above SIFT_SLOT_MAX. */
		uint64_t slot = d[i].slot + (uint64_t)b->offset;

		if (slot < next || slot > SIFT_SLOT_MAX) {
			e->stats.unaligned++;
			continue;
		}
		if (in_gap(b, d[i].slot)) {
			e->stats.dropped++;
			continue;
		}
		x |= (uint64_t)(d[i].basis != 0) << (at % 64);
		bit |= (uint64_t)(d[i].bit != 0) << (at % 64);
		cross |= (uint64_t)(d[i].cross != 0) << (at % 64);
		p->slot[at++] = slot;
		next = slot + 1;
	}
	o->x[w] = x;
	o->bit[w] = bit;
	o->cross[w] = cross;
	o->count = at;
	b->next_slot = next;
}

void bob_detections(struct engine *e, const struct detection *d, size_t n)
{
	struct bob *b = &e->bob;
	struct sift_outcomes *o = &b->pending->outcomes;
	size_t may = room(e);

	while (n > 0) {
		size_t now = 64 - o->count % 64;

		if (may == 0) {
			e->stats.gaps += !b->dropping;
			b->dropping = true;
			e->stats.dropped += n;
			return;
		}
		b->dropping = false;
		if (now > n)
			now = n;
		if (now > may)
			now = may;
		if (o->count == 0)
			b->pending_ns = e->now_ns;
		collect(e, d, now);
		d += now;
		n -= now;
		may -= now;
		if (o->count == SIFT_BATCH_MAX) {
			announce(e);
			may = room(e);
		}
	}
}

void bob_sift_gap(struct engine *e)
{
	struct bob *b = &e->bob;
	struct sift_batch *p = b->pending;
	struct sift_outcomes kept = {0};

	for (size_t i = 0; i < p->outcomes.count; i++) {
		if (in_gap(b, p->slot[i] - (uint64_t)b->offset)) {
			e->stats.dropped++;
			continue;
		}
		p->slot[kept.count] = p->slot[i];
		bits_put(kept.x, kept.count, bits_get(p->outcomes.x, i));
		bits_put(kept.cross, kept.count, bits_get(p->outcomes.cross, i));
		bits_put(kept.bit, kept.count++, bits_get(p->outcomes.bit, i));
	}
	p->outcomes = kept;
	secret_wipe(&kept, sizeof(kept));
}

void bob_sift_tick(struct engine *e)
{
	struct bob *b = &e->bob;

	if (b->pending->outcomes.count > 0 && e->now_ns - b->pending_ns >= BATCH_NS)
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

static void take(struct engine *e, struct batch_out *out, const struct sift_reply *r,
                 const struct sift_gain *g, const uint8_t *msg, size_t len)
{
	struct block *b = block_of_reply(e, r->block);
	struct monitor_counts shown;

	block_append(b, g, &shown);
	engine_count_sifted(e, r, g, &shown);
	if (b != NULL) {
		auth_transcript_add(&b->secret->tx, out->raw, out->raw_len);
		auth_transcript_add(&b->secret->rx, msg, len);
		block_batch_added(e, b, out->first_slot, out->last_slot);
	}
	pop(&e->bob);
	alarms_errors(e, &shown);
}

void bob_reply(struct engine *e, const uint8_t *msg, size_t len)
{
	struct bob *b = &e->bob;
	struct batch_out *out = batch_at(b, b->head);
	uint64_t sequence, block;
	struct sift_reply r;
	struct sift_gain g;

	if (sift_reply_head(msg, len, &sequence, &block) < 0) {
		engine_protocol_error(e, "a malformed reply");
		return;
	}
	/* To a batch from before the last realignment, which Alice had not yet heard of. */
	if (sequence < (b->head < b->tail ? out->sequence : b->next_sequence))
		return;
	if (b->head == b->tail || sequence != out->sequence ||
	    sift_reply_decode(msg, len, outcomes_at(b, b->head), &r, &g) < 0) {
		engine_protocol_error(e, "a reply that fits no announcement");
		engine_realign(e, "sifting is out of step");
		return;
	}
	take(e, out, &r, &g, msg, len);
	secret_wipe(g.key, sizeof(g.key));
}
