/* SPDX-License-Identifier: BSD-3-Clause */

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "common/secret.h"
#include "qkd-engine/key_blocks.h"
#include "tests/unit/unit.h"

#define BITS  4096
#define COUNT 3

static struct key_blocks *create(void)
{
	struct workspace_size one = key_blocks_size(BITS);
	struct key_blocks *p;

	if (secret_size() == 0)
		CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, NULL), 0);
	CU_ASSERT_TRUE(one.secret >= sizeof(struct key_block) + BITS / 8);
	p = key_blocks_create(COUNT, &one);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_TRUE(secret_used() >= COUNT * one.secret);
	return p;
}

static void test_as_many_as_there_are(void)
{
	struct key_blocks *p = create();
	struct key_block *kb[COUNT];

	for (int i = 0; i < COUNT; i++) {
		kb[i] = key_blocks_take(p);
		CU_ASSERT_PTR_NOT_NULL_FATAL(kb[i]);
		kb[i]->bits = BITS;
		memset(kb[i]->key, 0x10 + i, BITS / 8);
	}
	CU_ASSERT_PTR_NULL(key_blocks_take(p));
	/* None is in another's place. */
	for (int i = 0; i < COUNT; i++)
		CU_ASSERT_TRUE(kb[i]->key[0] == 0x10 + i && kb[i]->key[BITS / 8 - 1] == 0x10 + i);
	key_block_free(kb[1]);
	CU_ASSERT_PTR_EQUAL(key_blocks_take(p), kb[1]);
	CU_ASSERT_PTR_NULL(key_blocks_take(p));
	for (int i = 0; i < COUNT; i++)
		key_block_free(kb[i]);
	key_blocks_destroy(p);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void test_comes_back_zero(void)
{
	struct key_blocks *p = create();
	struct key_block *kb;
	unsigned int left = 0;

	for (int round = 0; round < 2 * COUNT; round++) {
		kb = key_blocks_take(p);
		CU_ASSERT_PTR_NOT_NULL_FATAL(kb);
		for (size_t i = 0; i < BITS / 8; i++)
			left += kb->key[i] != 0;
		left += kb->number != 0 || kb->bits != 0 || kb->eps_auth != 0;
		kb->number = kb->bits = BITS;
		kb->eps_auth = 1;
		memset(kb->key, 0xff, BITS / 8);
		key_block_free(kb);
	}
	CU_ASSERT_EQUAL(left, 0);
	key_blocks_destroy(p);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

/* Control still has keys when the engine goes. */
static void test_outlives_the_engine(void)
{
	struct key_blocks *p = create();
	struct key_block *kb = key_blocks_take(p), *own;

	kb->bits = BITS;
	key_blocks_destroy(p);
	CU_ASSERT_TRUE(secret_used() > 0);
	key_block_free(kb);
	CU_ASSERT_EQUAL(secret_used(), 0);
	/* One that comes from no engine. */
	own = secret_alloc(sizeof(*own) + BITS / 8);
	key_block_free(own);
	key_block_free(NULL);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

/* The engine's thread takes what another one frees. */
static struct key_block *handed;
static bool over;

static void *frees(void *ctx)
{
	unsigned int *wrong = ctx;

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&handed, __ATOMIC_ACQUIRE) != NULL) {
		struct key_block *kb = __atomic_exchange_n(&handed, NULL, __ATOMIC_ACQ_REL);

		if (kb == NULL) {
			sched_yield();
			continue;
		}
		*wrong += kb->key[0] != (uint8_t)kb->number ||
		          kb->key[BITS / 8 - 1] != (uint8_t)kb->number;
		key_block_free(kb);
	}
	return NULL;
}

static void test_two_threads(void)
{
	struct key_blocks *p = create();
	unsigned int wrong = 0, dirty = 0;
	pthread_t thread;

	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, frees, &wrong), 0);
	for (uint64_t n = 1; n <= 2000;) {
		struct key_block *kb = __atomic_load_n(&handed, __ATOMIC_RELAXED) == NULL
		                               ? key_blocks_take(p)
		                               : NULL;

		if (kb == NULL) {
			sched_yield();
			continue;
		}
		dirty += kb->key[0] != 0 || kb->key[BITS / 8 - 1] != 0 || kb->number != 0;
		kb->number = n++;
		kb->bits = BITS;
		memset(kb->key, (uint8_t)kb->number, BITS / 8);
		__atomic_store_n(&handed, kb, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	key_blocks_destroy(p);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(dirty, 0);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

UNIT_MAIN(UNIT(test_as_many_as_there_are), UNIT(test_comes_back_zero),
          UNIT(test_outlives_the_engine), UNIT(test_two_threads))
