/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What of each block leaves the gateways: as Alice's tags say, at both ends, whatever changes
 * meanwhile. The linker wraps channel_receive(), so that Bob may hear tags that split wrongly.
 */

#include "qkd-engine/messages.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS 120000
#define KEY_UNITS  4

static const struct lossy_config good = {.delay_ns = NS_PER_MS};
static struct rig r;

const uint8_t *__real_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);
const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);

static struct {
	void (*tell)(struct message *m); /* NULL: told, or none */
	uint8_t copy[MESSAGE_TAG_COVERED + AUTH_TAG_BYTES];
} lie;

const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len)
{
	const uint8_t *msg = __real_channel_receive(ch, stream, len);
	struct message m;

	if (lie.tell == NULL || ch != r.wire.b || msg == NULL || *len == 0 ||
	    msg[0] != MESSAGE_TAG || message_decode(msg, *len, &m) < 0)
		return msg;
	lie.tell(&m);
	lie.tell = NULL;
	CU_ASSERT_EQUAL(message_encode(&m, lie.copy, sizeof(lie.copy)), (int)*len);
	return lie.copy;
}

static struct engine_stats stats_of(const struct rig_end *end)
{
	struct engine_stats s;

	engine_stats_read(end->engine, &s);
	return s;
}

static void start(uint32_t positions, uint64_t seed)
{
	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, seed));
	r.positions = positions;
}

static uint32_t rest_of(const struct key_block *k)
{
	return k->bits / 256 - k->pad_keys - k->hash_keys;
}

/* Nothing is delivered that nobody asked for. */
static void test_none(void)
{
	start(4096, 51);
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 2, 5 * NS_PER_S));
	for (unsigned int i = 0; i < r.a.block_count; i++) {
		CU_ASSERT_EQUAL(r.a.blocks[i]->units[0] + r.a.blocks[i]->units[1], 0);
		CU_ASSERT_EQUAL(r.a.blocks[i]->position, 0);
	}
	CU_ASSERT_EQUAL(stats_of(&r.a).delivered_units[0], 0);
	rig_fini(&r);
}

/* Weights change at Alice while blocks are under way, and Bob knows of none: equal streams. */
static void test_by_weights(void)
{
	static const struct {
		unsigned int a, b;
	} weights[] = {{30, 20}, {0, 50}, {100, 0}, {60, 90}, {0, 0}, {1, 1}, {33, 33}};
	uint64_t next = 0, units[2] = {0, 0};
	unsigned int seen = 0, with[2] = {0, 0}, without = 0;

	start(4096, 52);
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		engine_delivery(r.a.engine, weights[i].a, weights[i].b);
		/* Bob's own say is none. */
		engine_delivery(r.b.engine, 50, 50);
		seen = r.a.block_count + 2;
		CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, seen, 5 * NS_PER_S));
	}
	CU_ASSERT(rig_common_blocks(&r) >= (int)seen);
	for (unsigned int i = 0; i < r.a.block_count; i++) {
		const struct key_block *k = r.a.blocks[i];
		uint32_t most = k->units[0] > k->units[1] ? k->units[0] : k->units[1];

		CU_ASSERT_EQUAL(k->units[0] % KEY_UNITS, 0);
		CU_ASSERT_EQUAL(k->units[1] % KEY_UNITS, 0);
		CU_ASSERT(k->units[0] + k->units[1] <= (rest_of(k) - 1) * KEY_UNITS);
		without += most == 0;
		with[0] += k->units[0] > 0;
		with[1] += k->units[1] > 0;
		if (most == 0)
			continue;
		/* In order, and no position twice. */
		CU_ASSERT(k->position >= next);
		next = k->position + most;
		units[0] += k->units[0];
		units[1] += k->units[1];
	}
	CU_ASSERT(with[0] >= 4 && with[1] >= 4 && without >= 1);
	CU_ASSERT_EQUAL(stats_of(&r.a).delivered_units[0], units[0]);
	CU_ASSERT_EQUAL(stats_of(&r.a).delivered_units[1], units[1]);
	CU_ASSERT(stats_of(&r.b).delivered_units[0] <= units[0]);
	rig_fini(&r);
}

static void test_shares(void)
{
	unsigned int first;

	start(4096, 53);
	engine_delivery(r.a.engine, 40, 25);
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 3, 5 * NS_PER_S));
	for (unsigned int i = 0; i < r.a.block_count; i++) {
		const struct key_block *k = r.a.blocks[i];

		CU_ASSERT_EQUAL(k->units[0], (rest_of(k) - 1) * 40 / 100 * KEY_UNITS);
		CU_ASSERT_EQUAL(k->units[1], (rest_of(k) - 1) * 25 / 100 * KEY_UNITS);
	}
	/* More than all: the second gets what the first leaves, and a key stays. */
	first = r.a.block_count + 6; /* those under way had their tags */
	engine_delivery(r.a.engine, 101, 80);
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, first + 1, 10 * NS_PER_S));
	for (unsigned int i = first; i < r.a.block_count; i++) {
		const struct key_block *k = r.a.blocks[i];

		CU_ASSERT_EQUAL(k->units[0], (rest_of(k) - 1) * KEY_UNITS);
		CU_ASSERT_EQUAL(k->units[1], 0);
	}
	rig_fini(&r);
}

