/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From noise to what may be released, with the model's card under the driver: whatever fault the
 * tests can see is latched before light of its time counts as tested, with the card's help and
 * without it. And what they cannot see, for the record.
 */

#include "drivers/card.h"
#include "drivers/qrng.h"
#include "tests/unit/drivers/model_transport.h"

#include <errno.h>

#include "common/secret.h"

/* A round of four lanes is 262,144 bytes: 64 ms at a buffer a millisecond. */
#define ROUND_MS 64

static struct card *card;
static struct qrng *qrng;

static void open_source(double claim, enum qrng_card_tests tests)
{
	struct card_config c = {.transport = "model",
	                        .path = "card",
	                        .role = CARD_IS_BOB,
	                        .holdoff_ns = 1000,
	                        .watchdog_ms = 1000};
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(qrng_create(claim, 60, &qrng, &err), 0);
	c.qrng = qrng;
	end = B;
	h = host_open(&optics_link_default, 7);
	qrng_card_build(&h->link.bob.card, QRNG_CARD_LANES, tests);
	CU_ASSERT_EQUAL_FATAL(card_open(&c, &card, &err), 0);
}

static void close_source(void)
{
	card_close(card);
	qrng_destroy(qrng);
	host_close(h);
}

static void attack(const char *text)
{
	struct attack a;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(attack_parse(text, &a, &err), 0);
	CU_ASSERT_EQUAL(sim_link_attack(&h->link, &a), 0);
}

/* Until a fault, or until what was drawn after AFTER has passed, at most MS. */
static bool passes(uint64_t after, unsigned int ms)
{
	for (uint64_t until = h->now + ms * NS_PER_MS; h->now < until;) {
		CU_ASSERT_FATAL(card_poll(card, h->now) >= 0);
		if (qrng_state(qrng) == QRNG_FAILED)
			return false;
		if (qrng_tested_until(qrng) > after)
			return true;
		turn(h);
	}
	CU_FAIL("neither passed nor failed");
	return true;
}

/* FAULT begins in a stream that runs well: the fault latched, QRNG_FAULT_NONE: it passed. */
static enum qrng_fault seen(double claim, enum qrng_card_tests tests, const char *fault)
{
	enum qrng_fault found = QRNG_FAULT_NONE;
	struct qrng_status s;
	uint64_t from;

	open_source(claim, tests);
	CU_ASSERT_TRUE(passes(0, 1000));
	attack(fault);
	from = h->now;
	if (!passes(from, 8 * ROUND_MS)) {
		qrng_status_read(qrng, &s);
		found = s.fault;
		/* Nothing of its time was released, and nothing is now. */
		CU_ASSERT_EQUAL(qrng_tested_until(qrng), 0);
		CU_ASSERT_EQUAL(card_random(card, &s, 1), -EIO);
	}
	close_source();
	return found;
}

static const struct row {
	double claim;
	const char *attack;
	enum qrng_fault fault, other;
} found[] = {
        {0.5, "qrng-stuck 2 0", QRNG_FAULT_STUCK},
        {0.5, "qrng-stuck 2 1", QRNG_FAULT_STUCK},
        {0.5, "qrng-stuck 2 1 3", QRNG_FAULT_STUCK},
        {0.9, "qrng-stuck 2 0 0", QRNG_FAULT_STUCK},
        {0.5, "qrng-biased 2 0.99", QRNG_FAULT_STUCK, QRNG_FAULT_BIASED},
        {0.5, "qrng-biased 2 0.05 2", QRNG_FAULT_BIASED, QRNG_FAULT_STUCK},
        {0.5, "qrng-biased 2 0.9", QRNG_FAULT_BIASED},
        {0.5, "qrng-biased 2 0.8 1", QRNG_FAULT_BIASED},
        {0.5, "qrng-biased 2 0.75", QRNG_FAULT_BIASED},
        {0.5, "qrng-biased 2 0.72", QRNG_FAULT_BIASED},
        {0.5, "qrng-biased 2 0.28 3", QRNG_FAULT_BIASED},
        {0.9, "qrng-biased 2 0.6", QRNG_FAULT_BIASED},
        {0.9, "qrng-biased 2 0.55 0", QRNG_FAULT_BIASED},
        {0.5, "qrng-periodic 2 7", QRNG_FAULT_PERIODIC, QRNG_FAULT_BIASED},
        {0.5, "qrng-periodic 2 100", QRNG_FAULT_PERIODIC},
        {0.5, "qrng-periodic 2 5001 1", QRNG_FAULT_PERIODIC},
        {0.9, "qrng-periodic 2 40000", QRNG_FAULT_PERIODIC},
        {0.5, "qrng-periodic 2 65000 2", QRNG_FAULT_PERIODIC},
};

