/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A security association: one direction, one forwarding core, one key. The whole of it is in
 * secret memory, with the key schedule in a block of its own. What a packet needs is in the
 * first two cache lines.
 */

#ifndef DATAPLANE_SA_H
#define DATAPLANE_SA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/gcm.h"
#include "dataplane/replay.h"
#include "dataplane/tunnel.h"

struct sa {
	/* Forwarding core: read and write; control thread: relaxed reads. */
	_Alignas(64) const struct gcm_key *schedule;
	uint64_t sequence; /* transmit: the last one used, 0 at first */
	uint64_t packets, bytes;
	struct replay replay; /* receive */
	uint32_t spi;         /* host order; constant */
	uint8_t salt[4];      /* constant */

	/*
	 * Outer header up to and with the SPI, length and traffic class left zero; for IPv4
	 * the one's complement sum of its constant words. Constant.
	 */
	_Alignas(64) uint8_t outer[40 + 4];
	uint32_t outer_sum;
	uint64_t replayed, auth_failed; /* receive; as packets and bytes */

	/* Control thread only. */
	_Alignas(64) uint8_t key[32]; /* to refuse a key that is in use already */
	uint64_t generation, installed_ns;
	unsigned int core;
	bool transmit;
	uint64_t token; /* QSBR, once retired */
	struct sa *next;
	_Alignas(64) uint64_t window[];
};

/*
 * A new SA with its schedule expanded and its sequence at the beginning; NULL when secret
 * memory is full.
 */
struct sa *sa_create(const struct tunnel_config *config, const struct gcm_provider *gcm,
                     const struct sa_key *key, uint64_t generation, bool transmit);

/* Zeroise and free; NULL is allowed. */
void sa_destroy(struct sa *sa);

/* Key bytes left out. */
void sa_describe(const struct sa *sa, struct sa_info *out);

/* Count a packet; the only writer is the SA's core. */
static inline void sa_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

#endif
