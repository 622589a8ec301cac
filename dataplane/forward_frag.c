/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fragments of outer packets, for tunnels whose policy allows them: made after ESP where the
 * WAN is too small for the LAN, and put together before ESP. Whoever sends fragments in a peer's
 * name can fill the table of a core, which is small and forgets soon, but nothing beyond: other
 * packets do not pass here.
 */

#include "dataplane/forward_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip_frag.h>

#include "common/clock.h"
#include "common/random.h"
#include "dataplane/forward_in.h"
#include "dataplane/frag.h"
#include "dataplane/ip.h"
#include "dataplane/mbuf_chain.h"

COUNTER_DEFINE(drop_wan_fragment, "drop.wan_fragment",
               "fragments of outer packets that no tunnel's policy allows")
COUNTER_DEFINE(drop_fragment_lost, "drop.fragment_lost",
               "fragments of outer packets that were not put together")
COUNTER_DEFINE(reassembled, "esp.reassembled", "outer packets put together")
COUNTER_DEFINE(outer_fragmented, "esp.fragmented", "outer packets sent in fragments")

#define IPV6_FRAGMENT_HEADER 8
/* What DPDK's table holds of a packet. */
#define FRAGMENTS RTE_LIBRTE_IP_FRAG_MAX_FRAG
/* Packets that a core has under way, each of FRAGMENTS buffers at most, and for how long. */
#define PACKETS    64
#define BUCKET     16
#define TIMEOUT_NS (100 * NS_PER_MS)
/* All fragments but the last are as long as a path allows; RFC 791 and RFC 8200 name less. */
#define LEAST 512

/* One core's. */
struct forward_frag {
	struct rte_ip_frag_tbl *table;
	struct rte_ip_frag_death_row dead;
	uint64_t next_expiry_ns;
	uint32_t identification, step; /* apart from those of the other cores */
};

/* Those that may send fragments: open addressing, an unused slot has in_use 0. All cores: ro. */
struct forward_peers {
	uint32_t mask;
	struct frag_peer {
		uint8_t addr[16];
		uint8_t in_use, ipv6;
	} peer[];
};

static uint32_t peer_hash(const uint8_t addr[16])
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (unsigned int i = 0; i < 16; i++)
		h = (h ^ addr[i]) * 16777619U;
	return h ^ h >> 15;
}

/* The slot of ADDR, or the free one where it would be. */
static struct frag_peer *peer_slot(struct forward_peers *f, bool ipv6, const uint8_t addr[16])
{
	uint32_t at = peer_hash(addr) & f->mask;

	while (f->peer[at].in_use &&
	       (f->peer[at].ipv6 != ipv6 || memcmp(f->peer[at].addr, addr, 16) != 0))
		at = (at + 1) & f->mask;
	return &f->peer[at];
}

static bool allows(const struct tunnel *t)
{
	return t != NULL && tunnel_config(t)->outer_fragment;
}

int forward_peers_create(const struct tunnel *const tunnels[SAD_TUNNELS_MAX],
                         struct forward_peers **out, struct err *err)
{
	unsigned int count = 0, slots = 4;
	struct forward_peers *p;

	*out = NULL;
	for (unsigned int t = 0; t < SAD_TUNNELS_MAX; t++)
		count += allows(tunnels[t]);
	if (count == 0)
		return 0;
	while (slots < 2 * count)
		slots *= 2;
	p = calloc(1, sizeof(*p) + slots * sizeof(p->peer[0]));
	if (p == NULL)
		return err_set(err, ENOMEM, "forwarding: no memory for fragments");
	p->mask = slots - 1;
	for (unsigned int t = 0; t < SAD_TUNNELS_MAX; t++) {
		const struct tunnel_config *tc;
		struct frag_peer *slot;
		uint8_t addr[16] = {0};

		if (!allows(tunnels[t]))
			continue;
		tc = tunnel_config(tunnels[t]);
		memcpy(addr, tc->remote, tc->ipv6 ? 16 : 4);
		slot = peer_slot(p, tc->ipv6, addr);
		*slot = (struct frag_peer){.in_use = 1, .ipv6 = tc->ipv6};
		memcpy(slot->addr, addr, sizeof(addr));
	}
	*out = p;
	return 0;
}

void forward_peers_destroy(struct forward_peers *p)
{
	free(p);
}

int forward_frag_create(const struct forward *f, unsigned int core, struct forward_frag **out,
                        struct err *err)
{
	struct forward_frag *frag = calloc(1, sizeof(*frag));
	unsigned int cores = f->config.cores;

	if (frag != NULL)
		frag->table = rte_ip_frag_table_create(PACKETS, BUCKET, PACKETS, TIMEOUT_NS,
		                                       SOCKET_ID_ANY);
	if (frag == NULL || frag->table == NULL) {
		free(frag);
		return err_set(err, ENOMEM, "forwarding: no memory for fragments");
	}
	frag->step = cores;
	/* Not to be guessed by who would mix fragments of his own in (RFC 7739). */
	random_bytes(&frag->identification, sizeof(frag->identification));
	frag->identification = frag->identification / cores * cores + core;
	__atomic_store_n(out, frag, __ATOMIC_RELEASE);
	return 0;
}

