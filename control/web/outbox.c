/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/outbox.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000

struct message {
	size_t len;
	char text[];
};

struct outbox {
	struct outbox_config config;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock. */
	struct message **ring;
	unsigned int first, count;
	bool busy; /* with one that is in the ring no more */
	struct outbox_stats stats;
	bool closing; /* end when there is nothing left */
	/* Now. Without the lock: SEND looks at it. */
	atomic_bool stopping;
};

bool outbox_stopping(const struct outbox *o)
{
	return atomic_load_explicit(&o->stopping, memory_order_relaxed);
}

static struct message *pop(struct outbox *o)
{
	struct message *m = o->ring[o->first];

	o->first = (o->first + 1) % o->config.messages;
	o->count--;
	return m;
}

/* Under the lock; ends early when the outbox stops. */
static void pause_for(struct outbox *o, uint32_t ms)
{
	uint64_t until = clock_mono_ns() + ms * NS_PER_MS;
	const struct timespec at = {(time_t)(until / NS_PER_S), (long)(until % NS_PER_S)};

	while (!outbox_stopping(o) && clock_mono_ns() < until)
		pthread_cond_timedwait(&o->changed, &o->lock, &at);
}

/* Under the lock, which is left while it is sent. True: done with it. */
static bool attempt(struct outbox *o, const struct message *m)
{
	struct err err = {0};
	int rc;

	pthread_mutex_unlock(&o->lock);
	rc = o->config.send(o->config.ctx, o, m->text, m->len, &err);
	pthread_mutex_lock(&o->lock);
	o->stats.failing = rc != 0;
	if (rc != 0)
		memcpy(o->stats.last_error, err.text, sizeof(o->stats.last_error) - 1);
	if (rc == 0)
		o->stats.sent++;
	else if (rc != -EAGAIN)
		o->stats.refused++;
	return rc != -EAGAIN;
}

static void deliver(struct outbox *o, struct message *m)
{
	uint32_t wait = o->config.retry_min_ms;

	while (!attempt(o, m)) {
		if (outbox_stopping(o) || o->closing) {
			o->stats.lost++;
			break;
		}
		o->stats.retries++;
		pause_for(o, wait);
		wait = wait < o->config.retry_max_ms / 2 ? 2 * wait : o->config.retry_max_ms;
	}
}

static void *run(void *ctx)
{
	struct outbox *o = ctx;

	pthread_mutex_lock(&o->lock);
	for (;;) {
		struct message *m;

		while (o->count == 0 && !o->closing)
			pthread_cond_wait(&o->changed, &o->lock);
		if (o->count == 0 || outbox_stopping(o))
			break;
		m = pop(o);
		o->busy = true;
		deliver(o, m);
		o->busy = false;
		free(m);
		pthread_cond_broadcast(&o->changed);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

static int start(struct outbox *o)
{
	pthread_condattr_t attr;
	sigset_t all, before;
	int rc;

	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&o->changed, &attr);
	pthread_condattr_destroy(&attr);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = pthread_create(&o->thread, NULL, run, o);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

static void release(struct outbox *o)
{
	if (o == NULL)
		return;
	while (o->ring != NULL && o->count > 0)
		free(pop(o));
	free(o->ring);
	free(o);
}

struct outbox *outbox_create(const struct outbox_config *config, struct err *err)
{
	struct outbox *o = calloc(1, sizeof(*o));
	int rc;

	if (o != NULL) {
		o->config = *config;
		if (o->config.messages == 0)
			o->config.messages = OUTBOX_MESSAGES_MAX;
		if (o->config.retry_min_ms == 0)
			o->config.retry_min_ms = RETRY_MIN_MS;
		if (o->config.retry_max_ms == 0)
			o->config.retry_max_ms = RETRY_MAX_MS;
		o->ring = calloc(o->config.messages, sizeof(struct message *));
	}
	if (o == NULL || o->ring == NULL) {
		release(o);
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	rc = start(o);
	if (rc == 0)
		return o;
	release(o);
	err_set(err, -rc, "no thread: %s", strerror(-rc));
	return NULL;
}

void outbox_destroy(struct outbox *o, uint32_t linger_ms)
{
	uint64_t until = clock_mono_ns() + linger_ms * NS_PER_MS;
	const struct timespec at = {(time_t)(until / NS_PER_S), (long)(until % NS_PER_S)};

	if (o == NULL)
		return;
	pthread_mutex_lock(&o->lock);
	o->closing = true;
	pthread_cond_broadcast(&o->changed);
	while ((o->count > 0 || o->busy) && !o->stats.failing && clock_mono_ns() < until)
		pthread_cond_timedwait(&o->changed, &o->lock, &at);
	atomic_store(&o->stopping, true);
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	pthread_join(o->thread, NULL);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
	release(o);
}

void outbox_put(struct outbox *o, const char *text, size_t len)
{
	struct message *m = malloc(sizeof(*m) + len + 1);

	pthread_mutex_lock(&o->lock);
	if (m == NULL) {
		o->stats.lost++;
		pthread_mutex_unlock(&o->lock);
		return;
	}
	m->len = len;
	memcpy(m->text, text, len);
	m->text[len] = '\0';
	if (o->count == o->config.messages) {
		free(pop(o));
		o->stats.lost++;
	}
	o->ring[(o->first + o->count++) % o->config.messages] = m;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

void outbox_stats_read(struct outbox *o, struct outbox_stats *out)
{
	pthread_mutex_lock(&o->lock);
	*out = o->stats;
	out->waiting = o->count + o->busy;
	pthread_mutex_unlock(&o->lock);
}
