/* SPDX-License-Identifier: BSD-3-Clause */

/* Bob: detections into announcements, the replies to their samples. */

#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/sift_pack.h"

#define BATCH_NS          (5 * NS_PER_MS)
#define REPLY_PATIENCE_NS (10 * NS_PER_S)

static struct batch_out *batch_at(struct bob *b, uint64_t index)
{
	return &b->batches[index % BATCHES_MAX];
}

static struct sift_outcomes *sample_at(struct bob *b, uint64_t index)
{
	return &b->samples[index % BATCHES_MAX];
}

void bob_sift_drop(struct engine *e)
{
	struct bob *b = &e->bob;

	b->head = b->tail;
	e->stats.dropped += b->pending->outcomes.count;
	secret_wipe(b->pending, sizeof(*b->pending));
	b->dropping = false;
}

static bool block_is_free(const struct engine *e)
{
	for (unsigned int i = 0; i < e->block_count; i++)
		if (e->blocks[i].stage == BLOCK_FREE)
			return true;
	return false;
}

bool bob_room(const struct engine *e)
{
	return e->bob.tail - e->bob.head < BATCHES_MAX && !outbox_full(e) &&
	       (e->open != NULL || block_is_free(e));
}

/* A number below N that says nothing about detections. */
static uint32_t sample_random(struct engine *e, uint32_t n)
{
	struct bob *b = &e->bob;

	if (b->sample_pool_left == 0) {
		engine_random_any(e, b->sample_pool, sizeof(b->sample_pool));
		b->sample_pool_left = sizeof(b->sample_pool) / sizeof(b->sample_pool[0]);
	}
	return (uint32_t)((uint64_t)b->sample_pool[--b->sample_pool_left] * n >> 32);
}

/*
 * One detection of each sample_interval is sampled, at a random place among them and whatever it
 * shows. The next one comes FROM detections later than what sample_skip counts from, behind the
 * rest of its interval.
 */
static void next_sample(struct engine *e, uint64_t from)
{
	struct bob *b = &e->bob;
	uint32_t at = sample_random(e, e->config.sample_interval);

	b->sample_skip = from + b->sample_left + at;
	b->sample_left = e->config.sample_interval - 1 - at;
}

static void draw_sample(struct engine *e, struct batch_pending *p)
{
	const struct sift_pack *pack = sift_pack_best();
	struct sift_batch *batch = &p->batch;
	struct sift_outcomes *o = &batch->sample;
	size_t words = BITS_WORDS(batch->count);
	uint64_t part[SIFT_WORDS + 1];
	struct bob *b = &e->bob;

	if (!b->sampling)
		next_sample(e, 0);
	b->sampling = true;
	memset(batch->sampled, 0, sizeof(batch->sampled));
	memset(o, 0, sizeof(*o));
	while (b->sample_skip < batch->count) {
		bits_put(batch->sampled, b->sample_skip, true);
		bits_put(o->disclosed, o->count++, true);
		next_sample(e, b->sample_skip + 1);
	}
	b->sample_skip -= batch->count;
	pack->extract(p->outcomes.x, batch->sampled, words, part);
	memcpy(o->x, part, sizeof(o->x));
	pack->extract(p->outcomes.bit, batch->sampled, words, part);
	memcpy(o->bit, part, sizeof(o->bit));
}

/* All but the sample into the block. */
static void store(struct block *b, const struct batch_pending *p)
{
	const struct sift_pack *pack = sift_pack_best();
	size_t words = BITS_WORDS(p->batch.count);
	uint64_t rest[SIFT_WORDS], part[3][SIFT_WORDS + 1];
	const uint64_t *const strings[BLOCK_STRINGS] = {
	        [BLOCK_X] = part[0], [BLOCK_BIT] = part[1], [BLOCK_CROSS] = part[2]};

	sift_rest(&p->batch, rest);
	pack->extract(p->outcomes.x, rest, words, part[0]);
	pack->extract(p->outcomes.bit, rest, words, part[1]);
	pack->extract(p->outcomes.cross, rest, words, part[2]);
	block_store(b, strings, p->batch.count - p->batch.sample.count);
	secret_wipe(part, sizeof(part));
}

/*
 * The block's number, its end and what is sampled follow from how many detections there are,
 * never from what they show. There is room, and so a block.
 */
static void announce(struct engine *e)
{
	struct bob *b = &e->bob;
	struct sift_batch *batch = &b->pending->batch;
	struct block *to = e->open != NULL ? e->open : block_open(e, e->last_number + 1, e->hash);
	uint8_t msg[SIFT_ANNOUNCE_MAX];
	size_t len;

	if (to == NULL)
		return;
	batch->count = b->pending->outcomes.count;
	draw_sample(e, b->pending);
	store(to, b->pending);
	batch->sequence = b->next_sequence++;
	batch->block = to->number;
	batch->last = to->detections >= e->block_detections;
	batch->odd_keys = to->hash->odd;
	len = sift_announce_encode(batch, msg);
	*sample_at(b, b->tail) = batch->sample;
	*batch_at(b, b->tail++) = (struct batch_out){
	        .sequence = batch->sequence,
	        .block = batch->block,
	        .count = batch->count,
	        .last = batch->last,
	        .sent_ns = e->now_ns,
	};
	e->stats.announced += batch->count;
	if (batch->last)
		e->open = NULL;
	block_send(e, to, msg, len);
	block_batch_added(e, to, batch->slot[0], batch->slot[batch->count - 1]);
	memset(&b->pending->outcomes, 0, sizeof(b->pending->outcomes));
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

/* As collect(), of a whole word of which nothing is to be left out; false: look at each. */
static bool collect_word(struct bob *b, const struct detection *d, size_t n)
{
	struct sift_outcomes *o = &b->pending->outcomes;
	uint64_t *slot = b->pending->batch.slot + o->count, x, bit, cross;

	if (n < 64 || d[0].slot <= b->gap_last ||
	    !sift_pack_best()->detections(d, (uint64_t)b->offset, b->next_slot, slot, &x, &bit,
	                                  &cross))
		return false;
	o->x[o->count / 64] = x;
	o->bit[o->count / 64] = bit;
	o->cross[o->count / 64] = cross;
	o->count += 64;
	b->next_slot = slot[63] + 1;
	return true;
}

/* N detections, not more than are left in the word of the batch that fills. */
static void collect(struct engine *e, const struct detection *d, size_t n)
{
	struct bob *b = &e->bob;
	struct sift_outcomes *o = &b->pending->outcomes;
	uint64_t *slots = b->pending->batch.slot;
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
		slots[at++] = slot;
		next = slot + 1;
	}
	o->x[w] = x;
	o->bit[w] = bit;
	o->cross[w] = cross;
	o->count = at;
	b->next_slot = next;
}

