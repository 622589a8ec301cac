/* SPDX-License-Identifier: BSD-3-Clause */

/* What acquisitions cost the key: light among the gates, or gates that are shut. */

#include <errno.h>
#include <math.h>

#include "common/secret.h"
#include "drivers/card.h"
#include "tests/unit/drivers/model_transport.h"

static const struct card_otdr_settings settings = {.wavelength_pm = 1625000,
                                                   .pulse_ns = 500,
                                                   .range_m = 25000,
                                                   .averages = 600,
                                                   .sample_ps = 10000};

static struct card *open_card(int which, double light)
{
	struct card_config config = {.transport = "model",
	                             .path = "card",
	                             .role = which == A ? CARD_IS_ALICE : CARD_IS_BOB,
	                             .mu1 = 0.3,
	                             .mu2 = 0.1,
	                             .p_mu1 = 0.3,
	                             .p_z = 0.8,
	                             .holdoff_ns = 1000,
	                             .watchdog_ms = 60000};
	struct optics_link link = optics_link_default;
	struct card *card = NULL;
	struct err err = {0};

	if (secret_size() == 0) {
		CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
		CU_ASSERT_EQUAL_FATAL(transport_add(&over_model), 0);
	}
	link.otdr_light = light;
	end = which;
	h = host_open(&link, 21);
	host_write(h, !which, CARD_WATCHDOG, 60000);
	host_write(h, !which, CARD_CTRL, CARD_CTRL_ENABLE);
	host_write(h, !which, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	CU_ASSERT_EQUAL_FATAL(card_open(&config, &card, &err), 0);
	CU_ASSERT_EQUAL_FATAL(card_arm(card, &err), 0);
	set_tx(h, CARD_TX_MODE_QKD);
	return card;
}

/* Reading the card takes time as well: until so much has passed on the link. */
static void pass(struct card *card, unsigned int ms)
{
	uint64_t until = h->now + ms * NS_PER_MS;
	static struct card_click k[4096];

	while (h->now < until) {
		turn(h);
		CU_ASSERT(card_poll(card, h->now) >= 0);
		while (card_clicks(card, k, 4096) > 0)
			;
	}
}

struct seen {
	double clicks, qber;
	unsigned int ms; /* until the acquisition ended; 0: it did not */
};

/* MS of the link; with an acquisition that begins now, unless SET is NULL. */
static struct seen look(struct card *card, const struct card_otdr_settings *set, unsigned int ms)
{
	struct seen out = {0};
	const struct sim_truth *t = &h->link.truth;

	memset(&h->link.truth, 0, sizeof(h->link.truth));
	if (set != NULL)
		CU_ASSERT_EQUAL_FATAL(card_otdr_start(card, set), 0);
	for (uint64_t from = h->now, until = from + ms * NS_PER_MS; h->now < until;) {
		pass(card, 1);
		if (set != NULL && out.ms == 0 && card_otdr_state(card) == CARD_OTDR_READY)
			out.ms = (unsigned int)((h->now - from) / NS_PER_MS);
	}
	out.clicks = (double)t->clicks;
	out.qber = (double)t->errors[0] / (double)t->sifted[0];
	if (set != NULL && out.ms != 0)
		card_otdr_release(card);
	return out;
}

static struct card_status status_of(const struct card *card)
{
	struct card_status s;

