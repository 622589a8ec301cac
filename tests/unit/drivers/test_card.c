/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/card.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>

#include "common/clock.h"
#include "common/secret.h"
#include "tests/unit/drivers/fake_card.h"

#define CLICK(channel, slot) CARD_TAG(CARD_TAG_CLICK, channel, (slot)&0xff, slot)

static uint64_t now = 1000 * NS_PER_S;
static struct err err;

static struct card_config config(enum card_role role)
{
	return (struct card_config){.transport = "fake",
	                            .path = "card0",
	                            .role = role,
	                            .mu1 = 0.3,
	                            .mu2 = 0.1,
	                            .p_mu1 = 0.3,
	                            .p_z = 0.8,
	                            .holdoff_ns = 1000,
	                            .watchdog_ms = 300};
}

static struct card *open_card(enum card_role role)
{
	struct card_config c = config(role);
	struct card *card = NULL;

	fake_new(role == CARD_IS_ALICE ? CARD_ROLE_ALICE : CARD_ROLE_BOB);
	CU_ASSERT_EQUAL_FATAL(card_open(&c, &card, &err), 0);
	return card;
}

static struct card_status status_of(const struct card *card)
{
	struct card_status s;

	card_status_read(card, &s);
	return s;
}

static void test_opens_dark_with_settings(void)
{
	struct card *card = open_card(CARD_IS_ALICE);
	struct card_status s = status_of(card);

	CU_ASSERT_EQUAL(*fake_reg(CARD_CTRL), CARD_CTRL_ENABLE);
	CU_ASSERT_EQUAL(*fake_reg(CARD_STATUS), CARD_STATUS_READY);
	CU_ASSERT_EQUAL(*fake_reg(CARD_TX_MU1), 19661);
	CU_ASSERT_EQUAL(*fake_reg(CARD_TX_MU2), 6554);
	CU_ASSERT_EQUAL(*fake_reg(CARD_TX_P_MU1), 19661);
	CU_ASSERT_EQUAL(*fake_reg(CARD_TX_P_Z), 52429);
	CU_ASSERT_EQUAL(*fake_reg(CARD_TX_MODE), CARD_TX_MODE_DARK);
	CU_ASSERT_EQUAL(fake_posted(CARD_RING_CHOICES), 64);
	CU_ASSERT_EQUAL(fake_posted(CARD_RING_QUERIES), 0);
	CU_ASSERT_EQUAL(fake_posted(CARD_RING_TAGS), 0);
	CU_ASSERT(s.simulated && !s.armed && !s.lost);
	CU_ASSERT_EQUAL(s.role, CARD_IS_ALICE);
	CU_ASSERT_EQUAL(s.abi >> 24, 1);
	CU_ASSERT_EQUAL(s.build, 0xb111d);
	CU_ASSERT_EQUAL(s.slot_period_fs, 1000000);
	card_close(card);
	CU_ASSERT_EQUAL(*fake_reg(CARD_CTRL), 0);

	card = open_card(CARD_IS_BOB);
	CU_ASSERT_EQUAL(*fake_reg(CARD_RX_HOLDOFF_NS), 1000);
	CU_ASSERT_EQUAL(*fake_reg(CARD_RX_GATE_WIDTH), 256);
	CU_ASSERT_EQUAL(fake_posted(CARD_RING_TAGS), 2048);
	CU_ASSERT_EQUAL(fake_posted(CARD_RING_CHOICES), 0);
	for (uint32_t i = 0; i < 2048; i++)
		CU_ASSERT_EQUAL(fake_desc(CARD_RING_TAGS, i)->len, 4096);
	card_close(card);
}

static int try_open(enum card_role role)
{
	struct card_config c = config(role);
	struct card *card = NULL;
	int rc;

	fake.written = 0;
	rc = card_open(&c, &card, &err);
	CU_ASSERT_PTR_NULL(card);
	return rc;
}

static void test_refuses_other_cards(void)
{
	fake_new(CARD_ROLE_BOB);
	CU_ASSERT_EQUAL(try_open(CARD_IS_ALICE), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "role is bob, but alice is configured"));
	CU_ASSERT_EQUAL(fake.written, 0); /* nothing was written to a card that is not ours */
	*fake_reg(CARD_ABI) = 2u << 24 | 3u << 16;
	CU_ASSERT_EQUAL(try_open(CARD_IS_BOB), -EPROTO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "version 2.3"));
	CU_ASSERT_EQUAL(fake.written, 0);
	/* A later minor version of ours is welcome. */
	*fake_reg(CARD_ABI) = 1u << 24 | 9u << 16;
	struct card_config c = config(CARD_IS_BOB);
	struct card *card = NULL;
	CU_ASSERT_EQUAL(card_open(&c, &card, &err), 0);
	card_close(card);
	*fake_reg(CARD_MAGIC) = 0x12345678;
	CU_ASSERT_EQUAL(try_open(CARD_IS_BOB), -EPROTO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "magic is 0x12345678"));
	fake.absent = true;
	CU_ASSERT_EQUAL(try_open(CARD_IS_BOB), -ENODEV);
	CU_ASSERT_EQUAL(fake.written, 0);
}

