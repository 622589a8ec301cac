/* SPDX-License-Identifier: BSD-3-Clause */

/* The model's cards against the register contract, as any host would see them. */

#include "drivers/model/shm_card.h"

#include "tests/unit/drivers/model_host.h"

static struct host *fresh(void)
{
	return host_open(&optics_link_default, 5);
}

static void test_defaults(void)
{
	struct host *h = fresh();

	for (int end = 0; end < 2; end++) {
		CU_ASSERT_EQUAL(reg(h, end, CARD_MAGIC), CARD_MAGIC_VALUE);
		CU_ASSERT_EQUAL(reg(h, end, CARD_ABI) >> 24, CARD_ABI_MAJOR);
		CU_ASSERT_EQUAL(reg(h, end, CARD_FLAVOUR), CARD_FLAVOUR_SIMULATED);
		CU_ASSERT_EQUAL(reg(h, end, CARD_STATUS), CARD_STATUS_READY);
		CU_ASSERT_EQUAL(reg(h, end, CARD_CTRL), 0);
		CU_ASSERT_EQUAL(reg(h, end, CARD_FAULT_CODE), CARD_FAULT_NONE);
		CU_ASSERT_EQUAL(reg(h, end, CARD_IRQ_CAUSE), 0);
		CU_ASSERT_EQUAL(reg(h, end, CARD_MODERATION), 1000);
		CU_ASSERT_EQUAL(reg(h, end, CARD_WATCHDOG), 0);
		CU_ASSERT_EQUAL(reg(h, end, CARD_TIME_SLOT_FS), 1000000);
		for (unsigned int q = 0; q < CARD_RING_COUNT; q++)
			CU_ASSERT_EQUAL(reg(h, end, CARD_RING(q) + CARD_RING_STATE),
			                CARD_RING_IDLE);
	}
	CU_ASSERT_EQUAL(reg(h, A, CARD_ROLE), CARD_ROLE_ALICE);
	CU_ASSERT_EQUAL(reg(h, B, CARD_ROLE), CARD_ROLE_BOB | 4 << 8);
	CU_ASSERT_EQUAL(reg(h, A, CARD_TX_MODE), CARD_TX_MODE_DARK);
	CU_ASSERT(reg64(h, A, CARD_TX_RETENTION_LO) >= 2000000000);
	CU_ASSERT_EQUAL(reg(h, B, CARD_RX_HOLDOFF_NS), 1000);
	CU_ASSERT_EQUAL(reg(h, B, CARD_RX_GATE_WIDTH), 256);
	/* What the other end has is not here. */
	CU_ASSERT_EQUAL(reg(h, A, CARD_RX_GATE_WIDTH), 0);
	CU_ASSERT_EQUAL(reg64(h, B, CARD_TX_RETENTION_LO), 0);
	host_close(h);
}

static void test_time_runs_from_anywhere(void)
{
	struct host *h = fresh(), *other = host_open(&optics_link_default, 6);
	uint64_t a = reg64(h, A, CARD_TIME_SLOT_LO), b = reg64(h, B, CARD_TIME_SLOT_LO);
	uint32_t alive = reg(h, A, CARD_SHM_ALIVE);

	CU_ASSERT((a > b ? a - b : b - a) > 1000000);
	CU_ASSERT_NOT_EQUAL(a >> 20, reg64(other, A, CARD_TIME_SLOT_LO) >> 20);
	turn(h);
	CU_ASSERT_EQUAL(reg64(h, A, CARD_TIME_SLOT_LO) - a, 250000);
	CU_ASSERT(reg64(h, B, CARD_TIME_SLOT_LO) - b - 249998 <= 4);
	CU_ASSERT_EQUAL(reg(h, A, CARD_SHM_ALIVE), alive + 1);
	CU_ASSERT_EQUAL(reg(h, A, CARD_SHM_LATCH) % 2, 0);
	host_close(h);
	host_close(other);
}

