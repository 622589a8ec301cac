/* SPDX-License-Identifier: BSD-3-Clause */

/* The OTDR: settings, what it needs, its trace in the ring, and every way of ending it. */

#include <math.h>
#include <string.h>

#include "tests/conformance/conformance.h"

#define RANGE_M   5000
#define SAMPLE_PS 10000
#define AVERAGES  200
#define HEAD      ((uint32_t)sizeof(struct card_otdr_head))

/* Accepted, its ring running with eight buffers; false: it has none. */
static bool ready(struct rig *rig, struct end *e, struct ring *r)
{
	if ((e->features & CARD_FEATURE_OTDR) == 0) {
		rig->absent = "it has no OTDR";
		return false;
	}
	put(rig, e, CARD_FEATURES_USED_LO, CARD_FEATURE_OTDR);
	ring_lay(rig, r, e, CARD_RING_OTDR, 3);
	ring_run(rig, r);
	ring_post(r, 8);
	return true;
}

static void settings(struct rig *rig, struct end *e, uint32_t averages)
{
	put(rig, e, CARD_OTDR_WAVELENGTH, 1625000);
	put(rig, e, CARD_OTDR_PULSE_NS, 100);
	put(rig, e, CARD_OTDR_RANGE_M, RANGE_M);
	put(rig, e, CARD_OTDR_SAMPLE_PS, SAMPLE_PS);
	put(rig, e, CARD_OTDR_AVERAGES, averages);
}

/* One buffer: what its head says, and that all adds up. */
static uint32_t buffer(struct rig *rig, const struct ring *r, uint32_t i, uint32_t used,
                       uint32_t first, uint32_t points)
{
	uint32_t words[BUFFER_BYTES / 4], sum = 0;
	struct card_otdr_head h;

	memcpy(&h, ring_data(r, i), HEAD);
	memcpy(words, ring_data(r, i), used);
	for (uint32_t k = 0; k < used / 4; k++)
		sum += k != HEAD / 4 - 1 ? words[k] : 0;
	EXPECT(used == HEAD + 4 * h.count, "%u bytes for %u samples", used, h.count);
	EXPECT(sum == h.check, "the sum is 0x%x, not 0x%x", h.check, sum);
	EXPECT(h.first == first && h.points == points, "samples from %u of %u, not %u of %u",
	       h.first, h.points, first, points);
	EXPECT(h.id == get(r->e, CARD_OTDR_ID), "acquisition %u", h.id);
	EXPECT(h.averages == AVERAGES && h.pulse_ns == 100 && h.sample_ps == SAMPLE_PS &&
	               h.wavelength_pm == 1625000,
	       "a head of other settings");
	EXPECT(h.lsb_aw > 0 && h.response_ps > 0, "a unit of %u aW, a response of %u ps", h.lsb_aw,
	       h.response_ps);
	EXPECT(((h.flags & CARD_OTDR_LAST) != 0) == (first + h.count == points),
	       "flags 0x%x at sample %u", h.flags, first + h.count);
	return h.count;
}

static void trace(struct rig *rig, struct end *e)
{
	uint32_t points, have = 0;
	struct ring r;

	if (!ready(rig, e, &r))
		return;
	arm(rig, e);
	settings(rig, e, AVERAGES);
	put(rig, e, CARD_OTDR_CTRL, 1);
	EXPECT(get(e, CARD_OTDR_ID) == 1, "OTDR_ID is %u", get(e, CARD_OTDR_ID));
	points = get(e, CARD_OTDR_POINTS);
	EXPECT(points == (uint32_t)ceil(2e12 * RANGE_M * 1.468 / 299792458 / SAMPLE_PS),
	       "%u points of %d ps in %d m", points, SAMPLE_PS, RANGE_M);
	while (have < points) {
		const struct card_desc *d = ring_wait(rig, &r);

		if (d == NULL)
			return;
		have += buffer(rig, &r, r.done - 1, d->used, have, points);
		if (d->used <= HEAD)
			return;
	}
	EXPECT(wait_for(e, CARD_OTDR_STATE, ~0u, CARD_OTDR_DONE_OK), "OTDR_STATE is %u",
	       get(e, CARD_OTDR_STATE));
	EXPECT(get(e, CARD_OTDR_DONE) == AVERAGES, "OTDR_DONE is %u", get(e, CARD_OTDR_DONE));
	EXPECT(get(e, CARD_OTDR_CTRL) == 0, "OTDR_CTRL is %u", get(e, CARD_OTDR_CTRL));
	EXPECT_WELL(e);
}

/* One that takes seconds, so that it runs while it is looked at. */
static void start_long(struct rig *rig, struct end *e)
{
	settings(rig, e, 1u << 20);
	put(rig, e, CARD_OTDR_CTRL, 1);
	EXPECT(get(e, CARD_OTDR_STATE) == CARD_OTDR_RUNNING && get(e, CARD_OTDR_CTRL) == 1,
	       "OTDR_STATE is %u after the start", get(e, CARD_OTDR_STATE));
}

