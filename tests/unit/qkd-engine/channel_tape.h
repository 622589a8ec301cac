/* SPDX-License-Identifier: BSD-3-Clause */

/* Two channels over a perfect wire, and a record of all that passed. */

#ifndef TESTS_CHANNEL_TAPE_H
#define TESTS_CHANNEL_TAPE_H

#include "qkd-engine/channel_internal.h"
#include "tests/unit/qkd-engine/lossy_wire.h"
#include "tests/unit/unit.h"

struct tape {
	struct {
		size_t len;
		uint8_t data[CHANNEL_DATAGRAM_MAX];
	} d[256];
	size_t count;
};

static struct tape to_a, to_b;

static inline struct channel_stats stats(const struct channel *ch)
{
	struct channel_stats s;

	channel_stats_read(ch, &s);
	return s;
}

static inline void record(struct channel *from, struct channel *to, struct tape *t, uint64_t now)
{
	uint8_t buf[CHANNEL_DATAGRAM_MAX];
	size_t n;

	while ((n = channel_output(from, buf, now)) > 0) {
		if (t->count < 256) {
			t->d[t->count].len = n;
			memcpy(t->d[t->count++].data, buf, n);
		}
		channel_input(to, buf, n, now);
	}
}

/* N steps of a millisecond over a perfect wire, recorded. */
static inline void run(struct lossy_pair *p, int n)
{
	while (n-- > 0) {
		p->now_ns += NS_PER_MS;
		record(p->a, p->b, &to_b, p->now_ns);
		record(p->b, p->a, &to_a, p->now_ns);
	}
}

static inline void start(struct lossy_pair *p, uint64_t seed)
{
	CU_ASSERT_TRUE_FATAL(lossy_pair_init(p, &(struct lossy_config){0}, seed));
	to_a.count = to_b.count = 0;
}

/* Both directions carry a message; the session did not change since ID. */
static inline void expect_alive(struct lossy_pair *p, const uint8_t id[16])
{
	uint8_t now[16];
	const uint8_t *m;
	size_t len;

	CU_ASSERT_TRUE(channel_session(p->a, now) && memcmp(now, id, 16) == 0);
	CU_ASSERT_TRUE(channel_session(p->b, now) && memcmp(now, id, 16) == 0);
	CU_ASSERT_EQUAL(channel_send(p->a, CHANNEL_QKD, "to b", 4), 0);
	CU_ASSERT_EQUAL(channel_send(p->b, CHANNEL_QKD, "to a", 4), 0);
	run(p, 20);
	m = channel_receive(p->b, CHANNEL_QKD, &len);
	CU_ASSERT_TRUE(m != NULL && len == 4 && memcmp(m, "to b", 4) == 0);
	m = channel_receive(p->a, CHANNEL_QKD, &len);
	CU_ASSERT_TRUE(m != NULL && len == 4 && memcmp(m, "to a", 4) == 0);
	CU_ASSERT_PTR_NULL(channel_receive(p->a, CHANNEL_QKD, &len));
	CU_ASSERT_PTR_NULL(channel_receive(p->b, CHANNEL_QKD, &len));
	CU_ASSERT_EQUAL(stats(p->a).state, CHANNEL_UP);
	CU_ASSERT_EQUAL(stats(p->b).state, CHANNEL_UP);
}

#endif
