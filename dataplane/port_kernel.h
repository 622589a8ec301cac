/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The packet sockets behind a net_af_packet port. Frames that find their ring full are in no
 * counter of the driver (DPDK 22.11), but the kernel counts them per socket (packet(7),
 * PACKET_STATISTICS). The driver keeps its sockets to itself; they are those of this process
 * that are bound to the interface. Control thread only.
 */

#ifndef DATAPLANE_PORT_KERNEL_H
#define DATAPLANE_PORT_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORT_KERNEL_SOCKETS 16 /* one a queue pair */

struct port_kernel {
	int socket[PORT_KERNEL_SOCKETS];
	unsigned int count;
	uint64_t missed;
	char interface[16]; /* "": there is none */
};

/* The interface that DEVICE ("net_af_packet0,iface=lan0") names; false when it names none. */
bool port_kernel_interface(const char *device, char *name, size_t size);

/* Find the sockets of DEVICE; none when it is not of that driver. */
void port_kernel_open(struct port_kernel *k, const char *device);

/* Frames that these sockets had no room for, since port_kernel_open(). */
uint64_t port_kernel_missed(struct port_kernel *k);

/* Has the interface carrier? 1, 0, or -1: there is none, or it does not tell. */
int port_kernel_link(const struct port_kernel *k);

/* Set it up or down, as "ip link set" does; -ENODEV: there is none, or what the kernel says. */
int port_kernel_link_set(const struct port_kernel *k, bool up);

#endif
