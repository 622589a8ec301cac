/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Cascade through two ends of the classical channel, joined by a wire in memory that delays
 * and loses datagrams. Two processors are simulated, each with a clock: the end whose clock is
 * behind works for a slice, and its clock moves on by the processor time that took. mbps is
 * what comes out by these clocks, with all that the channel costs. --frames is how many are in
 * flight, by default as many as the round trips take.
 */

#include "bench_engine_cascade.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "tests/unit/qkd-engine/lossy_wire.h"

#define FRAME_BITS    65536
#define BLOCK_FRAMES  64
#define SLICE_S       200e-6 /* an end works that long before it looks at the channel again */
#define IDLE_NS       10000  /* when it has nothing to do */
#define TURNS         3 /* each place for a block is used so often; the first time is not counted */
#define LIMIT_NS      (600 * NS_PER_S)
#define MESSAGE_EXTRA 4 /* number of the block */

struct flight {
	struct cascade_params params;
	struct workspace space[2];
	struct cascade_alice *alice;
	struct cascade_bob *bob;
	uint64_t *alice_key, *bob_key;
	uint8_t *question, *answer; /* Bob's out; Alice's out */
	uint8_t *in;                /* Alice's question under work */
	size_t in_len;
	int out_len[2];    /* waiting for room in the channel */
	uint64_t start_ns; /* Bob's clock: first blocks come one after the other */
};

struct link {
	struct lossy_pair pair;
	struct flight *flights;
	size_t count, cap;
	uint64_t state;
	size_t done, started, failures;
	uint64_t first_ns; /* when counting began */
	size_t first_done;
	size_t turn[2];
	uint64_t now_ns[2];
	size_t secret_before;
	double busy_s[2]; /* since counting began */
};

static void take_off(struct link *l, struct flight *f)
{
	bench_keys(&l->state, f->params.bits, f->params.qber, f->alice_key, f->bob_key);
	f->params.seed = bench_random(&l->state);
	l->started++;
}

/* What an end does at the start of a block belongs to its processor time. */
static void create(struct flight *f, unsigned int end)
{
	if (end == 0 && f->alice == NULL)
		f->alice = cascade_alice_create_in(&f->space[0], &f->params, f->alice_key);
	if (end == 1 && f->bob == NULL)
		f->bob = cascade_bob_create_in(&f->space[1], &f->params, f->bob_key);
	if (end == 0 ? f->alice == NULL : f->bob == NULL)
		bench_fail("cascade: %s", strerror(errno));
}

static bool send(struct link *l, unsigned int end, size_t i, uint8_t *message, int *len)
{
	put_be32(message, (uint32_t)i);
	if (channel_send(end == 0 ? l->pair.a : l->pair.b, CHANNEL_QKD, message,
	                 MESSAGE_EXTRA + (size_t)*len) < 0)
		return false;
	*len = 0;
	return true;
}

/* A step of one block at one end; false when it waits. */
static bool step(struct link *l, unsigned int end, size_t i)
{
	struct flight *f = &l->flights[i];
	int n;

	if (f->out_len[end] > 0)
		return send(l, end, i, end == 0 ? f->answer : f->question, &f->out_len[end]);
	if (end == 0) {
		if (f->in_len == 0)
			return false;
		create(f, 0);
		n = cascade_alice_answer(f->alice, f->in, f->in_len, f->answer + MESSAGE_EXTRA,
		                         l->cap);
		if (n != -EAGAIN)
			f->in_len = 0;
	} else {
		if (l->now_ns[1] < f->start_ns)
			return false;
		create(f, 1);
		n = cascade_bob_ask(f->bob, f->question + MESSAGE_EXTRA, l->cap);
	}
	if (n < 0 && n != -EAGAIN)
		bench_fail("cascade: a block was given up");
	if (n > 0) {
		f->out_len[end] = n;
		send(l, end, i, end == 0 ? f->answer : f->question, &f->out_len[end]);
	}
	return n != 0;
}

static void receive(struct link *l, unsigned int end)
{
	struct channel *ch = end == 0 ? l->pair.a : l->pair.b;
	const uint8_t *m;
	size_t len;

	while ((m = channel_receive(ch, CHANNEL_QKD, &len)) != NULL) {
		struct flight *f = &l->flights[get_be32(m)];

		m += MESSAGE_EXTRA;
		len -= MESSAGE_EXTRA;
		if (end == 0) {
			memcpy(f->in, m, len);
			f->in_len = len;
		} else if (cascade_bob_take(f->bob, m, len) < 0) {
			bench_fail("cascade: a block was given up");
		}
	}
}

