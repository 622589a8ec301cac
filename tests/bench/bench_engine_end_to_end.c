/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From clicks to keys: row end-to-end. Both engines as they run in a gateway, each with its
 * classical channel, over a wire in memory with --rtt and --loss. Each end is timed by its own
 * processor time. The clock that both see goes on by the time of the slower one in each turn, as
 * if each had a core of its own. With --workers each end has so many more, which do the jobs that
 * its engine gives away: here at once, but the engine gets each back when that core would be done.
 *
 * Clicks are there whenever Bob has room, of the default light, with --qber of errors. Pads are
 * there too; drawing clicks and choices is not timed.
 */

#include "bench_engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/sync_pattern.h"
#include "qkd-engine/engine.h"
#include "tests/unit/qkd-engine/lossy_wire.h"

#define BLOCK_BITS    10000000
#define BLOCKS        9 /* measured, after a first one, or as many as are in flight */
#define IN_FLIGHT     3 /* blocks, that which fills among them; each worker has one more */
#define IN_FLIGHT_MAX 5
#define CLICKS        4096
#define LOOKUPS       64
#define POLLS         16
#define DATAGRAMS     64
#define GAP           2000 /* slots between clicks, at most */
#define OFFSET        1000000
#define PADS_GRANTED  2
#define IDLE_NS       20000
#define GIVE_UP_S     120.0
#define WORKERS_MAX   BENCH_WORKERS_MAX
#define WORKER_JOBS   2 /* at a time */
#define JOBS_MAX      (WORKER_JOBS * WORKERS_MAX)

/* Shares of 2^16: of the key basis, 0.8; of signals among clicks, far from Alice: 0.3 and 0.1
 * photons in 3 and 7 of 10 pulses. */
#define P_Z    52429
#define SIGNAL 36787

struct end {
	struct engine *engine;
	struct channel *channel;
	struct lossy_wire *out, *in;
	uint64_t pads_taken, pads_wanted[16];
	unsigned int pads_wanted_count;
	double cpu_s, given_s; /* GIVEN: since the turn began, of other cores */
	double worker_s[WORKERS_MAX];
	uint64_t worker_free_ns[WORKERS_MAX];
	struct {
		struct job *job;
		uint64_t due_ns;
		unsigned int worker;
		double s;
	} jobs[JOBS_MAX];
	unsigned int job_count;
	unsigned int blocks;
	uint64_t bits, sifted, leaked;
	uint8_t hash[BLOCKS + IN_FLIGHT_MAX + 3][32];
	size_t in_len[DATAGRAMS], out_len[DATAGRAMS];
	uint8_t in_data[DATAGRAMS][CHANNEL_DATAGRAM_MAX], out_data[DATAGRAMS][CHANNEL_DATAGRAM_MAX];
};

static struct {
	struct end alice, bob;
	struct lossy_wire ab, ba;
	struct random_source random;
	uint64_t now_ns, clicks_ns, slot, light, state, random_state;
	uint32_t flip; /* of 2^32 */
	enum source_mode mode;
	struct detection click[CLICKS];
	struct choice choice[LOOKUPS * 512];
	size_t asked[LOOKUPS], asks, slots;
	unsigned int workers;
	uint64_t slot_asked[LOOKUPS * 512];
} * run;

/* What Alice sent in a slot. */
static struct choice choice_of(uint64_t slot)
{
	uint64_t x = run->light ^ slot * 0xd1342543de82ef95ULL, h = bench_random(&x);

	return (struct choice){.basis = (h & 0xffff) >= P_Z,
	                       .bit = h >> 16 & 1,
	                       .intensity = (h >> 24 & 0xffff) >= SIGNAL,
	                       .valid = 1};
}

static size_t draw_clicks(void)
{
	for (size_t i = 0; i < CLICKS; i++) {
		struct detection *d = &run->click[i];
		struct choice c;
		uint64_t h;

		if (run->mode == SOURCE_SYNC) {
			do
				run->slot += 100;
			while (!sync_pattern_on(run->slot));
			*d = (struct detection){.slot = run->slot + OFFSET};
			continue;
		}
		h = bench_random(&run->state);
		run->slot += 1 + (h & 0xffff) * GAP / 65536;
		c = choice_of(run->slot);
		d->slot = run->slot + OFFSET;
		d->basis = (h >> 16 & 0xffff) >= P_Z;
		d->bit = d->basis == c.basis ? c.bit ^ (h >> 32 < run->flip) : h >> 33 & 1;
	}
	return CLICKS;
}

