/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A Bob that states well-formed but wrong figures: his plan, his leak, his error counts are
 * changed on their way to Alice's engine, behind the channel's MAC (the linker wraps
 * channel_receive()). Each block is void at Alice for the reason that fits, and the next one
 * becomes key.
 */

#include "qkd-engine/messages.h"
#include "tests/unit/qkd-engine/engine_frames.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS 120000

const uint8_t *__real_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);
const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);

struct lie {
	const char *what;
	enum message_type type;
	void (*tell)(struct message *m);
	enum abort_reason reason; /* why Alice drops the block */
};

static struct {
	const struct lie *lie; /* NULL: told, or none */
	uint8_t copy[64];
} bob;

const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len)
{
	const uint8_t *msg = __real_channel_receive(ch, stream, len);
	struct message m;

	if (bob.lie == NULL || msg == NULL || *len == 0 || msg[0] != bob.lie->type ||
	    message_decode(msg, *len, &m) < 0)
		return msg;
	bob.lie->tell(&m);
	bob.lie = NULL;
	CU_ASSERT_EQUAL(message_encode(&m, bob.copy, sizeof(bob.copy)), (int)*len);
	return bob.copy;
}

#define TELL(name, statement)                                                                      \
	static void name(struct message *m)                                                        \
	{                                                                                          \
		statement;                                                                         \
	}

TELL(longer, m->start.secret_bits += 256)
TELL(longest, m->start.secret_bits = UINT32_MAX & ~255u)
TELL(no_key, m->start.secret_bits = 0)
TELL(part_of_a_key, m->start.secret_bits -= 1)
TELL(shorter, m->start.secret_bits -= 256)
TELL(no_budget, m->start.budget = 0)
TELL(low_budget, m->start.budget /= 2)
TELL(high_budget, m->start.budget = UINT32_MAX)
TELL(no_errors, m->start.errors[0] = m->start.errors[1] = 0)
TELL(more_errors, m->start.errors[0] *= 8)
TELL(errors_beyond, m->start.errors[1] = BLOCK_BITS + 10000)
TELL(no_method, m->start.method = RECONCILE_AUTO)
TELL(unknown_method, m->start.method = RECONCILE_METHODS)
TELL(unproven_mode, m->start.mode = LEAK_ALICE_ONLY)
TELL(error_pattern, m->start.mode = LEAK_ERROR_PATTERN)
TELL(auto_mode, m->start.mode = LEAK_AUTO)
TELL(unknown_mode, m->start.mode = 255)
TELL(unknown_reason, m->start.reason = RECONCILE_REASONS)
TELL(other_frames, m->start.frame_bits /= 2)
TELL(other_bits, m->start.bits -= 1)
TELL(high_rate, m->start.qber_ppb = 500000001)
TELL(leak_of_alice, m->corrected.alice = UINT64_MAX)
TELL(leak_of_bob, m->corrected.bob = UINT64_MAX - m->corrected.alice)
TELL(leak_of_both, m->corrected.alice = m->corrected.bob = 1ULL << 63)
TELL(more_leak, m->corrected.bob += BLOCK_BITS)
TELL(no_leak, m->corrected.alice = m->corrected.bob = 0)
TELL(counts_of_none, m->counts.m_z[0] = m->counts.m_z[1] = 0)
TELL(counts_of_more, m->counts.m_z[0] *= 20)
TELL(counts_beyond, m->counts.m_z[1] = UINT64_MAX)

#define LIE(type, tell, reason)                                                                    \
	{                                                                                          \
#tell, MESSAGE_##type, tell, ABORT_##reason                                        \
	}

static const struct lie lies[] = {
        LIE(START, longer, LENGTH),           LIE(START, longest, LENGTH),
        LIE(START, no_key, LENGTH),           LIE(START, part_of_a_key, LENGTH),
        LIE(START, high_budget, LENGTH),      LIE(START, more_errors, LENGTH),
        LIE(START, no_budget, PROTOCOL),      LIE(START, errors_beyond, PROTOCOL),
        LIE(START, other_frames, PROTOCOL),   LIE(START, other_bits, PROTOCOL),
        LIE(START, high_rate, PROTOCOL),      LIE(START, low_budget, BUDGET),
        LIE(START, no_method, MODE),          LIE(START, unknown_method, MODE),
        LIE(START, unproven_mode, MODE),      LIE(START, error_pattern, MODE),
        LIE(START, auto_mode, MODE),          LIE(START, unknown_mode, MODE),
        LIE(START, unknown_reason, MODE),     LIE(CORRECTED, leak_of_alice, BUDGET),
        LIE(CORRECTED, leak_of_bob, BUDGET),  LIE(CORRECTED, leak_of_both, BUDGET),
        LIE(CORRECTED, more_leak, BUDGET),    LIE(COUNTS, counts_of_more, QBER),
        LIE(COUNTS, counts_beyond, PROTOCOL),
};

/* What Alice has no reason to doubt: the tags differ, and so do, in the first case, the keys. */
static const struct lie undoubted[] = {
        LIE(START, shorter, TAG),
        LIE(START, no_errors, TAG),
        LIE(CORRECTED, no_leak, TAG),
        LIE(COUNTS, counts_of_none, TAG),
};

static struct engine_stats stats_of(const struct rig_end *end)
{
	struct engine_stats s;

	engine_stats_read(end->engine, &s);
	return s;
}

/* Alice's blocks lost for REASON, or, where Bob may find out first, by either end. */
static uint64_t lost(const struct rig *r, enum abort_reason reason)
{
	return stats_of(&r->a).aborts[reason] +
	       (reason == ABORT_TAG ? stats_of(&r->b).aborts[reason] : 0);
}

static void tell(struct rig *r, const struct lie *lie)
{
	uint64_t before = lost(r, lie->reason);

	bob.lie = lie;
	for (int i = 0; i < 20000 && lost(r, lie->reason) == before; i++)
		rig_step(r);
	CU_ASSERT_PTR_NULL(bob.lie);
	if (lost(r, lie->reason) == before) {
		printf("%s\n", lie->what);
		CU_FAIL("a lie that was believed");
	}
	CU_ASSERT_TRUE(rig_run_blocks(r, r->a.block_count + 1, 5 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(r) >= 1);
}

static void run(enum reconcile_method method, uint64_t seed)
{
	static const struct lossy_config good = {.delay_ns = NS_PER_MS};
	static struct rig r;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, seed));
	engine_destroy(r.a.engine);
	engine_destroy(r.b.engine);
	r.config_a.reconciliation = r.config_b.reconciliation = method;
	CU_ASSERT_TRUE_FATAL(rig_engine_start(&r.a) && rig_engine_start(&r.b));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 2, 5 * NS_PER_S));
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		tell(&r, &lies[i]);
	for (size_t i = 0; i < sizeof(undoubted) / sizeof(undoubted[0]); i++)
		tell(&r, &undoubted[i]);
	for (unsigned int i = 0; i < r.a.block_count; i++) {
		CU_ASSERT(r.a.blocks[i]->disclosed_bits <= r.a.blocks[i]->leaked_bits);
		CU_ASSERT(r.a.blocks[i]->leaked_bits < r.a.blocks[i]->sifted_bits);
	}
	rig_fini(&r);
}

static void test_cascade(void)
{
	run(RECONCILE_CASCADE, 71);
}

static void test_ldpc(void)
{
	run(RECONCILE_LDPC, 72);
}

UNIT_MAIN(UNIT(test_cascade), UNIT(test_ldpc))
