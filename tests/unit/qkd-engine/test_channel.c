/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/channel.h"
#include "tests/unit/qkd-engine/channel_flow.h"
#include "tests/unit/unit.h"

#include <errno.h>

static void both_ways(const struct lossy_config *config, uint64_t seed, uint64_t count,
                      size_t len_max, uint64_t limit_ns)
{
	struct lossy_pair p;
	struct flow flows[4];

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, config, seed));
	CU_ASSERT_TRUE_FATAL(lossy_pair_connect(&p, 10 * NS_PER_S));
	for (int i = 0; i < 4; i++)
		flows[i] = (struct flow){.from = i < 2 ? p.a : p.b,
		                         .to = i < 2 ? p.b : p.a,
		                         .stream = i % 2,
		                         .len_min = 8,
		                         .len_max = len_max};
	CU_ASSERT_NOT_EQUAL(run_flows(&p, flows, 4, count, limit_ns), 0);
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(flows[i].received, count);
		CU_ASSERT_EQUAL(flows[i].bad, 0);
	}
	CU_ASSERT_EQUAL(stats(p.a).sessions, 1);
	CU_ASSERT_EQUAL(stats(p.b).sessions, 1);
	CU_ASSERT_EQUAL(stats(p.a).protocol_errors + stats(p.b).protocol_errors, 0);
	lossy_pair_fini(&p);
}

static void test_lossless(void)
{
	struct lossy_pair p;
	uint8_t id_a[16], id_b[16];

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &(struct lossy_config){.delay_ns = NS_PER_MS}, 1));
	CU_ASSERT_EQUAL(channel_send(p.a, CHANNEL_QKD, "x", 1), -ENOTCONN);
	CU_ASSERT_FALSE(channel_session(p.a, id_a));
	CU_ASSERT_TRUE_FATAL(lossy_pair_connect(&p, 50 * NS_PER_MS));
	CU_ASSERT_TRUE(channel_session(p.a, id_a));
	CU_ASSERT_TRUE(channel_session(p.b, id_b));
	CU_ASSERT_EQUAL(memcmp(id_a, id_b, 16), 0);
	lossy_pair_fini(&p);
	both_ways(&(struct lossy_config){.delay_ns = NS_PER_MS}, 2, 300, 4000, NS_PER_S);
}

static void test_bad_network(void)
{
	static const struct lossy_config bad = {.delay_ns = 25 * NS_PER_MS,
	                                        .drop = 0.05,
	                                        .duplicate = 0.03,
	                                        .reorder = 0.1,
	                                        .jitter_ns = 10 * NS_PER_MS,
	                                        .corrupt = 0.01};

	for (uint64_t seed = 1; seed <= 4; seed++)
		both_ways(&bad, seed, 200, 9000, 20 * NS_PER_S);
}

static void test_large_messages(void)
{
	static const struct lossy_config config = {.delay_ns = 2 * NS_PER_MS, .drop = 0.02};
	struct lossy_pair p;
	struct flow f[2];

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &config, 3));
	CU_ASSERT_TRUE_FATAL(lossy_pair_connect(&p, 10 * NS_PER_S));
	for (int i = 0; i < 2; i++)
		f[i] = (struct flow){.from = p.a,
		                     .to = p.b,
		                     .stream = i,
		                     .len_min = CHANNEL_MESSAGE_MAX - (unsigned int)i,
		                     .len_max = CHANNEL_MESSAGE_MAX};
	CU_ASSERT_EQUAL(channel_send(p.a, CHANNEL_QKD, scratch, CHANNEL_MESSAGE_MAX + 1),
	                -EMSGSIZE);
	CU_ASSERT_NOT_EQUAL(run_flows(&p, f, 2, 7, 30 * NS_PER_S), 0);
	CU_ASSERT_EQUAL(f[0].bad + f[1].bad, 0);
	CU_ASSERT_EQUAL(channel_unacked(p.a, CHANNEL_QKD) > 0, true);
	for (int i = 0; i < 1000 && channel_unacked(p.a, CHANNEL_QKD) > 0; i++)
		lossy_pair_step(&p, NS_PER_MS);
	CU_ASSERT_EQUAL(channel_unacked(p.a, CHANNEL_QKD), 0);
	CU_ASSERT_EQUAL(channel_unacked(p.a, CHANNEL_CONTROL), 0);
	lossy_pair_fini(&p);
}

