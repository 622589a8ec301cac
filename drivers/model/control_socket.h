/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The model's own socket, for tests and for attacks: no card shows it.
 *
 * UNIX stream socket, one line a request, one line of JSON a reply:
 *
 *     attacks
 *         a list of them, with their parameters
 *     attack none
 *     attack NAME PARAMETER...
 *         {"attack":"...","alice_slot":N,"bob_slot":N}: from these slots on, in the numbers
 *         of either card
 *     channels
 *     channel add NAME DBM [co|counter]
 *     channel remove NAME [co|counter]
 *         what is on the fibre beside the quantum channel, and its noise
 *     status
 *         counts of what really happened, the attack, the cards, how far behind real time
 *
 * A wrong request gets {"error":"..."} and changes nothing.
 */

#ifndef DRIVERS_MODEL_CONTROL_SOCKET_H
#define DRIVERS_MODEL_CONTROL_SOCKET_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "drivers/model/sim_link.h"

#define CONTROL_CLIENTS 8
#define CONTROL_LINE    256

struct control_socket {
	int fd;
	char path[108];
	struct {
		int fd;
		char line[CONTROL_LINE];
		size_t used;
	} client[CONTROL_CLIENTS];
};

/* EADDRINUSE: another process listens there; a socket that nobody listens on is replaced. */
int control_socket_open(struct control_socket *c, const char *path, mode_t mode, struct err *err);
void control_socket_close(struct control_socket *c);

/* Serve what has come; never waits. */
void control_socket_poll(struct control_socket *c, struct sim_link *link, uint64_t now_ns);

/* The reply to one request LINE, with its newline; returns its length. */
size_t control_reply(struct sim_link *link, const char *line, uint64_t now_ns, char *buf, size_t n);

#endif
