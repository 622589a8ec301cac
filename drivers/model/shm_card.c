/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/shm_card.h"

#include <string.h>

#include "common/clock.h"
#include "drivers/card_table.h"
#include "drivers/model/shm_monitor.h"

#define DEFAULT_MODERATION_US 1000
#define MODERATION_MAX_US     0xffff
#define WATCHDOG_MAX_MS       0xffff
#define TURN_MAX_NS           (10 * NS_PER_MS) /* card_regs.h: the longest turn */
#define SELFTEST_NS           (20 * NS_PER_MS)
#define BUILD_HASH            0x4d4f444c /* of no bit stream: "MODL" */

uint32_t shm_card_get(const struct shm_card *card, uint32_t offset)
{
	return __atomic_load_n((uint32_t *)(card->bar + offset), __ATOMIC_ACQUIRE);
}

void shm_card_put(struct shm_card *card, uint32_t offset, uint32_t value)
{
	if (!card->unplugged)
		__atomic_store_n((uint32_t *)(card->bar + offset), value, __ATOMIC_RELEASE);
}

static void latch(struct shm_card *card)
{
	shm_card_put(card, CARD_SHM_LATCH, shm_card_get(card, CARD_SHM_LATCH) + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void shm_card_put64(struct shm_card *card, uint32_t offset, uint64_t value)
{
	latch(card);
	shm_card_put(card, offset, (uint32_t)value);
	shm_card_put(card, offset + 4, (uint32_t)(value >> 32));
	latch(card);
}

static void show_status(struct shm_card *card)
{
	uint32_t status =
	        card->faulted ? CARD_STATUS_FAULT | CARD_STATUS_NEEDS_RESET : CARD_STATUS_READY;

	shm_card_put(card, CARD_STATUS, status | (card->armed ? CARD_STATUS_ARMED : 0));
	shm_card_put(card, CARD_CTRL,
	             (card->enabled ? CARD_CTRL_ENABLE : 0) | (card->armed ? CARD_CTRL_ARM : 0));
	shm_card_put(card, CARD_IRQ_CAUSE, card->irq_cause);
}

static void set_armed(struct shm_card *card, bool on, uint32_t cause)
{
	if (card->armed == on)
		return;
	card->armed = on;
	card->silent_ns = 0;
	if (!on)
		card->dark_cause = cause;
	shm_card_put(card, CARD_DARK_CAUSE, card->dark_cause);
	if (!on)
		otdr_card_dark(card);
	card->ops->armed(card->end, on);
}

static uint32_t dark_cause_of(uint32_t fault)
{
	return fault == CARD_FAULT_WATCHDOG    ? CARD_DARK_WATCHDOG
	       : fault == CARD_FAULT_INTERLOCK ? CARD_DARK_INTERLOCK
	                                       : CARD_DARK_FAULT;
}

void *shm_card_memory(struct shm_card *card, uint64_t addr, uint64_t bytes)
{
	if (card->host.memory != NULL)
		return card->host.memory(card->host.state, addr, bytes);
	if (addr > CARD_SHM_DMA_BYTES || bytes > CARD_SHM_DMA_BYTES - addr)
		return NULL;
	return card->dma + addr;
}

void shm_card_cause(struct shm_card *card, uint32_t cause)
{
	/* Once for each cause that comes up: one that the host has not cleared calls no more. */
	card->irq_new |= cause & ~card->irq_cause;
	card->irq_cause |= cause;
}

static void call_host(struct shm_card *card)
{
	uint32_t due = card->irq_new & card->irq_mask;
	uint64_t vectors = 0;

	card->irq_new = 0;
	if (due == 0 || card->host.vectors == 0)
		return;
	for (unsigned int q = 0; q < CARD_RING_COUNT; q++)
		if (due & CARD_IRQ_RING(q))
			vectors |= 1ULL << card->ring[q].vector;
	if (due & (CARD_IRQ_FAULT | CARD_IRQ_WATCHDOG))
		vectors |= 1ULL << card->irq_vector;
	for (; vectors != 0; vectors &= vectors - 1)
		card->host.interrupt(card->host.state, (unsigned int)__builtin_ctzll(vectors));
}

void shm_card_fault(struct shm_card *card, uint32_t code, uint32_t argument)
{
	if (card->faulted)
		return;
	card->faulted = true;
	shm_card_put(card, CARD_FAULT_CODE, code);
	shm_card_put(card, CARD_FAULT_ARG, argument);
	shm_card_cause(card,
	               CARD_IRQ_FAULT | (code == CARD_FAULT_WATCHDOG ? CARD_IRQ_WATCHDOG : 0));
	/* No DMA from here on, not even of what is half full. */
	for (unsigned int q = 0; q < CARD_RING_COUNT; q++)
		card->ring[q].open = false;
	set_armed(card, false, dark_cause_of(code));
	show_status(card);
}

static void put_defaults(struct shm_card *card)
{
	memset(card->bar, 0, CARD_SHM_MBOX_OFFSET);
	for (size_t i = 0; i < card_register_count; i++)
		if (card_register_there(&card_registers[i], card->role, card->features))
			shm_card_put(card, card_registers[i].offset, card_registers[i].reset);
}

static void function_reset(struct shm_card *card)
{
	set_armed(card, false, CARD_DARK_RESET);
	card->enabled = card->faulted = false;
	card->dark_cause = CARD_DARK_RESET;
	card->features_used = 0;
	card->selftest = CARD_SELFTEST_NONE;
	card->irq_cause = card->irq_new = card->irq_mask = card->irq_vector = 0;
	card->moderation_us = DEFAULT_MODERATION_US;
	card->watchdog_ms = 0;
	put_defaults(card);
	shm_card_put(card, CARD_MAGIC, CARD_MAGIC_VALUE);
	shm_card_put(card, CARD_ABI, CARD_ABI_MAJOR << 24 | CARD_ABI_MINOR << 16);
	shm_card_put(card, CARD_FEATURES_LO, card->features);
	shm_card_put(card, CARD_INTERLOCK, card->interlock);
	shm_card_put(card, CARD_IRQ_VECTORS, card->host.vectors);
	shm_card_put(card, CARD_ROLE, card->role | (card->role == CARD_ROLE_BOB ? 4u << 8 : 0));
	shm_card_put(card, CARD_BUILD, BUILD_HASH);
	shm_card_put(card, CARD_FLAVOUR, CARD_FLAVOUR_SIMULATED);
	shm_card_put(card, CARD_TIME_SLOT_FS, (uint32_t)card->slot_fs);
	shm_card_put(card, CARD_TIME_LOCK, 1);
	shm_monitor_reset(card);
	monitor_begin(card);
	qrng_card_reset(card);
	otdr_card_reset(&card->otdr);
	ocm_card_reset(card);
	analog_reset(card);
	for (unsigned int q = 0; q < CARD_RING_COUNT; q++)
		shm_ring_reset(card, q);
	card->ops->reset(card->end);
	shm_card_put64(card, CARD_TIME_SLOT_LO, card->slot & 0xffffffffffffULL);
	show_status(card);
}

void shm_card_init(struct shm_card *card, uint8_t *bar, unsigned int role, double slot_fs,
                   const struct shm_card_ops *ops, void *end, const struct rng *rng)
{
	memset(card, 0, sizeof(*card));
	card->bar = bar;
	card->dma = bar + CARD_BAR0_BYTES;
	card->role = role;
	card->slot_fs = slot_fs;
	card->ops = ops;
	card->end = end;
	card->rng = *rng;
	otdr_card_init(&card->otdr, NULL, false, 0);
	ocm_card_init(&card->ocm, NULL, false, 0);
	card->qrng.lanes = QRNG_CARD_LANES;
	card->qrng.tests = QRNG_CARD_TESTS;
	card->features =
	        CARD_FEATURE_QRNG | CARD_FEATURE_QRNG_TESTS | CARD_FEATURE_TELEMETRY |
	        CARD_FEATURE_SELF_TEST | CARD_FEATURE_MONITOR | CARD_FEATURE_PROTECTION |
	        CARD_FEATURE_ANALOG | CARD_FEATURE_OTDR | CARD_FEATURE_OCM |
	        (role == CARD_ROLE_ALICE ? CARD_FEATURE_SYNC_PATTERN | CARD_FEATURE_TWO_DECOY |
	                                           CARD_FEATURE_THREE_STATE
	                                 : CARD_FEATURE_PHASE);
	for (unsigned int q = 0; q < CARD_RING_COUNT; q++)
		card->ring[q].to_host = q != CARD_RING_QUERIES;
	function_reset(card);
}

void shm_card_host(struct shm_card *card, const struct shm_card_host *host)
{
	card->host = *host;
	shm_card_put(card, CARD_IRQ_VECTORS, host->vectors);
}

void shm_card_unplug(struct shm_card *card, bool out)
{
	if (out == card->unplugged)
		return;
	if (out) {
		function_reset(card);
		memset(card->bar, 0xff, CARD_BAR0_BYTES);
		card->unplugged = true;
		return;
	}
	card->unplugged = false;
	memset(card->bar, 0, CARD_BAR0_BYTES);
	card->mbox_seq = 0;
	function_reset(card);
}

void shm_card_interlock(struct shm_card *card, uint32_t open)
{
	card->interlock = open;
	shm_card_put(card, CARD_INTERLOCK, open);
	if (open != 0 && card->armed)
		shm_card_fault(card, CARD_FAULT_INTERLOCK, open);
}

void shm_card_selftest(struct shm_card *card, uint32_t failing)
{
	card->selftest_failed = failing;
}

static void selftest_turn(struct shm_card *card)
{
	uint32_t failed = card->selftest_failed;

	if (card->selftest != CARD_SELFTEST_RUNNING || card->faulted ||
	    card->now_ns - card->selftest_ns < SELFTEST_NS || card->qrng.state == CARD_QRNG_STARTUP)
		return;
	if (card->interlock != 0)
		failed |= CARD_CHECK_INTERLOCK;
	if (card->qrng.state != CARD_QRNG_OK)
		failed |= CARD_CHECK_QRNG;
	card->selftest = failed != 0 ? CARD_SELFTEST_FAIL : CARD_SELFTEST_PASSED;
	shm_card_put(card, CARD_SELFTEST_FAILED, failed);
	shm_card_put(card, CARD_SELFTEST, card->selftest);
}

static uint32_t selftest_start(struct shm_card *card, uint32_t value)
{
	if (!(value & 1) || card->selftest == CARD_SELFTEST_RUNNING)
		return 0;
	if (card->armed)
		return CARD_SELFTEST;
	card->selftest = CARD_SELFTEST_RUNNING;
	card->selftest_ns = card->now_ns;
	shm_card_put(card, CARD_SELFTEST_FAILED, 0);
	shm_card_put(card, CARD_SELFTEST, card->selftest);
	return 0;
}

static uint32_t use_features(struct shm_card *card, uint32_t offset, uint32_t value)
{
	uint32_t offered = offset == CARD_FEATURES_USED_LO ? card->features : 0;

	if (card->enabled || (value & ~offered) != 0)
		return offset;
	if (offset == CARD_FEATURES_USED_LO)
		card->features_used = value;
	shm_card_put(card, offset, value);
	return 0;
}

/* What keeps the card from being armed: the offset of a register, or 0. */
static uint32_t arm_lacks(const struct shm_card *card)
{
	if (!card->enabled)
		return CARD_CTRL;
	if (card->watchdog_ms == 0)
		return CARD_WATCHDOG;
	if ((card->features_used & CARD_FEATURE_SELF_TEST) != 0 &&
	    card->selftest != CARD_SELFTEST_PASSED)
		return CARD_SELFTEST;
	return card->interlock != 0 ? CARD_INTERLOCK : 0;
}

static uint32_t write_control(struct shm_card *card, uint32_t value)
{
	if (value & CARD_CTRL_RESET) {
		function_reset(card);
		return 0;
	}
	if (card->faulted)
		return 0;
	if (value & CARD_CTRL_SAFE_OFF)
		value &= ~CARD_CTRL_ARM;
	if (!card->enabled)
		card->silent_ns = 0;
	card->enabled = value & CARD_CTRL_ENABLE;
	if (!(value & CARD_CTRL_ARM)) {
		set_armed(card, false, CARD_DARK_HOST);
		return 0;
	}
	if (arm_lacks(card) != 0)
		return arm_lacks(card);
	set_armed(card, true, 0);
	return 0;
}

/* Returns 0, or the offset of the register whose value cannot be. */
static uint32_t write_register(struct shm_card *card, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case CARD_CTRL:
		return write_control(card, value);
	case CARD_IRQ_CAUSE:
		card->irq_cause &= ~value;
		return 0;
	case CARD_IRQ_MASK:
		/* A cause that stands already calls the host when it is let through. */
		card->irq_new |= card->irq_cause & value & ~card->irq_mask;
		card->irq_mask = value;
		shm_card_put(card, offset, value);
		return 0;
	case CARD_IRQ_VECTOR:
		if (value != 0 && value >= card->host.vectors)
			return offset;
		card->irq_vector = value;
		shm_card_put(card, offset, value);
		return 0;
	case CARD_FEATURES_USED_LO:
	case CARD_FEATURES_USED_HI:
		return use_features(card, offset, value);
	case CARD_SELFTEST:
		return selftest_start(card, value);
	case CARD_MODERATION:
		card->moderation_us = value & MODERATION_MAX_US;
		shm_card_put(card, offset, card->moderation_us);
		return 0;
	case CARD_WATCHDOG:
		if (value > WATCHDOG_MAX_MS)
			return offset;
		card->watchdog_ms = value;
		card->silent_ns = 0;
		shm_card_put(card, offset, value);
		return value == 0 && card->armed ? CARD_WATCHDOG : 0;
	}
	if (offset >= CARD_QRNG_STATE && offset <= CARD_QRNG_KBIT_S)
		return qrng_card_write(card, offset, value);
	if (offset == CARD_OCM_CTRL || offset == CARD_OCM_PERIOD_MS)
		return ocm_card_write(card, offset, value);
	if (offset >= CARD_ANALOG(0) && offset <= CARD_ANALOG_APPLY)
		return analog_write(card, offset, value);
	if (offset >= CARD_MONITOR_MS && offset <= CARD_TEMPERATURE_MAX)
		return monitor_write(card, offset, value);
	if (offset >= CARD_OTDR_CTRL && offset <= CARD_OTDR_ID)
		return otdr_card_write(card, offset, value);
	if (offset >= CARD_RING(0) && offset < CARD_RING(CARD_RING_COUNT))
		return shm_ring_write(card, (offset - CARD_RING(0)) / 0x40,
		                      (offset - CARD_RING(0)) % 0x40, value);
	return card->ops->write(card->end, offset, value);
}

/* A write is taken once, in order; a host that writes at once again is served at once. */
static void serve_mailbox(struct shm_card *card)
{
	for (int i = 0; i < 64; i++) {
		uint32_t seq = shm_card_get(card, CARD_SHM_MBOX_SEQ), offset, value, bad;

		if (seq == card->mbox_seq)
			return;
		offset = shm_card_get(card, CARD_SHM_MBOX_OFFSET);
		value = shm_card_get(card, CARD_SHM_MBOX_VALUE);
		if (offset % 4 == 0 && offset < CARD_SHM_MBOX_OFFSET) {
			bad = write_register(card, offset, value);
			if (bad != 0)
				shm_card_fault(card, CARD_FAULT_CONFIG, bad);
			show_status(card);
		}
		card->mbox_seq = seq;
		shm_card_put(card, CARD_SHM_MBOX_DONE, seq);
	}
}

void shm_card_begin(struct shm_card *card, uint64_t now_ns, uint64_t slot)
{
	uint64_t passed = now_ns - card->now_ns;

	card->now_ns = now_ns;
	card->slot = slot;
	if (card->unplugged)
		return;
	shm_card_put64(card, CARD_TIME_SLOT_LO, slot & 0xffffffffffffULL);
	/* What this process slept through is no silence of the host. */
	card->silent_ns += passed < TURN_MAX_NS ? passed : TURN_MAX_NS;
	serve_mailbox(card);
	if (card->enabled && card->watchdog_ms != 0 &&
	    card->silent_ns > card->watchdog_ms * NS_PER_MS)
		shm_card_fault(card, CARD_FAULT_WATCHDOG, 0);
}

void shm_card_end(struct shm_card *card)
{
	if (card->unplugged)
		return;
	qrng_card_turn(card);
	selftest_turn(card);
	shm_monitor_turn(card);
	if (!card->faulted)
		otdr_card_turn(card);
	ocm_card_turn(card);
	analog_turn(card);
	for (unsigned int q = 0; q < CARD_RING_COUNT; q++) {
		shm_ring_moderate(card, q);
		if (card->ring[q].run)
			shm_card_put64(card, CARD_RING(q) + CARD_RING_DROPPED_LO,
			               card->ring[q].dropped);
	}
	show_status(card);
	call_host(card);
	shm_card_put(card, CARD_SHM_ALIVE, shm_card_get(card, CARD_SHM_ALIVE) + 1);
}
