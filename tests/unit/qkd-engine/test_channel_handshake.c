/* SPDX-License-Identifier: BSD-3-Clause */

/* Sessions come and go: starts, restarts, outages. */

#include "qkd-engine/channel.h"
#include "tests/unit/qkd-engine/channel_flow.h"
#include "tests/unit/unit.h"

/* Whichever end starts first, and however lossy the hellos. */
static void test_connects(void)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct lossy_pair p;
		const struct lossy_config config = {.delay_ns = 20 * NS_PER_MS, .drop = 0.3};

		CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &config, seed));
		for (int i = 0; i < 2000; i++) {
			p.now_ns += NS_PER_MS;
			if (seed % 2 == 0)
				lossy_pump(p.a, p.b, &p.ab, p.now_ns);
			else
				lossy_pump(p.b, p.a, &p.ba, p.now_ns);
		}
		CU_ASSERT_NOT_EQUAL(stats(p.a).state, CHANNEL_UP);
		CU_ASSERT_NOT_EQUAL(stats(p.b).state, CHANNEL_UP);
		CU_ASSERT_TRUE(lossy_pair_connect(&p, 10 * NS_PER_S));
		lossy_pair_fini(&p);
	}
}

/* 5 s without any datagram: the same session goes on. */
static void test_short_outage(void)
{
	static const struct lossy_config config = {.delay_ns = 10 * NS_PER_MS};
	struct lossy_pair p;
	struct flow f;

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &config, 6));
	CU_ASSERT_TRUE_FATAL(lossy_pair_connect(&p, NS_PER_S));
	f = (struct flow){
	        .from = p.b, .to = p.a, .stream = CHANNEL_QKD, .len_min = 8, .len_max = 50000};
	flow_send(&f, 100);
	for (int i = 0; i < 50; i++)
		lossy_pair_step(&p, NS_PER_MS);
	p.ab.cut = p.ba.cut = true;
	for (int i = 0; i < 5000; i++)
		lossy_pair_step(&p, NS_PER_MS);
	CU_ASSERT_NOT_EQUAL(stats(p.a).state, CHANNEL_UP);
	CU_ASSERT_EQUAL(stats(p.b).state, CHANNEL_DOWN);
	p.ab.cut = p.ba.cut = false;
	CU_ASSERT_NOT_EQUAL(run_flows(&p, &f, 1, 100, 5 * NS_PER_S), 0);
	CU_ASSERT_EQUAL(f.bad, 0);
	CU_ASSERT_EQUAL(stats(p.a).sessions, 1);
	CU_ASSERT_EQUAL(stats(p.b).sessions, 1);
	CU_ASSERT_EQUAL(stats(p.a).state, CHANNEL_UP);
	CU_ASSERT_EQUAL(stats(p.b).state, CHANNEL_UP);
	lossy_pair_fini(&p);
}

/*
 * Messages that name their session and count from its start: what an application sees when
 * sessions come and go. Order and exactly-once hold within each.
 */
struct epoch {
	uint8_t id[16];
	uint32_t sent, received, sessions, wrong, next[CHANNEL_STREAMS];
};

static void epoch_step(struct epoch *tx, struct channel *from, struct epoch *rx, struct channel *to)
{
	uint8_t id[16], m[16 + 4 + 500];
	const uint8_t *got;
	size_t len;

	if (channel_session(from, id)) {
		if (memcmp(id, tx->id, 16) != 0) {
			memcpy(tx->id, id, 16);
			tx->sent = 0;
		}
		memcpy(m, id, 16);
		put_be32(m + 16, tx->sent);
		memset(m + 20, (int)tx->sent, sizeof(m) - 20);
		if (channel_send(from, tx->sent % 2, m, 20 + tx->sent % 500) == 0)
			tx->sent++;
	}
	for (int stream = 0; stream < CHANNEL_STREAMS; stream++) {
		while ((got = channel_receive(to, stream, &len)) != NULL) {
			if (memcmp(got, rx->id, 16) != 0) {
				memcpy(rx->id, got, 16);
				rx->sessions++;
				rx->next[0] = 0;
				rx->next[1] = 1;
			}
			channel_session(to, id);
			rx->wrong += memcmp(got, id, 16) != 0 ||
			             get_be32(got + 16) != rx->next[stream] ||
			             len != 20 + get_be32(got + 16) % 500;
			rx->next[stream] += 2;
			rx->received++;
		}
	}
}

