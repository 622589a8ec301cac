/* SPDX-License-Identifier: BSD-3-Clause */

/* Monitor records, the receiver's states, and the limits at which a card goes dark by itself. */

#include <math.h>
#include <string.h>

#include "tests/conformance/conformance.h"

#define PERIOD_MS 20
#define SLOTS48   0xffffffffffffULL
#define QUARTER   16384u /* probability in the registers */

static bool offers(struct rig *rig, const struct end *e, uint32_t feature, const char *what)
{
	if ((e->features & feature) != 0)
		return true;
	rig->absent = what;
	return false;
}

/* Accepted, a short period, the ring running with all its buffers posted. */
static bool ready(struct rig *rig, struct end *e, struct ring *r, unsigned int log2)
{
	if (!offers(rig, e, CARD_FEATURE_MONITOR, "it has no monitor ring"))
		return false;
	put(rig, e, CARD_FEATURES_USED_LO, CARD_FEATURE_MONITOR);
	put(rig, e, CARD_MONITOR_MS, PERIOD_MS);
	ring_lay(rig, r, e, CARD_RING_MONITOR, log2);
	ring_run(rig, r);
	ring_post(r, r->size);
	return true;
}

static uint32_t bytes_of(const struct end *e)
{
	return e->role == CARD_ROLE_ALICE ? sizeof(struct card_monitor_tx)
	                                  : sizeof(struct card_monitor_rx);
}

/* The next record, sound by itself; its buffer goes back to the card. */
static bool record(struct rig *rig, struct ring *r, void *out, struct card_monitor_head *head)
{
	const struct card_desc *d = ring_wait(rig, r);
	uint32_t bytes = bytes_of(r->e), words[BUFFER_BYTES / 4], sum = 0;

	if (d == NULL)
		return false;
	memcpy(words, ring_data(r, r->done - 1), bytes);
	memcpy(out, words, bytes);
	memcpy(head, words, sizeof(*head));
	for (uint32_t i = 0; i < bytes / 4 - 1; i++)
		sum += words[i];
	EXPECT(d->used == bytes && head->bytes == bytes, "a record of %u bytes, not %u", d->used,
	       bytes);
	EXPECT(sum == words[bytes / 4 - 1], "its sum is 0x%x, not 0x%x", words[bytes / 4 - 1], sum);
	EXPECT(head->type == (r->e->role == CARD_ROLE_ALICE ? CARD_MONITOR_TX : CARD_MONITOR_RX),
	       "a record of type %u", head->type);
	EXPECT(d->first_slot == head->slot && head->slot >> 48 == 0, "slots of a record");
	ring_post(r, 1);
	return true;
}

static uint64_t slots_of_ms(const struct end *e, double ms)
{
	return (uint64_t)(ms * 1e12 / (double)get(e, CARD_TIME_SLOT_FS));
}

/* Each slot in one record, over the wrap of the ring; about one a period. */
static void records(struct rig *rig, struct end *e)
{
	struct card_monitor_head head, last = {0};
	uint8_t out[sizeof(struct card_monitor_rx)];
	uint64_t start, from = 0;
	struct ring r;

	if (!ready(rig, e, &r, 3))
		return;
	enable(rig, e);
	start = clock_mono_ns();
	for (uint32_t i = 0; i < 20; i++) {
		if (!record(rig, &r, out, &head))
			return;
		EXPECT(i == 0 || head.slot == ((last.slot + last.slots) & SLOTS48),
		       "record %u does not begin where the one before ends", i);
		from = i == 0 ? head.slot : from;
		last = head;
	}
	/* 19 periods lie between 20 records, on a slow machine more. */
	EXPECT(clock_mono_ns() - start > 15 * PERIOD_MS * NS_PER_MS, "20 records in %llu ms",
	       (unsigned long long)((clock_mono_ns() - start) / NS_PER_MS));
	EXPECT(((last.slot - from) & SLOTS48) >= slots_of_ms(e, 15 * PERIOD_MS),
	       "20 records cover %llu slots", (unsigned long long)((last.slot - from) & SLOTS48));
	EXPECT(get64(e, CARD_RING(r.q) + CARD_RING_DROPPED_LO) == 0, "records were dropped");
}

