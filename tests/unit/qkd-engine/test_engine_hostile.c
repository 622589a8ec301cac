/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A peer that holds the link's secret but sends nonsense: what an engine receives is damaged
 * between the channel's MAC and the engine (the linker wraps channel_receive()). Whatever
 * happens, the ends never hold different bits under one name, and honest messages bring key
 * again.
 */

#include <malloc.h>
#include <time.h>

#include "qkd-engine/channel_wire.h"
#include "qkd-engine/messages.h"
#include "tests/unit/qkd-engine/engine_frames.h"
#include "tests/unit/unit.h"

const uint8_t *__real_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);
const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);

static struct {
	double rate; /* of damaged messages; 0: honest */
	int type;    /* only this one; 0: all */
	uint64_t state;
	uint64_t damaged;
	uint8_t *copy;
} hostile;

static void damage(uint8_t *msg, size_t *len)
{
	uint64_t how = lossy_random(&hostile.state) % 8;

	hostile.damaged++;
	if (how == 0) {
		*len = lossy_random(&hostile.state) % (*len + 1);
	} else if (how == 1) {
		memset(msg, 0xff, *len);
		msg[0] = (uint8_t)(lossy_random(&hostile.state) % (MESSAGE_TYPES + 1));
	} else {
		for (unsigned int n = 1 + (unsigned int)(lossy_random(&hostile.state) % 3); n > 0;
		     n--)
			msg[lossy_random(&hostile.state) % *len] ^=
			        (uint8_t)(1u << lossy_random(&hostile.state) % 8);
	}
}

const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len)
{
	const uint8_t *msg = __real_channel_receive(ch, stream, len);

	if (msg == NULL || *len == 0 || (hostile.type != 0 && msg[0] != hostile.type) ||
	    !lossy_chance(&hostile.state, hostile.rate))
		return msg;
	/* Of exactly the length that is told, so that a sanitiser sees reads beyond. */
	free(hostile.copy);
	hostile.copy = malloc(*len);
	if (hostile.copy == NULL)
		abort();
	memcpy(hostile.copy, msg, *len);
	damage(hostile.copy, len);
	hostile.copy = realloc(hostile.copy, *len > 0 ? *len : 1);
	return hostile.copy;
}

/* RIG_RUN(), with frames that fail where their disclosure is what is damaged. */
static void run_for(struct rig *r, int type, uint64_t ns)
{
	static uint64_t last;

	if (type != MESSAGE_REVEAL) {
		rig_run(r, ns);
		return;
	}
	for (uint64_t end = r->wire.now_ns + ns; r->wire.now_ns < end;) {
		if (r->b.engine->last_number < last)
			last = 0;
		rig_expect_failures(r);
		rig_step(r);
		rig_break_frames(r, 1, &last);
	}
}

static void run(int type, double rate, uint64_t seed, uint64_t ns)
{
	static const struct lossy_config good = {.delay_ns = NS_PER_MS};
	static struct rig r;
	unsigned int before;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, 120000, &good, seed));
	if (type == MESSAGE_CHECK || type == MESSAGE_FAILED || type == MESSAGE_REVEAL) {
		/* LDPC checks its frames itself. Short frames, so that the budget has room for
		 * some. */
		engine_destroy(r.a.engine);
		engine_destroy(r.b.engine);
		r.config_a.frame_bits = r.config_b.frame_bits = 2048;
		r.config_a.reconciliation = r.config_b.reconciliation = RECONCILE_CASCADE;
		CU_ASSERT_TRUE_FATAL(rig_engine_start(&r.a) && rig_engine_start(&r.b));
	}
	hostile.type = type;
	hostile.state = seed;
	hostile.damaged = 0;
	hostile.rate = rate;
	for (int i = 0; i < 300 && hostile.damaged == 0; i++)
		run_for(&r, type, 10 * NS_PER_MS);
	run_for(&r, type, ns);
	CU_ASSERT(hostile.damaged > 0);
	CU_ASSERT(rig_common_blocks(&r) >= 0);
	hostile.rate = 0;
	/* A session of its own: what the damage left waiting is gone with the old one. */
	CU_ASSERT_TRUE_FATAL(rig_restart(&r.b));
	before = r.a.block_count > r.b.block_count ? r.a.block_count : r.b.block_count;
	CU_ASSERT_TRUE(rig_run_blocks(&r, before + 1, 3 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(&r) >= 1);
	rig_fini(&r);
	free(hostile.copy);
	hostile.copy = NULL;
}

