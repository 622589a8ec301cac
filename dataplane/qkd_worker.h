/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Further QKD cores: the heavy computations of blocks, which the engine gives away as jobs
 * (qkd-engine/job.h). The QKD role is the only one that gives; a worker works on several jobs
 * in turn, step by step, so that a long one does not hold up the others.
 */

#ifndef DATAPLANE_QKD_WORKER_H
#define DATAPLANE_QKD_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "qkd-engine/job.h"

#define QKD_WORKERS_MAX 8
/* Of a worker at a time; what more there is to do, the QKD role does better itself. */
#define QKD_WORKER_JOBS_MAX 2

struct qkd_worker;
struct worker;

struct qkd_worker *qkd_worker_create(struct err *err);
/* After the workers have stopped; jobs that it has are not its own to free. */
void qkd_worker_destroy(struct qkd_worker *k);

/* A worker role: CTX is the struct qkd_worker. */
unsigned int qkd_worker_poll(void *ctx, struct worker *w);

/*
 * QKD role: give J to the one of COUNT workers that has least to do, a small one to who has
 * nothing; false: all have enough.
 */
bool qkd_worker_give(struct qkd_worker *const *workers, unsigned int count, struct job *j);

/* Any thread: jobs that it finished. */
uint64_t qkd_worker_done(const struct qkd_worker *k);

#endif
