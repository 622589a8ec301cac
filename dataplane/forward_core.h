/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the stages of the forwarding role share. Each stage is a file: classify, lan, wan,
 * inner, slow, local, neighbours, tx. Packets are mbufs from the IP header on, chained or not,
 * with their headers in the first segment (CHAIN_HEADERS) and the received Ethernet header still
 * in the headroom before it, unless said otherwise.
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
	uint32_t generation; /* read before FIB and SPD: never newer than they */
	struct forward_verdict verdict[FORWARD_BURST]; /* of packets that the cache has not */

	uint64_t next_keep_ns;
	uint64_t next_nat_ns;      /* owner */
	struct forward_frag *frag; /* NULL: no outer fragments */
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
	/* all: ro */
	struct forward_tunnel tunnel[SAD_TUNNELS_MAX];
	struct forward_config config;
	const struct spd_table *spd;
	struct spd_table *no_rules; /* our own, when none was given */
	struct neighbour_table *neighbours;
	struct forward_core *core[TUNNEL_CORES_MAX];
	struct forward_nat *nat;           /* NULL: no tunnel uses UDP */
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
	bool path_any;                    /* a tunnel listens to routers; constant */
	struct forward_path path[SAD_TUNNELS_MAX];
	/* control: rw, all: ro, by a new generation; 1: outer packets take the backup */
	uint8_t outer_hop[FIB_OUTER_MAX];
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

/* forward_classify.c: the Ethernet header. */
enum ether_class { ETHER_DONE, ETHER_IPV4, ETHER_IPV6 };
/* ETHER_DONE: dropped, or on its way to the owner of the neighbours. */
enum ether_class forward_classify(struct forward_core *c, enum port_role role, struct rte_mbuf *m);
unsigned int forward_rx(struct forward_core *c, enum port_role role, struct rte_mbuf **pkts);

/* forward_lan.c, forward_wan.c: a burst of each port; packets received. */
unsigned int forward_lan(struct forward_core *c);
unsigned int forward_wan(struct forward_core *c);
void forward_wan_open(struct forward_core *c);
/* N frames of the WAN port, from Ethernet on. */
void forward_wan_burst(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n);

/*
 * forward_backlog.c: N frames that filled a burst, and what the WAN port has more. What must not
 * be lost is taken out, the rest waits its turn; PKTS has room for FORWARD_BURST, for those
 * whose turn it is. Returns how many these are.
 */
unsigned int forward_backlog(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n);

/* forward_nat.c: ESP in UDP. NULL in *OUT when no tunnel uses it. */
int forward_nat_create(const struct forward_config *config, struct forward_nat **out,
                       struct err *err);
void forward_nat_destroy(struct forward_nat *nat);
/*
 * A UDP packet to an address of ours. True: it was to a port of ESP, and the bytes in front of
 * ESP are in *HEADER, or, with *HEADER 0, it is dealt with. False: something else.
 */
bool forward_nat_input(struct forward_core *c, struct rte_mbuf *m, bool ipv6, uint32_t *header);
/* The owner's: keepalives that are due. */
void forward_nat_poll(struct forward_core *c);

/* forward_pmtu.c. A packet to an address of ours: true when it was about a path's MTU. */
bool forward_pmtu_input(struct forward_core *c, struct rte_mbuf *m, bool ipv6);
void forward_path_init(struct forward *f);

/* forward_inner.c: up to FORWARD_BURST checked inner packets, pkts[i] of origin[i]. */
void forward_inner4(struct forward_core *c, struct rte_mbuf **pkts, const uint16_t *origin,
                    unsigned int n);
void forward_inner6(struct forward_core *c, struct rte_mbuf **pkts, const uint16_t *origin,
                    unsigned int n);

/* One of them, IPv4, that the flow cache has VALUE for. */
void forward_go4(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                 const struct flow_value *value);

/*
 * forward_fast.c: of N frames of the LAN, those that it knows how to seal right away are sealed.
 * How many are left at PKTS for the other stages, in their order.
 */
unsigned int forward_fast(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n);

/* The way of an inner packet. */
struct forward_way {
	uint8_t action; /* enum flow_action; FLOW_NONE: as the verdict says */
	uint8_t flags;
	uint16_t tunnel;
	uint16_t rule;
	uint64_t link;                         /* FLOW_LAN, FLOW_WAN: the link address as a word */
	struct sa *sa;                         /* FLOW_SEAL; NULL: no key */
	const struct forward_verdict *verdict; /* FLOW_NONE; it lasts for this turn */
};

