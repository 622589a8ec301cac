/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Messages on their way out to somebody who may be slow, away or gone: a queue and a thread of its
 * own, so that nobody else waits. They go in order; what cannot be sent now is tried again, after
 * 1 s, 2 s, and so on to a minute; a full queue loses its oldest, which the newer ones make stale.
 *
 *     static int send(void *ctx, struct outbox *o, const char *message, size_t len,
 *                     struct err *err) { ... }
 *
 *     o = outbox_create(&(struct outbox_config){.send = send, .ctx = &sink}, &err);
 *     outbox_put(o, text, strlen(text));
 */

#ifndef CONTROL_WEB_OUTBOX_H
#define CONTROL_WEB_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define OUTBOX_MESSAGES_MAX 1000 /* where the configuration of one says nothing */

struct outbox;

/*
 * On the outbox's thread: 0 when the message was sent; -EAGAIN to be tried again; any other error
 * gives it up. It may take its time, but looks at outbox_stopping() about each 100 ms.
 */
typedef int (*outbox_send_fn)(void *ctx, struct outbox *o, const char *message, size_t len,
                              struct err *err);

struct outbox_config {
	unsigned int messages;               /* that wait; 0: OUTBOX_MESSAGES_MAX */
	uint32_t retry_min_ms, retry_max_ms; /* 0: 1000, 60000 */
	outbox_send_fn send;
	void *ctx;
};

struct outbox_stats {
	uint64_t sent;
	uint64_t retries; /* of them, and of those that wait */
	uint64_t refused; /* given up: they would never be taken */
	uint64_t lost;    /* of the full queue, and what waited at the end */
	unsigned int waiting;
	bool failing; /* the last attempt failed */
	char last_error[160];
};

/* NULL with ERR: no memory, no thread. */
struct outbox *outbox_create(const struct outbox_config *config, struct err *err);
/* Sends what there is while that works, for LINGER_MS at most, and ends. NULL is nothing. */
void outbox_destroy(struct outbox *o, uint32_t linger_ms);

/* A copy of MESSAGE. Any thread but its own. */
void outbox_put(struct outbox *o, const char *message, size_t len);

bool outbox_stopping(const struct outbox *o);
void outbox_stats_read(struct outbox *o, struct outbox_stats *out);

#endif
