/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A client of a control socket that stays: it connects, again when the connection is lost, calls
 * methods without waiting for their answers, and is told events that it subscribed to.
 *
 *     client = rpc_client_new(base, "/run/lumengate/control.sock", &ops, ctx);
 *     ... ops.connected(ctx): rpc_client_call(client, "status", NULL, on_status, ctx);
 *
 * All of it in the thread of BASE.
 */

#ifndef CONTROL_WEB_RPC_CLIENT_H
#define CONTROL_WEB_RPC_CLIENT_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>

#define RPC_CLIENT_CALLS     16 /* under way at once */
#define RPC_CLIENT_ANSWER_S  10 /* a call takes so long at most, or the connection is given up */
#define RPC_CLIENT_RETRY_MS  1000
#define RPC_CLIENT_LINE_MOST (32u << 20) /* bytes of an answer */

struct rpc_client;

struct rpc_client_ops {
	void (*connected)(void *ctx);
	/* After what was called has been answered with the same WHY; also when nothing connects. */
	void (*lost)(void *ctx, const char *why);
	/* PARAMS of an event: topic, time, data. */
	void (*event)(void *ctx, const json_t *params);
};

/* RESULT is NULL when the method was refused or the connection lost: WHY says it. */
typedef void (*rpc_client_answer)(void *ctx, const json_t *result, const char *why);

/* Connects from the loop on; PATH is copied. NULL: out of memory. */
struct rpc_client *rpc_client_new(struct event_base *base, const char *path,
                                  const struct rpc_client_ops *ops, void *ctx);
/* Calls under way are not answered any more. Not within a callback of it. */
void rpc_client_free(struct rpc_client *c);

/*
 * PARAMS, NULL for none, is taken over in any case. -ENOTCONN; -EBUSY with RPC_CLIENT_CALLS under
 * way; -ENOMEM. ANSWER, in any case later and once.
 */
int rpc_client_call(struct rpc_client *c, const char *method, json_t *params,
                    rpc_client_answer answer, void *ctx);

#endif
