/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "control/web/rpc_client.h"

/* What is polled, with what it said. */
struct subject {
	struct source *s;
	const char *method, *list, *key;
	json_t *said;  /* NULL: nothing, yet */
	json_t *round; /* entries of this round's pages, so far */
	size_t at;     /* of the next page */
};

struct source {
	struct source_config config;
	struct source_ops ops;
	void *ctx;
	struct rpc_client *client;
	struct event *turn;
	struct subject subject[SOURCE_POLLS];
	unsigned int subjects, waiting; /* for answers of this poll */
	bool refused;                   /* one of them */
	uint64_t begun_ns;
	struct source_state state;
	char why[256];
};

static void say_why(struct source *s, const char *why)
{
	snprintf(s->why, sizeof(s->why), "%s", why);
}

static void finish(struct source *s)
{
	uint64_t now = s->config.now_ns();

	s->state.poll_s = (double)(now - s->begun_ns) / NS_PER_S;
	if (s->refused) {
		s->state.poll_fails++;
	} else {
		s->state.polls++;
		s->state.polled_ns = now;
		s->state.up = true;
	}
	if (s->ops.polled != NULL)
		s->ops.polled(s->ctx, s);
}

/*
 * One page more: its entries hold from now on, those that were in no page of this round are gone
 * with its end.
 */
static void take_page(struct subject *j, const json_t *page, size_t total)
{
	json_t *entry;
	size_t i;

	if (j->said == NULL)
		j->said = json_object();
	if (j->round == NULL)
		j->round = json_object();
	json_array_foreach (page, i, entry) {
		const char *name = json_string_value(json_object_get(entry, j->key));

		if (name == NULL)
			continue;
		json_object_set(j->said, name, entry);
		json_object_set(j->round, name, entry);
	}
	j->at += json_array_size(page);
	if (j->at < total && json_array_size(page) > 0)
		return;
	json_decref(j->said);
	j->said = j->round;
	j->round = NULL;
	j->at = 0;
}

static void take(struct subject *j, const json_t *result)
{
	const json_t *page;

	if (j->list == NULL) {
		json_decref(j->said);
		j->said = json_incref((json_t *)result);
		return;
	}
	page = json_object_get(result, j->list);
	if (json_is_array(page))
		take_page(j, page, (size_t)json_integer_value(json_object_get(result, "total")));
}

static void on_answer(void *subject, const json_t *result, const char *why)
{
	struct subject *j = subject;
	struct source *s = j->s;

	if (result != NULL) {
		take(j, result);
	} else {
		s->refused = true;
		snprintf(s->why, sizeof(s->why), "%s: %s", j->method, why);
	}
	if (--s->waiting == 0)
		finish(s);
}

static void poll_now(struct source *s)
{
	/* A program that takes longer than the interval is asked when it is done. */
	if (s->waiting > 0)
		return;
	s->refused = false;
	s->begun_ns = s->config.now_ns();
	s->waiting = s->subjects;
	for (unsigned int i = 0; i < s->subjects; i++) {
		struct subject *j = &s->subject[i];
		json_t *params = NULL;

		if (j->list != NULL)
			params = json_pack("{s:I, s:i}", "offset", (json_int_t)j->at, "limit",
			                   SOURCE_PAGE);
		if (rpc_client_call(s->client, j->method, params, on_answer, j) != 0)
			on_answer(j, NULL, "cannot be asked");
	}
}

static void on_turn(evutil_socket_t fd, short what, void *source)
{
	poll_now(source);
}

static void on_connected(void *source)
{
	const struct source_config *c = &((struct source *)source)->config;
	const struct timeval often = {c->interval_ms / 1000, c->interval_ms % 1000 * 1000};
	struct source *s = source;

	/* A program that hangs is connected again and again: why it is lost stays the answer. */
	if (s->state.losses == 0)
		say_why(s, "not asked yet");
	event_add(s->turn, &often);
	if (s->ops.connected != NULL)
		s->ops.connected(s->ctx, s);
	poll_now(s);
}

static void forget(struct source *s)
{
	for (unsigned int i = 0; i < s->subjects; i++) {
		json_decref(s->subject[i].said);
		json_decref(s->subject[i].round);
		s->subject[i].said = s->subject[i].round = NULL;
		s->subject[i].at = 0;
	}
}

static void on_lost(void *source, const char *why)
{
	struct source *s = source;

	event_del(s->turn);
	s->state.up = false;
	s->state.losses++;
	say_why(s, why);
	/* Old figures would look like those of a program that lives. */
	forget(s);
	if (s->ops.lost != NULL)
		s->ops.lost(s->ctx, s, s->why);
}

static void on_event(void *source, const json_t *params)
{
	struct source *s = source;

	if (s->ops.event != NULL)
		s->ops.event(s->ctx, s, params);
}

struct source *source_new(struct event_base *base, const struct source_config *config,
                          const struct source_ops *ops, void *ctx)
{
	static const struct rpc_client_ops client_ops = {on_connected, on_lost, on_event};
	struct source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->config = *config;
	if (s->config.now_ns == NULL)
		s->config.now_ns = clock_mono_ns;
	s->ops = *ops;
	s->ctx = ctx;
	say_why(s, "not connected yet");
	while (s->subjects < SOURCE_POLLS && config->poll[s->subjects].method != NULL) {
		const struct source_poll *p = &config->poll[s->subjects];

		s->subject[s->subjects++] =
		        (struct subject){s, p->method, p->list, p->key, NULL, NULL, 0};
	}
	s->turn = event_new(base, -1, EV_PERSIST, on_turn, s);
	s->client = rpc_client_new(base, config->socket, &client_ops, s);
	if (s->turn == NULL || s->client == NULL) {
		source_free(s);
		return NULL;
	}
	return s;
}

void source_free(struct source *s)
{
	if (s == NULL)
		return;
	rpc_client_free(s->client);
	if (s->turn != NULL)
		event_free(s->turn);
	forget(s);
	free(s);
}

const char *source_name(const struct source *s)
{
	return s->config.name;
}

void source_state_read(const struct source *s, struct source_state *out)
{
	*out = s->state;
	out->why = s->state.up ? "" : s->why;
}

const json_t *source_get(const struct source *s, const char *method)
{
	for (unsigned int i = 0; s != NULL && i < s->subjects; i++)
		if (strcmp(s->subject[i].method, method) == 0)
			return s->subject[i].said;
	return NULL;
}

int source_call(struct source *s, const char *method, json_t *params,
                void (*answer)(void *ctx, const json_t *result, const char *why), void *ctx)
{
	return rpc_client_call(s->client, method, params, answer, ctx);
}
