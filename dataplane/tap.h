/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A kernel interface of this process (Linux tun(4), a tap), on which routing daemons run as on
 * the port that it stands for: it has the port's MAC address, MTU and link state. The kernel does
 * not forward what comes by it, and answers no ARP request: the data plane does. It is gone when
 * the process is gone, which daemons see at once. Control thread only.
 */

#ifndef DATAPLANE_TAP_H
#define DATAPLANE_TAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "common/err.h"

struct tap {
	int fd;
	unsigned int index; /* of the interface */
	char name[IF_NAMESIZE];
};

/* Make the interface, and bring it up. The error names the step that failed. */
int tap_open(struct tap *t, const char *name, const struct rte_ether_addr *mac, uint16_t mtu,
             struct err *err);
void tap_close(struct tap *t);

/* False: somebody removed the interface, or it was never made. */
bool tap_exists(const struct tap *t);

/* A frame, chained or not; false: the kernel did not take it. */
bool tap_write(const struct tap *t, const struct rte_mbuf *m);
/* The next frame of a daemon in the SIZE bytes of BUF, its length, or 0 when there is none. */
uint16_t tap_read(const struct tap *t, void *buf, uint16_t size);

void tap_set_carrier(const struct tap *t, bool up);

/*
 * The kernel interface under a port, where there is one, sees the port's frames as well. With the
 * port's addresses on a tap the kernel would take them twice: let it take none from there.
 */
void tap_silence(const char *interface);

#endif