/* A full ring drops whole records, counts them, and nothing is told twice. */
static void full(struct rig *rig, struct end *e)
{
	struct card_monitor_head head, last = {0};
	uint8_t out[sizeof(struct card_monitor_rx)];
	uint64_t missing = 0, dropped;
	struct ring r;

	if (!ready(rig, e, &r, 1))
		return;
	enable(rig, e);
	sleep_ms(10 * PERIOD_MS);
	dropped = get64(e, CARD_RING(r.q) + CARD_RING_DROPPED_LO);
	EXPECT(dropped >= 4, "%llu records dropped in ten periods without a buffer",
	       (unsigned long long)dropped);
	for (uint32_t i = 0; i < 6; i++) {
		uint64_t end = (last.slot + last.slots) & SLOTS48, gap;

		if (!record(rig, &r, out, &head))
			return;
		gap = (head.slot - end) & SLOTS48;
		EXPECT(i == 0 || gap < 1ULL << 47, "record %u covers slots of the one before", i);
		missing += i == 0 ? 0 : gap;
		last = head;
	}
	EXPECT(missing >= slots_of_ms(e, 3 * PERIOD_MS),
	       "%llu slots are in no record, but %llu records were dropped",
	       (unsigned long long)missing, (unsigned long long)dropped);
	EXPECT_WELL(e);
}

static void ring_reset(struct rig *rig, struct end *e)
{
	struct card_monitor_head head;
	uint8_t out[sizeof(struct card_monitor_rx)];
	struct ring r;

	if (!ready(rig, e, &r, 3))
		return;
	enable(rig, e);
	if (!record(rig, &r, out, &head))
		return;
	put(rig, e, CARD_RING(r.q) + CARD_RING_CTRL, CARD_RING_CTRL_RESET);
	EXPECT(wait_for(e, CARD_RING(r.q) + CARD_RING_CTRL, CARD_RING_CTRL_RESET, 0),
	       "the ring's reset does not end");
	EXPECT(get(e, CARD_RING(r.q) + CARD_RING_STATE) == CARD_RING_IDLE, "the ring is not idle");
	ring_wipe(&r);
	sleep_ms(4 * PERIOD_MS);
	EXPECT(ring_untouched(&r), "a record came into a ring that was reset");
	/* From its start: sequence numbers too, which record() looks at. */
	ring_lay(rig, &r, e, CARD_RING_MONITOR, 3);
	ring_run(rig, &r);
	ring_post(&r, r.size);
	record(rig, &r, out, &head);
	EXPECT(get(e, CARD_MONITOR_MS) == PERIOD_MS, "the ring's reset set the period back");
	/* The function's reset ends all of it. */
	reset(rig, e);
	ring_wipe(&r);
	enable(rig, e);
	sleep_ms(4 * PERIOD_MS);
	EXPECT(ring_untouched(&r), "a record came after function reset");
	EXPECT(get(e, CARD_MONITOR_MS) == 100, "MONITOR_MS is %u after reset",
	       get(e, CARD_MONITOR_MS));
}

/* A host of version 1.0 finds what it found before. */
static void not_accepted(struct rig *rig, struct end *e)
{
	struct ring r;

	if (!offers(rig, e, CARD_FEATURE_MONITOR, "it has no monitor ring"))
		return;
	put(rig, e, CARD_MONITOR_MS, 5);
	EXPECT_WELL(e);
	ring_lay(rig, &r, e, CARD_RING_MONITOR, 3);
	ring_run(rig, &r);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_RING(CARD_RING_MONITOR) + CARD_RING_CTRL);
	EXPECT(ring_untouched(&r), "a record came into a ring that is not accepted");
}

static void refuses(struct rig *rig, struct end *e)
{
	static const uint32_t periods[] = {9, 10001, 0};
	struct ring r;

	for (unsigned int i = 0; i < 3; i++) {
		if (!ready(rig, e, &r, 3))
			return;
		put(rig, e, CARD_MONITOR_MS, periods[i]);
		EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_MONITOR_MS);
		reset(rig, e);
	}
	if (!ready(rig, e, &r, 3))
		return;
	r.desc[0].len = CARD_DESC_BYTES_MIN / 2;
	enable(rig, e);
	EXPECT_FAULT(e, CARD_FAULT_DMA, CARD_RING_MONITOR);
	EXPECT(get(e, CARD_RING(r.q) + CARD_RING_STATE) == CARD_RING_ERROR,
	       "a ring with a bad descriptor is in state %u",
	       get(e, CARD_RING(r.q) + CARD_RING_STATE));
	r.desc[0].len = BUFFER_BYTES;
	EXPECT(ring_untouched(&r), "something was transferred all the same");
}

struct sums {
	double live[CARD_RX_STATES], clicks[CARD_RX_STATES], slots;
};

