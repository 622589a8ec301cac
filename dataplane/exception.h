/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The way between a port, or a VLAN of the LAN port, and the kernel interface on which the routing
 * daemons of the gateway run: frames from Ethernet on, in rings of one producer and one consumer.
 * Each forwarding core has a ring to the control thread, and gets its buffers back by another one:
 * they are freed by who took them, as a thread that is preempted in the middle of freeing would
 * hold up the cores. What daemons send comes in buffers of a pool that only the control thread
 * takes from, to the core that owns the neighbours.
 *
 * What is for daemons is bounded for each interface in two classes, that a flood of the one does
 * not silence the other.
 */

#ifndef DATAPLANE_EXCEPTION_H
#define DATAPLANE_EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "common/clock.h"
#include "common/counter.h"
#include "common/err.h"
#include "common/spsc.h"
#include "dataplane/tunnel.h"

#define EXCEPTION_RING 512

enum exception_class {
	EXCEPTION_LINK, /* what daemons and neighbours tell a link: VRRP, OSPF, LLDP, ARP, ND */
	EXCEPTION_HOST, /* all else that is to an address of ours: BGP, BFD */
	EXCEPTION_CLASSES,
};

/* Frames a second and interface, over all cores, and how many at once on one core. */
#define EXCEPTION_LINK_RATE 2048
#define EXCEPTION_HOST_RATE 8192
#define EXCEPTION_BURST     128

/* A token is worth INTERVAL of time. */
struct exception_bucket {
	uint64_t filled_ns, credit_ns;
};

struct exception_core {
	/* core: rw */
	_Alignas(64) struct exception_bucket bucket[EXCEPTION_CLASSES];
	struct spsc up;   /* producer: core, consumer: control */
	struct spsc back; /* producer: control, consumer: core; as many slots */
};

/* Of one port, or VLAN. */
struct exception {
	/* all: ro */
	unsigned int cores;
	uint64_t interval_ns[EXCEPTION_CLASSES]; /* of one core's tokens */
	struct exception_core core[TUNNEL_CORES_MAX];
	struct spsc down; /* producer: control, consumer: the owner core */
};

/* NULL with ERR: no memory. */
struct exception *exception_create(unsigned int cores, struct err *err);
/* Once the cores have stopped: frees what is in the rings, too. NULL is allowed. */
void exception_destroy(struct exception *e);

/* Core: hand M over, or drop it and count why. */
void exception_up(struct exception *e, unsigned int core, struct counter_set *cs,
                  enum exception_class class, struct rte_mbuf *m, uint64_t now_ns);
/* Core: free what control is done with. */
void exception_reap(struct exception *e, unsigned int core);

/*
 * Control: the next frame of CORE, or NULL; and back with it. exception_take() returns NULL, too,
 * when CORE has not yet fetched what it got back.
 */
struct rte_mbuf *exception_take(struct exception *e, unsigned int core);
void exception_give_back(struct exception *e, unsigned int core, struct rte_mbuf *m);
/* Control: is there room for a frame of a daemon? Then take it to the owner core. */
bool exception_room(struct exception *e);
void exception_down(struct exception *e, struct rte_mbuf *m);

#endif
