/* SPDX-License-Identifier: BSD-3-Clause */

/* The card's control loops, through the driver, on the model's cards. */

#include "drivers/card_steer.h"

#include <errno.h>
#include <math.h>

#include "common/secret.h"
#include "tests/unit/drivers/model_transport.h"

#define VOA  CARD_ANALOG(CARD_ANALOG_VOA)
#define COLD CARD_ANALOG(CARD_ANALOG_DETECTOR_MC)

static struct card_config config;
static struct err err;

static int open_card(int which, struct card **card)
{
	config.transport = "model";
	config.path = "card";
	config.role = which == A ? CARD_IS_ALICE : CARD_IS_BOB;
	config.mu1 = 0.3;
	config.mu2 = 0.1;
	config.p_mu1 = 0.3;
	config.p_z = 0.8;
	config.watchdog_ms = 60000;
	config.holdoff_ns = 1000;
	if (secret_size() == 0) {
		CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
		CU_ASSERT_EQUAL_FATAL(transport_add(&over_model), 0);
	}
	end = which;
	h = host_open(&optics_link_default, 11);
	return card_open(&config, card, &err);
}

static struct card_status status_of(const struct card *card)
{
	struct card_status s;

	card_status_read(card, &s);
	return s;
}

static void pass(struct card *card, unsigned int ms)
{
	struct card_monitor record;

	/* The card's time goes on in reads, too. */
	for (uint64_t until = h->now + ms * NS_PER_MS; h->now < until;) {
		for (int i = 0; i < 8; i++)
			turn(h);
		CU_ASSERT(card_poll(card, h->now) >= 0);
		while (card_monitor_next(card, &record))
			;
	}
}

static void close_card(struct card *card)
{
	card_close(card);
	host_close(h);
}

static struct card *lit_transmitter(void)
{
	struct card *card = NULL;
	uint64_t from;

	CU_ASSERT_EQUAL_FATAL(open_card(A, &card), 0);
	CU_ASSERT_EQUAL_FATAL(card_arm(card, &err), 0);
	CU_ASSERT_EQUAL(card_tx_mode(card, CARD_TX_QKD, &from), 0);
	return card;
}

/* Mean photons that leave, over what is configured. */
static double photons(void)
{
	return (1 + h->link.clicks.drift.intensity) * h->link.clicks.transmitter.gain;
}

static void test_holds_the_mean_photon_number(void)
{
	struct card *card = lit_transmitter();
	struct card_status s = status_of(card);

	CU_ASSERT_EQUAL(s.analog_present, 0xf);
	CU_ASSERT_EQUAL(s.analog_min[CARD_ANALOG_VOA], 40000);
	CU_ASSERT_EQUAL(s.analog_max[CARD_ANALOG_VOA], 60000);
	CU_ASSERT(s.target_fw > 20502 && s.target_fw < 20506);
	CU_ASSERT_EQUAL(s.loop_state[CARD_LOOP_ATTENUATOR], STEER_SETTLING);
	CU_ASSERT_EQUAL(s.loop_state[CARD_LOOP_DETECTORS], STEER_OFF);
	/* The laser has lost 8 % since it was calibrated. */
	h->link.clicks.drift.intensity = -0.08;
	pass(card, 5500);
	s = status_of(card);
	CU_ASSERT_EQUAL(s.loop_state[CARD_LOOP_ATTENUATOR], STEER_HELD);
	CU_ASSERT(fabs(photons() - 1) < 0.005);
	CU_ASSERT(fabs(s.loop_set[CARD_LOOP_ATTENUATOR] - (50000 + 1e4 * log10(0.92))) < 25);
	CU_ASSERT_EQUAL(s.analog_set[CARD_ANALOG_VOA], s.loop_set[CARD_LOOP_ATTENUATOR]);
	CU_ASSERT(s.loop_moves[CARD_LOOP_ATTENUATOR] > 10);
	CU_ASSERT(fabs((double)s.output_fw / s.target_fw - 1) < 0.02);
	/* And drifts on, 3 % in a minute. */
	for (int i = 0; i < 8; i++) {
		h->link.clicks.drift.intensity += 0.0015;
		pass(card, 300);
		CU_ASSERT(fabs(photons() - 1) < 0.015);
	}
	CU_ASSERT_EQUAL(status_of(card).loop_refused[CARD_LOOP_ATTENUATOR], 0);
	close_card(card);
}

