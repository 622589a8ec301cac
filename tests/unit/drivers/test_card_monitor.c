/* SPDX-License-Identifier: BSD-3-Clause */

/* Records, limits and receiver's states of the model, as the driver handles them. */

#include <errno.h>
#include <math.h>

#include "common/secret.h"
#include "drivers/card.h"
#include "tests/unit/drivers/model_transport.h"

static const struct card_config alice = {.transport = "model",
                                         .path = "card",
                                         .role = CARD_IS_ALICE,
                                         .mu1 = 0.3,
                                         .mu2 = 0.1,
                                         .p_mu1 = 0.3,
                                         .p_z = 0.8,
                                         .watchdog_ms = 60000};

static struct card *open_card(int which)
{
	struct card_config c = alice;
	struct card *card = NULL;
	struct err err = {0};

	c.role = which == A ? CARD_IS_ALICE : CARD_IS_BOB;
	c.holdoff_ns = 1000;
	if (secret_size() == 0) {
		CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
		CU_ASSERT_EQUAL_FATAL(transport_add(&over_model), 0);
	}
	end = which;
	h = host_open(&optics_link_default, 7);
	CU_ASSERT_EQUAL_FATAL(card_open(&c, &card, &err), 0);
	return card;
}

static struct card_status status_of(const struct card *card)
{
	struct card_status s;

	card_status_read(card, &s);
	return s;
}

static void close_card(struct card *card)
{
	card_close(card);
	host_close(h);
}

static void attack(const char *text)
{
	struct attack a;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(attack_parse(text, &a, &err), 0);
	sim_link_attack(&h->link, &a);
}

/* Some time, or until the Nth record; how many came, and the last of them. */
static unsigned int pass_until(struct card *card, unsigned int ms, unsigned int until,
                               struct card_monitor *last)
{
	uint64_t to = h->now + ms * NS_PER_MS;
	unsigned int n = 0;

	while (h->now < to && n < until) {
		turn(h);
		card_poll(card, h->now);
		while (card_monitor_next(card, last))
			n++;
	}
	return n;
}

static unsigned int pass(struct card *card, unsigned int ms, struct card_monitor *last)
{
	return pass_until(card, ms, 100, last);
}

static void test_settings(void)
{
	struct card *card = open_card(A);
	/* 0.3 x 0.3 + 0.7 x 0.1 photons of 1.2815e-19 J a nanosecond. */
	double output = 0.16 * 1.2815e-19 / 1e-9 * 1e15;

	CU_ASSERT(status_of(card).monitor && status_of(card).protection);
	CU_ASSERT(fabs(card_output_fw(&alice, 1000000) / output - 1) < 1e-9);
	CU_ASSERT(fabs(reg(h, A, CARD_OUTPUT_MAX) / output - 2) < 0.001);
	CU_ASSERT(reg(h, A, CARD_BACK_REFLECTION_MAX) > 100 * 1000);
	CU_ASSERT_EQUAL(reg(h, A, CARD_TEMPERATURE_MAX), 85000);
	CU_ASSERT_EQUAL(reg(h, A, CARD_MONITOR_MS), 100);
	close_card(card);

	card = open_card(B);
	CU_ASSERT_EQUAL(reg(h, B, CARD_PHOTOCURRENT_MAX), 1000000);
	CU_ASSERT_EQUAL(reg(h, B, CARD_TEMPERATURE_MAX), 85000);
	/* 2^18 ns are 0.26 ms, the longest block below 0.4. */
	CU_ASSERT_EQUAL(reg(h, B, CARD_RX_STATE_LOG2), 18);
	CU_ASSERT_EQUAL(reg(h, B, CARD_RX_P_LOW), 512);
	CU_ASSERT_EQUAL(reg(h, B, CARD_RX_P_SHUT), 256);
	CU_ASSERT_EQUAL(reg(h, B, CARD_RX_P_EMIT), 64);
	CU_ASSERT_EQUAL(reg(h, B, CARD_RX_LOW_RATIO), 32768);
	CU_ASSERT_EQUAL(h->link.bob.active.state_log2, 18);
	close_card(card);
}

static void test_records_of_the_transmitter(void)
{
	struct card *card = open_card(A);
	struct card_monitor m;
	struct err err;
	uint64_t from, behind;

	CU_ASSERT_EQUAL_FATAL(card_arm(card, &err), 0);
	pass_until(card, 150, 1, &m);
	behind = m.slot + m.slots;
	CU_ASSERT(pass_until(card, 150, 1, &m) == 1 && m.of == CARD_IS_ALICE);
	CU_ASSERT(m.slot == behind && m.missing == 0 && fabs(m.tx.seconds - 0.1) < 0.01);
	CU_ASSERT(!m.tx.key_light && m.tx.output_fw[0] == 0 && m.tx.power_nw[0] > 1000);
	CU_ASSERT(m.tx.reflection_pw > 500 && m.tx.reflection_peak_pw >= m.tx.reflection_pw);
	/* Key light, once a record holds nothing else. */
	CU_ASSERT_EQUAL_FATAL(card_tx_mode(card, CARD_TX_QKD, &from), 0);
	pass(card, 110, &m);
	CU_ASSERT_FALSE(m.tx.key_light);
	pass(card, 100, &m);
	CU_ASSERT_TRUE(m.tx.key_light);
	CU_ASSERT(fabs(m.tx.output_fw[0] / card_output_fw(&alice, 1000000) - 1) < 0.1);
	CU_ASSERT_EQUAL_FATAL(card_tx_mode(card, CARD_TX_SYNC, &from), 0);
	pass(card, 250, &m);
	CU_ASSERT_FALSE(m.tx.key_light);
	CU_ASSERT_EQUAL(status_of(card).monitor_gaps, 0);
	close_card(card);
}

