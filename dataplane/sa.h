/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A security association: one direction, one sub-SA, one key. The whole of it, key schedule and
 * window with it, is one block of secret memory. What a packet needs is in the first two cache
 * lines and the schedule.
 */

#ifndef DATAPLANE_SA_H
#define DATAPLANE_SA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/gcm.h"
#include "dataplane/esp_cipher.h"
#include "dataplane/peer.h"
#include "dataplane/replay.h"
#include "dataplane/tunnel.h"

/* How the outer header of a transmit SA is made: the common ones have code of their own. */
enum sa_form {
	SA_FORM_IPV4,  /* ESP in IPv4, the traffic class copied */
	SA_FORM_IPV6,  /* ESP in IPv6, the traffic class copied */
	SA_FORM_OTHER, /* by the fields of the SA */
};

struct sa {
	/* Forwarding core: read and write; control thread: relaxed reads. */
	_Alignas(64) const struct gcm_key *schedule; /* constant */
	uint64_t packets; /* receive; for transmit, the number of the last one tells */
	uint64_t bytes;
	struct replay replay; /* receive; for transmit, top is the last number used, 0 at first */
	uint32_t spi;         /* host order; constant */
	uint8_t salt[4];      /* constant */
	uint16_t tunnel;      /* its index in the SAD; constant */
	uint8_t outer_bytes;  /* transmit: in front of the ESP header; constant */
	uint8_t ipv6;         /* the outer header is IPv6; constant */
	uint8_t form;         /* transmit, enum sa_form; constant */
	uint8_t udp;          /* transmit: a UDP header is in front of ESP; constant */
	uint8_t follows;      /* there is a peer; constant */

	/*
	 * Transmit: outer header, with UDP's if there is one, up to and with the SPI, lengths and
	 * traffic class left zero; for IPv4 the one's complement sum of its constant words.
	 * Constant.
	 */
	_Alignas(64) uint8_t outer[40 + 8 + 4];
	uint32_t outer_sum;
	/* SA_FORM_OTHER: outer DSCP by inner one, in the place of a traffic class; what of ECN
	 * stays */
	uint8_t ecn_mask;
	uint8_t dscp[64];

	_Alignas(64) uint64_t replayed, auth_failed; /* receive; as packets and bytes */
	struct peer *peer; /* where the other gateway is, if that may change; constant */
	/* Of the device that seals and opens, if there is one; else NULL. Constant. */
	struct esp_cipher *cipher;
	struct esp_cipher_session *session;
	/* Control thread only. */
	uint8_t key[32]; /* to refuse a key that is in use already */
	uint64_t generation, installed_ns;
	unsigned int sub, core;
	bool transmit;
	uint64_t token; /* QSBR, once retired */
	struct sa *next;
	/* The key schedule, then the window of a receive SA. */
	_Alignas(64) uint8_t tail[];
};

/* The number that the last packet of a transmit SA had. */
static inline uint64_t sa_sequence(const struct sa *sa)
{
	return sa->replay.top;
}

/*
 * A new SA with its schedule expanded and its sequence at the beginning, for a gateway of CORES
 * forwarding cores; NULL when secret memory is full. PEER: NULL when it stays where it is; else
 * it outlives the SA.
 */
struct sa *sa_create(const struct tunnel_config *config, unsigned int cores, struct peer *peer,
                     const struct sa_key *key, uint64_t generation, bool transmit);

/*
 * Let CIPHER seal or open with KEY, that of the SA, before anybody uses it. False when the device
 * has no session left.
 */
bool sa_use_cipher(struct sa *sa, struct esp_cipher *cipher, const struct sa_key *key);

/* Zeroise and free, its session with it; NULL is allowed. */
void sa_destroy(struct sa *sa);

/* Key bytes left out. */
void sa_describe(const struct sa *sa, struct sa_info *out);

/* Count a packet; the only writer is the SA's core. */
static inline void sa_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

#endif