static void endings(struct rig *rig, struct end *e)
{
	struct ring r;

	if (!ready(rig, e, &r))
		return;
	arm(rig, e);
	start_long(rig, e);
	put(rig, e, CARD_OTDR_CTRL, 1); /* another start changes nothing */
	EXPECT(get(e, CARD_OTDR_ID) == 1, "OTDR_ID is %u", get(e, CARD_OTDR_ID));
	put(rig, e, CARD_OTDR_CTRL, 2);
	EXPECT(get(e, CARD_OTDR_STATE) == CARD_OTDR_ABORTED, "OTDR_STATE is %u after an abort",
	       get(e, CARD_OTDR_STATE));
	start_long(rig, e);
	EXPECT(get(e, CARD_OTDR_ID) == 2, "OTDR_ID is %u", get(e, CARD_OTDR_ID));
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_SAFE_OFF);
	EXPECT(wait_for(e, CARD_OTDR_STATE, ~0u, CARD_OTDR_ABORTED), "OTDR_STATE is %u in the dark",
	       get(e, CARD_OTDR_STATE));
	EXPECT_WELL(e);
	EXPECT(ring_untouched(&r), "an acquisition that was given up wrote samples");
	reset(rig, e);
	EXPECT(get(e, CARD_OTDR_STATE) == CARD_OTDR_IDLE && get(e, CARD_OTDR_ID) == 0 &&
	               get(e, CARD_OTDR_AVERAGES) == 16384,
	       "the reset left something of the OTDR");
}

static void needs(struct rig *rig, struct end *e)
{
	struct ring r;

	if (!ready(rig, e, &r))
		return;
	enable(rig, e); /* not armed: no light leaves */
	settings(rig, e, AVERAGES);
	put(rig, e, CARD_OTDR_CTRL, 1);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_OTDR_CTRL);

	reset(rig, e); /* no ring */
	put(rig, e, CARD_FEATURES_USED_LO, CARD_FEATURE_OTDR);
	arm(rig, e);
	settings(rig, e, AVERAGES);
	put(rig, e, CARD_OTDR_CTRL, 1);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_OTDR_CTRL);

	reset(rig, e); /* not accepted: it lies still */
	arm(rig, e);
	settings(rig, e, AVERAGES);
	put(rig, e, CARD_OTDR_CTRL, 1);
	EXPECT(get(e, CARD_OTDR_STATE) == CARD_OTDR_IDLE, "OTDR_STATE is %u without the feature",
	       get(e, CARD_OTDR_STATE));
	EXPECT_WELL(e);
}

static void ranges(struct rig *rig, struct end *e)
{
	static const struct {
		uint32_t offset, value;
	} wrong[] = {{CARD_OTDR_PULSE_NS, 2},    {CARD_OTDR_PULSE_NS, 20001},
	             {CARD_OTDR_RANGE_M, 99},    {CARD_OTDR_RANGE_M, 300001},
	             {CARD_OTDR_AVERAGES, 0},    {CARD_OTDR_AVERAGES, (1u << 24) + 1},
	             {CARD_OTDR_SAMPLE_PS, 999}, {CARD_OTDR_SAMPLE_PS, 1000001},
	             {CARD_OTDR_WAVELENGTH, 1}};
	struct ring r;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		reset(rig, e);
		if (!ready(rig, e, &r))
			return;
		arm(rig, e);
		settings(rig, e, AVERAGES);
		put(rig, e, wrong[i].offset, wrong[i].value);
		EXPECT_WELL(e); /* a setting is judged when it is used */
		put(rig, e, CARD_OTDR_CTRL, 1);
		EXPECT_FAULT(e, CARD_FAULT_CONFIG, wrong[i].offset);
	}
}

/* Gates shut while a pulse's light is back from the range's end, and open for the rest. */
static void gated(struct rig *rig, struct end *e)
{
	uint64_t from, passed, shut;
	double round_trip_slots;
	struct ring r;

	if (!ready(rig, e, &r))
		return;
	if (e->role == CARD_ROLE_BOB && (get(e, CARD_ABI) >> 16 & 0xff) < 3) {
		rig->absent = "its version has no OTDR_SHUT";
		return;
	}
	arm(rig, e);
	settings(rig, e, AVERAGES);
	put(rig, e, CARD_OTDR_GATED, 1);
	from = get64(e, CARD_TIME_SLOT_LO);
	put(rig, e, CARD_OTDR_CTRL, 1);
	if (e->role == CARD_ROLE_ALICE) { /* she does not know the gates */
		EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_OTDR_GATED);
		return;
	}
	EXPECT(wait_for(e, CARD_OTDR_STATE, ~0u, CARD_OTDR_DONE_OK), "OTDR_STATE is %u",
	       get(e, CARD_OTDR_STATE));
	passed = get64(e, CARD_TIME_SLOT_LO) - from;
	shut = get64(e, CARD_OTDR_SHUT_LO);
	round_trip_slots = 2e15 * RANGE_M * 1.468 / 299792458 / get(e, CARD_TIME_SLOT_FS);
	EXPECT((double)shut > 0.9 * AVERAGES * round_trip_slots,
	       "gates were shut for %llu slots, %d pulses need %.0f each", (unsigned long long)shut,
	       AVERAGES, round_trip_slots);
	EXPECT(shut < passed / CARD_OTDR_GATED_REST, "gates were shut for %llu of %llu slots",
	       (unsigned long long)shut, (unsigned long long)passed);
	EXPECT_WELL(e);
}

const struct check checks_otdr[] = {
        {"otdr-trace", ON_EACH, trace},   {"otdr-endings", ON_EACH, endings},
        {"otdr-needs", ON_EACH, needs},   {"otdr-gated", ON_EACH, gated},
        {"otdr-ranges", ON_EACH, ranges}, {NULL, 0, NULL}};
