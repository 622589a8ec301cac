/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/https_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/secret.h"

#define EVENTS            256
#define HANDSHAKES_A_TURN 4 /* each takes as long as dozens of requests, which are not to wait */

void https_enter(struct connection *c, enum phase phase)
{
	struct https *h = c->h;

	/* Each list is in the order of its deadlines, as all in it wait for the same time. */
	TAILQ_REMOVE(&h->phase[c->phase], c, link);
	c->phase = phase;
	c->deadline_ns = h->now_ns + h->patience_ns[phase];
	TAILQ_INSERT_TAIL(&h->phase[phase], c, link);
}

static void go_on(struct connection *c, struct connections *turn)
{
	if (c->turn != NULL)
		return;
	c->turn = turn;
	TAILQ_INSERT_TAIL(turn, c, more);
}

void https_again(struct connection *c)
{
	go_on(c, &c->h->again);
}

static void leave_turn(struct connection *c)
{
	if (c->turn != NULL)
		TAILQ_REMOVE(c->turn, c, more);
	c->turn = NULL;
}

void https_close(struct connection *c)
{
	struct https *h = c->h;

	leave_turn(c);
	if (c->x != NULL) {
		/* Whoever answers finds nobody: the exchange is theirs until then. */
		c->x->c = NULL;
		c->x = NULL;
		atomic_fetch_sub_explicit(&h->waiting, 1, memory_order_relaxed);
	}
	if (c->in != NULL) {
		secret_wipe(c->in, c->in_len);
		free(c->in);
	}
	https_body_release(c);
	https_out_release(&c->out);
	free(c->peer.identity);
	SSL_free(c->ssl);
	close(c->fd);
	https_address_release(h->addresses, &c->address);
	atomic_fetch_sub_explicit(&h->connections, 1, memory_order_relaxed);
	https_enter(c, CONNECTION_DEAD);
}

/* Events of this turn may still point to them: their memory goes last. */
static void bury(struct https *h)
{
	struct connection *c;

	while ((c = TAILQ_FIRST(&h->phase[CONNECTION_DEAD])) != NULL) {
		TAILQ_REMOVE(&h->phase[CONNECTION_DEAD], c, link);
		free(c);
	}
}

static struct https_exchange *take_answered(struct https *h)
{
	struct https_exchange *x;

	pthread_mutex_lock(&h->lock);
	x = h->answered;
	h->answered = NULL;
	h->answered_end = &h->answered;
	pthread_mutex_unlock(&h->lock);
	return x;
}

static void answers(struct https *h)
{
	struct https_exchange *x = take_answered(h), *next;

	for (; x != NULL; x = next) {
		struct connection *c = x->c;

		next = x->next;
		if (c != NULL) {
			struct https_answer answer = x->answer;

			x->answer = (struct https_answer){0};
			c->x = NULL;
			atomic_fetch_sub_explicit(&h->waiting, 1, memory_order_relaxed);
			https_write_begin(c, &answer, c->keep);
			https_drive(c);
		}
		https_exchange_drop(x);
	}
}

static void expire(struct https *h)
{
	for (int phase = 0; phase < CONNECTION_DEAD; phase++) {
		struct connection *c;

		if (h->patience_ns[phase] == 0)
			continue;
		while ((c = TAILQ_FIRST(&h->phase[phase])) != NULL && c->deadline_ns <= h->now_ns)
			https_expire(c);
	}
}

/* Milliseconds to the first deadline; -1: there is none. */
static int wait_ms(const struct https *h)
{
	uint64_t first = h->stopping ? h->stop_ns : UINT64_MAX;

	if (!TAILQ_EMPTY(&h->again) || !TAILQ_EMPTY(&h->greeting))
		return 0;
	for (int phase = 0; phase < CONNECTION_DEAD; phase++) {
		const struct connection *c = TAILQ_FIRST(&h->phase[phase]);

		if (h->patience_ns[phase] > 0 && c != NULL && c->deadline_ns < first)
			first = c->deadline_ns;
	}
	if (first == UINT64_MAX)
		return -1;
	if (first <= h->now_ns)
		return 0;
	first = (first - h->now_ns) / NS_PER_MS + 1;
	return first > 60000 ? 60000 : (int)first;
}

