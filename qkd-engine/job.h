/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A computation that needs nothing but its own memory, cut in bounded steps: its owner does them
 * itself, or gives the job to another core and leaves the memory alone until it has it back.
 *
 *     job_init(&j, step, ctx);
 *     if (give(&j)) ... later: if (job_back(&j)) use what it computed;
 *     else while (!step(ctx)) come back for the next one;
 *
 * The other core: while (!job_run(&j)) do something else in between.
 */

#ifndef QKD_ENGINE_JOB_H
#define QKD_ENGINE_JOB_H

#include <stdbool.h>

/* About 50 us of work; true when all is done. */
typedef bool (*job_step_fn)(void *ctx);

struct job {
	/* owner: rw while it has the job, worker: ro */
	job_step_fn step;
	void *ctx;
	/* owner: rw */
	bool given;
	/* owner: wo, who gives: ro; worth giving only to who has nothing to do */
	bool small;
	/* owner: wo, worker: ro; nobody wants the result any more */
	bool stop;
	/* worker: wo, owner: ro while the job is given; the last that the worker touches */
	bool done;
};

static inline void job_init(struct job *j, job_step_fn step, void *ctx)
{
	*j = (struct job){.step = step, .ctx = ctx};
}

/* Owner: the worker has nothing to do with it (any more). */
static inline bool job_back(struct job *j)
{
	if (j->given && __atomic_load_n(&j->done, __ATOMIC_ACQUIRE))
		j->given = false;
	return !j->given;
}

/* Owner: have it back soon, whatever is missing. */
static inline void job_stop(struct job *j)
{
	__atomic_store_n(&j->stop, true, __ATOMIC_RELAXED);
}

/* Worker: a step; true: it is the owner's again and not to be touched. */
static inline bool job_run(struct job *j)
{
	if (!__atomic_load_n(&j->stop, __ATOMIC_RELAXED) && !j->step(j->ctx))
		return false;
	__atomic_store_n(&j->done, true, __ATOMIC_RELEASE);
	return true;
}

#endif
