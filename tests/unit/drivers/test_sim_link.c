/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/sim_link.h"

#include "tests/unit/drivers/model_host.h"

#define QUERIES CARD_RING_QUERIES
#define CHOICES CARD_RING_CHOICES

static void ask(struct host *h, uint32_t i, const uint64_t *slots, uint32_t n)
{
	memcpy(buffer(h, A, QUERIES, i), slots, n * sizeof(*slots));
	desc(h, A, QUERIES, i)->len = n * (uint32_t)sizeof(*slots);
	post(h, A, QUERIES, i + 1);
}

static struct host *asking(const struct optics_link *link, uint64_t seed)
{
	struct host *h = host_open(link, seed);

	ring_run(h, A, QUERIES, 4);
	ring_run(h, A, CHOICES, 4);
	post(h, A, CHOICES, 16);
	return h;
}

static void test_look_up_of_any_slot(void)
{
	struct host *h = asking(&optics_link_default, 41);
	uint64_t slots[512], from, now;
	const uint32_t *replies, *again;
	unsigned int z = 0, mu1 = 0;

	light_up(h);
	pass_ms(h, 5);
	from = reg64(h, A, CARD_TX_FROM_LO);
	for (unsigned int i = 0; i < 512; i++)
		slots[i] = from + 3 * i;
	ask(h, 0, slots, 512);
	turn(h);
	CU_ASSERT_EQUAL(head(h, A, CHOICES), 1);
	CU_ASSERT_EQUAL(head(h, A, QUERIES), 1);
	CU_ASSERT_EQUAL(desc(h, A, CHOICES, 0)->used, 2048);
	CU_ASSERT_EQUAL(desc(h, A, CHOICES, 0)->first_slot, slots[0]);
	CU_ASSERT_EQUAL(desc(h, A, QUERIES, 0)->used, 4096);
	replies = buffer(h, A, CHOICES, 0);
	for (unsigned int i = 0; i < 512; i++) {
		CU_ASSERT(replies[i] & CARD_CHOICE_VALID);
		CU_ASSERT_EQUAL(CARD_CHOICE_SLOT(replies[i]), slots[i] & 0xffffff);
		z += !(replies[i] & CARD_CHOICE_BASIS_X);
		mu1 += CARD_CHOICE_INTENSITY(replies[i]) == 0;
	}
	CU_ASSERT(z > 373 && z < 446 && mu1 > 112 && mu1 < 196); /* .8 and .3, four sigma */
	ask(h, 1, slots, 512);
	turn(h);
	again = buffer(h, A, CHOICES, 1);
	CU_ASSERT_EQUAL(memcmp(replies, again, 2048), 0);
	/* Before the light, far in the future, and just after the next turn. */
	now = reg64(h, A, CARD_TIME_SLOT_LO);
	slots[0] = from - 1;
	slots[1] = now + 100000000;
	ask(h, 2, slots, 2);
	turn(h);
	replies = buffer(h, A, CHOICES, 2);
	CU_ASSERT_EQUAL(replies[0] & CARD_CHOICE_VALID, 0);
	CU_ASSERT_EQUAL(replies[1] & CARD_CHOICE_VALID, 0);
	/* In SYNC no choice is made. */
	set_tx(h, CARD_TX_MODE_SYNC);
	pass_ms(h, 1);
	slots[0] = reg64(h, A, CARD_TX_FROM_LO) - 1;
	slots[1] = slots[0] + 1;
	ask(h, 3, slots, 2);
	turn(h);
	replies = buffer(h, A, CHOICES, 3);
	CU_ASSERT(replies[0] & CARD_CHOICE_VALID);
	CU_ASSERT_EQUAL(replies[1] & CARD_CHOICE_VALID, 0);
	host_close(h);
}

