/* SPDX-License-Identifier: BSD-3-Clause */

/* A peer that address translation moves: where datagrams go is where the newest came from. */

#include <string.h>

#include "qkd-engine/channel.h"
#include "tests/unit/qkd-engine/lossy_wire.h"
#include "tests/unit/unit.h"

#define DATAGRAMS 64

/* A at places of which B knows what the wire says; B where A's configuration has it. */
static struct lossy_pair pair;
static struct channel_place a_at, last_to, seen;
static const struct channel_place configured, thief = {{6, 6, 6, 6, [17] = 6}};
/* What A said last. */
static uint8_t kept[CHANNEL_DATAGRAM_MAX];
static size_t kept_len;
static bool cut;

static struct channel_place place(uint8_t host, uint8_t port)
{
	return (struct channel_place){{192, 0, 2, host, [17] = port}};
}

static bool is(struct channel_place x)
{
	channel_peer(pair.b, &seen);
	return memcmp(&seen, &x, sizeof(x)) == 0;
}

static bool to(struct channel_place x)
{
	return memcmp(&last_to, &x, sizeof(x)) == 0;
}

/* What B sends to anywhere but where A is gets lost. */
static void step(uint64_t ns)
{
	uint8_t buf[CHANNEL_DATAGRAM_MAX];
	struct channel_place dest;
	size_t n;

	pair.now_ns += ns;
	for (int i = 0; i < DATAGRAMS && (n = channel_output(pair.a, buf, pair.now_ns)) > 0; i++) {
		memcpy(kept, buf, n);
		kept_len = n;
		if (!cut)
			channel_input_from(pair.b, buf, n, &a_at, pair.now_ns);
	}
	for (int i = 0;
	     i < DATAGRAMS && (n = channel_output_to(pair.b, buf, &dest, pair.now_ns)) > 0; i++) {
		last_to = dest;
		if (!cut && memcmp(&dest, &a_at, sizeof(dest)) == 0)
			channel_input(pair.a, buf, n, pair.now_ns);
	}
}

static void run(uint64_t seconds)
{
	for (unsigned int i = 0; i < seconds * 100; i++)
		step(10 * NS_PER_MS);
}

static bool both_up(void)
{
	struct channel_stats a, b;

	channel_stats_read(pair.a, &a);
	channel_stats_read(pair.b, &b);
	return a.state == CHANNEL_UP && b.state == CHANNEL_UP;
}

static struct channel_stats b_stats(void)
{
	struct channel_stats s;

	channel_stats_read(pair.b, &s);
	return s;
}

static void test_start(void)
{
	static const struct lossy_config config;

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&pair, &config, 7));
	a_at = place(1, 1);
	/* B is configured to find A elsewhere: its answers go where A asks from. */
	run(2);
	CU_ASSERT_TRUE(both_up());
	CU_ASSERT_TRUE(is(a_at));
	CU_ASSERT_EQUAL(b_stats().moves, 1);
	CU_ASSERT_EQUAL(b_stats().sessions, 1);
}

static void test_moves_within_a_session(void)
{
	a_at = place(1, 2);
	run(2);
	CU_ASSERT_TRUE(both_up());
	CU_ASSERT_TRUE(is(a_at));
	a_at = place(9, 200);
	run(2);
	CU_ASSERT_TRUE(both_up());
	CU_ASSERT_TRUE(is(a_at));
	CU_ASSERT_EQUAL(b_stats().moves, 3);
	CU_ASSERT_EQUAL(b_stats().sessions, 1);
}

/* Not twice within a second, whoever asks. */
static void test_not_twice_a_second(void)
{
	const struct channel_place home = a_at, away = place(10, 1);
	uint64_t moves = b_stats().moves, start = pair.now_ns;

	a_at = away;
	while (b_stats().moves == moves && pair.now_ns < start + 2 * NS_PER_S)
		step(10 * NS_PER_MS);
	CU_ASSERT_TRUE(is(away));
	start = pair.now_ns;
	a_at = home;
	while (b_stats().moves == moves + 1 && pair.now_ns < start + 5 * NS_PER_S)
		step(10 * NS_PER_MS);
	CU_ASSERT_TRUE(is(home));
	CU_ASSERT_TRUE(pair.now_ns >= start + CHANNEL_MOVE_NS);
	run(2);
	CU_ASSERT_TRUE(both_up());
}