static void test_empty_message_and_pieces(void)
{
	static const struct channel_piece pieces[] = {{"photons", 7}, {NULL, 0}, {"!", 1}};
	struct lossy_pair p;
	const uint8_t *m;
	size_t len = 9;

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &(struct lossy_config){0}, 3));
	CU_ASSERT_TRUE_FATAL(lossy_pair_connect(&p, NS_PER_S));
	CU_ASSERT_EQUAL(channel_send(p.b, CHANNEL_CONTROL, NULL, 0), 0);
	CU_ASSERT_EQUAL(channel_send_pieces(p.b, CHANNEL_CONTROL, pieces, 3), 0);
	for (int i = 0; i < 5; i++)
		lossy_pair_step(&p, NS_PER_MS);
	CU_ASSERT_PTR_NOT_NULL(channel_receive(p.a, CHANNEL_CONTROL, &len));
	CU_ASSERT_EQUAL(len, 0);
	m = channel_receive(p.a, CHANNEL_CONTROL, &len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(len, 8);
	CU_ASSERT_EQUAL(memcmp(m, "photons!", 8), 0);
	CU_ASSERT_PTR_NULL(channel_receive(p.a, CHANNEL_CONTROL, &len));
	lossy_pair_fini(&p);
}

/* CONTROL does not wait behind megabytes of QKD. */
static void test_control_goes_first(void)
{
	static const struct lossy_config config = {.delay_ns = 10 * NS_PER_MS};
	struct lossy_pair p;
	struct flow bulk, control;
	uint64_t asked, took;

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &config, 4));
	CU_ASSERT_TRUE_FATAL(lossy_pair_connect(&p, NS_PER_S));
	bulk = (struct flow){.from = p.a,
	                     .to = p.b,
	                     .stream = CHANNEL_QKD,
	                     .len_min = 1 << 19,
	                     .len_max = 1 << 19};
	control = (struct flow){.from = p.a, .to = p.b, .len_min = 100, .len_max = 100};
	flow_send(&bulk, 15);
	for (int i = 0; i < 30; i++)
		lossy_pair_step(&p, NS_PER_MS);
	CU_ASSERT(channel_unacked(p.a, CHANNEL_QKD) > 5 << 20);
	asked = p.now_ns;
	took = run_flows(&p, &control, 1, 1, NS_PER_S);
	CU_ASSERT(took > 0);
	CU_ASSERT(p.now_ns - asked < 12 * NS_PER_MS);
	CU_ASSERT_NOT_EQUAL(run_flows(&p, &bulk, 1, 15, 10 * NS_PER_S), 0);
	CU_ASSERT_EQUAL(bulk.bad + control.bad, 0);
	lossy_pair_fini(&p);
}

/* A reader that sleeps stops the sender, loses nothing, and does not stop the other stream. */
static void test_slow_reader(void)
{
	static const struct lossy_config config = {.delay_ns = 5 * NS_PER_MS, .drop = 0.02};
	struct lossy_pair p;
	struct flow bulk, control;

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &config, 5));
	CU_ASSERT_TRUE_FATAL(lossy_pair_connect(&p, 10 * NS_PER_S));
	bulk = (struct flow){
	        .from = p.a, .to = p.b, .stream = CHANNEL_QKD, .len_min = 1000, .len_max = 90000};
	control = (struct flow){.from = p.a, .to = p.b, .len_min = 8, .len_max = 600};
	for (int i = 0; i < 6000; i++) {
		flow_send(&bulk, 400);
		lossy_pair_step(&p, NS_PER_MS);
	}
	CU_ASSERT(bulk.sent < 400);
	CU_ASSERT_EQUAL(channel_send(p.a, CHANNEL_QKD, scratch, 90000), -EAGAIN);
	CU_ASSERT_NOT_EQUAL(run_flows(&p, &control, 1, 100, NS_PER_S), 0);
	CU_ASSERT_NOT_EQUAL(run_flows(&p, &bulk, 1, 400, 20 * NS_PER_S), 0);
	CU_ASSERT_EQUAL(bulk.bad + control.bad, 0);
	CU_ASSERT_EQUAL(stats(p.b).protocol_errors, 0);
	CU_ASSERT_EQUAL(stats(p.a).sessions, 1);
	lossy_pair_fini(&p);
}

static int fill_fails(void *ctx, void *buf, size_t n)
{
	int *left = ctx;

	if (*left > 0) {
		(*left)--;
		return -EAGAIN;
	}
	random_bytes(buf, n);
	return 0;
}

static void test_waits_for_randomness(void)
{
	struct lossy_pair p;
	int left = 20;

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(&p, &(struct lossy_config){0}, 10));
	p.random = (struct random_source){.name = "late", .fill = fill_fails, .ctx = &left};
	CU_ASSERT_TRUE(lossy_pair_connect(&p, 2 * NS_PER_S));
	CU_ASSERT_EQUAL(left, 0);
	lossy_pair_fini(&p);
}

UNIT_MAIN(UNIT(test_lossless), UNIT(test_bad_network), UNIT(test_large_messages),
          UNIT(test_empty_message_and_pieces), UNIT(test_control_goes_first),
          UNIT(test_slow_reader), UNIT(test_waits_for_randomness))