static void test_restarts_at_random_moments(void)
{
	static const struct lossy_config config = {.delay_ns = 5 * NS_PER_MS,
	                                           .drop = 0.03,
	                                           .reorder = 0.05,
	                                           .duplicate = 0.03,
	                                           .jitter_ns = 300 * NS_PER_MS};
	struct lossy_pair p;
	struct epoch tx[2] = {0}, rx[2] = {0};
	uint64_t seed = 7;

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &config, 7));
	for (int restart = 0; restart < 30; restart++) {
		uint32_t before[2] = {0};
		uint64_t quiet = lossy_random(&seed) % 600;

		for (uint64_t i = 0; i < quiet; i++) {
			epoch_step(&tx[0], p.a, &rx[0], p.b);
			epoch_step(&tx[1], p.b, &rx[1], p.a);
			lossy_pair_step(&p, NS_PER_MS);
		}
		if (lossy_random(&seed) & 1)
			lossy_pair_restart_a(&p);
		else
			lossy_pair_restart_b(&p);
		if (restart % 5 != 4)
			continue;
		/* Within a few seconds messages flow both ways. */
		for (int i = 0; i < 3000; i++) {
			if (i == 2500) {
				before[0] = rx[0].received;
				before[1] = rx[1].received;
			}
			epoch_step(&tx[0], p.a, &rx[0], p.b);
			epoch_step(&tx[1], p.b, &rx[1], p.a);
			lossy_pair_step(&p, NS_PER_MS);
		}
		CU_ASSERT(rx[0].received > before[0] + 200);
		CU_ASSERT(rx[1].received > before[1] + 200);
	}
	CU_ASSERT_EQUAL(rx[0].wrong + rx[1].wrong, 0);
	CU_ASSERT(rx[0].sessions > 5 && rx[1].sessions > 5);
	lossy_pair_fini(&p);
}

/* Five minutes without a path: at their end the ends have a session again. */
static void test_long_outage(void)
{
	static const struct lossy_config config = {.delay_ns = 10 * NS_PER_MS, .drop = 0.01};
	struct lossy_pair p;
	struct epoch tx[2] = {0}, rx[2] = {0};
	uint32_t before[2] = {0};

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &config, 8));
	for (int i = 0; i < 70000; i++) {
		p.ab.cut = p.ba.cut = i > 1000 && i < 61000;
		epoch_step(&tx[0], p.a, &rx[0], p.b);
		epoch_step(&tx[1], p.b, &rx[1], p.a);
		lossy_pair_step(&p, p.ab.cut ? 5 * NS_PER_MS : NS_PER_MS);
		if (i == 63000) {
			before[0] = rx[0].received;
			before[1] = rx[1].received;
			CU_ASSERT_EQUAL(stats(p.a).state, CHANNEL_UP);
			CU_ASSERT_EQUAL(stats(p.b).state, CHANNEL_UP);
		}
	}
	CU_ASSERT(rx[0].received > before[0] + 1000);
	CU_ASSERT(rx[1].received > before[1] + 1000);
	CU_ASSERT_EQUAL(rx[0].wrong + rx[1].wrong, 0);
	lossy_pair_fini(&p);
}