static void add(struct sums *s, const struct card_monitor_rx *rx)
{
	s->slots += (double)rx->head.slots;
	for (unsigned int i = 0; i < CARD_RX_STATES; i++) {
		s->live[i] += (double)rx->live[i];
		s->clicks[i] -= rx->doubles[i];
		for (unsigned int d = 0; d < 4; d++)
			s->clicks[i] += rx->clicks[i][d];
	}
}

static double rate(const struct sums *s, unsigned int state)
{
	return s->live[state] > 0 ? s->clicks[state] / s->live[state] : 0;
}

/* Tags that a ring holds by now. */
static void count_tags(struct rig *rig, struct ring *tags, double *n)
{
	const struct card_desc *d;

	while ((d = ring_next(rig, tags)) != NULL) {
		*n += d->used / 8;
		ring_post(tags, 1);
	}
}

/* A quarter of the time each: what is no tag is counted, and detectors answer to their state. */
static void states(struct rig *rig, struct end *none)
{
	struct end *bob = &rig->bob;
	struct card_monitor_head head;
	struct card_monitor_rx rx;
	struct sums s = {.slots = 0};
	struct ring r, tags;
	double tagged = 0;

	if (!ready(rig, bob, &r, 4))
		return;
	ring_lay(rig, &tags, bob, CARD_RING_TAGS, 5);
	ring_run(rig, &tags);
	ring_post(&tags, tags.size);
	put(rig, bob, CARD_RX_STATE_LOG2, 14);
	put(rig, bob, CARD_RX_P_LOW, QUARTER);
	put(rig, bob, CARD_RX_P_SHUT, QUARTER);
	put(rig, bob, CARD_RX_P_EMIT, QUARTER);
	put(rig, bob, CARD_RX_HOLDOFF_NS, 10000);
	put(rig, bob, CARD_RX_APPLY, 1);
	light(rig, &rig->alice, CARD_TX_MODE_QKD, 32768, 32768);
	arm(rig, &rig->alice);
	arm(rig, bob);
	/* What was before they held is in the first records. */
	for (unsigned int i = 0; i < 3; i++) {
		if (!record(rig, &r, &rx, &head))
			return;
		count_tags(rig, &tags, &tagged);
	}
	tagged = 0;
	for (unsigned int i = 0; i < 30; i++) {
		if (!record(rig, &r, &rx, &head))
			return;
		count_tags(rig, &tags, &tagged);
		add(&s, &rx);
	}
	/* 600 ms are 9000 blocks of 2^14 ns and more of longer slots' time: a tenth is far out. */
	for (unsigned int i = CARD_RX_LOW; i < CARD_RX_STATES; i++)
		EXPECT(s.live[i] > 0 && s.clicks[CARD_RX_NORMAL] > 0, "no live slots in state %u",
		       i);
	EXPECT(s.live[CARD_RX_SHUT] > 0.15 * s.slots && s.live[CARD_RX_SHUT] < 0.35 * s.slots,
	       "%.0f of %.0f slots are in state SHUT, not a quarter", s.live[CARD_RX_SHUT],
	       s.slots);
	EXPECT(fabs(rate(&s, CARD_RX_LOW) / rate(&s, CARD_RX_NORMAL) - 0.5) < 0.1,
	       "at half the efficiency %.3g clicks a slot, %.3g at all of it",
	       rate(&s, CARD_RX_LOW), rate(&s, CARD_RX_NORMAL));
	EXPECT(rate(&s, CARD_RX_SHUT) < rate(&s, CARD_RX_NORMAL) / 2,
	       "cut off from the line %.3g clicks a slot, %.3g on it", rate(&s, CARD_RX_SHUT),
	       rate(&s, CARD_RX_NORMAL));
	EXPECT(rate(&s, CARD_RX_EMIT) > 2 * rate(&s, CARD_RX_SHUT),
	       "lit by its emitter %.3g clicks a slot, %.3g in the dark", rate(&s, CARD_RX_EMIT),
	       rate(&s, CARD_RX_SHUT));
	/* Buffers of tags come a little later than the records. */
	EXPECT(tagged < 1.1 * s.clicks[CARD_RX_NORMAL] + 1000 &&
	               tagged > 0.8 * s.clicks[CARD_RX_NORMAL] - 1000,
	       "%.0f tags, but %.0f clicks in state NORMAL", tagged, s.clicks[CARD_RX_NORMAL]);
}

