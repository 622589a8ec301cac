/* SPDX-License-Identifier: BSD-3-Clause */

/* Who is at the other end of a UNIX socket, and where the socket itself lives. */

#ifndef CONTROL_SERVER_PEER_H
#define CONTROL_SERVER_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "control/server.h"

#define NO_GROUP ((gid_t)-1)

/* The group's number; NO_GROUP for NULL and "". -ENOENT when there is no such group. */
int server_group(const char *name, gid_t *gid, struct err *err);

/* Credentials of the peer of FD; false when it may neither read nor write. */
bool server_peer_permitted(int fd, gid_t group, gid_t read_only_group, gid_t capture_group,
                           struct server_peer *peer);

/* A listening socket of TYPE at PATH, non-blocking, and the descriptor that holds its lock. */
int server_bind(const char *path, int type, gid_t group, int *fd, int *lock_fd, struct err *err);
void server_unbind(const char *path, int fd, int lock_fd);

#endif
