/* SPDX-License-Identifier: BSD-3-Clause */

/* What both ends must have alike is stated when a session begins, and refused when it differs. */

#include "qkd-engine/engine_state.h"
#include "qkd-engine/messages.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS 120000

static const struct lossy_config good = {.delay_ns = NS_PER_MS};

static bool start(struct rig *r)
{
	engine_destroy(r->a.engine);
	engine_destroy(r->b.engine);
	return rig_engine_start(&r->a) && rig_engine_start(&r->b);
}

/* END knows why there is no key; TEXT NULL: there is no reason. */
static void expect(const struct rig_end *end, const char *text)
{
	struct engine_stats s;

	engine_stats_read(end->engine, &s);
	if (getenv("RIG_VERBOSE"))
		fprintf(stderr, "said %s, want %s\n", s.disagreement, text);
	CU_ASSERT_STRING_EQUAL(s.disagreement, text != NULL ? text : "");
	CU_ASSERT_EQUAL((s.alarms >> ENGINE_ALARM_PARAMETERS) & 1, text != NULL);
	CU_ASSERT_EQUAL(end->raised[ENGINE_ALARM_PARAMETERS] -
	                        end->cleared[ENGINE_ALARM_PARAMETERS],
	                text != NULL);
	CU_ASSERT_EQUAL(s.blocks_aborted, 0);
}

static void more_bits(struct engine_config *c)
{
	c->block_bits++;
}

static void other_p_z(struct engine_config *c)
{
	c->p_z = 0.1 + 0.2; /* 0.30000000000000004 */
}

static void other_frames(struct engine_config *c)
{
	c->frame_bits = 32768;
}

static void other_signal(struct engine_config *c)
{
	c->source.mu[0] = 0.31;
}

static void other_decoy(struct engine_config *c)
{
	c->source.mu[1] = 0.11;
}

static void other_share(struct engine_config *c)
{
	c->source.p[0] = 0.25;
	c->source.p[1] = 0.75;
}

static void other_secrecy(struct engine_config *c)
{
	c->source.eps_sec = 1e-12;
}

static void other_correctness(struct engine_config *c)
{
	c->source.eps_cor = 1e-12;
}

static void other_proof(struct engine_config *c)
{
	c->proof = FINITE_KEY_WIESEMANN2024;
}

static void other_method(struct engine_config *c)
{
	c->reconciliation = RECONCILE_LDPC;
}

static void other_leak(struct engine_config *c)
{
	c->leak_mode = LEAK_TWO_WAY;
}

static void other_blocks(struct engine_config *c)
{
	c->blocks_in_flight = 12;
}

static void other_link(struct engine_config *c)
{
	snprintf(c->link, sizeof(c->link), "tset");
}

static void other_two(struct engine_config *c)
{
	c->block_bits = 130000;
	c->proof = FINITE_KEY_WIESEMANN2024;
}

