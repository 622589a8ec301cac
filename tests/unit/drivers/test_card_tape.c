/* SPDX-License-Identifier: BSD-3-Clause */

/* Recordings of a card with tests of its own: lanes, restarts; and what its tests find. */

#include "drivers/card.h"
#include "drivers/qrng.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <errno.h>

#include "common/clock.h"
#include "common/secret.h"
#include "tests/unit/drivers/fake_card.h"

#define BUFFER 4096

static uint64_t now = 1000 * NS_PER_S;
static struct err err;
static struct qrng *qrng;

static struct card *open_card(uint32_t features)
{
	struct card_config c = {.transport = "fake",
	                        .path = "card0",
	                        .role = CARD_IS_BOB,
	                        .holdoff_ns = 1000,
	                        .watchdog_ms = 300};
	struct card *card = NULL;

	CU_ASSERT_EQUAL_FATAL(qrng_create(0.5, 60, &qrng, &err), 0);
	c.qrng = qrng;
	fake_new(CARD_ROLE_BOB);
	*fake_reg(CARD_FEATURES_LO) |= features;
	CU_ASSERT_EQUAL_FATAL(card_open(&c, &card, &err), 0);
	return card;
}

static void close_card(struct card *card)
{
	card_close(card);
	qrng_destroy(qrng);
}

static struct qrng_status status(void)
{
	struct qrng_status s;

	qrng_status_read(qrng, &s);
	return s;
}

static void turn(struct card *card)
{
	card_poll(card, now += NS_PER_MS);
}

/* Byte i of lane i mod 4 says so in its low bits. */
static void give(struct card *card, uint32_t n)
{
	uint8_t block[BUFFER];

	for (uint32_t i = 0; i < n; i++)
		block[i] = (uint8_t)(dice(64) << 2 | i % 4);
	CU_ASSERT(fake_put(CARD_RING_QRNG, block, n, 0));
	turn(card);
}

static void test_settings(void)
{
	struct card *card = open_card(CARD_FEATURE_QRNG_TESTS);

	CU_ASSERT_EQUAL(*fake_reg(CARD_FEATURES_USED_LO) & CARD_FEATURE_QRNG_TESTS,
	                CARD_FEATURE_QRNG_TESTS);
	CU_ASSERT_EQUAL(status().lanes, 4);
	CU_ASSERT_EQUAL(*fake_reg(CARD_QRNG_CLAIM), 32768);
	CU_ASSERT_EQUAL(*fake_reg(CARD_QRNG_RCT_CUTOFF), 121);
	CU_ASSERT_EQUAL(*fake_reg(CARD_QRNG_APT_CUTOFF), status().limits.apt);
	close_card(card);
	card = open_card(0);
	CU_ASSERT_EQUAL(status().lanes, 1);
	CU_ASSERT_EQUAL(*fake_reg(CARD_QRNG_RCT_CUTOFF), 0);
	close_card(card);
}