static void all_found(enum qrng_card_tests tests)
{
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		const struct row *r = &found[i];
		enum qrng_fault fault = seen(r->claim, tests, r->attack);
		bool named = fault == r->fault || (r->other != 0 && fault == r->other);

		CU_ASSERT_NOT_EQUAL(fault, QRNG_FAULT_NONE);
		CU_ASSERT_TRUE(named);
		if (!named)
			printf("\n  %s is %s\n", r->attack, qrng_fault_name(fault));
	}
}

static void test_found_before_release(void)
{
	all_found(QRNG_CARD_BLIND);
}

static void test_with_the_cards_tests(void)
{
	all_found(QRNG_CARD_TESTS);
}

/*
 * A bias within the claim is none; between the claim and nine deviations of a long window it is
 * found by chance. Of periods, those above 2^16 bytes of a lane pass.
 */
static void test_not_seen(void)
{
	CU_ASSERT_EQUAL(seen(0.5, QRNG_CARD_TESTS, "qrng-biased 2 0.7"), QRNG_FAULT_NONE);
	CU_ASSERT_EQUAL(seen(0.9, QRNG_CARD_TESTS, "qrng-biased 2 0.53"), QRNG_FAULT_NONE);
	CU_ASSERT_EQUAL(seen(0.5, QRNG_CARD_TESTS, "qrng-periodic 2 140000"), QRNG_FAULT_NONE);
	/* The other card's source is not this one's. */
	CU_ASSERT_EQUAL(seen(0.5, QRNG_CARD_TESTS, "qrng-stuck 1 1"), QRNG_FAULT_NONE);
}

/* Rows begin with the first byte behind each start-up: a generator gives the same each time. */
static void test_rows_of_restarts(void)
{
	static uint8_t rows[10][1000];
	struct card_tape tape = {rows[0], sizeof(rows), true, -1, 10};

	open_source(0.5, QRNG_CARD_TESTS);
	CU_ASSERT_TRUE(passes(0, 1000));
	attack("qrng-periodic 2 1e9");
	CU_ASSERT_EQUAL(card_random_tape(card, &tape), 0);
	for (uint64_t until = h->now + NS_PER_S;
	     h->now < until && card_random_taped(card) < (ssize_t)sizeof(rows);) {
		card_poll(card, h->now);
		turn(h);
	}
	CU_ASSERT_EQUAL(card_random_taped(card), sizeof(rows));
	for (unsigned int i = 1; i < 10; i++)
		CU_ASSERT_EQUAL(memcmp(rows[i], rows[0], sizeof(rows[0])), 0);
	close_source();
}

static void test_setup(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
	CU_ASSERT_EQUAL_FATAL(transport_add(&over_model), 0);
}

static void test_leaves_no_secrets(void)
{
	CU_ASSERT_EQUAL(secret_used(), 0);
	secret_fini();
}

UNIT_MAIN(UNIT(test_setup), UNIT(test_found_before_release), UNIT(test_with_the_cards_tests),
          UNIT(test_not_seen), UNIT(test_rows_of_restarts), UNIT(test_leaves_no_secrets))
