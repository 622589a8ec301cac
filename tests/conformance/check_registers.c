/* SPDX-License-Identifier: BSD-3-Clause */

/* Identity, defaults, access, versions and features, write-1-to-clear. */

#include <inttypes.h>

#include "tests/conformance/conformance.h"

#define MAKERS_MAX 64

static bool there(const struct end *e, const struct card_register *r)
{
	unsigned int setting = (r->offset - CARD_ANALOG(0)) / 0x10;

	if (r->offset >= CARD_ANALOG(0) && r->offset < CARD_ANALOG(CARD_ANALOG_COUNT) &&
	    (get(e, CARD_ANALOG_PRESENT) >> setting & 1) == 0)
		return false;
	return card_register_there(r, e->role, e->features) != 0;
}

static void identity(struct rig *rig, struct end *e)
{
	uint32_t role = get(e, CARD_ROLE), block = get(e, CARD_NEXT_BLOCK), hops = 0;

	EXPECT(get(e, CARD_MAGIC) == CARD_MAGIC_VALUE, "MAGIC is 0x%x", get(e, CARD_MAGIC));
	EXPECT(get(e, CARD_ABI) >> 24 == CARD_ABI_MAJOR, "ABI is 0x%x", get(e, CARD_ABI));
	EXPECT((get(e, CARD_ABI) >> 16 & 0xff) >= 1, "this suite is for versions from 1.1 on");
	EXPECT((role & 0xff) == e->role, "ROLE is 0x%x", role);
	EXPECT(role >> 8 == (e->role == CARD_ROLE_BOB ? 4u : 0u), "ROLE is 0x%x", role);
	EXPECT(get(e, CARD_SELFTEST) <= CARD_SELFTEST_FAIL, "SELFTEST is 0x%x",
	       get(e, CARD_SELFTEST));
	EXPECT(get(e, CARD_IRQ_VECTORS) <= 64, "IRQ_VECTORS is %u", get(e, CARD_IRQ_VECTORS));
	EXPECT(get(e, CARD_TIME_SLOT_FS) >= 100000 && get(e, CARD_TIME_SLOT_FS) <= 100000000,
	       "TIME_SLOT_FS is %u", get(e, CARD_TIME_SLOT_FS));
	for (; block != 0 && hops < MAKERS_MAX; hops++) {
		EXPECT(block % 4 == 0 && block <= CARD_SHM_MBOX_OFFSET - 12,
		       "a maker's block is at 0x%x", block);
		block = get(e, block + 8);
	}
	EXPECT(hops < MAKERS_MAX, "the chain of makers' blocks does not end");
}

/* Of these a value is told when it comes, not by reset. */
static bool has_default(const struct card_register *r)
{
	if (r->access != CARD_RO)
		return r->offset < CARD_ANALOG(0) || r->offset >= CARD_ANALOG_APPLY;
	return r->offset == CARD_STATUS || r->offset == CARD_FAULT_CODE ||
	       r->offset == CARD_FAULT_ARG || r->offset == CARD_DARK_CAUSE ||
	       r->offset == CARD_SELFTEST_FAILED || r->offset == CARD_QRNG_FAILS ||
	       (r->offset >= CARD_RX_COUNT_LO(0) && r->offset <= CARD_RX_COUNT_HI(3)) ||
	       r->offset >= CARD_RING(0);
}

static void expect_defaults(struct rig *rig, struct end *e)
{
	for (size_t i = 0; i < card_register_count; i++) {
		const struct card_register *r = &card_registers[i];
		unsigned int last = r->offset >= CARD_RING(0) ? CARD_RING_COUNT : 1;

		if (!there(e, r) || !has_default(r))
			continue;
		for (unsigned int q = 0; q < last; q++) {
			uint32_t value = get(e, r->offset + CARD_RING(q) - CARD_RING(0));

			EXPECT(value == r->reset, "%s of 0x%03x is 0x%x, not 0x%x after reset",
			       r->name, r->offset + CARD_RING(q) - CARD_RING(0), value, r->reset);
		}
	}
}

