/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/channel_rate.h"
#include "tests/unit/qkd-engine/channel_flow.h"
#include "tests/unit/unit.h"

/* Window: 10 MB/s through 5 % loss and 50 ms. */
static void test_carries_load_through_loss(void)
{
	static const struct lossy_config config = {.delay_ns = 25 * NS_PER_MS, .drop = 0.05};
	struct lossy_pair p;
	struct flow f[2];
	uint64_t took;

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &config, 11));
	CU_ASSERT_TRUE_FATAL(lossy_pair_connect(&p, 10 * NS_PER_S));
	for (int i = 0; i < 2; i++)
		f[i] = (struct flow){.from = i == 0 ? p.a : p.b,
		                     .to = i == 0 ? p.b : p.a,
		                     .stream = CHANNEL_QKD,
		                     .len_min = 100000,
		                     .len_max = 100000};
	took = run_flows(&p, f, 2, 200, 10 * NS_PER_S);
	CU_ASSERT(took > 0 && took < 2 * NS_PER_S);
	CU_ASSERT_EQUAL(f[0].bad + f[1].bad, 0);
	lossy_pair_fini(&p);
}

/*
 * At 5 % errors Cascade sends 0.31 bits each way for each sifted bit (row cascade/5 of the bench):
 * 100 Mb/s take 4 MB/s. The channel has fifteen times that and more at 1 and 10 ms round trip with
 * 0.1 % loss, both ways at once.
 */
static void test_carries_cascade(void)
{
	static const uint64_t delays_us[] = {500, 5000};

	for (unsigned int k = 0; k < 2; k++) {
		const struct lossy_config config = {.delay_ns = delays_us[k] * NS_PER_US,
		                                    .drop = 0.001};
		struct lossy_pair p;
		struct flow f[2];
		uint64_t start;
		double mb_s;

		CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &config, 61 + k));
		CU_ASSERT_TRUE_FATAL(lossy_pair_connect(&p, 10 * NS_PER_S));
		for (int i = 0; i < 2; i++)
			f[i] = (struct flow){.from = i == 0 ? p.a : p.b,
			                     .to = i == 0 ? p.b : p.a,
			                     .stream = CHANNEL_QKD,
			                     .len_min = 2000,
			                     .len_max = 20000};
		start = p.now_ns;
		while (p.now_ns < start + NS_PER_S / 2) {
			for (int i = 0; i < 2; i++) {
				flow_send(&f[i], UINT64_MAX);
				flow_receive(&f[i]);
			}
			lossy_pair_step(&p, 200 * NS_PER_US);
		}
		for (int i = 0; i < 2; i++) {
			mb_s = (double)f[i].bytes / (double)(p.now_ns - start) * 1e3;
			if (getenv("RIG_VERBOSE"))
				fprintf(stderr, "%u us: %.0f MB/s\n", (unsigned int)delays_us[k],
				        mb_s);
			CU_ASSERT(mb_s > 60);
			CU_ASSERT_EQUAL(f[i].bad, 0);
		}
		lossy_pair_fini(&p);
	}
}

/* A window's worth does not leave at one moment, and what waits is not called congestion. */
static void test_pacing(void)
{
	struct rate r;
	uint64_t now = NS_PER_S, sent = 0, at;

	rate_init(&r);
	r.slow_start = false;
	r.srtt_ns = 10 * NS_PER_MS;
	r.window_bytes = 1000 * CHANNEL_DATAGRAM_MAX;
	/* 5/4 of the window in a round trip: 175 MB/s. */
	for (uint64_t end = now + r.srtt_ns; now<end; now = at> now ? at : now) {
		at = rate_pace_at(&r, now);
		if (at > now)
			continue;
		rate_sent(&r, CHANNEL_DATAGRAM_MAX, now);
		sent++;
	}
	CU_ASSERT(sent > 1250 && sent < 1250 + 270);
	/* After silence a burst, not more. */
	now += NS_PER_S;
	for (sent = 0; rate_pace_at(&r, now) <= now && sent < 5000; sent++)
		rate_sent(&r, CHANNEL_DATAGRAM_MAX, now);
	CU_ASSERT(sent >= 250 && sent <= 251);
}

/* One round trip of COUNT datagrams in flight, LOST of them lost, after RTT. */
static void round_trip(struct rate *r, uint64_t *number, uint64_t count, uint64_t lost,
                       uint64_t rtt, uint64_t now)
{
	r->round_limited = true;
	r->in_flight_bytes += count * CHANNEL_DATAGRAM_MAX;
	*number += count;
	for (uint64_t i = count - lost; i > 0; i--) {
		rate_sample(r, rtt, 0, now);
		rate_acked(r, *number - i, CHANNEL_DATAGRAM_MAX, *number);
	}
	for (uint64_t i = 0; i < lost; i++)
		rate_lost(r, CHANNEL_DATAGRAM_MAX);
}

static void settle(struct rate *r, uint64_t *number)
{
	rate_init(r);
	for (uint64_t i = 0; i < 4; i++)
		round_trip(r, number, 100, 0, 20 * NS_PER_MS, i * 20 * NS_PER_MS);
}

