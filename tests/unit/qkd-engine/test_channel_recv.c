/* SPDX-License-Identifier: BSD-3-Clause */

/* What an attacker on the wire can do with datagrams: nothing but be counted. */

#include "qkd-engine/channel_internal.h"
#include "tests/unit/qkd-engine/channel_tape.h"
#include "tests/unit/unit.h"

static uint64_t dropped(const struct channel_stats *s)
{
	return s->bad_format + s->bad_mac + s->replayed + s->hello_mac_failures +
	       s->unknown_session;
}

/* What must not move: all but counters of drops. */
static bool same_but_drops(const struct channel *x, const struct channel *y)
{
	return memcmp(&x->current, &y->current, sizeof(x->current)) == 0 &&
	       memcmp(&x->tx, &y->tx, sizeof(x->tx)) == 0 &&
	       memcmp(&x->rx, &y->rx, sizeof(x->rx)) == 0 &&
	       memcmp(&x->hs.next, &y->hs.next, sizeof(x->hs.next)) == 0 &&
	       x->hs.phase == y->hs.phase && x->hs.owed_count == y->hs.owed_count &&
	       x->stats.datagrams_received == y->stats.datagrams_received &&
	       x->stats.last_heard_ns == y->stats.last_heard_ns &&
	       x->stats.sessions == y->stats.sessions;
}

/* One bit of each byte of LEN bytes wrong, then each shorter length: none is accepted. */
static void damage(struct channel *to, const uint8_t *data, size_t len, uint64_t now)
{
	static struct channel before;
	uint8_t bad[CHANNEL_DATAGRAM_MAX + 1];
	uint64_t first = dropped(&to->stats);

	before = *to;
	for (size_t i = 0; i < len; i++) {
		memcpy(bad, data, len);
		bad[i] ^= (uint8_t)(1u << i % 8);
		channel_input(to, bad, len, now);
		CU_ASSERT_TRUE(same_but_drops(to, &before));
	}
	memcpy(bad, data, len);
	bad[len] = 0;
	for (size_t n = 0; n <= len + 1; n++) {
		if (n == len)
			continue;
		channel_input(to, bad, n, now);
		CU_ASSERT_TRUE(same_but_drops(to, &before));
	}
	CU_ASSERT_EQUAL(dropped(&to->stats) - first, 2 * len + 1);
}

/* N milliseconds in which each datagram arrives after all its damaged forms. */
static unsigned int run_damaged(struct lossy_pair *p, int n)
{
	uint8_t buf[CHANNEL_DATAGRAM_MAX];
	unsigned int kinds = 0;
	size_t len;

	while (n-- > 0) {
		p->now_ns += NS_PER_MS;
		while ((len = channel_output(p->a, buf, p->now_ns)) > 0) {
			damage(p->b, buf, len, p->now_ns);
			kinds |= 1u << buf[0];
			channel_input(p->b, buf, len, p->now_ns);
		}
		while ((len = channel_output(p->b, buf, p->now_ns)) > 0) {
			damage(p->a, buf, len, p->now_ns);
			kinds |= 1u << buf[0];
			channel_input(p->a, buf, len, p->now_ns);
		}
	}
	return kinds;
}

static void test_damage_changes_nothing(void)
{
	static uint8_t text[600];
	unsigned int kinds;
	struct lossy_pair p;
	uint8_t id[16];
	size_t n;

	start(&p, 6);
	kinds = run_damaged(&p, 20);
	CU_ASSERT_EQUAL(channel_send(p.a, CHANNEL_QKD, text, sizeof(text)), 0);
	CU_ASSERT_EQUAL(channel_send(p.b, CHANNEL_CONTROL, text, sizeof(text)), 0);
	kinds |= run_damaged(&p, 20);
	CU_ASSERT_EQUAL(stats(p.a).sessions, 1);
	CU_ASSERT_PTR_NOT_NULL(channel_receive(p.a, CHANNEL_CONTROL, &n));
	CU_ASSERT_PTR_NOT_NULL(channel_receive(p.b, CHANNEL_QKD, &n));
	/* B forgets the session and says so. */
	lossy_pair_restart_b(&p);
	kinds |= run_damaged(&p, 600);
	CU_ASSERT_EQUAL(kinds, 1u << WIRE_INIT | 1u << WIRE_RESP | 1u << WIRE_CONFIRM |
	                               1u << WIRE_HINT | 1u << WIRE_DATA);
	CU_ASSERT_EQUAL(stats(p.a).sessions, 2);
	CU_ASSERT_TRUE_FATAL(channel_session(p.a, id));
	expect_alive(&p, id);
	lossy_pair_fini(&p);
}

