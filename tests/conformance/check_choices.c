/* SPDX-License-Identifier: BSD-3-Clause */

/* Alice's choices: APPLY in one slot, uniform, repeatable, never made up. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/conformance.h"

#define HALF  32768u
#define WHOLE 65536u
#define MANY  1000000u
#define BATCH 500u

struct tally {
	uint32_t valid, x, one, mu2, mu3;
};

static struct tally count(const uint32_t *replies, uint32_t n)
{
	struct tally t = {0};

	for (uint32_t i = 0; i < n; i++) {
		t.valid += (replies[i] & CARD_CHOICE_VALID) != 0;
		t.x += (replies[i] & CARD_CHOICE_BASIS_X) != 0;
		t.one += (replies[i] & CARD_CHOICE_BIT) != 0;
		t.mu2 += CARD_CHOICE_INTENSITY(replies[i]) == 1;
		t.mu3 += CARD_CHOICE_INTENSITY(replies[i]) > 1;
	}
	return t;
}

static struct tally run_of(struct rig *rig, struct lookups *l, uint64_t from)
{
	uint64_t slots[BATCH];
	uint32_t replies[BATCH] = {0};

	for (uint32_t i = 0; i < BATCH; i++)
		slots[i] = from + i;
	look_up(rig, l, slots, BATCH, replies);
	return count(replies, BATCH);
}

static void start(struct rig *rig, struct lookups *l, struct end *alice)
{
	lookups_start(rig, l, alice);
	arm(rig, alice);
	light(rig, alice, CARD_TX_MODE_QKD, HALF, HALF);
}

/* New probabilities hold from TX_FROM on: in that slot, both, and not one slot before. */
static void apply(struct rig *rig, struct end *alice)
{
	uint64_t from, before, shadow;
	struct lookups l;
	struct tally t;

	start(rig, &l, alice);
	before = get64(alice, CARD_TX_FROM_LO);
	EXPECT(before > 0, "no slot in TX_FROM");
	wait_slot(alice, before + 100000);
	put(rig, alice, CARD_TX_P_MU1, WHOLE);
	put(rig, alice, CARD_TX_P_Z, WHOLE);
	put(rig, alice, CARD_TX_APPLY, 0);
	EXPECT(get64(alice, CARD_TX_FROM_LO) == before, "TX_FROM moved without APPLY");
	shadow = get64(alice, CARD_TIME_SLOT_LO);
	wait_slot(alice, shadow + 1000000);
	put(rig, alice, CARD_TX_APPLY, 1);
	from = get64(alice, CARD_TX_FROM_LO);
	EXPECT(from > shadow + 1000000, "it holds from a slot that was past");
	wait_slot(alice, from + 1000000);
	t = run_of(rig, &l, shadow + 1000);
	EXPECT(t.valid == BATCH && t.x > 150 && t.x < 350 && t.mu2 > 150 && t.mu2 < 350,
	       "settings took effect without APPLY: %u in X, %u decoys of %u", t.x, t.mu2, BATCH);
	t = run_of(rig, &l, from - BATCH);
	EXPECT(t.valid == BATCH && t.x > 150 && t.x < 350 && t.mu2 > 150 && t.mu2 < 350,
	       "before TX_FROM: %u in X, %u decoys of %u valid", t.x, t.mu2, t.valid);
	t = run_of(rig, &l, from);
	EXPECT(t.valid == BATCH && t.x == 0 && t.mu2 == 0 && t.mu3 == 0,
	       "from TX_FROM on: %u in X, %u decoys of %u valid", t.x, t.mu2, t.valid);
	EXPECT(t.one > 150 && t.one < 350, "%u ones of %u bits", t.one, BATCH);
}

