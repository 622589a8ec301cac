/* SPDX-License-Identifier: BSD-3-Clause */

/* The peer of a tunnel that may move: when the control thread lets it, and what it leaves. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/esp.h"
#include "dataplane/tunnel_state.h"

int tunnel_peer_create(struct tunnel *t)
{
	const struct tunnel_config *c = &t->config;

	if (!c->nat_dynamic)
		return 0;
	memcpy(t->first.addr, c->remote, c->ipv6 ? 16 : 4);
	t->first.port = c->udp_port == 0 ? TUNNEL_UDP_PORT : c->udp_port;
	t->peer = peer_create(t->sad->cores, c->ipv6, &t->first);
	t->peer_info.dynamic = true;
	return t->peer == NULL ? -ENOMEM : 0;
}

void tunnel_peer_destroy(struct tunnel *t)
{
	while (t->left != NULL) {
		struct peer_at *at = t->left;

		t->left = at->next;
		free(at);
	}
	peer_destroy(t->peer);
}

void tunnel_peer_reclaim(struct tunnel *t)
{
	struct peer_at **at = &t->left;

	while (*at != NULL) {
		struct peer_at *place = *at;

		if (rte_rcu_qsbr_check(t->sad->qsbr, place->token, false) != 1) {
			at = &place->next;
			continue;
		}
		*at = place->next;
		free(place);
	}
}

const struct peer_place *tunnel_peer(const struct tunnel *t)
{
	return t->peer == NULL ? NULL : &peer_at(t->peer)->place;
}

/* The newest generation that the peer has sealed with: what comes of an older one comes late. */
static uint64_t heard_generation(const struct tunnel *t)
{
	uint64_t newest = 0;

	for (unsigned int g = 0; g < TUNNEL_RX_GENERATIONS; g++)
		for (unsigned int i = 0; t->rx[g].live && i < t->rx[g].count; i++)
			if (__atomic_load_n(&t->rx[g].sa[i]->packets, __ATOMIC_RELAXED) > 0)
				newest = RTE_MAX(newest, t->rx[g].generation);
	return newest;
}

/* An address of one host, not our own, and a port. */
static bool place_possible(const struct tunnel *t, const struct peer_place *p)
{
	static const uint8_t zero[16], loop6[16] = {[15] = 1};
	bool ipv6 = t->config.ipv6;

	return p->port != 0 && memcmp(p->addr, t->config.local, ipv6 ? 16 : 4) != 0 &&
	       (ipv6 ? p->addr[0] != 0xff && memcmp(p->addr, zero, 16) != 0 &&
	                        memcmp(p->addr, loop6, 16) != 0
	             : p->addr[0] != 0 && p->addr[0] != 127 && p->addr[0] < 224);
}

bool tunnel_peer_heard(struct tunnel *t, uint64_t now_ns, struct peer_place *out)
{
	struct tunnel_peer_info *info = &t->peer_info;

	if (t->peer == NULL || !peer_newest(t->peer, heard_generation(t), out))
		return false;
	if (!place_possible(t, out)) {
		info->refused++;
		return false;
	}
	if (info->moves > 0 && now_ns - info->moved_ns < PEER_MOVE_NS) {
		info->held++;
		return false;
	}
	return true;
}

int tunnel_peer_move(struct tunnel *t, const struct peer_place *to, uint64_t now_ns)
{
	struct peer_at *old = peer_move(t->peer, &t->first, to);

	if (old == NULL)
		return -ENOMEM;
	old->token = rte_rcu_qsbr_start(t->sad->qsbr);
	old->next = t->left;
	t->left = old;
	t->peer_info.moves++;
	t->peer_info.moved_ns = now_ns;
	return 0;
}

void tunnel_peer_read(const struct tunnel *t, struct tunnel_peer_info *out)
{
	*out = t->peer_info;
	if (t->peer != NULL)
		out->place = peer_at(t->peer)->place;
}