static void test_old_slots_are_forgotten(void)
{
	struct host *h = asking(&optics_link_default, 42);
	uint64_t slot;

	light_up(h);
	host_write(h, A, CARD_WATCHDOG, 60000);
	host_write(h, B, CARD_CTRL, CARD_CTRL_ENABLE); /* no gates: no clicks to draw */
	turn(h);
	slot = reg64(h, A, CARD_TIME_SLOT_LO);
	h->now += 7900 * NS_PER_MS;
	ask(h, 0, &slot, 1);
	turn(h);
	CU_ASSERT(*(uint32_t *)buffer(h, A, CHOICES, 0) & CARD_CHOICE_VALID);
	h->now += 200 * NS_PER_MS;
	ask(h, 1, &slot, 1);
	turn(h);
	CU_ASSERT_EQUAL(head(h, A, CHOICES), 2);
	CU_ASSERT_EQUAL(*(uint32_t *)buffer(h, A, CHOICES, 1) & CARD_CHOICE_VALID, 0);
	/* A reset takes all with it. */
	host_write(h, A, CARD_CTRL, CARD_CTRL_RESET);
	CU_ASSERT_EQUAL(h->link.alice.choices.periods, 1);
	host_close(h);
}

static void test_light_in_the_fibre_is_waited_for(void)
{
	struct optics_link link = optics_link_default;
	struct host *h;
	uint64_t slot;

	link.distance_km = 200; /* 979 us: four turns */
	h = asking(&link, 43);
	light_up(h);
	pass_ms(h, 3);
	slot = reg64(h, A, CARD_TIME_SLOT_LO);
	ask(h, 0, &slot, 1);
	turn(h);
	turn(h);
	turn(h);
	CU_ASSERT_EQUAL(head(h, A, CHOICES), 0);
	turn(h);
	CU_ASSERT_EQUAL(head(h, A, CHOICES), 1);
	CU_ASSERT(*(uint32_t *)buffer(h, A, CHOICES, 0) & CARD_CHOICE_VALID);
	/* A query that is no row of slots is answered as wrong, and the next one as usual. */
	ask(h, 1, &slot, 1);
	desc(h, A, QUERIES, 1)->len = 7;
	turn(h);
	CU_ASSERT(desc(h, A, CHOICES, 1)->flags & CARD_DESC_ERROR);
	ask(h, 2, &slot, 1);
	turn(h);
	CU_ASSERT_EQUAL(desc(h, A, CHOICES, 2)->flags & CARD_DESC_ERROR, 0);
	CU_ASSERT_EQUAL(*(uint32_t *)buffer(h, A, CHOICES, 2),
	                *(uint32_t *)buffer(h, A, CHOICES, 0));
	host_close(h);
}

/* Both cards read as their hosts would, slots matched by what only a test can know. */
static void measure(struct host *h, unsigned int rounds, double qber[2])
{
	uint64_t sifted[2] = {0}, errors[2] = {0}, slots[512];
	uint32_t done = head(h, B, CARD_RING_TAGS), asked = head(h, A, CHOICES);

	for (unsigned int round = 0; round < rounds; round++) {
		const uint64_t *tags;
		const uint32_t *replies;
		uint32_t n;

		post(h, B, CARD_RING_TAGS, done + 1);
		while (head(h, B, CARD_RING_TAGS) == done)
			pass_ms(h, 1);
		tags = buffer(h, B, CARD_RING_TAGS, done % 16);
		n = desc(h, B, CARD_RING_TAGS, done++ % 16)->used / 8;
		for (uint32_t i = 0; i < n; i++) {
			double x = (double)(CARD_TAG_SLOT(tags[i]) - h->link.bob.base) +
			           (CARD_TAG_SUB(tags[i]) + 0.5) / 256 - h->link.clicks.phase;
			double pulse =
			        x - h->link.clicks.frequency * (x - (double)h->link.clicks.anchor);

			slots[i] = h->link.alice.base + (uint64_t)pulse;
		}
		memcpy(buffer(h, A, QUERIES, asked % 16), slots, n * sizeof(slots[0]));
		desc(h, A, QUERIES, asked % 16)->len = n * 8;
		post(h, A, QUERIES, asked + 1);
		post(h, A, CHOICES, asked + 1);
		turn(h);
		CU_ASSERT_EQUAL(head(h, A, CHOICES), asked + 1);
		replies = buffer(h, A, CHOICES, asked++ % 16);
		for (uint32_t i = 0; i < n; i++) {
			unsigned int d = CARD_TAG_CHANNEL(tags[i]);
			bool x = d >= CARD_DETECTOR_X0;

			if (CARD_TAG_TYPE(tags[i]) != CARD_TAG_CLICK ||
			    !(replies[i] & CARD_CHOICE_VALID) ||
			    x != ((replies[i] & CARD_CHOICE_BASIS_X) != 0))
				continue;
			sifted[x]++;
			errors[x] += (d & 1) != ((replies[i] & CARD_CHOICE_BIT) != 0);
		}
	}
	CU_ASSERT(sifted[0] > rounds * 300 && sifted[1] > rounds * 14);
	for (int x = 0; x < 2; x++)
		qber[x] = (double)errors[x] / (double)sifted[x];
}

