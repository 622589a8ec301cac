/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the stages of the forwarding role share. Each stage is a file; forward_in.h, forward_way.h,
 * forward_out.h and forward_own.h have their functions, forward_rings.h those between cores.
 * Packets are mbufs from the IP header on, chained or not, with their headers in the first segment
 * (CHAIN_HEADERS) and the received Ethernet header still in the headroom before it, unless said
 * otherwise.
 */

#ifndef DATAPLANE_FORWARD_CORE_H
#define DATAPLANE_FORWARD_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "common/spsc.h"
#include "dataplane/address_check.h"
#include "dataplane/esp.h"
#include "dataplane/esp_seal.h"
#include "dataplane/exception.h"
#include "dataplane/flow.h"
#include "dataplane/forward.h"
#include "dataplane/frag.h"
#include "dataplane/icmp.h"
#include "dataplane/packet.h"
#include "dataplane/spread.h"

#define FORWARD_BURST     32
#define FORWARD_TX        512 /* packets that wait for a device; beyond, new ones are dropped */
#define FORWARD_FIRST     128 /* packets that go ahead of these */
#define FORWARD_ADDRESSES (CONFIG_ADDRESSES_MAX + 1) /* of a port; the last is the link-local */
#define FORWARD_OWNER     0 /* the core that resolves neighbours and sends the channel's */

/* Where an inner packet came from: the index of a tunnel, or one of these. */
#define ORIGIN_LAN UINT16_C(0xfffe)
#define ORIGIN_WAN UINT16_C(0xfffd) /* in the clear */
#define ORIGIN_OWN PACKET_ORIGIN_OWN

/* Packets that are sealed together, all around their text made. */
struct seal_vector {
	unsigned int n;
	struct esp_job job[FORWARD_BURST];
};

/* Packets that are opened together. */
struct packet_vector {
	unsigned int n;
	struct rte_mbuf *pkt[FORWARD_BURST];
	struct sa *sa[FORWARD_BURST];
};

struct tx_queue {
	unsigned int n, first_n;
	struct rte_mbuf *pkt[FORWARD_TX];
	/* The channel's and the neighbours', which go first; the owner's only. */
	struct rte_mbuf *first[FORWARD_FIRST];
};

/*
 * From one core to another; rings that the ports make no use of have no slots. Producer: the
 * other core, consumer: the one that they belong to.
 */
struct forward_rings {
	struct spsc message; /* few: packet_meta()->reason tells what they are */
	struct spsc frame;   /* of the LAN port, from Ethernet on, from a core that reads it */
	struct spsc esp;     /* from the outer header on, of an SA of the consumer */
	struct spsc clear;   /* that came by the WAN in the clear, from IP on, of its flows */
	struct spsc tx[PORT_ROLES]; /* frames for the consumer's tx queue */
};

/* What a burst has for another core. */
struct forward_stage {
	unsigned int n;
	struct rte_mbuf *pkt[FORWARD_BURST];
};

/* Packets that were read from a port faster than they are forwarded; a ring. */
#define FORWARD_BACKLOG 1024
struct forward_backlog {
	unsigned int head, n;
	struct rte_mbuf *pkt[FORWARD_BACKLOG];
};

/* The neighbour of an outer next hop, looked up once a generation. */
struct wan_hop {
	uint32_t generation;
	struct neighbour_ref ref;
};

/* What becomes of an inner packet, before the cache is considered. */
enum forward_outcome {
	FORWARD_DROP,
	FORWARD_DISCARD,   /* by the policy: kept for the flow */
	FORWARD_NO_ROUTE,  /* ICMP unreachable */
	FORWARD_LOCAL,     /* to us */
	FORWARD_SEAL,      /* into the tunnel */
	FORWARD_NEIGHBOUR, /* in the clear to next_hop, on LAN or WAN */
};

struct forward_verdict {
	uint8_t outcome; /* enum forward_outcome */
	uint8_t flags;   /* of enum flow_flag */
	uint16_t tunnel; /* FORWARD_SEAL, FLOW_ONLY_NO_KEY */
	uint16_t rule;   /* slot of the policy */
	const struct counter *drop;
	struct neighbour_key next_hop;
};

/* One core's; no other touches it but for its rings. */
struct forward_core {
	struct forward *f;
	unsigned int index;
	struct esp_core esp;
	const struct neighbour_link *links;

	/* of this turn of the loop */
	struct counter_set *cs;
	uint64_t now_ns;
	const struct fib *fib;
	const struct spd *spd;
	struct forward_frag *frag;   /* NULL: no outer fragments */
	struct forward_peers *peers; /* as in struct forward */
	struct forward_nat *nat;
	uint32_t generation; /* read before FIB and SPD: never newer than they */
	struct forward_verdict verdict[FORWARD_BURST]; /* of packets that the cache has not */