static void test_read_only_and_write_one_to_clear(void)
{
	struct host *h = fresh();

	host_write(h, A, CARD_MAGIC, 1);
	CU_ASSERT_EQUAL(reg(h, A, CARD_MAGIC), CARD_MAGIC_VALUE);
	host_write(h, A, CARD_RX_HOLDOFF_NS, 7);
	CU_ASSERT_EQUAL(reg(h, A, CARD_RX_HOLDOFF_NS), 0);
	host_write(h, A, 0xfff0, 7);
	host_write(h, A, CARD_CTRL + 1, CARD_CTRL_ENABLE);
	host_write(h, A, 0x7ffffffc, 7);
	CU_ASSERT_EQUAL(reg(h, A, CARD_CTRL), 0);
	/* A config fault raises its cause; a second one does not replace the first. */
	host_write(h, A, CARD_CTRL, CARD_CTRL_ARM);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_CODE), CARD_FAULT_CONFIG);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), CARD_CTRL);
	CU_ASSERT_EQUAL(reg(h, A, CARD_IRQ_CAUSE), CARD_IRQ_FAULT);
	host_write(h, A, CARD_TX_MODE, 9);
	host_write(h, A, CARD_TX_APPLY, 1);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), CARD_CTRL);
	host_write(h, A, CARD_IRQ_CAUSE, CARD_IRQ_WATCHDOG);
	CU_ASSERT_EQUAL(reg(h, A, CARD_IRQ_CAUSE), CARD_IRQ_FAULT);
	host_write(h, A, CARD_IRQ_CAUSE, CARD_IRQ_FAULT);
	CU_ASSERT_EQUAL(reg(h, A, CARD_IRQ_CAUSE), 0);
	CU_ASSERT_EQUAL(reg(h, A, CARD_STATUS), CARD_STATUS_FAULT | CARD_STATUS_NEEDS_RESET);
	host_close(h);
}

static void test_arm_needs_enable_and_watchdog(void)
{
	struct host *h = fresh();

	host_write(h, B, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_CODE), CARD_FAULT_CONFIG);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_ARG), CARD_WATCHDOG);
	CU_ASSERT_EQUAL(reg(h, B, CARD_STATUS) & CARD_STATUS_ARMED, 0);
	/* Nothing arms a card at fault but through a reset. */
	host_write(h, B, CARD_WATCHDOG, 100);
	host_write(h, B, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	CU_ASSERT_EQUAL(reg(h, B, CARD_STATUS) & CARD_STATUS_ARMED, 0);
	host_write(h, B, CARD_CTRL, CARD_CTRL_RESET);
	CU_ASSERT_EQUAL(reg(h, B, CARD_STATUS), CARD_STATUS_READY);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_CODE), 0);
	light_up(h);
	host_close(h);
}

static void test_self_test_and_interlock(void)
{
	struct host *h = fresh();

	/* Not accepted: ARM does without, as in version 1.0. */
	CU_ASSERT_EQUAL(reg(h, A, CARD_FEATURES_LO) & CARD_FEATURE_SELF_TEST,
	                CARD_FEATURE_SELF_TEST);
	host_write(h, A, CARD_FEATURES_USED_LO, CARD_FEATURE_SELF_TEST);
	host_write(h, A, CARD_WATCHDOG, 100);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), CARD_SELFTEST);
	for (int failing = 1; failing >= 0; failing--) {
		host_write(h, A, CARD_CTRL, CARD_CTRL_RESET);
		host_write(h, A, CARD_FEATURES_USED_LO, CARD_FEATURE_SELF_TEST);
		shm_card_selftest(&h->link.alice.card, failing ? CARD_CHECK_DARK : 0);
		host_write(h, A, CARD_SELFTEST, 1);
		CU_ASSERT_EQUAL(reg(h, A, CARD_SELFTEST), CARD_SELFTEST_RUNNING);
		pass_ms(h, 25);
		CU_ASSERT_EQUAL(reg(h, A, CARD_SELFTEST),
		                failing ? CARD_SELFTEST_FAIL : CARD_SELFTEST_PASSED);
		CU_ASSERT_EQUAL(reg(h, A, CARD_SELFTEST_FAILED), failing ? CARD_CHECK_DARK : 0);
		host_write(h, A, CARD_WATCHDOG, 1000);
		host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
		CU_ASSERT_EQUAL(reg(h, A, CARD_STATUS) & CARD_STATUS_ARMED,
		                failing ? 0 : CARD_STATUS_ARMED);
	}
	shm_card_interlock(&h->link.alice.card, CARD_INTERLOCK_COVER);
	turn(h);
	CU_ASSERT_EQUAL(reg(h, A, CARD_STATUS), CARD_STATUS_FAULT | CARD_STATUS_NEEDS_RESET);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_CODE), CARD_FAULT_INTERLOCK);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), CARD_INTERLOCK_COVER);
	CU_ASSERT_EQUAL(reg(h, A, CARD_DARK_CAUSE), CARD_DARK_INTERLOCK);
	/* While it is open nothing arms the card, and the self-test says why. */
	host_write(h, A, CARD_CTRL, CARD_CTRL_RESET);
	CU_ASSERT_EQUAL(reg(h, A, CARD_INTERLOCK), CARD_INTERLOCK_COVER);
	host_write(h, A, CARD_SELFTEST, 1);
	pass_ms(h, 25);
	CU_ASSERT_EQUAL(reg(h, A, CARD_SELFTEST_FAILED), CARD_CHECK_INTERLOCK);
	host_write(h, A, CARD_WATCHDOG, 100);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), CARD_INTERLOCK);
	host_close(h);
}