static void test_refuses_bad_settings(void)
{
	struct card *card = NULL;
	struct card_config c;

#define BAD(field, value, word)                                                                    \
	c = config(CARD_IS_ALICE);                                                                 \
	c.field = (value);                                                                         \
	CU_ASSERT_EQUAL(card_open(&c, &card, &err), -EINVAL);                                      \
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, word));
	fake_new(CARD_ROLE_ALICE);
	BAD(mu1, NAN, "mu1");
	BAD(mu1, 17, "mu1");
	BAD(mu2, 0.3, "mu2");
	BAD(p_mu1, 0, "p_mu1");
	BAD(p_z, 1, "p_z");
	BAD(watchdog_ms, 0, "watchdog_ms");
	BAD(role, (enum card_role)3, "role");
	BAD(transport, "pigeon", "pigeon");
	CU_ASSERT_EQUAL(fake.written, 0);
}

static void test_reset_that_hangs(void)
{
	uint64_t start = clock_mono_ns();

	fake_new(CARD_ROLE_BOB);
	fake.stuck_reset = true;
	CU_ASSERT_EQUAL(try_open(CARD_IS_BOB), -ETIMEDOUT);
	CU_ASSERT(clock_mono_ns() - start >= NS_PER_S);
}

static void test_arms_and_feeds_at_a_third(void)
{
	struct card *card = open_card(CARD_IS_BOB);
	unsigned int feeds;

	/* It runs from open on, so that a host that dies leaves no ring running. */
	CU_ASSERT_EQUAL(fake.feeds, 1);
	CU_ASSERT_EQUAL(card_poll(card, now), 0);
	CU_ASSERT_EQUAL(fake.feeds, 2);
	CU_ASSERT_EQUAL(card_arm(card, &err), 0);
	CU_ASSERT(status_of(card).armed);
	feeds = fake.feeds;
	for (int ms = 0; ms < 3000; ms++)
		card_poll(card, now += NS_PER_MS);
	CU_ASSERT_EQUAL(fake.feeds - feeds, 30);
	CU_ASSERT_EQUAL(*fake_reg(CARD_WATCHDOG), 300);
	card_safe_off(card);
	CU_ASSERT_FALSE(status_of(card).armed);
	CU_ASSERT_FALSE(*fake_reg(CARD_STATUS) & CARD_STATUS_ARMED);
	feeds = fake.feeds;
	card_poll(card, now += NS_PER_S);
	CU_ASSERT_EQUAL(fake.feeds, feeds + 1);
	CU_ASSERT_EQUAL(card_arm(card, &err), 0);
	card_close(card);
	CU_ASSERT_FALSE(*fake_reg(CARD_STATUS) & CARD_STATUS_ARMED);

	card = open_card(CARD_IS_BOB);
	fake.refuse_arm = true;
	CU_ASSERT_EQUAL(card_arm(card, &err), -EIO);
	card_close(card);
}

static void test_arms_after_a_self_test_alone(void)
{
	struct card_config c = config(CARD_IS_ALICE);
	struct card *card = NULL;

	fake_new(CARD_ROLE_ALICE);
	*fake_reg(CARD_FEATURES_LO) |=
	        CARD_FEATURE_SELF_TEST | CARD_FEATURE_THREE_STATE | 1u << 30; /* nobody knows it */
	CU_ASSERT_EQUAL_FATAL(card_open(&c, &card, &err), 0);
	CU_ASSERT_EQUAL(*fake_reg(CARD_FEATURES_USED_LO),
	                CARD_FEATURES_1_0 | CARD_FEATURE_SELF_TEST);
	CU_ASSERT_EQUAL(*fake_reg(CARD_SELFTEST), CARD_SELFTEST_NONE);
	fake.selftest_failed = CARD_CHECK_DARK | CARD_CHECK_LASER;
	CU_ASSERT_EQUAL(card_arm(card, &err), -EIO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "checks 0x18"));
	CU_ASSERT_FALSE(*fake_reg(CARD_STATUS) & CARD_STATUS_ARMED);
	fake.selftest_failed = 0;
	CU_ASSERT_EQUAL(card_arm(card, &err), 0);
	CU_ASSERT(status_of(card).armed);
	card_close(card);
	/* A card of version 1.0 is told of no features and does no test. */
	card = open_card(CARD_IS_ALICE);
	CU_ASSERT_EQUAL(*fake_reg(CARD_FEATURES_USED_LO), 0);
	fake.selftest_failed = 1;
	CU_ASSERT_EQUAL(card_arm(card, &err), 0);
	card_close(card);
}