static bool input(struct link *l, unsigned int end)
{
	struct lossy_wire *wire = end == 0 ? &l->pair.ba : &l->pair.ab;
	uint8_t buf[CHANNEL_DATAGRAM_MAX];
	bool any = false;
	size_t n;

	while ((n = lossy_wire_receive(wire, buf, l->now_ns[end])) > 0) {
		channel_input(end == 0 ? l->pair.a : l->pair.b, buf, n, l->now_ns[end]);
		any = true;
	}
	if (any)
		receive(l, end);
	return any;
}

static bool output(struct link *l, unsigned int end, double used)
{
	uint64_t now = l->now_ns[end] + (uint64_t)(used * 1e9);
	uint8_t buf[CHANNEL_DATAGRAM_MAX];
	bool any = false;
	size_t n;

	for (int i = 0; i < 64; i++) {
		n = channel_output(end == 0 ? l->pair.a : l->pair.b, buf, now);
		if (n == 0)
			break;
		lossy_wire_send(end == 0 ? &l->pair.ab : &l->pair.ba, buf, n, now);
		any = true;
	}
	return any;
}

/* One end works for a slice, and its clock moves on. */
static void work(struct link *l, unsigned int end)
{
	double start = bench_cpu_s(), used = 0;
	bool busy = input(l, end), stepped = false;
	size_t waiting = 0;

	/* One block until it waits for the peer. */
	while (waiting < l->count && !(stepped = step(l, end, l->turn[end]))) {
		l->turn[end] = (l->turn[end] + 1) % l->count;
		waiting++;
	}
	while (waiting < l->count && stepped && used < SLICE_S) {
		busy = true;
		stepped = step(l, end, l->turn[end]);
		used = bench_cpu_s() - start;
	}
	busy |= output(l, end, used);
	used = bench_cpu_s() - start;
	if (busy && l->first_done > 0)
		l->busy_s[end] += used;
	l->now_ns[end] += busy ? (uint64_t)(used * 1e9) : IDLE_NS;
}

/* Blocks that are done make room for the next ones. */
static void land(struct link *l)
{
	double wiped = 0; /* neither end's: it may be done at any time */

	for (size_t i = 0; i < l->count; i++) {
		struct flight *f = &l->flights[i];

		if (f->bob == NULL || !cascade_bob_done(f->bob) || f->in_len > 0)
			continue;
		l->failures += bench_cascade_failures(&f->params, f->alice_key, f->bob_key);
		for (unsigned int end = 0; end < 2; end++)
			bench_cascade_wipe(&f->space[end], &wiped);
		f->alice = NULL;
		f->bob = NULL;
		if (++l->done == l->count) {
			l->first_ns = l->now_ns[1];
			l->first_done = l->done;
		}
		take_off(l, f);
	}
}

static void link_init(struct link *l, const struct bench_options *o, const struct cascade_params *p,
                      size_t count)
{
	struct lossy_config wire = {.delay_ns = (uint64_t)(o->rtt_ms / 2 * NS_PER_MS),
	                            .drop = o->loss,
	                            .send_buffer_bytes = 32 << 20};

	memset(l, 0, sizeof(*l));
	l->secret_before = secret_size();
	secret_fini();
	if (secret_init(count * (p->bits + p->frame_bits * 4) + (16 << 20), NULL) < 0 ||
	    !lossy_pair_init(&l->pair, &wire, o->seed) ||
	    !lossy_pair_connect(&l->pair, NS_PER_S * 60))
		bench_fail("cascade: no channel");
	l->now_ns[0] = l->now_ns[1] = l->pair.now_ns;
	l->state = o->seed;
	l->count = count;
	l->cap = cascade_message_max(p);
	l->flights = calloc(count, sizeof(*l->flights));
	for (size_t i = 0; l->flights != NULL && i < count; i++) {
		struct flight *f = &l->flights[i];

		f->params = *p;
		bench_cascade_spaces(f->space, p);
		f->alice_key = malloc(BITS_WORDS(p->bits) * 8);
		f->bob_key = malloc(BITS_WORDS(p->bits) * 8);
		f->question = malloc(l->cap + MESSAGE_EXTRA);
		f->answer = malloc(l->cap + MESSAGE_EXTRA);
		f->in = malloc(l->cap);
		if (f->alice_key == NULL || f->bob_key == NULL || f->question == NULL ||
		    f->answer == NULL || f->in == NULL)
			bench_fail("cascade: no memory");
		take_off(l, f);
	}
}