/* Plain settings: they read back, and nothing begins by them. */
static bool settable(const struct end *e, const struct card_register *r)
{
	return there(e, r) && r->access == CARD_RW && r->mask != 0 && r->offset != CARD_MONITOR_MS;
}

static void read_write(struct rig *rig, struct end *e)
{
	static const uint32_t patterns[] = {0x55555555, 0xaaaaaaaa, 0};

	for (size_t i = 0; i < card_register_count; i++) {
		const struct card_register *r = &card_registers[i];

		if (!settable(e, r) || r->offset == CARD_RING(0) + CARD_RING_TAIL)
			continue;
		for (unsigned int k = 0; k < 3; k++) {
			uint32_t value = patterns[k] & r->mask;

			put(rig, e, r->offset, value);
			EXPECT(get(e, r->offset) == value, "%s reads 0x%x after 0x%x was written",
			       r->name, get(e, r->offset), value);
		}
	}
	EXPECT_WELL(e);
}

static void defaults(struct rig *rig, struct end *e)
{
	expect_defaults(rig, e);
	for (size_t i = 0; i < card_register_count; i++)
		if (settable(e, &card_registers[i]))
			put(rig, e, card_registers[i].offset, 0x5a5a5a5a & card_registers[i].mask);
	reset(rig, e);
	expect_defaults(rig, e);
}

static void read_only(struct rig *rig, struct end *e)
{
	uint64_t slot = get64(e, CARD_TIME_SLOT_LO);

	for (size_t i = 0; i < card_register_count; i++) {
		const struct card_register *r = &card_registers[i];
		uint32_t value = get(e, r->offset);

		if (!there(e, r) || (r->access != CARD_RO && r->access != CARD_WO))
			continue;
		if (r->access == CARD_WO) {
			EXPECT(value == 0, "%s reads 0x%x", r->name, value);
			continue;
		}
		put(rig, e, r->offset, ~value);
		EXPECT(get(e, r->offset) != ~value || r->offset == CARD_TIME_SLOT_LO,
		       "%s took 0x%x", r->name, ~value);
		if (r->offset < CARD_TIME_SLOT_LO && r->offset != CARD_INTERLOCK)
			EXPECT(get(e, r->offset) == value, "%s became 0x%x", r->name,
			       get(e, r->offset));
	}
	EXPECT(get64(e, CARD_TIME_SLOT_LO) - slot < 1ULL << 40, "TIME_SLOT jumped");
	EXPECT_WELL(e);
}

/* The maker's own blocks are his affair. */
static bool in_makers_block(const struct end *e, uint32_t offset)
{
	uint32_t block = get(e, CARD_NEXT_BLOCK);

	return block != 0 && offset >= block;
}

static void reserved(struct rig *rig, struct end *e)
{
	for (uint32_t offset = 0; offset < CARD_RING(CARD_RING_COUNT); offset += 4) {
		const struct card_register *r = card_register_find(offset);

		if ((r != NULL && there(e, r)) || in_makers_block(e, offset))
			continue;
		EXPECT(get(e, offset) == 0, "0x%03x reads 0x%x", offset, get(e, offset));
		put(rig, e, offset, 0xffffffff);
		EXPECT(get(e, offset) == 0, "0x%03x took 0x%x", offset, get(e, offset));
	}
	EXPECT_WELL(e);
}