static void test_fault_goes_dark(void)
{
	struct card *card = open_card(CARD_IS_BOB);
	struct card_click click;
	uint64_t tag = CLICK(0, 5000001);

	CU_ASSERT_EQUAL(card_arm(card, &err), 0);
	card_poll(card, now += NS_PER_MS);
	fake_tags(&tag, 1);
	fake_fault(CARD_FAULT_WATCHDOG, 300);
	CU_ASSERT_EQUAL(card_poll(card, now += NS_PER_MS), -EIO);
	CU_ASSERT_EQUAL(status_of(card).fault_code, CARD_FAULT_WATCHDOG);
	CU_ASSERT_EQUAL(status_of(card).fault_arg, 300);
	CU_ASSERT(!status_of(card).armed && !status_of(card).lost);
	CU_ASSERT_EQUAL(fake.written_offset[fake.written - 1], CARD_CTRL);
	CU_ASSERT_EQUAL(fake.written_value[fake.written - 1],
	                CARD_CTRL_ENABLE | CARD_CTRL_SAFE_OFF);
	CU_ASSERT_EQUAL(card_poll(card, now += NS_PER_MS), -EIO);
	CU_ASSERT_EQUAL(card_clicks(card, &click, 1), 0);
	CU_ASSERT_EQUAL(card_arm(card, &err), -EIO);
	card_close(card);
	/* Opening afresh resets the latched fault. */
	struct card_config c = config(CARD_IS_BOB);
	CU_ASSERT_EQUAL_FATAL(card_open(&c, &card, &err), 0);
	CU_ASSERT_EQUAL(card_arm(card, &err), 0);
	card_close(card);
}

static void test_loss(void)
{
	struct card *card = open_card(CARD_IS_ALICE);
	uint64_t from, slot = 1;
	uint8_t byte;

	CU_ASSERT_EQUAL(card_arm(card, &err), 0);
	fake.absent = true;
	CU_ASSERT_EQUAL(card_poll(card, now += NS_PER_MS), -ENODEV);
	CU_ASSERT(status_of(card).lost && !status_of(card).armed);
	CU_ASSERT_EQUAL(card_slot_now(card), 5000000);
	CU_ASSERT_EQUAL(card_tx_mode(card, CARD_TX_QKD, &from), -ENODEV);
	CU_ASSERT_EQUAL(card_lookup(card, &slot, 1), -ENODEV);
	CU_ASSERT_EQUAL(card_random(card, &byte, 1), -ENODEV);
	CU_ASSERT_EQUAL(card_arm(card, &err), -ENODEV);
	card_close(card);

	card = open_card(CARD_IS_ALICE);
	fake.dead = true;
	CU_ASSERT_EQUAL(card_poll(card, now += 1), -ENODEV);
	card_close(card);
}

static void test_causes_are_cleared_as_read(void)
{
	struct card *card = open_card(CARD_IS_BOB);

	card_poll(card, now += NS_PER_S);
	*fake_reg(CARD_IRQ_CAUSE) = CARD_IRQ_RING(0) | CARD_IRQ_RING(5);
	card_poll(card, now += NS_PER_S);
	CU_ASSERT_EQUAL(*fake_reg(CARD_IRQ_CAUSE), 0);
	CU_ASSERT_EQUAL(fake.written_offset[fake.written - 1], CARD_IRQ_CAUSE);
	CU_ASSERT_EQUAL(fake.written_value[fake.written - 1], CARD_IRQ_RING(0) | CARD_IRQ_RING(5));
	card_close(card);
}

