/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One direction of a bad network in memory, and two channels joined by two of them, on a
 * clock that the test moves:
 *
 *     struct lossy_pair p;
 *
 *     lossy_pair_init(&p, &(struct lossy_config){.delay_ns = 10 * NS_PER_MS, .drop = 0.05}, 1);
 *     while (!done && p.now_ns < 10 * NS_PER_S)
 *             lossy_pair_step(&p, 100 * NS_PER_US), ... use p.a and p.b ...
 *     lossy_pair_fini(&p);
 *
 * The same seed gives the same run: randomness for the channels comes from it, too.
 */

#ifndef TESTS_LOSSY_WIRE_H
#define TESTS_LOSSY_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "common/secret.h"
#include "qkd-engine/channel.h"

struct lossy_config {
	uint64_t delay_ns;  /* one way */
	uint64_t jitter_ns; /* reordered datagrams are late by up to this; 0: DELAY_NS + 1 ms */
	size_t mtu;         /* bytes of the longest datagram that passes; 0: any */
	double drop, duplicate, reorder, corrupt; /* probabilities of each datagram */
	uint32_t send_buffer_bytes;               /* of the channels of a pair; 0: their default */
};

struct lossy_datagram {
	uint64_t due_ns, order;
	size_t len;
	uint8_t data[CHANNEL_DATAGRAM_MAX];
};

struct lossy_wire {
	struct lossy_config config;
	uint64_t state; /* of the generator */
	struct lossy_datagram **heap;
	size_t count, cap;
	uint64_t order, sent, dropped, duplicated, reordered, corrupted;
	bool cut; /* everything sent is lost */
};

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static inline uint64_t lossy_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline bool lossy_chance(uint64_t *state, double p)
{
	return (double)(lossy_random(state) >> 11) * 0x1p-53 < p;
}

static inline void lossy_wire_init(struct lossy_wire *w, const struct lossy_config *config,
                                   uint64_t seed)
{
	*w = (struct lossy_wire){.config = *config, .state = seed};
}

/* Lose what is under way. */
static inline void lossy_wire_clear(struct lossy_wire *w)
{
	while (w->count > 0)
		free(w->heap[--w->count]);
}

static inline void lossy_wire_fini(struct lossy_wire *w)
{
	lossy_wire_clear(w);
	free(w->heap);
	w->heap = NULL;
	w->cap = 0;
}

static inline bool lossy_before(const struct lossy_datagram *x, const struct lossy_datagram *y)
{
	return x->due_ns != y->due_ns ? x->due_ns < y->due_ns : x->order < y->order;
}

