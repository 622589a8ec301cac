/* SPDX-License-Identifier: BSD-3-Clause */

/* The card's own tests of its random source: feature QRNG_TESTS. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/conformance/conformance.h"

#define BUFFERS   16
#define LANES_MAX 64
/* Every source, a good one too, has two equal samples in a row, and in a window two like its first.
 */
#define FAILS_ALL 2

static bool accept(struct rig *rig, struct end *e)
{
	if ((e->features & CARD_FEATURE_QRNG_TESTS) == 0) {
		rig->absent = "it has no QRNG_TESTS";
		return false;
	}
	put(rig, e, CARD_FEATURES_USED_LO,
	    e->features & (CARD_FEATURES_1_0 | CARD_FEATURE_QRNG_TESTS));
	EXPECT(wait_for(e, CARD_QRNG_STATE, ~0u, CARD_QRNG_OK), "QRNG_STATE is %u",
	       get(e, CARD_QRNG_STATE));
	return true;
}

static void settings(struct rig *rig, struct end *e)
{
	static const struct {
		uint32_t offset, value;
	} bad[] = {{CARD_QRNG_CLAIM, 0},
	           {CARD_QRNG_CLAIM, 65537},
	           {CARD_QRNG_RCT_CUTOFF, 1},
	           {CARD_QRNG_APT_CUTOFF, 1},
	           {CARD_QRNG_APT_CUTOFF, CARD_QRNG_APT_BITS + 1}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!accept(rig, e))
			return;
		put(rig, e, bad[i].offset, bad[i].value);
		EXPECT_FAULT(e, CARD_FAULT_CONFIG, bad[i].offset);
		reset(rig, e);
	}
}

/* Lanes are noise of their own: each within the default claim, none like another. */
static void lanes(struct rig *rig, struct end *e)
{
	uint32_t ones[LANES_MAX] = {0}, bytes[LANES_MAX] = {0}, same[LANES_MAX] = {0}, n;
	const double claim = sqrt(0.5);
	struct ring r;

	if (!accept(rig, e))
		return;
	n = get(e, CARD_QRNG_LANES);
	EXPECT(n >= 1 && n <= LANES_MAX, "QRNG_LANES is %u", n);
	if (n < 1 || n > LANES_MAX)
		return;
	put(rig, e, CARD_QRNG_CTRL, 0);
	ring_lay(rig, &r, e, CARD_RING_QRNG, 2);
	ring_run(rig, &r);
	enable(rig, e);
	ring_post(&r, 4);
	for (uint32_t i = 0; i < BUFFERS; i++) {
		const struct card_desc *d = ring_wait(rig, &r);
		const uint8_t *data = ring_data(&r, i);

		if (d == NULL)
			return;
		for (uint32_t k = 0; k < d->used; k++) {
			ones[k % n] += (uint32_t)__builtin_popcount(data[k]);
			same[k % n] += k > 0 && data[k] == data[k - 1];
			bytes[k % n]++;
		}
		ring_post(&r, 1);
	}
	for (uint32_t i = 0; i < n; i++) {
		double most = fmax(ones[i], 8.0 * bytes[i] - ones[i]) / (8.0 * bytes[i]);

		EXPECT(most < claim, "lane %u: %.3f of its samples are alike", i, most);
		EXPECT(n == 1 || same[i] < bytes[i] / 2, "lane %u is like the one before", i);
	}
}

static const struct card_desc *no_byte(struct rig *rig, struct ring *r)
{
	const struct card_desc *d;

	sleep_ms(50);
	d = ring_next(rig, r);
	EXPECT(d == NULL, "%u bytes of a source in FAIL", d != NULL ? d->used : 0);
	return d;
}

/* Cut-offs that no source keeps: FAIL, what and that it is told, no byte; and a way back. */
static void fails(struct rig *rig, struct end *e)
{
	static const struct {
		uint32_t offset, kind;
	} tests[] = {{CARD_QRNG_RCT_CUTOFF, CARD_QRNG_KIND_RCT},
	             {CARD_QRNG_APT_CUTOFF, CARD_QRNG_KIND_APT}};
	struct ring r;
	uint32_t kind;

	if (!accept(rig, e))
		return;
	enable(rig, e);
	for (unsigned int i = 0; i < 2; i++) {
		put(rig, e, tests[i].offset, FAILS_ALL);
		EXPECT(wait_for(e, CARD_QRNG_STATE, ~0u, CARD_QRNG_FAIL), "QRNG_STATE is %u",
		       get(e, CARD_QRNG_STATE));
		kind = get(e, CARD_QRNG_FAIL_KIND);
		EXPECT((kind & 0xff) == tests[i].kind, "QRNG_FAIL_KIND is 0x%x", kind);
		EXPECT(kind >> 8 < get(e, CARD_QRNG_LANES), "lane %u failed", kind >> 8);
		EXPECT(get(e, CARD_QRNG_FAILS) == 2 * i + 1, "QRNG_FAILS is %u",
		       get(e, CARD_QRNG_FAILS));
		ring_lay(rig, &r, e, CARD_RING_QRNG, 2);
		ring_run(rig, &r);
		ring_post(&r, 4);
		no_byte(rig, &r);
		/* A restart that does not pass: start-up failed too. */
		put(rig, e, CARD_QRNG_RESTART, 1);
		EXPECT(wait_for(e, CARD_QRNG_FAILS, ~0u, 2 * i + 2), "QRNG_FAILS is %u",
		       get(e, CARD_QRNG_FAILS));
		kind = get(e, CARD_QRNG_FAIL_KIND);
		EXPECT((kind & 0xff) == (tests[i].kind | CARD_QRNG_KIND_STARTUP),
		       "QRNG_FAIL_KIND is 0x%x", kind);
		no_byte(rig, &r);
		put(rig, e, tests[i].offset, 0);
		put(rig, e, CARD_QRNG_RESTART, 1);
		EXPECT(wait_for(e, CARD_QRNG_STATE, ~0u, CARD_QRNG_OK), "QRNG_STATE is %u",
		       get(e, CARD_QRNG_STATE));
		EXPECT(ring_wait(rig, &r) != NULL, "no bytes after a restart");
		put(rig, e, CARD_RING(r.q) + CARD_RING_CTRL, CARD_RING_CTRL_RESET);
	}
	EXPECT_WELL(e);
}

