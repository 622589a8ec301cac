/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Cascade through two ends of the classical channel, joined by a wire in memory that delays
 * and loses datagrams. Two processors are simulated, each with a clock: the end whose clock is
 * behind works for a slice, and its clock moves on by the processor time that took, with all
 * that the channel costs; the wire takes none. mbps is what comes out by these clocks, mbps_cpu
 * by the processor time of the end that takes more. --frames is how many are in flight, by
 * default as many as the round trips take.
 */

#include "bench_engine_cascade.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/workspace_pool.h"
#include "tests/unit/qkd-engine/lossy_wire.h"

#define FRAME_BITS    65536
#define BLOCK_FRAMES  64
#define SLICE_S       100e-6 /* an end works that long before it looks at the channel again */
#define IDLE_NS       5000   /* when it has nothing to do */
#define BLOCKS_LEAST  20     /* in flight beside those that the round trips take */
#define SMALL         100    /* octets of a message whose round is a short one */
#define TURNS         3
#define LIMIT_NS      (600 * NS_PER_S)
#define MESSAGE_EXTRA 4 /* number of the block */
#define DATAGRAMS     64

struct flight {
	struct cascade_params params;
	struct workspace *space[2];
	struct cascade_alice *alice;
	struct cascade_bob *bob;
	uint64_t *alice_key, *bob_key;
	uint8_t *out[2]; /* Alice's, Bob's */
	int out_len[2];  /* that waits for room in the channel; -1: nothing */
	uint8_t *in;     /* Alice's question under work */
	size_t in_len;
	bool over; /* Alice knows that Bob is done */
};

/*
 * Blocks that an end can go on with, in the order in which they are taken: a round of a few
 * microseconds does not wait for one of milliseconds, or the peer would soon have nothing to do.
 */
enum { ROUND_SMALL, ROUND_LARGE, ROUND_FIRST, QUEUES };

struct queue {
	size_t *block, first, count;
};

struct end {
	struct channel *channel;
	struct lossy_wire *in, *out;
	struct queue ready[QUEUES];
	uint64_t now_ns;
	double busy_s; /* since counting began */
	struct lossy_datagram datagrams[DATAGRAMS];
};

struct link {
	struct lossy_pair pair;
	struct end end[2];
	struct flight *flights;
	size_t count, cap;
	struct workspace_pool spaces;
	uint8_t *memory; /* of keys and messages, on huge pages as what an engine has is */
	uint64_t state, parities;
	double ideal; /* sum of n h(q) */
	size_t done, failures;
	uint64_t first_ns; /* when counting began */
	size_t first_done;
	size_t secret_before;
};

static void push(struct link *l, unsigned int end, unsigned int queue, size_t i)
{
	struct queue *q = &l->end[end].ready[queue];

	q->block[(q->first + q->count++) % l->count] = i;
}

static void pop(struct link *l, struct queue *q)
{
	q->first = (q->first + 1) % l->count;
	q->count--;
}

/* A new block in the place of one that is done. */
static void take_off(struct link *l, size_t i)
{
	struct flight *f = &l->flights[i];
	size_t errors =
	        bench_keys(&l->state, f->params.bits, f->params.qber, f->alice_key, f->bob_key);

	l->ideal += (double)f->params.bits * bench_entropy((double)errors / (double)f->params.bits);
	f->params.seed = bench_random(&l->state);
	f->out_len[0] = f->out_len[1] = -1;
	f->over = false;
	push(l, 1, ROUND_FIRST, i);
}

static bool send(struct link *l, unsigned int end, size_t i)
{
	struct flight *f = &l->flights[i];

	put_be32(f->out[end], (uint32_t)i);
	if (channel_send(l->end[end].channel, CHANNEL_QKD, f->out[end],
	                 MESSAGE_EXTRA + (size_t)f->out_len[end]) < 0)
		return false;
	f->out_len[end] = -1;
	return true;
}

