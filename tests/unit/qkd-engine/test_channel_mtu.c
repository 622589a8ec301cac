/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/channel_mtu.h"
#include "tests/unit/qkd-engine/channel_flow.h"
#include "tests/unit/unit.h"

#define MESSAGE_BYTES 5000

static struct lossy_pair pair;
static uint64_t received[2];

static void path(size_t mtu)
{
	pair.ab.config.mtu = pair.ba.config.mtu = mtu;
}

/* Messages of several segments both ways, as sessions come and go. */
static void run_for(uint64_t ns)
{
	static uint8_t msg[MESSAGE_BYTES];

	for (uint64_t end = pair.now_ns + ns; pair.now_ns < end;) {
		for (int i = 0; i < 2; i++) {
			struct channel *from = i == 0 ? pair.a : pair.b;
			struct channel *to = i == 0 ? pair.b : pair.a;
			const uint8_t *m;
			size_t len;

			memset(msg, (int)(pair.now_ns >> 20), sizeof(msg));
			channel_send(from, CHANNEL_QKD, msg, sizeof(msg));
			while ((m = channel_receive(to, CHANNEL_QKD, &len)) != NULL) {
				CU_ASSERT_EQUAL(len, MESSAGE_BYTES);
				CU_ASSERT_EQUAL(memcmp(m, m + 1, len - 1), 0);
				received[i]++;
			}
		}
		lossy_pair_step(&pair, 5 * NS_PER_MS);
	}
}

static void start(const struct lossy_config *config, uint64_t seed)
{
	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&pair, config, seed));
	received[0] = received[1] = 0;
}

static void check_path(uint16_t bytes, uint64_t reductions)
{
	CU_ASSERT_EQUAL(stats(pair.a).datagram_bytes, bytes);
	CU_ASSERT_EQUAL(stats(pair.b).datagram_bytes, bytes);
	CU_ASSERT(stats(pair.a).mtu_reductions + stats(pair.b).mtu_reductions <= 2 * reductions);
	CU_ASSERT(stats(pair.a).mtu_reductions + stats(pair.b).mtu_reductions >= reductions);
}

/* Narrow from the start: found within seconds, and used as far as it goes. */
static void test_narrow_paths(void)
{
	static const struct {
		size_t path;
		uint16_t found;
	} paths[] = {{1232, 1232}, {1300, 1232}, {1372, 1372}, {1360, 1352}};

	for (unsigned int i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const struct lossy_config config = {.delay_ns = 5 * NS_PER_MS,
		                                    .mtu = paths[i].path};

		start(&config, 20 + i);
		run_for(15 * NS_PER_S);
		check_path(paths[i].found, 1);
		received[0] = received[1] = 0;
		run_for(2 * NS_PER_S);
		CU_ASSERT(received[0] > 380 && received[1] > 380);
		lossy_pair_fini(&pair);
	}
}

/* The path shrinks under a session, which ends; and grows under another, which goes on. */
static void test_a_path_that_changes(void)
{
	static const struct lossy_config config = {.delay_ns = 5 * NS_PER_MS, .drop = 0.01};
	uint64_t sessions;

	start(&config, 31);
	run_for(3 * NS_PER_S);
	check_path(CHANNEL_DATAGRAM_MAX, 0);
	path(1320);
	run_for(10 * NS_PER_S);
	check_path(1312, 1);
	received[0] = received[1] = 0;
	run_for(NS_PER_S);
	CU_ASSERT(received[0] > 180 && received[1] > 180);
	sessions = stats(pair.a).sessions;
	path(0);
	run_for(620 * NS_PER_S);
	check_path(CHANNEL_DATAGRAM_MAX, 1);
	CU_ASSERT_EQUAL(stats(pair.a).sessions, sessions);
	lossy_pair_fini(&pair);
}

/* Loss of any datagrams is no black hole, be it heavy, an outage, or in one direction. */
static void test_loss_is_no_black_hole(void)
{
	static const struct lossy_config config = {
	        .delay_ns = 25 * NS_PER_MS, .drop = 0.05, .reorder = 0.05, .duplicate = 0.02};

	start(&config, 41);
	run_for(60 * NS_PER_S);
	pair.ab.config.drop = 0.3;
	run_for(10 * NS_PER_S);
	pair.ab.config.drop = 0.05;
	for (int i = 0; i < 5; i++) {
		pair.ab.cut = true;
		pair.ba.cut = i % 2 == 0;
		run_for(2 * NS_PER_S);
		pair.ab.cut = pair.ba.cut = false;
		run_for(2 * NS_PER_S);
	}
	check_path(CHANNEL_DATAGRAM_MAX, 0);
	CU_ASSERT_EQUAL(stats(pair.a).sessions, 1);
	lossy_pair_fini(&pair);
}

/* A message of the greatest length in the shortest segments fits what the receiver keeps. */
static void test_longest_message_in_shortest_segments(void)
{
	static const struct lossy_config config = {.delay_ns = NS_PER_MS, .mtu = PATH_MTU_BASE};
	struct flow f;

	start(&config, 51);
	run_for(5 * NS_PER_S);
	check_path(PATH_MTU_BASE, 1);
	f = (struct flow){.from = pair.a,
	                  .to = pair.b,
	                  .stream = CHANNEL_CONTROL,
	                  .len_min = CHANNEL_MESSAGE_MAX,
	                  .len_max = CHANNEL_MESSAGE_MAX};
	CU_ASSERT(run_flows(&pair, &f, 1, 4, 5 * NS_PER_S) > 0);
	CU_ASSERT_EQUAL(f.bad, 0);
	lossy_pair_fini(&pair);
}

UNIT_MAIN(UNIT(test_narrow_paths), UNIT(test_a_path_that_changes), UNIT(test_loss_is_no_black_hole),
          UNIT(test_longest_message_in_shortest_segments))