/* Each of so many restarts gives other bytes, after start-up and not before. */
static void restarts(struct rig *rig, struct end *e)
{
	static uint8_t first[BUFFERS][64];
	struct ring r;

	if (!accept(rig, e))
		return;
	put(rig, e, CARD_QRNG_CTRL, 0);
	enable(rig, e);
	for (unsigned int i = 0; i < BUFFERS; i++) {
		const struct card_desc *d;

		put(rig, e, CARD_QRNG_RESTART, 1);
		ring_lay(rig, &r, e, CARD_RING_QRNG, 2);
		ring_run(rig, &r);
		ring_post(&r, 1);
		EXPECT(wait_for(e, CARD_QRNG_STATE, ~0u, CARD_QRNG_OK), "QRNG_STATE is %u",
		       get(e, CARD_QRNG_STATE));
		d = ring_wait(rig, &r);
		if (d == NULL)
			return;
		EXPECT(d->used >= sizeof(first[0]), "a buffer of %u bytes", d->used);
		memcpy(first[i], ring_data(&r, 0), sizeof(first[0]));
		for (unsigned int j = 0; j < i; j++)
			EXPECT(memcmp(first[i], first[j], sizeof(first[0])) != 0,
			       "restarts %u and %u give the same", j, i);
		put(rig, e, CARD_RING(r.q) + CARD_RING_CTRL, CARD_RING_CTRL_RESET);
	}
	EXPECT(get(e, CARD_QRNG_FAILS) == 0, "QRNG_FAILS is %u", get(e, CARD_QRNG_FAILS));
}

static void armed(struct rig *rig, struct end *e)
{
	if (!accept(rig, e))
		return;
	arm(rig, e);
	put(rig, e, CARD_QRNG_RESTART, 1);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_QRNG_RESTART);
	reset(rig, e);
	accept(rig, e);
	arm(rig, e);
	put(rig, e, CARD_QRNG_APT_CUTOFF, FAILS_ALL);
	EXPECT(wait_for(e, CARD_STATUS, CARD_STATUS_FAULT, CARD_STATUS_FAULT),
	       "armed with a source in FAIL");
	EXPECT_FAULT(e, CARD_FAULT_QRNG, get(e, CARD_QRNG_FAIL_KIND) >> 8);
}

/* The last lane alone: it is the card that fails. */
static void one_lane(struct rig *rig, struct end *e)
{
	char line[64];
	uint32_t last, kind;

	if (!accept(rig, e))
		return;
	if (rig->control == NULL) {
		rig->absent = "nothing makes its source fail";
		return;
	}
	last = get(e, CARD_QRNG_LANES) - 1;
	snprintf(line, sizeof(line), "attack qrng-stuck %u 1 %u", e->role, last);
	EXPECT(control(rig, line), "%s", line);
	EXPECT(wait_for(e, CARD_QRNG_STATE, ~0u, CARD_QRNG_FAIL), "QRNG_STATE is %u",
	       get(e, CARD_QRNG_STATE));
	kind = get(e, CARD_QRNG_FAIL_KIND);
	EXPECT(kind == (CARD_QRNG_KIND_RCT | last << 8), "QRNG_FAIL_KIND is 0x%x", kind);
	EXPECT(control(rig, "attack none"), "attack none");
}

const struct check checks_qrng[] = {{"qrng-settings", ON_EACH, settings},
                                    {"qrng-lanes", ON_EACH, lanes},
                                    {"qrng-failures", ON_EACH, fails},
                                    {"qrng-restarts", ON_EACH, restarts},
                                    {"qrng-armed", ON_EACH, armed},
                                    {"qrng-lane", ON_EACH, one_lane},
                                    {NULL, 0, NULL}};
