/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How long a datagram the path takes, after RFC 8899 (packetization layer path MTU discovery):
 * begin with the longest. When some are lost, PINGs of full length and short ones tell whether
 * long ones alone do not arrive (a black hole); then fall back to what every IPv6 path takes,
 * and ask for more from there. The loss of PINGs is no sign of congestion, and nothing that a
 * router says is believed.
 *
 * A session in which segments were cut too long cannot go on: it ends, and the next begins with
 * what was learnt.
 */

#ifndef QKD_ENGINE_CHANNEL_MTU_H
#define QKD_ENGINE_CHANNEL_MTU_H

#include <stdbool.h>
#include <stdint.h>

struct path_mtu {
	uint16_t size; /* bytes of the longest datagram that is sent: UDP payload */
	/* is it a black hole? */
	unsigned int lost; /* datagrams beyond the base since one of full length was acknowledged */
	bool suspect, full_turn;
	unsigned int full_lost, short_acked; /* PINGs of full length, short ones, meanwhile */
	uint64_t confirm_at_ns;
	/* search upwards */
	unsigned int tries; /* probes of one size that were lost */
	bool probing;
	uint64_t probe_number; /* the datagram that is the probe */
	uint64_t probe_at_ns;
};

#define PATH_MTU_BASE 1232 /* RFC 8200, section 5: 1280 less the headers of IPv6 and UDP */

void path_mtu_init(struct path_mtu *m);

/* A new session: what was learnt stays. */
void path_mtu_session(struct path_mtu *m, uint64_t now_ns);

/* A datagram of BYTES was acknowledged, or lost. */
void path_mtu_acked(struct path_mtu *m, uint64_t number, unsigned int bytes, uint64_t now_ns);
void path_mtu_lost(struct path_mtu *m, uint64_t number, unsigned int bytes, uint64_t now_ns);

/* True: long datagrams vanish, short ones do not. SIZE is the base then; end the session. */
bool path_mtu_black_hole(struct path_mtu *m, uint64_t now_ns);

/* A PING to send alone now, as datagram NUMBER: its length with padding, at least 1; 0: none. */
unsigned int path_mtu_ping(struct path_mtu *m, uint64_t number, uint64_t now_ns);

/* When one of the above has something to say. */
uint64_t path_mtu_wake(const struct path_mtu *m);

#endif