static void states_refused(struct rig *rig, struct end *bob)
{
	static const struct {
		uint32_t offset, value;
	} bad[] = {{CARD_RX_STATE_LOG2, 9}, {CARD_RX_STATE_LOG2, 31}, {CARD_RX_P_LOW, 65537},
	           {CARD_RX_P_SHUT, 65537}, {CARD_RX_P_EMIT, 65537},  {CARD_RX_LOW_RATIO, 65537}};

	if (!offers(rig, bob, CARD_FEATURE_MONITOR, "its receiver has no states"))
		return;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		reset(rig, bob);
		/* Not accepted they mean nothing. */
		put(rig, bob, bad[i].offset, bad[i].value);
		put(rig, bob, CARD_RX_APPLY, 1);
		EXPECT_WELL(bob);
		put(rig, bob, CARD_FEATURES_USED_LO, CARD_FEATURE_MONITOR);
		put(rig, bob, CARD_RX_APPLY, 1);
		EXPECT_FAULT(bob, CARD_FAULT_CONFIG, bad[i].offset);
	}
}

/* A limit below what there is: nothing while dark or not accepted, dark at once when armed. */
static void limit(struct rig *rig, struct end *e, uint32_t offset, uint32_t value, uint32_t code)
{
	reset(rig, e);
	put(rig, e, offset, value);
	if (e->role == CARD_ROLE_ALICE)
		light(rig, e, CARD_TX_MODE_QKD, 32768, 32768);
	arm(rig, e);
	sleep_ms(50);
	EXPECT_WELL(e);
	EXPECT((get(e, CARD_STATUS) & CARD_STATUS_ARMED) != 0,
	       "a limit (0x%03x) that is not accepted took it down", offset);

	reset(rig, e);
	put(rig, e, CARD_FEATURES_USED_LO, CARD_FEATURE_PROTECTION);
	put(rig, e, offset, value);
	if (e->role == CARD_ROLE_ALICE)
		light(rig, e, CARD_TX_MODE_QKD, 32768, 32768);
	enable(rig, e);
	sleep_ms(50);
	EXPECT_WELL(e);
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	EXPECT_FAULT(e, code, offset);
	EXPECT(get(e, CARD_DARK_CAUSE) == CARD_DARK_FAULT, "DARK_CAUSE is %u",
	       get(e, CARD_DARK_CAUSE));
	/* It stays so, whatever is written, until reset; then the limit is gone. */
	put(rig, e, offset, 0);
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	EXPECT_FAULT(e, code, offset);
	reset(rig, e);
	EXPECT(get(e, offset) == 0, "the limit is %u after reset", get(e, offset));
	arm(rig, e);
}

static void limits(struct rig *rig, struct end *e)
{
	if (!offers(rig, e, CARD_FEATURE_PROTECTION, "it has no limits"))
		return;
	limit(rig, e, CARD_TEMPERATURE_MAX, 1, CARD_FAULT_TEMPERATURE);
	if (e->role == CARD_ROLE_ALICE) {
		limit(rig, e, CARD_OUTPUT_MAX, 1, CARD_FAULT_OUTPUT_POWER);
		limit(rig, e, CARD_BACK_REFLECTION_MAX, 1, CARD_FAULT_BACK_REFLECTION);
	} else {
		limit(rig, e, CARD_PHOTOCURRENT_MAX, 1, CARD_FAULT_PHOTOCURRENT);
	}
}

/* One that is far away does nothing, and one that comes down on an armed card acts at once. */
static void limit_moves(struct rig *rig, struct end *e)
{
	if (!offers(rig, e, CARD_FEATURE_PROTECTION, "it has no limits"))
		return;
	put(rig, e, CARD_FEATURES_USED_LO, CARD_FEATURE_PROTECTION);
	put(rig, e, CARD_TEMPERATURE_MAX, 120000);
	arm(rig, e);
	sleep_ms(50);
	EXPECT_WELL(e);
	put(rig, e, CARD_TEMPERATURE_MAX, 1);
	EXPECT_FAULT(e, CARD_FAULT_TEMPERATURE, CARD_TEMPERATURE_MAX);
}

const struct check checks_monitor[] = {{"monitor-records", ON_EACH, records},
                                       {"monitor-full", ON_EACH, full},
                                       {"monitor-reset", ON_EACH, ring_reset},
                                       {"monitor-not-accepted", ON_EACH, not_accepted},
                                       {"monitor-refuses", ON_EACH, refuses},
                                       {"receiver-states", ON_LINK, states},
                                       {"receiver-states-refused", ON_BOB, states_refused},
                                       {"limits", ON_EACH, limits},
                                       {"limit-moves", ON_EACH, limit_moves},
                                       {NULL, 0, NULL}};
