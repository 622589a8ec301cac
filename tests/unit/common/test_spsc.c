/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/spsc.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>

static void test_full_and_empty(void)
{
	struct spsc r;
	int x[5];

	CU_ASSERT_EQUAL_FATAL(spsc_init(&r, 4), 0);
	CU_ASSERT_PTR_NULL(spsc_pop(&r));
	for (int i = 0; i < 4; i++)
		CU_ASSERT_TRUE(spsc_push(&r, &x[i]));
	CU_ASSERT_FALSE(spsc_push(&r, &x[4]));
	for (int i = 0; i < 4; i++)
		CU_ASSERT_PTR_EQUAL(spsc_pop(&r), &x[i]);
	CU_ASSERT_PTR_NULL(spsc_pop(&r));
	spsc_fini(&r);
}

static void test_room(void)
{
	struct spsc r;
	int x;

	CU_ASSERT_EQUAL_FATAL(spsc_init(&r, 4), 0);
	/* Often enough for the indices to go round. */
	for (size_t used = 0, i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(spsc_room(&r), 4 - used);
		if (i % 5 < 3)
			used += spsc_push(&r, &x);
		else
			used -= spsc_pop(&r) != NULL;
	}
	spsc_fini(&r);
}

static void test_bulk(void)
{
	void *in[6], *out[8];
	struct spsc r;
	int x[6];
	size_t pushed = 0, popped = 0;

	for (int i = 0; i < 6; i++)
		in[i] = &x[i];
	CU_ASSERT_EQUAL_FATAL(spsc_init(&r, 8), 0);
	CU_ASSERT_EQUAL(spsc_pop_bulk(&r, out, 8), 0);
	/* Sizes that do not divide the ring's, so that bursts go round its end. */
	for (int turn = 0; turn < 50; turn++) {
		size_t n = spsc_push_bulk(&r, in, 6), got;

		CU_ASSERT_EQUAL(n, 8 - (pushed - popped) < 6 ? 8 - (pushed - popped) : 6);
		pushed += n;
		got = spsc_pop_bulk(&r, out, 5);
		CU_ASSERT_EQUAL(got, pushed - popped < 5 ? pushed - popped : 5);
		popped += got;
	}
	while (spsc_pop(&r) != NULL)
		popped++;
	CU_ASSERT_EQUAL(pushed, popped);
	/* In order, and mixed with the single ones. */
	CU_ASSERT_TRUE(spsc_push(&r, &x[0]));
	CU_ASSERT_EQUAL(spsc_push_bulk(&r, in + 1, 5), 5);
	CU_ASSERT_PTR_EQUAL(spsc_pop(&r), &x[0]);
	CU_ASSERT_EQUAL(spsc_pop_bulk(&r, out, 8), 5);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_PTR_EQUAL(out[i], &x[i + 1]);
	spsc_fini(&r);
}

#define COUNT 200000

static void *produce(void *arg)
{
	for (uintptr_t i = 1; i <= COUNT; i++)
		while (!spsc_push(arg, (void *)i))
			sched_yield();
	return NULL;
}

static void test_two_threads_keep_order(void)
{
	struct spsc r;
	pthread_t t;
	uintptr_t want = 1;

	CU_ASSERT_EQUAL_FATAL(spsc_init(&r, 64), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&t, NULL, produce, &r), 0);
	while (want <= COUNT) {
		uintptr_t got = (uintptr_t)spsc_pop(&r);

		if (got == 0) {
			sched_yield();
			continue;
		}
		if (got != want)
			break;
		want++;
	}
	CU_ASSERT_EQUAL(want, COUNT + 1);
	pthread_join(t, NULL);
	spsc_fini(&r);
}

UNIT_MAIN(UNIT(test_full_and_empty), UNIT(test_room), UNIT(test_bulk),
          UNIT(test_two_threads_keep_order))
