/* SPDX-License-Identifier: BSD-3-Clause */

/* DPDK for a test program: no hugepages, no devices but those given, nothing left behind. */

#ifndef TESTS_UNIT_DATAPLANE_DPDK_H
#define TESTS_UNIT_DATAPLANE_DPDK_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane/eal.h"

static inline void dpdk_start(unsigned int lcores, unsigned int memory_mb, const char *device0,
                              const char *device1)
{
	static char prefix[64];
	struct eal_config config = {
	        .file_prefix = prefix,
	        .memory_mb = memory_mb,
	        .lcores = lcores,
	        .devices = {device0, device1},
	        .device_count = device1 != NULL   ? 2
	                        : device0 != NULL ? 1
	                                          : 0,
	};
	struct err err = {0};

	snprintf(prefix, sizeof(prefix), "lumengate-test-%d", (int)getpid());
	if (eal_start(&config, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(2);
	}
	atexit(eal_stop);
}

#endif