static void wipe(struct workspace *w)
{
	while (!workspace_wipe(w))
		;
}

/* -EAGAIN: more is to be done; otherwise the length of a message. */
static int alice_step(struct link *l, struct flight *f)
{
	int n;

	if (f->alice == NULL)
		f->alice = cascade_alice_create_in(f->space[0], &f->params, f->alice_key);
	if (f->alice == NULL)
		bench_fail("cascade: %s", strerror(errno));
	n = cascade_alice_answer(f->alice, f->in, f->in_len, f->out[0] + MESSAGE_EXTRA, l->cap);
	if (n != -EAGAIN)
		f->in_len = 0;
	return n;
}

/* The same; 0, an empty message, when he is done. */
static int bob_step(struct link *l, struct flight *f)
{
	int n;

	if (f->bob == NULL)
		f->bob = cascade_bob_create_in(f->space[1], &f->params, f->bob_key);
	if (f->bob == NULL)
		bench_fail("cascade: %s", strerror(errno));
	n = cascade_bob_ask(f->bob, f->out[1] + MESSAGE_EXTRA, l->cap);
	if (n == 0) {
		wipe(f->space[1]);
		f->bob = NULL;
	}
	return n;
}

/* False when it waits for the peer or for room. */
static bool step(struct link *l, unsigned int end)
{
	struct end *e = &l->end[end];
	struct queue *q = e->ready;
	struct flight *f;
	size_t i;
	int n;

	while (q < e->ready + QUEUES && q->count == 0)
		q++;
	if (q == e->ready + QUEUES)
		return false;
	i = q->block[q->first];
	f = &l->flights[i];
	if (f->out_len[end] < 0) {
		n = end == 0 ? alice_step(l, f) : bob_step(l, f);
		if (n == -EAGAIN)
			return true;
		if (n < 0)
			bench_fail("cascade: a block was given up");
		f->out_len[end] = n;
	}
	if (!send(l, end, i))
		return false;
	pop(l, q);
	return true;
}

static void alice_over(struct link *l, struct flight *f)
{
	struct cascade_stats stats;

	cascade_alice_stats(f->alice, &stats);
	l->parities += stats.alice_parities;
	wipe(f->space[0]);
	f->alice = NULL;
	f->over = true;
}

static void receive(struct link *l, unsigned int end)
{
	struct end *e = &l->end[end];
	const uint8_t *m;
	size_t len;

	while ((m = channel_receive(e->channel, CHANNEL_QKD, &len)) != NULL) {
		size_t i = get_be32(m);
		struct flight *f = &l->flights[i];

		m += MESSAGE_EXTRA;
		len -= MESSAGE_EXTRA;
		if (end == 1) {
			if (cascade_bob_take(f->bob, m, len) < 0)
				bench_fail("cascade: a block was given up");
			push(l, 1, len < SMALL ? ROUND_SMALL : ROUND_LARGE, i);
		} else if (len == 0) {
			alice_over(l, f);
		} else {
			memcpy(f->in, m, len);
			f->in_len = len;
			push(l, 0,
			     f->alice == NULL ? ROUND_FIRST
			     : len < SMALL    ? ROUND_SMALL
			                      : ROUND_LARGE,
			     i);
		}
	}
}