static void apply_refuses(struct rig *rig, struct end *alice)
{
	static const struct {
		uint32_t offset, value;
	} bad[] = {{CARD_TX_MODE, 3},
	           {CARD_TX_MU1, 16 * WHOLE + 1},
	           {CARD_TX_MU2, 16 * WHOLE + 1},
	           {CARD_TX_P_MU1, WHOLE + 1},
	           {CARD_TX_P_Z, WHOLE + 1}};

	for (unsigned int i = 0; i < 5; i++) {
		reset(rig, alice);
		arm(rig, alice);
		light(rig, alice, CARD_TX_MODE_QKD, HALF, HALF);
		EXPECT_WELL(alice);
		put(rig, alice, bad[i].offset, bad[i].value);
		EXPECT_WELL(alice); /* nothing happens before APPLY */
		put(rig, alice, CARD_TX_APPLY, 1);
		EXPECT_FAULT(alice, CARD_FAULT_CONFIG, bad[i].offset);
	}
	/* Of several the first is named. */
	reset(rig, alice);
	put(rig, alice, CARD_TX_P_Z, WHOLE + 1);
	put(rig, alice, CARD_TX_MU1, 16 * WHOLE + 1);
	put(rig, alice, CARD_TX_APPLY, 1);
	EXPECT_FAULT(alice, CARD_FAULT_CONFIG, CARD_TX_MU1);
}

/*
 * Asks for MANY slots from FROM on, with as many questions under way as there are buffers: the
 * card forgets what is older than TX_RETENTION.
 */
static void ask_many(struct rig *rig, struct lookups *l, uint64_t from, uint32_t *replies)
{
	uint32_t asked = 0, answered = 0;

	while (answered < MANY) {
		while (asked < MANY && l->queries.tail - l->queries.done < l->queries.size) {
			uint32_t i = l->queries.tail % l->queries.size;
			uint64_t *slots = (uint64_t *)ring_data(&l->queries, i);

			for (uint32_t k = 0; k < BATCH; k++)
				slots[k] = from + asked + k;
			l->queries.desc[i].len = BATCH * sizeof(*slots);
			ring_post(&l->queries, 1);
			asked += BATCH;
		}
		if (ring_wait(rig, &l->choices) == NULL || ring_wait(rig, &l->queries) == NULL)
			return;
		memcpy(replies + answered, ring_data(&l->choices, l->choices.done - 1),
		       BATCH * sizeof(*replies));
		ring_post(&l->choices, 1);
		answered += BATCH;
	}
}

static bool fair(double n, double of, double p)
{
	return fabs(n - of * p) < 5 * sqrt(of * p * (1 - p));
}

static void uniform(struct rig *rig, struct end *alice)
{
	uint32_t *replies = calloc(2 * MANY, sizeof(*replies)), cells[8] = {0}, same[3] = {0};
	struct lookups l;
	struct tally t;
	uint64_t from;
	uint32_t astray = 0;
	double chi2 = 0;

	if (replies == NULL)
		return;
	start(rig, &l, alice);
	from = get64(alice, CARD_TX_FROM_LO);
	wait_slot(alice, from + MANY + 5000000);
	ask_many(rig, &l, from, replies);
	t = count(replies, MANY);
	EXPECT(t.valid == MANY, "%u of %u are valid", t.valid, MANY);
	EXPECT(t.mu3 == 0, "%u of unknown intensity", t.mu3);
	EXPECT(fair(t.x, MANY, 0.5) && fair(t.one, MANY, 0.5) && fair(t.mu2, MANY, 0.5),
	       "%u in X, %u ones, %u decoys of %u", t.x, t.one, t.mu2, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		astray += CARD_CHOICE_SLOT(replies[i]) != ((from + i) & 0xffffff);
	EXPECT(astray == 0, "%u replies do not echo their slots", astray);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t cell = replies[i] >> 24 & 7, next;

		cells[cell]++;
		if (i + 1 == MANY)
			continue;
		next = cell ^ (replies[i + 1] >> 24 & 7);
		for (unsigned int k = 0; k < 3; k++)
			same[k] += (next >> k & 1) == 0;
	}
	for (unsigned int k = 0; k < 8; k++)
		chi2 += pow(cells[k] - MANY / 8.0, 2) / (MANY / 8.0);
	/* Seven degrees of freedom: above 40.5 once in 10^6. */
	EXPECT(chi2 < 40.5, "basis, bit and intensity are not independent: chi2 %.1f", chi2);
	for (unsigned int k = 0; k < 3; k++)
		EXPECT(fair(same[k], MANY - 1.0, 0.5), "neighbours agree in %u of %u (bit %u)",
		       same[k], MANY - 1, k);
	ask_many(rig, &l, from, replies + MANY);
	EXPECT(memcmp(replies, replies + MANY, MANY * sizeof(*replies)) == 0,
	       "the same slots have other choices when asked again");
	free(replies);
}

