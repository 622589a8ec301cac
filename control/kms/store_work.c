/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Turns of the store thread. Fetches and the reservation are one transaction, jobs another: a disk
 * that is full for what comes may still have room for what goes.
 */

#include "control/kms/store_state.h"

#include <errno.h>
#include <stdlib.h>

struct turn {
	struct fetch *fetches;
	struct kms_store_job *jobs;
	bool reserve;
};

static void collect(struct kms_store *s, struct turn *t)
{
	store_lock(s);
	t->fetches = s->fetches;
	s->fetches = NULL;
	s->fetches_last = &s->fetches;
	t->jobs = s->jobs;
	s->jobs = NULL;
	s->jobs_last = &s->jobs;
	t->reserve = !s->failing && reserve_wanted(s);
	store_unlock(s);
}

void store_failed(struct kms_store *s, const struct err *err)
{
	store_lock(s);
	s->stats.commit_failures++;
	s->stats.last_failure = *err;
	store_unlock(s);
}

/* What is marked but never became part of a transaction. */
static void unmark(struct kms_store *s, struct fetch *f)
{
	store_lock(s);
	for (uint32_t i = 0; i < f->n; i++) {
		struct piece *p = &f->piece[i];
		struct segment *seg = p->segment;

		for (uint32_t w = p->from / CHUNK_UNITS; w < segment_words(p->from + p->units); w++)
			seg->live[w] |= range_mask(p->from, p->units, w);
		seg->stream->pending -= p->units;
	}
	store_unlock(s);
}

static void finish(struct kms_store *s, struct fetch *f, int rc)
{
	store_lock(s);
	for (const struct fetch *g = f; g != NULL; g = g->next) {
		s->pending_keys -= g->keys;
		if (rc == 0)
			s->stats.fetches++;
		else
			s->stats.undone++;
	}
	store_unlock(s);
	while (f != NULL) {
		struct fetch *next = f->next;

		f->done(f->ctx, rc);
		free(f);
		f = next;
	}
}

/* One transaction: what FETCHES took, and, OWN, the own stream's cursors. */
static int spend(struct kms_store *s, struct fetch *fetches, bool own, bool reserve,
                 struct err *err)
{
	struct txn t;
	int rc = txn_begin(s, &t, err);

	if (rc < 0) {
		for (struct fetch *f = fetches; f != NULL; f = f->next)
			unmark(s, f);
		return rc;
	}
	t.replay = true;
	if (own)
		given_collect(s);
	for (struct fetch *f = fetches; f != NULL; f = f->next)
		for (uint32_t i = 0; i < f->n; i++)
			txn_take(s, &f->piece[i]);
	if (reserve)
		reserve_ahead(s);
	return txn_end(s, &t, 0, err);
}

/* What was undone is taken once more, unless somebody else has it now. */
static bool mark_again(struct kms_store *s, struct fetch *f)
{
	bool there = true;

	store_lock(s);
	for (uint32_t i = 0; there && i < f->n; i++) {
		const struct piece *p = &f->piece[i];

		for (uint32_t w = p->from / CHUNK_UNITS; w < segment_words(p->from + p->units); w++)
			there &= (~p->segment->live[w] & range_mask(p->from, p->units, w)) == 0;
	}
	for (uint32_t i = 0; there && i < f->n; i++) {
		const struct piece *p = &f->piece[i];

		for (uint32_t w = p->from / CHUNK_UNITS; w < segment_words(p->from + p->units); w++)
			p->segment->live[w] &= ~range_mask(p->from, p->units, w);
		p->segment->stream->pending += p->units;
	}
	store_unlock(s);
	return there;
}

/* A page that cannot be read is one segment's: others shall not wait for it. */
static int spend_one_by_one(struct kms_store *s, const struct turn *turn, int why, struct err *err)
{
	struct err own;

	for (struct fetch *f = turn->fetches, *next; f != NULL; f = next) {
		next = f->next;
		f->next = NULL;
		finish(s, f, mark_again(s, f) ? spend(s, f, false, false, &own) : why);
	}
	return spend(s, NULL, true, turn->reserve, err);
}

static void spend_and_reserve(struct kms_store *s, const struct turn *turn, struct err *err)
{
	int rc = spend(s, turn->fetches, true, turn->reserve, err);

	if (rc < 0)
		store_failed(s, err);
	if (rc == -EUCLEAN || rc == -EIO) {
		rc = spend_one_by_one(s, turn, rc, err);
		if (rc < 0)
			store_failed(s, err);
	} else {
		finish(s, turn->fetches, rc);
	}
	s->failing = rc < 0;
}

static int run_job(struct kms_store *s, struct kms_store_job *job, struct err *err)
{
	struct txn t;
	int rc = txn_begin(s, &t, err);

	if (rc < 0)
		return rc;
	rc = job->run(job->ctx, s, err);
	return txn_end(s, &t, rc, err);
}

/* One that fails is told at once; the others when all is durable. */
static void run_jobs(struct kms_store *s, struct kms_store_job *jobs, struct err *err)
{
	struct kms_store_job *kept = NULL, **last = &kept;
	struct err why = {0};
	struct txn t;
	int rc = txn_begin(s, &t, &why);

	while (jobs != NULL) {
		struct kms_store_job *job = jobs;
		struct err fault = why;
		int failed = rc;

		jobs = job->next;
		job->next = NULL;
		if (rc == 0)
			failed = run_job(s, job, &fault);
		/* A disk that was full has rolled back all: none of them was done. */
		if (rc == 0 && failed < 0 && sqlite3_get_autocommit(s->db)) {
			rc = failed;
			why = fault;
		}
		if (failed < 0 && rc == 0) {
			if (job->done != NULL)
				job->done(job->ctx, failed, &fault);
		} else {
			*last = job;
			last = &job->next;
		}
	}
	if (s->depth > 0)
		rc = txn_end(s, &t, rc, &why);
	if (rc < 0) {
		store_failed(s, &why);
		*err = why;
	}
	while (kept != NULL) {
		struct kms_store_job *job = kept;

		kept = job->next;
		if (job->done != NULL)
			job->done(job->ctx, rc, &why);
	}
}

bool kms_store_work(struct kms_store *s, struct err *err)
{
	struct turn turn;
	struct err own;

	if (err == NULL)
		err = &own;
	err->code = 0;
	collect(s, &turn);
	if (turn.fetches != NULL || turn.reserve)
		spend_and_reserve(s, &turn, err);
	if (turn.jobs != NULL)
		run_jobs(s, turn.jobs, err);
	if (s->wal_pages > WAL_PAGES && db_checkpoint(s, err) < 0) {
		store_failed(s, err);
		s->wal_pages = 0; /* the next try after as many more */
	}
	return turn.fetches != NULL || turn.jobs != NULL || turn.reserve;
}

void kms_store_post(struct kms_store *s, struct kms_store_job *job)
{
	store_lock(s);
	job->next = NULL;
	*s->jobs_last = job;
	s->jobs_last = &job->next;
	if (s->wake != NULL)
		s->wake(s->wake_ctx);
	store_unlock(s);
}

void kms_store_wake(struct kms_store *s, void (*fn)(void *ctx), void *ctx)
{
	store_lock(s);
	s->wake = fn;
	s->wake_ctx = ctx;
	store_unlock(s);
}
