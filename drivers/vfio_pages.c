/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/vfio_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "drivers/card_regs.h"

#define PAGE 4096u
/* Documentation/admin-guide/mm/pagemap.rst: bits 54:0 the frame, 63 present */
#define FRAME   ((1ULL << 55) - 1)
#define PRESENT (1ULL << 63)

static void put(uint8_t *bar, uint32_t offset, uint32_t value)
{
	__atomic_store_n((uint32_t *)(bar + offset), value, __ATOMIC_RELEASE);
}

void vfio_pages_clear(uint8_t *bar)
{
	put(bar, CARD_SHM_HOST_PAGES, 0);
	memset(bar + CARD_SHM_PAGES, 0, CARD_SHM_PAGES_BYTES);
}

int vfio_pages_tell(uint8_t *bar, const struct transport_dma *dma, struct err *err)
{
	uint64_t *table = (uint64_t *)(bar + CARD_SHM_PAGES), entry;
	size_t pages = dma->bytes / PAGE;
	int fd, rc = 0;

	if (pages > CARD_SHM_PAGES_BYTES / sizeof(*table))
		return err_set(err, EMSGSIZE, "card: %zu pages are more than a model takes", pages);
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "card: cannot read /proc/self/pagemap: %s",
		               strerror(errno));
	vfio_pages_clear(bar);
	for (size_t i = 0; i < pages && rc == 0; i++) {
		uintptr_t at = (uintptr_t)dma->base + i * PAGE;

		if (pread(fd, &entry, sizeof(entry), (off_t)(at / PAGE * sizeof(entry))) !=
		            (ssize_t)sizeof(entry) ||
		    !(entry & PRESENT) || (entry & FRAME) == 0)
			rc = err_set(err, EPERM,
			             "card: the physical pages of its memory are hidden "
			             "from this process (CAP_SYS_ADMIN)");
		else
			table[i] = (entry & FRAME) * PAGE | CARD_SHM_PAGE_THERE;
	}
	close(fd);
	if (rc < 0)
		return rc;
	put(bar, CARD_SHM_HOST_BUS, (uint32_t)dma->bus);
	put(bar, CARD_SHM_HOST_BUS + 4, (uint32_t)(dma->bus >> 32));
	put(bar, CARD_SHM_HOST_PAGES, (uint32_t)pages);
	return 0;
}
