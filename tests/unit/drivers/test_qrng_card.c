/* SPDX-License-Identifier: BSD-3-Clause */

/* The card's own tests of its random source, and restarts of it. */

#include "drivers/model/qrng_card.h"

#include "tests/unit/drivers/model_host.h"

static void attack(struct host *h, const char *text)
{
	struct attack a;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(attack_parse(text, &a, &err), 0);
	CU_ASSERT_EQUAL(sim_link_attack(&h->link, &a), 0);
}

/* A host that takes the raw stream, with QRNG_TESTS accepted. */
static struct host *open_raw(uint64_t seed)
{
	struct host *h = host_open(&optics_link_default, seed);

	host_write(h, A, CARD_CTRL, CARD_CTRL_RESET);
	host_write(h, A, CARD_FEATURES_USED_LO, CARD_FEATURES_1_0 | CARD_FEATURE_QRNG_TESTS);
	host_write(h, A, CARD_QRNG_CTRL, 0);
	host_write(h, A, CARD_WATCHDOG, 60000);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE);
	ring_run(h, A, CARD_RING_QRNG, 3);
	return h;
}

static void well(const struct host *h)
{
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_STATE), CARD_QRNG_OK);
	CU_ASSERT_EQUAL(reg(h, A, CARD_STATUS) & CARD_STATUS_FAULT, 0);
}

static void test_reads(void)
{
	struct host *h = open_raw(1);

	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_STATE), CARD_QRNG_STARTUP);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_LANES), QRNG_CARD_LANES);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_CLAIM), 32768);
	pass_ms(h, 30);
	well(h);
	/* It is tested while nobody takes it, and the rate is of what is drawn. */
	pass_ms(h, 2100);
	CU_ASSERT(reg(h, A, CARD_QRNG_KBIT_S) > 3500 && reg(h, A, CARD_QRNG_KBIT_S) < 4500);
	attack(h, "qrng-stuck 1 0");
	pass_ms(h, 2);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_STATE), CARD_QRNG_FAIL);
	host_close(h);
}

/* One lane is enough; it is told, no byte comes, and a restart that passes ends it. */
static void test_one_lane(void)
{
	struct host *h = open_raw(2);
	uint32_t done;

	pass_ms(h, 30);
	post(h, A, CARD_RING_QRNG, 4);
	pass_ms(h, 5);
	CU_ASSERT_EQUAL(head(h, A, CARD_RING_QRNG), 4);
	attack(h, "qrng-stuck 1 1 3");
	post(h, A, CARD_RING_QRNG, 8);
	pass_ms(h, 5);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_STATE), CARD_QRNG_FAIL);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_FAILS), 1);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_FAIL_KIND), CARD_QRNG_KIND_RCT | 3 << 8);
	done = head(h, A, CARD_RING_QRNG);
	CU_ASSERT_EQUAL(done, 4);
	/* Dark it is no fault, and so it can be restarted. */
	CU_ASSERT_EQUAL(reg(h, A, CARD_STATUS) & CARD_STATUS_FAULT, 0);
	host_write(h, A, CARD_QRNG_RESTART, 1);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_STATE), CARD_QRNG_STARTUP);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_FAIL_KIND), 0);
	pass_ms(h, 30);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_FAIL_KIND),
	                CARD_QRNG_KIND_RCT | CARD_QRNG_KIND_STARTUP | 3 << 8);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_FAILS), 2);
	attack(h, "none");
	pass_ms(h, 30);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_STATE), CARD_QRNG_FAIL);
	host_write(h, A, CARD_QRNG_RESTART, 1);
	pass_ms(h, 30);
	well(h);
	CU_ASSERT(head(h, A, CARD_RING_QRNG) > done);
	host_close(h);
}

