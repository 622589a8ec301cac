/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The driver's vfio layer on a device that nobody here made: QEMU's "edu" (docs/specs/edu.rst in
 * QEMU). Registers, interrupts, DMA through the IOMMU, and what the IOMMU keeps out.
 *
 *     vfio-edu ADDRESS           all checks but the last; "N passed, M failed"
 *     vfio-edu --leave ADDRESS   until the machine takes the device away
 */

#include <errno.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"
#include "drivers/card.h"
#include "drivers/vfio.h"

#define EDU_ID        0x00
#define EDU_INVERT    0x04
#define EDU_FACTORIAL 0x08
#define EDU_STATUS    0x20
#define EDU_IRQ       0x24
#define EDU_RAISE     0x60
#define EDU_ACK       0x64
#define EDU_DMA_FROM  0x80
#define EDU_DMA_TO    0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_CMD   0x98
#define EDU_BUFFER    0x40000

#define DMA_START  1u
#define DMA_TO_RAM 2u
#define DMA_IRQ    4u
#define IRQ_DMA    0x100u

/* Longer ones end QEMU 7.2 with "DMA range out of bounds". */
#define CHUNK 2048u
#define MIB   (1u << 20)

static unsigned int passed, failed;
static uint8_t *bar;

static void verdict(const char *name, bool good)
{
	passed += good;
	failed += !good;
	printf("%s %s\n", good ? "pass  " : "FAIL  ", name);
	fflush(stdout);
}

static uint32_t get(uint32_t offset)
{
	return *(volatile uint32_t *)(bar + offset);
}

static void put(uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)(bar + offset) = value;
}

static void put64(uint32_t offset, uint64_t value)
{
	*(volatile uint64_t *)(bar + offset) = value;
}

static bool wait_clear(uint32_t offset, uint32_t bits)
{
	for (uint64_t start = clock_mono_ns(); get(offset) & bits; usleep(1000))
		if (clock_mono_ns() - start > 10 * NS_PER_S)
			return false;
	return true;
}

static bool interrupted(const struct vfio *v, int ms)
{
	struct pollfd p = {.fd = v->vector[0], .events = POLLIN};
	uint64_t n;

	return poll(&p, 1, ms) == 1 && read(p.fd, &n, sizeof(n)) == sizeof(n);
}

static void transfer(uint64_t from, uint64_t to, uint32_t command)
{
	put64(EDU_DMA_FROM, from);
	put64(EDU_DMA_TO, to);
	put64(EDU_DMA_COUNT, CHUNK);
	put64(EDU_DMA_CMD, command);
}

static void registers(void)
{
	verdict("identification", get(EDU_ID) == 0x010000ed);
	put(EDU_INVERT, 0x12345678);
	verdict("a register inverts", get(EDU_INVERT) == ~0x12345678u);
	put(EDU_FACTORIAL, 10);
	verdict("factorial of 10", wait_clear(EDU_STATUS, 1) && get(EDU_FACTORIAL) == 3628800);
}

static void interrupts(struct vfio *v)
{
	struct err err = {0};

	verdict("no MSI-X here", vfio_interrupts(v, VFIO_PCI_MSIX_IRQ_INDEX, &err) == -ENOTSUP);
	verdict("MSI", vfio_interrupts(v, VFIO_PCI_MSI_IRQ_INDEX, &err) == 0 && v->vectors >= 1);
	verdict("none before it is raised", !interrupted(v, 50));
	put(EDU_RAISE, 0x55);
	verdict("one by eventfd", interrupted(v, 10000) && get(EDU_IRQ) == 0x55);
	put(EDU_ACK, 0x55);
	verdict("acknowledged", get(EDU_IRQ) == 0 && !interrupted(v, 50));
}

static bool in_ranges(const struct vfio *v)
{
	uint64_t last = v->dma.bus + v->dma.bytes - 1;

	for (unsigned int i = 0; i < v->ranges; i++)
		if (v->dma.bus >= v->range[i].first && last <= v->range[i].last)
			return true;
	return false;
}

