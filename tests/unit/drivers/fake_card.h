/* SPDX-License-Identifier: BSD-3-Clause */

/* A card in this process, driven step by step by a test: registers, rings, faults. */

#ifndef TESTS_FAKE_CARD_H
#define TESTS_FAKE_CARD_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "drivers/card_regs.h"
#include "drivers/transport.h"
#include "tests/unit/unit.h"

#define FAKE_DMA_BYTES (32u << 20)
#define FAKE_BUS       0x7f0000000ULL /* not 0: bus addresses are not offsets */
#define FAKE_LOG_MAX   4096

struct fake_card {
	uint32_t bar[CARD_BAR0_BYTES / 4];
	uint8_t *dma;
	uint64_t slot;
	bool absent, dead, stuck_reset, refuse_arm;
	struct {
		uint32_t done, seq;
	} ring[CARD_RING_COUNT];
	unsigned int feeds; /* writes of WATCHDOG */
	uint32_t selftest_failed;
	bool analog;      /* it has a modulator to set, 0 to 6000 mV */
	double point;     /* its bias point, mV */
	uint32_t applied; /* ANALOG_APPLY written */
	uint32_t written_offset[FAKE_LOG_MAX], written_value[FAKE_LOG_MAX];
	unsigned int written;
};

static struct fake_card fake;

static uint32_t *fake_reg(uint32_t offset)
{
	return &fake.bar[offset / 4];
}

static uint32_t *fake_ring_reg(unsigned int q, uint32_t offset)
{
	return fake_reg(CARD_RING(q) + offset);
}

static void fake_defaults(void)
{
	uint32_t abi = *fake_reg(CARD_ABI), role = *fake_reg(CARD_ROLE);
	uint32_t features = *fake_reg(CARD_FEATURES_LO), magic = *fake_reg(CARD_MAGIC);

	memset(fake.bar, 0, sizeof(fake.bar));
	memset(fake.ring, 0, sizeof(fake.ring));
	*fake_reg(CARD_MAGIC) = magic;
	*fake_reg(CARD_ABI) = abi;
	*fake_reg(CARD_ROLE) = role;
	*fake_reg(CARD_FEATURES_LO) = features;
	*fake_reg(CARD_FLAVOUR) = CARD_FLAVOUR_SIMULATED;
	*fake_reg(CARD_BUILD) = 0xb111d;
	*fake_reg(CARD_STATUS) = CARD_STATUS_READY;
	*fake_reg(CARD_TIME_SLOT_FS) = 1000000;
	*fake_reg(CARD_QRNG_STATE) = CARD_QRNG_OK;
	*fake_reg(CARD_QRNG_LANES) = features & CARD_FEATURE_QRNG_TESTS ? 4 : 0;
	if (fake.analog) {
		*fake_reg(CARD_ANALOG_PRESENT) = 1u << CARD_ANALOG_MODULATOR;
		*fake_reg(CARD_ANALOG(CARD_ANALOG_MODULATOR) + CARD_ANALOG_MAX) = 6000;
		*fake_reg(CARD_ANALOG(CARD_ANALOG_MODULATOR) + CARD_ANALOG_SET) = 2500;
		*fake_reg(CARD_ANALOG(CARD_ANALOG_MODULATOR) + CARD_ANALOG_ACTUAL) = 2500;
	}
}

static void fake_new(unsigned int role)
{
	free(fake.dma);
	memset(&fake, 0, sizeof(fake));
	fake.dma = calloc(1, FAKE_DMA_BYTES);
	*fake_reg(CARD_MAGIC) = CARD_MAGIC_VALUE;
	*fake_reg(CARD_ABI) = CARD_ABI_MAJOR << 24 | CARD_ABI_MINOR << 16;
	*fake_reg(CARD_ROLE) = role | (role == CARD_ROLE_BOB ? 4 << 8 : 0);
	*fake_reg(CARD_FEATURES_LO) =
	        CARD_FEATURE_SYNC_PATTERN | CARD_FEATURE_QRNG | CARD_FEATURE_TELEMETRY;
	fake.slot = 5000000;
	fake_defaults();
}

static void fake_fault(uint32_t code, uint32_t arg)
{
	*fake_reg(CARD_STATUS) &= ~CARD_STATUS_ARMED;
	*fake_reg(CARD_STATUS) |= CARD_STATUS_FAULT | CARD_STATUS_NEEDS_RESET;
	*fake_reg(CARD_FAULT_CODE) = code;
	*fake_reg(CARD_FAULT_ARG) = arg;
	*fake_reg(CARD_IRQ_CAUSE) |= CARD_IRQ_FAULT;
}

static int fake_open(const char *path, void **state, struct err *err)
{
	*state = &fake;
	return 0;
}

static void fake_close(void *state)
{
}

/* 30 dB at the point, and a V_pi that is not the driver's. */
static uint32_t fake_extinction(void)
{
	double mv = (int32_t)*fake_reg(CARD_ANALOG(CARD_ANALOG_MODULATOR) + CARD_ANALOG_ACTUAL);
	double s = sin(1.5707963 * (mv - fake.point) / 4000);

	return (uint32_t)(-10000 * log10(1e-3 + 0.999 * s * s));
}

static uint32_t fake_read32(void *state, uint32_t offset)
{
	if (fake.analog && !fake.absent && offset == CARD_TX_EXTINCTION)
		return fake_extinction();
	return fake.absent ? 0xffffffff : *fake_reg(offset);
}

static int fake_read64(void *state, uint32_t offset, uint64_t *value)
{
	if (offset == CARD_TIME_SLOT_LO)
		*value = fake.slot & 0xffffffffffffULL;
	else
		*value = *fake_reg(offset) | (uint64_t)*fake_reg(offset + 4) << 32;
	if (fake.absent)
		*value = UINT64_MAX;
	return 0;
}