static void test_does_not_hide_damage(void)
{
	struct card *card = lit_transmitter();
	struct attack a;
	int32_t before;

	pass(card, 1500);
	CU_ASSERT_EQUAL(status_of(card).loop_state[CARD_LOOP_ATTENUATOR], STEER_HELD);
	before = (int32_t)reg(h, A, VOA + CARD_ANALOG_SET);
	CU_ASSERT_EQUAL_FATAL(attack_parse("laser-damage 0.6", &a, &err), 0);
	sim_link_attack(&h->link, &a);
	pass(card, 1500);
	CU_ASSERT_EQUAL(status_of(card).loop_state[CARD_LOOP_ATTENUATOR], STEER_REFUSED);
	/* The record in which it came may have had half of it. */
	CU_ASSERT(abs((int32_t)reg(h, A, VOA + CARD_ANALOG_SET) - before) < 25);
	CU_ASSERT(status_of(card).loop_refused[CARD_LOOP_ATTENUATOR] >= 10);
	close_card(card);
}

static void test_temperature_of_the_detectors(void)
{
	struct card *card = NULL;
	struct card_status s;

	config.detectors_set = true;
	config.detectors_mc = -61000;
	CU_ASSERT_EQUAL(open_card(B, &card), -ERANGE);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "detectors' temperature: -61000 is outside"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "-60000 to -20000"));
	host_close(h);
	config.detectors_mc = -50000;
	CU_ASSERT_EQUAL_FATAL(open_card(B, &card), 0);
	pass(card, 1500);
	s = status_of(card);
	CU_ASSERT_EQUAL(s.loop_state[CARD_LOOP_DETECTORS], STEER_SETTLING);
	CU_ASSERT_EQUAL(s.loop_set[CARD_LOOP_DETECTORS], -50000);
	CU_ASSERT(s.analog_actual[CARD_ANALOG_DETECTOR_MC] < -41500);
	/* 15 s later, and a second. */
	h->link.bob.card.analog.actual[CARD_ANALOG_DETECTOR_MC] = -49750;
	pass(card, 1400);
	s = status_of(card);
	CU_ASSERT_EQUAL(s.loop_state[CARD_LOOP_DETECTORS], STEER_HELD);
	CU_ASSERT(abs(s.analog_actual[CARD_ANALOG_DETECTOR_MC] + 50000) < 300);
	/* 10 K colder: half of the dark counts. */
	CU_ASSERT(fabs(h->link.clicks.receiver.dark - 0.5) < 0.02);
	config.detectors_set = false;
	close_card(card);
	CU_ASSERT_EQUAL_FATAL(open_card(B, &card), 0);
	CU_ASSERT_EQUAL(reg(h, B, COLD + CARD_ANALOG_SET), (uint32_t)-40000);
	pass(card, 1500);
	CU_ASSERT_EQUAL(status_of(card).loop_state[CARD_LOOP_DETECTORS], STEER_HELD);
	close_card(card);
}

static void test_gates(void)
{
	struct card *card = NULL;

	CU_ASSERT_EQUAL_FATAL(open_card(B, &card), 0);
	CU_ASSERT_EQUAL(card_gate(card, 256, 64), -EINVAL);
	CU_ASSERT_EQUAL(card_gate(card, 0, 257), -EINVAL);
	CU_ASSERT_EQUAL(card_gate(card, 40, 100), 0);
	CU_ASSERT_EQUAL(card_gate(card, 41, 100), 0);
	/* The card has heard of neither yet, and no more fit. */
	CU_ASSERT_EQUAL(card_gate(card, 42, 100), -EBUSY);
	pass(card, 40);
	CU_ASSERT_EQUAL(h->link.bob.active.gate_start, 41);
	CU_ASSERT_EQUAL(h->link.bob.active.gate_width, 100);
	/* The receiver's states were set by the same APPLY, and stay. */
	CU_ASSERT_EQUAL(h->link.bob.active.state_log2, 18);
	close_card(card);
	CU_ASSERT_EQUAL_FATAL(open_card(A, &card), 0);
	CU_ASSERT_EQUAL(card_gate(card, 40, 100), -EINVAL);
	close_card(card);
}

UNIT_MAIN(UNIT(test_holds_the_mean_photon_number), UNIT(test_does_not_hide_damage),
          UNIT(test_temperature_of_the_detectors), UNIT(test_gates))