static void stale(struct rig *rig, struct end *alice)
{
	uint64_t from, retention = get64(alice, CARD_TX_RETENTION_LO), slots[4];
	double fs = get(alice, CARD_TIME_SLOT_FS);
	struct lookups l;
	uint32_t r[4] = {0};

	EXPECT((double)retention * fs >= 2e15, "choices are kept for %.3f s",
	       (double)retention * fs / 1e15);
	start(rig, &l, alice);
	from = get64(alice, CARD_TX_FROM_LO);
	wait_slot(alice, from + 5000000);
	slots[0] = from;
	slots[1] = from - 1;                                      /* not in QKD mode */
	slots[2] = get64(alice, CARD_TIME_SLOT_LO) + 2000000000;  /* to come */
	slots[3] = (from - retention - 2000000) & 0xffffffffffff; /* before its time */
	look_up(rig, &l, slots, 4, r);
	EXPECT((r[0] & CARD_CHOICE_VALID) != 0, "the first slot of TX_FROM is not valid");
	for (unsigned int i = 1; i < 4; i++)
		EXPECT((r[i] & ~0xffffffu) == 0, "a choice was made up: reply 0x%x to case %u",
		       r[i], i);
	/* It is kept for as long as was said, and then forgotten. */
	wait_slot(alice, from + retention - retention / 5);
	look_up(rig, &l, slots, 1, r);
	if (get64(alice, CARD_TIME_SLOT_LO) < from + retention)
		EXPECT((r[0] & CARD_CHOICE_VALID) != 0, "forgotten before TX_RETENTION");
	wait_slot(alice, from + retention + 1000000);
	look_up(rig, &l, slots, 1, r);
	EXPECT((r[0] & ~0xffffffu) == 0, "older than TX_RETENTION, but answered with 0x%x", r[0]);
	/* Nothing in SYNC, nothing while dark, nothing from before a reset. */
	light(rig, alice, CARD_TX_MODE_SYNC, HALF, HALF);
	slots[0] = get64(alice, CARD_TX_FROM_LO);
	slots[1] = slots[0] - 1;
	wait_slot(alice, slots[0] + 5000000);
	look_up(rig, &l, slots, 2, r);
	EXPECT((r[0] & CARD_CHOICE_VALID) == 0, "SYNC mode has choices");
	EXPECT((r[1] & CARD_CHOICE_VALID) != 0, "the last slot of QKD mode has none");
	light(rig, alice, CARD_TX_MODE_QKD, HALF, HALF);
	put(rig, alice, CARD_CTRL, CARD_CTRL_ENABLE);
	slots[0] = get64(alice, CARD_TIME_SLOT_LO) + 1000000;
	wait_slot(alice, slots[0] + 5000000);
	look_up(rig, &l, slots, 1, r);
	EXPECT((r[0] & CARD_CHOICE_VALID) == 0, "a dark card has choices");
}

const struct check checks_choices[] = {{"apply", ON_ALICE, apply},
                                       {"apply-refuses", ON_ALICE, apply_refuses},
                                       {"choices", ON_ALICE, uniform},
                                       {"stale-look-ups", ON_ALICE, stale},
                                       {NULL, 0, NULL}};
