/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/sad.h"
#include "tests/unit/dataplane/esp_fixture.h"

#include <errno.h>

static struct sa sas[SAD_RECEIVE_MAX + 1];

static uint32_t seed = 1;

static uint32_t next_random(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed ^ seed >> 15;
}

static void test_bad_sizes_are_refused(void)
{
	struct err err = {0};

	fixture_start();
	CU_ASSERT_PTR_NULL(sad_create(0, 1, qsbr, &err));
	CU_ASSERT_PTR_NULL(sad_create(TUNNEL_CORES_MAX + 1, 1, qsbr, &err));
	CU_ASSERT_PTR_NULL(sad_create(1, 0, qsbr, &err));
	CU_ASSERT_PTR_NULL(sad_create(1, SAD_TUNNELS_MAX + 1, qsbr, &err));
	CU_ASSERT_PTR_NULL(sad_create(1, 1, NULL, &err));
	CU_ASSERT_EQUAL(err.code, EINVAL);
}

static void test_transmit_by_core_tunnel_and_class(void)
{
	struct sad *sad = sad_create(2, 3, qsbr, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(sad);
	CU_ASSERT_PTR_NULL(sad_transmit(&sad->core[1], 2, 3));
	sad_set_transmit(sad, 1, 2, 3, &sas[0]);
	sad_set_transmit(sad, 1, 2, 0, &sas[1]);
	CU_ASSERT_PTR_EQUAL(sad_transmit(&sad->core[1], 2, 3), &sas[0]);
	CU_ASSERT_PTR_EQUAL(sad_transmit(&sad->core[1], 2, 0), &sas[1]);
	CU_ASSERT_PTR_NULL(sad_transmit(&sad->core[0], 2, 3));
	CU_ASSERT_PTR_NULL(sad_transmit(&sad->core[1], 1, 3));
	sad_set_transmit(sad, 1, 2, 3, NULL);
	CU_ASSERT_PTR_NULL(sad_transmit(&sad->core[1], 2, 3));
	sad_destroy(sad);
}

/* The table against a list: additions and removals at random, up to all that it may hold. */
static void test_receive_finds_what_is_there(void)
{
	struct sad *sad = sad_create(1, SAD_TUNNELS_MAX, qsbr, NULL);
	static bool there[SAD_RECEIVE_MAX];
	unsigned int found = 0, missed = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(sad);
	for (unsigned int i = 0; i < SAD_RECEIVE_MAX; i++) {
		bool again;

		do {
			sas[i].spi = next_random();
			again = sas[i].spi < TUNNEL_SPI_MIN;
			for (unsigned int k = 0; k < i; k++)
				again |= sas[k].spi == sas[i].spi;
		} while (again);
		CU_ASSERT_EQUAL(sad_add_receive(sad, 0, &sas[i]), 0);
		there[i] = true;
	}
	sas[SAD_RECEIVE_MAX].spi = 0x100;
	CU_ASSERT_EQUAL(sad_add_receive(sad, 0, &sas[SAD_RECEIVE_MAX]), -ENOSPC);
	CU_ASSERT_EQUAL(sad_add_receive(sad, 0, &sas[7]), -EEXIST);
	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int i = next_random() % SAD_RECEIVE_MAX;

		if (there[i])
			sad_remove_receive(sad, 0, &sas[i]);
		else
			CU_ASSERT_EQUAL(sad_add_receive(sad, 0, &sas[i]), 0);
		there[i] = !there[i];
		i = next_random() % SAD_RECEIVE_MAX;
		if (sad_receive(&sad->core[0], sas[i].spi) == (there[i] ? &sas[i] : NULL))
			found++;
		else
			missed++;
	}
	for (unsigned int i = 0; i < SAD_RECEIVE_MAX; i++)
		missed += sad_receive(&sad->core[0], sas[i].spi) != (there[i] ? &sas[i] : NULL);
	CU_ASSERT_EQUAL(missed, 0);
	CU_ASSERT_EQUAL(found, 20000);
	/* An SPI of 0 marks free ways and finds none of them. */
	CU_ASSERT_PTR_NULL(sad_receive(&sad->core[0], 0));
	/* All gone: no bucket has to be passed any more. */
	for (unsigned int i = 0; i < SAD_RECEIVE_MAX; i++)
		sad_remove_receive(sad, 0, &sas[i]);
	CU_ASSERT_EQUAL(sad->core[0].receive_count, 0);
	for (unsigned int b = 0; b <= sad->core[0].mask; b++)
		CU_ASSERT_EQUAL(sad->core[0].bucket[b].passed, 0);
	sad_destroy(sad);
}

static void test_removing_a_stranger_does_nothing(void)
{
	struct sad *sad = sad_create(1, 1, qsbr, NULL);
	static struct sa twin;

	CU_ASSERT_PTR_NOT_NULL_FATAL(sad);
	sas[0].spi = twin.spi = 0x4711;
	CU_ASSERT_EQUAL(sad_add_receive(sad, 0, &sas[0]), 0);
	sad_remove_receive(sad, 0, &twin);
	CU_ASSERT_PTR_EQUAL(sad_receive(&sad->core[0], 0x4711), &sas[0]);
	sad_destroy(sad);
}

UNIT_MAIN(UNIT(test_bad_sizes_are_refused), UNIT(test_transmit_by_core_tunnel_and_class),
          UNIT(test_receive_finds_what_is_there), UNIT(test_removing_a_stranger_does_nothing))