static void test_forged_and_replayed(void)
{
	struct channel_stats before;
	uint8_t bad[CHANNEL_DATAGRAM_MAX];
	uint64_t moves = b_stats().moves;

	for (unsigned int i = 0; i < 300; i++) {
		step(10 * NS_PER_MS);
		if (kept_len == 0)
			continue;
		before = b_stats();
		channel_input_from(pair.b, kept, kept_len, &thief, pair.now_ns);
		CU_ASSERT_EQUAL(b_stats().replayed, before.replayed + 1);
		memcpy(bad, kept, kept_len);
		bad[kept_len - 1 - i % 16] ^= 1;
		channel_input_from(pair.b, bad, kept_len, &thief, pair.now_ns);
		CU_ASSERT_EQUAL(b_stats().bad_mac, before.bad_mac + 1);
	}
	CU_ASSERT_EQUAL(b_stats().moves, moves);
	CU_ASSERT_TRUE(is(a_at));
}

/* Authentic and never seen, but another came before it. */
static void test_held_back(void)
{
	uint8_t old[CHANNEL_DATAGRAM_MAX];
	uint64_t received;
	size_t n = 0;

	for (int i = 0; i < 200 && n == 0; i++) {
		pair.now_ns += 10 * NS_PER_MS;
		n = channel_output(pair.a, old, pair.now_ns);
	}
	CU_ASSERT_TRUE_FATAL(n > 0);
	run(1);
	received = b_stats().datagrams_received;
	channel_input_from(pair.b, old, n, &thief, pair.now_ns);
	CU_ASSERT_EQUAL(b_stats().datagrams_received, received + 1);
	CU_ASSERT_TRUE(is(a_at));
}

/* An INIT is authentic, but may be an old one: it is answered, and nothing moves. */
static void test_replayed_init(void)
{
	uint8_t init[CHANNEL_DATAGRAM_MAX], out[CHANNEL_DATAGRAM_MAX];
	struct channel_place dest;
	bool answered = false;
	size_t n, m;

	/* A has restarted and asks for a session. */
	lossy_pair_restart_a(&pair);
	n = channel_output(pair.a, init, pair.now_ns);
	CU_ASSERT_TRUE_FATAL(n > 0);
	channel_input_from(pair.b, init, n, &thief, pair.now_ns);
	while ((m = channel_output_to(pair.b, out, &dest, pair.now_ns)) > 0)
		answered |= memcmp(&dest, &thief, sizeof(dest)) == 0;
	CU_ASSERT_TRUE(answered);
	CU_ASSERT_TRUE(is(a_at));
	channel_output_to(pair.b, out, &dest, pair.now_ns + NS_PER_S);
	CU_ASSERT_EQUAL(memcmp(&dest, &a_at, sizeof(dest)), 0);
}

/* After a restart and a new mapping at once, as a translator's reboot looks. */
static void test_restart_elsewhere(void)
{
	uint64_t sessions = b_stats().sessions;

	a_at = place(77, 7);
	lossy_pair_restart_a(&pair);
	run(3);
	CU_ASSERT_TRUE(both_up());
	CU_ASSERT_TRUE(is(a_at));
	CU_ASSERT_TRUE(to(a_at));
	CU_ASSERT_EQUAL(b_stats().sessions, sessions + 1);
}

/* Nobody authenticates what names an unknown session: its answer does not go to whoever sent it. */
static void test_hint_goes_to_the_peer(void)
{
	uint8_t out[CHANNEL_DATAGRAM_MAX], bad[CHANNEL_DATAGRAM_MAX];
	struct channel_place dest;
	unsigned int sent = 0;

	memcpy(bad, kept, kept_len);
	bad[2] ^= 0x55;
	channel_input_from(pair.b, bad, kept_len, &thief, pair.now_ns);
	while (channel_output_to(pair.b, out, &dest, pair.now_ns) > 0) {
		CU_ASSERT_EQUAL(memcmp(&dest, &a_at, sizeof(dest)), 0);
		sent++;
	}
	CU_ASSERT_TRUE(sent > 0);
	CU_ASSERT_NOT_EQUAL(memcmp(&configured, &a_at, sizeof(a_at)), 0);
}

static void test_stop(void)
{
	lossy_pair_fini(&pair);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_moves_within_a_session), UNIT(test_not_twice_a_second),
          UNIT(test_forged_and_replayed), UNIT(test_held_back), UNIT(test_replayed_init),
          UNIT(test_restart_elsewhere), UNIT(test_hint_goes_to_the_peer), UNIT(test_stop))