/* Pads bring fewer positions than a block takes: those of several, when they follow each other. */
static void test_positions(void)
{
	uint64_t end;
	unsigned int some = 0, none = 0;

	start(64, 54);
	r.position = 1000000;
	engine_delivery(r.a.engine, 40, 40);
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 16, 20 * NS_PER_S));
	for (unsigned int i = 0; i < r.a.block_count; i++) {
		const struct key_block *k = r.a.blocks[i];

		if (k->units[0] == 0) {
			none++;
			continue;
		}
		some++;
		CU_ASSERT(k->position >= 1000000);
		CU_ASSERT(k->position + k->units[0] <= r.position);
	}
	CU_ASSERT(some > 0 && none > 0);
	CU_ASSERT(stats_of(&r.a).positions_short >= none);
	CU_ASSERT(rig_common_blocks(&r) >= 16);
	/* Others far away: what is left of the old ones is not used any more. */
	end = r.position += 1000;
	r.positions = 4096;
	some = r.a.block_count;
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, some + 8, 10 * NS_PER_S));
	for (unsigned int i = some + 6; i < r.a.block_count; i++)
		CU_ASSERT(r.a.blocks[i]->position >= end && r.a.blocks[i]->units[0] > 0);
	/* What she has at hand is used elsewhere: none of it any more. */
	end = r.position + 2 * r.positions;
	engine_positions_from(r.a.engine, end);
	engine_positions_from(r.a.engine, 5);
	some = r.a.block_count;
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, some + 14, 10 * NS_PER_S));
	for (unsigned int i = some + 6; i < r.a.block_count; i++)
		CU_ASSERT(r.a.blocks[i]->units[0] == 0 || r.a.blocks[i]->position >= end);
	CU_ASSERT(r.a.blocks[r.a.block_count - 1]->units[0] > 0);
	/* Alice starts anew with positions that no pad had before: Bob goes on. */
	CU_ASSERT_TRUE_FATAL(rig_restart(&r.a));
	engine_delivery(r.a.engine, 40, 40);
	some = r.b.block_count;
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, some + 2, 10 * NS_PER_S));
	CU_ASSERT(r.b.blocks[r.b.block_count - 1]->position > end);
	CU_ASSERT_EQUAL(stats_of(&r.b).protocol_errors, 0);
	rig_fini(&r);
}

#define TELL(name, statement)                                                                      \
	static void name(struct message *m)                                                        \
	{                                                                                          \
		statement;                                                                         \
	}

TELL(part_of_a_key, m->tag.units[0] += 1)
TELL(part_of_two, m->tag.units[0] += 2; m->tag.units[1] += 2)
TELL(all, m->tag.units[0] = 1u << 20)
TELL(all_of_both, m->tag.units[0] = m->tag.units[1] = 0xfffffffc)
TELL(used_before, m->tag.position = 3)
TELL(beyond, m->tag.position = ENGINE_POSITIONS)
TELL(at_the_end, m->tag.position = ENGINE_POSITIONS - m->tag.units[0] + 1)
TELL(far_beyond, m->tag.position = UINT64_MAX)
TELL(none_somewhere, m->tag.units[0] = m->tag.units[1] = 0)

TELL(other_share, m->tag.units[0] += KEY_UNITS; m->tag.units[1] -= KEY_UNITS)
TELL(other_place, m->tag.position += 1000000)

static void try(void (*tell)(struct message *), bool refused)
{
	struct engine_stats before = stats_of(&r.b), after;
	unsigned int blocks;

	lie.tell = tell;
	for (int i = 0; i < 3000 && lie.tell != NULL; i++)
		rig_run(&r, NS_PER_MS);
	CU_ASSERT_PTR_NULL_FATAL(lie.tell);
	rig_run(&r, 20 * NS_PER_MS);
	after = stats_of(&r.b);
	CU_ASSERT_EQUAL(after.protocol_errors > before.protocol_errors, refused);
	CU_ASSERT(after.blocks_aborted > before.blocks_aborted);
	CU_ASSERT_EQUAL(after.aborts[ABORT_TAG] > before.aborts[ABORT_TAG], !refused);
	blocks = r.a.block_count > r.b.block_count ? r.a.block_count : r.b.block_count;
	CU_ASSERT_TRUE(rig_run_blocks(&r, blocks + 1, 5 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(&r) >= 1);
}

/* A tag that splits wrongly is a protocol error; one that was changed is no tag. */
static void test_wrong_splits(void)
{
	static void (*const wrong[])(struct message *) = {
	        part_of_a_key, part_of_two, all,        all_of_both,   used_before,
	        beyond,        at_the_end,  far_beyond, none_somewhere};

	start(4096, 55);
	r.position = 100;
	engine_delivery(r.a.engine, 40, 30);
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		try(wrong[i], true);
	try(other_share, false);
	/* What no tag vouched for says nothing of the positions to come. */
	try(other_place, false);
	CU_ASSERT(r.b.blocks[r.b.block_count - 1]->units[0] > 0);
	rig_fini(&r);
}

UNIT_MAIN(UNIT(test_none), UNIT(test_by_weights), UNIT(test_shares), UNIT(test_positions),
          UNIT(test_wrong_splits))