static int source_mode(void *ctx, enum source_mode mode, uint64_t *from_slot)
{
	run->mode = mode;
	*from_slot = run->slot + 1;
	return 0;
}

static uint64_t slot_now(void *ctx)
{
	return run->slot + (ctx == &run->bob ? OFFSET : 0);
}

static int lookup(void *ctx, const uint64_t *slots, size_t n)
{
	if (run->asks == LOOKUPS)
		return -EAGAIN;
	memcpy(run->slot_asked + run->slots, slots, n * sizeof(*slots));
	run->slots += n;
	run->asked[run->asks++] = n;
	return 0;
}

static struct auth_pad pad_of(uint64_t id)
{
	struct auth_pad pad = {.id = id};

	memcpy(pad.bits, &id, sizeof(id));
	return pad;
}

static int pad_take(void *ctx, struct auth_pad *pad)
{
	struct end *end = ctx;

	*pad = pad_of(2 * end->pads_taken++ + (end == &run->bob));
	if (end == &run->alice) {
		pad->grant_base = end->pads_taken * PADS_GRANTED;
		pad->grant_keys = PADS_GRANTED;
	}
	return 0;
}

static int pad_fetch(void *ctx, uint64_t id)
{
	struct end *end = ctx;

	if (end->pads_wanted_count == 16)
		return -EAGAIN;
	end->pads_wanted[end->pads_wanted_count++] = id;
	return 0;
}

static void block_ready(void *ctx, struct key_block *kb)
{
	struct end *end = ctx;

	if (end->blocks < BLOCKS + IN_FLIGHT_MAX + 3)
		memcpy(end->hash[end->blocks], kb->hash, sizeof(kb->hash));
	end->blocks++;
	end->bits += kb->bits;
	end->sifted += kb->sifted_bits;
	end->leaked += kb->leaked_bits;
	key_block_free(kb);
}

static void alarm_ignored(void *ctx, enum engine_alarm alarm, bool raised, const char *text)
{
}

static int fill(void *ctx, void *buf, size_t n)
{
	uint8_t *to = buf;

	for (uint64_t r; n > 0;
	     to += sizeof(r) < n ? sizeof(r) : n, n -= sizeof(r) < n ? sizeof(r) : n) {
		r = bench_random(ctx);
		memcpy(to, &r, sizeof(r) < n ? sizeof(r) : n);
	}
	return 0;
}

static bool give(void *ctx, struct job *job)
{
	struct end *end = ctx;
	unsigned int w = 0, has[WORKERS_MAX] = {0};
	double s = bench_cpu_s();

	/* As dataplane/qkd_worker.c does. */
	for (unsigned int i = 0; i < end->job_count; i++)
		has[end->jobs[i].worker]++;
	for (unsigned int i = 1; i < run->workers; i++)
		if (has[i] < has[w] ||
		    (has[i] == has[w] && end->worker_free_ns[i] < end->worker_free_ns[w]))
			w = i;
	if (has[w] >= (job->small ? 1 : WORKER_JOBS))
		return false;
	job->given = true;
	job->stop = job->done = false;
	while (!job->step(job->ctx))
		;
	s = bench_cpu_s() - s;
	end->given_s += s;
	if (end->worker_free_ns[w] < run->now_ns)
		end->worker_free_ns[w] = run->now_ns;
	end->worker_free_ns[w] += (uint64_t)(s * 1e9);
	end->jobs[end->job_count].job = job;
	end->jobs[end->job_count].worker = w;
	end->jobs[end->job_count].s = s;
	end->jobs[end->job_count++].due_ns = end->worker_free_ns[w];
	return true;
}

static void jobs_back(struct end *end)
{
	for (unsigned int i = 0; i < end->job_count;) {
		if (end->jobs[i].due_ns > run->now_ns) {
			i++;
			continue;
		}
		end->jobs[i].job->done = true;
		end->worker_s[end->jobs[i].worker] += end->jobs[i].s;
		end->jobs[i] = end->jobs[--end->job_count];
	}
}

/* Of the core that has most to do. */
static double busiest_s(const struct end *end)
{
	double s = end->cpu_s;

	for (unsigned int i = 0; i < run->workers; i++)
		s = end->worker_s[i] > s ? end->worker_s[i] : s;
	return s;
}

