/* SPDX-License-Identifier: BSD-3-Clause */

/* Are CPUs, memory and devices of one NUMA node? What crosses between nodes waits. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/doctor.h"

#define NODES "/sys/devices/system/node/"

/* The CPUs of NODE as a list; "" when nobody says. */
static void cpus_of(const struct doctor *d, int node, char *list, size_t n)
{
	char path[96];

	snprintf(path, sizeof(path), NODES "node%d/cpulist", node);
	doctor_line(d, path, list, n);
}

/* The gateway's CPUs on NODE. */
static int ours_on(const struct doctor *d, int node)
{
	cpu_set_t ours, there;
	char list[256];

	cpus_of(d, node, list, sizeof(list));
	doctor_cpus(list, &there);
	doctor_allowed_cpus(d, &ours);
	CPU_AND(&ours, &ours, &there);
	return CPU_COUNT(&ours);
}

static void device(struct doctor *d, const char *what, const char *address)
{
	char path[96], text[32], list[256];
	struct doctor_check *c;
	int node;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/numa_node", address);
	/* -1: the firmware does not say. */
	if (!doctor_line(d, path, text, sizeof(text)) || (node = atoi(text)) < 0)
		return;
	if (ours_on(d, node) > 0) {
		doctor_add(d, "numa", DOCTOR_OK, "%s %s is on node %d, as CPUs of the gateway are",
		           what, address, node);
		return;
	}
	cpus_of(d, node, list, sizeof(list));
	c = doctor_add(d, "numa", DOCTOR_WARN,
	               "%s %s is on node %d, the gateway's CPUs are on others", what, address,
	               node);
	doctor_advise(c, "resources/cpus out of %.150s, or another slot", list);
}

/* Megabytes of free huge pages on NODE. */
static uint64_t pages(const struct doctor *d, int node)
{
	static const unsigned int sizes_kb[] = {2048, 1048576};
	char path[128], text[32];
	uint64_t mib = 0;

	for (size_t i = 0; i < sizeof(sizes_kb) / sizeof(sizes_kb[0]); i++) {
		snprintf(path, sizeof(path), NODES "node%d/hugepages/hugepages-%ukB/free_hugepages",
		         node, sizes_kb[i]);
		if (doctor_line(d, path, text, sizeof(text)))
			mib += strtoull(text, NULL, 10) * (sizes_kb[i] / 1024);
	}
	return mib;
}

/* Where pages are enough in all, they have to be where the CPUs are. */
static void memory(struct doctor *d, const cpu_set_t *nodes)
{
	uint64_t all = 0, near = 0;
	unsigned int need = d->config->eal.memory_mb;
	struct doctor_check *c;
	int first = -1;

	for (int node = 0; node < CPU_SETSIZE; node++) {
		if (!CPU_ISSET(node, nodes))
			continue;
		all += pages(d, node);
		if (ours_on(d, node) == 0)
			continue;
		near += pages(d, node);
		first = first < 0 ? node : first;
	}
	if (!d->config->eal.hugepages || all < need || first < 0)
		return;
	if (near >= need) {
		doctor_add(d, "numa", DOCTOR_OK,
		           "%" PRIu64 " MiB of huge pages are where the CPUs are", near);
		return;
	}
	c = doctor_add(d, "numa", DOCTOR_WARN,
	               "%" PRIu64 " MiB of huge pages are where the gateway's CPUs are, %u needed",
	               near, need);
	doctor_advise(c, "echo %u >" NODES "node%d/hugepages/hugepages-2048kB/nr_hugepages",
	              (need + 1) / 2, first);
}

void doctor_numa(struct doctor *d)
{
	char list[256];
	cpu_set_t nodes;

	doctor_line(d, NODES "online", list, sizeof(list));
	doctor_cpus(list, &nodes);
	if (CPU_COUNT(&nodes) < 2) {
		doctor_add(d, "numa", DOCTOR_OK, "one node");
		return;
	}
	memory(d, &nodes);
	doctor_each_pci(d, device);
	if (d->config->qkd.enabled && strcmp(d->config->qkd.transport, "vfio") == 0)
		device(d, "card", d->config->qkd.path);
}