struct caller {
	unsigned int calls[4];
	uint8_t *memory;
};

static void *other_memory(void *state, uint64_t addr, uint64_t bytes)
{
	struct caller *c = state;

	return addr >= 0x40000000 && addr + bytes <= 0x40000000 + CARD_SHM_DMA_BYTES
	               ? c->memory + (addr - 0x40000000)
	               : NULL;
}

static void called(void *state, unsigned int vector)
{
	((struct caller *)state)->calls[vector]++;
}

/* A transport of another kind: memory elsewhere, messages on vectors. */
static void test_calls_its_host(void)
{
	struct host *h = fresh();
	struct caller c = {.memory = h->map[B] + CARD_BAR0_BYTES};
	const struct shm_card_host host = {other_memory, called, &c, 4};

	shm_card_host(&h->link.bob.card, &host);
	CU_ASSERT_EQUAL(reg(h, B, CARD_IRQ_VECTORS), 4);
	host_write(h, B, CARD_CTRL, CARD_CTRL_RESET);
	ring_run(h, B, CARD_RING_QRNG, 2);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_CODE), CARD_FAULT_DMA); /* addresses of the file */
	host_write(h, B, CARD_CTRL, CARD_CTRL_RESET);
	for (uint32_t i = 0; i < 4; i++) {
		desc(h, B, CARD_RING_QRNG, i)->addr = 0x40000000 + 0x100000 + i * BUFFER;
		desc(h, B, CARD_RING_QRNG, i)->len = BUFFER;
	}
	host_write(h, B, CARD_RING(CARD_RING_QRNG) + CARD_RING_BASE_LO,
	           0x40000000 + (uint32_t)ring_place(CARD_RING_QRNG));
	host_write(h, B, CARD_RING(CARD_RING_QRNG) + CARD_RING_LOG2_SIZE, 2);
	host_write(h, B, CARD_RING(CARD_RING_QRNG) + CARD_RING_VECTOR, 3);
	host_write(h, B, CARD_IRQ_VECTOR, 1);
	host_write(h, B, CARD_IRQ_MASK, CARD_IRQ_FAULT);
	host_write(h, B, CARD_RING(CARD_RING_QRNG) + CARD_RING_CTRL, CARD_RING_CTRL_RUN);
	host_write(h, B, CARD_CTRL, CARD_CTRL_ENABLE);
	post(h, B, CARD_RING_QRNG, 2);
	pass_ms(h, 30);
	CU_ASSERT_EQUAL(head(h, B, CARD_RING_QRNG), 2);
	CU_ASSERT_EQUAL(c.calls[3], 0); /* masked, but sticking */
	host_write(h, B, CARD_IRQ_MASK, CARD_IRQ_FAULT | CARD_IRQ_RING(CARD_RING_QRNG));
	CU_ASSERT_EQUAL(c.calls[3], 1);
	post(h, B, CARD_RING_QRNG, 3);
	pass_ms(h, 1);
	CU_ASSERT_EQUAL(c.calls[3], 1); /* not cleared: no further call */
	host_write(h, B, CARD_IRQ_CAUSE, CARD_IRQ_RING(CARD_RING_QRNG));
	post(h, B, CARD_RING_QRNG, 4);
	pass_ms(h, 1);
	CU_ASSERT_EQUAL(c.calls[3], 2);
	CU_ASSERT_EQUAL(c.calls[1], 0);
	host_write(h, B, CARD_IRQ_VECTOR, 4);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_ARG), CARD_IRQ_VECTOR);
	CU_ASSERT_EQUAL(c.calls[1], 1);
	host_close(h);
}

static uint64_t all_clicks(const struct host *h)
{
	uint64_t n = 0;

	for (unsigned int d = 0; d < 4; d++)
		n += reg64(h, B, CARD_RX_COUNT_LO(d));
	return n;
}

