/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sifting: row sift, both engines as they run in a gateway, from detections in memory to key
 * bits in their blocks. Instead of the classical channel there is a copy of each message (the
 * linker wraps the channel's calls), and instead of the card its ring buffers: queries are
 * written and replies read as drivers/card_tx.c does.
 *
 * Bob: detections, samples, announcements, replies, packing. Alice: announcements, look-ups,
 * comparison, packing, replies. Both: transcripts and monitoring.
 */

#include "bench_engine.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/gcm.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/sync_pattern.h"
#include "drivers/card_regs.h"
#include "qkd-engine/engine.h"
#include "qkd-engine/sift_pack.h"

#define CHUNK      (16 * 512) /* detections between two readings of the clock */
#define CHUNKS     128
#define SAMPLES    9
#define BLOCK_BITS ((uint32_t)(500000 * P_Z * P_Z)) /* two blocks a sample */
#define MEAN_GAP   160                              /* slots beyond the hold-off, as at 20 km */
#define HOLDOFF    1000
#define P_Z        0.9 /* of either end */
#define OFFSET     1000000
#define POLLS_MAX  100000

int __real_channel_send(struct channel *ch, enum channel_stream stream, const void *msg,
                        size_t len);
const uint8_t *__real_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);
bool __real_channel_session(const struct channel *ch, uint8_t id[16]);
int __wrap_channel_send(struct channel *ch, enum channel_stream stream, const void *msg,
                        size_t len);
const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);
bool __wrap_channel_session(const struct channel *ch, uint8_t id[16]);

/* One direction: messages back to back, each behind its length. */
struct pipe {
	uint8_t *bytes;
	size_t cap, end, at;
	uint64_t total;
};

struct end {
	struct engine *engine;
	struct pipe *in, *out;
};

static struct bench {
	struct end alice, bob;
	struct pipe to_alice, to_bob;
	uint8_t session;
	uint64_t now_ns, slot; /* of Alice */
	struct detection detection[CHUNK];
	uint32_t reply[CHUNK]; /* the card's, docs/optical-card.md */
	uint64_t query[CHUNK];
	uint32_t slot24[CHUNK];
	size_t looked_up, answered;
	size_t asked[CHUNK];
	size_t asks;
	uint64_t state;
	double qber;
} * bench;

static struct end *end_of(const struct channel *ch)
{
	if (bench == NULL)
		return NULL;
	if ((const void *)ch == (const void *)&bench->alice)
		return &bench->alice;
	return (const void *)ch == (const void *)&bench->bob ? &bench->bob : NULL;
}

int __wrap_channel_send(struct channel *ch, enum channel_stream stream, const void *msg, size_t len)
{
	struct end *end = end_of(ch);
	struct pipe *p;

	if (end == NULL)
		return __real_channel_send(ch, stream, msg, len);
	p = end->out;
	if (p->end + sizeof(len) + len > p->cap)
		return -EAGAIN;
	memcpy(p->bytes + p->end, &len, sizeof(len));
	memcpy(p->bytes + p->end + sizeof(len), msg, len);
	p->end += sizeof(len) + len;
	p->total += len;
	return 0;
}

const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len)
{
	struct end *end = end_of(ch);
	struct pipe *p;
	const uint8_t *msg;

	if (end == NULL)
		return __real_channel_receive(ch, stream, len);
	p = end->in;
	if (p->at == p->end) {
		p->at = p->end = 0;
		return NULL;
	}
	memcpy(len, p->bytes + p->at, sizeof(*len));
	msg = p->bytes + p->at + sizeof(*len);
	p->at += sizeof(*len) + *len;
	return msg;
}

bool __wrap_channel_session(const struct channel *ch, uint8_t id[16])
{
	if (end_of(ch) == NULL)
		return __real_channel_session(ch, id);
	memset(id, bench->session, 16);
	return true;
}

static int source_mode(void *ctx, enum source_mode mode, uint64_t *from_slot)
{
	*from_slot = bench->slot;
	return 0;
}

static uint64_t slot_now(void *ctx)
{
	return bench->slot + (ctx == &bench->bob ? OFFSET : 0);
}

static int lookup(void *ctx, const uint64_t *slots, size_t n)
{
	uint64_t *query = bench->query + bench->looked_up;
	uint32_t *slot24 = bench->slot24 + bench->looked_up;

	for (size_t i = 0; i < n; i++) {
		query[i] = slots[i] & 0xffffffffffffULL;
		slot24[i] = (uint32_t)slots[i] & 0xffffff;
	}
	bench->asked[bench->asks++] = n;
	bench->looked_up += n;
	return 0;
}

