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

/* A minute without light: by its end the ends agree on a session again. */
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
		lossy_pair_step(&p, NS_PER_MS);
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

__attribute__((constructor)) static void make_scratch(void)
{
	scratch = malloc(CHANNEL_MESSAGE_MAX + 1);
}

UNIT_MAIN(UNIT(test_lossless), UNIT(test_bad_network), UNIT(test_connects),
          UNIT(test_large_messages), UNIT(test_empty_message_and_pieces),
          UNIT(test_control_goes_first), UNIT(test_slow_reader), UNIT(test_short_outage),
          UNIT(test_restarts_at_random_moments), UNIT(test_long_outage),
          UNIT(test_idle_keeps_alive_and_quiet), UNIT(test_waits_for_randomness),
          UNIT(test_carries_load_through_loss))
