/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What forgeries cost, and what a peer can do who holds the link's secret: memory and time stay
 * bounded, whatever it sends and whatever it does not read.
 */

#include <malloc.h>
#include <time.h>

#include "qkd-engine/channel_internal.h"
#include "tests/unit/qkd-engine/channel_flow.h"
#include "tests/unit/unit.h"

#ifdef __SANITIZE_ADDRESS__
#define TIMES 30 /* the cipher's code is as fast as ever, the rest is not */
#else
#define TIMES 2
#endif
#define ROUND   2000
#define SAMPLES 7

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void start(struct lossy_pair *p, uint64_t seed)
{
	static const struct lossy_config config = {.send_buffer_bytes = 1};

	CU_ASSERT_TRUE_FATAL(lossy_pair_init(p, &config, seed));
	CU_ASSERT_TRUE_FATAL(lossy_pair_connect(p, NS_PER_S));
}

/* A datagram of the live session and full length, as good as one without the key can make it. */
static size_t forge(const struct lossy_pair *p, uint64_t *state, uint8_t *buf)
{
	size_t n = wire_put_data_head(buf, p->b->current.id, p->b->rx.largest + 1);

	while (n < CHANNEL_DATAGRAM_MAX)
		buf[n++] = (uint8_t)lossy_random(state);
	return n;
}

/* Nanoseconds of a GMAC over such a datagram, the check that cannot be spared. */
static double gmac_ns(struct lossy_pair *p, uint8_t *buf, size_t len)
{
	struct wire_datagram d;
	uint64_t start = cpu_ns();
	unsigned int right = 0;

	CU_ASSERT_EQUAL(wire_parse(buf, len, &d), 0);
	for (int i = 0; i < ROUND; i++)
		right += session_open_data(p->b, &p->b->current, buf, &d);
	CU_ASSERT_EQUAL(right, 0);
	return (double)(cpu_ns() - start) / ROUND;
}

static double input_ns(struct lossy_pair *p, uint8_t *buf, size_t len)
{
	uint8_t out[CHANNEL_DATAGRAM_MAX];
	uint64_t start = cpu_ns();

	for (int i = 0; i < ROUND; i++) {
		channel_input(p->b, buf, len, p->now_ns);
		channel_output(p->b, out, p->now_ns);
	}
	return (double)(cpu_ns() - start) / ROUND;
}

/* The least of several samples is what the code takes; the others are what the machine adds. */
static void test_a_forgery_costs_its_tag(void)
{
	struct lossy_pair p;
	uint8_t full[CHANNEL_DATAGRAM_MAX], stray[CHANNEL_DATAGRAM_MAX], junk[CHANNEL_DATAGRAM_MAX];
	double tag = 1e9, cost[3] = {1e9, 1e9, 1e9};
	uint64_t state = 3, bad;
	size_t len;

	start(&p, 71);
	bad = stats(p.b).bad_mac;
	len = forge(&p, &state, full);
	memcpy(stray, full, len);
	stray[2] ^= 1; /* of another session */
	memcpy(junk, full, len);
	junk[1] ^= 1;
	for (int i = 0; i < SAMPLES; i++) {
		uint8_t *const forged[] = {full, stray, junk};
		double ns = gmac_ns(&p, full, len);

		tag = ns < tag ? ns : tag;
		for (int k = 0; k < 3; k++) {
			ns = input_ns(&p, forged[k], len);
			cost[k] = ns < cost[k] ? ns : cost[k];
		}
	}
	if (getenv("RIG_VERBOSE"))
		fprintf(stderr, "tag %.0f ns; forged %.0f, of no session %.0f, junk %.0f\n", tag,
		        cost[0], cost[1], cost[2]);
	/* The budget: what does not name the session costs less than a tag, what does two. */
	CU_ASSERT(cost[0] < TIMES * tag);
	CU_ASSERT(cost[1] < TIMES / 2 * tag);
	CU_ASSERT(cost[2] < TIMES / 2 * tag);
	CU_ASSERT_EQUAL(stats(p.b).bad_mac - bad, ROUND * SAMPLES);
	CU_ASSERT_EQUAL(stats(p.b).sessions, 1);
	lossy_pair_fini(&p);
}

/* One datagram under the right tag of A. */
static void say(struct lossy_pair *p, const uint8_t *frames, size_t len, uint64_t number)
{
	uint8_t buf[CHANNEL_DATAGRAM_MAX];
	size_t n;

	if (!p->a->current.valid)
		return;
	n = wire_put_data_head(buf, p->a->current.id, number);
	memcpy(buf + n, frames, len);
	n = session_seal_data(p->a, &p->a->current, buf, n + len, number);
	channel_input(p->b, buf, n, p->now_ns);
}

