/* SPDX-License-Identifier: BSD-3-Clause */

/* Every reset in every state: what it ends, and that no DMA comes after it. */

#include "tests/conformance/conformance.h"

enum state { IDLE, ENABLED, PART_FILLED, FULL, TESTING, ARMED, EXPIRED, BAD_DMA, STATES };
static const char *const names[] = {"idle",      "enabled", "part-filled",      "full",
                                    "self-test", "armed",   "watchdog expired", "DMA fault"};

/* Ring of telemetry (never full of itself) or QRNG (at once full), in the state asked for. */
static void bring_to(struct rig *rig, struct end *e, struct ring *r, enum state s)
{
	ring_lay(rig, r, e, CARD_RING_QRNG, 2);
	if (s == IDLE)
		return;
	if (s == TESTING) {
		put(rig, e, CARD_SELFTEST, 1);
		return;
	}
	if (s == BAD_DMA)
		r->desc[0].addr = UINT64_MAX - BUFFER_BYTES;
	ring_run(rig, r);
	enable(rig, e);
	if (s == PART_FILLED || s == FULL || s == BAD_DMA)
		ring_post(r, s == PART_FILLED ? 4 : 2);
	if (s == FULL)
		EXPECT(wait_for(e, CARD_RING(r->q) + CARD_RING_HEAD, ~0u, 2), "HEAD is %u",
		       get(e, CARD_RING(r->q) + CARD_RING_HEAD));
	if (s == BAD_DMA)
		EXPECT_FAULT(e, CARD_FAULT_DMA, r->q);
	if (s == ARMED || s == EXPIRED)
		arm(rig, e);
	if (s == EXPIRED) {
		put(rig, e, CARD_WATCHDOG, 10);
		EXPECT_FAULT(e, CARD_FAULT_WATCHDOG, 0);
	}
}

static bool needs_absent(const struct end *e, enum state s)
{
	return s == TESTING ? (e->features & CARD_FEATURE_SELF_TEST) == 0
	                    : (e->features & CARD_FEATURE_QRNG) == 0;
}

static void expect_ring_empty(struct rig *rig, struct end *e, unsigned int q, const char *state)
{
	for (uint32_t offset = 0; offset <= CARD_RING_VECTOR; offset += 4)
		EXPECT(get(e, CARD_RING(q) + offset) == 0,
		       "%s: register 0x%02x of ring %u is 0x%x after its reset", state, offset, q,
		       get(e, CARD_RING(q) + offset));
}

static void ring_reset(struct rig *rig, struct end *e)
{
	const unsigned int q = CARD_RING_QRNG;

	for (int s = IDLE; s < STATES; s++) {
		uint32_t before;
		struct ring r;

		if (needs_absent(e, (enum state)s))
			continue;
		reset(rig, e);
		bring_to(rig, e, &r, (enum state)s);
		before = get(e, CARD_STATUS);
		put(rig, e, CARD_RING(q) + CARD_RING_CTRL, CARD_RING_CTRL_RESET);
		EXPECT(wait_for(e, CARD_RING(q) + CARD_RING_CTRL, CARD_RING_CTRL_RESET, 0),
		       "%s: the ring's reset does not end", names[s]);
		ring_wipe(&r);
		expect_ring_empty(rig, e, q, names[s]);
		EXPECT(get(e, CARD_STATUS) == before, "%s: STATUS went from 0x%x to 0x%x", names[s],
		       before, get(e, CARD_STATUS));
		sleep_ms(15);
		EXPECT(ring_untouched(&r), "%s: DMA after the ring's reset", names[s]);
		if (before & CARD_STATUS_FAULT)
			continue;
		/* It starts again from 0. */
		ring_lay(rig, &r, e, q, 1);
		ring_run(rig, &r);
		enable(rig, e);
		ring_post(&r, 1);
		ring_wait(rig, &r);
	}
}

static void function_reset(struct rig *rig, struct end *e)
{
	for (int s = IDLE; s < STATES; s++) {
		struct ring r;

		if (needs_absent(e, (enum state)s))
			continue;
		bring_to(rig, e, &r, (enum state)s);
		put(rig, e, CARD_CTRL, CARD_CTRL_RESET | CARD_CTRL_ENABLE | CARD_CTRL_ARM);
		EXPECT(wait_for(e, CARD_CTRL, CARD_CTRL_RESET, 0), "%s: reset does not end",
		       names[s]);
		ring_wipe(&r);
		EXPECT(wait_for(e, CARD_STATUS, ~0u, CARD_STATUS_READY), "%s: STATUS is 0x%x",
		       names[s], get(e, CARD_STATUS));
		EXPECT(get(e, CARD_CTRL) == 0 && get(e, CARD_WATCHDOG) == 0 &&
		               get(e, CARD_IRQ_CAUSE) == 0 && get(e, CARD_FAULT_CODE) == 0 &&
		               get(e, CARD_SELFTEST) == CARD_SELFTEST_NONE,
		       "%s: not as after reset", names[s]);
		EXPECT(get(e, CARD_DARK_CAUSE) == CARD_DARK_RESET, "%s: DARK_CAUSE is %u", names[s],
		       get(e, CARD_DARK_CAUSE));
		for (unsigned int q = 0; q < CARD_RING_COUNT; q++)
			expect_ring_empty(rig, e, q, names[s]);
		sleep_ms(15);
		EXPECT(ring_untouched(&r), "%s: DMA after function reset", names[s]);
	}
}

/* An origin drawn at random may lie near where the counter was: not four times. */
static void new_origin(struct rig *rig, struct end *e)
{
	double fs = get(e, CARD_TIME_SLOT_FS);
	bool moved = false;

	for (unsigned int i = 0; i < 4 && !moved; i++) {
		uint64_t slot = get64(e, CARD_TIME_SLOT_LO), after;

		reset(rig, e);
		after = get64(e, CARD_TIME_SLOT_LO);
		moved = (double)(after > slot ? after - slot : slot - after) * fs > 1e16;
	}
	EXPECT(moved, "the slot counter goes on through resets");
}

static void function_level(struct rig *rig, struct end *e)
{
	for (int s = IDLE; s < STATES; s++) {
		struct ring r;
		int rc;

		if (needs_absent(e, (enum state)s))
			continue;
		bring_to(rig, e, &r, (enum state)s);
		rc = e->ops->reset == NULL ? -1 : e->ops->reset(e->t);
		if (rc < 0) {
			rig->absent = "the transport cannot reset the function";
			return;
		}
		EXPECT(wait_for(e, CARD_STATUS, ~0u, CARD_STATUS_READY), "%s: STATUS is 0x%x",
		       names[s], get(e, CARD_STATUS));
		ring_wipe(&r);
		EXPECT(get(e, CARD_CTRL) == 0, "%s: CTRL is 0x%x", names[s], get(e, CARD_CTRL));
		sleep_ms(15);
		EXPECT(ring_untouched(&r), "%s: DMA after the reset", names[s]);
	}
}

const struct check checks_resets[] = {{"ring-reset", ON_EACH, ring_reset},
                                      {"function-reset", ON_EACH, function_reset},
                                      {"new-origin", ON_EACH, new_origin},
                                      {"function-level-reset", ON_EACH, function_level},
                                      {NULL, 0, NULL}};
