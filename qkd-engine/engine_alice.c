/* SPDX-License-Identifier: BSD-3-Clause */

/* Alice: the light on Bob's request, and the answers to his announcements. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"

LOG_COMPONENT_DEFINE(engine_alice)

#define SOURCE_AGAIN_NS (20 * NS_PER_MS)

static struct batch_in *batch_at(struct alice *a, uint64_t index)
{
	return &a->batches[index % BATCHES_MAX];
}

static void batch_drop(struct batch_in *b)
{
	free(b->raw);
	b->raw = NULL;
}

static void drop_batches(struct engine *e)
{
	struct alice *a = &e->alice;

	/* The card still answers these. */
	a->orphans += a->asked - a->head;
	while (a->head < a->tail)
		batch_drop(batch_at(a, a->head++));
	a->asked = a->head;
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
		if (e->open != NULL)
			block_abort(e, e->open, ABORT_ALARM, false);
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

static void on_announce(struct engine *e, const uint8_t *msg, size_t len)
{
	struct alice *a = &e->alice;
	struct batch_in *b = batch_at(a, a->tail);

	if (a->tail - a->head >= BATCHES_MAX) {
		engine_protocol_error(e, "too many announcements under way");
		return;
	}
	if (sift_announce_decode(msg, len, a->next_slot, &b->batch) < 0 ||
	    b->batch.sequence < a->next_sequence) {
		engine_protocol_error(e, "a malformed announcement");
		return;
	}
	b->raw = malloc(len);
	if (b->raw == NULL) {
		engine_protocol_error(e, "no memory for an announcement");
		return;
	}
	memcpy(b->raw, msg, len);
	b->raw_len = len;
	a->next_sequence = b->batch.sequence + 1;
	a->next_slot = b->batch.slot[b->batch.outcomes.count - 1] + 1;
	a->tail++;
	e->stats.detections += b->batch.outcomes.count;
	e->stats.announced += b->batch.outcomes.count;
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
		if (e->ops.lookup(e->ctx, b->slot, b->outcomes.count) < 0) {
			a->asked--;
			return;
		}
	}
}

static void answer(struct engine *e, struct batch_in *in, const struct choice *choices)
{
	const struct sift_batch *batch = &in->batch;
	size_t count = batch->outcomes.count;
	struct monitor_counts shown;
	struct block *b = e->open;
	uint8_t msg[SIFT_REPLY_MAX];
	struct sift_reply r;
	struct sift_gain g;

	if (b == NULL)
		b = block_open(e, e->last_number + 1);
	if (b == NULL) {
		engine_protocol_error(e, "more blocks under way than agreed");
		return;
	}
	sift_judge(batch, choices, &r, &g);
	r.block = b->number;
	block_append(b, &g, &shown);
	secret_wipe(g.key, sizeof(g.key));
	auth_transcript_add(&b->secret->rx, in->raw, in->raw_len);
	block_send(e, b, msg, sift_reply_encode(&r, &g, count, msg));
	engine_count_sifted(e, &r, &g, &shown);
	block_batch_added(e, b, batch->slot[0], batch->slot[count - 1]);
	alarms_errors(e, &shown);
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
	if (n != b->batch.outcomes.count) {
		log_err("%s: the card answered %zu of %zu slots", e->config.link, n,
		        b->batch.outcomes.count);
		memset(stale, 0, sizeof(stale));
		c = stale;
	}
	answer(e, b, c);
	/* answer() may have dropped all batches. */
	if (a->head < a->tail && batch_at(a, a->head) == b) {
		batch_drop(b);
		a->head++;
	}
}

void engine_lookups_lost(struct engine *e)
{
	struct alice *a = &e->alice;
	static const struct choice stale[SIFT_BATCH_MAX];

	a->orphans = 0;
	while (a->head < a->asked)
		engine_choices(e, stale, batch_at(a, a->head)->batch.outcomes.count);
	/* A new session may have dropped the rest: nothing is left for the next card to answer. */
	a->orphans = 0;
}