	uint64_t next_keep_ns;
	uint64_t next_nat_ns;           /* owner */
	struct forward_frag *frag_made; /* control: sets it once, release */
	unsigned int keep_cursor;
	struct icmp_limit limit, pmtu_limit;
	struct flow_cache flows;
	struct seal_vector seal;
	struct packet_vector open;
	struct tx_queue tx[PORT_ROLES];
	struct wan_hop hop[FIB_OUTER_MAX];
	struct spd_hit *hits;
	/* control: relaxed reads */
	uint64_t cleared_no_key[SAD_TUNNELS_MAX]; /* by tunnel */

	struct forward_wire_count wires[CONFIG_WIRES_MAX];

	/* [tunnel]: outer MTU that a router named, 0: none; the core: sets, control: clears */
	_Alignas(64) bool path_mtu_any;
	uint16_t path_mtu[SAD_TUNNELS_MAX];

	struct forward_stage out[TUNNEL_CORES_MAX];
	struct forward_backlog *backlog; /* of the WAN port; NULL: none is needed */

	/* in[i]: producer core i, consumer this core */
	struct forward_rings in[TUNNEL_CORES_MAX];
};

/* What each packet of a tunnel asks; 8 bytes. */
struct forward_tunnel {
	uint16_t mtu;      /* longest inner packet; control: rw, relaxed, all: ro */
	uint8_t clamp;     /* TCP's MSS in both directions */
	uint8_t classes;   /* more than one: by the table in its configuration */
	uint16_t wire_mtu; /* longest frame of a pseudowire, its header with it; as mtu */
	uint8_t spare[2];
};

/* The path of a tunnel; control: rw, the cores: MTU relaxed, on and floor constant. */
struct forward_path {
	uint16_t mtu;    /* longest outer packet */
	uint16_t before; /* until the last poll */
	uint16_t floor;  /* no router lowers it below that */
	bool on;         /* routers are listened to */
	uint64_t lowered;
	uint64_t until_ns; /* when what was heard is forgotten; 0: nothing was */
};

struct forward {
	/* all: ro; of a tunnel, control: wo while no route leads there */
	struct forward_tunnel tunnel[SAD_TUNNELS_MAX];
	struct forward_config config;
	const struct spd_table *spd;
	struct spd_table *no_rules; /* our own, when none was given */
	struct neighbour_table *neighbours;
	struct forward_core *core[TUNNEL_CORES_MAX];
	uint8_t sub_core[TUNNEL_SUBS_MAX]; /* [sub-SA]: the core that owns it */
	uint8_t *sub_of_vlan;    /* [VLAN of the LAN port]: its interface, or 0; NULL: no VLANs */
	unsigned int exceptions; /* one more than the last interface with daemons */
	/* Cores that read the LAN port for others too, by SPREAD; 0: each has its queue. */
	unsigned int readers;
	struct spread spread;
	/* The same of the WAN port, for what comes in the clear. */
	unsigned int wan_readers;
	struct spread wan_spread;
	/* control: rw, all: ro */
	_Alignas(64) uint32_t generation; /* of policy and routes; never 0 */
	uint32_t link_ups[PORT_ROLES];    /* times that a port's link came up */
	bool path_any;                    /* a tunnel listened to routers once */
	struct forward_path path[SAD_TUNNELS_MAX];
	/* control: rw, all: ro, by a new generation; 1: outer packets take the backup */
	uint8_t outer_hop[FIB_OUTER_MAX];
	/* control: rw; cleared_no_key before the tunnel was there; the change under way */
	uint64_t cleared_before[SAD_TUNNELS_MAX];
	struct forward_change *change;
	/* control: swaps, release, and frees after QSBR; cores: once a turn */
	struct forward_nat *nat;     /* NULL: no tunnel ever used UDP */
	struct forward_peers *peers; /* NULL: none may send fragments */
	/* control: sets, owner: clears; a bit a tunnel that is to be probed */
	_Alignas(64) bool probe_any;
	uint64_t probe[SAD_TUNNELS_MAX / 64];
	/* owner: rw; spreads the probes of addresses, never 0 */
	uint64_t address_spread;
	/* owner: rw, control: relaxed reads of states */
	_Alignas(64) struct address_check address[IFACES_MAX][FORWARD_ADDRESSES];
	uint64_t next_address_ns;
	uint32_t link_ups_seen[PORT_ROLES];
};

static inline void forward_drop(struct forward_core *c, struct rte_mbuf *m,
                                const struct counter *reason)
{
	counter_add(c->cs, reason, 1);
	rte_pktmbuf_free(m);
}

/*
 * All headers of a burst at once: where a device or another core put them is far away, and a
 * packet's work is shorter than the way.
 */
static inline void forward_prefetch(struct rte_mbuf **pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		rte_prefetch0(pkts[i]);
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		rte_prefetch0(p);
		rte_prefetch0(p + 64);
	}
}

/* The interface that a packet of ORIGIN_LAN came in by. */
static inline unsigned int forward_lan_iface(const struct forward_core *c, struct rte_mbuf *m)
{
	return likely(c->f->sub_of_vlan == NULL) ? PORT_LAN : packet_meta(m)->iface;
}

#endif