/* A path that is cut one way: neither end claims to be up. */
static void test_one_way_outage(void)
{
	for (int way = 0; way < 2; way++) {
		struct lossy_pair p;

		CU_ASSERT_TRUE_FATAL(lossy_pair_init(
		        &p, &(struct lossy_config){.delay_ns = 10 * NS_PER_MS}, 12));
		CU_ASSERT_TRUE_FATAL(lossy_pair_connect(&p, NS_PER_S));
		(way == 0 ? &p.ab : &p.ba)->cut = true;
		for (int i = 0; i < 5000; i++)
			lossy_pair_step(&p, NS_PER_MS);
		CU_ASSERT_NOT_EQUAL(stats(p.a).state, CHANNEL_UP);
		CU_ASSERT_NOT_EQUAL(stats(p.b).state, CHANNEL_UP);
		(way == 0 ? &p.ab : &p.ba)->cut = false;
		CU_ASSERT_TRUE(lossy_pair_connect(&p, 2 * NS_PER_S));
		CU_ASSERT_EQUAL(stats(p.a).sessions, 1);
		lossy_pair_fini(&p);
	}
}

static void test_idle_keeps_alive_and_quiet(void)
{
	struct lossy_pair p;
	uint64_t before;

	CU_ASSERT_TRUE_FATAL(
	        lossy_pair_init(&p, &(struct lossy_config){.delay_ns = 10 * NS_PER_MS}, 9));
	CU_ASSERT_TRUE_FATAL(lossy_pair_connect(&p, NS_PER_S));
	before = p.ab.sent;
	for (int i = 0; i < 60000; i++)
		lossy_pair_step(&p, NS_PER_MS);
	CU_ASSERT_EQUAL(stats(p.a).state, CHANNEL_UP);
	CU_ASSERT_EQUAL(stats(p.b).state, CHANNEL_UP);
	CU_ASSERT(p.ab.sent - before >= 120);
	CU_ASSERT(p.ab.sent - before < 300);
	CU_ASSERT(stats(p.a).rtt_min_ns >= 20 * NS_PER_MS);
	CU_ASSERT(stats(p.a).rtt_ns < 25 * NS_PER_MS);
	lossy_pair_fini(&p);
}

/*
 * B's reader polls from the session's start, ahead of A's first datagram: what B may send is what
 * the handshake, the keep-alives and the time-outs ask for, however often it is polled.
 */
static void test_starts_quietly(void)
{
	static const struct lossy_config config = {.delay_ns = 100 * NS_PER_MS};
	struct channel_stats b = {0};
	struct lossy_pair p;
	uint64_t hellos = 0, end;
	size_t len;

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &config, 13));
	end = p.now_ns + 5 * NS_PER_S;
	while (b.sessions == 0 && p.now_ns < end) {
		lossy_pair_step(&p, 20 * NS_PER_US);
		b = stats(p.b);
		hellos = p.ba.sent;
	}
	CU_ASSERT_EQUAL(b.sessions, 1);
	/* A round trip, and a second in which nothing of A's arrives. */
	p.ab.cut = true;
	lossy_wire_clear(&p.ab);
	for (int i = 0; i < 50000; i++) {
		for (int stream = 0; stream < CHANNEL_STREAMS; stream++)
			CU_ASSERT_PTR_NULL(channel_receive(p.b, stream, &len));
		lossy_pair_step(&p, 20 * NS_PER_US);
	}
	CU_ASSERT(p.ba.sent - hellos >= 2);
	CU_ASSERT(p.ba.sent - hellos < 12);
	p.ab.cut = false;
	CU_ASSERT_TRUE(lossy_pair_connect(&p, 2 * NS_PER_S));
	CU_ASSERT_EQUAL(stats(p.b).sessions, 1);
	lossy_pair_fini(&p);
}

UNIT_MAIN(UNIT(test_connects), UNIT(test_short_outage), UNIT(test_restarts_at_random_moments),
          UNIT(test_long_outage), UNIT(test_one_way_outage), UNIT(test_idle_keeps_alive_and_quiet),
          UNIT(test_starts_quietly))
