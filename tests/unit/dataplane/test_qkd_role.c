/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/qkd_role.h"
#include "tests/unit/unit.h"

#include <errno.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "common/log.h"
#include "common/secret.h"
#include "dataplane/channel_mux.h"
#include "dataplane/worker.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/drivers/fake_card.h"

/* Two roles whose datagrams go from one channel_mux to the other's; the test is control. */

#define NOTES 4096

static struct worker worker; /* roles look at its clock only */
static struct counter_set counters;
static struct channel_mux *mux[2];
static struct qkd_role *role[2];
static struct engine_ops ops; /* what the last engine was created with */
static void *ops_ctx;

struct engine *__real_engine_create(const struct engine_config *config, const struct engine_ops *o,
                                    void *ctx, struct channel *channel, struct err *err);
struct engine *__wrap_engine_create(const struct engine_config *config, const struct engine_ops *o,
                                    void *ctx, struct channel *channel, struct err *err);

struct engine *__wrap_engine_create(const struct engine_config *config, const struct engine_ops *o,
                                    void *ctx, struct channel *channel, struct err *err)
{
	ops = *o;
	ops_ctx = ctx;
	return __real_engine_create(config, o, ctx, channel, err);
}

static struct qkd_role_config config(unsigned int site, bool quantum)
{
	struct qkd_role_config c = {
	        .qrng_claim = 0.5,
	        .qrng_alpha_log2 = 60,
	        .channel = {.initiator = site == 0},
	        .quantum = quantum,
	        .engine = {.role = site == 0 ? ENGINE_ALICE : ENGINE_BOB,
	                   .block_bits = 4096,
	                   .p_z = 0.8,
	                   .frame_bits = 4096,
	                   .source = {{0.3, 0.1}, {0.3, 0.7}, 1e-9, 1e-15},
	                   .qber_abort = 0.08,
	                   .qber_alarm = 0.05,
	                   .sample_interval = 32,
	                   .link = "test"},
	        .card = {.transport = "fake",
	                 .path = "card0",
	                 .role = site == 0 ? CARD_IS_ALICE : CARD_IS_BOB,
	                 .mu1 = 0.3,
	                 .mu2 = 0.1,
	                 .p_mu1 = 0.3,
	                 .p_z = 0.8,
	                 .holdoff_ns = 1000,
	                 .watchdog_ms = 300},
	};

	memset(c.channel.link_secret, 0x5a, sizeof(c.channel.link_secret));
	return c;
}

static struct channel_mux *make_mux(const char *local, const char *remote)
{
	struct channel_mux_config c = {.port = 4500, .mtu = 1500, .cores = 1};
	struct err err = {0};
	struct channel_mux *m;

	memcpy(c.local, test_prefix(local, 0).addr.bytes, 16);
	memcpy(c.remote, test_prefix(remote, 0).addr.bytes, 16);
	m = channel_mux_create(&c, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	return m;
}

static void make_role(unsigned int site, bool quantum)
{
	struct qkd_role_config c = config(site, quantum);
	struct err err = {0};

	role[site] = qkd_role_create(&c, mux[site], &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(role[site]);
}

/* QUANTUM: the first of the two. */
static void start(bool quantum)
{
	struct err err = {0};

	if (worker.now_ns == 0) {
		dpdk_start(1, 128, NULL, NULL);
		log_level_set("*", LOG_LEVEL_ERR);
		CU_ASSERT_EQUAL_FATAL(secret_init(16 << 20, &err), 0);
		CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, &err), 0);
		CU_ASSERT_EQUAL_FATAL(transport_add(&fake_transport), 0);
		worker.now_ns = 1000000 * NS_PER_MS;
	}
	mux[0] = make_mux("192.0.2.1", "192.0.2.2");
	mux[1] = make_mux("192.0.2.2", "192.0.2.1");
	make_role(0, quantum);
	make_role(1, false);
}

static void stop(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		qkd_role_destroy(role[i]);
		channel_mux_destroy(mux[i]);
	}
	CU_ASSERT_EQUAL(secret_used(), 0);
	free(fake.dma);
	fake.dma = NULL;
}