static void start(struct end *end, const struct bench_options *o)
{
	const struct engine_config config = {
	        .role = end == &run->alice ? ENGINE_ALICE : ENGINE_BOB,
	        .block_bits = (uint32_t)(o->block != 0 ? o->block : BLOCK_BITS),
	        .p_z = P_Z / 65536.0,
	        .frame_bits = (uint32_t)(o->frame_bits != 0 ? o->frame_bits : 65536),
	        .source = {{0.3, 0.1}, {0.3, 0.7}, 1e-12, 1e-15},
	        .proof = FINITE_KEY_WIESEMANN2024,
	        .qber_abort = 0.12,
	        .qber_alarm = 0.12,
	        .sample_interval = 64,
	        .reconciliation = o->method,
	        .link = "bench",
	};
	const struct engine_ops ops = {
	        .source_mode = source_mode,
	        .slot_now = slot_now,
	        .lookup = lookup,
	        .pad_take = pad_take,
	        .pad_fetch = pad_fetch,
	        .block_ready = block_ready,
	        .alarm = alarm_ignored,
	        .random = {"bench", fill, &run->random_state},
	        .give = run->workers > 0 ? give : NULL,
	};
	const struct channel_config channel = {.initiator = end == &run->alice,
	                                       .link_secret = "end to end"};
	struct err err;

	end->channel = channel_create(&channel, &run->random, &err);
	if (end->channel == NULL)
		bench_fail("end-to-end: %s", err.text);
	end->engine = engine_create(&config, &ops, end, end->channel, &err);
	if (end->engine == NULL)
		bench_fail("end-to-end: %s", err.text);
}

static void answer_pads(struct end *end)
{
	unsigned int n = end->pads_wanted_count;

	end->pads_wanted_count = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct auth_pad pad = pad_of(end->pads_wanted[i]);

		engine_pad(end->engine, end->pads_wanted[i], &pad);
	}
}

/* What one core does between two looks at the clock; its processor time in ns. */
static uint64_t turn(struct end *end, size_t clicks)
{
	size_t in = 0, out = 0;
	double s;

	while (in < DATAGRAMS &&
	       (end->in_len[in] = lossy_wire_receive(end->in, end->in_data[in], run->now_ns)) > 0)
		in++;
	if (end == &run->alice)
		for (size_t i = 0; i < run->slots; i++)
			run->choice[i] = choice_of(run->slot_asked[i]);
	jobs_back(end);
	end->given_s = 0;
	s = bench_cpu_s();
	for (size_t i = 0; i < in; i++)
		channel_input(end->channel, end->in_data[i], end->in_len[i], run->now_ns);
	if (end == &run->alice) {
		size_t asks = run->asks, at = 0;

		run->asks = run->slots = 0;
		for (size_t i = 0; i < asks; at += run->asked[i++])
			engine_choices(end->engine, run->choice + at, run->asked[i]);
	}
	if (clicks > 0) {
		engine_detections(end->engine, run->click, clicks, run->now_ns);
		run->clicks_ns = run->now_ns;
	}
	answer_pads(end);
	for (int i = 0; i < POLLS && engine_poll(end->engine, run->now_ns); i++)
		;
	while (out < DATAGRAMS && (end->out_len[out] = channel_output(
	                                   end->channel, end->out_data[out], run->now_ns)) > 0)
		out++;
	s = bench_cpu_s() - s - end->given_s;
	end->cpu_s += s;
	for (size_t i = 0; i < out; i++)
		lossy_wire_send(end->out, end->out_data[i], end->out_len[i], run->now_ns);
	return in + out == 0 && s < 5e-6 ? 0 : (uint64_t)(s * 1e9);
}

static unsigned int in_flight(void)
{
	unsigned int n = IN_FLIGHT + run->workers;

	return n < IN_FLIGHT_MAX ? n : IN_FLIGHT_MAX;
}

/* Bob takes clicks while there is room for their block; some of them always, or it is dark. */
static bool wants_clicks(void)
{
	struct engine_stats s;

	if (run->mode != SOURCE_QKD)
		return run->mode == SOURCE_SYNC;
	if (run->now_ns - run->clicks_ns >= NS_PER_S)
		return true;
	engine_stats_read(run->bob.engine, &s);
	return s.aligned && s.blocks_in_flight <= in_flight();
}

