/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tunnels that come and go while the cores forward. What a core reads of a tunnel is there before a
 * route leads to it, and goes when none does and every core has been quiescent since; what all
 * tunnels share, ports of ESP in UDP and peers that may send fragments, is built anew and swapped.
 */

#include "dataplane/forward_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_rcu_qsbr.h>

#include "dataplane/forward_in.h"
#include "dataplane/forward_own.h"

/* Between forward_tunnels_prepare() and its end. */
struct forward_change {
	struct tunnel *tunnel[SAD_TUNNELS_MAX]; /* those that will be there */
	bool added[SAD_TUNNELS_MAX];
	struct forward_nat *nat;
	struct forward_peers *peers;
};

void forward_tunnel_set(struct forward *f, unsigned int t)
{
	const struct tunnel *tunnel = f->config.tunnel[t];
	struct forward_tunnel *ft = &f->tunnel[t];

	*ft = (struct forward_tunnel){.mtu = f->config.tunnel_mtu[t],
	                              .wire_mtu = f->config.tunnel_mtu[t]};
	if (tunnel != NULL) {
		const struct tunnel_config *tc = tunnel_config(tunnel);

		/* A frame cannot be made smaller, but for in fragments around it. */
		if (tc->outer_fragment)
			ft->wire_mtu = (uint16_t)tunnel_inner_mtu(
			        tunnel,
			        forward_fragments_mtu(tc->ipv6, f->config.iface[PORT_WAN].mtu));
		ft->clamp = tc->mss_clamp;
		ft->classes = (uint8_t)tc->classes;
	}
	f->outer_hop[t] = 0;
	forward_path_set(f, t);
}

static void grace(const struct forward *f)
{
	if (f->config.qsbr != NULL)
		rte_rcu_qsbr_synchronize(f->config.qsbr, RTE_QSBR_THRID_INVALID);
}

/* A core that still asks for one that goes is not to look into its configuration. */
static void begin_to_go(struct forward *f, unsigned int t)
{
	__atomic_store_n(&f->path[t].on, false, __ATOMIC_RELAXED);
	__atomic_store_n(&f->tunnel[t].classes, 1, __ATOMIC_RELAXED);
	__atomic_fetch_and(&f->probe[t / 64], ~(UINT64_C(1) << t % 64), __ATOMIC_RELAXED);
}

static void gone(struct forward *f, unsigned int t)
{
	f->config.tunnel[t] = NULL;
	f->config.tunnel_mtu[t] = 0;
	forward_tunnel_set(f, t);
}

int forward_tunnels_prepare(struct forward *f, struct tunnel *const tunnel[SAD_TUNNELS_MAX],
                            const uint16_t mtu[SAD_TUNNELS_MAX], struct err *err)
{
	struct forward_change *n = calloc(1, sizeof(*n));
	int rc;

	if (n == NULL)
		return err_set(err, ENOMEM, "forwarding: no memory for tunnels");
	memcpy(n->tunnel, tunnel, sizeof(n->tunnel));
	rc = forward_nat_create((const struct tunnel *const *)tunnel, &n->nat, err);
	/* Once there, it stays: a core may look at it at any time. */
	if (rc == 0 && n->nat == NULL && f->nat != NULL)
		rc = forward_nat_empty(&n->nat, err);
	if (rc == 0)
		rc = forward_peers_create((const struct tunnel *const *)tunnel, &n->peers, err);
	for (unsigned int i = 0; rc == 0 && n->peers != NULL && i < f->config.cores; i++)
		if (f->core[i]->frag_made == NULL)
			rc = forward_frag_create(f, i, &f->core[i]->frag_made, err);
	if (rc < 0) {
		forward_nat_destroy(n->nat);
		forward_peers_destroy(n->peers);
		free(n);
		return rc;
	}
	for (unsigned int t = 0; t < SAD_TUNNELS_MAX; t++) {
		if (tunnel[t] == NULL || f->config.tunnel[t] != NULL)
			continue;
		n->added[t] = true;
		f->config.tunnel_mtu[t] = mtu[t];
		f->config.tunnel[t] = tunnel[t];
		f->cleared_before[t] = 0;
		f->cleared_before[t] = forward_cleared_no_key(f, t);
		forward_tunnel_set(f, t);
	}
	f->change = n;
	return 0;
}

void forward_tunnels_cancel(struct forward *f)
{
	struct forward_change *n = f->change;

	for (unsigned int t = 0; t < SAD_TUNNELS_MAX; t++)
		if (n->added[t])
			begin_to_go(f, t);
	grace(f);
	for (unsigned int t = 0; t < SAD_TUNNELS_MAX; t++)
		if (n->added[t])
			gone(f, t);
	forward_nat_destroy(n->nat);
	forward_peers_destroy(n->peers);
	free(n);
	f->change = NULL;
}

void forward_tunnels_commit(struct forward *f)
{
	struct forward_change *n = f->change;
	struct forward_nat *nat = f->nat;
	struct forward_peers *peers = f->peers;

	__atomic_store_n(&f->nat, n->nat, __ATOMIC_RELEASE);
	__atomic_store_n(&f->peers, n->peers, __ATOMIC_RELEASE);
	for (unsigned int t = 0; t < SAD_TUNNELS_MAX; t++)
		if (f->config.tunnel[t] != NULL && n->tunnel[t] == NULL)
			begin_to_go(f, t);
	grace(f);
	for (unsigned int t = 0; t < SAD_TUNNELS_MAX; t++)
		if (f->config.tunnel[t] != NULL && n->tunnel[t] == NULL)
			gone(f, t);
	forward_nat_destroy(nat);
	forward_peers_destroy(peers);
	free(n);
	f->change = NULL;
}