/* What the card finds is called what it is, with its lane, and latched. */
static void test_card_fails(void)
{
	static const struct {
		uint32_t kind;
		enum qrng_fault fault;
		const char *text;
	} kinds[] = {
	        {CARD_QRNG_KIND_RCT, QRNG_FAULT_STUCK, "the card's own repetition count failed"},
	        {CARD_QRNG_KIND_APT | CARD_QRNG_KIND_STARTUP, QRNG_FAULT_BIASED,
	         "the card's own adaptive proportion failed in start-up"},
	        {CARD_QRNG_KIND_HARD, QRNG_FAULT_CARD, "the card's own check of its source failed"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct card *card = open_card(CARD_FEATURE_QRNG_TESTS);

		turn(card);
		*fake_reg(CARD_QRNG_STATE) = CARD_QRNG_FAIL;
		*fake_reg(CARD_QRNG_FAIL_KIND) = kinds[i].kind | 2 << 8;
		turn(card);
		CU_ASSERT_EQUAL(qrng_state(qrng), QRNG_FAILED);
		CU_ASSERT_EQUAL(status().fault, kinds[i].fault);
		CU_ASSERT_EQUAL(status().fault_lane, 2);
		CU_ASSERT_STRING_EQUAL(status().fault_text, kinds[i].text);
		close_card(card);
	}
}

/* An operator's wish reaches the card, whose FAIL gives no byte; what it says then counts anew. */
static void test_rearm(void)
{
	struct card *card = open_card(CARD_FEATURE_QRNG_TESTS);

	turn(card);
	*fake_reg(CARD_QRNG_STATE) = CARD_QRNG_FAIL;
	turn(card);
	CU_ASSERT_EQUAL(status().failures, 1);
	/* He may take his time: the silence of a failed source is none of the tests that come. */
	for (unsigned int i = 0; i < 3000; i++)
		turn(card);
	qrng_restart(qrng);
	turn(card);
	CU_ASSERT_EQUAL(*fake_reg(CARD_QRNG_RESTART), 1);
	CU_ASSERT_EQUAL(qrng_state(qrng), QRNG_STARTUP);
	turn(card);
	CU_ASSERT_EQUAL(qrng_state(qrng), QRNG_STARTUP);
	turn(card); /* the FAIL from before */
	CU_ASSERT_EQUAL(qrng_state(qrng), QRNG_STARTUP);
	*fake_reg(CARD_QRNG_STATE) = CARD_QRNG_STARTUP;
	turn(card);
	*fake_reg(CARD_QRNG_STATE) = CARD_QRNG_FAIL;
	turn(card);
	CU_ASSERT_EQUAL(status().failures, 2);
	qrng_restart(qrng);
	turn(card);
	/* A start-up that went by unseen: the FAIL that stays is one. */
	for (unsigned int i = 0; i < 110; i++)
		turn(card);
	CU_ASSERT_EQUAL(status().failures, 3);
	close_card(card);

	/* One that does not come to an end gives no bytes, and that is told. */
	card = open_card(CARD_FEATURE_QRNG_TESTS);
	*fake_reg(CARD_QRNG_STATE) = CARD_QRNG_STARTUP;
	for (unsigned int i = 0; i < 1990; i++)
		turn(card);
	CU_ASSERT_EQUAL(qrng_state(qrng), QRNG_STARTUP);
	for (unsigned int i = 0; i < 20; i++)
		turn(card);
	CU_ASSERT_EQUAL(status().fault, QRNG_FAULT_SILENT);
	CU_ASSERT_STRING_EQUAL(status().fault_text, "no end of the card's start-up");
	close_card(card);
}

static void test_lane(void)
{
	struct card *card = open_card(CARD_FEATURE_QRNG_TESTS);
	uint8_t taped[1500];
	struct card_tape tape = {taped, sizeof(taped), true, 2, 0};
	unsigned int other = 0;

	turn(card);
	CU_ASSERT_EQUAL(card_random_tape(card, &tape), 0);
	/* Each buffer begins with lane 0. */
	give(card, 4001);
	CU_ASSERT_EQUAL(card_random_taped(card), 1000);
	give(card, 4000);
	CU_ASSERT_EQUAL(card_random_taped(card), 1500);
	for (size_t i = 0; i < sizeof(taped); i++)
		other += (taped[i] & 3) != 2;
	CU_ASSERT_EQUAL(other, 0);
	tape.lane = 4;
	CU_ASSERT_EQUAL(card_random_tape(card, &tape), -ENODEV);
	close_card(card);
}

static void start_up(struct card *card)
{
	*fake_reg(CARD_QRNG_RESTART) = 0;
	*fake_reg(CARD_QRNG_STATE) = CARD_QRNG_STARTUP;
	turn(card);
	turn(card);
	*fake_reg(CARD_QRNG_STATE) = CARD_QRNG_OK; /* the first buffer may be there with it */
}

/* Rows of 100 bytes, each from the first byte behind a start-up. */
static void test_restarts(void)
{
	struct card *card = open_card(CARD_FEATURE_QRNG_TESTS);
	uint8_t taped[300], row[3][BUFFER];
	struct card_tape tape = {taped, sizeof(taped), true, -1, 3};

	turn(card);
	CU_ASSERT_EQUAL(card_random_tape(card, &tape), 0);
	for (unsigned int i = 0; i < 3; i++) {
		give(card, BUFFER); /* before the restart: nobody's */
		CU_ASSERT_EQUAL(*fake_reg(CARD_QRNG_RESTART), 1);
		CU_ASSERT_EQUAL(card_random_taped(card), 100 * i);
		give(card, BUFFER);
		CU_ASSERT_EQUAL(card_random_taped(card), 100 * i);
		start_up(card);
		for (size_t k = 0; k < BUFFER; k++)
			row[i][k] = (uint8_t)dice(256);
		fake_put(CARD_RING_QRNG, row[i], BUFFER, 0);
		turn(card);
		CU_ASSERT_EQUAL(card_random_taped(card), 100 * i + 100);
		CU_ASSERT_EQUAL(memcmp(taped + 100 * i, row[i], 100), 0);
	}
	give(card, BUFFER);
	CU_ASSERT_EQUAL(*fake_reg(CARD_QRNG_RESTART), 0); /* enough */

	/* A start-up that went by unseen is asked for again; one that fails ends it. */
	CU_ASSERT_EQUAL(card_random_tape(card, &tape), 0);
	turn(card);
	*fake_reg(CARD_QRNG_RESTART) = 0;
	for (unsigned int i = 0; i < 110; i++)
		turn(card);
	CU_ASSERT_EQUAL(*fake_reg(CARD_QRNG_RESTART), 1);
	*fake_reg(CARD_QRNG_STATE) = CARD_QRNG_FAIL;
	for (unsigned int i = 0; i < 110; i++)
		turn(card);
	CU_ASSERT_EQUAL(card_random_taped(card), -EIO);
	CU_ASSERT_EQUAL(qrng_state(qrng), QRNG_FAILED);
	close_card(card);

	card = open_card(0);
	CU_ASSERT_EQUAL(card_random_tape(card, &tape), -ENOTSUP);
	close_card(card);
}

UNIT_MAIN(UNIT(test_setup), UNIT(test_settings), UNIT(test_card_fails), UNIT(test_rearm),
          UNIT(test_lane), UNIT(test_restarts), UNIT(test_leaves_no_secrets))
