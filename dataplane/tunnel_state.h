/* SPDX-License-Identifier: BSD-3-Clause */

/* What makes up a tunnel; private to tunnel*.c. */

#ifndef DATAPLANE_TUNNEL_STATE_H
#define DATAPLANE_TUNNEL_STATE_H

#include "dataplane/sad.h"
#include "dataplane/tunnel.h"

/* The SAs of one generation and direction, by sub-SA. */
struct sa_set {
	bool live;
	uint64_t generation;
	unsigned int count;
	struct sa *sa[TUNNEL_SUBS_MAX];
};

/* The control thread's alone: forwarding cores know the SAD. */
struct tunnel {
	struct tunnel_config config;
	struct sad *sad;
	struct sa_set rx[TUNNEL_RX_GENERATIONS], tx;
	struct sa *retired;        /* newest first */
	struct tunnel_totals gone; /* of SAs that were freed */
	struct peer *peer;         /* NULL: it stays where it is */
	struct peer_place first;   /* where it is by the configuration */
	struct peer_at *left;      /* places that it has left */
	struct tunnel_peer_info peer_info;
};

/* tunnel_peer.c. -ENOMEM */
int tunnel_peer_create(struct tunnel *t);
void tunnel_peer_destroy(struct tunnel *t);
void tunnel_peer_reclaim(struct tunnel *t);

#endif
