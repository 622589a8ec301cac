/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/worker.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/unit.h"

struct probe {
	unsigned int polls;
	unsigned int work;
	int nice;
	uint64_t now_ns;
};

static unsigned int poll_probe(void *ctx, struct worker *w)
{
	struct probe *p = ctx;

	p->now_ns = w->now_ns;
	p->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
	__atomic_store_n(&p->polls, p->polls + 1, __ATOMIC_RELEASE);
	return p->work;
}

static void test_back_off_ramp(void)
{
	unsigned int last = 0;

	CU_ASSERT_EQUAL(worker_back_off_us(0, false), 0);
	CU_ASSERT_EQUAL(worker_back_off_us(100, false), 0);
	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int us = worker_back_off_us(i, false);

		CU_ASSERT_TRUE_FATAL(us >= last && us <= last + 1);
		last = us;
	}
	CU_ASSERT_EQUAL(last, WORKER_SLEEP_MAX);
	CU_ASSERT_EQUAL(worker_back_off_us(UINT32_MAX, false), WORKER_SLEEP_MAX);
}

static void test_back_off_soon_on_a_shared_cpu(void)
{
	unsigned int last = 0;

	CU_ASSERT_EQUAL(worker_back_off_us(3, true), 0);
	for (unsigned int i = 0; i < 50; i++) {
		unsigned int us = worker_back_off_us(i, true);

		CU_ASSERT_TRUE_FATAL(us >= last && us <= WORKER_SLEEP_MAX);
		last = us;
	}
	CU_ASSERT_EQUAL(worker_back_off_us(9, true), WORKER_SLEEP_MAX);
	CU_ASSERT_EQUAL(worker_back_off_us(UINT32_MAX, true), WORKER_SLEEP_MAX);
}

static void test_turn_sleeps_only_when_all_roles_idle(void)
{
	struct probe a = {.work = 0}, b = {.work = 1};
	struct worker_stats stats;
	struct err err = {0};
	struct worker *w;

	CU_ASSERT_EQUAL_FATAL(workers_create(1, &err), 0);
	w = worker_get(0);
	CU_ASSERT_EQUAL(worker_add_role(w, &(struct role){"a", poll_probe, &a}, &err), 0);
	CU_ASSERT_EQUAL(worker_add_role(w, &(struct role){"b", poll_probe, &b}, &err), 0);
	rte_rcu_qsbr_thread_register(w->qsbr, w->index);
	rte_rcu_qsbr_thread_online(w->qsbr, w->index);
	for (int i = 0; i < 2000; i++)
		CU_ASSERT_EQUAL(worker_turn(w), 1);
	CU_ASSERT_EQUAL(a.polls, 2000);
	CU_ASSERT_EQUAL(b.polls, 2000);
	CU_ASSERT_EQUAL(w->sleep_us, 0);
	b.work = 0;
	for (int i = 0; i < 2000; i++)
		worker_turn(w);
	CU_ASSERT_EQUAL(w->sleep_us, WORKER_SLEEP_MAX);
	a.work = 3;
	CU_ASSERT_EQUAL(worker_turn(w), 3);
	CU_ASSERT_EQUAL(w->sleep_us, 0);
	worker_stats_read(w, &stats);
	CU_ASSERT_EQUAL(stats.loops, 4001);
	CU_ASSERT_EQUAL(stats.busy_loops, 2001);
	CU_ASSERT_TRUE(stats.busy_ns > 0 && stats.idle_ns > 0);
	CU_ASSERT_TRUE(stats.busy_cycles > 0 && stats.idle_cycles > 0);
	CU_ASSERT_TRUE(stats.work >= stats.busy_loops + 2);
	for (int i = 2; i < WORKER_ROLES_MAX; i++)
		worker_add_role(w, &(struct role){"c", poll_probe, &a}, &err);
	CU_ASSERT_EQUAL(worker_add_role(w, &(struct role){"d", poll_probe, &a}, &err), -E2BIG);
	workers_destroy();
}

static void test_launch_quiesce_stop(void)
{
	struct probe busy = {.work = 1}, idle = {.work = 0};
	int own_nice = getpriority(PRIO_PROCESS, 0);
	uint64_t token, before;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(workers_create(2, &err), 0);
	worker_add_role(worker_get(0), &(struct role){"busy", poll_probe, &busy}, &err);
	worker_add_role(worker_get(1), &(struct role){"idle", poll_probe, &idle}, &err);
	worker_get(1)->nice = 5;
	CU_ASSERT_EQUAL(worker_launch(worker_get(0), &err), 0);
	CU_ASSERT_EQUAL(worker_launch(worker_get(1), &err), 0);
	CU_ASSERT_EQUAL(worker_launch(worker_get(1), &err), -EBUSY);
	before = clock_mono_ns();
	token = rte_rcu_qsbr_start(worker_qsbr());
	/* Both report although one of them sleeps most of the time. */
	rte_rcu_qsbr_check(worker_qsbr(), token, true);
	while (__atomic_load_n(&idle.polls, __ATOMIC_ACQUIRE) < 3 ||
	       __atomic_load_n(&busy.polls, __ATOMIC_ACQUIRE) < 3)
		usleep(100);
	CU_ASSERT_TRUE(clock_mono_ns() - before < 20 * NS_PER_S);
	workers_stop();
	CU_ASSERT_EQUAL(busy.nice, own_nice);
	CU_ASSERT_EQUAL(idle.nice, own_nice + 5 < 19 ? own_nice + 5 : 19);
	/* The loop's time follows CLOCK_MONOTONIC. */
	CU_ASSERT_TRUE(busy.now_ns + 100 * NS_PER_MS > before);
	CU_ASSERT_TRUE(busy.now_ns < clock_mono_ns() + 10 * NS_PER_MS);
	/* Workers that stopped hold no grace period up. */
	token = rte_rcu_qsbr_start(worker_qsbr());
	CU_ASSERT_EQUAL(rte_rcu_qsbr_check(worker_qsbr(), token, false), 1);
	workers_destroy();
}

static void test_counters_survive(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(workers_create(0, &err), -EINVAL);
	CU_ASSERT_EQUAL(workers_create(WORKERS_MAX + 1, &err), -EINVAL);
	CU_ASSERT_PTR_NULL(worker_get(0));
	CU_ASSERT_PTR_NULL(worker_qsbr());
}

static void test_start(void)
{
	dpdk_start(2, 32, NULL, NULL);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_back_off_ramp), UNIT(test_back_off_soon_on_a_shared_cpu),
          UNIT(test_turn_sleeps_only_when_all_roles_idle), UNIT(test_launch_quiesce_stop),
          UNIT(test_counters_survive))
