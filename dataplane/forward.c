/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/esp.h"
#include "dataplane/forward_in.h"
#include "dataplane/forward_out.h"
#include "dataplane/forward_own.h"
#include "dataplane/forward_rings.h"

#define NEIGHBOURS_MAX 4096

static unsigned int forward_poll(void *ctx, struct worker *w)
{
	struct forward_core *c = ctx;
	unsigned int n = 0;

	c->cs = &w->counters;
	c->now_ns = w->now_ns;
	c->esp.cs = c->cs;
	c->esp.now_ns = c->now_ns;
	c->generation = __atomic_load_n(&c->f->generation, __ATOMIC_ACQUIRE);
	c->fib = fib_current(c->f->config.fib);
	c->spd = spd_current(c->f->spd);
	c->nat = __atomic_load_n(&c->f->nat, __ATOMIC_ACQUIRE);
	c->peers = __atomic_load_n(&c->f->peers, __ATOMIC_ACQUIRE);
	c->frag = __atomic_load_n(&c->frag_made, __ATOMIC_ACQUIRE);
	if (c->index == FORWARD_OWNER) {
		n += forward_channel(c);
		forward_neighbour_poll(c);
		forward_address_poll(c);
		forward_probe_poll(c);
		if (c->nat != NULL)
			forward_nat_poll(c);
	}
	if (unlikely(c->frag != NULL))
		forward_frag_poll(c);
	forward_tx_collect(c, PORT_WAN);
	forward_tx_collect(c, PORT_LAN);
	n += forward_messages(c);
	n += forward_exception_poll(c);
	n += forward_lan(c);
	n += forward_wan(c);
	/* Opening may make answers that are to be sealed. */
	forward_wan_open(c);
	forward_seal_flush(c);
	forward_tx_flush(c, PORT_WAN);
	forward_tx_flush(c, PORT_LAN);
	return n + c->tx[PORT_WAN].n + c->tx[PORT_LAN].n + c->tx[PORT_WAN].first_n +
	       (c->backlog != NULL ? c->backlog->n : 0);
}

void forward_invalidate(struct forward *f)
{
	uint32_t next = f->generation + 1;

	__atomic_store_n(&f->generation, next == 0 ? 1 : next, __ATOMIC_RELEASE);
}

void forward_set_virtual(struct forward *f, unsigned int iface, const struct iface_virtual *v)
{
	iface_set_virtual(&f->config.iface[iface], v);
}

void forward_hops(const struct forward *f, unsigned int outer, struct forward_hops *out)
{
	const struct fib_outer *o = &fib_current(f->config.fib)->outer[outer];
	struct rte_ether_addr link;

	*out = (struct forward_hops){.has_backup = o->valid && o->has_backup, .stay = o->stay};
	if (!out->has_backup)
		return;
	out->reachable[0] = neighbour_lookup(f->neighbours, &o->next_hop, &link);
	out->reachable[1] = neighbour_lookup(f->neighbours, &o->backup, &link);
}

void forward_hop_select(struct forward *f, unsigned int outer, unsigned int hop)
{
	__atomic_store_n(&f->outer_hop[outer], (uint8_t)hop, __ATOMIC_RELAXED);
	/* The cores look their next hops up once a generation. */
	forward_invalidate(f);
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
	return sum - f->cleared_before[tunnel];
}

unsigned int forward_neighbours(const struct forward *f, struct neighbour_info *out,
                                unsigned int max)
{
	return neighbour_list(f->neighbours, out, max);
}

/* Where the channel's datagrams come in among all others. */
static bool needs_backlog(const struct forward *f, unsigned int core)
{
	const struct port *wan = f->config.port[PORT_WAN];

	return f->config.mux != NULL && wan->channel_rx == PORT_NO_QUEUE &&
	       port_rx_queue(wan, core) != PORT_NO_QUEUE;
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
	if (f->peers != NULL && forward_frag_create(f, index, &c->frag_made, err) < 0)
		return NULL;
	if (forward_rings_create(f, index, err) < 0)
		return NULL;
	if (needs_backlog(f, index) && (c->backlog = calloc(1, sizeof(*c->backlog))) == NULL) {
		err_set(err, ENOMEM, "forwarding: no memory for lcore %u", index);
		return NULL;
	}
	return c;
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
	for (unsigned int t = 0; t < SAD_TUNNELS_MAX; t++)
		forward_tunnel_set(f, t);
	forward_address_init(f);
	forward_exception_init(f);
	if (forward_sub_init(f, err) < 0) {
		forward_destroy(f);
		return NULL;
	}
	for (unsigned int sub = 0; sub < TUNNEL_SUBS_MAX; sub++)
		f->sub_core[sub] = (uint8_t)(sub % config->cores);
	if (config->port[PORT_LAN]->rx_cores < config->cores) {
		f->readers = config->port[PORT_LAN]->rx_cores;
		spread_init(&f->spread, config->cores, f->readers);
	}
	if (config->port[PORT_WAN]->rx_cores < config->cores) {
		f->wan_readers = config->port[PORT_WAN]->rx_cores;
		spread_init(&f->wan_spread, config->cores, f->wan_readers);
	}
	f->neighbours = neighbour_table_create(NEIGHBOURS_MAX, config->qsbr, &forward_neighbour_ops,
	                                       f, err);
	if (f->neighbours == NULL || forward_nat_create(config->tunnel, &f->nat, err) < 0 ||
	    forward_peers_create(config->tunnel, &f->peers, err) < 0) {
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
	if (c == NULL)
		return;
	forward_rings_destroy(c);
	for (unsigned int role = 0; role < PORT_ROLES; role++) {
		rte_pktmbuf_free_bulk(c->tx[role].pkt, c->tx[role].n);
		rte_pktmbuf_free_bulk(c->tx[role].first, c->tx[role].first_n);
	}
	for (unsigned int i = 0; c->backlog != NULL && i < c->backlog->n; i++)
		rte_pktmbuf_free(c->backlog->pkt[(c->backlog->head + i) % FORWARD_BACKLOG]);
	free(c->backlog);
	forward_frag_destroy(c->frag_made);
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
	forward_peers_destroy(f->peers);
	free(f->sub_of_vlan);
	spd_table_destroy(f->no_rules);
	free(f);
}
