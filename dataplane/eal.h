/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Start DPDK's environment for one gateway. Only the devices that the configuration names are
 * opened, nothing is probed. Several gateways share a machine by their file prefixes.
 *
 * The calling thread becomes lcore 0, the control thread; lcores 1 .. LCORES poll. Where there
 * are as many CPUs as lcores, each polling lcore has a CPU of its own, else all may run on all.
 */

#ifndef DATAPLANE_EAL_H
#define DATAPLANE_EAL_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define EAL_DEVICES_MAX 4
#define EAL_ARGS_MAX    48

struct eal_config {
	const char *file_prefix;
	const char *cpus; /* CPU list such as "2-5,8"; "" or NULL: all that the process may use */
	unsigned int memory_mb;
	unsigned int lcores; /* polling lcores, 1 to 32 */
	bool hugepages;      /* use them where they are */
	bool secondaries;    /* where they are used: let DPDK's secondary processes attach */
	bool telemetry;
	const char *devices[EAL_DEVICES_MAX]; /* PCI address, or "net_tap0,iface=lan0"; bonded with
	                                         its members */
	unsigned int device_count;
};

/* The command line that eal_start() hands to DPDK. */
struct eal_args {
	int count;
	char *value[EAL_ARGS_MAX];
	char text[EAL_ARGS_MAX][512];
};

/* Once per process; a failure of DPDK is explained on stderr. */
int eal_start(const struct eal_config *config, struct err *err);

/* Release everything, its runtime directory with it. */
void eal_stop(void);

/* Did eal_start() find hugepages to use? For status. */
bool eal_on_hugepages(void);

/* May secondary processes attach? */
bool eal_has_secondaries(void);

/* Are MEMORY_MB of hugepages free, and may this process map them? */
bool eal_hugepages_usable(unsigned int memory_mb);

/* "0000:01:00.0" or "01:00.0". */
bool eal_device_is_pci(const char *device);

/* The name that the ethdev of DEVICE has: what precedes the first comma. */
void eal_device_name(const char *device, char *name, size_t size);

/* A CPU list ("0-3,8") into SET; -EINVAL with the reason. */
int eal_cpus_parse(const char *list, cpu_set_t *set, struct err *err);

/* ALLOWED: the CPUs that the process may use. */
int eal_args_build(const struct eal_config *config, const cpu_set_t *allowed, bool hugepages,
                   struct eal_args *args, struct err *err);

#endif
