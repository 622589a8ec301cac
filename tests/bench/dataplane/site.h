/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A gateway of the benchmark: the product's forwarding role on one core between two ports,
 * with its routes, tunnels and neighbours.
 *
 *   hosts 10.1.0.0/16 - A 192.0.2.1 - 192.0.2.2 B - router 10.2.0.254 - hosts 10.64.0.0/10
 *
 * A site whose WAN has no other gateway behind it, and B's LAN, where nobody answers ARP, are
 * given their neighbour's answers by site_settle().
 */

#ifndef BENCH_DATAPLANE_SITE_H
#define BENCH_DATAPLANE_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "dataplane/forward.h"
#include "dataplane/routes.h"

enum site_side { SITE_A, SITE_B };

struct site_config {
	enum site_side side;
	unsigned int worker;            /* the index of the worker whose turns run it */
	const char *device[PORT_ROLES]; /* ethdevs, by enum port_role */
	const struct site *beside;      /* NULL, or the site whose open ports this one uses too */
	uint16_t mtu;
	struct rte_mempool *pool; /* of port_pool_create() */
	unsigned int tunnels;     /* destination network k goes by tunnel k % tunnels */
	unsigned int networks;
	unsigned int routes; /* so many more that lead elsewhere */
	unsigned int rules;  /* 0: the routes are the policy; else the last ones protect all */
	uint32_t window;
	bool peerless; /* nobody answers on the WAN */
};

struct site {
	struct site_config config;
	struct config text; /* as an operator would write it */
	struct port port[PORT_ROLES];
	struct iface iface[PORT_ROLES];
	struct routes routes;
	struct fib_table *fib;
	struct spd_table *spd;
	struct sad *sad;
	struct tunnel *tunnel[CONFIG_TUNNELS_MAX];
	struct forward *forward;
	struct answer *answer[PORT_ROLES];
};

/* The worker must be there. NULL with the reason in ERR. */
struct site *site_create(const struct site_config *config, struct err *err);
void site_destroy(struct site *s);

/* One turn of its core's loop. */
void site_turn(struct site *s);

/* Let the neighbours answer with the next turns: a few times a second, from any thread. */
void site_answer(struct site *s);
/* The same and a turn: untimed. */
void site_settle(struct site *s);

/* Keys of GENERATION for tunnel T from FROM to TO; either may be NULL. Drawn at random. */
int site_key(struct site *from, struct site *to, unsigned int t, uint64_t generation,
             struct err *err);

/* Packets that its core dropped, and the name of the counter that most of them are in. */
uint64_t site_drops(const struct site *s, const char **why);

/* Packets that the last rule of the policy let through. */
uint64_t site_protected(const struct site *s);

#endif
