/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int open_container(struct vfio *v, struct err *err)
{
	v->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (v->container < 0)
		return err_set(err, errno, "card %s: cannot open /dev/vfio/vfio: %s", v->address,
		               strerror(errno));
	if (ioctl(v->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(v->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1)
		return err_set(err, ENOTSUP, "card %s: this kernel's vfio has no type 1 IOMMU",
		               v->address);
	return 0;
}

static int open_group(struct vfio *v, int number, struct err *err)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	char path[64];

	snprintf(path, sizeof(path), "/dev/vfio/%d", number);
	v->group = open(path, O_RDWR | O_CLOEXEC);
	if (v->group < 0)
		return err_set(err, errno, "card %s: cannot open its IOMMU group %s: %s",
		               v->address, path,
		               errno == EBUSY ? "another process drives it" : strerror(errno));
	if (ioctl(v->group, VFIO_GROUP_GET_STATUS, &status) < 0 ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return err_set(err, EBUSY,
		               "card %s: other functions of its IOMMU group %d are in use by the "
		               "kernel",
		               v->address, number);
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container) < 0 ||
	    ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		return err_set(err, errno, "card %s: cannot set up its IOMMU group: %s", v->address,
		               strerror(errno));
	return 0;
}

uint16_t vfio_config16(const struct vfio *v, unsigned int offset)
{
	uint16_t value = 0xffff;

	if (pread(v->device, &value, sizeof(value), (off_t)(v->config + offset)) != sizeof(value))
		return 0xffff;
	return value;
}

/* Interrupts are memory writes: without this the function can send none, and no DMA. */
static int be_master(const struct vfio *v)
{
	uint16_t command = vfio_config16(v, PCI_COMMAND) | PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;

	return pwrite(v->device, &command, sizeof(command), (off_t)(v->config + PCI_COMMAND)) ==
	                       sizeof(command)
	               ? 0
	               : -EIO;
}

static int set_irqs(const struct vfio *v, uint32_t index, const int *fds, unsigned int n)
{
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + n * sizeof(int));
	int rc;

	if (set == NULL)
		return -ENOMEM;
	set->argsz = (uint32_t)(sizeof(*set) + n * sizeof(int));
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = index;
	set->count = n;
	memcpy(set->data, fds, n * sizeof(int));
	rc = ioctl(v->device, VFIO_DEVICE_SET_IRQS, set) < 0 ? -errno : 0;
	free(set);
	return rc;
}

/* Not every kernel and function tells of these: then all-ones reads have to do. */
static int tell_of(struct vfio *v, uint32_t index)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};
	int fd;

	if (ioctl(v->device, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0 || info.count == 0)
		return -1;
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd >= 0 && set_irqs(v, index, &fd, 1) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int open_device(struct vfio *v, struct err *err)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	struct vfio_region_info config = {.argsz = sizeof(config),
	                                  .index = VFIO_PCI_CONFIG_REGION_INDEX};

	v->device = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, v->address);
	if (v->device < 0)
		return err_set(err, errno, "card %s: cannot open: %s", v->address, strerror(errno));
	if (ioctl(v->device, VFIO_DEVICE_GET_INFO, &info) < 0 ||
	    !(info.flags & VFIO_DEVICE_FLAGS_PCI) ||
	    ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &config) < 0)
		return err_set(err, EPROTO, "card %s: vfio shows no PCI function", v->address);
	v->can_reset = (info.flags & VFIO_DEVICE_FLAGS_RESET) != 0;
	v->config = config.offset;
	if (be_master(v) < 0)
		return err_set(err, EIO, "card %s: cannot be made bus master", v->address);
	v->leave = tell_of(v, VFIO_PCI_REQ_IRQ_INDEX);
	v->error = tell_of(v, VFIO_PCI_ERR_IRQ_INDEX);
	return 0;
}

int vfio_open(struct vfio *v, const char *address, struct err *err)
{
	struct vfio_facts facts;
	int rc = vfio_facts_read(address, &facts, err);

	memset(v, 0, sizeof(*v));
	v->container = v->group = v->device = v->leave = v->error = -1;
	for (unsigned int i = 0; i < VFIO_VECTORS_MAX; i++)
		v->vector[i] = -1;
	if (rc == 0)
		rc = vfio_facts_judge(address, &facts, err);
	if (rc < 0)
		return rc;
	snprintf(v->address, sizeof(v->address), "%s", address);
	rc = open_container(v, err);
	if (rc == 0)
		rc = open_group(v, facts.group, err);
	if (rc == 0)
		rc = open_device(v, err);
	if (rc < 0)
		vfio_close(v);
	return rc;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vfio_close(struct vfio *v)
{
	/* The function first: with its last descriptor the kernel resets it and ends its DMA. */
	shut(&v->device);
	shut(&v->group);
	shut(&v->container);
	shut(&v->leave);
	shut(&v->error);
	for (unsigned int i = 0; i < VFIO_VECTORS_MAX; i++)
		shut(&v->vector[i]);
	if (v->dma.base != NULL)
		munmap(v->dma.base, v->dma.bytes);
	v->dma.base = NULL;
}

int vfio_map_region(const struct vfio *v, unsigned int index, uint8_t **map, size_t *bytes,
                    struct err *err)
{
	struct vfio_region_info info = {.argsz = sizeof(info), .index = index};
	void *p;

	if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0 || info.size == 0)
		return err_set(err, EPROTO, "card %s: has no BAR %u", v->address, index);
	if (!(info.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return err_set(err, ENOTSUP, "card %s: BAR %u cannot be mapped", v->address, index);
	p = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, v->device,
	         (off_t)info.offset);
	if (p == MAP_FAILED)
		return err_set(err, errno, "card %s: cannot map BAR %u: %s", v->address, index,
		               strerror(errno));
	*map = p;
	*bytes = info.size;
	return 0;
}

int vfio_interrupts(struct vfio *v, uint32_t index, struct err *err)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};
	int rc;

	if (ioctl(v->device, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0 || info.count == 0)
		return err_set(err, ENOTSUP, "card %s: has no such interrupts", v->address);
	v->vectors = info.count < VFIO_VECTORS_MAX ? info.count : VFIO_VECTORS_MAX;
	for (unsigned int i = 0; i < v->vectors; i++) {
		v->vector[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (v->vector[i] < 0)
			return err_set(err, errno, "card %s: no eventfd: %s", v->address,
			               strerror(errno));
	}
	rc = set_irqs(v, index, v->vector, v->vectors);
	if (rc < 0)
		return err_set(err, -rc, "card %s: cannot have its %u interrupts: %s", v->address,
		               v->vectors, strerror(-rc));
	v->irq_index = index;
	return 0;
}

int vfio_reset(struct vfio *v)
{
	if (!v->can_reset)
		return -ENOTSUP;
	if (ioctl(v->device, VFIO_DEVICE_RESET) < 0)
		return -errno;
	return be_master(v);
}

static bool counted(int fd)
{
	uint64_t n;

	return fd >= 0 && read(fd, &n, sizeof(n)) == sizeof(n);
}

bool vfio_leaving(const struct vfio *v)
{
	return counted(v->leave) || counted(v->error);
}
