/* SPDX-License-Identifier: BSD-3-Clause */

/* What waits for a receiver that is a function of the test. */

#include "control/web/outbox.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

static struct receiver {
	pthread_mutex_t lock;
	char taken[256]; /* first characters of the messages, in their order */
	atomic_int answer, asked;
	atomic_bool slow;
} receiver = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int take(void *ctx, struct outbox *o, const char *message, size_t len, struct err *err)
{
	struct receiver *r = ctx;
	size_t n;

	atomic_fetch_add(&r->asked, 1);
	while (atomic_load(&r->slow) && !outbox_stopping(o))
		usleep(1000);
	if (atomic_load(&r->answer) != 0)
		return err_set(err, atomic_load(&r->answer), "it says %d", r->answer);
	pthread_mutex_lock(&r->lock);
	n = strlen(r->taken);
	r->taken[n] = message[0];
	r->taken[n + 1] = '\0';
	pthread_mutex_unlock(&r->lock);
	return len == strlen(message) ? 0 : -EINVAL;
}

static struct outbox *start(unsigned int messages)
{
	const struct outbox_config config = {.messages = messages,
	                                     .retry_min_ms = 5,
	                                     .retry_max_ms = 20,
	                                     .send = take,
	                                     .ctx = &receiver};
	struct err err = {0};
	struct outbox *o;

	receiver.taken[0] = '\0';
	receiver.answer = receiver.asked = 0;
	receiver.slow = false;
	o = outbox_create(&config, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	return o;
}

static struct outbox_stats stats(struct outbox *o)
{
	struct outbox_stats s;

	outbox_stats_read(o, &s);
	return s;
}

#define WAIT_FOR(condition)                                                                        \
	do {                                                                                       \
		for (int i_ = 0; i_ < 5000 && !(condition); i_++)                                  \
			usleep(1000);                                                              \
		CU_ASSERT_TRUE(condition);                                                         \
	} while (0)

static void test_order(void)
{
	struct outbox *o = start(100);
	char text[2] = "a";

	for (; text[0] <= 'z'; text[0]++)
		outbox_put(o, text, 1);
	WAIT_FOR(stats(o).sent == 26);
	CU_ASSERT_STRING_EQUAL(receiver.taken, "abcdefghijklmnopqrstuvwxyz");
	CU_ASSERT_FALSE(stats(o).failing);
	CU_ASSERT_EQUAL(stats(o).waiting, 0);
	outbox_destroy(o, 0);
}

static void test_tried_until_it_is_taken(void)
{
	struct outbox *o = start(100);

	receiver.answer = EAGAIN;
	outbox_put(o, "a", 1);
	outbox_put(o, "b", 1);
	WAIT_FOR(stats(o).retries >= 3);
	CU_ASSERT_TRUE(stats(o).failing);
	CU_ASSERT_STRING_EQUAL(stats(o).last_error, "it says 11");
	CU_ASSERT_EQUAL(stats(o).waiting, 2);
	CU_ASSERT_STRING_EQUAL(receiver.taken, "");
	receiver.answer = 0;
	WAIT_FOR(stats(o).sent == 2);
	CU_ASSERT_STRING_EQUAL(receiver.taken, "ab");
	/* What would never be taken is given up, and the next goes on. */
	receiver.answer = EPROTO;
	outbox_put(o, "c", 1);
	WAIT_FOR(stats(o).refused == 1);
	receiver.answer = 0;
	outbox_put(o, "d", 1);
	WAIT_FOR(stats(o).sent == 3);
	CU_ASSERT_STRING_EQUAL(receiver.taken, "abd");
	CU_ASSERT_EQUAL(stats(o).lost, 0);
	outbox_destroy(o, 0);
}

/* The pauses grow: an absent receiver costs little. */
static void test_pauses(void)
{
	const struct outbox_config config = {
	        .retry_min_ms = 10, .retry_max_ms = 40, .send = take, .ctx = &receiver};
	struct err err = {0};
	struct outbox *o;
	uint64_t begin;

	receiver.answer = EAGAIN;
	receiver.asked = 0;
	o = outbox_create(&config, &err);
	begin = clock_mono_ns();
	outbox_put(o, "a", 1);
	WAIT_FOR(atomic_load(&receiver.asked) == 5); /* 10, 20, 40, 40 */
	CU_ASSERT(clock_mono_ns() - begin >= 110 * NS_PER_MS);
	begin = clock_mono_ns();
	outbox_destroy(o, 5000);
	/* Nobody lingers for one who fails. */
	CU_ASSERT(clock_mono_ns() - begin < NS_PER_S);
}

static void test_a_full_queue_loses_its_oldest(void)
{
	struct outbox *o = start(3);

	receiver.slow = true;
	outbox_put(o, "a", 1);
	WAIT_FOR(atomic_load(&receiver.asked) == 1);
	for (const char *c = "bcdefg"; *c != '\0'; c++)
		outbox_put(o, c, 1);
	CU_ASSERT_EQUAL(stats(o).lost, 3);
	CU_ASSERT_EQUAL(stats(o).waiting, 4);
	receiver.slow = false;
	WAIT_FOR(stats(o).sent == 4);
	CU_ASSERT_STRING_EQUAL(receiver.taken, "aefg");
	outbox_destroy(o, 0);
}

static void test_what_is_left_is_sent_at_the_end(void)
{
	struct outbox *o = start(100);
	uint64_t begin;

	for (int i = 0; i < 50; i++)
		outbox_put(o, "x", 1);
	outbox_destroy(o, 5000);
	CU_ASSERT_EQUAL(strlen(receiver.taken), 50);
	/* But nobody waits for ever for a slow one. */
	o = start(100);
	receiver.slow = true;
	outbox_put(o, "x", 1);
	begin = clock_mono_ns();
	outbox_destroy(o, 50);
	CU_ASSERT(clock_mono_ns() - begin < NS_PER_S);
	receiver.slow = false;
}

UNIT_MAIN(UNIT(test_order), UNIT(test_tried_until_it_is_taken), UNIT(test_pauses),
          UNIT(test_a_full_queue_loses_its_oldest), UNIT(test_what_is_left_is_sent_at_the_end))
