/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The end of a block, TAG, TAG and COMMIT, with its key stores: the path is cut or an end dies
 * as each of the messages arrives, before it is taken or after. In the next session, once the
 * stores were compared, both ends hold the same keys, whatever became of the block; and no pad
 * has masked two tags.
 */

#include "qkd-engine/messages.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/qkd-engine/keystore_rig.h"

#define BLOCK_BITS 60000
#define USED_MAX   256

const uint8_t *__real_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);
const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);

enum event { PATH_CUT, SENDER_DIES, RECEIVER_DIES, EVENTS };

/* An end as its control thread sees it. */
struct site {
	struct rig_end *end;
	struct keystore *ks;
	unsigned int stored; /* of end->blocks */
	struct auth_pad held[2];
	unsigned int held_count;
	bool half_used;
	uint64_t used[USED_MAX]; /* numbers of pads that masked a tag */
	unsigned int used_count;
};

static struct rig r;
static struct site site[2]; /* A, B */
static struct {
	const struct channel *at; /* the receiver whose next message of TYPE is the one */
	int type;
	bool taken; /* before the event */
	bool came;
	const uint8_t *kept; /* not taken yet, and not lost */
	size_t kept_len;
} trap;

const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len)
{
	const uint8_t *msg;

	/* Nothing more gets through, in either direction, before the event. */
	if (trap.came && stream == CHANNEL_QKD)
		return NULL;
	if (trap.kept != NULL && ch == trap.at && stream == CHANNEL_QKD) {
		msg = trap.kept;
		*len = trap.kept_len;
		trap.kept = NULL;
		trap.at = NULL;
		return msg;
	}
	msg = __real_channel_receive(ch, stream, len);
	if (ch != trap.at || msg == NULL || stream != CHANNEL_QKD || msg[0] != trap.type)
		return msg;
	trap.came = true;
	if (trap.taken)
		return msg;
	trap.kept = msg;
	trap.kept_len = *len;
	return NULL;
}

static int take(void *ctx, struct auth_pad *pad)
{
	struct site *s = ctx;
	enum key_class class = s->end->alice ? KEY_AUTH_A : KEY_AUTH_B;

	if (s->held_count == 0) {
		int n = keystore_pads_take(s->ks, class, s->held, 2, 2, NULL);

		if (n <= 0)
			return -EAGAIN;
		s->held_count = (unsigned int)n;
		s->half_used = false;
	}
	*pad = s->held[0];
	s->held[0] = s->held[1];
	s->held_count--;
	s->half_used = true;
	for (unsigned int i = 0; i < s->used_count; i++)
		CU_ASSERT(s->used[i] != pad->id);
	CU_ASSERT_FATAL(s->used_count < USED_MAX);
	s->used[s->used_count++] = pad->id;
	return 0;
}

static int fetch(void *ctx, uint64_t id, struct auth_pad *pad)
{
	struct site *s = ctx;

	return keystore_pad_fetch(s->ks, s->end->alice ? KEY_AUTH_B : KEY_AUTH_A, id, pad, NULL);
}

static struct rig_pads pads[2] = {{take, fetch, &site[0]}, {take, fetch, &site[1]}};

static void store_blocks(struct site *s)
{
	for (; s->stored < s->end->block_count; s->stored++)
		CU_ASSERT_EQUAL(keystore_add(s->ks, s->end->blocks[s->stored], NULL), 0);
}

static void step(void)
{
	rig_step(&r);
	/* An end that is about to die has not stored what came in this moment. */
	if (!trap.came) {
		store_blocks(&site[0]);
		store_blocks(&site[1]);
	}
}

static void die(struct site *s)
{
	unsigned int i = s == &site[0] ? 0 : 1;

	for (; s->stored < s->end->block_count; s->stored++)
		continue; /* lost with the process */
	keystore_close(s->ks);
	s->ks = open_end((int)i, (uint8_t)(i + 1));
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->ks);
	s->held_count = 0;
	CU_ASSERT_TRUE_FATAL(rig_restart(s->end));
}

/* The comparison of control/link.c at the start of a session. */
static void compare(void)
{
	static uint8_t summary[2][1 << 16];
	size_t len[2];
	uint64_t voided;

	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL_FATAL(
		        keystore_summary(site[i].ks, summary[i], sizeof(summary[i]), &len[i]), 0);
		/* As the role does: the peer may have forgotten the other half of a key. */
		if (site[i].half_used)
			site[i].held_count = 0;
	}
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(
		        keystore_reconcile(site[i].ks, summary[1 - i], len[1 - i], &voided, NULL),
		        0);
}

/* Every key of A is at B, too, and no other. */
static void check_equal(void)
{
	struct keystore_stats s[2];
	uint8_t key[2][KEY_BYTES];
	struct key_id id;

	for (int i = 0; i < 2; i++)
		keystore_stats_read(site[i].ks, &s[i]);
	CU_ASSERT_EQUAL(s[0].available[KEY_REKEY], s[1].available[KEY_REKEY]);
	for (int i = 0; i < 2; i++)
		keystore_ahead(site[i].ks, 4096); /* one transaction a block */
	while (keystore_take(site[0].ks, KEY_REKEY, &id, key[0], NULL) == 0) {
		CU_ASSERT_EQUAL(keystore_take_id(site[1].ks, KEY_REKEY, &id, key[1], NULL), 0);
		CU_ASSERT_EQUAL(memcmp(key[0], key[1], KEY_BYTES), 0);
	}
	keystore_stats_read(site[1].ks, &s[1]);
	CU_ASSERT_EQUAL(s[1].available[KEY_REKEY], 0);
}