/* forward_policy.c: by policy and routes. */
struct forward_question {
	uint16_t origin;
	uint8_t iface; /* ORIGIN_LAN: that it came in by */
	const struct flow4_key *key4;
	const struct flow6_key *key6;      /* or NULL */
	const struct adjacency *to, *from; /* the routes of destination and source */
	uint16_t vlan;                     /* of forward_policy_vlan() */
	const struct spd_entry *entry;     /* for the key of forward_policy_interface() */
};
void forward_decide(const struct forward_core *c, const struct forward_question *q,
                    struct forward_verdict *v);
/* Whose rules are asked first for packets of ORIGIN, and whether for the answer to them. */
uint16_t forward_policy_interface(uint16_t origin, bool *swapped);
/*
 * The VLAN of the LAN where a packet of ORIGIN came in by IFACE, or where the answer to it would,
 * TO being the route of its destination. 0: by the port itself, or not on the LAN.
 */
uint16_t forward_policy_vlan(const struct forward_core *c, uint16_t origin, unsigned int iface,
                             const struct adjacency *to);
void forward_policy_key4(const struct flow4_key *f, uint16_t interface, uint16_t vlan, bool swapped,
                         struct spd4_key *out);
void forward_policy_key6(const struct flow6_key *f, uint16_t interface, uint16_t vlan, bool swapped,
                         struct spd6_key *out);
extern struct counter drop_no_headroom, drop_no_key, icmp_echoes;
extern struct counter drop_policy, drop_wan_not_local, drop_wan_unprotected, drop_no_wan_route;

/* forward_frag.c: outer fragments. NULL in *OUT when no tunnel's policy allows them. */
int forward_frag_create(const struct forward_config *config, unsigned int core,
                        struct forward_frag **out, struct err *err);
void forward_frag_destroy(struct forward_frag *f);
/* A fragment to an address of ours: the whole packet, or NULL: it waits or was dropped. */
struct rte_mbuf *forward_frag_in(struct forward_core *c, struct rte_mbuf *m, bool ipv6);
/* A sealed packet beyond the WAN's MTU, which is freed: its fragments; 0: dropped. */
unsigned int forward_frag_out(struct forward_core *c, struct rte_mbuf *m,
                              struct rte_mbuf *out[FRAG_MAX]);
/* Forget what waits too long. */
void forward_frag_poll(struct forward_core *c);

/* forward_mss.c: lower the MSS in a TCP packet that crosses TUNNEL, either way. */
void forward_mss(struct forward_core *c, struct rte_mbuf *m, unsigned int tunnel, bool ipv6);

/* forward_wire.c. From Ethernet on: does a pseudowire carry it? Then it is on its way. */
bool forward_wire_in(struct forward_core *c, struct rte_mbuf *m);
/* From the GRE header on, opened from TUNNEL. */
void forward_wire_out(struct forward_core *c, uint16_t tunnel, struct rte_mbuf *m);

/* forward_slow.c: for what the flow cache does not hold. */
void forward_slow(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                  const struct forward_way *way, bool ipv6);
/* A packet beyond MTU of its way. */
void forward_too_big(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                     const struct forward_way *way, bool ipv6, uint16_t mtu);
/* A packet that was checked, its TTL decremented. */
void forward_deliver(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                     const struct forward_way *way, bool ipv6);
void forward_ttl_ended(struct forward_core *c, uint16_t origin, struct rte_mbuf *m, bool ipv6);

/* forward_local.c: packets to us, and what goes back to where a packet came from. */
void forward_local(struct forward_core *c, uint16_t origin, struct rte_mbuf *m, bool ipv6);
struct icmp_reason {
	uint8_t type4, code4, type6, code6;
};
/* Count the packet as dropped and tell its source, if that may be told. */
void forward_error(struct forward_core *c, uint16_t origin, struct rte_mbuf *m, bool ipv6,
                   const struct icmp_reason *reason, uint16_t mtu, const struct counter *drop);
/* An answer made of a packet, back by the port that it came in by. */
void forward_reflect(struct forward_core *c, unsigned int iface, struct rte_mbuf *m,
                     const struct rte_ether_addr *to);
/* The source of the Ethernet header in front of a received packet. */
struct rte_ether_addr forward_ether_source(const struct rte_mbuf *m);

