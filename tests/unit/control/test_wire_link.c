/* SPDX-License-Identifier: BSD-3-Clause */

/* Two ends, each with a cable of its own, and a channel between them. */

#include "control/wire_link.h"

#include "tests/unit/unit.h"

#define SECOND 1000000000ULL
#define TICK   (SECOND / 20)
#define HOLD   (30 * SECOND)

static struct site {
	struct wire_link link;
	bool cable;        /* what is plugged in has light */
	bool held;         /* the port is down on purpose */
	uint64_t rises_ns; /* autonegotiation: no link before */
	unsigned int flaps, reports;
} ends[2];
static uint64_t now, session;

static bool port_up(const struct site *s)
{
	return s->cable && !s->held && now >= s->rises_ns;
}

static void turn(unsigned int i)
{
	struct site *s = &ends[i];
	struct wire_link_action a;

	wire_link_local(&s->link, port_up(s));
	a = wire_link_poll(&s->link, session != 0, session, now);
	if (a.report) {
		wire_link_reported(&s->link, session, a.up);
		wire_link_remote(&ends[!i].link, a.up);
		s->reports++;
	}
	if (a.hold != s->held) {
		s->held = a.hold;
		s->flaps += a.hold;
		if (!a.hold)
			s->rises_ns = now + 3 * SECOND;
		wire_link_held(&s->link, a.hold, now);
	}
}

static void run(uint64_t ns)
{
	for (uint64_t end = now + ns; now < end; now += TICK) {
		turn(0);
		turn(1);
	}
}

static void start(void)
{
	now = SECOND;
	session = 1;
	for (unsigned int i = 0; i < 2; i++) {
		ends[i] = (struct site){.cable = true};
		wire_link_init(&ends[i].link, HOLD, now);
	}
	run(SECOND);
	CU_ASSERT_TRUE(port_up(&ends[0]) && port_up(&ends[1]));
}

static void test_loss_crosses_and_ends(void)
{
	start();
	ends[0].cable = false;
	run(2 * TICK);
	CU_ASSERT_TRUE(ends[1].held);
	CU_ASSERT_FALSE(ends[0].held);
	run(100 * SECOND);
	CU_ASSERT_TRUE(ends[1].held);
	CU_ASSERT_FALSE(ends[0].held);
	ends[0].cable = true;
	run(10 * SECOND);
	CU_ASSERT_TRUE(port_up(&ends[0]) && port_up(&ends[1]));
	run(60 * SECOND);
	/* The slow rise of the far link was no news, nor was its fall. */
	CU_ASSERT_EQUAL(ends[1].flaps, 1);
	CU_ASSERT_EQUAL(ends[0].flaps, 0);
	CU_ASSERT_EQUAL(ends[1].reports, 1);
	CU_ASSERT_EQUAL(ends[0].reports, 3);
}

/* Both cables go, in the same moment or while the other is held; they come back in any order. */
static void test_both_lose_their_cable(void)
{
	for (unsigned int order = 0; order < 8; order++) {
		unsigned int first = order & 1, back = order >> 1 & 1;

		start();
		ends[first].cable = false;
		if (order & 4)
			run(5 * SECOND);
		ends[!first].cable = false;
		run(20 * SECOND);
		ends[back].cable = true;
		run(20 * SECOND);
		CU_ASSERT_FALSE(port_up(&ends[0]) && port_up(&ends[1]));
		ends[!back].cable = true;
		run(30 * SECOND);
		CU_ASSERT_TRUE(port_up(&ends[0]) && port_up(&ends[1]));
		ends[0].reports = ends[1].reports = 0;
		run(60 * SECOND);
		CU_ASSERT_EQUAL(ends[0].reports + ends[1].reports, 0);
	}
}

static void test_nothing_changes_until_the_hold_time(void)
{
	start();
	session = 0;
	run(HOLD - SECOND);
	CU_ASSERT_TRUE(port_up(&ends[0]) && port_up(&ends[1]));
	run(2 * SECOND);
	CU_ASSERT_TRUE(ends[0].held && ends[1].held);
	session = 2;
	run(10 * SECOND);
	CU_ASSERT_TRUE(port_up(&ends[0]) && port_up(&ends[1]));
	/* A short loss of the channel is nothing, but the word of the new session is. */
	session = 0;
	run(5 * SECOND);
	ends[0].cable = false;
	run(5 * SECOND);
	CU_ASSERT_FALSE(ends[1].held);
	session = 3;
	run(SECOND);
	CU_ASSERT_TRUE(ends[1].held);
}

/* The peer never says a word. */
static void test_from_the_start_too(void)
{
	struct wire_link w;
	struct wire_link_action a;

	wire_link_init(&w, HOLD, SECOND);
	wire_link_local(&w, true);
	a = wire_link_poll(&w, false, 0, SECOND + HOLD - 1);
	CU_ASSERT_FALSE(a.hold);
	CU_ASSERT_FALSE(a.report);
	a = wire_link_poll(&w, true, 9, SECOND + HOLD);
	CU_ASSERT_TRUE(a.hold);
	CU_ASSERT_TRUE(a.report);
	CU_ASSERT_TRUE(a.up);
}

UNIT_MAIN(UNIT(test_loss_crosses_and_ends), UNIT(test_both_lose_their_cable),
          UNIT(test_nothing_changes_until_the_hold_time), UNIT(test_from_the_start_too))
