/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/channel.h"
#include "tests/unit/qkd-engine/lossy_wire.h"
#include "tests/unit/unit.h"

#include <errno.h>

#include "common/bytes.h"

/* A sender of numbered messages whose every byte the receiver can check. */
struct flow {
	struct channel *from, *to;
	enum channel_stream stream;
	uint64_t sent, received, bytes, bad;
	size_t len_min, len_max;
};

static uint8_t *scratch;

static size_t flow_len(const struct flow *f, uint64_t number)
{
	uint64_t s = number * 977 + (unsigned int)f->stream;

	return f->len_min + lossy_random(&s) % (f->len_max - f->len_min + 1);
}

static uint8_t flow_byte(uint64_t number, size_t i)
{
	return (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static void flow_make(uint64_t number, size_t len)
{
	put_be64(scratch, number);
	for (size_t i = 8; i < len; i++)
		scratch[i] = flow_byte(number, i);
}

/* Up to COUNT messages, until the buffer is full. */
static void flow_send(struct flow *f, uint64_t count)
{
	while (f->sent < count) {
		size_t len = flow_len(f, f->sent);

		flow_make(f->sent, len);
		if (channel_send(f->from, f->stream, scratch, len) != 0)
			return;
		f->sent++;
	}
}

static void flow_receive(struct flow *f)
{
	const uint8_t *m;
	size_t len;

	while ((m = channel_receive(f->to, f->stream, &len)) != NULL) {
		uint64_t number = f->received++;
		bool good = len == flow_len(f, number) && get_be64(m) == number;

		for (size_t i = 8; good && i < len; i++)
			good = m[i] == flow_byte(number, i);
		f->bad += !good;
		f->bytes += len;
	}
}

static struct channel_stats stats(const struct channel *ch)
{
	struct channel_stats s;

	channel_stats_read(ch, &s);
	return s;
}

/* COUNT messages of each flow over PAIR; the time it took, or 0 when it took over LIMIT_NS. */
static uint64_t run_flows(struct lossy_pair *p, struct flow *flows, size_t n, uint64_t count,
                          uint64_t limit_ns)
{
	uint64_t start = p->now_ns;
	bool done = false;

	while (!done && p->now_ns < start + limit_ns) {
		done = true;
		for (size_t i = 0; i < n; i++)
			flow_send(&flows[i], count);
		lossy_pair_step(p, 500 * NS_PER_US);
		for (size_t i = 0; i < n; i++) {
			flow_receive(&flows[i]);
			done = done && flows[i].received == count;
		}
	}
	return done ? p->now_ns - start : 0;
}

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

__attribute__((constructor)) static void make_scratch(void)
{
	scratch = malloc(CHANNEL_MESSAGE_MAX);
}

UNIT_MAIN(UNIT(test_lossless), UNIT(test_bad_network))