static void test_all_messages(void)
{
	run(0, 0.0005, 21, NS_PER_S);
	run(0, 0.01, 22, 500 * NS_PER_MS);
	run(0, 0.5, 23, 300 * NS_PER_MS);
}

static void test_each_type(void)
{
	for (int type = 1; type < MESSAGE_TYPES; type++) {
		if (type == MESSAGE_ABORT)
			continue; /* honest ends send none */
		if (getenv("RIG_VERBOSE"))
			fprintf(stderr, "type %d\n", type);
		run(type,
		    type == MESSAGE_ANNOUNCE || type == MESSAGE_REPLY || type == MESSAGE_BASES ||
		                    type == MESSAGE_SIFTED
		            ? 0.002
		            : 0.9,
		    100 + (uint64_t)type, 200 * NS_PER_MS);
	}
}

/* Forgeries at line rate among all that is honest, 230 Mb/s at each end: no block is lost. */
static void test_forgeries_cost_no_block(void)
{
	static const struct lossy_config good = {.delay_ns = NS_PER_MS};
	static struct rig r;
	struct channel_stats a, b;
	struct engine_stats ea, eb;
	uint8_t bad[CHANNEL_DATAGRAM_MAX], id[16];
	uint64_t state = 9, forged = 0;

	hostile.rate = 0;
	CU_ASSERT_TRUE_FATAL(rig_init(&r, 120000, &good, 41));
	for (size_t i = 0; i < sizeof(bad); i++)
		bad[i] = (uint8_t)lossy_random(&state);
	while (r.wire.now_ns < 2 * NS_PER_S + NS_PER_S / 2) {
		rig_step(&r);
		if (!channel_session(r.wire.a, id))
			continue;
		for (int i = 0; i < 8; i++) {
			/* Hellos of each type, then DATA of the live session. */
			bad[0] = (uint8_t)(1 + forged % 8 < 5 ? 1 + forged % 8 : 5);
			bad[1] = WIRE_VERSION;
			memcpy(bad + 2, id, 8);
			put_be64(bad + 10, 4096 + lossy_random(&state) % (1 << 20));
			channel_input(r.wire.a, bad, bad[0] < 5 ? 62 : sizeof(bad), r.wire.now_ns);
			channel_input(r.wire.b, bad, bad[0] < 5 ? 62 : sizeof(bad), r.wire.now_ns);
			forged++;
		}
	}
	channel_stats_read(r.wire.a, &a);
	channel_stats_read(r.wire.b, &b);
	engine_stats_read(r.a.engine, &ea);
	engine_stats_read(r.b.engine, &eb);
	CU_ASSERT(a.bad_mac + a.hello_mac_failures + a.bad_format >= forged);
	CU_ASSERT(b.bad_mac + b.hello_mac_failures + b.bad_format >= forged);
	if (getenv("RIG_VERBOSE"))
		fprintf(stderr, "%llu forged: %llu and %llu wrong tags, %u blocks\n",
		        (unsigned long long)forged, (unsigned long long)a.bad_mac,
		        (unsigned long long)b.bad_mac, r.a.block_count);
	CU_ASSERT(a.bad_mac > forged / 3 && b.bad_mac > forged / 3);
	CU_ASSERT_EQUAL(a.sessions, 1);
	CU_ASSERT_EQUAL(b.sessions, 1);
	CU_ASSERT_EQUAL(ea.blocks_aborted + eb.blocks_aborted, 0);
	CU_ASSERT(rig_common_blocks(&r) >= 2);
	rig_fini(&r);
}

static size_t memory(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd + secret_used();
}