static void link_fini(struct link *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct flight *f = &l->flights[i];

		workspace_fini(&f->space[0]);
		workspace_fini(&f->space[1]);
		free(f->alice_key);
		free(f->bob_key);
		free(f->question);
		free(f->answer);
		free(f->in);
	}
	free(l->flights);
	lossy_pair_fini(&l->pair);
	secret_fini();
	if (secret_init(l->secret_before, NULL) < 0)
		bench_fail("cascade: no secret memory");
}

void bench_cascade_link(const struct bench_options *o, double percent, const char *row)
{
	size_t frame_bits = o->frame_bits == 0 ? FRAME_BITS : o->frame_bits, count;
	struct cascade_params p = {.bits = o->block != 0 ? o->block : BLOCK_FRAMES * frame_bits,
	                           .frame_bits = frame_bits,
	                           .qber = percent / 100};
	uint64_t *alice = malloc(BITS_WORDS(p.bits) * 8), *bob = malloc(BITS_WORDS(p.bits) * 8);
	uint64_t parities = 0, state = o->seed;
	double alice_s[5], bob_s[5], rounds = 0, direct;
	struct channel_stats stats;
	struct rusage usage;
	static struct link l;
	struct workspace space[2];

	if (alice == NULL || bob == NULL)
		bench_fail("cascade: no memory");
	bench_cascade_spaces(space, &p);
	/* What there is without a network decides how many blocks it takes to hide one. */
	for (int i = 0; i < 5; i++) {
		struct cascade_figures s;

		bench_keys(&state, p.bits, p.qber, alice, bob);
		p.seed = bench_random(&state);
		s = bench_cascade_block(space, &p, alice, bob, &parities, NULL);
		alice_s[i] = s.alice_s;
		bob_s[i] = s.bob_s;
		rounds += s.rounds / 5;
	}
	workspace_fini(&space[0]);
	workspace_fini(&space[1]);
	free(alice);
	free(bob);
	direct = bench_median(bob_s, 5);
	if (bench_median(alice_s, 5) > direct)
		direct = bench_median(alice_s, 5);
	count = 16 + (size_t)(rounds * o->rtt_ms * 1e-3 / direct);
	if (o->frames > 0)
		count = (o->frames * frame_bits + p.bits - 1) / p.bits;
	link_init(&l, o, &p, count);
	for (size_t i = 0; i < count; i++)
		l.flights[i].start_ns = l.now_ns[1] + (uint64_t)((double)i * direct * 1e9);
	while (l.done < TURNS * count) {
		work(&l, l.now_ns[0] <= l.now_ns[1] ? 0 : 1);
		land(&l);
		if (l.now_ns[0] > LIMIT_NS)
			bench_fail("cascade: %s does not end", row);
	}
	channel_stats_read(l.pair.b, &stats);
	getrusage(RUSAGE_SELF, &usage);
	direct = (double)p.bits / direct * 1e-6;
	{
		double s = (double)(l.now_ns[1] - l.first_ns) * 1e-9;
		size_t frames = l.done * bench_cascade_frames(&p);
		double mbps = (double)((l.done - l.first_done) * p.bits) / s * 1e-6;

		bench_emit(
		        row,
		        "\"rtt_ms\": %g, \"loss\": %g, \"mbps\": %.1f, \"mbps_direct\": %.1f, "
		        "\"share\": %.3f, \"alice_busy\": %.2f, \"bob_busy\": %.2f, "
		        "\"blocks_in_flight\": %zu, \"block_bits\": %zu, "
		        "\"frame_bits\": %zu, \"rounds\": %.0f, \"blocks\": %zu, "
		        "\"frames\": %zu, \"failures\": %zu, \"fer\": %.3g, \"datagrams\": %llu, "
		        "\"retransmitted\": %llu, "
		        "\"memory_mib\": %.0f, \"clock_s\": %.2f",
		        o->rtt_ms, o->loss, mbps, direct, mbps / direct, l.busy_s[0] / s,
		        l.busy_s[1] / s, count, p.bits, frame_bits, rounds, l.done - l.first_done,
		        frames, l.failures, (double)l.failures / (double)frames,
		        (unsigned long long)stats.datagrams_sent,
		        (unsigned long long)stats.retransmitted, (double)usage.ru_maxrss / 1024, s);
	}
	link_fini(&l);
}
