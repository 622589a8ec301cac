/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/esp.h"

COUNTER_DEFINE(drop_inbox_full, "drop.inbox_full",
               "packets that another forwarding core was too slow to take")

#define NEIGHBOURS_MAX 4096
#define INBOX_SIZE     512

void forward_hand_over(struct forward_core *c, unsigned int core, struct rte_mbuf *m)
{
	if (!spsc_push(&c->f->core[core]->inbox[c->index], m))
		forward_drop(c, m, &drop_inbox_full);
}

static void take(struct forward_core *c, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);

	switch (meta->reason) {
	case PACKET_NEIGHBOUR:
		forward_neighbour_message(c, (enum port_role)meta->next_hop.port, m);
		break;
	case PACKET_UNRESOLVED:
		neighbour_resolve(c->f->neighbours, c->cs, &meta->next_hop, m, c->now_ns);
		break;
	case PACKET_ESP:
		forward_wan_esp(c, m);
		break;
	default:
		forward_drop(c, m, &drop_inbox_full);
	}
}

static unsigned int take_inbox(struct forward_core *c)
{
	unsigned int n = 0;

	for (unsigned int from = 0; from < c->f->config.cores; from++) {
		struct rte_mbuf *m;

		if (from == c->index)
			continue;
		for (unsigned int i = 0; i < FORWARD_BURST; i++) {
			m = spsc_pop(&c->inbox[from]);
			if (m == NULL)
				break;
			take(c, m);
			n++;
		}
	}
	return n;
}

static unsigned int send_channel(struct forward_core *c)
{
	struct rte_mbuf *pkts[FORWARD_BURST];
	unsigned int n;

	if (c->f->config.mux == NULL || c->tx[PORT_WAN].n + FORWARD_BURST > FORWARD_TX)
		return 0;
	n = channel_mux_output(c->f->config.mux, pkts, FORWARD_BURST);
	forward_to_wan(c, pkts, n, FIB_OUTER_CHANNEL);
	return n;
}

static unsigned int forward_poll(void *ctx, struct worker *w)
{
	struct forward_core *c = ctx;
	unsigned int n = 0;

	c->cs = &w->counters;
	c->now_ns = w->now_ns;
	c->esp.cs = c->cs;
	c->generation = __atomic_load_n(&c->f->generation, __ATOMIC_ACQUIRE);
	c->fib = fib_current(c->f->config.fib);
	c->spd = spd_current(c->f->spd);
	if (c->index == FORWARD_OWNER) {
		n += send_channel(c);
		forward_neighbour_poll(c);
		if (c->f->nat != NULL)
			forward_nat_poll(c);
	}
	n += take_inbox(c);
	n += forward_lan(c);
	n += forward_wan(c);
	/* Opening may make answers that are to be sealed. */
	forward_wan_open(c);
	forward_seal_flush(c);
	forward_tx_flush(c, PORT_WAN);
	forward_tx_flush(c, PORT_LAN);
	return n + c->tx[PORT_WAN].n + c->tx[PORT_LAN].n;
}

void forward_invalidate(struct forward *f)
{
	uint32_t next = f->generation + 1;

	__atomic_store_n(&f->generation, next == 0 ? 1 : next, __ATOMIC_RELEASE);
}

struct role forward_role(struct forward *f, unsigned int core)
{
	return (struct role){.name = "forward", .poll = forward_poll, .ctx = f->core[core]};
}

uint64_t forward_cleared_no_key(const struct forward *f, unsigned int tunnel)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < f->config.cores; i++)
		sum += __atomic_load_n(&f->core[i]->cleared_no_key[tunnel], __ATOMIC_RELAXED);
	return sum;
}

unsigned int forward_neighbours(const struct forward *f, struct neighbour_info *out,
                                unsigned int max)
{
	return neighbour_list(f->neighbours, out, max);
}

