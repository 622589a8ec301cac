/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "common/clock.h"

/* Turns without work before the first sleep: some 50 us of polling on an idle port. */
#define SPIN_LOOPS 512
/* Idle turns for each further microsecond. */
#define RAMP_LOOPS 4
/* On a CPU that others need, polling in vain takes from them: sleep soon, doubling. */
#define SHARED_SPIN_LOOPS 4
#define SHARED_FIRST_US   4

static struct {
	struct worker *worker[WORKERS_MAX];
	unsigned int count;
	struct rte_rcu_qsbr *qsbr;
} pool;

/* TSC and CLOCK_MONOTONIC at start, and nanoseconds a cycle in units of 2^-32. */
static struct {
	uint64_t tsc, ns, scale;
} base;

static uint64_t cycles_to_ns(uint64_t cycles)
{
	return (uint64_t)(((unsigned __int128)cycles * base.scale) >> 32);
}

/* A clock read may be a system call on some guests, the TSC never is. */
static uint64_t tsc_ns(uint64_t tsc)
{
	return base.ns + cycles_to_ns(tsc - base.tsc);
}

struct worker *worker_get(unsigned int index)
{
	return index < pool.count ? pool.worker[index] : NULL;
}

unsigned int worker_count(void)
{
	return pool.count;
}

struct rte_rcu_qsbr *worker_qsbr(void)
{
	return pool.qsbr;
}

#ifdef HAVE_RTE_LCORE_USAGE
/* For DPDK's own /eal/lcore/usage, on a thread of its own. Sleeping is not busy. */
static int lcore_usage(unsigned int lcore_id, struct rte_lcore_usage *usage)
{
	struct worker_stats s;

	for (unsigned int i = 0; i < pool.count; i++) {
		if (pool.worker[i]->lcore_id != lcore_id)
			continue;
		worker_stats_read(pool.worker[i], &s);
		usage->busy_cycles = s.busy_cycles;
		usage->total_cycles = s.busy_cycles + s.idle_cycles + s.sleep_cycles;
		return 0;
	}
	return -ENOENT;
}
#endif

int workers_create(unsigned int count, struct err *err)
{
	size_t size = rte_rcu_qsbr_get_memsize(WORKERS_MAX);

	if (count < 1 || count > WORKERS_MAX)
		return err_set(err, EINVAL, "lcores: %u is not within 1 to %u", count, WORKERS_MAX);
	base.tsc = rte_rdtsc();
	base.ns = clock_mono_ns();
	base.scale = (uint64_t)(((unsigned __int128)NS_PER_S << 32) / rte_get_tsc_hz());
	pool.qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE));
	if (pool.qsbr == NULL || rte_rcu_qsbr_init(pool.qsbr, WORKERS_MAX) != 0) {
		workers_destroy();
		return err_set(err, ENOMEM, "no memory for the workers' quiescent states");
	}
	for (unsigned int i = 0; i < count; i++) {
		struct worker *w = aligned_alloc(_Alignof(struct worker), sizeof(*w));

		if (w == NULL) {
			workers_destroy();
			return err_set(err, ENOMEM, "no memory for worker %u", i);
		}
		memset(w, 0, sizeof(*w));
		w->index = i;
		w->lcore_id = i + 1;
		w->name = "worker";
		w->qsbr = pool.qsbr;
		w->now_ns = base.ns;
		pool.worker[pool.count++] = w;
		counter_set_attach(&w->counters, "worker");
	}
#ifdef HAVE_RTE_LCORE_USAGE
	rte_lcore_register_usage_cb(lcore_usage);
#endif
	return 0;
}

void workers_destroy(void)
{
#ifdef HAVE_RTE_LCORE_USAGE
	rte_lcore_register_usage_cb(NULL);
#endif
	for (unsigned int i = 0; i < pool.count; i++) {
		counter_set_detach(&pool.worker[i]->counters);
		free(pool.worker[i]);
	}
	free(pool.qsbr);
	memset(&pool, 0, sizeof(pool));
}

int worker_add_role(struct worker *w, const struct role *role, struct err *err)
{
	if (w->role_count == WORKER_ROLES_MAX)
		return err_set(err, E2BIG, "lcore %u: no room for role \"%s\"", w->lcore_id,
		               role->name);
	w->roles[w->role_count++] = *role;
	return 0;
}