static void test_clicks(void)
{
	struct card *card = open_card(CARD_IS_BOB);
	struct card_click c[8];
	const uint64_t tags[] = {
	        CARD_TAG(CARD_TAG_CLICK, CARD_DETECTOR_X1, 200, 5000007),
	        CARD_TAG(CARD_TAG_DOUBLE, 5, 17, 5000008),
	        CARD_TAG(2, 0, 0, 5000009), /* a type of a later minor version */
	        CLICK(CARD_DETECTOR_Z0, 5100000),
	};

	CU_ASSERT_TRUE(fake_tags(tags, 4));
	CU_ASSERT_EQUAL(card_clicks(card, c, 1), 1);
	CU_ASSERT_EQUAL(card_clicks(card, c + 1, 7), 2);
	CU_ASSERT_EQUAL(c[0].slot, 5000007);
	CU_ASSERT_EQUAL(c[0].sub, 200);
	CU_ASSERT_EQUAL(c[0].detectors, 1u << CARD_DETECTOR_X1);
	CU_ASSERT_EQUAL(c[1].slot, 5000008);
	CU_ASSERT_EQUAL(c[1].detectors, 5);
	CU_ASSERT_EQUAL(c[2].slot, 5100000);
	CU_ASSERT_EQUAL(card_clicks(card, c, 8), 0);
	CU_ASSERT_EQUAL(card_poll(card, now += NS_PER_MS), 1);
	CU_ASSERT_EQUAL(fake_posted(CARD_RING_TAGS), 2048);
	CU_ASSERT_EQUAL(status_of(card).clicks, 3);
	CU_ASSERT_EQUAL(status_of(card).doubles, 1);
	CU_ASSERT_EQUAL(status_of(card).sequence_errors, 0);
	card_close(card);
}

/* Many times around the ring, in buffers of all lengths, past 2^48 slots. */
static void test_wraps(void)
{
	struct card *card;
	struct card_click c[700];
	uint64_t tags[512], slot, read;
	struct card_config cfg = config(CARD_IS_BOB);

	fake_new(CARD_ROLE_BOB);
	fake.slot = slot = (1ULL << 48) - 3000000;
	CU_ASSERT_EQUAL_FATAL(card_open(&cfg, &card, &err), 0);
	read = slot;
	for (int turn = 0; turn < 10000; turn++) {
		uint32_t n = 1 + (uint32_t)turn * 37 % 512;
		size_t got;

		for (uint32_t i = 0; i < n; i++) {
			slot += 3;
			tags[i] = CLICK(i % 4, slot);
		}
		fake.slot = slot;
		CU_ASSERT_TRUE(fake_tags(tags, n));
		got = card_clicks(card, c, 700);
		CU_ASSERT_EQUAL(got, n);
		for (size_t i = 0; i < got; i++)
			if (c[i].slot != (read += 3) || c[i].gap)
				CU_FAIL("a click out of order");
		CU_ASSERT_EQUAL(card_poll(card, now += NS_PER_MS), 1);
	}
	CU_ASSERT(slot > 1ULL << 48);
	CU_ASSERT_EQUAL(card_slot_now(card), slot);
	CU_ASSERT_EQUAL(status_of(card).sequence_errors, 0);
	card_close(card);
}

static void test_full_ring_and_gap(void)
{
	struct card *card = open_card(CARD_IS_BOB);
	struct card_click c[4];
	uint64_t slot = 5000000, tag;
	unsigned int n = 0;

	/* The driver sleeps: the card fills every buffer and has to drop. */
	while ((tag = CLICK(1, slot + 10), fake_tags(&tag, 1)))
		slot += 10;
	CU_ASSERT_EQUAL(fake.ring[CARD_RING_TAGS].done, 2048);
	while (card_clicks(card, c, 4) != 0)
		n++;
	CU_ASSERT_EQUAL(n, 512);
	card_poll(card, now += NS_PER_MS);
	/* The halves of the record fall into two buffers. */
	tag = CARD_TAG(CARD_TAG_GAP, 0, 0, slot + 1);
	CU_ASSERT_TRUE(fake_tags(&tag, 1));
	CU_ASSERT_EQUAL(card_clicks(card, c, 4), 0);
	uint64_t rest[] = {CARD_TAG(CARD_TAG_GAP_END, 0xa, 0xbc, slot + 500), CLICK(2, slot + 510)};
	CU_ASSERT_TRUE(fake_tags(rest, 2));
	CU_ASSERT_EQUAL(card_clicks(card, c, 4), 2);
	CU_ASSERT_TRUE(c[0].gap);
	CU_ASSERT_EQUAL(c[0].slot, slot + 1);
	CU_ASSERT_EQUAL(c[0].gap_last, slot + 500);
	CU_ASSERT_FALSE(c[1].gap);
	CU_ASSERT_EQUAL(c[1].slot, slot + 510);
	CU_ASSERT_EQUAL(status_of(card).gaps, 1);
	CU_ASSERT_EQUAL(status_of(card).lost_tags, 0xabc);
	CU_ASSERT_EQUAL(status_of(card).sequence_errors, 0);
	card_close(card);
}

