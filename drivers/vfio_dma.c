/* SPDX-License-Identifier: BSD-3-Clause */

/* Memory that the function may reach, and where it sees it. */

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/vfio.h"

#define HUGE (2u << 20)
/* Below lie the windows of other devices, to which a bridge may carry what is meant for memory. */
#define PREFERRED (4ULL << 30)
/* A null pointer of the card is no address. */
#define LOWEST (1ULL << 20)

static bool fits(const struct vfio_range *r, uint64_t from, uint64_t bytes, uint64_t align,
                 uint64_t *iova)
{
	uint64_t first = r->first > from ? r->first : from;

	if (first > UINT64_MAX - align)
		return false;
	first = (first + align - 1) & ~(align - 1);
	if (first > r->last || bytes - 1 > r->last - first)
		return false;
	*iova = first;
	return true;
}

int vfio_place(const struct vfio_range *range, unsigned int ranges, uint64_t bytes, uint64_t align,
               uint64_t *iova)
{
	static const uint64_t from[] = {PREFERRED, LOWEST};

	for (unsigned int k = 0; k < 2; k++)
		for (unsigned int i = 0; i < ranges; i++)
			if (fits(&range[i], from[k], bytes, align, iova))
				return 0;
	return -ENOSPC;
}

static void take_ranges(struct vfio *v, const struct vfio_info_cap_header *cap)
{
	const struct vfio_iommu_type1_info_cap_iova_range *list = (const void *)cap;

	for (uint32_t i = 0; i < list->nr_iovas && v->ranges < VFIO_RANGES_MAX; i++)
		v->range[v->ranges++] =
		        (struct vfio_range){list->iova_ranges[i].start, list->iova_ranges[i].end};
}

static int read_ranges(struct vfio *v, struct err *err)
{
	struct vfio_iommu_type1_info probe = {.argsz = sizeof(probe)}, *info;
	uint32_t at = 0;

	v->ranges = 0;
	if (ioctl(v->container, VFIO_IOMMU_GET_INFO, &probe) < 0)
		return err_set(err, errno, "card %s: the IOMMU tells nothing: %s", v->address,
		               strerror(errno));
	/* Twice: the first answer says how long the whole is. */
	info = calloc(1, probe.argsz);
	if (info == NULL)
		return err_set(err, ENOMEM, "card %s: out of memory", v->address);
	info->argsz = probe.argsz;
	if (ioctl(v->container, VFIO_IOMMU_GET_INFO, info) == 0 &&
	    (info->flags & VFIO_IOMMU_INFO_CAPS) != 0)
		at = info->cap_offset;
	while (at != 0 && at <= probe.argsz - sizeof(struct vfio_info_cap_header)) {
		const struct vfio_info_cap_header *cap = (const void *)((uint8_t *)info + at);

		if (cap->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			take_ranges(v, cap);
		at = cap->next;
	}
	free(info);
	if (v->ranges == 0)
		return err_set(err, ENOTSUP,
		               "card %s: this kernel's vfio names no ranges of bus "
		               "addresses",
		               v->address);
	return 0;
}

/* On huge pages the IOMMU needs few entries, and nobody else gets these pages afterwards. */
static void *locked_memory(size_t bytes, size_t *page)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB | MAP_POPULATE, -1,
	               0);

	*page = HUGE;
	if (p == MAP_FAILED) {
		*page = (size_t)sysconf(_SC_PAGESIZE);
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_POPULATE, -1, 0);
	}
	if (p == MAP_FAILED)
		return NULL;
	/* A copy on write in a child would leave the function with the pages of one of both. */
	if ((*page != HUGE && mlock(p, bytes) < 0) || madvise(p, bytes, MADV_DONTFORK) < 0 ||
	    madvise(p, bytes, MADV_DONTDUMP) < 0) {
		munmap(p, bytes);
		return NULL;
	}
	return p;
}

int vfio_dma_alloc(struct vfio *v, size_t bytes, struct err *err)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
	                                       .flags = VFIO_DMA_MAP_FLAG_READ |
	                                                VFIO_DMA_MAP_FLAG_WRITE,
	                                       .size = bytes};
	int rc = read_ranges(v, err);
	uint64_t iova;

	if (rc < 0)
		return rc;
	if (vfio_place(v->range, v->ranges, bytes, HUGE, &iova) < 0)
		return err_set(err, ENOSPC, "card %s: no range of bus addresses has %zu bytes",
		               v->address, bytes);
	v->dma.base = locked_memory(bytes, &v->dma_page);
	if (v->dma.base == NULL)
		return err_set(err, ENOMEM, "card %s: cannot lock %zu bytes: %s", v->address, bytes,
		               strerror(errno));
	v->dma.bytes = bytes;
	v->dma.bus = iova;
	map.vaddr = (uint64_t)(uintptr_t)v->dma.base;
	map.iova = iova;
	if (ioctl(v->container, VFIO_IOMMU_MAP_DMA, &map) < 0)
		return err_set(err, errno, "card %s: cannot map memory for it: %s", v->address,
		               strerror(errno));
	return 0;
}