static void wire(unsigned int from)
{
	struct rte_mbuf *m[64];
	unsigned int n = channel_mux_output(mux[from], m, 64);

	for (unsigned int i = 0; i < n; i++)
		CU_ASSERT_TRUE(channel_mux_input(mux[!from], 0, &counters, m[i]));
}

static void turns(unsigned int n)
{
	while (n-- > 0) {
		worker.now_ns += NS_PER_MS;
		qkd_role_poll(role[0], &worker);
		qkd_role_poll(role[1], &worker);
		wire(0);
		wire(1);
	}
}

/* The next note of SITE, which must be of TYPE. */
static struct qkd_note *expect(unsigned int site, enum qkd_note_type type)
{
	struct qkd_note *note = qkd_role_receive(role[site]);

	CU_ASSERT_PTR_NOT_NULL_FATAL(note);
	CU_ASSERT_EQUAL_FATAL(note->type, type);
	return note;
}

static uint64_t expect_session(unsigned int site)
{
	struct qkd_note *note = expect(site, QKD_NOTE_SESSION);
	uint64_t session = note->session;

	qkd_note_free(note);
	return session;
}

static int post_message(unsigned int site, uint64_t session, uint32_t number)
{
	struct qkd_note *note = qkd_note_new(QKD_NOTE_SEND, sizeof(number));
	int rc;

	note->session = session;
	memcpy(note->data, &number, sizeof(number));
	rc = qkd_role_post(role[site], note);
	if (rc < 0)
		qkd_note_free(note);
	return rc;
}

static void expect_message(unsigned int site, uint64_t session, uint32_t number)
{
	struct qkd_note *note = expect(site, QKD_NOTE_MESSAGE);

	CU_ASSERT_EQUAL(note->session, session);
	CU_ASSERT_EQUAL_FATAL(note->len, sizeof(number));
	CU_ASSERT_EQUAL(memcmp(note->data, &number, sizeof(number)), 0);
	qkd_note_free(note);
}

static struct qkd_role_status status_of(unsigned int site)
{
	struct qkd_role_status s;

	qkd_role_status_read(role[site], &s);
	return s;
}

static void test_session_comes_before_its_messages(void)
{
	start(false);
	/* Nobody is there: a message is for no session. */
	CU_ASSERT_EQUAL(post_message(0, 0, 1), 0);
	turns(200);
	CU_ASSERT_EQUAL(expect_session(0), 1);
	CU_ASSERT_EQUAL(expect_session(1), 1);
	CU_ASSERT_PTR_NULL(qkd_role_receive(role[0]));
	CU_ASSERT_PTR_NULL(qkd_role_receive(role[1]));
	post_message(0, 1, 2);
	post_message(1, 1, 3);
	post_message(0, 1, 4);
	turns(50);
	expect_message(1, 1, 2);
	expect_message(1, 1, 4);
	expect_message(0, 1, 3);

	/* One end starts anew: what is posted for the last session is void. */
	qkd_role_destroy(role[1]);
	make_role(1, false);
	turns(5);
	while (status_of(0).channel.sessions < 2) {
		post_message(0, 1, 5);
		turns(100);
	}
	CU_ASSERT_EQUAL(expect_session(0), 2);
	CU_ASSERT_EQUAL(expect_session(1), 1);
	post_message(0, 1, 6);
	post_message(0, 2, 7);
	turns(50);
	expect_message(1, 1, 7);
	CU_ASSERT_PTR_NULL(qkd_role_receive(role[1]));
	CU_ASSERT_EQUAL(status_of(0).notes_dropped, 1); /* the first of all */
	stop();
}

static void test_control_that_stands_still_loses_nothing(void)
{
	const uint32_t count = 6000;
	uint32_t sent = 0;

	start(false);
	turns(200);
	expect_session(0);
	expect_session(1);
	while (sent < count) {
		while (sent < count && post_message(0, 1, sent) == 0)
			sent++;
		turns(20);
	}
	turns(300);
	for (uint32_t i = 0; i < count; i++) {
		if (i % 500 == 0)
			turns(20);
		expect_message(1, 1, i);
	}
	CU_ASSERT_EQUAL(status_of(0).notes_dropped + status_of(1).notes_dropped, 0);
	stop();
}