static size_t segment(uint8_t *out, enum channel_stream stream, uint64_t seq, uint8_t flags,
                      uint16_t len)
{
	const struct wire_segment g = {.stream = stream, .flags = flags, .seq = seq, .len = len};
	size_t n = wire_put_segment_head(out, &g);

	memset(out + n, (int)seq, len);
	return n + len;
}

enum abuse {
	NEVER_READ,  /* whole messages that nobody takes */
	ENDLESS,     /* a message without an end */
	HOLES,       /* every second segment */
	SAME_AGAIN,  /* one segment over and over, in new datagrams */
	FAR_NUMBERS, /* datagram numbers that leap */
	WILD_ACKS,   /* acknowledgements of all and of nothing */
	ALL_PINGS,   /* that ask for an answer each */
	ABUSES
};

static size_t abuse_frames(enum abuse how, uint64_t i, uint64_t *state, struct lossy_pair *p,
                           uint8_t *out)
{
	struct wire_ack ack = {.limit = {UINT64_MAX, lossy_random(state)},
	                       .words = WIRE_ACK_WORDS_MAX};

	switch (how) {
	case NEVER_READ:
		return segment(out, CHANNEL_QKD, i, WIRE_SEGMENT_FIRST | WIRE_SEGMENT_LAST, 1280);
	case ENDLESS:
		return segment(out, CHANNEL_QKD, i, i == 0 ? WIRE_SEGMENT_FIRST : 0, 1280);
	case HOLES:
		return segment(out, CHANNEL_QKD, 2 * i + 1, 0, 1280);
	case SAME_AGAIN:
		return segment(out, CHANNEL_CONTROL, 5, 0, 1280);
	case WILD_ACKS:
		ack.largest = p->b->tx.next_number - 1 + lossy_random(state) % 2;
		for (unsigned int w = 0; w < ack.words; w++)
			ack.word[w] = lossy_random(state);
		return wire_put_ack(out, &ack);
	default:
		out[0] = WIRE_FRAME_PING;
		return 1;
	}
}

static void test_an_authentic_peer_is_bounded(void)
{
	static uint8_t msg[3000];

	for (int how = 0; how < ABUSES; how++) {
		uint8_t frames[CHANNEL_DATAGRAM_MAX], out[CHANNEL_DATAGRAM_MAX];
		uint64_t state = 5 + (uint64_t)how, number, begin, sent = 0, took;
		struct lossy_pair p;
		size_t before;

		start(&p, 80 + (uint64_t)how);
		number = p.a->tx.next_number;
		before = mallinfo2().uordblks;
		begin = cpu_ns();
		for (uint64_t i = 0; i < 20000; i++) {
			size_t n = abuse_frames((enum abuse)how, i, &state, &p, frames);

			if (how == FAR_NUMBERS)
				number += lossy_random(&state) % 100000;
			say(&p, frames, n, ++number);
			/* The honest end wants to send, and nothing is acknowledged. */
			channel_send(p.b, CHANNEL_QKD, msg, sizeof(msg));
			p.now_ns += 10 * NS_PER_US;
			sent += channel_output(p.b, out, p.now_ns) > 0;
		}
		took = cpu_ns() - begin;
		if (getenv("RIG_VERBOSE"))
			fprintf(stderr, "abuse %d: %.2f us a datagram, %llu answers, %zd bytes\n",
			        how, (double)took / 20000e3, (unsigned long long)sent,
			        (ssize_t)(mallinfo2().uordblks - before));
		/* All memory is there from the start. */
		CU_ASSERT(mallinfo2().uordblks <= before + 4096);
		CU_ASSERT(took / 20000 < 100 * NS_PER_US);
		CU_ASSERT(sent <= 20000);
		CU_ASSERT(channel_unacked(p.b, CHANNEL_QKD) <= 2 * CHANNEL_MESSAGE_MAX);
		/* What breaks the rules of streams ends the session, and only that. */
		CU_ASSERT_EQUAL(stats(p.b).protocol_errors,
		                how == NEVER_READ || how == ENDLESS || how == HOLES);
		/* An honest peer in its place is served. */
		lossy_pair_restart_a(&p);
		CU_ASSERT_TRUE(lossy_pair_connect(&p, 5 * NS_PER_S));
		lossy_pair_fini(&p);
	}
}

UNIT_MAIN(UNIT(test_a_forgery_costs_its_tag), UNIT(test_an_authentic_peer_is_bounded))
