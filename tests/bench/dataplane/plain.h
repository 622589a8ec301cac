/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The two bodies that the gateway is compared with: plain IPv4 forwarding from one port to
 * another, and the same with the bare AES-256-GCM call on the bytes that ESP covers.
 */

#ifndef BENCH_DATAPLANE_PLAIN_H
#define BENCH_DATAPLANE_PLAIN_H

#include <stdint.h>

#include "common/gcm.h"

/* What the cipher body does to a packet. */
enum plain_cipher { PLAIN_NONE, PLAIN_SEAL, PLAIN_OPEN };

struct plain {
	uint16_t in, out; /* ports; packets go from one to the other */
	struct rte_fib *fib;
	const struct gcm_provider *gcm;
	const struct gcm_key *key;
};

/* A table of COUNT routes of many lengths that lead elsewhere; NULL: no memory. */
struct rte_fib *plain_routes(unsigned int count);
/* A route that packets take: ADDR in host order. */
int plain_route_add(struct rte_fib *fib, uint32_t addr, uint8_t length);

/* One burst: receive from both ports, route, cipher, Ethernet header, send. */
unsigned int plain_poll(const struct plain *p, enum plain_cipher cipher);

#endif
