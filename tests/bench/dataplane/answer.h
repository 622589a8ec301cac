/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A neighbour on a port where no one is: hands an ARP answer to whoever receives from the
 * port next, on request. It sits behind the device's receive function, where all bodies of
 * the benchmark pay the same for it.
 */

#ifndef BENCH_DATAPLANE_ANSWER_H
#define BENCH_DATAPLANE_ANSWER_H

#include <stdint.h>

#include <rte_ether.h>
#include <rte_mempool.h>

struct answer;

/* ADDR, in host order, is at a link address of its own; US is who asked. NULL: no memory. */
struct answer *answer_create(uint16_t port, struct rte_mempool *pool, uint32_t addr,
                             const struct rte_ether_addr *us, uint32_t our_addr);
void answer_destroy(struct answer *a);

/* Give the answer with the next burst; from any thread. */
void answer_give(struct answer *a);

#endif