void https_trust_refresh(struct https *h)
{
	if (atomic_load(&h->generation) == h->tls_generation)
		return;
	pthread_mutex_lock(&h->lock);
	tls_context_unref(h->tls);
	h->tls = tls_context_ref(h->fresh);
	h->tls_generation = atomic_load(&h->generation);
	pthread_mutex_unlock(&h->lock);
}

/* What others left under the lock: files of a reload, the end. */
static void take_orders(struct https *h)
{
	bool stop;

	https_trust_refresh(h);
	pthread_mutex_lock(&h->lock);
	stop = h->stop && !h->stopping;
	pthread_mutex_unlock(&h->lock);
	if (!stop)
		return;
	h->stopping = true;
	for (unsigned int i = 0; i < h->config.listen_count; i++)
		epoll_ctl(h->epoll, EPOLL_CTL_DEL, h->listen[i], NULL);
	for (int phase = 0; phase < CONNECTION_DEAD; phase++)
		while (phase != CONNECTION_SERVICE && phase != CONNECTION_WRITE &&
		       !TAILQ_EMPTY(&h->phase[phase])) {
			struct connection *c = TAILQ_FIRST(&h->phase[phase]);

			if (phase == CONNECTION_IDLE || phase == CONNECTION_STRANGER)
				https_wire_end(c);
			https_close(c);
		}
}

static void again(struct https *h)
{
	struct connection *c, *last = TAILQ_LAST(&h->again, connections);

	/* Those that want another turn get it after all that wait now. */
	while (last != NULL && (c = TAILQ_FIRST(&h->again)) != NULL) {
		bool end = c == last;

		leave_turn(c);
		https_drive(c);
		if (end)
			break;
	}
	for (int i = 0; i < HANDSHAKES_A_TURN && (c = TAILQ_FIRST(&h->greeting)) != NULL; i++) {
		leave_turn(c);
		https_drive(c);
	}
}

static bool is_listener(const struct https *h, const void *p)
{
	return p >= (const void *)h->listen && p < (const void *)(h->listen + HTTPS_LISTEN_MAX);
}

static void on_event(struct https *h, const struct epoll_event *event)
{
	struct connection *c = event->data.ptr;

	if (event->data.ptr == &h->bell) {
		eventfd_t rings;

		eventfd_read(h->bell, &rings);
	} else if (is_listener(h, event->data.ptr)) {
		https_accept(h, (unsigned int)((const int *)event->data.ptr - h->listen));
	} else if (c->phase == CONNECTION_SERVICE && (event->events & (EPOLLERR | EPOLLHUP)) != 0) {
		https_count(h, HTTPS_LOST);
		https_close(c);
	} else if (c->phase == CONNECTION_HANDSHAKE) {
		go_on(c, &h->greeting);
	} else {
		if (event->events != EPOLLOUT)
			c->readable = true;
		https_drive(c);
	}
}

static bool over(const struct https *h)
{
	return h->stopping &&
	       (h->now_ns >= h->stop_ns || (TAILQ_EMPTY(&h->phase[CONNECTION_SERVICE]) &&
	                                    TAILQ_EMPTY(&h->phase[CONNECTION_WRITE]) &&
	                                    TAILQ_EMPTY(&h->phase[CONNECTION_LINGER])));
}

static void close_all(struct https *h)
{
	for (int phase = 0; phase < CONNECTION_DEAD; phase++)
		while (!TAILQ_EMPTY(&h->phase[phase]))
			https_close(TAILQ_FIRST(&h->phase[phase]));
	bury(h);
}

void *https_run(void *https)
{
	struct epoll_event events[EVENTS];
	struct https *h = https;

	h->now_ns = clock_mono_ns();
	while (!over(h)) {
		int n = epoll_wait(h->epoll, events, EVENTS, wait_ms(h));

		h->now_ns = clock_mono_ns();
		take_orders(h);
		for (int i = 0; i < n; i++)
			on_event(h, &events[i]);
		answers(h);
		again(h);
		expire(h);
		bury(h);
	}
	close_all(h);
	return NULL;
}