void forward_frag_destroy(struct forward_frag *f)
{
	if (f == NULL)
		return;
	rte_ip_frag_free_death_row(&f->dead, 0);
	rte_ip_frag_table_destroy(f->table);
	free(f);
}

static void bury(struct forward_core *c, struct forward_frag *f)
{
	if (f->dead.cnt == 0)
		return;
	counter_add(c->cs, &drop_fragment_lost, f->dead.cnt);
	rte_ip_frag_free_death_row(&f->dead, 0);
}

/* May this be a fragment that a peer made of ESP? */
static bool may_be_ours(struct forward_peers *f, const struct rte_mbuf *m, bool ipv6)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t headers = ipv6 ? IPV6_HEADER + IPV6_FRAGMENT_HEADER : (ip[0] & 15U) * 4;
	uint8_t addr[16] = {0};
	bool more;

	if (rte_pktmbuf_data_len(m) < headers || rte_pktmbuf_pkt_len(m) <= headers)
		return false;
	more = ipv6 ? (ip[IPV6_HEADER + 3] & 1) != 0
	            : (get_be16(ip + IPV4_FRAGMENT) & IPV4_MF) != 0;
	if (more && rte_pktmbuf_pkt_len(m) < LEAST)
		return false;
	memcpy(addr, ip + (ipv6 ? IPV6_SRC : IPV4_SRC), ipv6 ? 16 : 4);
	return peer_slot(f, ipv6, addr)->in_use;
}

struct rte_mbuf *forward_frag_in(struct forward_core *c, struct rte_mbuf *m, bool ipv6)
{
	struct forward_frag *f = c->frag;
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	if (f == NULL || c->peers == NULL || !may_be_ours(c->peers, m, ipv6)) {
		forward_drop(c, m, &drop_wan_fragment);
		return NULL;
	}
	m->l2_len = 0;
	if (ipv6) {
		m->l3_len = IPV6_HEADER + IPV6_FRAGMENT_HEADER;
		m = rte_ipv6_frag_reassemble_packet(f->table, &f->dead, m, c->now_ns, (void *)ip,
		                                    (void *)(ip + IPV6_HEADER));
		/* The IPv6 header moved to where the fragment header ended, Ethernet's did not. */
		if (m != NULL) {
			ip = rte_pktmbuf_mtod(m, uint8_t *) - RTE_ETHER_HDR_LEN;
			memmove(ip, ip - IPV6_FRAGMENT_HEADER, RTE_ETHER_HDR_LEN);
		}
	} else {
		m->l3_len = (ip[0] & 15U) * 4;
		m = rte_ipv4_frag_reassemble_packet(f->table, &f->dead, m, c->now_ns, (void *)ip);
	}
	bury(c, f);
	if (m == NULL)
		return NULL;
	counter_add(c->cs, &reassembled, 1);
	if (!chain_pull(m, RTE_MIN(m->pkt_len, CHAIN_HEADERS)) ||
	    !(ipv6 ? ipv6_check(m) : ipv4_check(m, false))) {
		forward_drop(c, m, &drop_fragment_lost);
		return NULL;
	}
	return m;
}

void forward_frag_poll(struct forward_core *c)
{
	struct forward_frag *f = c->frag;

	if (likely(c->now_ns < f->next_expiry_ns))
		return;
	f->next_expiry_ns = c->now_ns + TIMEOUT_NS;
	rte_ip_frag_table_del_expired_entries(f->table, &f->dead, c->now_ns);
	bury(c, f);
}

unsigned int forward_frag_out(struct forward_core *c, struct rte_mbuf *m,
                              struct rte_mbuf *out[FRAG_MAX])
{
	struct forward_frag *f = c->frag;
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t mtu = c->f->config.iface[PORT_WAN].mtu;
	int n;

	f->identification += f->step;
	if (ip[0] >> 4 == 4) {
		/* A packet that may be fragmented needs a number (RFC 6864 section 4.2). */
		put_be16(ip + IPV4_FRAGMENT - 2, (uint16_t)f->identification);
		n = frag_ipv4(m, mtu, c->f->config.pool, out);
	} else {
		n = frag_ipv6(m, mtu, f->identification, c->f->config.pool, out);
	}
	if (n < 0) {
		forward_drop(c, m, &drop_fragment_lost);
		return 0;
	}
	counter_add(c->cs, &outer_fragmented, 1);
	rte_pktmbuf_free(m);
	return (unsigned int)n;
}

unsigned int forward_fragments_mtu(bool ipv6, unsigned int wan_mtu)
{
	unsigned int headers = ipv6 ? IPV6_HEADER + IPV6_FRAGMENT_HEADER : IPV4_HEADER;

	return wan_mtu < headers + 8 ? wan_mtu
	                             : RTE_MIN((ipv6 ? IPV6_HEADER : IPV4_HEADER) +
	                                               FRAGMENTS * ((wan_mtu - headers) / 8 * 8),
	                                       (unsigned int)UINT16_MAX);
}