static void test_cards_agree_and_attack_shows(void)
{
	static const struct {
		struct attack attack;
		double z, x;
	} cases[] = {{{ATTACK_NONE, 0, 0}, 0.015, 0.0155},
	             {{ATTACK_INTERCEPT_RESEND, 1, 0.5}, 0.257, 0.257},
	             {{ATTACK_INTERCEPT_RESEND, 1, 1}, 0.015, 0.5},
	             {{ATTACK_NONE, 0, 0}, 0.015, 0.0155}};
	struct optics_link link = optics_link_default;
	struct host *h;

	link.walk_ppb_s = 0;
	h = asking(&link, 44);
	ring_run(h, B, CARD_RING_TAGS, 4);
	light_up(h);
	pass_ms(h, 3);
	for (unsigned int i = 0; i < 4; i++) {
		double qber[2];
		uint64_t start;

		start = reg64(h, A, CARD_TIME_SLOT_LO);
		CU_ASSERT_EQUAL(sim_link_attack(&h->link, &cases[i].attack), 0);
		CU_ASSERT(h->link.attack.alice_slot > start &&
		          h->link.attack.alice_slot < start + 1000);
		pass_ms(h, 3);
		measure(h, 100, qber); /* 30,000 in Z, 2,000 in X: sigma .25 % and 1 % */
		CU_ASSERT(fabs(qber[0] - cases[i].z) < 0.01);
		CU_ASSERT(fabs(qber[1] - cases[i].x) < 0.05);
		/* The model's own book tells the same. */
		qber[0] = (double)h->link.phase.errors[0] / (double)h->link.phase.sifted[0];
		CU_ASSERT(fabs(qber[0] - cases[i].z) < 0.01);
	}
	host_close(h);
}

/* Of the features of 1.1, accepted or not: a third intensity, and X without its second state. */
static void test_two_decoys_and_three_states_over_the_card(void)
{
	for (int accepted = 0; accepted < 2; accepted++) {
		struct host *h = host_open(&optics_link_default, 47 + (uint64_t)accepted);
		unsigned int of[4] = {0}, minus = 0;
		uint64_t *query, first;
		const uint32_t *reply;

		CU_ASSERT(reg(h, A, CARD_FEATURES_LO) & CARD_FEATURE_TWO_DECOY);
		CU_ASSERT(reg(h, A, CARD_FEATURES_LO) & CARD_FEATURE_THREE_STATE);
		CU_ASSERT(!(reg(h, B, CARD_FEATURES_LO) & CARD_FEATURE_TWO_DECOY));
		if (accepted)
			host_write(h, A, CARD_FEATURES_USED_LO,
			           CARD_FEATURE_TWO_DECOY | CARD_FEATURE_THREE_STATE);
		light_up(h);
		ring_run(h, A, CARD_RING_QUERIES, 1);
		ring_run(h, A, CARD_RING_CHOICES, 1);
		host_write(h, A, CARD_TX_MU3, 0);
		host_write(h, A, CARD_TX_P_MU1, 20000);
		host_write(h, A, CARD_TX_P_MU2, 20000);
		host_write(h, A, CARD_TX_STATES, 1);
		host_write(h, A, CARD_TX_APPLY, 1);
		first = reg64(h, A, CARD_TX_FROM_LO);
		pass_ms(h, 3);
		query = buffer(h, A, CARD_RING_QUERIES, 0);
		for (uint64_t i = 0; i < 512; i++)
			query[i] = first + 100 * i;
		desc(h, A, CARD_RING_QUERIES, 0)->len = 512 * 8;
		post(h, A, CARD_RING_CHOICES, 1);
		post(h, A, CARD_RING_QUERIES, 1);
		pass_ms(h, 2);
		CU_ASSERT_EQUAL(head(h, A, CARD_RING_CHOICES), 1);
		reply = buffer(h, A, CARD_RING_CHOICES, 0);
		for (int i = 0; i < 512; i++) {
			CU_ASSERT(reply[i] & CARD_CHOICE_VALID);
			of[CARD_CHOICE_INTENSITY(reply[i])]++;
			minus += (reply[i] & CARD_CHOICE_BASIS_X) && (reply[i] & CARD_CHOICE_BIT);
		}
		CU_ASSERT(of[3] == 0 && (of[2] > 100) == accepted && (of[2] == 0) == !accepted);
		CU_ASSERT((minus == 0) == accepted);
		/* Probabilities that add up to more than one. */
		host_write(h, A, CARD_TX_P_MU2, 60000);
		host_write(h, A, CARD_TX_APPLY, 1);
		CU_ASSERT_EQUAL((reg(h, A, CARD_STATUS) & CARD_STATUS_FAULT) != 0, accepted);
		if (accepted)
			CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), CARD_TX_P_MU2);
		host_close(h);
	}
}

