/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A peer that holds the link's secret but sends nonsense: what an engine receives is damaged
 * between the channel's MAC and the engine (the linker wraps channel_receive()). Whatever
 * happens, the ends never hold different bits under one name, and honest messages bring key
 * again.
 */

#include "qkd-engine/messages.h"
#include "tests/unit/qkd-engine/engine_rig.h"
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

static void run(int type, double rate, uint64_t seed, uint64_t ns)
{
	static const struct lossy_config good = {.delay_ns = NS_PER_MS};
	static struct rig r;
	unsigned int before;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, 60000, &good, seed));
	hostile.type = type;
	hostile.state = seed;
	hostile.damaged = 0;
	hostile.rate = rate;
	for (int i = 0; i < 300 && hostile.damaged == 0; i++)
		rig_run(&r, 10 * NS_PER_MS);
	rig_run(&r, ns);
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
		run(type, type == MESSAGE_ANNOUNCE || type == MESSAGE_REPLY ? 0.002 : 0.9,
		    100 + (uint64_t)type, 200 * NS_PER_MS);
	}
}

UNIT_MAIN(UNIT(test_all_messages), UNIT(test_each_type))
