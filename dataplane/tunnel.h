/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A tunnel between the two gateways and its generations of security associations: per
 * direction and forwarding core one SA with a key of its own (RFC 9611). The control thread
 * installs and retires; forwarding cores read through pointers published with release
 * stores, and report quiescence (QSBR) once a loop, so that nothing is freed under them.
 */

#ifndef DATAPLANE_TUNNEL_H
#define DATAPLANE_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "dataplane/peer.h"

#define TUNNEL_CORES_MAX      16
#define TUNNEL_CLASSES_MAX    4 /* traffic classes with transmit SAs of their own */
#define TUNNEL_RX_GENERATIONS 4

/*
 * The sub-SAs of a direction and generation. The low 6 bits of an SPI are the index of the
 * sub-SA: the sender's core + its number of cores * the class. Index modulo the receiver's
 * cores is the core that owns window and counters.
 */
#define TUNNEL_SUBS_MAX (TUNNEL_CORES_MAX * TUNNEL_CLASSES_MAX)

#define TUNNEL_SPI_MIN 256 /* RFC 4303 section 2.1: 0 to 255 are reserved */

/* ESP in UDP (RFC 3948): the port of IKE's NAT traversal, which that RFC shares. */
#define TUNNEL_UDP_PORT 4500
/*
 * With udp_spread the source port is this and the index of the sub-SA, so that a network or a
 * card that spreads by ports tells the sub-SAs apart (dynamic ports, RFC 6335 section 6).
 */
#define TUNNEL_UDP_SPREAD 49152

struct tunnel;
struct sad;

/* Outer addresses: 4 or 16 bytes, network order. */
struct tunnel_config {
	char name[32];
	bool ipv6;
	uint8_t local[16], remote[16];
	uint32_t replay_window; /* packets, 64 to 32768, a power of two; default 4096 */
	unsigned int index;     /* in the SAD */
	unsigned int classes;   /* that it seals apart, 1 to TUNNEL_CLASSES_MAX; 0 means 1 */
	bool udp;               /* ESP in UDP */
	bool udp_spread;        /* the source port tells the sub-SA, else it is udp_port */
	uint16_t udp_port;      /* destination; 0 means TUNNEL_UDP_PORT */
	uint16_t nat_keepalive; /* seconds between keepalives; 0: none */
	bool nat_dynamic;     /* udp: the peer may move (peer.h), REMOTE is where it is at first */
	bool outer_fragment;  /* packets beyond the WAN's MTU leave and come in fragments */
	uint16_t mtu_floor;   /* routers lower the path's MTU to no less; 0: not at all */
	bool mss_clamp;       /* lower the MSS of TCP connections through it */
	bool dscp_mapped;     /* the outer DSCP is by dscp[], else that of the inner packet */
	bool ecn_compatible;  /* RFC 6040 section 4.3: nothing of ECN outside */
	uint8_t dscp[64];     /* by inner DSCP */
	uint8_t class_of[64]; /* by inner DSCP: which class seals it, below classes */
};

/* Key material of one SA; lives in secret memory, wiped by the caller after the call. */
struct sa_key {
	uint32_t spi; /* host order; low 6 bits: index of the sub-SA */
	uint8_t key[32];
	uint8_t salt[4]; /* RFC 4106 */
};

/*
 * SAD: where the forwarding cores find the SAs; it outlives the tunnel. The GCM provider and
 * the secret memory must be ready. NULL on failure. All functions below belong to the control
 * thread.
 */
struct tunnel *tunnel_create(const struct tunnel_config *config, struct sad *sad, struct err *err);

/* The SAD that it was created with. */
struct sad *tunnel_sad(const struct tunnel *t);

/*
 * Out of the SAD: nothing is sealed or opened by it any more, and once all cores were quiescent it
 * may be destroyed.
 */
void tunnel_close(struct tunnel *t);

/* Free everything at once: no core may use the tunnel any more. */
void tunnel_destroy(struct tunnel *t);

/*
 * Install the receive SAs of GENERATION: COUNT is the peer's number of sub-SAs, one key each,
 * in any order. All or nothing. -EBUSY: TUNNEL_RX_GENERATIONS are live; -EEXIST: the
 * generation, an SPI or a key is in use, in either direction, or not yet past its grace period
 * (a key in two SAs would repeat nonces); -EINVAL: count, SPI or index; -ENOSPC: the SAD is
 * full; -ENOMEM: secret memory is full.
 */
int tunnel_rx_install(struct tunnel *t, uint64_t generation, const struct sa_key *keys,
                      unsigned int count, struct err *err);

/* The number of sub-SAs that this side seals with: cores * classes. */
unsigned int tunnel_subs(const struct tunnel *t);

/*
 * From now on packets are sealed with these, COUNT = tunnel_subs(); the old ones are freed after
 * QSBR. Errors as above but -EBUSY; after one, sealing goes on with the old ones.
 */
int tunnel_tx_switch(struct tunnel *t, uint64_t generation, const struct sa_key *keys,
                     unsigned int count, struct err *err);

/* Stop sealing: no plaintext leaves, packets are counted as drop.no_key. */
void tunnel_tx_stop(struct tunnel *t);

/* Remove a receive generation; its memory is wiped after QSBR. */
void tunnel_rx_retire(struct tunnel *t, uint64_t generation);

/*
 * Where a peer that may move has been heard from since, by packets that are newer than all from
 * where it is known to be; false: nowhere, or it moved less than PEER_MOVE_NS ago, or that is no
 * place for a gateway.
 */
bool tunnel_peer_heard(struct tunnel *t, uint64_t now_ns, struct peer_place *out);

/* From now on packets go to TO. -ENOMEM. */
int tunnel_peer_move(struct tunnel *t, const struct peer_place *to, uint64_t now_ns);

struct tunnel_peer_info {
	bool dynamic; /* else nothing of what follows */
	struct peer_place place;
	uint64_t moves;
	uint64_t moved_ns; /* clock_mono_ns(); 0: never */
	uint64_t held;     /* times that it had moved too short a time ago */
	uint64_t refused;  /* times that no gateway could be there */
};
void tunnel_peer_read(const struct tunnel *t, struct tunnel_peer_info *out);

/* Free what passed its grace period; the control thread calls it a few times a second. */
void tunnel_reclaim(struct tunnel *t);

/* For sa_list and status; no key bytes. */
struct sa_info {
	uint32_t spi;
	uint64_t generation;
	unsigned int sub, core;
	bool transmit;
	uint64_t packets, bytes; /* of inner packets */
	uint64_t sequence;       /* last one sent, highest one received */
	uint64_t replayed, auth_failed;
	uint64_t installed_ns; /* clock_mono_ns() */
};
/* What the tunnel carried since it was created, over all its SAs, live and gone. */
/* Is there a key to seal with? */
bool tunnel_has_key(const struct tunnel *t);

struct tunnel_totals {
	uint64_t packets_sealed, bytes_sealed; /* of inner packets */
	uint64_t packets_opened, bytes_opened;
};
void tunnel_totals_read(const struct tunnel *t, struct tunnel_totals *out);

/* Up to MAX entries; returns the number there are. */
unsigned int tunnel_sa_list(const struct tunnel *t, struct sa_info *out, unsigned int max);

#endif