static void test_bias_and_cutoffs(void)
{
	struct host *h = open_raw(3);

	pass_ms(h, 30);
	/* Within the claim of 0.5: 0.6 of the samples; at a cut-off of 560 it fails. */
	attack(h, "qrng-biased 1 0.6");
	pass_ms(h, 30);
	well(h);
	host_write(h, A, CARD_QRNG_APT_CUTOFF, 560);
	pass_ms(h, 30);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_STATE), CARD_QRNG_FAIL);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_FAIL_KIND) & 0xff, CARD_QRNG_KIND_APT);
	/* The claim sets the cut-offs that are not given: 688 at a whole bit. */
	attack(h, "qrng-biased 1 0.75");
	host_write(h, A, CARD_QRNG_APT_CUTOFF, 0);
	host_write(h, A, CARD_QRNG_RESTART, 1);
	pass_ms(h, 30);
	well(h);
	host_write(h, A, CARD_QRNG_CLAIM, 65536);
	pass_ms(h, 30);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_STATE), CARD_QRNG_FAIL);
	host_close(h);
}

static void test_cannot_be(void)
{
	static const struct {
		uint32_t offset, value;
	} bad[] = {{CARD_QRNG_CLAIM, 0},
	           {CARD_QRNG_CLAIM, 65537},
	           {CARD_QRNG_RCT_CUTOFF, 1},
	           {CARD_QRNG_APT_CUTOFF, 1},
	           {CARD_QRNG_APT_CUTOFF, 1025}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct host *h = open_raw(4);

		host_write(h, A, bad[i].offset, bad[i].value);
		CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_CODE), CARD_FAULT_CONFIG);
		CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), bad[i].offset);
		host_close(h);
	}
}

/* Armed, it is dark at once; a restart then is refused. */
static void test_armed(void)
{
	struct host *h = open_raw(5);

	pass_ms(h, 30);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	CU_ASSERT(reg(h, A, CARD_STATUS) & CARD_STATUS_ARMED);
	attack(h, "qrng-biased 1 0.95 1");
	pass_ms(h, 2);
	CU_ASSERT_EQUAL(reg(h, A, CARD_STATUS) & CARD_STATUS_ARMED, 0);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_CODE), CARD_FAULT_QRNG);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), 1);
	host_close(h);

	h = open_raw(6);
	pass_ms(h, 30);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	host_write(h, A, CARD_QRNG_RESTART, 1);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_CODE), CARD_FAULT_CONFIG);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), CARD_QRNG_RESTART);
	host_close(h);
}

/* What was drawn before a restart is not in a buffer behind it; a generator begins anew. */
static void test_restart(void)
{
	struct host *h = open_raw(7);
	uint8_t first[BUFFER];

	attack(h, "qrng-periodic 1 1e9");
	pass_ms(h, 30);
	host_write(h, A, CARD_QRNG_RESTART, 1);
	post(h, A, CARD_RING_QRNG, 1);
	pass_ms(h, 30);
	CU_ASSERT_EQUAL_FATAL(desc(h, A, CARD_RING_QRNG, 0)->used, BUFFER);
	memcpy(first, buffer(h, A, CARD_RING_QRNG, 0), BUFFER);
	host_write(h, A, CARD_QRNG_RESTART, 1);
	post(h, A, CARD_RING_QRNG, 2);
	pass_ms(h, 30);
	CU_ASSERT_EQUAL_FATAL(desc(h, A, CARD_RING_QRNG, 1)->used, BUFFER);
	CU_ASSERT_EQUAL(memcmp(first, buffer(h, A, CARD_RING_QRNG, 1), BUFFER), 0);
	host_close(h);
}

/* What a host has not accepted does nothing. */
static void test_not_accepted(void)
{
	struct host *h = host_open(&optics_link_default, 8);

	host_write(h, A, CARD_QRNG_APT_CUTOFF, 2);
	host_write(h, A, CARD_QRNG_CLAIM, 0);
	host_write(h, A, CARD_QRNG_RESTART, 1);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_APT_CUTOFF), 2);
	pass_ms(h, 100);
	well(h);
	qrng_card_build(&h->link.alice.card, 4, QRNG_CARD_UNTESTED);
	pass_ms(h, 30);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FEATURES_LO) & CARD_FEATURE_QRNG_TESTS, 0);
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_LANES), 0);
	attack(h, "qrng-stuck 1 1");
	pass_ms(h, 30);
	well(h); /* its own tests have failed with it */
	host_close(h);
}

UNIT_MAIN(UNIT(test_reads), UNIT(test_one_lane), UNIT(test_bias_and_cutoffs), UNIT(test_cannot_be),
          UNIT(test_armed), UNIT(test_restart), UNIT(test_not_accepted))
