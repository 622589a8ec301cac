/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The gateway's end of the socket of its KME client: a UNIX SOCK_SEQPACKET socket of mode 0660,
 * one client at a time. Nothing of it blocks.
 */

#ifndef CONTROL_KME_SOCKET_H
#define CONTROL_KME_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct kme_socket;

/* GROUP: whose members may connect, "": this user alone. What a dead gateway left is replaced. */
int kme_socket_open(const char *path, const char *group, struct kme_socket **out, struct err *err);
void kme_socket_close(struct kme_socket *s);

/* Take a client when one waits; others than the first are closed. True: there is a new one. */
bool kme_socket_accept(struct kme_socket *s);
/* A packet of at most CAP bytes: its length, 0: none now, negative: the client is gone. */
ssize_t kme_socket_receive(struct kme_socket *s, void *packet, size_t cap);
/* Negative: the client is gone; one that reads nothing is, too. */
int kme_socket_send(struct kme_socket *s, const void *packet, size_t len);
void kme_socket_drop(struct kme_socket *s);
bool kme_socket_has_client(const struct kme_socket *s);

#endif
