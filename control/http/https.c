/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/https.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/secret.h"
#include "control/http/https_parts.h"

#define LINGER_NS   (2 * NS_PER_S)
#define OTHER_FILES 256 /* that the process may have beside connections */

/* 10,000 connections take more than the usual 1,024 files. */
static int raise_files(uint32_t connections, struct err *err)
{
	rlim_t needed = (rlim_t)connections + OTHER_FILES;
	struct rlimit limit, wanted;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return err_set(err, errno, "open files: %s", strerror(errno));
	if (limit.rlim_cur >= needed)
		return 0;
	wanted = (struct rlimit){needed, limit.rlim_max > needed ? limit.rlim_max : needed};
	if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return 0;
	return err_set(err, EMFILE,
	               "connections: %u take %llu open files, and %llu are allowed; raise "
	               "LimitNOFILE",
	               connections, (unsigned long long)needed, (unsigned long long)limit.rlim_max);
}

/* The main thread has the signals. */
static int start_thread(struct https *h, struct err *err)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&h->thread, NULL, https_run, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0 ? 0 : err_set(err, rc, "https thread: %s", strerror(rc));
}

static void close_files(struct https *h)
{
	for (unsigned int i = 0; i < HTTPS_LISTEN_MAX; i++)
		if (h->listen[i] >= 0)
			close(h->listen[i]);
	if (h->bell >= 0)
		close(h->bell);
	if (h->epoll >= 0)
		close(h->epoll);
}

/* All but what exchanges need to find out that it is gone. */
static void release(struct https *h)
{
	close_files(h);
	https_addresses_free(h->addresses);
	secret_free(h->stage);
	tls_context_unref(h->tls);
	tls_context_unref(h->fresh);
}

static struct https *allocate(const struct https_config *config, https_handler handler, void *ctx)
{
	struct https *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->config = *config;
	h->handler = handler;
	h->ctx = ctx;
	h->patience_ns[CONNECTION_HANDSHAKE] = config->handshake_ns;
	h->patience_ns[CONNECTION_STRANGER] = config->header_ns;
	h->patience_ns[CONNECTION_IDLE] = config->idle_ns;
	h->patience_ns[CONNECTION_HEADER] = config->header_ns;
	h->patience_ns[CONNECTION_BODY] = config->body_ns;
	h->patience_ns[CONNECTION_WRITE] = config->answer_ns;
	h->patience_ns[CONNECTION_LINGER] = LINGER_NS;
	for (int i = 0; i < CONNECTION_PHASES; i++)
		TAILQ_INIT(&h->phase[i]);
	TAILQ_INIT(&h->again);
	TAILQ_INIT(&h->greeting);
	for (int i = 0; i < HTTPS_LISTEN_MAX; i++)
		h->listen[i] = -1;
	h->answered_end = &h->answered;
	h->references = 1;
	pthread_mutex_init(&h->lock, NULL);
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->stage = secret_alloc(HTTPS_RECORD);
	h->addresses = https_addresses_new(config->connections);
	return h;
}

/* Who is to be verified must be, by something. */
static int check_clients(const struct https_config *c, struct err *err)
{
	for (unsigned int i = 0; i < c->listen_count; i++) {
		if (c->clients[i] == HTTPS_PLAIN)
			continue;
		if (!tls_file_given(c->files.certificate))
			return err_set(err, EINVAL, "certificate: missing for TLS");
		if (c->clients[i] == HTTPS_CERTIFIED && !tls_file_given(c->files.ca))
			return err_set(err, EINVAL, "ca: missing for clients' certificates");
		if (c->clients[i] == HTTPS_PSK && !tls_file_given(c->files.psk))
			return err_set(err, EINVAL, "psk: missing for clients' keys");
	}
	return 0;
}

static int set_up(struct https *h, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &h->bell};
	int rc;

	if (h->epoll < 0 || h->bell < 0 || h->stage == NULL || h->addresses == NULL ||
	    epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->bell, &event) != 0)
		return err_set(err, ENOMEM, "https: out of memory or files");
	rc = check_clients(&h->config, err);
	if (rc == 0)
		rc = raise_files(h->config.connections, err);
	if (rc == 0)
		rc = tls_context_load(&h->config.files, &h->fresh, err);
	for (unsigned int i = 0; rc == 0 && i < h->config.listen_count; i++)
		rc = https_listen(h, i, err);
	if (rc != 0)
		return rc;
	atomic_store(&h->generation, 1);
	h->tls_generation = 1;
	h->tls = tls_context_ref(h->fresh);
	return start_thread(h, err);
}

int https_create(const struct https_config *config, https_handler handler, void *ctx,
                 struct https **out, struct err *err)
{
	struct https *h = allocate(config, handler, ctx);
	int rc;

	if (h == NULL)
		return err_set(err, ENOMEM, "https: out of memory");
	rc = set_up(h, err);
	if (rc != 0) {
		release(h);
		pthread_mutex_destroy(&h->lock);
		free(h);
		return rc;
	}
	*out = h;
	return 0;
}

int https_reload(struct https *h, struct err *err)
{
	struct tls_context *fresh, *old;
	int rc = tls_context_load(&h->config.files, &fresh, err);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&h->lock);
	old = h->fresh;
	h->fresh = fresh;
	atomic_fetch_add(&h->generation, 1);
	tls_context_unref(old);
	pthread_mutex_unlock(&h->lock);
	eventfd_write(h->bell, 1);
	return 0;
}

void https_stop(struct https *h, uint64_t wait_ns)
{
	pthread_mutex_lock(&h->lock);
	if (!h->stop)
		h->stop_ns = clock_mono_ns() + wait_ns;
	h->stop = true;
	pthread_mutex_unlock(&h->lock);
	eventfd_write(h->bell, 1);
}

void https_destroy(struct https *h)
{
	struct https_exchange *x, *next;

	if (h == NULL)
		return;
	https_stop(h, 0);
	pthread_join(h->thread, NULL);
	pthread_mutex_lock(&h->lock);
	h->gone = true;
	x = h->answered;
	pthread_mutex_unlock(&h->lock);
	release(h);
	for (; x != NULL; x = next) {
		next = x->next;
		https_exchange_drop(x);
	}
	https_release(h);
}

uint16_t https_port(const struct https *h, unsigned int i)
{
	return h->port[i];
}

int64_t https_certificate_end(struct https *h)
{
	int64_t end;

	pthread_mutex_lock(&h->lock);
	end = (int64_t)h->fresh->until;
	pthread_mutex_unlock(&h->lock);
	return end;
}

void https_stats_read(struct https *h, struct https_stats *out)
{
	out->connections = atomic_load_explicit(&h->connections, memory_order_relaxed);
	out->waiting = atomic_load_explicit(&h->waiting, memory_order_relaxed);
	out->body_memory = atomic_load_explicit(&h->body_memory, memory_order_relaxed);
	for (int i = 0; i < HTTPS_COUNTS; i++)
		out->count[i] = atomic_load_explicit(&h->count[i], memory_order_relaxed);
}