static int pad_take(void *ctx, struct auth_pad *pad)
{
	return -EAGAIN;
}

static int pad_fetch(void *ctx, uint64_t id)
{
	return -EAGAIN;
}

static void block_ready(void *ctx, struct key_block *kb)
{
	key_block_free(kb);
}

static void alarm_ignored(void *ctx, enum engine_alarm alarm, bool raised, const char *text)
{
}

static int fill(void *ctx, void *buf, size_t n)
{
	uint8_t *to = buf;

	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)bench_random(&bench->state);
	return 0;
}

static void start(struct end *end, enum engine_role role)
{
	const struct engine_config config = {
	        .role = role,
	        .block_bits = BLOCK_BITS,
	        .p_z = P_Z,
	        .frame_bits = 65536,
	        .source = {{0.5, 0.1}, {0.7, 0.3}, 1e-12, 1e-15},
	        .qber_abort = 0.0001, /* and so it ends when it is sifted */
	        .qber_alarm = 0.12,
	        .sample_interval = 64,
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
	        .random = {"bench", fill, NULL},
	};
	struct err err;

	end->engine = engine_create(&config, &ops, end, (struct channel *)end, &err);
	if (end->engine == NULL)
		bench_fail("sift: %s", err.text);
}

static void poll_until_idle(struct end *end)
{
	for (int i = 0; engine_poll(end->engine, bench->now_ns); i++)
		if (i == POLLS_MAX)
			bench_fail("sift: an engine does not come to rest");
}

static bool aligned(void)
{
	struct engine_stats s;

	engine_stats_read(bench->bob.engine, &s);
	return s.aligned;
}

/* The pattern, until both ends agree about slots. */
static void align(void)
{
	bench->session++;
	for (int i = 0;; i++) {
		struct detection *d = bench->detection;
		size_t n = 0;

		if (i == 100)
			bench_fail("sift: no alignment");
		poll_until_idle(&bench->bob);
		poll_until_idle(&bench->alice);
		poll_until_idle(&bench->bob);
		if (aligned())
			return;
		while (n < 512) {
			bench->slot += HOLDOFF;
			if (sync_pattern_on(bench->slot))
				d[n++] = (struct detection){.slot = bench->slot + OFFSET};
		}
		bench->now_ns += 1000000;
		engine_detections(bench->bob.engine, d, n, bench->now_ns);
	}
}

static void draw(void)
{
	for (size_t i = 0; i < CHUNK; i++) {
		struct detection *d = &bench->detection[i];
		bool x, decoy, bit;

		bench->slot +=
		        1 + HOLDOFF + (uint64_t)(-log(bench_uniform(&bench->state)) * MEAN_GAP);
		d->slot = bench->slot + OFFSET;
		d->basis = bench_uniform(&bench->state) >= P_Z;
		d->bit = bench_random(&bench->state) & 1;
		x = bench_uniform(&bench->state) >= P_Z;
		bit = d->bit ^ (bench_uniform(&bench->state) < bench->qber);
		decoy = bench_uniform(&bench->state) >= 0.85;
		bench->reply[i] = (uint32_t)(bench->slot & 0xffffff) | CARD_CHOICE_VALID |
		                  (x ? CARD_CHOICE_BASIS_X : 0) | (bit ? CARD_CHOICE_BIT : 0) |
		                  (uint32_t)decoy << 26;
	}
	bench->looked_up = bench->answered = bench->asks = 0;
}

static void answer(void)
{
	struct choice c[512];

	for (size_t i = 0; i < bench->asks; i++) {
		const uint32_t *reply = bench->reply + bench->answered;
		const uint32_t *slot24 = bench->slot24 + bench->answered;

		for (size_t k = 0; k < bench->asked[i]; k++) {
			uint32_t r = __atomic_load_n(&reply[k], __ATOMIC_RELAXED);
			bool valid = (r & CARD_CHOICE_VALID) != 0 &&
			             CARD_CHOICE_SLOT(r) == slot24[k] &&
			             CARD_CHOICE_INTENSITY(r) < 2;

			c[k] = (struct choice){(r & CARD_CHOICE_BASIS_X) != 0,
			                       (r & CARD_CHOICE_BIT) != 0,
			                       (uint8_t)CARD_CHOICE_INTENSITY(r), valid};
		}
		engine_choices(bench->alice.engine, c, bench->asked[i]);
		bench->answered += bench->asked[i];
	}
	bench->asks = 0;
}