static void test_full_ring_delays_the_session(void)
{
	struct qkd_note *note;
	unsigned int alarms = 0;

	start(true);
	/* Only what control did not take in time is dropped, and counted. */
	for (unsigned int i = 0; i < NOTES + 10; i++)
		ops.alarm(ops_ctx, ENGINE_ALARM_SYNC, i % 2 == 0, "text");
	CU_ASSERT_EQUAL(ops.pad_fetch(ops_ctx, 7), -EAGAIN);
	turns(200);
	CU_ASSERT_EQUAL(status_of(0).notes_dropped, 10);
	CU_ASSERT_EQUAL(expect_session(1), 1);
	post_message(1, 1, 42);
	turns(50);
	while (alarms < NOTES - 1) {
		note = expect(0, QKD_NOTE_ALARM);
		CU_ASSERT_EQUAL(note->alarm, ENGINE_ALARM_SYNC);
		CU_ASSERT_EQUAL(note->raised, alarms % 2 == 0);
		CU_ASSERT_STRING_EQUAL(note->data, "text");
		qkd_note_free(note);
		alarms++;
	}
	turns(1);
	qkd_note_free(expect(0, QKD_NOTE_ALARM));
	CU_ASSERT_EQUAL(expect_session(0), 1);
	turns(1);
	expect_message(0, 1, 42);
	CU_ASSERT_EQUAL(ops.pad_fetch(ops_ctx, 7), 0);
	note = expect(0, QKD_NOTE_PAD_WANTED);
	CU_ASSERT_EQUAL(note->pad.id, 7);
	qkd_note_free(note);
	stop();
}

static void post_pad(uint64_t id)
{
	struct qkd_note *note = qkd_note_new(QKD_NOTE_PAD, 0);

	note->pad.id = id;
	memset(note->pad.bits, (int)id, sizeof(note->pad.bits));
	CU_ASSERT_EQUAL(qkd_role_post(role[0], note), 0);
}

static void test_pads_are_given_once(void)
{
	const unsigned int held = 64;
	struct auth_pad pad;
	uint64_t seen = 0;

	start(true);
	CU_ASSERT_EQUAL(ops.pad_take(ops_ctx, &pad), -EAGAIN);
	CU_ASSERT_EQUAL(qkd_role_pads(role[0]), 0);
	for (uint64_t id = 1; id <= 3; id++)
		post_pad(id);
	CU_ASSERT_EQUAL(qkd_role_pads(role[0]), 3);
	turns(1);
	CU_ASSERT_EQUAL(qkd_role_pads(role[0]), 3);
	for (unsigned int left = 3; left-- > 0;) {
		CU_ASSERT_EQUAL(ops.pad_take(ops_ctx, &pad), 0);
		CU_ASSERT(pad.id >= 1 && pad.id <= 3 && (seen >> pad.id & 1) == 0);
		CU_ASSERT_EQUAL(pad.bits[0], pad.id);
		CU_ASSERT_EQUAL(pad.bits[15], pad.id);
		seen |= 1u << pad.id;
		CU_ASSERT_EQUAL(qkd_role_pads(role[0]), left);
	}
	CU_ASSERT_EQUAL(ops.pad_take(ops_ctx, &pad), -EAGAIN);
	/* More than it holds: the rest is gone and not counted. */
	for (uint64_t id = 1; id <= held + 5; id++)
		post_pad(id);
	CU_ASSERT_EQUAL(qkd_role_pads(role[0]), held + 5);
	turns(2);
	CU_ASSERT_EQUAL(qkd_role_pads(role[0]), held);
	stop();
}

/* The peer may have forgotten the second half of a key whose first half it has seen. */
static void test_a_new_session_skips_half_a_key(void)
{
	struct auth_pad pad;

	start(true);
	while (status_of(0).channel.sessions < 1)
		turns(1);
	for (uint64_t id = 2; id <= 5; id++)
		post_pad(id);
	turns(2);
	CU_ASSERT_EQUAL(ops.pad_take(ops_ctx, &pad), 0);
	CU_ASSERT_EQUAL(pad.id, 2);
	/* The other end starts anew. */
	qkd_role_destroy(role[1]);
	make_role(1, false);
	while (status_of(0).channel.sessions < 2)
		turns(1);
	turns(2);
	CU_ASSERT_EQUAL(ops.pad_take(ops_ctx, &pad), 0);
	CU_ASSERT_EQUAL(pad.id, 4);
	/* Within a session both halves are used. */
	CU_ASSERT_EQUAL(ops.pad_take(ops_ctx, &pad), 0);
	CU_ASSERT_EQUAL(pad.id, 5);
	CU_ASSERT_EQUAL(qkd_role_pads(role[0]), 0);
	stop();
}

