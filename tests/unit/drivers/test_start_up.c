/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From two cards that share nothing to common slot numbers: each card's counter begins anywhere,
 * its clock is off by some hundred ppb, and the gateway's own code finds both from the clicks of
 * the public pattern: the driver, the clock recovery, the alignment.
 */

#include <math.h>

#include "common/secret.h"
#include "drivers/card.h"
#include "drivers/phase_track.h"
#include "qkd-engine/align.h"
#include "tests/unit/drivers/model_transport.h"

#define SEARCH (1LL << 24) /* offsets to try on either side: 17 ms */

static struct card *receiver(const struct optics_link *link, uint64_t seed)
{
	static const struct card_config config = {.transport = "model",
	                                          .path = "card",
	                                          .role = CARD_IS_BOB,
	                                          .holdoff_ns = 1000,
	                                          .watchdog_ms = 60000};
	struct card *card = NULL;
	struct err err = {0};

	if (secret_size() == 0) {
		CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
		CU_ASSERT_EQUAL_FATAL(transport_add(&over_model), 0);
	}
	end = B;
	h = host_open(link, seed);
	/* The transmitter is another site's: its pattern is all that comes of it. */
	host_write(h, A, CARD_WATCHDOG, 60000);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	set_tx(h, CARD_TX_MODE_SYNC);
	CU_ASSERT_EQUAL_FATAL(card_open(&config, &card, &err), 0);
	CU_ASSERT_EQUAL_FATAL(card_arm(card, &err), 0);
	return card;
}

/* Detections on the transmitter's grid, up to the constant; how long it took, in ms. */
static unsigned int collect(struct card *card, struct phase_track *t, uint64_t *slots)
{
	static struct card_click k[4096];
	unsigned int n = 0, ms;

	phase_track_init(t);
	for (ms = 0; n < ALIGN_DETECTIONS && ms < 3000; ms++) {
		size_t got;

		pass_ms(h, 1);
		CU_ASSERT(card_poll(card, h->now) >= 0);
		got = card_clicks(card, k, 4096);
		for (size_t i = 0; i < got; i++) {
			uint64_t slot;

			if (!k[i].gap && phase_track_click(t, k[i].slot, k[i].sub, &slot) &&
			    n < ALIGN_DETECTIONS)
				slots[n++] = slot;
		}
	}
	CU_ASSERT_EQUAL(n, ALIGN_DETECTIONS);
	return ms;
}

/* What the transmitter's numbers are above the recovered ones, as only the model knows it. */
static int64_t truth(const struct phase_track *t)
{
	const struct clicks *c = &h->link.clicks;
	uint64_t n = c->n - 1, slot;
	double at = 0.5 + c->phase + c->frequency * (double)(int64_t)(n - c->anchor);

	/* Pulse N as it arrives in the receiver's slot, and the number that the recovery gives it.
	 */
	slot = h->link.bob.base + n + (uint64_t)(int64_t)floor(at);
	slot += (uint64_t)llrint(at - floor(at) - phase_track_place(t, slot));
	return (int64_t)(h->link.alice.base + n - slot);
}

static void test_offset_and_frequency(void)
{
	static const double ppb[] = {0, 100, -100, 1000, -1000};
	uint64_t bases[5][2];

	for (unsigned int i = 0; i < 5; i++) {
		struct optics_link link = optics_link_default;
		uint64_t slots[ALIGN_DETECTIONS];
		enum align_result result = ALIGN_MORE;
		static struct phase_track t;
		struct card *card;
		unsigned int ms;
		int64_t about;
		struct align a;

		link.offset_ppb = ppb[i];
		link.max_ppb = ppb[i] == 0 ? 0 : 50;
		card = receiver(&link, 300 + i);
		ms = collect(card, &t, slots);
		CU_ASSERT(t.locked);
		CU_ASSERT(fabs(t.frequency * 1e9 - h->link.clicks.frequency * 1e9) < 5);
		CU_ASSERT(fabs(t.frequency * 1e9 - ppb[i]) < 60);
		/* Beyond any guess: the middle of the search knows it to some milliseconds. */
		about = truth(&t) + (int64_t)(5000000 * (i + 1)) - 11000000;
		align_start(&a, slots, ALIGN_DETECTIONS, about - SEARCH, about + SEARCH);
		while (result == ALIGN_MORE)
			result = align_step(&a, 4096);
		CU_ASSERT_EQUAL(result, ALIGN_FOUND);
		CU_ASSERT_EQUAL(a.found, truth(&t));
		bases[i][A] = h->link.alice.base;
		bases[i][B] = h->link.bob.base;
		printf(" %+.0f ppb: lock and %d detections in %u ms, offset %+lld\n", ppb[i],
		       ALIGN_DETECTIONS, ms, (long long)a.found);
		CU_ASSERT(ms < 1000);
		card_close(card);
		host_close(h);
	}
	/* They begin anywhere: no two alike, and not a site's as the other's. */
	for (unsigned int i = 0; i < 5; i++)
		for (unsigned int k = 0; k < 2; k++)
			for (unsigned int j = 0; j < i; j++)
				CU_ASSERT(bases[i][k] != bases[j][k] &&
				          bases[i][k] != bases[j][!k]);
}

UNIT_MAIN(UNIT(test_offset_and_frequency))