/* Each field by itself: both ends say which it is, and what either has. */
static void test_each_field(void)
{
	static const struct {
		void (*change)(struct engine_config *c);
		const char *a, *b; /* what they say */
	} cases[] = {
	        {more_bits, "block-bits is 120000 here, 120001 at the peer",
	         "block-bits is 120001 here, 120000 at the peer"},
	        {other_p_z, "p-z is 0.6 here, 0.30000000000000004 at the peer",
	         "p-z is 0.30000000000000004 here, 0.6 at the peer"},
	        {other_frames, "frame-bits is 65536 here, 32768 at the peer",
	         "frame-bits is 32768 here, 65536 at the peer"},
	        {other_signal, "mu1 is 0.3 here, 0.31 at the peer",
	         "mu1 is 0.31 here, 0.3 at the peer"},
	        {other_decoy, "mu2 is 0.1 here, 0.11 at the peer",
	         "mu2 is 0.11 here, 0.1 at the peer"},
	        {other_share, "p-mu1 is 0.3 here, 0.25 at the peer",
	         "p-mu1 is 0.25 here, 0.3 at the peer"},
	        {other_secrecy, "eps-sec is 1e-09 here, 1e-12 at the peer",
	         "eps-sec is 1e-12 here, 1e-09 at the peer"},
	        {other_correctness, "eps-cor is 1e-15 here, 1e-12 at the peer",
	         "eps-cor is 1e-12 here, 1e-15 at the peer"},
	        {other_proof, "proof is rusca2018 here, wiesemann2024 at the peer",
	         "proof is wiesemann2024 here, rusca2018 at the peer"},
	        {other_method, "reconciliation is auto here, ldpc at the peer",
	         "reconciliation is ldpc here, auto at the peer"},
	        {other_leak, "leak-mode is auto here, two-way at the peer",
	         "leak-mode is two-way here, auto at the peer"},
	        {other_blocks, "blocks-in-flight is 6 here, 12 at the peer",
	         "blocks-in-flight is 12 here, 6 at the peer"},
	        {other_link, "link is test here, tset at the peer",
	         "link is tset here, test at the peer"},
	        {other_two,
	         "block-bits is 120000 here, 130000 at the peer; "
	         "proof is rusca2018 here, wiesemann2024 at the peer",
	         "block-bits is 130000 here, 120000 at the peer; "
	         "proof is wiesemann2024 here, rusca2018 at the peer"},
	};
	static struct rig r;
	struct engine_stats s;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 1 + i));
		cases[i].change(&r.config_b);
		CU_ASSERT_TRUE_FATAL(start(&r));
		rig_run(&r, 300 * NS_PER_MS);
		expect(&r.a, cases[i].a);
		expect(&r.b, cases[i].b);
		/* Nothing else was said: no light, no announcement, no error of protocol. */
		CU_ASSERT_EQUAL(r.mode, SOURCE_DARK);
		CU_ASSERT_EQUAL(r.lookups_total, 0);
		engine_stats_read(r.a.engine, &s);
		CU_ASSERT_EQUAL(s.protocol_errors, 0);
		engine_stats_read(r.b.engine, &s);
		CU_ASSERT_EQUAL(s.protocol_errors + s.announced, 0);
		rig_fini(&r);
	}
}

/* The peer is of a version with other codes. */
static void test_other_codes(void)
{
	char says[2][120];
	static struct rig r;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 40));
	CU_ASSERT_EQUAL(r.a.engine->ldpc_number, r.b.engine->ldpc_number);
	r.b.engine->ldpc_number ^= 1;
	for (int i = 0; i < 2; i++)
		snprintf(says[i], sizeof(says[i]),
		         "ldpc-codes is %016llx here, %016llx at the peer",
		         (unsigned long long)(i == 0 ? r.a.engine : r.b.engine)->ldpc_number,
		         (unsigned long long)(i == 0 ? r.b.engine : r.a.engine)->ldpc_number);
	rig_run(&r, 300 * NS_PER_MS);
	expect(&r.a, says[0]);
	expect(&r.b, says[1]);
	CU_ASSERT_EQUAL(r.mode, SOURCE_DARK);
	rig_fini(&r);
}

/* Once both have the same there is key; a new reason takes the place of the one before. */
static void test_again(void)
{
	static struct rig r;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 31));
	r.config_b.block_bits = 130000;
	CU_ASSERT_TRUE_FATAL(start(&r));
	rig_run(&r, 300 * NS_PER_MS);
	expect(&r.a, "block-bits is 120000 here, 130000 at the peer");
	CU_ASSERT_TRUE_FATAL(rig_restart(&r.b));
	rig_run(&r, NS_PER_S);
	CU_ASSERT_EQUAL(r.a.raised[ENGINE_ALARM_PARAMETERS], 1); /* the same once more */
	r.config_b.block_bits = 120000;
	other_method(&r.config_b);
	CU_ASSERT_TRUE_FATAL(rig_restart(&r.b));
	rig_run(&r, NS_PER_S);
	CU_ASSERT_EQUAL(r.a.raised[ENGINE_ALARM_PARAMETERS], 2);
	expect(&r.a, "reconciliation is auto here, ldpc at the peer");
	r.config_b.reconciliation = RECONCILE_AUTO;
	CU_ASSERT_TRUE_FATAL(rig_restart(&r.b));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 1, 10 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(&r) >= 1);
	expect(&r.a, NULL);
	r.b.raised[ENGINE_ALARM_PARAMETERS] = 0; /* of the engines before */
	expect(&r.b, NULL);
	rig_fini(&r);
}