static void start(uint64_t seed)
{
	static const struct lossy_config good = {.delay_ns = NS_PER_MS};
	uint8_t psk[4096];

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, seed));
	set_up();
	remove_files();
	memset(&trap, 0, sizeof(trap));
	for (size_t i = 0; i < sizeof(psk); i++)
		psk[i] = (uint8_t)(i * i * 5 + i / 256);
	for (int i = 0; i < 2; i++) {
		struct rig_end *end = i == 0 ? &r.a : &r.b;

		site[i] = (struct site){.end = end, .ks = open_end(i, (uint8_t)(i + 1))};
		CU_ASSERT_PTR_NOT_NULL_FATAL(site[i].ks);
		CU_ASSERT_EQUAL(keystore_add_psk(site[i].ks, psk, sizeof(psk), NULL), 0);
		end->pads = &pads[i];
	}
}

static void stop(void)
{
	rig_fini(&r);
	for (int i = 0; i < 2; i++)
		keystore_close(site[i].ks);
	remove_files();
}

/* Both have a session, another than OLD. */
static bool new_session(const uint8_t old[16])
{
	uint8_t id[2][16];

	return channel_session(r.wire.a, id[0]) && channel_session(r.wire.b, id[1]) &&
	       memcmp(id[0], id[1], 16) == 0 && memcmp(id[0], old, 16) != 0;
}

/* Longer than an end waits before it asks for a new session; what was under way arrives. */
static void outage(void)
{
	uint64_t step_ns = r.step_ns, limit;

	r.wire.ab.cut = r.wire.ba.cut = true;
	r.step_ns = 5 * NS_PER_MS;
	rig_run(&r, 11 * NS_PER_S);
	r.step_ns = step_ns;
	r.wire.ab.cut = r.wire.ba.cut = false;
	trap.came = false;
	if (trap.kept == NULL)
		trap.at = NULL;
	for (limit = r.wire.now_ns + NS_PER_S / 4; r.wire.now_ns < limit;)
		step();
	/* No block is between the two now. */
	for (limit += NS_PER_S; site[0].stored != site[1].stored && r.wire.now_ns < limit;)
		step();
	CU_ASSERT_EQUAL(site[0].stored, site[1].stored);
}

static void run(int type, bool to_b, bool taken, enum event event)
{
	struct site *from = &site[to_b ? 0 : 1], *to = &site[to_b ? 1 : 0];
	struct engine_stats before, bob;
	unsigned int stored;
	uint64_t limit;
	uint8_t old[16];

	/* Blocks are stored, others are on their way. */
	for (limit = r.wire.now_ns + 5 * NS_PER_S, stored = site[0].stored + 1;
	     site[0].stored < stored && r.wire.now_ns < limit;)
		step();
	CU_ASSERT_FATAL(site[0].stored >= stored);
	engine_stats_read(r.b.engine, &before);
	trap.type = type;
	trap.taken = taken;
	trap.at = to_b ? r.wire.b : r.wire.a;
	for (limit = r.wire.now_ns + 2 * NS_PER_S; !trap.came && r.wire.now_ns < limit;)
		step();
	CU_ASSERT_TRUE_FATAL(trap.came);
	CU_ASSERT_TRUE_FATAL(channel_session(r.wire.a, old));
	if (event == PATH_CUT) {
		outage();
	} else {
		store_blocks(event == SENDER_DIES ? to : from);
		die(event == SENDER_DIES ? from : to);
		trap.at = NULL;
		trap.kept = NULL;
		trap.came = false;
		for (limit = r.wire.now_ns + 5 * NS_PER_S;
		     !new_session(old) && r.wire.now_ns < limit;)
			step();
		CU_ASSERT_TRUE_FATAL(new_session(old));
		engine_stats_read(r.b.engine, &bob);
		/* Bob's tag was sent and COMMIT did not come. */
		if (type == MESSAGE_COMMIT && event == SENDER_DIES && !taken)
			CU_ASSERT(bob.blocks_in_doubt > before.blocks_in_doubt);
		compare();
	}
	check_equal();
	/* And on it goes, with pads that both ends have. */
	for (limit = r.wire.now_ns + 10 * NS_PER_S; r.wire.now_ns < limit;) {
		struct keystore_stats s[2];

		step();
		keystore_stats_read(site[0].ks, &s[0]);
		keystore_stats_read(site[1].ks, &s[1]);
		if (s[0].available[KEY_REKEY] > 0 && s[1].available[KEY_REKEY] > 0)
			break;
	}
	CU_ASSERT(r.wire.now_ns < limit);
	engine_stats_read(r.b.engine, &bob);
	CU_ASSERT_EQUAL(bob.auth_failures, 0);
	CU_ASSERT_EQUAL(r.a.raised[ENGINE_ALARM_AUTH] + r.b.raised[ENGINE_ALARM_AUTH], 0);
}

static void run_events(int type, bool to_b, uint64_t seed)
{
	start(seed);
	for (int event = 0; event < EVENTS; event++)
		for (int taken = 0; taken < 2; taken++)
			run(type, to_b, taken, (enum event)event);
	stop();
}

static void test_tag_of_alice(void)
{
	run_events(MESSAGE_TAG, true, 100);
}

static void test_tag_of_bob(void)
{
	run_events(MESSAGE_TAG, false, 200);
}

static void test_commit(void)
{
	run_events(MESSAGE_COMMIT, true, 300);
	rmdir(dir);
}

UNIT_MAIN(UNIT(test_tag_of_alice), UNIT(test_tag_of_bob), UNIT(test_commit))
