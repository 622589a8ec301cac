/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/engine_state.h"
#include "qkd-engine/hash_keys.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS 120000

static const struct lossy_config good = {.delay_ns = NS_PER_MS};

/*
 * The first block of a session renews the hash keys, and then one after 64 tags: both ends hash
 * the same blocks under the same keys, and the new ones are in nobody's store.
 */
static void test_hash_keys_are_renewed(void)
{
	static const uint8_t zeros[32];
	static struct rig r;
	struct engine_stats a, b;
	unsigned int renewals = 0;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 31));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	engine_stats_read(r.a.engine, &a);
	CU_ASSERT_EQUAL(a.hash_key_renewals, 1);
	CU_ASSERT_FALSE(a.hash_keys_preshared);
	CU_ASSERT_EQUAL(r.a.blocks[0]->hash_keys, 1);
	CU_ASSERT(r.a.blocks[0]->preshared_hashes >= 1);
	/* The blocks that had begun keep the old ones. */
	CU_ASSERT_TRUE(rig_run_blocks(&r, 8, 5 * NS_PER_S));
	engine_stats_read(r.a.engine, &a);
	CU_ASSERT(a.hash_key_uses >= 1 && a.hash_key_uses < 8);
	CU_ASSERT_EQUAL(a.hash_key_renewals, 1);
	r.a.engine->hash->uses = HASH_KEYS_USES;
	CU_ASSERT_TRUE(rig_run_blocks(&r, 16, 5 * NS_PER_S));
	engine_stats_read(r.a.engine, &a);
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_EQUAL(a.hash_key_renewals, 2);
	CU_ASSERT_EQUAL(b.hash_key_renewals, 2);
	CU_ASSERT_EQUAL(a.blocks_aborted + b.blocks_aborted, 0);
	CU_ASSERT(rig_common_blocks(&r) >= 16);
	for (unsigned int i = 0; i < r.a.block_count; i++) {
		const struct key_block *k = r.a.blocks[i];

		CU_ASSERT_EQUAL(k->pad_keys, RIG_GRANT);
		CU_ASSERT(k->pad_base > 0);
		CU_ASSERT_EQUAL(memcmp(k->key + k->pad_keys * 32, zeros, 32) == 0,
		                k->hash_keys == 1);
		renewals += k->hash_keys;
	}
	CU_ASSERT_EQUAL(renewals, 2);
	/* What an end has when the other's session is new is not known: both begin where they did.
	 */
	CU_ASSERT_TRUE_FATAL(rig_restart(&r.b));
	CU_ASSERT_TRUE(rig_run_blocks(&r, r.a.block_count + 1, 10 * NS_PER_S));
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_EQUAL(b.auth_failures, 0);
	CU_ASSERT_EQUAL(r.b.blocks[r.b.block_count - 1]->hash_keys, 1);
	rig_fini(&r);
}

/*
 * Bob begins a block while the COMMIT that renews the hash keys is on its way to him, and Alice
 * hears of it after she sent that: so it is at some of these distances.
 */
static void test_block_that_begins_during_a_renewal(void)
{
	static struct rig r;
	struct engine_stats a, b;

	for (uint64_t ms = 20; ms <= 160; ms += 20) {
		CU_ASSERT_TRUE_FATAL(rig_init(
		        &r, BLOCK_BITS, &(struct lossy_config){.delay_ns = ms * NS_PER_MS}, 32));
		r.step_ns = NS_PER_MS;
		CU_ASSERT_TRUE(rig_run_blocks(&r, 4, 10 * NS_PER_S));
		engine_stats_read(r.a.engine, &a);
		engine_stats_read(r.b.engine, &b);
		CU_ASSERT_EQUAL(a.hash_key_renewals, 1);
		CU_ASSERT_EQUAL(a.aborts[ABORT_TAG] + b.aborts[ABORT_TAG], 0);
		CU_ASSERT_EQUAL(a.blocks_aborted + b.blocks_aborted, 0);
		CU_ASSERT_EQUAL(a.protocol_errors + b.protocol_errors, 0);
		rig_fini(&r);
	}
}

UNIT_MAIN(UNIT(test_hash_keys_are_renewed), UNIT(test_block_that_begins_during_a_renewal))
