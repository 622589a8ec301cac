/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The kernel interface behind a net_af_packet port. What it received and the packet ring
 * had no room for is in no counter of the driver (DPDK 22.11): it is the difference between
 * the interface's count and the driver's.
 */

#ifndef DATAPLANE_PORT_KERNEL_H
#define DATAPLANE_PORT_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The interface that DEVICE ("net_af_packet0,iface=lan0") names; false when it names none. */
bool port_kernel_interface(const char *device, char *name, size_t size);

/* Packets that it received, modulo 2^32; false when there is no such interface. */
bool port_kernel_received(const char *name, uint32_t *packets);

/*
 * Packets missed so far: KERNEL and BASE are port_kernel_received() now and at start, DRIVER
 * what the driver received since. Packets on their way count as missed until they are read.
 */
static inline uint32_t port_kernel_missed(uint32_t kernel, uint32_t base, uint64_t driver)
{
	uint32_t difference = kernel - base - (uint32_t)driver;

	/* The driver may have seen packets from before its start. */
	return difference > INT32_MAX ? 0 : difference;
}

#endif
