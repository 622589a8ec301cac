/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The socket where lumengate-kms fetches what delivery (delivery.h) has for it: AF_UNIX,
 * SOCK_SEQPACKET, mode 0660, one client at a time, who must be root, the gateway's user or of the
 * group. It is polled, and nothing of it blocks: a client that does not read gets no more, one
 * that says too much is not listened to for a while, one that breaks the protocol, says no HELLO in
 * time or leaves a segment without an answer is dropped.
 */

#ifndef CONTROL_DELIVERY_SOCKET_H
#define CONTROL_DELIVERY_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "control/delivery.h"

struct delivery_socket;

/* GROUP "" or NULL: none. */
struct delivery_socket *delivery_socket_create(const char *path, const char *group,
                                               struct delivery *delivery, struct err *err);
void delivery_socket_destroy(struct delivery_socket *s);

/* Every few milliseconds. */
void delivery_socket_poll(struct delivery_socket *s, uint64_t now_ns);

struct delivery_socket_stats {
	pid_t pid;         /* of the client, 0: none */
	uint64_t accepted; /* clients */
	uint64_t refused;  /* not permitted, or there was one already */
	uint64_t dropped;  /* for what they did, or did not */
	const char *why;   /* the last one was dropped; NULL: none */
};
void delivery_socket_stats_read(const struct delivery_socket *s, struct delivery_socket_stats *out);

#endif