/* Seconds of both ends for CHUNKS chunks: two blocks, and 1 or 2 % that no block is made of. */
static void sample(double *alice_s, double *bob_s)
{
	*alice_s = *bob_s = 0;
	align();
	bench->to_alice.total = bench->to_bob.total = 0;
	for (int i = 0; i < CHUNKS; i++) {
		double t;

		draw();
		bench->now_ns += 10000000;
		t = bench_cpu_s();
		engine_detections(bench->bob.engine, bench->detection, CHUNK, bench->now_ns);
		poll_until_idle(&bench->bob);
		*bob_s += bench_cpu_s() - t;
		t = bench_cpu_s();
		poll_until_idle(&bench->alice);
		answer();
		poll_until_idle(&bench->alice);
		*alice_s += bench_cpu_s() - t;
		t = bench_cpu_s();
		poll_until_idle(&bench->bob);
		*bob_s += bench_cpu_s() - t;
		if (bench->answered != CHUNK)
			bench_fail("sift: %zu of %d detections were looked up", bench->answered,
			           CHUNK);
	}
}

/* What was measured is what both ends agree on. */
static double sifted_share(void)
{
	struct engine_stats a, b;

	engine_stats_read(bench->alice.engine, &a);
	engine_stats_read(bench->bob.engine, &b);
	if (a.sifted_z != b.sifted_z || a.sifted_x != b.sifted_x || a.protocol_errors > 0 ||
	    b.protocol_errors > 0 || b.dropped > 0 || a.stale_choices > 0 ||
	    b.aborts[ABORT_QBER] != 2 * SAMPLES)
		bench_fail("sift: the ends differ, or lost detections");
	return (double)a.sifted_z / (double)a.announced;
}

static void make_pipe(struct pipe *p)
{
	p->cap = 64 * CHUNK; /* the bases of a whole block */
	p->bytes = malloc(p->cap);
	if (p->bytes == NULL)
		bench_fail("sift: out of memory");
}

void bench_engine_sift(const struct bench_options *o)
{
	const double detections = (double)CHUNK * CHUNKS;
	double alice_s[SAMPLES], bob_s[SAMPLES], side, wall = bench_wall_s();
	struct err err;

	if (!bench_wanted(o, "sift"))
		return;
	if (gcm_provider_init(NULL, &err) < 0)
		bench_fail("sift: %s", err.text);
	bench = calloc(1, sizeof(*bench));
	if (bench == NULL)
		bench_fail("sift: out of memory");
	log_level_set("*", LOG_LEVEL_ERR);
	make_pipe(&bench->to_alice);
	make_pipe(&bench->to_bob);
	bench->alice.in = bench->bob.out = &bench->to_alice;
	bench->bob.in = bench->alice.out = &bench->to_bob;
	bench->slot = 1ULL << 40;
	bench->now_ns = 1000000000;
	bench->state = o->seed;
	bench->qber = o->qber > 0 ? o->qber / 100 : 0.02;
	start(&bench->alice, ENGINE_ALICE);
	start(&bench->bob, ENGINE_BOB);
	for (int i = 0; i < SAMPLES; i++)
		sample(&alice_s[i], &bob_s[i]);
	side = bench_median(alice_s, SAMPLES);
	if (bench_median(bob_s, SAMPLES) > side)
		side = bench_median(bob_s, SAMPLES);
	bench_emit("sift",
	           "\"mega_per_s\": %.1f, \"alice_mega_per_s\": %.1f, "
	           "\"bob_mega_per_s\": %.1f, "
	           "\"announce_bytes\": %.3f, \"reply_bytes\": %.3f, \"sifted_share\": %.3f, "
	           "\"provider\": \"%s\", \"detections\": %.0f, \"wall_s\": %.2f",
	           detections / side / 1e6, detections / bench_median(alice_s, SAMPLES) / 1e6,
	           detections / bench_median(bob_s, SAMPLES) / 1e6,
	           (double)bench->to_alice.total / detections,
	           (double)bench->to_bob.total / detections, sifted_share(), sift_pack_best()->name,
	           detections * SAMPLES, bench_wall_s() - wall);
	engine_destroy(bench->alice.engine);
	engine_destroy(bench->bob.engine);
	free(bench->to_alice.bytes);
	free(bench->to_bob.bytes);
	free(bench);
	bench = NULL;
}