static struct forward_core *core_create(struct forward *f, unsigned int index, struct err *err)
{
	unsigned int flows = f->config.flows == 0 ? FORWARD_FLOWS : f->config.flows;
	struct forward_core *c = aligned_alloc(_Alignof(struct forward_core), sizeof(*c));

	if (c == NULL) {
		err_set(err, ENOMEM, "forwarding: no memory for lcore %u", index);
		return NULL;
	}
	memset(c, 0, sizeof(*c));
	c->f = f;
	c->index = index;
	c->links = neighbour_links(f->neighbours);
	c->esp = (struct esp_core){.gcm = gcm_provider(),
	                           .cipher = f->config.sad->cipher,
	                           .sad = &f->config.sad->core[index],
	                           .index = index,
	                           .cores = f->config.cores};
	c->hits = spd_hits(f->spd, index);
	f->core[index] = c;
	if (flow_cache_init(&c->flows, flows, err) < 0)
		return NULL;
	for (unsigned int from = 0; from < f->config.cores; from++)
		if (from != index && spsc_init(&c->inbox[from], INBOX_SIZE) != 0) {
			err_set(err, ENOMEM, "forwarding: no memory for lcore %u", index);
			return NULL;
		}
	return c;
}

static void tunnels_init(struct forward *f)
{
	for (unsigned int t = 0; t < SAD_TUNNELS_MAX; t++) {
		const struct tunnel *tunnel = f->config.tunnel[t];

		f->tunnel[t].mtu = f->config.tunnel_mtu[t];
		if (tunnel == NULL)
			continue;
		f->tunnel[t].clamp = tunnel_config(tunnel)->mss_clamp;
		f->tunnel[t].classes = (uint8_t)tunnel_config(tunnel)->classes;
	}
}

struct forward *forward_create(const struct forward_config *config, struct err *err)
{
	struct forward *f = aligned_alloc(_Alignof(struct forward), sizeof(*f));

	if (f == NULL) {
		err_set(err, ENOMEM, "forwarding: no memory");
		return NULL;
	}
	memset(f, 0, sizeof(*f));
	f->config = *config;
	f->generation = 1;
	f->spd = config->spd;
	if (f->spd == NULL)
		f->spd = f->no_rules = spd_table_create(config->cores, config->qsbr, err);
	if (f->spd == NULL) {
		free(f);
		return NULL;
	}
	tunnels_init(f);
	f->neighbours = neighbour_table_create(NEIGHBOURS_MAX, config->qsbr, &forward_neighbour_ops,
	                                       f, err);
	if (f->neighbours == NULL || forward_nat_create(config, &f->nat, err) < 0) {
		forward_destroy(f);
		return NULL;
	}
	for (unsigned int i = 0; i < config->cores; i++) {
		if (core_create(f, i, err) == NULL) {
			forward_destroy(f);
			return NULL;
		}
	}
	return f;
}

static void core_destroy(struct forward_core *c)
{
	struct rte_mbuf *m;

	if (c == NULL)
		return;
	for (unsigned int from = 0; from < TUNNEL_CORES_MAX; from++) {
		if (c->inbox[from].slot == NULL)
			continue;
		while ((m = spsc_pop(&c->inbox[from])) != NULL)
			rte_pktmbuf_free(m);
		spsc_fini(&c->inbox[from]);
	}
	for (unsigned int role = 0; role < PORT_ROLES; role++)
		rte_pktmbuf_free_bulk(c->tx[role].pkt, c->tx[role].n);
	flow_cache_fini(&c->flows);
	free(c);
}

void forward_destroy(struct forward *f)
{
	if (f == NULL)
		return;
	for (unsigned int i = 0; i < TUNNEL_CORES_MAX; i++)
		core_destroy(f->core[i]);
	neighbour_table_destroy(f->neighbours);
	forward_nat_destroy(f->nat);
	spd_table_destroy(f->no_rules);
	free(f);
}