static void test_watchdog(void)
{
	struct host *h = fresh();
	uint64_t clicks;

	light_up(h);
	pass_ms(h, 300);
	CU_ASSERT_EQUAL(reg(h, A, CARD_STATUS), CARD_STATUS_READY | CARD_STATUS_ARMED);
	CU_ASSERT(all_clicks(h) > 200000);
	h->feed = false;
	/* A pause of the card's process counts as one turn. */
	h->now += 500 * NS_PER_MS;
	pass_ms(h, 70);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_CODE), 0);
	pass_ms(h, 40);
	for (int end = 0; end < 2; end++) {
		CU_ASSERT_EQUAL(reg(h, end, CARD_FAULT_CODE), CARD_FAULT_WATCHDOG);
		CU_ASSERT_EQUAL(reg(h, end, CARD_STATUS),
		                CARD_STATUS_FAULT | CARD_STATUS_NEEDS_RESET);
		CU_ASSERT_EQUAL(reg(h, end, CARD_IRQ_CAUSE), CARD_IRQ_FAULT | CARD_IRQ_WATCHDOG);
	}
	clicks = all_clicks(h);
	pass_ms(h, 10);
	CU_ASSERT_EQUAL(all_clicks(h), clicks);
	host_close(h);
}

static void test_safe_off_darkens_one_end(void)
{
	struct host *h = fresh();
	uint64_t clicks;

	light_up(h);
	pass_ms(h, 10);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_SAFE_OFF | CARD_CTRL_ARM);
	CU_ASSERT_EQUAL(reg(h, A, CARD_STATUS), CARD_STATUS_READY);
	CU_ASSERT_EQUAL(reg(h, A, CARD_CTRL), CARD_CTRL_ENABLE);
	pass_ms(h, 1);
	clicks = all_clicks(h);
	pass_ms(h, 50);
	/* Dark counts: four detectors at 10^-6 a slot make 200, and their afterpulses. */
	CU_ASSERT(all_clicks(h) - clicks > 100 && all_clicks(h) - clicks < 320);
	host_write(h, B, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_SAFE_OFF);
	clicks = all_clicks(h);
	pass_ms(h, 10);
	CU_ASSERT_EQUAL(all_clicks(h), clicks);
	host_close(h);
}

static void test_settings_are_taken_over_whole(void)
{
	static const struct {
		uint32_t offset, bad;
	} wrong[] = {{CARD_TX_MODE, 3},
	             {CARD_TX_MU1, 16 * 65536 + 1},
	             {CARD_TX_MU2, 16 * 65536 + 1},
	             {CARD_TX_P_MU1, 65537},
	             {CARD_TX_P_Z, 65537}};
	struct host *h = fresh();
	uint64_t from;

	light_up(h);
	from = reg64(h, A, CARD_TX_FROM_LO);
	CU_ASSERT(from > reg64(h, A, CARD_TIME_SLOT_LO));
	turn(h);
	CU_ASSERT(from < reg64(h, A, CARD_TIME_SLOT_LO));
	CU_ASSERT_EQUAL(h->link.alice.active.p_mu1, 19661);
	host_write(h, A, CARD_TX_P_MU1, 65536);
	CU_ASSERT_EQUAL(reg(h, A, CARD_TX_P_MU1), 65536);
	CU_ASSERT_EQUAL(h->link.alice.active.p_mu1, 19661);
	CU_ASSERT_EQUAL(reg64(h, A, CARD_TX_FROM_LO), from);
	host_write(h, A, CARD_TX_APPLY, 0);
	CU_ASSERT_EQUAL(h->link.alice.active.p_mu1, 19661);
	host_write(h, A, CARD_TX_APPLY, 1);
	CU_ASSERT_EQUAL(h->link.alice.active.p_mu1, 65536);
	CU_ASSERT(reg64(h, A, CARD_TX_FROM_LO) > from);
	for (unsigned int i = 0; i < 5; i++) {
		host_write(h, A, CARD_CTRL, CARD_CTRL_RESET);
		host_write(h, A, wrong[i].offset, wrong[i].bad);
		CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_CODE), 0);
		host_write(h, A, CARD_TX_APPLY, 1);
		CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_CODE), CARD_FAULT_CONFIG);
		CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), wrong[i].offset);
		CU_ASSERT_EQUAL(h->link.alice.active.mode, CARD_TX_MODE_DARK);
	}
	host_write(h, B, CARD_RX_GATE_WIDTH, 257);
	host_write(h, B, CARD_RX_APPLY, 1);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_ARG), CARD_RX_GATE_WIDTH);
	host_close(h);
}

