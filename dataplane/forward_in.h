/* SPDX-License-Identifier: BSD-3-Clause */

/* The stages that take packets from the ports and out of ESP in UDP, fragments and wires. */

#ifndef DATAPLANE_FORWARD_IN_H
#define DATAPLANE_FORWARD_IN_H

#include "dataplane/forward_core.h"

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

/* forward_nat.c: ESP in UDP of TUNNELS. NULL in *OUT when none uses it. */
int forward_nat_create(const struct tunnel *const tunnels[SAD_TUNNELS_MAX],
                       struct forward_nat **out, struct err *err);
int forward_nat_empty(struct forward_nat **out, struct err *err);
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
/* By its configuration; the control thread. */
void forward_path_set(struct forward *f, unsigned int tunnel);

/*
 * forward_frag.c: outer fragments. Peers of TUNNELS that may send them; NULL in *OUT when no
 * tunnel's policy allows any. Then what a core puts them together with, to be read from now on.
 */
struct forward_peers;
int forward_peers_create(const struct tunnel *const tunnels[SAD_TUNNELS_MAX],
                         struct forward_peers **out, struct err *err);
void forward_peers_destroy(struct forward_peers *p);
int forward_frag_create(const struct forward *f, unsigned int core, struct forward_frag **out,
                        struct err *err);
void forward_frag_destroy(struct forward_frag *f);
/* A fragment to an address of ours: the whole packet, or NULL: it waits or was dropped. */
struct rte_mbuf *forward_frag_in(struct forward_core *c, struct rte_mbuf *m, bool ipv6);
/* A sealed packet beyond the WAN's MTU, which is freed: its fragments; 0: dropped. */
unsigned int forward_frag_out(struct forward_core *c, struct rte_mbuf *m,
                              struct rte_mbuf *out[FRAG_MAX]);
/* Forget what waits too long. */
void forward_frag_poll(struct forward_core *c);

/* forward_wire.c. From Ethernet on: does a pseudowire carry it? Then it is on its way. */
bool forward_wire_in(struct forward_core *c, struct rte_mbuf *m);
/* From the GRE header on, opened from TUNNEL. */
void forward_wire_out(struct forward_core *c, uint16_t tunnel, struct rte_mbuf *m);

/*
 * forward_sub.c: VLANs of the LAN port that the gateway has addresses in. -ENOMEM. The tag of M,
 * from Ethernet on, is taken off, and the interface returned; 0: it is of none of them.
 */
int forward_sub_init(struct forward *f, struct err *err);
unsigned int forward_sub_in(struct forward_core *c, struct rte_mbuf *m);
/* Of N frames of the WAN port, which is in a VLAN: those of it, without their tags. */
unsigned int forward_wan_untag(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n);

#endif
