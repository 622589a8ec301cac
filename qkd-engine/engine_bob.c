/* SPDX-License-Identifier: BSD-3-Clause */

/* Bob: alignment of slot numbers, and what the light or its lack says. */

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "qkd-engine/engine_state.h"

LOG_COMPONENT_DEFINE(engine_bob)

/* The light may be so much behind Alice's counter: 2 ms, 400 km of fibre. */
#define PROPAGATION_SLOTS (1LL << 21)
/* Both counters are read a little before or after the messages say. */
#define COUNTER_SLOTS    (1LL << 18)
#define HALF_WINDOW_MAX  (1LL << 30)
#define STEP_WORDS       256 /* of the search: 40 us */
#define ASK_AGAIN_NS     (5 * NS_PER_S)
#define CLOCK_AGAIN_NS   (20 * NS_PER_MS)
#define SCARCE_NS        (2 * NS_PER_S)
#define SYNC_PATIENCE_NS (10 * NS_PER_S)
#define DARK_NS          (2 * NS_PER_S)
#define LIGHT_MIN        1000 /* detections that count as light */

static void ask(struct engine *e)
{
	struct bob *b = &e->bob;
	struct message m = {.type = MESSAGE_SYNC_REQUEST};

	b->attempt++;
	b->sync = SYNC_ASKED;
	b->asked_ns = e->now_ns;
	b->asked_slot = e->ops.slot_now(e->ctx);
	b->collected = 0;
	m.attempt = b->attempt;
	engine_send_message(e, &m);
}

void bob_session(struct engine *e)
{
	e->bob.trying_ns = e->now_ns;
	e->bob.trying_light = 0;
	e->bob.last_light_ns = e->now_ns;
	ask(e);
}

void bob_reset(struct engine *e)
{
	bob_sift_drop(e);
	e->bob.head = e->bob.tail = 0;
	e->bob.next_sequence = 0;
	e->bob.sync = SYNC_IDLE;
}

void engine_realign(struct engine *e, const char *why)
{
	struct bob *b = &e->bob;

	if (e->config.role != ENGINE_BOB || !e->session_up || e->agree == AGREE_NOT)
		return;
	log_info("%s: aligning anew: %s", e->config.link, why);
	e->stats.realignments++;
	block_void_recent(e, ABORT_ALIGNMENT);
	monitor_reset(&e->monitor);
	bob_sift_drop(e);
	if (b->trying_ns == 0) {
		b->trying_ns = e->now_ns;
		b->trying_light = 0;
	}
	ask(e);
}

/* Offsets to try, and the first own slot that shows the pattern under all of them. */
static void collect(struct engine *e)
{
	struct bob *b = &e->bob;
	int64_t from = (int64_t)b->mode_slot - (b->center - b->half);

	b->collect_from = from > 0 ? (uint64_t)from : 0;
	b->collected = 0;
	b->collect_ns = e->now_ns;
	b->sync = SYNC_COLLECT;
}

static void on_pattern(struct engine *e, const struct message *m)
{
	struct bob *b = &e->bob;
	uint64_t now = e->ops.slot_now(e->ctx);
	/* Alice read her counter between the request and now; light comes later still. */
	int64_t most = (int64_t)(m->mode.slot_now - b->asked_slot) + COUNTER_SLOTS;
	int64_t least = (int64_t)(m->mode.slot_now - now) - PROPAGATION_SLOTS - COUNTER_SLOTS;

	/* Without a recovered clock (its slot is 0) the answer only brought the light. */
	if (b->asked_slot == 0 || now == 0) {
		b->sync = SYNC_CLOCK;
		return;
	}
	if (least > most)
		least = most - PROPAGATION_SLOTS;
	b->mode_slot = m->mode.from_slot;
	b->center = least + (most - least) / 2;
	b->half = (most - least) / 2 + 1;
	if (b->half > HALF_WINDOW_MAX)
		b->half = HALF_WINDOW_MAX;
	collect(e);
}

static void on_key_light(struct engine *e, const struct message *m)
{
	struct bob *b = &e->bob;

	b->sync = SYNC_ALIGNED;
	b->next_slot = m->mode.from_slot;
	b->last_light_ns = e->now_ns;
	monitor_reset(&e->monitor);
	log_info("%s: aligned, offset %lld, %u of %zu detections agree", e->config.link,
	         (long long)b->offset, b->align.score, b->align.count);
}

void bob_message(struct engine *e, const struct message *m)
{
	struct bob *b = &e->bob;

	if (m->type != MESSAGE_MODE || m->mode.from_slot > SIFT_SLOT_MAX ||
	    m->mode.slot_now > SIFT_SLOT_MAX) {
		engine_protocol_error(e, "a message that Bob does not take");
		return;
	}
	if (m->mode.attempt != b->attempt)
		return; /* to a request that was given up */
	if (m->mode.mode == SOURCE_SYNC && b->sync == SYNC_ASKED)
		on_pattern(e, m);
	else if (m->mode.mode == SOURCE_QKD && b->sync == SYNC_FOUND)
		on_key_light(e, m);
	else
		engine_protocol_error(e, "a change of light that was not asked for");
}

