/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/qkd_worker.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>

#define JOBS 5000

/* Adds up 1 to N, one number a step. */
struct sum {
	struct job job;
	unsigned int n, at;
	uint64_t sum;
};

static bool add_next(void *ctx)
{
	struct sum *s = ctx;

	s->sum += ++s->at;
	return s->at >= s->n;
}

static void sum_init(struct sum *s, unsigned int n)
{
	*s = (struct sum){.n = n};
	job_init(&s->job, add_next, s);
}

static void test_turns(void)
{
	struct qkd_worker *k = qkd_worker_create(NULL);
	struct sum slow, fast;

	sum_init(&slow, 10);
	sum_init(&fast, 2);
	CU_ASSERT_EQUAL(qkd_worker_poll(k, NULL), 0);
	CU_ASSERT_TRUE(qkd_worker_give(&k, 1, &slow.job));
	CU_ASSERT_TRUE(qkd_worker_give(&k, 1, &fast.job));
	CU_ASSERT_FALSE(job_back(&fast.job));
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(qkd_worker_poll(k, NULL), 1);
	CU_ASSERT_TRUE(job_back(&fast.job));
	CU_ASSERT_EQUAL(fast.sum, 3);
	CU_ASSERT_FALSE(job_back(&slow.job));
	CU_ASSERT_EQUAL(slow.at, 2);
	for (int i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(qkd_worker_poll(k, NULL), 1);
	CU_ASSERT_TRUE(job_back(&slow.job));
	CU_ASSERT_EQUAL(slow.sum, 55);
	CU_ASSERT_EQUAL(qkd_worker_done(k), 2);
	CU_ASSERT_EQUAL(qkd_worker_poll(k, NULL), 0);
	qkd_worker_destroy(k);
}

static void test_stop(void)
{
	struct qkd_worker *k = qkd_worker_create(NULL);
	struct sum s;

	sum_init(&s, 10);
	CU_ASSERT_TRUE(qkd_worker_give(&k, 1, &s.job));
	qkd_worker_poll(k, NULL);
	job_stop(&s.job);
	CU_ASSERT_FALSE(job_back(&s.job)); /* the worker may be in the middle of a step */
	qkd_worker_poll(k, NULL);
	CU_ASSERT_TRUE(job_back(&s.job));
	CU_ASSERT_EQUAL(s.at, 1);
	/* given again, it goes on */
	CU_ASSERT_TRUE(qkd_worker_give(&k, 1, &s.job));
	while (!job_back(&s.job))
		qkd_worker_poll(k, NULL);
	CU_ASSERT_EQUAL(s.sum, 55);
	qkd_worker_destroy(k);
}

/* The least busy gets it; nobody when all have enough. */
static void test_sharing(void)
{
	struct qkd_worker *k[2] = {qkd_worker_create(NULL), qkd_worker_create(NULL)};
	static struct sum s[2 * QKD_WORKER_JOBS_MAX + 1];

	for (unsigned int i = 0; i < 2 * QKD_WORKER_JOBS_MAX; i++) {
		sum_init(&s[i], 1);
		CU_ASSERT_TRUE(qkd_worker_give(k, 2, &s[i].job));
	}
	sum_init(&s[2 * QKD_WORKER_JOBS_MAX], 1);
	CU_ASSERT_FALSE(qkd_worker_give(k, 2, &s[2 * QKD_WORKER_JOBS_MAX].job));
	CU_ASSERT_TRUE(job_back(&s[2 * QKD_WORKER_JOBS_MAX].job));
	CU_ASSERT_FALSE(qkd_worker_give(k, 0, &s[2 * QKD_WORKER_JOBS_MAX].job));
	for (int i = 0; i < QKD_WORKER_JOBS_MAX; i++) {
		qkd_worker_poll(k[0], NULL);
		qkd_worker_poll(k[1], NULL);
	}
	CU_ASSERT_EQUAL(qkd_worker_done(k[0]), QKD_WORKER_JOBS_MAX);
	CU_ASSERT_EQUAL(qkd_worker_done(k[1]), QKD_WORKER_JOBS_MAX);
	CU_ASSERT_TRUE(qkd_worker_give(k, 2, &s[2 * QKD_WORKER_JOBS_MAX].job));
	qkd_worker_destroy(k[0]);
	qkd_worker_destroy(k[1]);
}

static bool over;

static void *work(void *ctx)
{
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		if (qkd_worker_poll(ctx, NULL) == 0)
			sched_yield();
	return NULL;
}

/* Two threads work, this one gives, takes back, and stops some. */
static void test_threads(void)
{
	struct qkd_worker *k[2] = {qkd_worker_create(NULL), qkd_worker_create(NULL)};
	struct sum s[8];
	pthread_t thread[2];
	unsigned int given = 0, wrong = 0, taken = 0;

	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, work, k[i]), 0);
	for (int i = 0; i < 8; i++)
		sum_init(&s[i], 0);
	while (taken < JOBS) {
		for (int i = 0; i < 8; i++) {
			if (!job_back(&s[i].job))
				continue;
			if (s[i].n > 0) {
				wrong += s[i].at != s[i].n && !s[i].job.stop;
				wrong += s[i].sum != (uint64_t)s[i].at * (s[i].at + 1) / 2;
				taken++;
			}
			sum_init(&s[i], 1 + given % 97);
			if (!qkd_worker_give(k, 2, &s[i].job))
				sum_init(&s[i], 0);
			else if (given++ % 5 == 0)
				job_stop(&s[i].job);
		}
		sched_yield();
	}
	for (int i = 0; i < 8; i++)
		while (!job_back(&s[i].job))
			sched_yield();
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(qkd_worker_done(k[0]) + qkd_worker_done(k[1]), given);
	CU_ASSERT_TRUE(qkd_worker_done(k[0]) > 0 && qkd_worker_done(k[1]) > 0);
	qkd_worker_destroy(k[0]);
	qkd_worker_destroy(k[1]);
}

UNIT_MAIN(UNIT(test_turns), UNIT(test_stop), UNIT(test_sharing), UNIT(test_threads))
