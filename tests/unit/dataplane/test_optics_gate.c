/* SPDX-License-Identifier: BSD-3-Clause */

/* From clicks of the model to gates of its card: the histogram, the clock, and dark counts kept
 * off. */

#include "dataplane/optics_gate.h"

#include <math.h>

#include "common/secret.h"
#include "tests/unit/drivers/model_transport.h"

static struct phase_track track;
static struct optics_gate gate;
static unsigned int clicks;

/* A receiver whose clock is PPB off the transmitter's, which is lit. */
static struct card *receiver(double ppb)
{
	static const struct card_config config = {.transport = "model",
	                                          .path = "card",
	                                          .role = CARD_IS_BOB,
	                                          .holdoff_ns = 1000,
	                                          .watchdog_ms = 60000,
	                                          .gates_follow = true};
	struct optics_link link = optics_link_default;
	struct card *card = NULL;
	struct err err = {0};

	if (secret_size() == 0) {
		CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
		CU_ASSERT_EQUAL_FATAL(transport_add(&over_model), 0);
	}
	link.offset_ppb = ppb;
	link.max_ppb = 0;
	link.walk_ppb_s = 0.02;
	link.dark_probability = 1e-5; /* many, to see how few are left */
	end = B;
	h = host_open(&link, 77);
	host_write(h, A, CARD_WATCHDOG, 60000);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	set_tx(h, CARD_TX_MODE_QKD);
	CU_ASSERT_EQUAL_FATAL(card_open(&config, &card, &err), 0);
	CU_ASSERT_EQUAL_FATAL(card_arm(card, &err), 0);
	phase_track_init(&track);
	optics_gate_init(&gate, config.gates_follow);
	return card;
}

/* As the role does it. */
static void pass(struct card *card, unsigned int ms)
{
	static struct card_click k[4096];

	for (unsigned int i = 0; i < ms; i++) {
		size_t n;

		pass_ms(h, 1);
		CU_ASSERT(card_poll(card, h->now) >= 0);
		n = card_clicks(card, k, 4096);
		for (size_t j = 0; j < n; j++) {
			uint64_t slot;
			double late;

			if (k[j].gap || !phase_track_click(&track, k[j].slot, k[j].sub, &slot))
				continue;
			clicks++;
			if (phase_track_late(&track, k[j].slot, k[j].sub, &late))
				steer_gate_click(&gate.gate, late);
		}
		optics_gate_poll(&gate, card, &track, h->now);
	}
}

static double dark_share(struct card *card, unsigned int ms)
{
	memset(&h->link.truth, 0, sizeof(h->link.truth));
	pass(card, ms);
	return (double)h->link.truth.dark / (double)h->link.truth.clicks;
}

static void test_gates_keep_dark_counts_off(void)
{
	struct card *card = receiver(0.1);
	double open, closed;
	uint64_t lost;

	open = dark_share(card, 40);
	pass(card, 200);
	CU_ASSERT_EQUAL(gate.gate.s.state, STEER_HELD);
	CU_ASSERT_EQUAL(h->link.bob.active.gate_width, (uint32_t)gate.gate.s.set);
	CU_ASSERT(gate.gate.s.set < 140);
	closed = dark_share(card, 2000);
	CU_ASSERT_EQUAL(gate.gate.s.state, STEER_HELD);
	printf(" gates of %d/256: dark counts %.2f %% of the clicks, %.2f %% without\n",
	       gate.gate.s.set, 100 * closed, 100 * open);
	CU_ASSERT(open > 0.001 && closed < 0.75 * open);
	/* They have followed: 0.2 slots in two seconds, and the lock holds. */
	CU_ASSERT(gate.gate.s.moves > 10);
	CU_ASSERT_TRUE(track.locked);
	CU_ASSERT_EQUAL(track.epoch, 1);
	lost = h->link.truth.clicks;
	CU_ASSERT(lost > 100000);
	card_close(card);
	host_close(h);
}

static void test_open_for_clocks_apart(void)
{
	struct card *card = receiver(-100);

	pass(card, 300);
	CU_ASSERT_TRUE(track.locked);
	CU_ASSERT_EQUAL(gate.gate.s.state, STEER_LIMIT);
	CU_ASSERT_EQUAL(h->link.bob.active.gate_width, 256);
	card_close(card);
	host_close(h);
}

UNIT_MAIN(UNIT(test_gates_keep_dark_counts_off), UNIT(test_open_for_clocks_apart))
