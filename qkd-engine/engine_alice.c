/* SPDX-License-Identifier: BSD-3-Clause */

/* Alice: the light on Bob's request, and the answers to his announcements. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/sift_pack.h"

LOG_COMPONENT_DEFINE(engine_alice)

#define SOURCE_AGAIN_NS (20 * NS_PER_MS)

static struct batch_in *batch_at(struct alice *a, uint64_t index)
{
	return &a->batches[a->place[index % BATCHES_MAX]];
}

/* The one that comes next, if TAIL moves on. */
static struct batch_in *batch_next(struct alice *a)
{
	a->place[a->tail % BATCHES_MAX] = a->free_place[a->free_places - 1];
	return batch_at(a, a->tail);
}

static void batch_done(struct alice *a)
{
	a->free_place[a->free_places++] = a->place[a->head++ % BATCHES_MAX];
}

static void drop_batches(struct engine *e)
{
	struct alice *a = &e->alice;

	/* The card still answers these. */
	a->orphans += a->asked - a->head;
	while (a->head < a->tail)
		batch_done(a);
	a->asked = a->tail;
}

int alice_init(struct engine *e)
{
	struct alice *a = &e->alice;

	a->batches = calloc(BATCHES_MAX, sizeof(a->batches[0]));
	while (a->free_places < BATCHES_MAX) {
		a->free_place[a->free_places] = (uint16_t)a->free_places;
		a->free_places++;
	}
	alice_reset(e);
	return a->batches == NULL ? -ENOMEM : 0;
}

void alice_reset(struct engine *e)
{
	drop_batches(e);
	e->alice.next_slot = SIFT_SLOT_MAX + 1; /* none before key light is asked for */
	e->alice.next_sequence = 0;
	e->alice.mode_wanted = false;
}

/* Ask the card until it takes the change, then tell Bob. */
static void try_mode(struct engine *e)
{
	struct alice *a = &e->alice;
	struct message m = {.type = MESSAGE_MODE};
	uint64_t from_slot;
	int r;

	if (e->now_ns < a->retry_ns)
		return;
	r = e->ops.source_mode(e->ctx, a->wanted, &from_slot);
	if (r < 0) {
		/* The card may be on its way: keep trying, say so once. */
		a->retry_ns = e->now_ns + SOURCE_AGAIN_NS;
		if (r != -EAGAIN && !a->refused)
			log_warn("%s: the source refuses mode %d: %s", e->config.link, a->wanted,
			         strerror(-r));
		a->refused = r != -EAGAIN;
		return;
	}
	a->refused = a->mode_wanted = false;
	a->retry_ns = 0;
	a->mode = a->wanted;
	/* Only light made for key is looked up. */
	a->next_slot = a->mode == SOURCE_QKD ? from_slot : SIFT_SLOT_MAX + 1;
	m.mode.attempt = a->attempt;
	m.mode.mode = (uint8_t)a->mode;
	m.mode.from_slot = from_slot;
	m.mode.slot_now = e->ops.slot_now(e->ctx);
	engine_send_message(e, &m);
	e->worked = true;
}

static void on_mode_request(struct engine *e, const struct message *m)
{
	struct alice *a = &e->alice;

	if (m->type == MESSAGE_SYNC_REQUEST) {
		/* Bob dropped his end of these already. */
		drop_batches(e);
		for (unsigned int i = 0; i < e->block_count; i++)
			if (e->blocks[i].stage == BLOCK_FILLING)
				block_abort(e, &e->blocks[i], ABORT_ALIGNMENT, false);
		monitor_reset(&e->monitor);
		a->wanted = SOURCE_SYNC;
	} else {
		if (m->attempt != a->attempt)
			return; /* overtaken by a later request */
		a->wanted = SOURCE_QKD;
	}
	a->attempt = m->attempt;
	a->mode_wanted = true;
	try_mode(e);
}