/*
 * forward_exception.c: M, from Ethernet on, or with _ip from IP on, to the routing daemons of its
 * interface. False: there are none, and M is still the caller's.
 */
bool forward_exception(struct forward_core *c, unsigned int iface, enum exception_class class,
                       struct rte_mbuf *m);
bool forward_exception_ip(struct forward_core *c, unsigned int iface, enum exception_class class,
                          struct rte_mbuf *m);
/* A frame to a group, or of another ethertype; false, too, when it is not for this link alone. */
bool forward_exception_group(struct forward_core *c, unsigned int iface, struct rte_mbuf *m,
                             uint16_t type);
/* Once, before the cores run: which interfaces have daemons. */
void forward_exception_init(struct forward *f);
/* What daemons send, and buffers that they are done with; frames sent. */
unsigned int forward_exception_poll(struct forward_core *c);

/*
 * forward_sub.c: VLANs of the LAN port that the gateway has addresses in. -ENOMEM. The tag of M,
 * from Ethernet on, is taken off, and the interface returned; 0: it is of none of them.
 */
int forward_sub_init(struct forward *f, struct err *err);
unsigned int forward_sub_in(struct forward_core *c, struct rte_mbuf *m);
/* Of N frames of the WAN port, which is in a VLAN: those of it, without their tags. */
unsigned int forward_wan_untag(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n);
/* forward_ether() for a port that is in a VLAN. */
bool forward_sub_ether(struct forward_core *c, enum port_role role, struct rte_mbuf *m,
                       const struct rte_ether_addr *to);
/* By interface IFACE, with its tag: an IP packet, or ahead of all a neighbour's message. */
void forward_send(struct forward_core *c, unsigned int iface, struct rte_mbuf *m,
                  const struct rte_ether_addr *to);
void forward_send_first(struct forward_core *c, unsigned int iface, struct rte_mbuf *m);
/* The interface that a packet of ORIGIN_LAN came in by. */
static inline unsigned int forward_lan_iface(const struct forward_core *c, struct rte_mbuf *m)
{
	return likely(c->f->sub_of_vlan == NULL) ? PORT_LAN : packet_meta(m)->iface;
}

/* forward_tx.c */
void forward_tx(struct forward_core *c, enum port_role role, struct rte_mbuf *m);
/* Ahead of all that waits; the owner's messages and datagrams. */
void forward_tx_first(struct forward_core *c, enum port_role role, struct rte_mbuf *m);
void forward_tx_flush(struct forward_core *c, enum port_role role);
/* In the clear, by the port of KEY. */
void forward_to_neighbour(struct forward_core *c, struct rte_mbuf *m,
                          const struct neighbour_key *key, uint16_t origin);
/* What cores without a tx queue of their own have for this core's. */
void forward_tx_collect(struct forward_core *c, enum port_role role);
/* Outer packets by the next hop of index OUTER in the FIB. */
void forward_to_wan(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n,
                    unsigned int outer);
/* The Ethernet header of outer packets of a tunnel, as its first 8 bytes and the other 6. */
struct forward_frame {
	unsigned int tunnel;
	bool known; /* and nothing else is to be done to the packets */
	uint64_t first, other;
};
void forward_frame(struct forward_core *c, unsigned int tunnel, bool ipv6,
                   struct forward_frame *out);
static inline void forward_frame_put(const struct forward_frame *f, uint8_t *p)
{
	memcpy(p, &f->first, 8);
	memcpy(p + 8, &f->other, RTE_ETHER_HDR_LEN - 8);
}
/* The channel's datagrams, ahead of all. */
unsigned int forward_channel(struct forward_core *c);
void forward_seal_flush(struct forward_core *c);
static inline unsigned int forward_tunnel_mtu(const struct forward_core *c, unsigned int tunnel)
{
	return __atomic_load_n(&c->f->tunnel[tunnel].mtu, __ATOMIC_RELAXED);
}

/* The class that seals an inner packet of TRAFFIC_CLASS, in a tunnel of several. */
static inline unsigned int forward_class_of(const struct forward_core *c, unsigned int tunnel,
                                            unsigned int traffic_class)
{
	return tunnel_config(c->f->config.tunnel[tunnel])->class_of[traffic_class >> 2];
}

/* Order holds within a class (RFC 4301 section 4.1). */
static inline unsigned int forward_class(const struct forward_core *c, unsigned int tunnel,
                                         const struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);

	if (likely(c->f->tunnel[tunnel].classes <= 1))
		return 0;
	return forward_class_of(c, tunnel,
	                        ip[0] >> 4 == 4 ? ip[1] : (ip[0] << 4 | ip[1] >> 4) & 0xffU);
}

