/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/qkd_worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/spsc.h"

struct qkd_worker {
	/* QKD role: producer, worker: consumer */
	struct spsc jobs;

	/* QKD role: rw */
	_Alignas(64) uint64_t given;

	/* worker: rw */
	_Alignas(64) struct job *active[QKD_WORKER_JOBS_MAX];
	unsigned int count, next;

	/* worker: wo, others: ro */
	_Alignas(64) uint64_t done;
};

struct qkd_worker *qkd_worker_create(struct err *err)
{
	struct qkd_worker *k = aligned_alloc(64, sizeof(*k));

	if (k != NULL)
		memset(k, 0, sizeof(*k));
	if (k == NULL || spsc_init(&k->jobs, QKD_WORKER_JOBS_MAX) < 0) {
		free(k);
		err_set(err, ENOMEM, "qkd: out of memory");
		return NULL;
	}
	return k;
}

void qkd_worker_destroy(struct qkd_worker *k)
{
	if (k == NULL)
		return;
	spsc_fini(&k->jobs);
	free(k);
}

unsigned int qkd_worker_poll(void *ctx, struct worker *w)
{
	struct qkd_worker *k = ctx;
	struct job *j;

	/* Never more than there is room for: that is what may be given at a time. */
	while (k->count < QKD_WORKER_JOBS_MAX && (j = spsc_pop(&k->jobs)) != NULL)
		k->active[k->count++] = j;
	if (k->count == 0)
		return 0;
	if (k->next >= k->count)
		k->next = 0;
	if (!job_run(k->active[k->next])) {
		k->next++;
		return 1;
	}
	k->active[k->next] = k->active[--k->count];
	__atomic_store_n(&k->done, k->done + 1, __ATOMIC_RELEASE);
	return 1;
}

uint64_t qkd_worker_done(const struct qkd_worker *k)
{
	return __atomic_load_n(&k->done, __ATOMIC_ACQUIRE);
}

bool qkd_worker_give(struct qkd_worker *const *workers, unsigned int count, struct job *j)
{
	struct qkd_worker *best = NULL;
	uint64_t least = QKD_WORKER_JOBS_MAX;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t has = workers[i]->given - qkd_worker_done(workers[i]);

		if (has < least) {
			least = has;
			best = workers[i];
		}
	}
	if (best == NULL || (j->small && least > 0))
		return false;
	/* What the worker sees is all that was written before. */
	j->given = true;
	j->stop = j->done = false;
	best->given++;
	spsc_push(&best->jobs, j);
	return true;
}