/* Those that Bob had when he began the block, or NULL: there are no such ones. */
static struct hash_keys *keys_of(const struct engine *e, const struct sift_batch *batch)
{
	return e->hash->odd == batch->odd_keys ? e->hash : e->last_hash;
}

/* The block that a batch names, or NULL: one that was aborted here. False: it cannot name it. */
static bool block_of(struct engine *e, const struct sift_batch *batch, struct block **b)
{
	*b = NULL;
	if (e->open != NULL && batch->block == e->open->number) {
		*b = e->open;
		if (batch->odd_keys == e->open->hash->odd)
			return true;
		engine_protocol_error(e, "a block under two hash keys");
		return false;
	}
	if (batch->block <= e->last_number)
		return true;
	if (e->open != NULL || batch->block > e->last_number + BATCHES_MAX) {
		engine_protocol_error(e, "a block begins that is not the next one");
		return false;
	}
	if (keys_of(e, batch) == NULL) {
		engine_protocol_error(e, "a block under hash keys that there are none of");
		return false;
	}
	*b = block_open(e, batch->block, keys_of(e, batch));
	if (*b == NULL)
		engine_protocol_error(e, "more blocks under way than agreed");
	return *b != NULL;
}

static void on_announce(struct engine *e, const uint8_t *msg, size_t len)
{
	struct alice *a = &e->alice;
	const struct sift_batch *batch;
	struct batch_in *in;
	struct block *b;

	if (a->free_places == 0) {
		engine_protocol_error(e, "too many announcements under way");
		return;
	}
	in = batch_next(a);
	batch = &in->batch;
	if (sift_announce_decode(msg, len, a->next_slot, &in->batch) < 0 ||
	    batch->sequence < a->next_sequence) {
		engine_protocol_error(e, "a malformed announcement");
		return;
	}
	if (!block_of(e, batch, &b))
		return;
	in->counts = b != NULL;
	if (b != NULL)
		auth_transcript_add(&b->secret->rx, msg, len);
	if (b != NULL && batch->last)
		e->open = NULL;
	a->next_sequence = batch->sequence + 1;
	a->next_slot = batch->slot[batch->count - 1] + 1;
	a->free_places--;
	a->tail++;
	e->stats.detections += batch->count;
	e->stats.announced += batch->count;
}

void alice_message(struct engine *e, int type, const uint8_t *msg, size_t len)
{
	struct message m;

	if (type == MESSAGE_ANNOUNCE) {
		on_announce(e, msg, len);
		return;
	}
	if (message_decode(msg, len, &m) == 0 &&
	    (m.type == MESSAGE_SYNC_REQUEST || m.type == MESSAGE_ALIGNED))
		on_mode_request(e, &m);
	else
		engine_protocol_error(e, "a message that Alice does not take");
}

void alice_tick(struct engine *e)
{
	struct alice *a = &e->alice;

	if (a->mode_wanted)
		try_mode(e);
	while (a->asked < a->tail) {
		const struct sift_batch *b = &batch_at(a, a->asked)->batch;

		a->asked++; /* the answer may come from within */
		if (e->ops.lookup(e->ctx, b->slot, b->count) < 0) {
			a->asked--;
			return;
		}
	}
}

/* Choices of a batch as strings; how many slots the card no longer knew. */
static unsigned int to_strings(const struct choice *choices, size_t n, struct sift_choices *c)
{
	const struct sift_pack *pack = sift_pack_best();
	uint64_t other[SIFT_WORDS];
	unsigned int stale;

	pack->choices(choices, n, c->x, c->bit, c->decoy, c->light, other);
	stale = (unsigned int)(n - pack->count(c->light, BITS_WORDS(n)));
	for (size_t w = 0; w < BITS_WORDS(n); w++)
		c->light[w] &= ~other[w];
	return stale;
}

static size_t extract(const struct sift_choices *from, const uint64_t *mask, size_t words,
                      struct sift_choices *to)
{
	const struct sift_pack *pack = sift_pack_best();