/* One end works for a slice, and its clock moves on. */
static void work(struct link *l, unsigned int end)
{
	struct end *e = &l->end[end];
	bool busy = false;
	size_t in = 0, out = 0;
	double start, used, end_of_slice;
	uint64_t now;

	while (in < DATAGRAMS && (e->datagrams[in].len = lossy_wire_receive(
	                                  e->in, e->datagrams[in].data, e->now_ns)) > 0)
		in++;
	start = bench_cpu_s();
	for (size_t i = 0; i < in; i++)
		channel_input(e->channel, e->datagrams[i].data, e->datagrams[i].len, e->now_ns);
	if (in > 0)
		receive(l, end);
	/* The processor's clock takes a system call, too much after each step. */
	end_of_slice = bench_wall_s() + SLICE_S;
	while (step(l, end)) {
		busy = true;
		if (bench_wall_s() >= end_of_slice)
			break;
	}
	used = bench_cpu_s() - start;
	now = e->now_ns + (uint64_t)(used * 1e9);
	while (out < DATAGRAMS && (e->datagrams[out].len = channel_output(
	                                   e->channel, e->datagrams[out].data, now)) > 0)
		out++;
	used = bench_cpu_s() - start;
	for (size_t i = 0; i < out; i++)
		lossy_wire_send(e->out, e->datagrams[i].data, e->datagrams[i].len, now);
	busy |= in + out > 0;
	if (busy && l->first_done > 0)
		e->busy_s += used;
	e->now_ns += busy ? (uint64_t)(used * 1e9) : IDLE_NS;
}

/* Blocks that are done make room for the next ones. */
static void land(struct link *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct flight *f = &l->flights[i];

		if (!f->over)
			continue;
		l->failures += bench_cascade_failures(&f->params, f->alice_key, f->bob_key);
		if (++l->done == l->count) {
			l->first_ns = l->end[1].now_ns;
			l->first_done = l->done;
		}
		take_off(l, i);
	}
}

static void *needed(void *p)
{
	if (p == NULL)
		bench_fail("cascade: no memory");
	return p;
}

static void link_init(struct link *l, const struct bench_options *o, const struct cascade_params *p,
                      size_t count)
{
	struct lossy_config wire = {.delay_ns = (uint64_t)(o->rtt_ms / 2 * NS_PER_MS),
	                            .drop = o->loss};
	struct workspace_size size;
	uint8_t *memory;
	size_t message;

	memset(l, 0, sizeof(*l));
	l->secret_before = secret_size();
	secret_fini();
	if (secret_init(bench_cascade_secret(p, 2 * count), NULL) < 0 ||
	    !lossy_pair_init(&l->pair, &wire, o->seed) ||
	    !lossy_pair_connect(&l->pair, NS_PER_S * 60))
		bench_fail("cascade: no channel");
	l->state = o->seed;
	l->count = count;
	l->cap = cascade_message_max(p);
	for (unsigned int i = 0; i < 2; i++) {
		struct end *e = &l->end[i];

		e->channel = i == 0 ? l->pair.a : l->pair.b;
		e->in = i == 0 ? &l->pair.ba : &l->pair.ab;
		e->out = i == 0 ? &l->pair.ab : &l->pair.ba;
		e->now_ns = l->pair.now_ns;
		for (unsigned int q = 0; q < QUEUES; q++)
			e->ready[q].block = needed(calloc(count, sizeof(size_t)));
	}
	l->flights = needed(calloc(count, sizeof(*l->flights)));
	if (cascade_size(p, &size) < 0 ||
	    workspace_pool_init(&l->spaces, (unsigned int)(2 * count), (unsigned int)(2 * count),
	                        &size, 0) < 0)
		bench_fail("cascade: no memory for %zu blocks", count);
	message = workspace_align(l->cap + MESSAGE_EXTRA);
	l->memory = needed(workspace_pages(count * (2 * BITS_WORDS(p->bits) * 8 + 3 * message)));
	memory = l->memory;
	for (size_t i = 0; i < count; i++) {
		struct flight *f = &l->flights[i];

		f->params = *p;
		f->space[0] = workspace_pool_take(&l->spaces);
		f->space[1] = workspace_pool_take(&l->spaces);
		f->alice_key = (uint64_t *)memory;
		f->bob_key = f->alice_key + BITS_WORDS(p->bits);
		f->out[0] = (uint8_t *)(f->bob_key + BITS_WORDS(p->bits));
		f->out[1] = f->out[0] + message;
		f->in = f->out[1] + message;
		memory = f->in + message;
		take_off(l, i);
	}
}

