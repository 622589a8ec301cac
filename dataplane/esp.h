/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ESP in tunnel mode (RFC 4303) with AES-256-GCM (RFC 4106, 16-byte ICV, 8-byte explicit IV)
 * and extended sequence numbers, a burst at a time, to completion on the calling core:
 *
 *     n = esp_seal_burst(&e, pkts, sas, n);   inner IP -> outer IP, to the WAN
 *     n = esp_open_burst(&e, pkts, sas, n);   outer IP -> inner IP, to the LAN
 *
 * Each packet has its own SA, so a burst may mix tunnels. Packets begin at the IP header,
 * without Ethernet; mbufs are direct, not shared, and may be chained. On return
 * pkts[0 .. result - 1] are the packets that passed, in their order, and sas[i] is the SA of
 * pkts[i]; all others are freed and counted in the calling core's counters under a name
 * "drop.*".
 *
 * Where a crypto device is used, what it refuses is counted as drop.cipher, what it does not give
 * back as drop.cipher_lost (esp_cipher.h).
 *
 * The caller reports quiescence to the SAD's QSBR variable between bursts, and keeps no SA
 * across it.
 */

#ifndef DATAPLANE_ESP_H
#define DATAPLANE_ESP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/counter.h"
#include "common/gcm.h"
#include "dataplane/sad.h"

struct rte_mbuf;

/* What the two functions need of the core that calls; one thread's. */
struct esp_core {
	const struct gcm_provider *gcm;
	struct esp_cipher *cipher; /* the device that seals and opens instead; NULL: none */
	const struct sad_core *sad;
	struct counter_set *cs;
	unsigned int index, cores; /* which one, of how many */
	uint64_t now_ns;           /* of this turn; for peers that move */
};

/* SPI, low half of the sequence number, explicit IV (RFC 4303 section 2, RFC 4106 section 3.1). */
#define ESP_HEADER_BYTES 16
#define ESP_ICV_BYTES    16
/* Most bytes in front of the inner packet: the headroom that sealing needs, less Ethernet. */
#define ESP_HEADROOM_MAX (40 + 8 + ESP_HEADER_BYTES)
/* Most bytes behind it: 3 of padding, pad length, next header, ICV. */
#define ESP_TAILROOM_MAX (3 + 2 + ESP_ICV_BYTES)

/*
 * Seal N inner packets (IPv4 or IPv6), pkts[i] with sas[i]. DSCP and ECN are copied to the
 * outer header (RFC 6040 normal mode) if the tunnel has no other policy, DF is set, TTL is 64.
 * Without a key (NULL) nothing leaves: drop.no_key. drop.seal_malformed: not an IP packet;
 * drop.seal_too_long: over 65535 bytes outside; drop.seal_no_room: no head- or tailroom;
 * drop.sequence_exhausted. The caller has checked the length against tunnel_inner_mtu().
 */
unsigned int esp_seal_burst(const struct esp_core *e, struct rte_mbuf **pkts, struct sa **sas,
                            unsigned int n);

/*
 * Open N packets that carry ESP behind the outer IPv4 or IPv6 header, in UDP or not, and tell
 * their SAs. Bytes beyond the outer length (Ethernet padding) are cut. drop.malformed: not a whole
 * ESP packet; drop.wrong_core: the SPI belongs to another core; drop.no_sa; drop.replay: seen,
 * or left of the window; drop.auth; drop.inner_malformed: authentic, but padding or inner
 * packet are wrong; drop.dummy: next header 59 (RFC 4303 section 2.6) and no probe; drop.ecn:
 * congestion was marked on a packet whose transport does not know it (RFC 6040 section 4.2).
 */
unsigned int esp_open_burst(const struct esp_core *e, struct rte_mbuf **pkts, struct sa **sas,
                            unsigned int n);

/* Longest inner packet that leaves in an outer packet of OUTER_MTU bytes (IP header and all). */
unsigned int tunnel_inner_mtu(const struct tunnel *t, unsigned int outer_mtu);

/* The outer packet of an inner one of INNER bytes. */
unsigned int tunnel_outer_mtu(const struct tunnel *t, unsigned int inner);

/* Where its packets go, if the peer may move; else NULL. Until the core is quiescent. */
const struct peer_place *tunnel_peer(const struct tunnel *t);

/* The configuration that the tunnel was created with. */
const struct tunnel_config *tunnel_config(const struct tunnel *t);

#endif
