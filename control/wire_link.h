/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Link-loss forwarding of a pseudowire that carries a whole port: the state machine of one end,
 * without I/O. Where the link of the far LAN port is down, ours is held down, so that what is
 * attached here sees what it would see on one cable.
 *
 *     each turn:  wire_link_local(&w, port up, now)
 *                 what = wire_link_poll(&w, connected, session, now)
 *                 send a report when what.report, take the link to what.hold
 *     a report of the peer:  wire_link_remote(&w, up)
 *
 * No loop: an end that holds its link down reports it as up, and one whose link is down already
 * does not hold it, so that it sees when its own cable is back.
 */

#ifndef CONTROL_WIRE_LINK_H
#define CONTROL_WIRE_LINK_H

#include <stdbool.h>
#include <stdint.h>

/* After the link was let go, for it to come up (autonegotiation); meanwhile it counts as up. */
#define WIRE_LINK_SETTLE_NS (5 * 1000000000ULL)

struct wire_link {
	uint64_t hold_ns; /* without the channel, until the link goes down */
	bool local_up;    /* what the port says */
	bool remote_known, remote_up;
	bool held;          /* we took our link down */
	uint64_t lost_ns;   /* since when there is no word of the peer */
	uint64_t settle_ns; /* until then a link that is down is on its way up */
	/* What the peer was told. */
	uint64_t reported_session;
	bool reported, reported_up;
};

struct wire_link_action {
	bool report, up; /* tell the peer that our link is up or not */
	bool hold;       /* the link is to be down */
};

void wire_link_init(struct wire_link *w, uint64_t hold_ns, uint64_t now_ns);
void wire_link_local(struct wire_link *w, bool up);
void wire_link_remote(struct wire_link *w, bool up);

/* CONNECTED: the channel is up in SESSION, a number that is another in each session. */
struct wire_link_action wire_link_poll(struct wire_link *w, bool connected, uint64_t session,
                                       uint64_t now_ns);

/* The report of the action went out; else it is asked for again. */
void wire_link_reported(struct wire_link *w, uint64_t session, bool up);

/* The link was taken down, or let go. */
void wire_link_held(struct wire_link *w, bool held, uint64_t now_ns);

#endif