	card_status_read(card, &s);
	return s;
}

/* A shot is 25 km there and back, a pulse and a pause: 265 us. */
static void test_light_among_the_gates_or_shut_gates(void)
{
	struct card_otdr_settings gated = settings;
	struct card *card = open_card(B, 1);
	struct seen dark, lit, shut;
	double shut_ms;

	gated.gated = true;
	pass(card, 20);
	dark = look(card, NULL, 140);
	lit = look(card, &settings, 140);
	CU_ASSERT_EQUAL(lit.ms, 0);
	pass(card, 100);
	CU_ASSERT_EQUAL(card_otdr_state(card), CARD_OTDR_READY);
	card_otdr_release(card);
	CU_ASSERT_EQUAL(status_of(card).shut_slots, 0);
	shut = look(card, &gated, 1400);
	printf(" errors in Z %.2f %% dark, %.2f %% with the pulses, %.2f %% gated; clicks %.1f %% "
	       "fewer\n",
	       100 * dark.qber, 100 * lit.qber, 100 * shut.qber,
	       100 - 10 * shut.clicks / dark.clicks);
	/* Of a mean of -7.2 dBm, Raman light of 2 10^-4 counts a slot, beside 4.5 10^-3 of pulses.
	 */
	CU_ASSERT(lit.qber > dark.qber + 0.01);
	CU_ASSERT(fabs(shut.qber - dark.qber) < 0.003);
	CU_ASSERT(fabs(shut.clicks / (10 * dark.clicks) - 0.9) < 0.01);
	CU_ASSERT_EQUAL(shut.ms, 0);
	shut_ms = (double)status_of(card).shut_slots * 1e-6;
	CU_ASSERT(fabs(shut_ms - 140) < 8);
	pass(card, 230);
	CU_ASSERT_EQUAL(card_otdr_state(card), CARD_OTDR_READY);
	card_otdr_release(card);
	/* All gates are open again. */
	shut = look(card, NULL, 140);
	CU_ASSERT(fabs(shut.clicks / dark.clicks - 1) < 0.02);
	card_close(card);
	host_close(h);
}

/* What monitors divide by knows of the shut gates: no loss is seen that is none. */
static void test_live_slots(void)
{
	struct card_otdr_settings gated = settings;
	struct card *card = open_card(B, 1);
	struct card_monitor m;
	double live[2] = {0}, clicks[2] = {0};

	gated.gated = true;
	pass(card, 150);
	while (card_monitor_next(card, &m))
		;
	for (int k = 0; k < 2; k++) {
		if (k == 1)
			CU_ASSERT_EQUAL_FATAL(card_otdr_start(card, &gated), 0);
		pass(card, k == 1 ? 150 : 0);
		while (card_monitor_next(card, &m))
			;
		pass(card, 900);
		while (card_monitor_next(card, &m)) {
			live[k] += (double)m.rx.live[CARD_STATE_NORMAL];
			for (unsigned int d = 0; d < CARD_DETECTORS; d++)
				clicks[k] += m.rx.clicks[CARD_STATE_NORMAL][d];
		}
	}
	CU_ASSERT(clicks[1] < 0.93 * clicks[0]);
	CU_ASSERT(fabs(clicks[1] / live[1] / (clicks[0] / live[0]) - 1) < 0.02);
	card_close(card);
	host_close(h);
}

static void test_not_at_the_transmitter(void)
{
	struct card_otdr_settings gated = settings;
	struct card *card = open_card(A, 0);

	gated.gated = true;
	CU_ASSERT_EQUAL(card_otdr_start(card, &gated), -EINVAL);
	CU_ASSERT_EQUAL(card_otdr_start(card, &settings), 0);
	card_close(card);
	/* The card itself refuses it, too. */
	host_write(h, A, CARD_CTRL, CARD_CTRL_RESET);
	host_write(h, A, CARD_FEATURES_USED_LO, CARD_FEATURE_OTDR);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE);
	ring_run(h, A, CARD_RING_OTDR, 2);
	host_write(h, A, CARD_WATCHDOG, 60000);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	host_write(h, A, CARD_OTDR_GATED, 1);
	host_write(h, A, CARD_OTDR_CTRL, 1);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_CODE), CARD_FAULT_CONFIG);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), CARD_OTDR_GATED);
	host_close(h);
}

UNIT_MAIN(UNIT(test_light_among_the_gates_or_shut_gates), UNIT(test_live_slots),
          UNIT(test_not_at_the_transmitter))
