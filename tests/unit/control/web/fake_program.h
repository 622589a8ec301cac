/* SPDX-License-Identifier: BSD-3-Clause */

/* A program with a control socket, in this thread: its answers are what a test sets. */

#ifndef TESTS_UNIT_CONTROL_WEB_FAKE_PROGRAM_H
#define TESTS_UNIT_CONTROL_WEB_FAKE_PROGRAM_H

#include "control/jsonrpc.h"
#include "control/server.h"
#include "control/web/source.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct fake_program {
	char dir[64], path[96];
	struct event_base *base;
	struct server *server;
	json_t *status;
	json_t *tunnels; /* the whole list, which goes out in pages */
	uint64_t client; /* who subscribed last */
	unsigned int requests, subscribed;
	bool silent;  /* answers nothing */
	bool refuses; /* status */
	struct source *source;
	unsigned int connected, lost, polled, events;
	char why[128], topic[32];
};

static struct fake_program *fake_now;

static inline json_t *fake_tunnels(struct fake_program *p, const json_t *params)
{
	size_t offset = (size_t)json_integer_value(json_object_get(params, "offset"));
	size_t limit = (size_t)json_integer_value(json_object_get(params, "limit"));
	json_t *page = json_array();

	for (size_t i = offset; i < offset + limit && i < json_array_size(p->tunnels); i++)
		json_array_append(page, json_array_get(p->tunnels, i));
	return json_pack("{s:o, s:I, s:I}", "tunnels", page, "offset", (json_int_t)offset, "total",
	                 (json_int_t)json_array_size(p->tunnels));
}

static inline json_t *fake_call(void *ctx, const char *method, const json_t *params,
                                struct jsonrpc_error *error)
{
	struct fake_program *p = fake_now;

	if (strcmp(method, "subscribe") == 0) {
		p->subscribed++;
		return json_object();
	}
	if (strcmp(method, "tunnel_list") == 0)
		return fake_tunnels(p, params);
	if (!p->refuses)
		return json_deep_copy(p->status);
	jsonrpc_fail(error, JSONRPC_FAILED, "not now");
	return NULL;
}

static inline char *fake_handle(void *ctx, const struct server_peer *peer, const char *text,
                                size_t len)
{
	fake_now->client = peer->client;
	fake_now->requests++;
	return fake_now->silent ? NULL : jsonrpc_handle(text, len, fake_call, NULL);
}

static inline void fake_connected(void *ctx, struct source *s)
{
	((struct fake_program *)ctx)->connected++;
}

static inline void fake_lost(void *ctx, struct source *s, const char *why)
{
	struct fake_program *p = ctx;

	p->lost++;
	snprintf(p->why, sizeof(p->why), "%s", why);
}

static inline void fake_event(void *ctx, struct source *s, const json_t *params)
{
	struct fake_program *p = ctx;

	p->events++;
	snprintf(p->topic, sizeof(p->topic), "%s",
	         json_string_value(json_object_get(params, "topic")));
}

static inline void fake_polled(void *ctx, struct source *s)
{
	((struct fake_program *)ctx)->polled++;
}

static inline void fake_serve(struct fake_program *p)
{
	const struct server_config config = {.path = p->path};
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(server_create(p->base, &config, fake_handle, NULL, &p->server, &err),
	                      0);
}

static inline void fake_hang_up(struct fake_program *p)
{
	server_destroy(p->server);
	p->server = NULL;
}

/* Runs the loop until *COUNT is VALUE at least; false: not within 5 s. */
static inline bool fake_until(struct fake_program *p, const unsigned int *count, unsigned int value)
{
	for (int i = 0; i < 5000 && *count < value; i++) {
		const struct timeval soon = {0, 1000};

		event_base_loopexit(p->base, &soon);
		event_base_dispatch(p->base);
	}
	return *count >= value;
}

static inline void fake_open(struct fake_program *p)
{
	*p = (struct fake_program){.status = json_object(), .tunnels = json_array()};
	fake_now = p;
	/* As program_run() has it. */
	signal(SIGPIPE, SIG_IGN);
	log_level_set("server", LOG_LEVEL_ERR - 1);
	strcpy(p->dir, "/tmp/lumengate-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/control.sock", p->dir);
	p->base = event_base_new();
}

static inline void fake_ask(struct fake_program *p, unsigned int interval_ms)
{
	static const struct source_ops ops = {fake_connected, fake_lost, fake_event, fake_polled};
	const struct source_config config = {
	        .name = "fake",
	        .socket = p->path,
	        .poll = {{"status", NULL, NULL}, {"tunnel_list", "tunnels", "name"}},
	        .interval_ms = interval_ms,
	};

	p->source = source_new(p->base, &config, &ops, p);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->source);
}

/* Open, serving STATUS, asked once. */
static inline void fake_begin(struct fake_program *p, const char *status)
{
	fake_open(p);
	json_decref(p->status);
	p->status = json_loads(status, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->status);
	fake_serve(p);
	fake_ask(p, 60000);
	CU_ASSERT_TRUE_FATAL(fake_until(p, &p->polled, 1));
}

static inline const struct source *fake_source(const struct fake_program *p)
{
	return p->source;
}

static inline void fake_end(struct fake_program *p)
{
	source_free(p->source);
	server_destroy(p->server);
	event_base_free(p->base);
	json_decref(p->status);
	json_decref(p->tunnels);
	remove_tree(p->dir);
}

#endif