/* Whatever is not accounted for becomes a gap, never silence. */
static void test_lost_buffers_become_gaps(void)
{
	struct card *card = open_card(CARD_IS_BOB);
	struct card_click c[4];
	uint64_t tag = CLICK(0, 5000100);

	fake_tags(&tag, 1);
	CU_ASSERT_EQUAL(card_clicks(card, c, 4), 1);
	fake.ring[CARD_RING_TAGS].seq += 2; /* two completions went missing */
	tag = CLICK(0, 5000200);
	fake_tags(&tag, 1);
	CU_ASSERT_EQUAL(card_clicks(card, c, 1), 1);
	CU_ASSERT(c[0].gap && c[0].slot == 5000101 && c[0].gap_last == 5000199);
	CU_ASSERT_EQUAL(card_clicks(card, c, 4), 1);
	CU_ASSERT(!c[0].gap && c[0].slot == 5000200);
	CU_ASSERT_EQUAL(status_of(card).sequence_errors, 1);
	/* A buffer that the card marks as failed. */
	fake_tags(&tag, 1);
	fake_desc(CARD_RING_TAGS, fake.ring[CARD_RING_TAGS].done - 1)->flags |= CARD_DESC_ERROR;
	uint64_t more[] = {CARD_TAG(CARD_TAG_GAP, 0, 0, 5000250), CLICK(3, 5000300),
	                   CLICK(3, 5000299), CLICK(7, 5000301), CLICK(0, 1ULL << 40)};
	fake_tags(more, 5);
	CU_ASSERT_EQUAL(card_clicks(card, c, 4), 2);
	CU_ASSERT(c[0].gap && c[0].slot == 5000201 && c[0].gap_last == 5000299);
	CU_ASSERT(!c[1].gap && c[1].slot == 5000300);
	/* failed buffer, GAP without end, order, no such detector, far in the future */
	CU_ASSERT_EQUAL(status_of(card).sequence_errors, 6);
	card_close(card);
}

static void test_other_phase_is_not_complete(void)
{
	struct card *card = open_card(CARD_IS_BOB);
	struct card_desc *d = fake_desc(CARD_RING_TAGS, 0);
	struct card_click c;
	uint64_t tag = CLICK(0, 5000100);

	memcpy(fake_buffer(CARD_RING_TAGS), &tag, 8);
	d->used = 8;
	d->flags = CARD_DESC_ERROR; /* everything but the phase */
	CU_ASSERT_EQUAL(card_clicks(card, &c, 1), 0);
	CU_ASSERT_EQUAL(card_poll(card, now += NS_PER_MS), 0);
	d->flags = CARD_DESC_PHASE;
	CU_ASSERT_EQUAL(card_clicks(card, &c, 1), 1);
	card_close(card);
}

/* The card reads a question and answers it. */
static void answer(uint32_t extra)
{
	uint64_t *slots = fake_buffer(CARD_RING_QUERIES);
	uint32_t n = fake_desc(CARD_RING_QUERIES, fake.ring[CARD_RING_QUERIES].done)->len / 8;
	uint32_t *out = fake_buffer(CARD_RING_CHOICES);

	for (uint32_t i = 0; i < n; i++)
		out[i] = (uint32_t)(slots[i] & 0xffffff) | (i & 7) << 24 | extra;
	fake_complete(CARD_RING_QUERIES, 8 * n, slots[0]);
	fake_complete(CARD_RING_CHOICES, 4 * n, slots[0]);
}

static void test_lookups_in_order(void)
{
	struct card *card = open_card(CARD_IS_ALICE);
	struct card_choice out[CARD_LOOKUP_MAX];
	uint64_t slots[CARD_LOOKUP_MAX];
	unsigned int asked = 0;

	for (int i = 0; i < CARD_LOOKUP_MAX; i++)
		slots[i] = 0x1234567800ULL + (uint64_t)i;
	CU_ASSERT_EQUAL(card_lookup(card, slots, CARD_LOOKUP_MAX + 1), -EINVAL);
	CU_ASSERT_EQUAL(card_lookup(card, slots, 0), -EINVAL);
	for (int pass = 0; pass < 5; pass++) {
		while (card_lookup(card, slots, 1 + asked % CARD_LOOKUP_MAX) == 0)
			asked++;
		CU_ASSERT_EQUAL(asked, 64 * ((unsigned int)pass + 1));
		CU_ASSERT_EQUAL(card_choices(card, out), 0);
		card_poll(card, now += NS_PER_MS);
		CU_ASSERT_EQUAL(fake_posted(CARD_RING_QUERIES), 64);
		for (int i = 0; i < 64; i++)
			answer(CARD_CHOICE_VALID);
		for (unsigned int i = 0; i < 64; i++) {
			size_t n = card_choices(card, out);

			CU_ASSERT_EQUAL(n, 1 + (64 * (unsigned int)pass + i) % CARD_LOOKUP_MAX);
			for (size_t j = 0; j < n; j++)
				if (out[j].basis != (j & 1) || out[j].bit != (j >> 1 & 1) ||
				    out[j].intensity != (j >> 2 & 1) || !out[j].valid)
					CU_FAIL("choice differs");
		}
		CU_ASSERT_EQUAL(card_choices(card, out), 0);
		card_poll(card, now += NS_PER_MS);
	}
	CU_ASSERT_EQUAL(status_of(card).sequence_errors, 0);
	CU_ASSERT_EQUAL(status_of(card).stale_lookups, 0);
	card_close(card);
}