static void link_fini(struct link *l)
{
	workspace_pool_fini(&l->spaces);
	free(l->memory);
	free(l->flights);
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int q = 0; q < QUEUES; q++)
			free(l->end[i].ready[q].block);
	lossy_pair_fini(&l->pair);
	secret_fini();
	if (secret_init(l->secret_before, NULL) < 0)
		bench_fail("cascade: no secret memory");
}

void bench_cascade_link(const struct bench_options *o, double percent, const char *row)
{
	size_t frame_bits = o->frame_bits == 0 ? FRAME_BITS : o->frame_bits, count, blocks;
	const struct cascade_params p = {.bits = o->block != 0 ? o->block
	                                                       : BLOCK_FRAMES * frame_bits,
	                                 .frame_bits = frame_bits,
	                                 .qber = percent / 100};
	double direct, rounds, s, f, busy_s, bits;
	struct channel_stats stats;
	struct rusage usage;
	static struct link l;

	/* What there is without a network decides how many blocks it takes to hide one. */
	direct = bench_cascade_direct(p, o->seed, &rounds);
	count = BLOCKS_LEAST + (size_t)(rounds * o->rtt_ms * 1e-3 / direct);
	if (o->frames > 0)
		count = (o->frames * frame_bits + p.bits - 1) / p.bits;
	link_init(&l, o, &p, count);
	while (l.done < TURNS * count) {
		work(&l, l.end[0].now_ns <= l.end[1].now_ns ? 0 : 1);
		land(&l);
		if (l.end[0].now_ns > LIMIT_NS)
			bench_fail("cascade: %s does not end", row);
	}
	s = (double)(l.end[1].now_ns - l.first_ns) * 1e-9;
	busy_s = fmax(l.end[0].busy_s, l.end[1].busy_s);
	direct = (direct + bench_cascade_direct(p, o->seed + 1, &rounds)) / 2;
	blocks = l.done - l.first_done;
	bits = (double)blocks * (double)p.bits;
	/* Blocks under way at the end have errors, but not all parities yet. */
	f = (double)l.parities / l.ideal * (double)(l.done + count) / (double)l.done;
	channel_stats_read(l.pair.b, &stats);
	getrusage(RUSAGE_SELF, &usage);
	bench_emit(row,
	           "\"f\": %.4f, \"f_two_way\": %.4f, \"frames\": %zu, \"failures\": %zu, "
	           "\"fer\": %.3g, \"rtt_ms\": %g, \"loss\": %g, \"frame_bits\": %zu, "
	           "\"block_bits\": %zu, \"mbps\": %.1f, \"mbps_cpu\": %.1f, "
	           "\"mbps_direct\": %.1f, \"share\": %.3f, \"share_cpu\": %.3f, "
	           "\"alice_busy\": %.2f, \"bob_busy\": %.2f, \"blocks_in_flight\": %zu, "
	           "\"rounds\": %.0f, \"blocks\": %zu, \"datagrams\": %llu, "
	           "\"retransmitted\": %llu, \"memory_mib\": %.0f, \"clock_s\": %.2f",
	           f, 2 * f, l.done * bench_cascade_frames(&p), l.failures,
	           (double)l.failures / (double)(l.done * bench_cascade_frames(&p)), o->rtt_ms,
	           o->loss, frame_bits, p.bits, bits / s * 1e-6, bits / busy_s * 1e-6,
	           (double)p.bits / direct * 1e-6, bits / s / ((double)p.bits / direct),
	           bits / busy_s / ((double)p.bits / direct), l.end[0].busy_s / s,
	           l.end[1].busy_s / s, count, rounds, blocks,
	           (unsigned long long)stats.datagrams_sent,
	           (unsigned long long)stats.retransmitted, (double)usage.ru_maxrss / 1024, s);
	link_fini(&l);
}
