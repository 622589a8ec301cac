/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where the other gateway of a tunnel is, when address translation may move it (RFC 7296 section
 * 2.23): the source of the newest datagram that was authentic and beyond all before it. What is
 * forged or replayed has no say, and neither has what comes late.
 *
 * A core that opened such a packet from elsewhere notes that in a slot of its own. The control
 * thread reads the slots and publishes a new place, which transmit SAs read as they seal.
 */

#ifndef DATAPLANE_PEER_H
#define DATAPLANE_PEER_H

#include <stdbool.h>
#include <stdint.h>

struct sa;

/* Least time between two moves of a peer: whoever flaps moves no faster. */
#define PEER_MOVE_NS UINT64_C(1000000000)

/* An address, 4 or 16 bytes in network order and zeros behind it, and a UDP port. */
struct peer_place {
	uint8_t addr[16];
	uint16_t port;
};

/* What is published; constant from then on. */
struct peer_at {
	struct peer_place place;
	/* What the place adds to the one's complement sum of an IPv4 header with the first one. */
	uint32_t delta;
	uint64_t token; /* QSBR, once replaced */
	struct peer_at *next;
};

/* A core's; its only writer. Read under the sequence lock. */
struct peer_note {
	_Alignas(64) uint32_t version; /* odd: being written */
	bool heard;                    /* from elsewhere than where the peer is known to be */
	uint64_t generation, when_ns;
	uint64_t addr[2];
	uint16_t port;
};

struct peer {
	const struct peer_at *at; /* control: release store, cores: acquire */
	unsigned int cores;
	bool ipv6;
	struct peer_note note[];
};

/* NULL: out of memory. FIRST: where it is configured to be. */
struct peer *peer_create(unsigned int cores, bool ipv6, const struct peer_place *first);
void peer_destroy(struct peer *p);

static inline const struct peer_at *peer_at(const struct peer *p)
{
	return __atomic_load_n(&p->at, __ATOMIC_ACQUIRE);
}

bool peer_place_equal(const struct peer_place *a, const struct peer_place *b);

/*
 * Core CORE: IP is the outer header of a packet of receive SA SA that was authentic and beyond all
 * before it. Without UDP behind it, or of the other version of IP, it says nothing.
 */
void peer_heard(struct peer *p, unsigned int core, const struct sa *sa, const uint8_t *ip,
                uint64_t now_ns);

/*
 * Control: the newest note of generation GENERATION or later; false: there is none. It stays until
 * the peer is heard from where it is.
 */
bool peer_newest(const struct peer *p, uint64_t generation, struct peer_place *out);

/* Control: publish TO; what was published before is the caller's, to be freed after QSBR. NULL: out
 * of memory. */
struct peer_at *peer_move(struct peer *p, const struct peer_place *first,
                          const struct peer_place *to);

#endif