unsigned int worker_back_off_us(unsigned int idle_loops, bool shared)
{
	unsigned int us;

	if (shared) {
		if (idle_loops < SHARED_SPIN_LOOPS)
			return 0;
		if (idle_loops - SHARED_SPIN_LOOPS >= 5)
			return WORKER_SLEEP_MAX;
		return SHARED_FIRST_US << (idle_loops - SHARED_SPIN_LOOPS);
	}

	if (idle_loops < SPIN_LOOPS)
		return 0;
	us = (idle_loops - SPIN_LOOPS) / RAMP_LOOPS + 1;
	return us < WORKER_SLEEP_MAX ? us : WORKER_SLEEP_MAX;
}

static void back_off(struct worker *w)
{
	struct timespec pause = {.tv_nsec = (long)(w->sleep_us * NS_PER_US)};

	if (w->sleep_us == 0)
		rte_pause();
	else
		nanosleep(&pause, NULL);
}

/* Counters that this worker alone writes. */
static void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

unsigned int worker_turn(struct worker *w)
{
	uint64_t start = rte_rdtsc(), before = start, after = start;
	unsigned int work = 0;

	w->now_ns = tsc_ns(start);
	for (unsigned int i = 0; i < w->role_count; i++) {
		unsigned int done = w->roles[i].poll(w->roles[i].ctx, w);

		after = rte_rdtsc();
		if (done > 0)
			count(&w->role_cycles[i], after - before);
		before = after;
		work += done;
	}
	rte_rcu_qsbr_quiescent(w->qsbr, w->index);
	count(&w->loops, 1);
	if (work > 0) {
		count(&w->busy_loops, 1);
		count(&w->work, work);
		count(&w->busy_cycles, after - start);
		w->idle_loops = 0;
		w->sleep_us = 0;
	} else {
		count(&w->idle_cycles, after - start);
		if (w->idle_loops < UINT32_MAX)
			w->idle_loops++;
		w->sleep_us = worker_back_off_us(w->idle_loops, w->shared);
	}
	return work;
}

static int worker_main(void *arg)
{
	struct worker *w = arg;

	/* The default slack of 50 us would make every short sleep that long. */
	prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
	if (w->nice != 0)
		setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, 0) + w->nice);
	rte_rcu_qsbr_thread_online(w->qsbr, w->index);
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		if (worker_turn(w) == 0) {
			uint64_t start = rte_rdtsc();

			back_off(w);
			count(&w->sleep_cycles, rte_rdtsc() - start);
		}
	}
	rte_rcu_qsbr_thread_offline(w->qsbr, w->index);
	rte_rcu_qsbr_thread_unregister(w->qsbr, w->index);
	return 0;
}

int worker_launch(struct worker *w, struct err *err)
{
	rte_cpuset_t cpus = rte_lcore_cpuset(w->lcore_id);
	int rc;

	w->shared = CPU_COUNT(&cpus) != 1;

	w->stop = false;
	/* Registered from here, so that no grace period ends before the worker's first turn. */
	rte_rcu_qsbr_thread_register(w->qsbr, w->index);
	rc = rte_eal_remote_launch(worker_main, w, w->lcore_id);
	if (rc < 0) {
		rte_rcu_qsbr_thread_unregister(w->qsbr, w->index);
		return err_set(err, -rc, "lcore %u does not start", w->lcore_id);
	}
	return 0;
}

void workers_stop(void)
{
	for (unsigned int i = 0; i < pool.count; i++)
		__atomic_store_n(&pool.worker[i]->stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < pool.count; i++)
		rte_eal_wait_lcore(pool.worker[i]->lcore_id);
}

void worker_stats_read(const struct worker *w, struct worker_stats *out)
{
	*out = (struct worker_stats){
	        .name = w->name,
	        .lcore_id = w->lcore_id,
	        .loops = __atomic_load_n(&w->loops, __ATOMIC_RELAXED),
	        .busy_loops = __atomic_load_n(&w->busy_loops, __ATOMIC_RELAXED),
	        .work = __atomic_load_n(&w->work, __ATOMIC_RELAXED),
	        .busy_cycles = __atomic_load_n(&w->busy_cycles, __ATOMIC_RELAXED),
	        .idle_cycles = __atomic_load_n(&w->idle_cycles, __ATOMIC_RELAXED),
	        .sleep_cycles = __atomic_load_n(&w->sleep_cycles, __ATOMIC_RELAXED),
	};
	out->busy_ns = cycles_to_ns(out->busy_cycles);
	out->idle_ns = cycles_to_ns(out->idle_cycles);
	out->sleep_ns = cycles_to_ns(out->sleep_cycles);
}