static void test_function_reset_while_armed(void)
{
	struct host *h = fresh();
	uint64_t slot;

	ring_run(h, B, CARD_RING_TAGS, 4);
	post(h, B, CARD_RING_TAGS, 16);
	light_up(h);
	pass_ms(h, 20);
	CU_ASSERT(head(h, B, CARD_RING_TAGS) > 0);
	slot = reg64(h, B, CARD_TIME_SLOT_LO);
	host_write(h, B, CARD_CTRL, CARD_CTRL_RESET | CARD_CTRL_ARM);
	CU_ASSERT_EQUAL(reg(h, B, CARD_STATUS), CARD_STATUS_READY);
	CU_ASSERT_EQUAL(reg(h, B, CARD_CTRL), 0);
	CU_ASSERT_EQUAL(all_clicks(h), 0);
	CU_ASSERT_EQUAL(head(h, B, CARD_RING_TAGS), 0);
	CU_ASSERT_EQUAL(reg(h, B, CARD_RING(CARD_RING_TAGS) + CARD_RING_STATE), CARD_RING_IDLE);
	CU_ASSERT_EQUAL(reg(h, B, CARD_RING(CARD_RING_TAGS) + CARD_RING_BASE_LO), 0);
	CU_ASSERT_NOT_EQUAL(reg64(h, B, CARD_TIME_SLOT_LO) >> 24, slot >> 24);
	/* Alice went on. */
	CU_ASSERT_EQUAL(reg(h, A, CARD_STATUS), CARD_STATUS_READY | CARD_STATUS_ARMED);
	host_close(h);
}

static void test_telemetry(void)
{
	struct host *h = fresh();

	ring_run(h, B, CARD_RING_TELEMETRY, 2);
	post(h, B, CARD_RING_TELEMETRY, 4);
	light_up(h);
	pass_ms(h, 350);
	CU_ASSERT(head(h, B, CARD_RING_TELEMETRY) >= 3);
	for (uint32_t i = 0; i < 3; i++) {
		const uint32_t *words = buffer(h, B, CARD_RING_TELEMETRY, i);
		const struct card_telemetry *t = (const void *)words;
		uint32_t sum = 0;

		CU_ASSERT_EQUAL(desc(h, B, CARD_RING_TELEMETRY, i)->used, sizeof(*t));
		for (unsigned int k = 0; k < 15; k++)
			sum += words[k];
		CU_ASSERT_EQUAL(sum, t->check);
		CU_ASSERT(t->temperature_mc > 25000 && t->temperature_mc < 45000);
		CU_ASSERT_EQUAL(t->slot, desc(h, B, CARD_RING_TELEMETRY, i)->first_slot);
	}
	/* 8.6e5 avalanches a second of 1.6 pC. */
	CU_ASSERT(reg(h, B, CARD_RX_PHOTOCURRENT) > 1200);
	CU_ASSERT(reg(h, B, CARD_RX_PHOTOCURRENT) < 1600);
	host_close(h);
}

static void test_qrng_stream(void)
{
	struct host *h = fresh();
	unsigned int ones = 0;
	const uint64_t *words;

	host_write(h, A, CARD_CTRL, CARD_CTRL_RESET);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_STATE), CARD_QRNG_STARTUP);
	ring_run(h, A, CARD_RING_QRNG, 1);
	post(h, A, CARD_RING_QRNG, 2);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE);
	pass_ms(h, 30);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_STATE), CARD_QRNG_OK);
	CU_ASSERT_EQUAL(head(h, A, CARD_RING_QRNG), 2);
	CU_ASSERT_EQUAL(desc(h, A, CARD_RING_QRNG, 1)->used, BUFFER);
	words = buffer(h, A, CARD_RING_QRNG, 0);
	for (unsigned int i = 0; i < 2 * BUFFER / 8; i++)
		ones += (unsigned int)__builtin_popcountll(words[i]);
	/* 65,536 fair bits: sigma 128. */
	CU_ASSERT(ones > 32768 - 1024 && ones < 32768 + 1024);
	host_close(h);
}

UNIT_MAIN(UNIT(test_defaults), UNIT(test_time_runs_from_anywhere),
          UNIT(test_read_only_and_write_one_to_clear), UNIT(test_arm_needs_enable_and_watchdog),
          UNIT(test_self_test_and_interlock), UNIT(test_calls_its_host), UNIT(test_watchdog),
          UNIT(test_safe_off_darkens_one_end), UNIT(test_settings_are_taken_over_whole),
          UNIT(test_function_reset_while_armed), UNIT(test_telemetry), UNIT(test_qrng_stream))
