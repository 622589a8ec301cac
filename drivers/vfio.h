/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One PCI function through Linux vfio (Documentation/driver-api/vfio.rst): a group and a
 * container of its own, its regions, memory that it may reach, its interrupts. DPDK's EAL holds
 * the network cards' container, which this one does not touch.
 */

#ifndef DRIVERS_VFIO_H
#define DRIVERS_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "drivers/transport.h"

#define VFIO_VECTORS_MAX 64
#define VFIO_RANGES_MAX  32

/* What stands between a PCI address and a card that can be opened, for people. */
struct vfio_facts {
	bool present; /* the function is there */
	uint16_t vendor, device;
	char driver[32];           /* bound to it, "" if none */
	int group;                 /* IOMMU group, -1: no IOMMU takes care of it */
	unsigned int group_others; /* functions of the group that another driver holds */
	bool vfio;                 /* /dev/vfio/vfio is there */
	bool may_open;             /* the group's file may be opened by this process */
	bool busy;                 /* somebody has it open */
};

/* 0, or -EINVAL when ADDRESS is no PCI address. */
int vfio_facts_read(const char *address, struct vfio_facts *out, struct err *err);
/* The same of a machine whose /sys and /dev are below ROOT; "" is this one. */
int vfio_facts_read_at(const char *root, const char *address, struct vfio_facts *out,
                       struct err *err);
/* The first of FACTS that keeps the card from being opened, and what to do; -errno or 0. */
int vfio_facts_judge(const char *address, const struct vfio_facts *facts, struct err *err);

struct vfio_range {
	uint64_t first, last;
};

/* Part of an address space that VFIO lets us map, found in a container's capabilities. */
struct vfio {
	char address[16];             /* 0000:00:00.0 */
	int container, group, device; /* descriptors, -1 */
	bool can_reset;
	struct vfio_range range[VFIO_RANGES_MAX]; /* of bus addresses, by address */
	unsigned int ranges;
	struct transport_dma dma;
	size_t dma_page;              /* of the memory behind it: 4096 or 2 MiB */
	uint64_t config;              /* offset of the configuration space in the device's file */
	uint32_t irq_index;           /* VFIO_PCI_MSIX_IRQ_INDEX or VFIO_PCI_MSI_IRQ_INDEX */
	int vector[VFIO_VECTORS_MAX]; /* eventfds, -1 */
	unsigned int vectors;
	int leave; /* eventfd: the kernel wants the function back */
	int error; /* eventfd: the function is in error, its link perhaps gone */
};

/*
 * Open the function at ADDRESS, allow it to be bus master. ENODEV, EPERM, EBUSY, EINVAL; ENOTSUP
 * without an IOMMU, which is what keeps a card from the rest of the memory. The kernel has reset
 * it where it can; it resets it again when the descriptors close, however that comes.
 */
int vfio_open(struct vfio *v, const char *address, struct err *err);
void vfio_close(struct vfio *v);

uint16_t vfio_config16(const struct vfio *v, unsigned int offset);

/* Map region INDEX (0 to 5: BARs); its size in *BYTES. ENOTSUP when it cannot be mapped. */
int vfio_map_region(const struct vfio *v, unsigned int index, uint8_t **map, size_t *bytes,
                    struct err *err);

/*
 * Locked memory of BYTES (a multiple of 2 MiB), zeroed, not dumped, not inherited, on huge pages
 * where there are free ones, mapped for the function at an address of the container's ranges.
 */
int vfio_dma_alloc(struct vfio *v, size_t bytes, struct err *err);
/* The lowest place for BYTES at a multiple of ALIGN within RANGES, from 4 GiB on if it can be. */
int vfio_place(const struct vfio_range *range, unsigned int ranges, uint64_t bytes, uint64_t align,
               uint64_t *iova);

/* As many eventfds as the function has vectors of INDEX, at most VFIO_VECTORS_MAX. */
int vfio_interrupts(struct vfio *v, uint32_t index, struct err *err);

/* Reset the function; ENOTSUP where the kernel knows no way. It is bus master again after it. */
int vfio_reset(struct vfio *v);

/* The kernel or the bus took the function away, or is about to. */
bool vfio_leaving(const struct vfio *v);

#endif