	pack->extract(from->x, mask, words, to->x);
	pack->extract(from->bit, mask, words, to->bit);
	pack->extract(from->decoy, mask, words, to->decoy);
	return pack->extract(from->light, mask, words, to->light);
}

/* All but the sample into the block; false: there are too many. */
static bool store(struct engine *e, struct block *b, const struct sift_batch *batch,
                  const struct sift_choices *all)
{
	uint64_t rest[SIFT_WORDS] = {0};
	struct sift_choices c;
	const uint64_t *const strings[BLOCK_STRINGS] = {c.x, c.bit, c.decoy, c.light};
	size_t n = batch->count - batch->sample.count;

	if (n > b->cap - b->detections) {
		engine_protocol_error(e, "a block with more detections than agreed");
		return false;
	}
	sift_rest(batch, rest);
	extract(all, rest, BITS_WORDS(batch->count), &c);
	block_store(b, strings, n);
	secret_wipe(&c, sizeof(c));
	return true;
}

/* What the sample shows. */
static void reply(struct engine *e, struct block *b, const struct sift_batch *batch,
                  const struct sift_choices *all, unsigned int stale)
{
	struct monitor_counts shown;
	uint8_t msg[SIFT_REPLY_MAX];
	struct sift_choices c;
	struct sift_reply r;
	struct sift_gain g;
	size_t len;

	extract(all, batch->sampled, BITS_WORDS(batch->count), &c);
	sift_judge(&batch->sample, &c, &r, &g);
	secret_wipe(&c, sizeof(c));
	len = sift_sample_encode(batch->sequence, stale, &r, &g, batch->sample.count, msg);
	block_shown(&g, &shown);
	engine_count_sample(e, stale, &g, &shown);
	if (b == NULL) {
		engine_send(e, msg, len);
	} else {
		block_append_sample(b, &g);
		block_seen(b, &e->monitor, MONITOR_SAMPLES, &shown);
		block_send(e, b, msg, len);
		if (block_batch_added(e, b, batch->slot[0], batch->slot[batch->count - 1]) &&
		    batch->last)
			block_advance(e, b, BLOCK_SIFT);
	}
	alarms_errors(e, MONITOR_SAMPLES, &shown);
}

static void answer(struct engine *e, const struct batch_in *in, const struct choice *choices)
{
	struct block *b = in->counts ? engine_block(e, in->batch.block) : NULL;
	struct sift_choices all;
	unsigned int stale = to_strings(choices, in->batch.count, &all);

	if (b == NULL || store(e, b, &in->batch, &all))
		reply(e, b, &in->batch, &all, stale);
	secret_wipe(&all, sizeof(all));
}

void engine_choices(struct engine *e, const struct choice *c, size_t n)
{
	struct alice *a = &e->alice;
	struct choice stale[SIFT_BATCH_MAX];
	struct batch_in *b;

	engine_check_session(e);
	if (a->orphans > 0) {
		a->orphans--;
		return;
	}
	if (a->head == a->asked) {
		log_err("%s: an answer of the card that nothing asked for", e->config.link);
		return;
	}
	b = batch_at(a, a->head);
	if (n != b->batch.count) {
		log_err("%s: the card answered %zu of %zu slots", e->config.link, n,
		        b->batch.count);
		memset(stale, 0, sizeof(stale));
		c = stale;
	}
	answer(e, b, c);
	/* answer() may have dropped all batches. */
	if (a->head < a->tail && batch_at(a, a->head) == b)
		batch_done(a);
}

void engine_lookups_lost(struct engine *e)
{
	struct alice *a = &e->alice;
	static const struct choice stale[SIFT_BATCH_MAX];

	a->orphans = 0;
	while (a->head < a->asked)
		engine_choices(e, stale, batch_at(a, a->head)->batch.count);
	/* A new session may have dropped the rest: nothing is left for the next card to answer. */
	a->orphans = 0;
}
