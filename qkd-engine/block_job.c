/* SPDX-License-Identifier: BSD-3-Clause */

/* Heavy computations of a block, which another core may do. */

#include "qkd-engine/engine_state.h"

static enum block_job run(struct engine *e, struct block *b, job_step_fn step, bool small)
{
	if (!b->job_on) {
		job_init(&b->job, step, b);
		b->job.small = small;
		b->job_on = true;
		if (e->ops.give != NULL && e->ops.give(e->ctx, &b->job)) {
			e->stats.jobs_given++;
			return BLOCK_JOB_WAITS;
		}
		e->stats.jobs_own++;
	}
	if (b->job.given) {
		if (!job_back(&b->job))
			return BLOCK_JOB_WAITS;
		e->stats.jobs_back++;
	} else if (!step(b)) {
		e->worked = true;
		return BLOCK_JOB_MORE;
	}
	b->job_on = false;
	e->worked = true;
	return BLOCK_JOB_DONE;
}

enum block_job block_job(struct engine *e, struct block *b, job_step_fn step)
{
	return run(e, b, step, false);
}

enum block_job block_job_small(struct engine *e, struct block *b, job_step_fn step)
{
	return run(e, b, step, true);
}

bool block_job_end(struct engine *e, struct block *b)
{
	bool given = b->job.given;

	if (!job_back(&b->job)) {
		job_stop(&b->job);
		return false;
	}
	e->stats.jobs_back += given;
	b->job_on = false;
	return true;
}
