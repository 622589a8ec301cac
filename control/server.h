/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The control socket: a UNIX stream socket of mode 0660, served by libevent on the control
 * thread. Requests are JSON values one after the other; each answer is a line.
 *
 * Who may: root, the gateway's own user and the members of a group may do everything, the
 * members of a second group may read. Capturing, which shows plaintext, takes a third group
 * besides the first. Others are told so and closed (SO_PEERCRED,
 * SO_PEERGROUPS: what the kernel knows of the peer since it connected).
 */

#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct server_config {
	const char *path;
	const char *group;           /* "" or NULL: none */
	const char *read_only_group; /* "" or NULL: none */
	const char *capture_group;   /* "" or NULL: none */
	unsigned int max_clients;    /* 0: 128; an eighth of them for those who may write */
	size_t max_request;          /* bytes of one request; 0: 4 MiB */
	size_t max_pending;          /* bytes not yet read by a client; 0: 8 MiB */
	size_t max_events;           /* bytes of events among them; 0: 1 MiB */
	unsigned int timeout_ms; /* a client that reads nothing for so long is dropped; 0: 10 s */
};

struct server_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	uint64_t client; /* number of the connection, from 1 */
	bool may_write, may_capture;
};

/* The answer to a request, to be freed, or NULL for none. TEXT is wiped after the call. */
typedef char *(*server_request_fn)(void *ctx, const struct server_peer *peer, const char *text,
                                   size_t len);

struct server_stats {
	unsigned int clients;
	uint64_t accepted, refused, requests;
	uint64_t oversize, slow; /* clients dropped, by reason */
	uint64_t events;         /* lines pushed */
};

struct server;

/*
 * Bind and listen. A lock file beside the socket (PATH.lock) keeps a second gateway away
 * (-EADDRINUSE); a socket that a dead one left is replaced.
 */
int server_create(struct event_base *base, const struct server_config *config,
                  server_request_fn handler, void *ctx, struct server **out, struct err *err);

/* Close all clients, remove socket and lock file. */
void server_destroy(struct server *s);

/*
 * A line, without its end, to connection CLIENT that it did not ask for. False: it is gone, or it
 * reads too slowly and is dropped for that, soon, not within this call: a handler may push to
 * whom it answers.
 */
bool server_push(struct server *s, uint64_t client, const char *line);
bool server_client_connected(const struct server *s, uint64_t client);

void server_stats_read(const struct server *s, struct server_stats *out);

#endif