static void fake_ctrl(uint32_t value)
{
	if (value & CARD_CTRL_RESET) {
		fake_defaults();
		if (fake.stuck_reset)
			*fake_reg(CARD_CTRL) = CARD_CTRL_RESET;
		return;
	}
	if ((value & CARD_CTRL_SAFE_OFF) || (value & CARD_CTRL_ARM) == 0)
		*fake_reg(CARD_STATUS) &= ~CARD_STATUS_ARMED;
	else if (fake.refuse_arm || *fake_reg(CARD_WATCHDOG) == 0)
		fake_fault(CARD_FAULT_CONFIG, CARD_WATCHDOG);
	else
		*fake_reg(CARD_STATUS) |= CARD_STATUS_ARMED;
	*fake_reg(CARD_CTRL) = value & (CARD_CTRL_ENABLE | CARD_CTRL_ARM);
}

static int fake_write32(void *state, uint32_t offset, uint32_t value)
{
	if (fake.written < FAKE_LOG_MAX) {
		fake.written_offset[fake.written] = offset;
		fake.written_value[fake.written++] = value;
	}
	if (fake.absent)
		return 0;
	switch (offset) {
	case CARD_CTRL:
		fake_ctrl(value);
		break;
	case CARD_IRQ_CAUSE:
		*fake_reg(offset) &= ~value;
		break;
	case CARD_TX_APPLY:
		*fake_reg(CARD_TX_FROM_LO) = (uint32_t)(fake.slot + 1000);
		*fake_reg(CARD_TX_FROM_HI) = (uint32_t)((fake.slot + 1000) >> 32) & 0xffff;
		break;
	case CARD_ANALOG_APPLY:
		fake.applied++;
		*fake_reg(CARD_ANALOG(CARD_ANALOG_MODULATOR) + CARD_ANALOG_ACTUAL) =
		        *fake_reg(CARD_ANALOG(CARD_ANALOG_MODULATOR) + CARD_ANALOG_SET);
		break;
	case CARD_SELFTEST:
		*fake_reg(CARD_SELFTEST_FAILED) = fake.selftest_failed;
		*fake_reg(offset) =
		        fake.selftest_failed ? CARD_SELFTEST_FAIL : CARD_SELFTEST_PASSED;
		break;
	case CARD_WATCHDOG:
		fake.feeds++;
		*fake_reg(offset) = value;
		break;
	default:
		*fake_reg(offset) = value;
	}
	return 0;
}

static bool fake_written(void *state)
{
	return true;
}

static void fake_doorbell(void *state, uint32_t offset, uint32_t value)
{
	*fake_reg(offset) = value;
}

static void fake_dma(void *state, struct transport_dma *out)
{
	*out = (struct transport_dma){fake.dma, FAKE_DMA_BYTES, FAKE_BUS};
}

static bool fake_alive(void *state, uint64_t now_ns)
{
	return !fake.dead;
}

static const struct transport_ops fake_transport = {
        .name = "fake",
        .open = fake_open,
        .close = fake_close,
        .read32 = fake_read32,
        .read64 = fake_read64,
        .write32 = fake_write32,
        .written = fake_written,
        .doorbell = fake_doorbell,
        .dma = fake_dma,
        .alive = fake_alive,
};

/* The first test of a program, and its last. */
static inline void test_setup(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(secret_init(4u << 20, &err), 0);
	CU_ASSERT_EQUAL_FATAL(transport_add(&fake_transport), 0);
}

static inline void test_leaves_no_secrets(void)
{
	CU_ASSERT_EQUAL(secret_used(), 0);
	free(fake.dma);
	secret_fini();
}

static struct card_desc *fake_desc(unsigned int q, uint32_t index)
{
	uint64_t base = *fake_ring_reg(q, CARD_RING_BASE_LO) |
	                (uint64_t)*fake_ring_reg(q, CARD_RING_BASE_HI) << 32;
	uint32_t size = 1u << *fake_ring_reg(q, CARD_RING_LOG2_SIZE);

	return (struct card_desc *)(fake.dma + (base - FAKE_BUS)) + index % size;
}

static uint32_t fake_posted(unsigned int q)
{
	return *fake_ring_reg(q, CARD_RING_TAIL) - fake.ring[q].done;
}

static void *fake_buffer(unsigned int q)
{
	return fake.dma + (fake_desc(q, fake.ring[q].done)->addr - FAKE_BUS);
}

/* Complete the oldest posted buffer of ring Q, of which USED bytes were filled or read. */
static void fake_complete(unsigned int q, uint32_t used, uint64_t first_slot)
{
	struct card_desc *d = fake_desc(q, fake.ring[q].done);
	uint32_t pass = fake.ring[q].done >> *fake_ring_reg(q, CARD_RING_LOG2_SIZE);

	d->used = used;
	d->first_slot = first_slot;
	d->seq = fake.ring[q].seq++;
	d->flags = (pass & 1) == 0 ? CARD_DESC_PHASE : 0;
	fake.ring[q].done++;
	*fake_ring_reg(q, CARD_RING_HEAD) = fake.ring[q].done;
}

static bool fake_put(unsigned int q, const void *data, uint32_t n, uint64_t first_slot)
{
	if (fake_posted(q) == 0)
		return false;
	memcpy(fake_buffer(q), data, n);
	fake_complete(q, n, first_slot);
	return true;
}

static inline bool fake_tags(const uint64_t *tags, uint32_t n)
{
	return fake_put(CARD_RING_TAGS, tags, 8 * n, CARD_TAG_SLOT(tags[0]));
}

#endif
