/* SPDX-License-Identifier: BSD-3-Clause */

/* What needs no function: places for memory, and what is said of a card that is not there. */

#include "drivers/vfio.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "drivers/card_regs.h"
#include "drivers/vfio_pages.h"

#define MIB 0x100000ULL
#define GIB 0x40000000ULL

static void test_places_memory_in_the_ranges(void)
{
	/* As behind an Intel IOMMU: the interrupts' window is left out. */
	static const struct vfio_range intel[] = {{0, 0xfedfffff}, {0xfef00000, 0xffffffffffff}};
	static const struct vfio_range low[] = {{0, 0x3ffffff}, {0x8000000, 0xfedfffff}};
	static const struct vfio_range odd[] = {{4 * GIB + 4096, 4 * GIB + 20 * MIB - 1}};
	static const struct vfio_range top[] = {{UINT64_MAX - 32 * MIB + 1, UINT64_MAX}};
	uint64_t iova = 0;

	CU_ASSERT_EQUAL(vfio_place(intel, 2, 16 * MIB, 2 * MIB, &iova), 0);
	CU_ASSERT_EQUAL(iova, 4 * GIB);
	/* Nothing above 4 GiB: the lowest place that is not 0. */
	CU_ASSERT_EQUAL(vfio_place(low, 2, 16 * MIB, 2 * MIB, &iova), 0);
	CU_ASSERT_EQUAL(iova, 2 * MIB);
	CU_ASSERT_EQUAL(vfio_place(low, 2, 64 * MIB, 2 * MIB, &iova), 0);
	CU_ASSERT_EQUAL(iova, 0x8000000);
	CU_ASSERT_EQUAL(vfio_place(odd, 1, 16 * MIB, 2 * MIB, &iova), 0);
	CU_ASSERT_EQUAL(iova, 4 * GIB + 2 * MIB);
	CU_ASSERT_EQUAL(vfio_place(odd, 1, 18 * MIB, 2 * MIB, &iova), 0);
	CU_ASSERT_EQUAL(vfio_place(odd, 1, 18 * MIB + 4096, 2 * MIB, &iova), -ENOSPC);
	CU_ASSERT_EQUAL(vfio_place(top, 1, 32 * MIB, 2 * MIB, &iova), 0);
	CU_ASSERT_EQUAL(iova, UINT64_MAX - 32 * MIB + 1);
	CU_ASSERT_EQUAL(vfio_place(top, 1, 34 * MIB, 2 * MIB, &iova), -ENOSPC);
	CU_ASSERT_EQUAL(vfio_place(NULL, 0, 16 * MIB, 2 * MIB, &iova), -ENOSPC);
}

static void test_addresses(void)
{
	static const char *const bad[] = {"",
	                                  "3b:00.0",
	                                  "0000:3b:00.8",
	                                  "card",
	                                  "0000:3b:0.0",
	                                  "0000:3b:00.00",
	                                  "0000-3b-00.0",
	                                  "/dev/vfio"};
	struct vfio_facts facts;
	struct err err;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(vfio_facts_read(bad[i], &facts, &err), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not a PCI address"));
	}
	/* Nobody has a bus 0xff with this function in a domain of 0xfffe. */
	CU_ASSERT_EQUAL(vfio_facts_read("fffe:ff:1f.7", &facts, &err), 0);
	CU_ASSERT_FALSE(facts.present);
	CU_ASSERT_EQUAL(vfio_facts_judge("fffe:ff:1f.7", &facts, &err), -ENODEV);
}

/* The first thing that is in the way is told, and what to do. */
static void test_judges_facts(void)
{
	struct vfio_facts f = {.group = -1};
	struct err err = {0};

#define SAYS(code, word)                                                                           \
	CU_ASSERT_EQUAL(vfio_facts_judge("0000:3b:00.0", &f, &err), code);                         \
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, word));
	SAYS(-ENODEV, "no such PCI function");
	f.present = true;
	SAYS(-ENOTSUP, "intel_iommu=on");
	f.group = 7;
	SAYS(-EINVAL, "its driver is none");
	strcpy(f.driver, "xdma");
	SAYS(-EINVAL, "its driver is xdma: bind it to vfio-pci");
	strcpy(f.driver, "vfio-pci");
	f.group_others = 2;
	SAYS(-EBUSY, "2 other functions of its IOMMU group 7");
	f.group_others = 0;
	SAYS(-ENODEV, "load vfio_iommu_type1");
	f.vfio = true;
	f.busy = true;
	SAYS(-EBUSY, "another process drives it");
	f.busy = false;
	SAYS(-EACCES, "/dev/vfio/7 may not be opened");
	f.may_open = true;
	CU_ASSERT_EQUAL(vfio_facts_judge("0000:3b:00.0", &f, &err), 0);
}

static void test_transport_says_why(void)
{
	const struct transport_ops *ops = transport_find("vfio");
	struct err err = {0};
	void *t = NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(ops);
	CU_ASSERT_EQUAL(ops->open("fffe:ff:1f.7", &t, &err), -ENODEV);
	CU_ASSERT_STRING_EQUAL(err.text, "card fffe:ff:1f.7: no such PCI function");
	CU_ASSERT_EQUAL(ops->open("/run/card", &t, &err), -EINVAL);
	CU_ASSERT_PTR_NULL(t);
}

UNIT_MAIN(UNIT(test_places_memory_in_the_ranges), UNIT(test_addresses), UNIT(test_judges_facts),
          UNIT(test_transport_says_why))