static inline void lossy_push(struct lossy_wire *w, const uint8_t *data, size_t len,
                              uint64_t due_ns)
{
	struct lossy_datagram *d = malloc(sizeof(*d));
	size_t i = w->count++;

	if (w->count > w->cap) {
		w->cap = w->cap == 0 ? 256 : 2 * w->cap;
		w->heap = realloc(w->heap, w->cap * sizeof(struct lossy_datagram *));
	}
	if (d == NULL || w->heap == NULL)
		abort();
	d->due_ns = due_ns;
	d->order = w->order++;
	d->len = len;
	memcpy(d->data, data, len);
	for (; i > 0 && lossy_before(d, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = d;
}

static inline struct lossy_datagram *lossy_pop(struct lossy_wire *w)
{
	struct lossy_datagram *top = w->heap[0], *last = w->heap[--w->count];
	size_t i = 0, c;

	while ((c = 2 * i + 1) < w->count) {
		if (c + 1 < w->count && lossy_before(w->heap[c + 1], w->heap[c]))
			c++;
		if (!lossy_before(w->heap[c], last))
			break;
		w->heap[i] = w->heap[c];
		i = c;
	}
	w->heap[i] = last;
	return top;
}

static inline void lossy_wire_send(struct lossy_wire *w, const uint8_t *data, size_t len,
                                   uint64_t now_ns)
{
	const struct lossy_config *c = &w->config;
	uint64_t jitter = c->jitter_ns != 0 ? c->jitter_ns : c->delay_ns + NS_PER_MS;
	uint8_t bad[CHANNEL_DATAGRAM_MAX];
	unsigned int copies = 1;

	w->sent++;
	if (w->cut || (c->mtu != 0 && len > c->mtu) || lossy_chance(&w->state, c->drop)) {
		w->dropped++;
		return;
	}
	if (lossy_chance(&w->state, c->duplicate)) {
		w->duplicated++;
		copies = 2;
	}
	while (copies-- > 0) {
		uint64_t due = now_ns + c->delay_ns;
		const uint8_t *sent = data;

		if (lossy_chance(&w->state, c->reorder)) {
			w->reordered++;
			due += lossy_random(&w->state) % jitter;
		}
		if (lossy_chance(&w->state, c->corrupt)) {
			w->corrupted++;
			memcpy(bad, data, len);
			bad[lossy_random(&w->state) % len] ^= (uint8_t)(1u << w->state % 8);
			sent = bad;
		}
		lossy_push(w, sent, len, due);
	}
}

/* The next datagram that is due: its length, or 0. BUF: CHANNEL_DATAGRAM_MAX. */
static inline size_t lossy_wire_receive(struct lossy_wire *w, uint8_t *buf, uint64_t now_ns)
{
	struct lossy_datagram *d;
	size_t len;

	if (w->count == 0 || w->heap[0]->due_ns > now_ns)
		return 0;
	d = lossy_pop(w);
	len = d->len;
	memcpy(buf, d->data, len);
	free(d);
	return len;
}

struct lossy_pair {
	struct channel *a, *b; /* A initiates */
	struct lossy_wire ab, ba;
	uint64_t now_ns;
	struct random_source random;
	uint64_t random_state;
	struct channel_config config_a, config_b;
};

static inline int lossy_fill(void *ctx, void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)lossy_random(ctx);
	return 0;
}

/* What channels need of the process; false when it cannot be had. */
static inline bool lossy_process_init(void)
{
	if (secret_size() == 0 && secret_init(4 << 20, NULL) < 0)
		return false;
	return gcm_provider_init(NULL, NULL) == 0;
}

/* Restart an end: its memory is lost, the wire goes on. */
static inline void lossy_pair_restart_a(struct lossy_pair *p)
{
	channel_destroy(p->a);
	p->a = channel_create(&p->config_a, &p->random, NULL);
}

static inline void lossy_pair_restart_b(struct lossy_pair *p)
{
	channel_destroy(p->b);
	p->b = channel_create(&p->config_b, &p->random, NULL);
}

/* P stays where it is: the channels keep a pointer into it. False when a channel fails. */
static inline bool lossy_pair_init(struct lossy_pair *p, const struct lossy_config *config,
                                   uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	if (!lossy_process_init())
		return false;
	lossy_wire_init(&p->ab, config, seed * 3 + 1);
	lossy_wire_init(&p->ba, config, seed * 3 + 2);
	p->now_ns = NS_PER_S;
	p->random_state = seed * 3 + 3;
	p->random = (struct random_source){
	        .name = "seeded", .fill = lossy_fill, .ctx = &p->random_state};
	memset(p->config_a.link_secret, 0x5a, sizeof(p->config_a.link_secret));
	p->config_a.send_buffer_bytes = config->send_buffer_bytes;
	p->config_b = p->config_a;
	p->config_a.initiator = true;
	lossy_pair_restart_a(p);
	lossy_pair_restart_b(p);
	return p->a != NULL && p->b != NULL;
}

static inline void lossy_pair_fini(struct lossy_pair *p)
{
	channel_destroy(p->a);
	channel_destroy(p->b);
	lossy_wire_fini(&p->ab);
	lossy_wire_fini(&p->ba);
}

/* At most 64 datagrams each way, at one moment. */
static inline void lossy_pump(struct channel *from, struct channel *to, struct lossy_wire *w,
                              uint64_t now_ns)
{
	uint8_t buf[CHANNEL_DATAGRAM_MAX];
	size_t n;

	for (int i = 0; i < 64 && (n = channel_output(from, buf, now_ns)) > 0; i++)
		lossy_wire_send(w, buf, n, now_ns);
	while ((n = lossy_wire_receive(w, buf, now_ns)) > 0)
		channel_input(to, buf, n, now_ns);
}

/* Move the clock by STEP_NS, then datagrams both ways. */
static inline void lossy_pair_step(struct lossy_pair *p, uint64_t step_ns)
{
	p->now_ns += step_ns;
	lossy_pump(p->a, p->b, &p->ab, p->now_ns);
	lossy_pump(p->b, p->a, &p->ba, p->now_ns);
}

/* Until both are up; false after LIMIT_NS. */
static inline bool lossy_pair_connect(struct lossy_pair *p, uint64_t limit_ns)
{
	uint64_t end = p->now_ns + limit_ns;
	struct channel_stats a, b;

	do {
		lossy_pair_step(p, NS_PER_MS);
		channel_stats_read(p->a, &a);
		channel_stats_read(p->b, &b);
	} while ((a.state != CHANNEL_UP || b.state != CHANNEL_UP) && p->now_ns < end);
	return a.state == CHANNEL_UP && b.state == CHANNEL_UP;
}

#endif