static void test_stale_and_wrong_choices(void)
{
	struct card *card = open_card(CARD_IS_ALICE);
	struct card_choice out[CARD_LOOKUP_MAX];
	uint64_t slots[3] = {100, 200, 300};
	uint32_t *reply;

	CU_ASSERT_EQUAL(card_lookup(card, slots, 3), 0);
	CU_ASSERT_EQUAL(card_lookup(card, slots, 3), 0);
	CU_ASSERT_EQUAL(card_lookup(card, slots, 3), 0);
	card_poll(card, now += NS_PER_MS);
	answer(0); /* too old */
	CU_ASSERT_EQUAL(card_choices(card, out), 3);
	CU_ASSERT(!out[0].valid && !out[1].valid && !out[2].valid);
	CU_ASSERT_EQUAL(status_of(card).stale_lookups, 3);
	reply = fake_buffer(CARD_RING_CHOICES);
	answer(CARD_CHOICE_VALID);
	reply[1] ^= 1;        /* another slot's */
	reply[2] |= 3u << 26; /* vacuum: no intensity of this protocol */
	CU_ASSERT_EQUAL(card_choices(card, out), 3);
	CU_ASSERT(out[0].valid && !out[1].valid && !out[2].valid);
	CU_ASSERT_EQUAL(status_of(card).stale_lookups, 3);
	CU_ASSERT_EQUAL(status_of(card).sequence_errors, 1);
	/* An answer to another question: order is lost, the card is given up. */
	CU_ASSERT_EQUAL(card_arm(card, &err), 0);
	answer(CARD_CHOICE_VALID);
	fake_desc(CARD_RING_CHOICES, fake.ring[CARD_RING_CHOICES].done - 1)->first_slot = 999;
	CU_ASSERT_EQUAL(card_choices(card, out), 0);
	CU_ASSERT_EQUAL(card_poll(card, now += NS_PER_MS), -EIO);
	CU_ASSERT_FALSE(*fake_reg(CARD_STATUS) & CARD_STATUS_ARMED);
	card_close(card);
}

static void test_tx_mode(void)
{
	struct card *card = open_card(CARD_IS_ALICE);
	uint64_t from = 0;

	CU_ASSERT_EQUAL(card_tx_mode(card, CARD_TX_SYNC, &from), 0);
	CU_ASSERT_EQUAL(from, 5001000);
	CU_ASSERT_EQUAL(*fake_reg(CARD_TX_MODE), CARD_TX_MODE_SYNC);
	CU_ASSERT_EQUAL(fake.written_offset[fake.written - 1], CARD_TX_APPLY);
	CU_ASSERT_EQUAL(status_of(card).tx_mode, CARD_TX_SYNC);
	card_close(card);
	fake_new(CARD_ROLE_ALICE);
	*fake_reg(CARD_FEATURES_LO) = 0;
	struct card_config c = config(CARD_IS_ALICE);
	CU_ASSERT_EQUAL_FATAL(card_open(&c, &card, &err), 0);
	CU_ASSERT_EQUAL(card_tx_mode(card, CARD_TX_SYNC, &from), -ENOTSUP);
	CU_ASSERT_EQUAL(card_random(card, &from, 8), -ENOTSUP);
	card_close(card);
	card = open_card(CARD_IS_BOB);
	CU_ASSERT_EQUAL(card_tx_mode(card, CARD_TX_QKD, &from), -EINVAL);
	card_close(card);
}