/* What a peer says that is another version, or no good; END's engine hears MSG first. */
static void hears(const void *msg, size_t len, bool twice, const char *text, uint64_t errors)
{
	static struct rig r;
	struct engine_stats s;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 41));
	engine_destroy(r.b.engine);
	r.b.engine = NULL;
	for (int i = 0; i < 1000 && channel_send(r.wire.b, CHANNEL_QKD, msg, len) != 0; i++)
		lossy_pair_step(&r.wire, r.step_ns);
	if (twice)
		CU_ASSERT_EQUAL(channel_send(r.wire.b, CHANNEL_QKD, msg, len), 0);
	for (int i = 0; i < 100; i++) {
		lossy_pair_step(&r.wire, r.step_ns);
		engine_poll(r.a.engine, r.wire.now_ns);
	}
	expect(&r.a, text);
	engine_stats_read(r.a.engine, &s);
	CU_ASSERT_EQUAL(s.protocol_errors, errors);
	CU_ASSERT_EQUAL(r.mode, SOURCE_DARK);
	rig_fini(&r);
}

static size_t stated(const char *lines, uint8_t *msg)
{
	msg[0] = MESSAGE_PARAMETERS;
	memcpy(msg + 1, lines, strlen(lines));
	return 1 + strlen(lines);
}

/* The number changes with any table or rule of LDPC, and then the versions do not go together. */
#define OURS                                                                                       \
	"protocol=four-state one-decoy time-bin "                                                  \
	"BB84\nlink=test\nblock-bits=120000\nblocks-in-flight=6\np-z=0.6\n"                        \
	"mu1=0.3\nmu2=0.1\np-mu1=0.3\neps-sec=1e-09\neps-cor=1e-15\nproof=rusca2018\n"             \
	"frame-bits=65536\nreconciliation=auto\n"                                                  \
	"ldpc-codes=ffe2d1f2e34d69fc\ntag=2\n"

static void test_other_versions(void)
{
	static const char malformed[] = "what the peer states of its parameters is malformed";
	static const char silent[] = "the peer does not state its parameters: another version?";
	const struct message request = {.type = MESSAGE_SYNC_REQUEST, .attempt = 1};
	static const char *const bad[] = {
	        "",
	        "\n",
	        "p-z",
	        "p-z\n",
	        "=0.6\n",
	        OURS "leak-mode=auto",
	        OURS "leak-mode=a\033[2Jto\n",
	        OURS "leak-mode=auto\n\n",
	        OURS "leak-mode=auto\np-z=0.7\n",
	        OURS "leak-mode=auto\nleak-mode=auto\n",
	        OURS "a-name-of-25-bytes-is-long=1\n",
	        OURS "value=more than sixty-four bytes is more than any value of ours takes...\n",
	};
	uint8_t msg[2048];
	int len;

	hears(msg, stated(OURS "leak-mode=auto\n", msg), false, NULL, 0);
	hears(msg, stated(OURS "leak-mode=auto\n", msg), true, NULL, 1);
	hears(msg, stated(OURS, msg), false, "leak-mode is auto here, unknown to the peer", 0);
	hears(msg, stated(OURS "leak-mode=auto\ncolour=1550 nm\n", msg), false,
	      "colour is unknown here, 1550 nm at the peer", 0);
	len = message_encode(&request, msg, sizeof(msg));
	hears(msg, (size_t)len, true, silent, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		hears(msg, stated(bad[i], msg), false, malformed, 1);
	memset(msg, 'x', sizeof(msg));
	msg[0] = MESSAGE_PARAMETERS;
	hears(msg, 1026, false, malformed, 1);
}

UNIT_MAIN(UNIT(test_each_field), UNIT(test_other_codes), UNIT(test_again),
          UNIT(test_other_versions))