static void memory(struct vfio *v)
{
	uint8_t *there, *back;
	struct err err = {0};
	bool good = true;

	verdict("memory is mapped for it", vfio_dma_alloc(v, 16 * MIB, &err) == 0);
	if (v->dma.base == NULL) {
		printf("       %s\n", err.text);
		return;
	}
	for (unsigned int i = 0; i < v->ranges; i++)
		printf("       bus addresses 0x%llx to 0x%llx\n",
		       (unsigned long long)v->range[i].first, (unsigned long long)v->range[i].last);
	printf("       memory at 0x%llx, pages of %zu\n", (unsigned long long)v->dma.bus,
	       v->dma_page);
	verdict("within the IOMMU's ranges", in_ranges(v));
	for (unsigned int i = 0; i < v->ranges; i++) /* where interrupts are written to */
		good = good && !(v->range[i].first <= 0xfee00000 && v->range[i].last >= 0xfee00000);
	verdict("interrupts' window is in no range", good);
	/* Over the memory, page by page: each address is translated for itself. */
	for (size_t at = 0; at + 8192 < v->dma.bytes; at += 3 * MIB + 4096) {
		there = v->dma.base + at;
		back = v->dma.base + at + 4096;
		for (uint32_t i = 0; i < CHUNK; i++)
			there[i] = (uint8_t)(i * 7 + at / 4096);
		memset(back, 0, 4096);
		transfer(v->dma.bus + at, EDU_BUFFER, DMA_START | DMA_IRQ);
		good = good && interrupted(v, 10000) && wait_clear(EDU_DMA_CMD, DMA_START);
		put(EDU_ACK, IRQ_DMA);
		transfer(EDU_BUFFER, v->dma.bus + at + 4096, DMA_START | DMA_TO_RAM | DMA_IRQ);
		good = good && interrupted(v, 10000) && wait_clear(EDU_DMA_CMD, DMA_START);
		put(EDU_ACK, IRQ_DMA);
		good = good && memcmp(there, back, CHUNK) == 0 && back[CHUNK] == 0;
	}
	verdict("DMA there and back", good);
}

/* Bus addresses that were not mapped: also those that are physical addresses of this machine. */
static void protection(struct vfio *v)
{
	static const uint64_t wild[] = {0x2000000, 0x10000000};
	uint8_t *canary = v->dma.base;
	bool good = true;

	memset(canary, 0x11, CHUNK);
	transfer(v->dma.bus, EDU_BUFFER, DMA_START);
	good = wait_clear(EDU_DMA_CMD, DMA_START);
	memset(canary, 0x22, v->dma.bytes);
	for (unsigned int i = 0; i < 2; i++) {
		transfer(EDU_BUFFER, wild[i], DMA_START | DMA_TO_RAM);
		good = good && wait_clear(EDU_DMA_CMD, DMA_START);
	}
	transfer(EDU_BUFFER, v->dma.bus + v->dma.bytes, DMA_START | DMA_TO_RAM);
	good = good && wait_clear(EDU_DMA_CMD, DMA_START);
	for (size_t i = 0; i < v->dma.bytes; i++)
		good = good && canary[i] == 0x22;
	/* The caller looks for the IOMMU's faults in the kernel's log. */
	verdict("DMA to other addresses touches nothing of ours", good);
}

static void reset_of(struct vfio *v)
{
	int rc;

	if (!v->can_reset) {
		verdict("no reset is offered and none is done", vfio_reset(v) == -ENOTSUP);
		return;
	}
	rc = vfio_reset(v);
	verdict("function reset", rc == 0 && get(EDU_ID) == 0x010000ed);
	verdict("bus master after it", (vfio_config16(v, 4) & 6) == 6);
}

/* The driver of the card does not touch what is no card. */
static void no_card(const char *address)
{
	struct card_config config = {
	        .transport = "vfio", .path = address, .role = CARD_IS_BOB, .watchdog_ms = 1000};
	struct card *card = NULL;
	struct err err = {0};
	int rc = card_open(&config, &card, &err);

	printf("       %s\n", err.text);
	verdict("the card's driver refuses it",
	        rc == -EPROTO && strstr(err.text, "magic is 0x010000ed") != NULL);
	if (rc == 0)
		card_close(card);
}

static int until_it_leaves(const char *address)
{
	const struct transport_ops *ops = transport_find("vfio");
	struct err err = {0};
	void *t = NULL;

	if (ops->open(address, &t, &err) < 0) {
		printf("%s\n", err.text);
		return 1;
	}
	printf("open\n");
	fflush(stdout);
	for (uint64_t start = clock_mono_ns(); ops->alive(t, clock_mono_ns()); usleep(10000)) {
		if (clock_mono_ns() - start > 60 * NS_PER_S) {
			printf("it stays\n");
			return 1;
		}
	}
	printf("%s\n", ops->read32(t, 0) == 0xffffffff ? "all ones" : "still there");
	ops->close(t);
	printf("left\n");
	return 0;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct vfio v, second;
	size_t bytes;

	if (argc == 3 && strcmp(argv[1], "--leave") == 0)
		return until_it_leaves(argv[2]);
	if (argc != 2) {
		fprintf(stderr, "usage: vfio-edu [--leave] ADDRESS\n");
		return 2;
	}
	no_card(argv[1]);
	if (vfio_open(&v, argv[1], &err) < 0 || vfio_map_region(&v, 0, &bar, &bytes, &err) < 0) {
		printf("%s\n", err.text);
		return 1;
	}
	verdict("one host at a time", vfio_open(&second, argv[1], &err) == -EBUSY);
	registers();
	interrupts(&v);
	memory(&v);
	if (v.dma.base != NULL)
		protection(&v);
	reset_of(&v);
	munmap(bar, bytes);
	vfio_close(&v);
	verdict("free again", vfio_open(&v, argv[1], &err) == 0);
	vfio_close(&v);
	printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 ? 0 : 1;
}