/* So many raw buffers of a good source, a millisecond each. */
static unsigned int give_random(struct card *card, unsigned int n)
{
	unsigned int taken = 0;
	uint8_t block[4096];

	for (unsigned int i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof(block); k++)
			block[k] = (uint8_t)dice(256);
		taken += fake_put(CARD_RING_QRNG, block, sizeof(block), 0);
		card_poll(card, now += NS_PER_MS);
	}
	return taken;
}

#define QRNG_STARTUP_BUFFERS 8 /* 2^18 bits */
#define QRNG_BUFFER_MAKES    (4096 / 80 * 32)

static void test_random_bytes_once(void)
{
	struct card *card = open_card(CARD_IS_ALICE);
	static uint8_t out[CARD_RANDOM_MAX];
	uint8_t byte, zero[4096] = {0};
	uint8_t *first = fake_buffer(CARD_RING_QRNG);

	CU_ASSERT_EQUAL(*fake_reg(CARD_QRNG_CTRL), 0); /* raw */
	CU_ASSERT_EQUAL(card_random(card, out, 1), -EAGAIN);
	CU_ASSERT_EQUAL(card_random(card, out, sizeof(out) + 1), -EMSGSIZE);
	card_poll(card, now += NS_PER_MS);
	CU_ASSERT_FALSE(status_of(card).qrng_ok);
	give_random(card, 2);
	CU_ASSERT_EQUAL(memcmp(first + 4096, zero, 4096), 0); /* wiped once it was copied */
	give_random(card, QRNG_STARTUP_BUFFERS - 2);
	CU_ASSERT_EQUAL(card_random(card, out, 1), -EAGAIN);
	give_random(card, 1);
	CU_ASSERT(status_of(card).qrng_ok);
	CU_ASSERT_EQUAL(card_random(card, out, QRNG_BUFFER_MAKES), 0);
	CU_ASSERT_EQUAL(card_random(card, out, 1), -EAGAIN);
	/* A full pool takes no more, and yet all that comes is tested. */
	CU_ASSERT_EQUAL(give_random(card, 400), 400);
	CU_ASSERT_EQUAL(fake_posted(CARD_RING_QRNG), 8);
	CU_ASSERT_EQUAL(card_random(card, out, sizeof(out) - 4096), 0);
	for (unsigned int i = 0; i < 3; i++)
		card_random(card, out, QRNG_BUFFER_MAKES);
	CU_ASSERT_EQUAL(card_random(card, out, 4096), -EAGAIN);
	while (card_random(card, out, 1) == 0)
		;
	/* A buffer out of sequence may be old. */
	fake.ring[CARD_RING_QRNG].seq--;
	give_random(card, 1);
	CU_ASSERT_EQUAL(card_random(card, out, 1), -EAGAIN);
	CU_ASSERT_EQUAL(status_of(card).sequence_errors, 1);
	give_random(card, 1);
	CU_ASSERT_EQUAL(card_random(card, &byte, 1), 0);
	*fake_reg(CARD_QRNG_STATE) = CARD_QRNG_FAIL;
	CU_ASSERT_EQUAL(card_random(card, out, 1), -EIO);
	card_poll(card, now += NS_PER_MS);
	CU_ASSERT_FALSE(status_of(card).qrng_ok);
	*fake_reg(CARD_QRNG_STATE) = CARD_QRNG_OK;
	give_random(card, 20);
	CU_ASSERT_EQUAL(card_random(card, out, 1), -EIO); /* until somebody has looked at it */
	card_close(card);
}

/* A full pool does not blind the tests, nor does a source that falls silent pass them. */
static void test_random_faults(void)
{
	struct card *card = open_card(CARD_IS_BOB);
	uint8_t block[4096] = {0};

	card_poll(card, now += NS_PER_MS);
	give_random(card, 420);
	CU_ASSERT(status_of(card).qrng_ok);
	fake_put(CARD_RING_QRNG, block, sizeof(block), 0);
	card_poll(card, now += NS_PER_MS);
	CU_ASSERT_EQUAL(card_random(card, block, 1), -EIO);
	card_close(card);

	card = open_card(CARD_IS_BOB);
	card_poll(card, now += NS_PER_MS);
	give_random(card, 20);
	for (unsigned int i = 0; i < 1990; i++)
		card_poll(card, now += NS_PER_MS);
	CU_ASSERT_EQUAL(card_random(card, block, 1), 0);
	for (unsigned int i = 0; i < 20; i++)
		card_poll(card, now += NS_PER_MS);
	CU_ASSERT_EQUAL(card_random(card, block, 1), -EIO);
	card_close(card);
}

