/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The QKD engine's datagrams in the WAN port's traffic: UDP between the two gateways, class
 * selector 6 (RFC 2474). Forwarding cores pick them out of what they receive and put them on
 * a ring each; the QKD core's own go by another ring to the first forwarding core, which
 * sends them before anything else. Nothing here is trusted: the channel authenticates.
 */

#ifndef DATAPLANE_CHANNEL_MUX_H
#define DATAPLANE_CHANNEL_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/counter.h"
#include "common/err.h"
#include "qkd-engine/channel.h"

struct rte_mbuf;
struct channel_mux;

struct channel_mux_config {
	bool ipv6;
	uint8_t local[16], remote[16]; /* 4 or 16 bytes */
	uint16_t port;                 /* UDP, both ends */
	uint16_t mtu;                  /* of the WAN port */
	unsigned int cores;            /* forwarding cores */
	bool dynamic;                  /* the peer may be elsewhere than at REMOTE and PORT */
};

struct channel_mux *channel_mux_create(const struct channel_mux_config *config, struct err *err);

/* Once all cores have stopped. */
void channel_mux_destroy(struct channel_mux *mux);

/* The QKD core. */

/* Bytes that a datagram carries at most. */
size_t channel_mux_payload_max(const struct channel_mux *mux);

/*
 * The next payload into BUF; its length, or 0 when there is none. One beyond CAP is lost. FROM: 16
 * bytes of address and 2 of port, network order; zeros for where the peer is configured to be. NULL
 * is allowed.
 */
size_t channel_mux_receive(struct channel_mux *mux, uint8_t *buf, size_t cap,
                           struct channel_place *from);

/*
 * To TO, as FROM above. 0; -EMSGSIZE; -EAGAIN when the ring or the pool is exhausted: the datagram
 * is lost.
 */
int channel_mux_send(struct channel_mux *mux, const uint8_t *payload, size_t len,
                     const struct channel_place *to);

/* Forwarding cores. */

/* UDP, both ends. */
uint16_t channel_mux_port(const struct channel_mux *mux);

/*
 * A packet from its IP header on that was checked and is for an address of ours. True: it
 * was to the channel's port and is delivered or, counted, dropped. False: not the channel's.
 */
bool channel_mux_input(struct channel_mux *mux, unsigned int core, struct counter_set *cs,
                       struct rte_mbuf *m);

/* The first core: up to MAX packets to send, from the IP header on. */
unsigned int channel_mux_output(struct channel_mux *mux, struct rte_mbuf **pkts, unsigned int max);

/* Does M, one of these, go to another address than the configured one? */
bool channel_mux_elsewhere(const struct channel_mux *mux, const struct rte_mbuf *m);

#endif