/* A message that its receiver may take: of any type, about blocks that are there and others. */
static size_t say(uint64_t *state, uint8_t *msg)
{
	struct message m = {.type = (enum message_type)(1 + lossy_random(state) % MESSAGE_TYPES),
	                    .block = lossy_random(state) % 8};
	uint8_t payload[1000];
	size_t cap = 2048;
	int n;

	lossy_fill(state, payload, sizeof(payload));
	if (m.type == MESSAGE_ANNOUNCE || m.type == MESSAGE_REPLY) {
		msg[0] = (uint8_t)m.type;
		lossy_fill(state, msg + 1, 600);
		return 1 + lossy_random(state) % 600;
	}
	if (m.type == MESSAGE_ASK || m.type == MESSAGE_ANSWER || m.type == MESSAGE_FAILED) {
		m.payload.data = payload;
		m.payload.len = 1 + lossy_random(state) % sizeof(payload);
	} else if (m.type == MESSAGE_SEED) {
		m.seed.data = payload;
		m.seed.len = 1 + lossy_random(state) % sizeof(payload);
	} else if (m.type == MESSAGE_BASES || m.type == MESSAGE_SIFTED) {
		m.sift.offset = 512 * (uint32_t)(lossy_random(state) % 100);
		m.sift.data = payload;
		m.sift.len = 1 + lossy_random(state) % sizeof(payload);
	} else if (m.type == MESSAGE_START) {
		m.start.bits = 60000;
		m.start.frame_bits = 65536;
		m.start.qber_ppb = 20000000;
		m.start.method = RECONCILE_CASCADE;
		m.start.mode = LEAK_TWO_WAY;
		m.start.budget = (uint32_t)(lossy_random(state) % 60000);
		m.start.secret_bits = 256 * (uint32_t)(lossy_random(state) % 100);
	} else if (m.type == MESSAGE_CHECK) {
		m.check.tags = payload;
		m.check.len = 4 * (1 + lossy_random(state) % 8);
	} else if (m.type == MESSAGE_REVEAL) {
		m.reveal.data = payload;
		m.reveal.len = 1 + lossy_random(state) % sizeof(payload);
	} else if (m.type == MESSAGE_ABORT) {
		m.reason = ABORT_ALARM;
	}
	n = message_encode(&m, msg, cap);
	return n > 0 ? (size_t)n : 1;
}

/*
 * An authentic peer that says whatever it likes, as fast as it may, and does not read what it is
 * told: memory stays what blocks and channel need, and a message takes no longer than its work.
 */
static void test_memory_and_time_are_bounded(void)
{
	static const struct lossy_config good = {.delay_ns = NS_PER_US};
	const size_t room = 48u << 20; /* six blocks under way, and one message that waits */

	for (int victim = 0; victim < 2; victim++) {
		static struct rig r;
		struct rig_end *end, *peer;
		uint64_t state = 50 + (uint64_t)victim, said = 0, begin;
		size_t before, most = 0;
		uint8_t msg[2048];

		hostile.rate = 0;
		CU_ASSERT_TRUE_FATAL(rig_init(&r, 120000, &good, 51));
		end = victim == 0 ? &r.a : &r.b;
		peer = victim == 0 ? &r.b : &r.a;
		/* Blocks under way; then the peer's engine gives way to something else. */
		CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 1, 3 * NS_PER_S));
		before = memory();
		begin = (uint64_t)clock();
		for (int i = 0; i < 4000; i++) {
			lossy_pair_step(&r.wire, 50 * NS_PER_US);
			for (int k = 0; k < 10; k++)
				said += channel_send(peer->alice ? r.wire.a : r.wire.b, CHANNEL_QKD,
				                     msg, say(&state, msg)) == 0;
			rig_photons(&r);
			rig_answer_lookups(&r);
			rig_answer_pads(end);
			for (int k = 0; k < 20 && engine_poll(end->engine, r.wire.now_ns); k++)
				continue;
			most = memory() > most ? memory() : most;
		}
		if (getenv("RIG_VERBOSE"))
			fprintf(stderr, "%s: %llu messages, %.1f us each, %zd KiB more\n",
			        victim == 0 ? "alice" : "bob", (unsigned long long)said,
			        (double)((uint64_t)clock() - begin) * 1e6 / CLOCKS_PER_SEC /
			                (double)said,
			        ((ssize_t)most - (ssize_t)before) / 1024);
		CU_ASSERT(said > 10000);
		CU_ASSERT(most < before + room);
		CU_ASSERT(((uint64_t)clock() - begin) / (CLOCKS_PER_SEC / 1000000) < said * 1000);
		rig_fini(&r);
	}
}

UNIT_MAIN(UNIT(test_all_messages), UNIT(test_each_type), UNIT(test_forgeries_cost_no_block),
          UNIT(test_memory_and_time_are_bounded))