/* A process that stood still leaves out what it missed, and says so to all. */
static void test_slower_than_real_time_is_told(void)
{
	struct host *h = host_open(&optics_link_default, 46);
	bool gap = false, end = false;
	char text[4096];

	light_up(h);
	h->feed = false;
	for (int card = 0; card < 2; card++)
		host_write(h, card, CARD_WATCHDOG, 60000);
	ring_run(h, B, CARD_RING_TAGS, 5);
	post(h, B, CARD_RING_TAGS, 32);
	pass_ms(h, 4);
	/* Half a second is caught up with, 20 ms a turn. */
	h->now += NS_PER_S / 2;
	turn(h);
	CU_ASSERT(h->link.behind_ms >= 499 && h->link.skips == 0);
	pass_ms(h, 12);
	CU_ASSERT_EQUAL(h->link.behind_ms, 0);
	/* Two seconds are not. */
	post(h, B, CARD_RING_TAGS, head(h, B, CARD_RING_TAGS) + 32);
	h->now += 2 * NS_PER_S;
	turn(h);
	pass_ms(h, 4);
	CU_ASSERT_EQUAL(h->link.skips, 1);
	sim_link_status(&h->link, h->now, text, sizeof(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"skips\":1"));
	for (uint32_t i = 0; i < 32; i++) {
		const uint64_t *tags = buffer(h, B, CARD_RING_TAGS, i);

		for (uint32_t j = 0; j < desc(h, B, CARD_RING_TAGS, i)->used / 8; j++) {
			gap |= CARD_TAG_TYPE(tags[j]) == CARD_TAG_GAP;
			end |= CARD_TAG_TYPE(tags[j]) == CARD_TAG_GAP_END;
		}
	}
	CU_ASSERT_TRUE(gap && end);
	host_close(h);
}

static void test_status_is_json(void)
{
	struct host *h = host_open(&optics_link_default, 45);
	char text[4096];
	int depth = 0;
	size_t n;

	light_up(h);
	pass_ms(h, 20);
	n = sim_link_status(&h->link, h->now, text, sizeof(text));
	CU_ASSERT_EQUAL(n, strlen(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"light\":\"qkd\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"qber_z\":0.0150"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"behind_ms\":0"));
	for (size_t i = 0; i < n; i++)
		depth += (text[i] == '{') - (text[i] == '}');
	CU_ASSERT_EQUAL(depth, 0);
	CU_ASSERT_EQUAL(text[n - 1], '}');
	CU_ASSERT_EQUAL(sim_link_status(&h->link, h->now, text, 10), 9);
	host_close(h);
}

UNIT_MAIN(UNIT(test_look_up_of_any_slot), UNIT(test_old_slots_are_forgotten),
          UNIT(test_light_in_the_fibre_is_waited_for), UNIT(test_cards_agree_and_attack_shows),
          UNIT(test_slower_than_real_time_is_told),
          UNIT(test_two_decoys_and_three_states_over_the_card), UNIT(test_status_is_json))
