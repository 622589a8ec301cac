/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Polling lcores. A role is a poll function; a worker runs its list of roles in turn, reports
 * quiescence once a loop and sleeps (a ramp from 0 to 100 us) only while all of its roles are
 * idle. Between the rx and the tx of a burst a role takes no lock, allocates nothing, logs
 * nothing and calls no system.
 *
 *     worker_add_role(w, &(struct role){"forward", forward_poll, core});
 *     worker_launch(w, &err);
 */

#ifndef DATAPLANE_WORKER_H
#define DATAPLANE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

#include "common/counter.h"
#include "common/err.h"

#define WORKERS_MAX      32
#define WORKER_ROLES_MAX 4
#define WORKER_SLEEP_MAX 100 /* us */

struct worker;

struct role {
	const char *name;
	/* The amount of work done (packets, messages ...), 0 when idle. */
	unsigned int (*poll)(void *ctx, struct worker *w);
	void *ctx;
};

struct worker {
	/* control: wo before launch, worker: ro */
	unsigned int index;    /* 0 .., its QSBR thread id */
	unsigned int lcore_id; /* index + 1 */
	const char *name;
	int nice;    /* added to the process's: above 0 to give way to forwarding */
	bool shared; /* has no CPU of its own; set by worker_launch() */
	struct role roles[WORKER_ROLES_MAX];
	unsigned int role_count;
	struct rte_rcu_qsbr *qsbr;

	/* control: wo, worker: ro */
	_Alignas(64) bool stop;

	/* worker: rw, roles: ro; the time of this turn of the loop, as clock_mono_ns() */
	_Alignas(64) uint64_t now_ns;
	unsigned int sleep_us;
	unsigned int idle_loops;

	/* worker: wo, control: ro */
	uint64_t loops, busy_loops, work; /* work: the sum of what the polls did */
	uint64_t busy_cycles, idle_cycles, sleep_cycles;
	uint64_t role_cycles[WORKER_ROLES_MAX]; /* of polls that did work */

	/* worker: wo, control: ro */
	struct counter_set counters;
};

struct worker_stats {
	const char *name;
	unsigned int lcore_id;
	uint64_t loops, busy_loops;
	uint64_t work; /* packets of a forwarding core, packets and messages of the QKD core */
	uint64_t busy_cycles, idle_cycles, sleep_cycles; /* of the TSC */
	uint64_t busy_ns, idle_ns, sleep_ns;
};

/* Memory for COUNT workers that share one QSBR variable, one bit a worker. */
int workers_create(unsigned int count, struct err *err);

/* After workers_stop(). */
void workers_destroy(void);

struct worker *worker_get(unsigned int index);
unsigned int worker_count(void);

/* What control waits on before it frees what workers read; NULL before workers_create(). */
struct rte_rcu_qsbr *worker_qsbr(void);

/* Before launch. */
int worker_add_role(struct worker *w, const struct role *role, struct err *err);

int worker_launch(struct worker *w, struct err *err);

/* Ask all to stop and wait for them. */
void workers_stop(void);

void worker_stats_read(const struct worker *w, struct worker_stats *out);

/* One turn of the loop, for tests that have no lcore. Returns the work done. */
unsigned int worker_turn(struct worker *w);

/* The pause in us that follows when IDLE_LOOPS turns in a row did nothing. */
unsigned int worker_back_off_us(unsigned int idle_loops, bool shared);

#endif
