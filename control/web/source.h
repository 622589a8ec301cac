/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is known of a program by its control socket: what its methods said when they were asked
 * last, for as long as it can be asked. Polled, so that however many want to know cost it nothing.
 */

#ifndef CONTROL_WEB_SOURCE_H
#define CONTROL_WEB_SOURCE_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define SOURCE_POLLS 4
#define SOURCE_PAGE  64 /* entries of a list that are asked for at once */

struct source_poll {
	const char *method;
	/*
	 * NULL: the whole answer. Else the member with a list that comes in pages, and what of an
	 * entry is its name: one page a turn, so that a list of any length takes the same of the
	 * program.
	 */
	const char *list, *key;
};

struct source_config {
	const char *name; /* "gateway"; static */
	const char *socket;
	struct source_poll poll[SOURCE_POLLS]; /* method NULL: the end */
	unsigned int interval_ms;
	uint64_t (*now_ns)(void); /* monotonic; NULL: the system's */
};

struct source;

struct source_ops {
	/* Any may be NULL. */
	void (*connected)(void *ctx, struct source *s);
	void (*lost)(void *ctx, struct source *s, const char *why);
	/* PARAMS of an event: topic, time, data. */
	void (*event)(void *ctx, struct source *s, const json_t *params);
	/* All that is polled has been answered, or refused, once more. */
	void (*polled)(void *ctx, struct source *s);
};

struct source_state {
	bool up;             /* the last poll was answered, and the connection stands */
	const char *why;     /* of not being up; "" */
	uint64_t polled_ns;  /* when the last poll was answered; 0: none yet */
	double poll_s;       /* from its begin to its end */
	uint64_t polls;      /* answered */
	uint64_t poll_fails; /* refused in part, or the connection lost meanwhile */
	uint64_t losses;     /* of the connection, or connections that failed */
};

/* NULL: out of memory. OPS are told from the loop on. */
struct source *source_new(struct event_base *base, const struct source_config *config,
                          const struct source_ops *ops, void *ctx);
void source_free(struct source *s);

const char *source_name(const struct source *s);
void source_state_read(const struct source *s, struct source_state *out);

/*
 * What METHOD said last, or of a list its entries by name; NULL while it cannot be asked.
 * Until the next turn of the loop.
 */
const json_t *source_get(const struct source *s, const char *method);

/* A call of one's own; as rpc_client_call(). */
int source_call(struct source *s, const char *method, json_t *params,
                void (*answer)(void *ctx, const json_t *result, const char *why), void *ctx);

#endif