static void test_records_of_the_receiver(void)
{
	struct card *card = open_card(B);
	uint64_t low = 0, normal = 0, clicks = 0;
	struct card_monitor m;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(card_arm(card, &err), 0);
	pass(card, 100, &m);
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(pass_until(card, 200, 1, &m), 1);
		low += m.rx.live[CARD_STATE_LOW];
		normal += m.rx.live[CARD_STATE_NORMAL];
		clicks += card_rx_slots(&m.rx, CARD_STATE_NORMAL);
	}
	CU_ASSERT(m.of == CARD_IS_BOB && m.rx.current_na[0] >= 2);
	/* 7600 blocks, of which a 128th: 60 +- 8. */
	CU_ASSERT((double)low / (double)normal > 0.004 && (double)low / (double)normal < 0.012);
	CU_ASSERT(clicks > 1000);
	CU_ASSERT(m.rx.bright[0] == 0);
	close_card(card);
}

/* What does not add up is left out; what a full ring lost is told by the next. */
static void test_spoilt_and_missing(void)
{
	struct card *card = open_card(B);
	struct shm_ring *r = &h->link.bob.card.ring[CARD_RING_MONITOR];
	struct card_monitor m;
	unsigned int n;
	uint64_t errors;

	CU_ASSERT_EQUAL(pass_until(card, 350, 3, &m), 3);
	errors = status_of(card).sequence_errors;
	pass_ms(h, 105);
	r->data[40] ^= 1;
	CU_ASSERT_EQUAL(pass(card, 20, &m), 0);
	CU_ASSERT_EQUAL(status_of(card).sequence_errors, errors + 1);
	CU_ASSERT(pass_until(card, 150, 1, &m) == 1 && m.missing > 50000000);
	CU_ASSERT_EQUAL(status_of(card).monitor_gaps, 1);
	/* Sixteen, or fifteen, lie in the ring; the others are lost. */
	for (int i = 0; i < 20; i++)
		pass_ms(h, 100);
	n = pass(card, 1, &m);
	CU_ASSERT(n >= 15 && m.missing == 0);
	CU_ASSERT(pass_until(card, 150, 1, &m) == 1 && m.missing > 200000000);
	CU_ASSERT_EQUAL(status_of(card).monitor_gaps, 2);
	/* The same slots again: a record of the past. */
	errors = status_of(card).sequence_errors;
	h->link.bob.card.monitor.slot -= 1000000000;
	CU_ASSERT_EQUAL(pass_until(card, 250, 1, &m), 1);
	CU_ASSERT_EQUAL(status_of(card).sequence_errors, errors + 1);
	CU_ASSERT(m.missing > 50000000 && m.missing < 150000000);
	close_card(card);
}

/* A limit takes an armed card down, and says which. */
static void test_limits(void)
{
	static const struct {
		int end;
		const char *attack;
		uint32_t code, arg;
	} all[] = {{A, "trojan-horse 100 1", CARD_FAULT_BACK_REFLECTION, CARD_BACK_REFLECTION_MAX},
	           {A, "laser-damage 4", CARD_FAULT_OUTPUT_POWER, CARD_OUTPUT_MAX},
	           {B, "blinding 20 1.5", CARD_FAULT_PHOTOCURRENT, CARD_PHOTOCURRENT_MAX}};

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct card *card = open_card(all[i].end);
		struct card_monitor m;
		struct err err;
		uint64_t from;

		CU_ASSERT_EQUAL_FATAL(card_arm(card, &err), 0);
		if (all[i].end == A)
			CU_ASSERT_EQUAL_FATAL(card_tx_mode(card, CARD_TX_QKD, &from), 0);
		pass(card, 300, &m);
		CU_ASSERT(status_of(card).armed);
		attack(all[i].attack);
		pass(card, 50, &m);
		CU_ASSERT_EQUAL(status_of(card).fault_code, all[i].code);
		CU_ASSERT_EQUAL(status_of(card).fault_arg, all[i].arg);
		CU_ASSERT_EQUAL(card_poll(card, h->now), -EIO);
		CU_ASSERT_FALSE(card_monitor_next(card, &m));
		close_card(card);
	}
}

UNIT_MAIN(UNIT(test_settings), UNIT(test_records_of_the_transmitter),
          UNIT(test_records_of_the_receiver), UNIT(test_spoilt_and_missing), UNIT(test_limits))