/* What is recorded is nobody's secret: it does not come out again. */
static void test_random_tape(void)
{
	struct card *card = open_card(CARD_IS_BOB);
	static uint8_t taped[3 * 4096];
	uint8_t byte;

	card_poll(card, now += NS_PER_MS);
	give_random(card, QRNG_STARTUP_BUFFERS);
	struct card_tape raw = {taped, sizeof(taped), true, -1, 0},
	                 few = {taped, 100, false, -1, 0};

	CU_ASSERT_EQUAL(card_random_tape(card, &raw), 0);
	give_random(card, 3);
	CU_ASSERT_EQUAL(card_random_taped(card), sizeof(taped));
	CU_ASSERT_EQUAL(card_random(card, &byte, 1), -EAGAIN);
	CU_ASSERT_EQUAL(card_random_tape(card, &few), 0);
	give_random(card, 1);
	CU_ASSERT_EQUAL(card_random_taped(card), 100);
	CU_ASSERT_EQUAL(card_random(card, &byte, 1), -EAGAIN);
	card_random_tape(card, NULL);
	give_random(card, 1);
	CU_ASSERT_EQUAL(card_random(card, &byte, 1), 0);
	card_close(card);
}

static void test_telemetry(void)
{
	struct card *card = open_card(CARD_IS_BOB);
	struct card_telemetry t = {.slot = 7, .temperature_mc = -1500, .photocurrent_na = 42};
	uint32_t words[16], sum = 0;

	memcpy(words, &t, sizeof(t));
	for (int i = 0; i < 15; i++)
		sum += words[i];
	t.check = sum;
	fake_put(CARD_RING_TELEMETRY, &t, sizeof(t), 7);
	CU_ASSERT_EQUAL(card_poll(card, now += NS_PER_MS), 1);
	CU_ASSERT_EQUAL(status_of(card).temperature_mc, -1500);
	CU_ASSERT_EQUAL(status_of(card).photocurrent_na, 42);
	t.temperature_mc = 99000;
	fake_put(CARD_RING_TELEMETRY, &t, sizeof(t), 7);
	fake_put(CARD_RING_TELEMETRY, &t, 16, 7);
	CU_ASSERT_EQUAL(card_poll(card, now += NS_PER_MS), 2);
	CU_ASSERT_EQUAL(status_of(card).temperature_mc, -1500);
	CU_ASSERT_EQUAL(status_of(card).sequence_errors, 2);
	CU_ASSERT_EQUAL(fake_posted(CARD_RING_TELEMETRY), 16);
	CU_ASSERT_FALSE(status_of(card).phase);
	card_close(card);
}

/* Read with each record of telemetry, where the card tells it. */
static void test_phase(void)
{
	struct card_config c = config(CARD_IS_BOB);
	struct card_telemetry t = {.slot = 7, .check = 7};
	struct card *card;

	fake_new(CARD_ROLE_BOB);
	*fake_reg(CARD_FEATURES_LO) |= CARD_FEATURE_PHASE;
	CU_ASSERT_EQUAL_FATAL(card_open(&c, &card, &err), 0);
	CU_ASSERT_EQUAL(*fake_reg(CARD_FEATURES_USED_LO) & CARD_FEATURE_PHASE, CARD_FEATURE_PHASE);
	CU_ASSERT_TRUE(status_of(card).phase);
	*fake_reg(CARD_RX_PHASE) = 3600;
	fake_put(CARD_RING_TELEMETRY, &t, sizeof(t), 7);
	CU_ASSERT_EQUAL(card_poll(card, now += NS_PER_MS), 1);
	CU_ASSERT_EQUAL(status_of(card).phase_mrad2, 3600);
	card_close(card);
}

UNIT_MAIN(UNIT(test_setup), UNIT(test_opens_dark_with_settings), UNIT(test_refuses_other_cards),
          UNIT(test_refuses_bad_settings), UNIT(test_reset_that_hangs),
          UNIT(test_arms_and_feeds_at_a_third), UNIT(test_arms_after_a_self_test_alone),
          UNIT(test_fault_goes_dark), UNIT(test_loss), UNIT(test_causes_are_cleared_as_read),
          UNIT(test_clicks), UNIT(test_wraps), UNIT(test_full_ring_and_gap),
          UNIT(test_lost_buffers_become_gaps), UNIT(test_other_phase_is_not_complete),
          UNIT(test_lookups_in_order), UNIT(test_stale_and_wrong_choices), UNIT(test_tx_mode),
          UNIT(test_random_bytes_once), UNIT(test_random_faults), UNIT(test_random_tape),
          UNIT(test_telemetry), UNIT(test_phase), UNIT(test_leaves_no_secrets))
