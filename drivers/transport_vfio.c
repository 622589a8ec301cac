/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Transport over PCI Express by vfio. A card has its registers in BAR0. A card's model behind
 * QEMU's ivshmem device has them in BAR2, where memory is all that the device gives: writes go by
 * the mailbox, and translations of bus addresses lie behind the registers (card_regs.h).
 */

#include "drivers/transport.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/clock.h"
#include "drivers/card_regs.h"
#include "drivers/mailbox.h"
#include "drivers/vfio.h"
#include "drivers/vfio_pages.h"

#define DMA_BYTES (16u << 20)
#define LOOK_NS   (10 * NS_PER_MS) /* a system call each */

#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110

struct card_pci {
	struct vfio v;
	uint8_t *bar;
	size_t bar_bytes;
	bool served; /* through a mailbox */
	struct mailbox box;
	bool posted; /* writes may still be on their way */
	bool lost;
	uint64_t look_next_ns;
};

static void pci_close(void *state)
{
	struct card_pci *c = state;

	if (c->served && c->bar != NULL)
		vfio_pages_clear(c->bar);
	if (c->bar != NULL)
		munmap(c->bar, c->bar_bytes);
	vfio_close(&c->v);
	free(c);
}

static int set_up(struct card_pci *c, const char *address, struct err *err)
{
	struct vfio_facts facts;
	int rc = vfio_facts_read(address, &facts, err);

	if (rc < 0)
		return rc;
	c->served = facts.vendor == IVSHMEM_VENDOR && facts.device == IVSHMEM_DEVICE;
	rc = vfio_map_region(&c->v, c->served ? 2 : 0, &c->bar, &c->bar_bytes, err);
	if (rc < 0)
		return rc;
	if (c->bar_bytes < (c->served ? CARD_SHM_PAGES + CARD_SHM_PAGES_BYTES : CARD_BAR0_BYTES))
		return err_set(err, EPROTO, "card %s: %zu bytes of registers are none of a card",
		               address, c->bar_bytes);
	rc = vfio_dma_alloc(&c->v, DMA_BYTES, err);
	if (rc < 0)
		return rc;
	if (c->served) {
		if (!mailbox_open(&c->box, c->bar))
			return err_set(err, ENODEV, "card %s: nobody serves its registers",
			               address);
		rc = vfio_pages_tell(c->bar, &c->v.dma, err);
		if (rc < 0)
			return rc;
	}
	/* Without interrupts the driver polls all the same. */
	vfio_interrupts(&c->v, VFIO_PCI_MSIX_IRQ_INDEX, NULL);
	return 0;
}

static int pci_open(const char *address, void **state, struct err *err)
{
	struct card_pci *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL)
		return err_set(err, ENOMEM, "card %s: out of memory", address);
	rc = vfio_open(&c->v, address, err);
	if (rc < 0) {
		free(c);
		return rc;
	}
	rc = set_up(c, address, err);
	if (rc < 0) {
		pci_close(c);
		return rc;
	}
	*state = c;
	return 0;
}

static volatile uint32_t *reg(const struct card_pci *c, uint32_t offset)
{
	return (volatile uint32_t *)(c->bar + (offset & (CARD_BAR0_BYTES - 4)));
}

static uint32_t pci_read32(void *state, uint32_t offset)
{
	struct card_pci *c = state;

	if (c->lost)
		return 0xffffffff;
	return c->served ? mailbox_read32(&c->box, offset) : *reg(c, offset);
}

static int pci_read64(void *state, uint32_t offset, uint64_t *value)
{
	struct card_pci *c = state;
	uint32_t lo;

	if (c->lost) {
		*value = UINT64_MAX;
		return 0;
	}
	if (c->served)
		return mailbox_read64(&c->box, offset, value);
	lo = *reg(c, offset); /* latches the other half */
	*value = (uint64_t)*reg(c, offset + 4) << 32 | lo;
	return 0;
}

static int pci_write32(void *state, uint32_t offset, uint32_t value)
{
	struct card_pci *c = state;

	if (c->lost)
		return 0;
	if (c->served)
		return mailbox_write32(&c->box, offset, value);
	/* What was stored in memory before is there when the card sees this. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*reg(c, offset) = value;
	c->posted = true;
	return 0;
}

/* A read does not pass posted writes (PCI Express Base, ordering rules): it brings them there. */
static bool pci_written(void *state)
{
	struct card_pci *c = state;

	if (c->lost)
		return true;
	if (c->served)
		return mailbox_written(&c->box);
	if (c->posted) {
		(void)*reg(c, CARD_STATUS);
		c->posted = false;
	}
	return true;
}

static void pci_doorbell(void *state, uint32_t offset, uint32_t value)
{
	struct card_pci *c = state;

	if (c->lost)
		return;
	if (c->served) {
		mailbox_doorbell(&c->box, offset, value);
		return;
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*reg(c, offset) = value;
}

static void pci_dma(void *state, struct transport_dma *out)
{
	*out = ((struct card_pci *)state)->v.dma;
}

static bool pci_alive(void *state, uint64_t now_ns)
{
	struct card_pci *c = state;

	if (c->served && !mailbox_alive(&c->box, now_ns))
		c->lost = true;
	if (now_ns >= c->look_next_ns) {
		c->look_next_ns = now_ns + LOOK_NS;
		if (vfio_leaving(&c->v))
			c->lost = true;
	}
	return !c->lost;
}

static int pci_reset(void *state)
{
	struct card_pci *c = state;

	/* A model behind shared memory hears nothing of its device's reset. */
	return c->served ? -ENOTSUP : vfio_reset(&c->v);
}

static int pci_interrupt(void *state, unsigned int vector)
{
	const struct card_pci *c = state;

	return vector < c->v.vectors ? c->v.vector[vector] : -EINVAL;
}

const struct transport_ops transport_vfio = {
        .name = "vfio",
        .open = pci_open,
        .close = pci_close,
        .read32 = pci_read32,
        .read64 = pci_read64,
        .write32 = pci_write32,
        .written = pci_written,
        .doorbell = pci_doorbell,
        .dma = pci_dma,
        .alive = pci_alive,
        .reset = pci_reset,
        .interrupt = pci_interrupt,
};
