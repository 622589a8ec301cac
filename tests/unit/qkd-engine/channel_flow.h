/* SPDX-License-Identifier: BSD-3-Clause */

/* Flows of messages that check themselves, for the tests of the channel. */

#ifndef TESTS_CHANNEL_FLOW_H
#define TESTS_CHANNEL_FLOW_H

#include "common/bytes.h"
#include "tests/unit/qkd-engine/lossy_wire.h"

/* A sender of numbered messages whose every byte the receiver can check. */
struct flow {
	struct channel *from, *to;
	enum channel_stream stream;
	uint64_t sent, received, bytes, bad;
	size_t len_min, len_max;
};

/* Room for the largest message and a byte more. */
static uint8_t scratch[CHANNEL_MESSAGE_MAX + 1];

static inline size_t flow_len(const struct flow *f, uint64_t number)
{
	uint64_t s = number * 977 + (unsigned int)f->stream;

	return f->len_min + lossy_random(&s) % (f->len_max - f->len_min + 1);
}

static inline uint8_t flow_byte(uint64_t number, size_t i)
{
	return (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static inline void flow_make(uint64_t number, size_t len)
{
	put_be64(scratch, number);
	for (size_t i = 8; i < len; i++)
		scratch[i] = flow_byte(number, i);
}

/* Up to COUNT messages, until the buffer is full. */
static inline void flow_send(struct flow *f, uint64_t count)
{
	while (f->sent < count) {
		size_t len = flow_len(f, f->sent);

		flow_make(f->sent, len);
		if (channel_send(f->from, f->stream, scratch, len) != 0)
			return;
		f->sent++;
	}
}

static inline void flow_receive(struct flow *f)
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

static inline struct channel_stats stats(const struct channel *ch)
{
	struct channel_stats s;

	channel_stats_read(ch, &s);
	return s;
}

/* COUNT messages of each flow over PAIR; the time it took, or 0 when it took over LIMIT_NS. */
static inline uint64_t run_flows(struct lossy_pair *p, struct flow *flows, size_t n, uint64_t count,
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

#endif