static void search(struct engine *e)
{
	struct bob *b = &e->bob;
	struct message m = {.type = MESSAGE_ALIGNED, .attempt = b->attempt};

	e->worked = true;
	switch (align_step(&b->align, STEP_WORDS)) {
	case ALIGN_MORE:
		break;
	case ALIGN_FOUND:
		b->offset = b->align.found;
		b->sync = SYNC_FOUND;
		b->asked_ns = e->now_ns;
		engine_send_message(e, &m);
		break;
	case ALIGN_FAILED:
		if (b->half >= HALF_WINDOW_MAX) {
			ask(e);
			break;
		}
		b->half = b->half * 4 < HALF_WINDOW_MAX ? b->half * 4 : HALF_WINDOW_MAX;
		collect(e);
		break;
	}
}

static void collect_tick(struct engine *e)
{
	struct bob *b = &e->bob;
	uint64_t waited = e->now_ns - b->collect_ns;

	if (b->collected == ALIGN_DETECTIONS ||
	    (b->collected >= ALIGN_MIN && waited >= SCARCE_NS)) {
		align_start(&b->align, b->collect, b->collected, b->center - b->half,
		            b->center + b->half);
		b->sync = SYNC_SEARCH;
	} else if (waited >= ASK_AGAIN_NS) {
		ask(e);
	}
}

/* Alice has to hear what is asked: until she can, nothing is wrong with the light. */
static void unheard(struct engine *e)
{
	struct channel_stats channel;

	channel_stats_read(e->channel, &channel);
	if (channel.state == CHANNEL_UP)
		return;
	e->bob.trying_ns = e->now_ns;
	e->bob.trying_light = 0;
}

static void light_alarms(struct engine *e)
{
	struct bob *b = &e->bob;

	if (b->trying_ns != 0 && b->sync == SYNC_ALIGNED && e->monitor.verified) {
		b->trying_ns = 0;
		alarm_set(e, ENGINE_ALARM_SYNC, false, "slots match again");
	}
	if (b->trying_ns != 0)
		unheard(e);
	/* An offset that was found and is not disproved yet is given the time it takes. */
	if (b->trying_ns != 0 && b->sync != SYNC_ALIGNED &&
	    e->now_ns - b->trying_ns >= SYNC_PATIENCE_NS && b->trying_light >= LIGHT_MIN)
		alarm_set(e, ENGINE_ALARM_SYNC, true,
		          "no alignment in %llu s with light: is the fibre that of this link?",
		          (unsigned long long)((e->now_ns - b->trying_ns) / NS_PER_S));
	/* Detections that nobody can take are left at the card. */
	if (b->sync == SYNC_ALIGNED && !bob_room(e))
		b->last_light_ns = e->now_ns;
	if (e->now_ns - b->last_light_ns >= DARK_NS) {
		alarm_set(e, ENGINE_ALARM_NO_LIGHT, true, "no detection for 2 s");
		/* Alice's card may have gone dark and started anew: ask for light again. */
		if (b->sync == SYNC_ALIGNED)
			engine_realign(e, "no light");
		/* Patience with the alignment begins when there is light to align by. */
		b->trying_ns = e->now_ns;
		b->trying_light = 0;
	}
}

void bob_tick(struct engine *e)
{
	struct bob *b = &e->bob;

	switch (b->sync) {
	case SYNC_IDLE:
		return;
	case SYNC_ASKED:
	case SYNC_FOUND:
		if (e->now_ns - b->asked_ns >= ASK_AGAIN_NS)
			ask(e);
		break;
	case SYNC_CLOCK:
		if (e->now_ns - b->asked_ns >= CLOCK_AGAIN_NS && e->ops.slot_now(e->ctx) != 0)
			ask(e);
		break;
	case SYNC_COLLECT:
		collect_tick(e);
		break;
	case SYNC_SEARCH:
		search(e);
		break;
	case SYNC_ALIGNED:
		bob_sift_tick(e);
		break;
	}
	light_alarms(e);
}

/* Detections without alignment: of the pattern, while it is asked for. */
static void unaligned(struct engine *e, const struct detection *d, size_t n)
{
	struct bob *b = &e->bob;

	e->stats.unaligned += n;
	if (b->sync != SYNC_COLLECT)
		return;
	for (size_t i = 0; i < n && b->collected < ALIGN_DETECTIONS; i++)
		if (d[i].slot >= b->collect_from)
			b->collect[b->collected++] = d[i].slot;
}

void engine_detections(struct engine *e, const struct detection *d, size_t n, uint64_t now_ns)
{
	struct bob *b = &e->bob;

	if (n == 0 || e->config.role != ENGINE_BOB)
		return;
	e->now_ns = now_ns;
	engine_check_session(e);
	e->stats.detections += n;
	b->trying_light += n;
	b->last_light_ns = now_ns;
	alarm_set(e, ENGINE_ALARM_NO_LIGHT, false, "detections again");
	if (b->sync == SYNC_ALIGNED)
		bob_detections(e, d, n);
	else
		unaligned(e, d, n);
}

void engine_gap(struct engine *e, uint64_t first_slot, uint64_t last_slot)
{
	struct bob *b = &e->bob;

	if (e->config.role != ENGINE_BOB)
		return;
	e->stats.gaps++;
	b->gaps[b->gap_next++ % GAPS_MAX] = (struct gap){first_slot, last_slot};
	if (last_slot > b->gap_last)
		b->gap_last = last_slot;
	bob_sift_gap(e);
}

void engine_slots_restarted(struct engine *e)
{
	memset(e->bob.gaps, 0, sizeof(e->bob.gaps));
	e->bob.gap_last = 0;
	if (engine_check_session(e) && e->bob.sync != SYNC_IDLE)
		engine_realign(e, "the receiver's slots start anew");
}