static struct key_block *block(uint64_t number)
{
	struct key_block *kb = secret_alloc(sizeof(*kb) + 32);

	CU_ASSERT_PTR_NOT_NULL_FATAL(kb);
	kb->number = number;
	kb->bits = 256;
	return kb;
}

static struct key_block *through(uint64_t number)
{
	struct qkd_note *note;
	struct key_block *kb;

	while ((note = qkd_role_receive(role[0])) != NULL)
		qkd_note_free(note);
	ops.block_ready(ops_ctx, block(number));
	note = expect(0, QKD_NOTE_BLOCK);
	kb = note->block;
	CU_ASSERT_PTR_NOT_NULL_FATAL(kb);
	note->block = NULL;
	qkd_note_free(note);
	CU_ASSERT_EQUAL(kb->number, number);
	CU_ASSERT(clock_wall_ns() - kb->time_wall_ns < 3600000 * NS_PER_MS);
	return kb;
}

static void test_blocks_say_whether_a_card_was_simulated(void)
{
	struct err err = {0};
	struct key_block *kb;

	start(true);
	kb = through(1);
	CU_ASSERT_FALSE(kb->simulated);
	key_block_free(kb);

	fake_new(CARD_ROLE_ALICE);
	CU_ASSERT_TRUE(qkd_role_supervise(role[0], worker.now_ns, &err));
	turns(101);
	CU_ASSERT_TRUE(status_of(0).optics.present);
	kb = through(2);
	CU_ASSERT_TRUE(kb->simulated);
	key_block_free(kb);

	/* The card went while a block was distilled. */
	fake.dead = true;
	turns(101);
	CU_ASSERT_FALSE(status_of(0).optics.present);
	kb = through(3);
	CU_ASSERT_TRUE(kb->simulated);
	key_block_free(kb);
	/* One that nobody takes is freed with the role. */
	ops.block_ready(ops_ctx, block(4));
	stop();
}

static void test_status(void)
{
	struct qkd_role_status s;
	uint64_t sent;

	start(true);
	CU_ASSERT_TRUE(status_of(0).quantum);
	CU_ASSERT_FALSE(status_of(1).quantum);
	turns(300);
	s = status_of(0);
	CU_ASSERT_EQUAL(s.channel.state, CHANNEL_UP);
	CU_ASSERT_EQUAL(s.engine.role, ENGINE_ALICE);
	CU_ASSERT_EQUAL(s.datagrams_dropped, 0);
	/* Nobody takes datagrams out: its ring holds 1024, the others are lost and counted. */
	sent = s.channel.datagrams_sent;
	for (unsigned int i = 0; i < 100000 && s.datagrams_dropped == 0; i++) {
		worker.now_ns += NS_PER_MS;
		post_message(0, 1, i);
		qkd_role_poll(role[0], &worker);
		s = status_of(0);
		if (s.channel.state != CHANNEL_UP)
			break;
	}
	while (s.datagrams_dropped == 0 && s.channel.datagrams_sent - sent < 3000) {
		worker.now_ns += 100 * NS_PER_MS;
		qkd_role_poll(role[0], &worker);
		s = status_of(0);
	}
	CU_ASSERT(s.datagrams_dropped > 0);
	CU_ASSERT(s.channel.datagrams_sent - sent >= 1024);
	stop();
}

UNIT_MAIN(UNIT(test_session_comes_before_its_messages),
          UNIT(test_control_that_stands_still_loses_nothing),
          UNIT(test_full_ring_delays_the_session), UNIT(test_pads_are_given_once),
          UNIT(test_a_new_session_skips_half_a_key),
          UNIT(test_blocks_say_whether_a_card_was_simulated), UNIT(test_status))