static void features(struct rig *rig, struct end *e)
{
	uint32_t known = (1u << 14) - 1, none = ~e->features & known;

	put(rig, e, CARD_FEATURES_USED_LO, e->features & known);
	EXPECT(get(e, CARD_FEATURES_USED_LO) == (e->features & known),
	       "FEATURES_USED reads 0x%x after 0x%x", get(e, CARD_FEATURES_USED_LO),
	       e->features & known);
	put(rig, e, CARD_FEATURES_USED_LO, 0);
	EXPECT_WELL(e);
	for (; none != 0; none &= none - 1) {
		put(rig, e, CARD_FEATURES_USED_LO, none & -none);
		EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_FEATURES_USED_LO);
		reset(rig, e);
	}
	put(rig, e, CARD_FEATURES_USED_HI, ~get(e, CARD_FEATURES_HI));
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_FEATURES_USED_HI);
	reset(rig, e);
	enable(rig, e);
	put(rig, e, CARD_FEATURES_USED_LO, 0);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_FEATURES_USED_LO);
	/* What was not accepted lies still. */
	for (unsigned int q = 0; q < CARD_RING_COUNT; q++) {
		if (!card_ring_there(q, e->role, e->features) ||
		    card_ring_there(q, e->role, CARD_FEATURES_1_0))
			continue;
		reset(rig, e);
		put(rig, e, CARD_RING(q) + CARD_RING_LOG2_SIZE, 1);
		put(rig, e, CARD_RING(q) + CARD_RING_BASE_LO, (uint32_t)e->dma.bus);
		put(rig, e, CARD_RING(q) + CARD_RING_BASE_HI, (uint32_t)(e->dma.bus >> 32));
		put(rig, e, CARD_RING(q) + CARD_RING_CTRL, CARD_RING_CTRL_RUN);
		EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_RING(q) + CARD_RING_CTRL);
	}
}

static void write_1_to_clear(struct rig *rig, struct end *e)
{
	uint32_t bit = CARD_IRQ_RING(CARD_RING_QRNG);
	struct ring r;

	if ((e->features & CARD_FEATURE_QRNG) == 0) {
		rig->absent = "it has no QRNG ring";
		return;
	}
	ring_lay(rig, &r, e, CARD_RING_QRNG, 2);
	ring_run(rig, &r);
	enable(rig, e);
	for (unsigned int round = 0; round < 3; round++) {
		EXPECT((get(e, CARD_IRQ_CAUSE) & bit) == 0, "a cause is there before it came");
		ring_post(&r, 1);
		if (ring_wait(rig, &r) == NULL)
			return;
		EXPECT(wait_for(e, CARD_IRQ_CAUSE, bit, bit), "a completion is no cause");
		put(rig, e, CARD_IRQ_CAUSE, 0);
		EXPECT(get(e, CARD_IRQ_CAUSE) & bit, "a written 0 cleared a cause");
		put(rig, e, CARD_IRQ_CAUSE, ~bit);
		EXPECT(get(e, CARD_IRQ_CAUSE) == bit, "IRQ_CAUSE is 0x%x, not 0x%x",
		       get(e, CARD_IRQ_CAUSE), bit);
		put(rig, e, CARD_IRQ_CAUSE, bit);
		EXPECT(get(e, CARD_IRQ_CAUSE) == 0, "a written 1 cleared nothing");
	}
	put(rig, e, CARD_WATCHDOG, 0x10000);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_WATCHDOG);
	EXPECT(get(e, CARD_IRQ_CAUSE) == CARD_IRQ_FAULT, "the cause of a fault is 0x%x",
	       get(e, CARD_IRQ_CAUSE));
	put(rig, e, CARD_IRQ_CAUSE, CARD_IRQ_FAULT);
	EXPECT(get(e, CARD_IRQ_CAUSE) == 0, "the cause of a fault is not cleared");
	EXPECT(get(e, CARD_STATUS) & CARD_STATUS_FAULT, "clearing the cause cleared the fault");
}

const struct check checks_registers[] = {{"identity", ON_EACH, identity},
                                         {"defaults", ON_EACH, defaults},
                                         {"read-write", ON_EACH, read_write},
                                         {"read-only", ON_EACH, read_only},
                                         {"reserved", ON_EACH, reserved},
                                         {"features", ON_EACH, features},
                                         {"write-1-to-clear", ON_EACH, write_1_to_clear},
                                         {NULL, 0, NULL}};
