/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/capture_ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define RECORDS 200000

static struct capture_ring ring;

static void ring_new(size_t size)
{
	memset(&ring, 0, sizeof(ring));
	ring.size = size;
	ring.bytes = calloc(1, size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ring.bytes);
}

static uint32_t size_of(uint64_t i)
{
	return (uint32_t)(i * 2654435761u >> 7) % 200;
}

static bool push(uint64_t i)
{
	struct capture_record *r = capture_ring_reserve(&ring, size_of(i));

	if (r == NULL)
		return false;
	r->tsc = i;
	r->captured = size_of(i);
	r->length = (uint32_t)i;
	memset(r->data, (int)i, r->captured);
	capture_ring_commit(&ring, r);
	return true;
}

static void check(const struct capture_record *r, uint64_t i)
{
	CU_ASSERT_EQUAL(r->tsc, i);
	CU_ASSERT_EQUAL(r->captured, size_of(i));
	for (uint32_t b = 0; b < r->captured; b++)
		if (r->data[b] != (uint8_t)i) {
			CU_FAIL("a byte is not what was put in");
			break;
		}
}

static void test_full_and_empty(void)
{
	uint64_t in = 0, out = 0;

	ring_new(1024);
	CU_ASSERT_PTR_NULL(capture_ring_peek(&ring));
	for (int round = 0; round < 500; round++) {
		const struct capture_record *r;
		uint64_t before = in;

		while (push(in))
			in++;
		/* Sixteen of the longest would not fit, four always do. */
		CU_ASSERT_TRUE(in - before >= 4);
		CU_ASSERT_PTR_NULL(capture_ring_peek(&ring));
		capture_ring_publish(&ring);
		while ((r = capture_ring_peek(&ring)) != NULL) {
			check(r, out++);
			capture_ring_next(&ring, r);
		}
		CU_ASSERT_EQUAL(out, in);
	}
	free(ring.bytes);
}

/* What was reserved and not committed is not there, and leaves no hole. */
static void test_reserved_only(void)
{
	const struct capture_record *r;

	ring_new(1024);
	for (uint64_t i = 0; i < 100; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(capture_ring_reserve(&ring, 100));
		CU_ASSERT_TRUE_FATAL(push(i));
		capture_ring_publish(&ring);
		r = capture_ring_peek(&ring);
		CU_ASSERT_PTR_NOT_NULL_FATAL(r);
		check(r, i);
		capture_ring_next(&ring, r);
		CU_ASSERT_PTR_NULL(capture_ring_peek(&ring));
	}
	CU_ASSERT_PTR_NULL(capture_ring_reserve(&ring, 1024));
	free(ring.bytes);
}

static void *produce(void *arg)
{
	for (uint64_t i = 0; i < RECORDS; i++) {
		while (!push(i))
			sched_yield();
		capture_ring_publish(&ring);
	}
	return NULL;
}

static void test_two_threads(void)
{
	pthread_t thread;

	ring_new(4096);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, produce, NULL), 0);
	for (uint64_t i = 0; i < RECORDS; i++) {
		const struct capture_record *r;

		while ((r = capture_ring_peek(&ring)) == NULL)
			sched_yield();
		check(r, i);
		capture_ring_next(&ring, r);
	}
	pthread_join(thread, NULL);
	CU_ASSERT_PTR_NULL(capture_ring_peek(&ring));
	free(ring.bytes);
}

UNIT_MAIN(UNIT(test_full_and_empty), UNIT(test_reserved_only), UNIT(test_two_threads))
