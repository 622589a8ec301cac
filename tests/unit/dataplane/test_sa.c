/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/sa.h"
#include "tests/unit/dataplane/esp_fixture.h"

static void test_begins_at_zero_in_secret_memory(void)
{
	struct tunnel_config config = fixture_config(false);
	struct sa_key key;
	size_t before;
	struct sa *sa;

	fixture_start();
	before = secret_used();
	fixture_keys(&key, 1, 3);
	key.spi |= 5;
	for (int transmit = 0; transmit < 2; transmit++) {
		sa = sa_create(&config, 4, NULL, &key, 7, transmit);
		CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
		CU_ASSERT_EQUAL((uintptr_t)sa % 64, 0);
		CU_ASSERT_EQUAL((uintptr_t)sa->schedule % 64, 0);
		CU_ASSERT_TRUE(secret_used() >= before + gcm_provider()->key_bytes + sizeof(*sa));
		CU_ASSERT_EQUAL(sa->replay.top, 0);
		CU_ASSERT_EQUAL(sa->replay.size, transmit ? 0 : config.replay_window);
		CU_ASSERT_EQUAL(sa->sub, 5);
		CU_ASSERT_EQUAL(sa->core, 1);
		CU_ASSERT_EQUAL(memcmp(sa->salt, key.salt, 4), 0);
		sa_destroy(sa);
		CU_ASSERT_EQUAL(secret_used(), before);
	}
	sa_destroy(NULL);
}

/* The memory of a destroyed SA is mapped still: nothing of the key is left in it. */
static void test_key_is_wiped(void)
{
	struct tunnel_config config = fixture_config(true);
	const uint8_t *block, *schedule;
	unsigned int left = 0;
	struct sa_key key;
	struct sa *sa;

	fixture_keys(&key, 1, 4);
	sa = sa_create(&config, 4, NULL, &key, 1, true);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
	block = (const uint8_t *)sa;
	schedule = (const uint8_t *)sa->schedule;
	CU_ASSERT_EQUAL(memcmp(sa->key, key.key, 32), 0);
	sa_destroy(sa);
	for (size_t i = 0; i < sizeof(*sa); i++)
		left += block[i];
	for (size_t i = 0; i < gcm_provider()->key_bytes; i++)
		left += schedule[i];
	CU_ASSERT_EQUAL(left, 0);
}

static void test_schedule_is_that_of_the_key(void)
{
	struct tunnel_config config = fixture_config(false);
	_Alignas(64) static uint8_t want[GCM_KEY_BYTES];
	struct sa_key key;
	struct sa *sa;

	fixture_keys(&key, 1, 5);
	gcm_provider()->key_expand(key.key, (struct gcm_key *)want);
	sa = sa_create(&config, 4, NULL, &key, 1, true);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
	CU_ASSERT_EQUAL(memcmp(sa->schedule, want, gcm_provider()->key_bytes), 0);
	sa_destroy(sa);
}

UNIT_MAIN(UNIT(test_begins_at_zero_in_secret_memory), UNIT(test_key_is_wiped),
          UNIT(test_schedule_is_that_of_the_key))