static void test_flood_of_forgeries(void)
{
	enum { FLOOD = 100000 };
	uint8_t id[16], bad[CHANNEL_DATAGRAM_MAX], out[CHANNEL_DATAGRAM_MAX];
	uint64_t seed = 1, answers = 0, sent;
	struct lossy_pair p;

	start(&p, 7);
	run(&p, 50);
	CU_ASSERT_TRUE_FATAL(channel_session(p.b, id));
	sent = stats(p.b).datagrams_sent;
	for (int i = 0; i < FLOOD; i++) {
		size_t len = lossy_random(&seed) % 120;

		for (size_t j = 0; j < len; j++)
			bad[j] = (uint8_t)lossy_random(&seed);
		if (len > 10 && i % 2 == 0) {
			bad[0] = (uint8_t)(1 + lossy_random(&seed) % 5);
			bad[1] = WIRE_VERSION;
			if (i % 4 == 0)
				memcpy(bad + 2, id, WIRE_SESSION_BYTES);
		}
		p.now_ns += 1000;
		channel_input(p.b, bad, len, p.now_ns);
		while (channel_output(p.b, out, p.now_ns) > 0)
			answers++;
	}
	CU_ASSERT_EQUAL(stats(p.b).datagrams_sent - sent, answers);
	CU_ASSERT(answers <= 5);
	CU_ASSERT(stats(p.b).bad_mac > 1000);
	CU_ASSERT(stats(p.b).bad_format > 1000);
	CU_ASSERT(stats(p.b).hello_mac_failures > 10);
	CU_ASSERT_EQUAL(dropped(&p.b->stats), FLOOD);
	CU_ASSERT_FALSE(stats(p.b).authentication_failing);
	expect_alive(&p, id);
	lossy_pair_fini(&p);
}

/* An authentic peer that breaks the rules loses its session, and gets a new one. */
static void test_rule_breaker_loses_session(void)
{
	static const struct wire_segment broken[] = {
	        /* not the first of a message; beyond the limit; the first inside a message */
	        {.stream = 0, .flags = WIRE_SEGMENT_LAST, .seq = 0, .len = 1},
	        {.stream = 1, .flags = 3, .seq = RECV_SLOTS, .len = 1},
	        {.stream = 1, .flags = 3, .seq = UINT64_MAX, .len = 0},
	        {.stream = 5, .flags = 3, .seq = 0, .len = 0},
	        {.stream = 0, .flags = WIRE_SEGMENT_FIRST, .seq = 0, .len = 1},
	};

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		uint8_t buf[CHANNEL_DATAGRAM_MAX] = {0}, id[16], now[16];
		struct lossy_pair p;
		uint64_t number;
		size_t n;

		start(&p, 8 + i);
		run(&p, 50);
		CU_ASSERT_TRUE_FATAL(channel_session(p.b, id));
		number = p.a->tx.next_number++;
		n = wire_put_data_head(buf, p.a->current.id, number);
		n += wire_put_segment_head(buf + n, &broken[i]) + broken[i].len;
		n = session_seal_data(p.a, &p.a->current, buf, n, number);
		channel_input(p.b, buf, n, p.now_ns);
		CU_ASSERT_EQUAL(stats(p.b).protocol_errors, 1);
		CU_ASSERT_FALSE(channel_session(p.b, now));
		run(&p, 1500);
		CU_ASSERT_TRUE_FATAL(channel_session(p.b, now));
		CU_ASSERT_NOT_EQUAL(memcmp(now, id, 16), 0);
		expect_alive(&p, now);
		lossy_pair_fini(&p);
	}
}

/* The window slides by any step: each number once, none below it. */
static void test_replay_window(void)
{
	static struct channel ch;
	uint64_t seed = 1, top = WIRE_FIRST_NUMBER - 1;
	static bool seen[1 << 20];

	ch.rx.largest = top;
	CU_ASSERT_FALSE(receiver_is_new(&ch.rx, WIRE_FIRST_NUMBER - 1));
	CU_ASSERT_FALSE(receiver_is_new(&ch.rx, 0));
	for (int i = 0; i < 20000; i++) {
		struct wire_datagram d = {0};
		uint64_t back = lossy_random(&seed) % 5000;
		bool want;

		d.number = i % 500 == 499                   ? top + 1 + lossy_random(&seed) % 9000
		           : i % 2 == 0                     ? top + 1 + lossy_random(&seed) % 3
		           : top > WIRE_FIRST_NUMBER + back ? top - back
		                                            : WIRE_FIRST_NUMBER;
		want = !seen[d.number] && (d.number > top || top - d.number < REPLAY_WINDOW);
		CU_ASSERT_EQUAL(receiver_is_new(&ch.rx, d.number), want);
		if (!want)
			continue;
		/* No frames: only the number counts. */
		receiver_data(&ch, &d);
		seen[d.number] = true;
		if (d.number > top)
			top = d.number;
	}
	CU_ASSERT_EQUAL(ch.rx.largest, top);
	CU_ASSERT(top < sizeof(seen));
}

UNIT_MAIN(UNIT(test_damage_changes_nothing), UNIT(test_flood_of_forgeries),
          UNIT(test_rule_breaker_loses_session), UNIT(test_replay_window))