static void test_window_grows_only_when_it_limits(void)
{
	struct rate r;
	uint64_t number = 1, before;

	settle(&r, &number);
	before = r.window_bytes;
	CU_ASSERT(before > 300 * CHANNEL_DATAGRAM_MAX);
	for (int i = 0; i < 3; i++) {
		r.in_flight_bytes = CHANNEL_DATAGRAM_MAX;
		r.round_limited = r.was_limited = false;
		number++;
		rate_acked(&r, number - 1, CHANNEL_DATAGRAM_MAX, number);
	}
	CU_ASSERT_EQUAL(r.window_bytes, before);
	CU_ASSERT_EQUAL(r.in_flight_bytes, 0);
}

/* The shares and factors of docs/protocol.md, section 1.6. */
static void test_window_and_loss(void)
{
	struct rate r;
	uint64_t number = 1, before;

	settle(&r, &number);
	before = r.window_bytes;
	round_trip(&r, &number, 200, 20, 20 * NS_PER_MS, NS_PER_S);
	round_trip(&r, &number, 200, 20, 20 * NS_PER_MS, NS_PER_S);
	CU_ASSERT(r.window_bytes >= before);
	before = r.window_bytes;
	round_trip(&r, &number, 200, 60, 20 * NS_PER_MS, NS_PER_S);
	round_trip(&r, &number, 200, 60, 20 * NS_PER_MS, NS_PER_S);
	CU_ASSERT(r.window_bytes < before);
	CU_ASSERT_FALSE(r.slow_start);
	before = r.window_bytes;
	r.round_lost = r.round_acked = 0;
	round_trip(&r, &number, 200, 0, 20 * NS_PER_MS, NS_PER_S);
	CU_ASSERT_EQUAL(r.window_bytes, before + 8 * CHANNEL_DATAGRAM_MAX);
}

static void test_window_and_queue(void)
{
	struct rate r;
	uint64_t number = 1, before;

	settle(&r, &number);
	round_trip(&r, &number, 100, 0, 29 * NS_PER_MS, NS_PER_S);
	CU_ASSERT_TRUE(r.slow_start);
	before = r.window_bytes;
	for (int i = 0; i < 60; i++)
		round_trip(&r, &number, 100, 0, 60 * NS_PER_MS, NS_PER_S);
	CU_ASSERT_FALSE(r.slow_start);
	CU_ASSERT(r.window_bytes < before);
	CU_ASSERT_EQUAL(r.window_bytes, 32 * CHANNEL_DATAGRAM_MAX);
	/* The path became longer for good: in 20 s that is its base. */
	for (int i = 0; i < 10; i++)
		round_trip(&r, &number, 100, 0, 60 * NS_PER_MS, 30 * NS_PER_S);
	CU_ASSERT(r.window_bytes > 32 * CHANNEL_DATAGRAM_MAX);
	CU_ASSERT_EQUAL(r.min_ns, 20 * NS_PER_MS);
}

static void test_round_trip_and_timeout(void)
{
	struct rate r;

	rate_init(&r);
	CU_ASSERT_EQUAL(rate_timeout_ns(&r), 200 * NS_PER_MS);
	rate_sample(&r, 30 * NS_PER_MS, 0, 1);
	CU_ASSERT_EQUAL(r.srtt_ns, 30 * NS_PER_MS);
	CU_ASSERT_EQUAL(r.rttvar_ns, 15 * NS_PER_MS);
	CU_ASSERT_EQUAL(rate_timeout_ns(&r), 100 * NS_PER_MS);
	/* The peer's delay counts only as far as the least round trip allows. */
	rate_sample(&r, 40 * NS_PER_MS, 5 * NS_PER_MS, 2);
	CU_ASSERT_EQUAL(r.latest_ns, 35 * NS_PER_MS);
	rate_sample(&r, 31 * NS_PER_MS, 20 * NS_PER_MS, 3);
	CU_ASSERT_EQUAL(r.latest_ns, 31 * NS_PER_MS);
	CU_ASSERT_EQUAL(r.min_ns, 30 * NS_PER_MS);
	rate_timeout(&r);
	CU_ASSERT_TRUE(r.window_bytes > 32 * CHANNEL_DATAGRAM_MAX);
	for (int i = 0; i < 20; i++)
		rate_timeout(&r);
	CU_ASSERT_EQUAL(rate_timeout_ns(&r), NS_PER_S);
	CU_ASSERT_EQUAL(r.window_bytes, 32 * CHANNEL_DATAGRAM_MAX);
	/* A path slower than the cap still has time to answer. */
	for (int i = 0; i < 100; i++)
		rate_sample(&r, 2 * NS_PER_S, 0, 4);
	CU_ASSERT(rate_timeout_ns(&r) > 2 * NS_PER_S);
	CU_ASSERT(rate_loss_delay_ns(&r) > 2 * NS_PER_S);
}

UNIT_MAIN(UNIT(test_carries_load_through_loss), UNIT(test_carries_cascade), UNIT(test_pacing),
          UNIT(test_window_grows_only_when_it_limits), UNIT(test_window_and_loss),
          UNIT(test_window_and_queue), UNIT(test_round_trip_and_timeout))