static void until_blocks(unsigned int count)
{
	double wall = bench_wall_s();
	struct engine_stats s;

	while (run->alice.blocks < count || run->bob.blocks < count) {
		uint64_t a = turn(&run->alice, 0);
		uint64_t b = turn(&run->bob, wants_clicks() ? draw_clicks() : 0);

		engine_stats_read(run->bob.engine, &s);
		if (s.blocks_aborted > 0 || s.protocol_errors > 0)
			bench_fail("end-to-end: a block was aborted: %s", s.last_abort);
		run->now_ns += a + b == 0 ? IDLE_NS : a > b ? a : b;
		if (bench_wall_s() - wall > GIVE_UP_S)
			bench_fail("end-to-end: no %u blocks in %.0f s", count, GIVE_UP_S);
	}
}

void bench_engine_end_to_end(const struct bench_options *o)
{
	const struct lossy_config wire = {.delay_ns = (uint64_t)(o->rtt_ms * 5e5), .drop = o->loss};
	double qber = o->qber > 0 ? o->qber / 100 : 0.02, alice_s, bob_s, side, virtual_s;
	struct engine_stats a, b;
	size_t before = secret_size();
	uint64_t bits, sifted, leaked;
	unsigned int first;
	struct err err;

	if (!bench_wanted(o, "end-to-end"))
		return;
	if (gcm_provider_init(NULL, &err) < 0)
		bench_fail("end-to-end: %s", err.text);
	log_level_set("*", LOG_LEVEL_ERR);
	secret_fini();
	if (secret_init(384 << 20, &err) < 0)
		bench_fail("end-to-end: %s", err.text);
	run = calloc(1, sizeof(*run));
	if (run == NULL)
		bench_fail("end-to-end: no memory");
	run->now_ns = NS_PER_S;
	run->workers = o->workers;
	run->slot = 1ULL << 40;
	run->state = o->seed;
	run->random_state = o->seed + 1;
	run->light = o->seed + 2;
	run->flip = (uint32_t)(qber * 4294967296.0);
	run->random = (struct random_source){"bench", fill, &run->random_state};
	lossy_wire_init(&run->ab, &wire, o->seed + 3);
	lossy_wire_init(&run->ba, &wire, o->seed + 4);
	run->alice.out = run->bob.in = &run->ab;
	run->bob.out = run->alice.in = &run->ba;
	start(&run->alice, o);
	start(&run->bob, o);
	first = run->workers > 0 ? in_flight() : 1;
	until_blocks(first);
	alice_s = busiest_s(&run->alice);
	bob_s = busiest_s(&run->bob);
	virtual_s = (double)run->now_ns;
	bits = run->bob.bits;
	sifted = run->bob.sifted;
	leaked = run->bob.leaked;
	until_blocks(first + BLOCKS);
	if (memcmp(run->alice.hash, run->bob.hash, (first + BLOCKS) * sizeof(run->bob.hash[0])) !=
	    0)
		bench_fail("end-to-end: the ends' keys differ");
	alice_s = busiest_s(&run->alice) - alice_s;
	bob_s = busiest_s(&run->bob) - bob_s;
	virtual_s = ((double)run->now_ns - virtual_s) / 1e9;
	side = alice_s > bob_s ? alice_s : bob_s;
	bits = run->bob.bits - bits;
	sifted = run->bob.sifted - sifted;
	leaked = run->bob.leaked - leaked;
	engine_stats_read(run->alice.engine, &a);
	engine_stats_read(run->bob.engine, &b);
	bench_emit("end-to-end",
	           "\"secret_mbps\": %.2f, \"secret_mbps_paced\": %.2f, \"sifted_mbps\": %.1f, "
	           "\"alice_s\": %.3f, \"bob_s\": %.3f, \"secret_share\": %.4f, "
	           "\"leaked_share\": %.4f, \"efficiency_f\": %.4f, \"qber\": %.4f, "
	           "\"block_bits\": %llu, \"rtt_ms\": %g, \"loss\": %g, "
	           "\"workers\": %u, \"method\": \"%s\"",
	           (double)bits / side / 1e6, (double)bits / virtual_s / 1e6,
	           (double)sifted / side / 1e6, alice_s, bob_s, (double)bits / (double)sifted,
	           (double)leaked / (double)sifted, b.efficiency_f, b.block_qber_z,
	           (unsigned long long)(sifted / BLOCKS), o->rtt_ms, o->loss, o->workers,
	           reconcile_method_name(b.method));
	engine_destroy(run->alice.engine);
	engine_destroy(run->bob.engine);
	channel_destroy(run->alice.channel);
	channel_destroy(run->bob.channel);
	lossy_wire_fini(&run->ab);
	lossy_wire_fini(&run->ba);
	free(run);
	secret_fini();
	if (secret_init(before, &err) < 0)
		bench_fail("end-to-end: %s", err.text);
}
