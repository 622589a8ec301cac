/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What was decided for the packets of a flow, so that policy and routes are asked once: a cache
 * per forwarding core, IPv4 and IPv6 apart. A flow is a 5-tuple and where it came in.
 *
 * An entry counts while its generation is the one of the tables that decided. Which entry a
 * flow finds depends on a secret drawn at start, so that nobody can choose flows that push each
 * other out.
 */

#ifndef DATAPLANE_FLOW_H
#define DATAPLANE_FLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_prefetch.h>

#include "common/err.h"
#include "dataplane/neighbour.h"

enum flow_action {
	FLOW_NONE,    /* not in the cache */
	FLOW_DISCARD, /* by the policy */
	FLOW_SEAL,    /* through the tunnel */
	FLOW_LAN,     /* to the neighbour on the LAN */
	FLOW_WAN,     /* in the clear to the neighbour on the WAN */
};

enum flow_flag {
	FLOW_CLEAR = 1,        /* in the clear on the WAN, as a rule says */
	FLOW_CLEAR_NO_KEY = 2, /* FLOW_SEAL: in the clear while the tunnel has no key */
	FLOW_ONLY_NO_KEY = 4,  /* FLOW_LAN: accepted in the clear while the tunnel has no key */
	FLOW_TCP = 8,          /* through a tunnel that lowers the MSS in SYN segments */
	FLOW_SUB = 16,         /* FLOW_LAN: by the interface that tunnel has the index of */
};

/* What a decision is made of; 16 bytes. */
struct flow_value {
	uint32_t generation;
	uint8_t action;        /* enum flow_action */
	uint8_t flags;         /* of enum flow_flag */
	uint16_t tunnel;       /* FLOW_SEAL, FLOW_ONLY_NO_KEY */
	uint32_t link_version; /* FLOW_LAN, FLOW_WAN: of the neighbour's entry */
	uint16_t link_slot;    /* they too */
	uint16_t rule;         /* slot of the policy's rule that decided */
};

/* Selectors of RFC 4301 section 4.4.1.1. Addresses and ports as on the wire. */
struct flow4_key {
	uint8_t src[4], dst[4];
	uint8_t sport[2], dport[2]; /* ICMP: type and code in dport */
	uint16_t origin;            /* tunnel, or port */
	uint8_t proto;
	uint8_t fragment : 1; /* not the first one, so ports are not known */
	uint8_t iface : 7;    /* of the LAN port where it has VLANs: that it came in by */
};

struct flow6_key {
	uint8_t src[16], dst[16];
	uint8_t sport[2], dport[2];
	uint16_t origin;
	uint8_t proto;
	uint8_t fragment : 1;
	uint8_t iface : 7;
};

/* Keys as words, for who makes them. */
union flow4_words {
	struct flow4_key key;
	uint64_t word[2];
};

union flow6_words {
	struct flow6_key key;
	uint64_t word[5];
};

struct flow4 {
	_Alignas(32) struct flow4_key key;
	struct flow_value value;
};

struct flow6 {
	_Alignas(64) struct flow6_key key;
	struct flow_value value;
};

/* One core's. Both tables hold pairs of entries: two may share an index. */
struct flow_cache {
	struct flow4 *v4;
	struct flow6 *v6;
	uint32_t mask4, mask6; /* of the index of a pair */
	uint64_t secret[4];
};

/* ENTRIES: for IPv4, a power of two from 256 on; a quarter of it for IPv6. */
int flow_cache_init(struct flow_cache *c, unsigned int entries, struct err *err);
void flow_cache_fini(struct flow_cache *c);

/* 64 x 64 bits to 128, folded. */
static inline uint64_t flow_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/*
 * Addresses that count up come out of one multiplication evenly spaced, and with some secrets
 * in few places; the second one breaks that. 2^64 over the golden ratio, odd.
 */
static inline uint32_t flow_finish(uint64_t h)
{
	return (uint32_t)((h ^ h >> 29) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static inline uint32_t flow4_hash(const struct flow_cache *c, const struct flow4_key *key)
{
	uint64_t w[2];

	memcpy(w, key, sizeof(w));
	return flow_finish(flow_fold(w[0] ^ c->secret[0], w[1] ^ c->secret[1]));
}

static inline uint32_t flow6_hash(const struct flow_cache *c, const struct flow6_key *key)
{
	uint64_t w[5], h;

	memcpy(w, key, sizeof(w));
	h = flow_fold(w[0] ^ c->secret[0], w[1] ^ c->secret[1]);
	h ^= flow_fold(w[2] ^ c->secret[1], w[3] ^ c->secret[2]);
	return flow_finish(flow_fold(h ^ c->secret[3], w[4] ^ c->secret[0]));
}

static inline void flow4_prefetch(const struct flow_cache *c, uint32_t hash)
{
	rte_prefetch0(&c->v4[(size_t)(hash & c->mask4) * 2]);
}

static inline void flow6_prefetch(const struct flow_cache *c, uint32_t hash)
{
	rte_prefetch0(&c->v6[(size_t)(hash & c->mask6) * 2]);
}

static inline bool flow_same(const void *a, const void *b, size_t n)
{
	uint64_t x[5], y[5], difference = 0;

	memcpy(x, a, n);
	memcpy(y, b, n);
	for (size_t i = 0; i < n / 8; i++)
		difference |= x[i] ^ y[i];
	return difference == 0;
}

/* The decision for KEY, or NULL. */
static inline const struct flow_value *flow4_find(const struct flow_cache *c, uint32_t hash,
                                                  const struct flow4_key *key, uint32_t generation)
{
	const struct flow4 *e = &c->v4[(size_t)(hash & c->mask4) * 2];

	if (e[0].value.generation == generation && flow_same(&e[0].key, key, sizeof(*key)))
		return &e[0].value;
	if (e[1].value.generation == generation && flow_same(&e[1].key, key, sizeof(*key)))
		return &e[1].value;
	return NULL;
}

static inline const struct flow_value *flow6_find(const struct flow_cache *c, uint32_t hash,
                                                  const struct flow6_key *key, uint32_t generation)
{
	const struct flow6 *e = &c->v6[(size_t)(hash & c->mask6) * 2];

	if (e[0].value.generation == generation && flow_same(&e[0].key, key, sizeof(*key)))
		return &e[0].value;
	if (e[1].value.generation == generation && flow_same(&e[1].key, key, sizeof(*key)))
		return &e[1].value;
	return NULL;
}

/*
 * Put a decision in. It takes the place of an old decision for KEY or of one that no longer
 * counts, else of one of the pair.
 */
void flow4_put(struct flow_cache *c, uint32_t hash, const struct flow4_key *key,
               const struct flow_value *value);
void flow6_put(struct flow_cache *c, uint32_t hash, const struct flow6_key *key,
               const struct flow_value *value);

#endif