/* The SA for M; NULL: no key. Its lines are on their way. */
static inline struct sa *forward_seal_sa(const struct forward_core *c, unsigned int tunnel,
                                         const struct rte_mbuf *m)
{
	struct sa *sa = sad_transmit(c->esp.sad, tunnel, forward_class(c, tunnel, m));

	if (likely(sa != NULL)) {
		rte_prefetch0(sa);
		rte_prefetch0(sa->outer);
	}
	return sa;
}

/* Any packet that ESP carries. */
void forward_seal_other(struct forward_core *c, struct sa *sa, struct rte_mbuf *m);

static inline void forward_seal_push(struct forward_core *c, unsigned int tunnel,
                                     struct rte_mbuf *m)
{
	forward_seal_other(c, forward_seal_sa(c, tunnel, m), m);
}

/* An IP packet, by its header at IP. */
static inline void forward_seal_ip(struct forward_core *c, struct sa *sa, struct rte_mbuf *m,
                                   const uint8_t *ip, bool ipv6)
{
	struct seal_vector *v = &c->seal;
	uint8_t traffic_class = ipv6 ? (uint8_t)(ip[0] << 4 | ip[1] >> 4) : ip[1];

	if (unlikely(sa == NULL) ||
	    unlikely(!esp_seal_plain(sa, m, traffic_class, ipv6 ? ESP_NEXT_IPV6 : ESP_NEXT_IPV4,
	                             &v->job[v->n]))) {
		forward_seal_other(c, sa, m);
		return;
	}
	if (++v->n == FORWARD_BURST)
		forward_seal_flush(c);
}
/* With its IP version's type; in front of the packet. False: no headroom. */
bool forward_ether(struct forward_core *c, enum port_role role, struct rte_mbuf *m,
                   const struct rte_ether_addr *to);

/* forward_neighbour.c */
extern const struct neighbour_ops forward_neighbour_ops;
/* From Ethernet on: handled by the owner, at once or through its ring. */
void forward_neighbour_message(struct forward_core *c, unsigned int iface, struct rte_mbuf *m);
void forward_unresolved(struct forward_core *c, struct rte_mbuf *m, const struct neighbour_key *key,
                        uint16_t origin);
/* The owner's timers, and resolution of the outer next hops ahead of need. */
void forward_neighbour_poll(struct forward_core *c);

/* forward_address.c: the owner's. */
void forward_address_init(struct forward *f);
void forward_address_poll(struct forward_core *c);
/* On interface INDEX, LINK speaks of ADDR; true: it is one of ours, usable or not. */
bool forward_address_heard(struct forward_core *c, unsigned int index, bool ipv6,
                           const uint8_t *addr, enum address_evidence evidence,
                           const struct rte_ether_addr *link);

/* forward_probe.c: the owner's; and a probe that was opened. */
void forward_probe_poll(struct forward_core *c);
void forward_probe_in(struct forward_core *c, unsigned int tunnel, struct rte_mbuf *m);

/* forward_hand_over.c */
int forward_rings_create(struct forward *f, unsigned int core, struct err *err);
/* Frees what is in them, too. */
void forward_rings_destroy(struct forward_core *c);
/* A message with its reason; drops when CORE is too slow. */
void forward_hand_over(struct forward_core *c, unsigned int core, struct rte_mbuf *m);
/* A burst for other cores: at most FORWARD_BURST packets between two flushes. */
static inline void forward_stage(struct forward_core *c, unsigned int core, struct rte_mbuf *m)
{
	struct forward_stage *out = &c->out[core];

	out->pkt[out->n++] = m;
}
enum forward_ring { FORWARD_RING_FRAME, FORWARD_RING_ESP, FORWARD_RING_CLEAR };
void forward_stage_flush(struct forward_core *c, enum forward_ring kind);
unsigned int forward_messages(struct forward_core *c);
/* Up to FORWARD_BURST packets of RING. */
static inline unsigned int forward_take(struct spsc *ring, struct rte_mbuf **pkts)
{
	unsigned int n;

	if (ring->slot == NULL)
		return 0;
	n = (unsigned int)spsc_pop_bulk(ring, (void **)pkts, FORWARD_BURST);
	forward_prefetch(pkts, n);
	return n;
}

#endif