bool engine_takes(const struct engine *e, size_t n)
{
	return e->config.role != ENGINE_BOB || e->bob.sync != SYNC_ALIGNED || bob_room(e) ||
	       e->bob.pending->outcomes.count + n <= SIFT_BATCH_MAX;
}

/* Those that there is no room for; one gap however long. */
static void drop(struct engine *e, size_t n)
{
	e->stats.gaps += !e->bob.dropping;
	e->bob.dropping = true;
	e->stats.dropped += n;
}

void bob_detections(struct engine *e, const struct detection *d, size_t n)
{
	struct bob *b = &e->bob;
	struct sift_outcomes *o = &b->pending->outcomes;

	while (n > 0) {
		size_t now = 64 - o->count % 64;

		if (o->count == SIFT_BATCH_MAX) {
			drop(e, n);
			return;
		}
		b->dropping = false;
		if (now > n)
			now = n;
		if (o->count == 0)
			b->pending_ns = e->now_ns;
		if (!collect_word(b, d, now))
			collect(e, d, now);
		d += now;
		n -= now;
		if (o->count == SIFT_BATCH_MAX && bob_room(e))
			announce(e);
	}
}

void bob_sift_gap(struct engine *e)
{
	struct bob *b = &e->bob;
	struct batch_pending *p = b->pending;
	struct sift_outcomes kept = {0};

	for (size_t i = 0; i < p->outcomes.count; i++) {
		if (in_gap(b, p->batch.slot[i] - (uint64_t)b->offset)) {
			e->stats.dropped++;
			continue;
		}
		p->batch.slot[kept.count] = p->batch.slot[i];
		bits_put(kept.x, kept.count, bits_get(p->outcomes.x, i));
		bits_put(kept.cross, kept.count, bits_get(p->outcomes.cross, i));
		bits_put(kept.bit, kept.count++, bits_get(p->outcomes.bit, i));
	}
	p->outcomes = kept;
	secret_wipe(&kept, sizeof(kept));
}

/* Alice's card may not know their slots any more when they are announced. */
static void forget_pending(struct engine *e)
{
	struct sift_outcomes *o = &e->bob.pending->outcomes;

	drop(e, o->count);
	secret_wipe(o, sizeof(*o));
}

void bob_sift_tick(struct engine *e)
{
	struct bob *b = &e->bob;

	if (b->pending->outcomes.count > 0 && e->now_ns - b->pending_ns >= BATCH_NS) {
		if (bob_room(e))
			announce(e);
		else if (e->now_ns - b->pending_ns >= ENGINE_PATIENCE_NS)
			forget_pending(e);
	}
	if (b->head < b->tail && e->now_ns - batch_at(b, b->head)->sent_ns >= REPLY_PATIENCE_NS)
		engine_realign(e, "no reply to an announcement");
}

static void take(struct engine *e, const struct batch_out *out, unsigned int stale,
                 const struct sift_gain *g, const uint8_t *msg, size_t len)
{
	struct block *b = engine_block(e, out->block);
	struct monitor_counts shown;

	block_shown(g, &shown);
	engine_count_sample(e, stale, g, &shown);
	/* NULL: it was aborted meanwhile. */
	if (b != NULL) {
		auth_transcript_add(&b->secret->rx, msg, len);
		block_append_sample(b, g);
		block_seen(b, &e->monitor, MONITOR_SAMPLES, &shown);
		b->last_batch_ns = e->now_ns;
		if (out->last)
			block_advance(e, b, BLOCK_SIFT);
	}
	e->bob.head++;
	alarms_errors(e, MONITOR_SAMPLES, &shown);
}

void bob_reply(struct engine *e, const uint8_t *msg, size_t len)
{
	struct bob *b = &e->bob;
	const struct batch_out *out = batch_at(b, b->head);
	unsigned int stale;
	uint64_t sequence;
	struct sift_reply r;
	struct sift_gain g;

	if (sift_sample_head(msg, len, &sequence) < 0) {
		engine_protocol_error(e, "a malformed reply");
		return;
	}
	/* To a batch from before the last realignment, which Alice had not yet heard of. */
	if (sequence < (b->head < b->tail ? out->sequence : b->next_sequence))
		return;
	if (b->head == b->tail || sequence != out->sequence ||
	    sift_sample_decode(msg, len, out->count, sample_at(b, b->head), &stale, &r, &g) < 0) {
		engine_protocol_error(e, "a reply that fits no announcement");
		engine_realign(e, "sifting is out of step");
		return;
	}
	take(e, out, stale, &g, msg, len);
}
