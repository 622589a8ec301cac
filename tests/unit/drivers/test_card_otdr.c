/* SPDX-License-Identifier: BSD-3-Clause */

/* The driver's acquisitions on the model's cards, in one thread on a clock of its own. */

#include "drivers/card.h"
#include "tests/unit/drivers/model_transport.h"

#include <errno.h>
#include <math.h>

#include "common/secret.h"
#include "drivers/trace_events.h"

static uint32_t spoil_at; /* buffer whose contents change before the driver sees it; 0: none */

static const struct card_otdr_settings short_one = {.wavelength_pm = 1625000,
                                                    .pulse_ns = 500,
                                                    .range_m = 26000,
                                                    .averages = 1000,
                                                    .sample_ps = 49000};

static struct card *open_card(int which, bool arm)
{
	const struct card_config c = {.transport = "model",
	                              .path = "card",
	                              .role = which == A ? CARD_IS_ALICE : CARD_IS_BOB,
	                              .mu1 = 0.3,
	                              .mu2 = 0.1,
	                              .p_mu1 = 0.3,
	                              .p_z = 0.8,
	                              .holdoff_ns = 1000,
	                              .watchdog_ms = 1000};
	struct card *card = NULL;
	struct err err = {0};

	end = which;
	spoil_at = 0;
	h = host_open(&optics_link_default, 7);
	CU_ASSERT_EQUAL_FATAL(card_open(&c, &card, &err), 0);
	if (arm)
		CU_ASSERT_EQUAL_FATAL(card_arm(card, &err), 0);
	return card;
}

static void close_card(struct card *card)
{
	card_close(card);
	host_close(h);
}

/* Until it ends, at most SECONDS of the card's time. */
static enum card_otdr_state run(struct card *card, unsigned int seconds, uint32_t *most)
{
	uint32_t seen = 0;

	for (uint64_t until = h->now + seconds * NS_PER_S; h->now < until;) {
		CU_ASSERT_FATAL(card_poll(card, h->now) >= 0);
		if (card_otdr_progress(card) < seen)
			break;
		seen = card_otdr_progress(card);
		if (card_otdr_state(card) != CARD_OTDR_BUSY)
			break;
		turn(h);
		if (spoil_at > 0 && head(h, end, CARD_RING_OTDR) == spoil_at) {
			uint64_t base = reg64(h, end, CARD_RING(CARD_RING_OTDR));
			const struct card_desc *d = (void *)(h->map[end] + CARD_BAR0_BYTES + base);

			h->map[end][CARD_BAR0_BYTES + d[spoil_at - 1].addr + 100] ^= 1;
			spoil_at = 0;
		}
	}
	if (most != NULL)
		*most = seen;
	return card_otdr_state(card);
}

static void find(struct card *card, struct trace_events *e)
{
	struct card_otdr_trace got;
	struct trace t,
	        like = {.wavelength_nm = 1625, .group_index = 1.468, .backscatter_db = -82.8};
	struct err err = {0};

	card_otdr_trace(card, &got);
	like.spacing_ns = got.sample_ps / 1000.0;
	like.pulse_ns = got.pulse_ns;
	like.response_ns = got.response_ps / 1000.0;
	CU_ASSERT_EQUAL_FATAL(trace_alloc(&t, &like, got.points), 0);
	for (uint32_t i = 0; i < got.points; i++)
		t.watts[i] = got.samples[i] * got.lsb_w;
	CU_ASSERT_EQUAL_FATAL(trace_events_find(&t, 0.03, e, &err), 0);
	trace_free(&t);
}

/* 20 km from either end, the same fibre seen from both. */
static void test_both_ends(void)
{
	double mirror[2][TRACE_EVENTS_MAX];
	unsigned int count[2] = {0};

	for (int which = A; which <= B; which++) {
		struct card *card = open_card(which, true);
		struct trace_events e;
		uint32_t done;

		CU_ASSERT_EQUAL_FATAL(card_otdr_start(card, &short_one), 0);
		CU_ASSERT_EQUAL(card_otdr_start(card, &short_one), -EBUSY);
		CU_ASSERT_EQUAL_FATAL(run(card, 5, &done), CARD_OTDR_READY);
		CU_ASSERT_EQUAL(done, 1000);
		find(card, &e);
		CU_ASSERT(e.has_end);
		CU_ASSERT(fabs(e.end_km - 20) < 0.01);
		for (unsigned int i = 1; i + 1 < e.count; i++)
			if (e.list[i].kind == TRACE_REFLECTION)
				mirror[which][count[which]++] =
				        which == A ? e.list[i].km : 20 - e.list[i].km;
		CU_ASSERT_EQUAL(card_otdr_start(card, &short_one), -EBUSY);
		card_otdr_release(card);
		CU_ASSERT_EQUAL(card_otdr_start(card, &short_one), 0);
		CU_ASSERT_EQUAL(run(card, 5, NULL), CARD_OTDR_READY);
		close_card(card);
	}
	CU_ASSERT_EQUAL_FATAL(count[A], count[B]);
	for (unsigned int i = 0; i < count[A]; i++)
		CU_ASSERT(fabs(mirror[A][i] - mirror[B][count[B] - 1 - i]) < 0.01);
}

/* It takes the averages' time, counts them, and what is done to the fibre shows. */
static void test_progress_and_fibre(void)
{
	const struct otdr_point bend = {.km = 7.5, .loss_db = 1};
	struct card *card = open_card(A, true);
	struct card_otdr_settings set = short_one;
	struct trace_events e;
	uint64_t start = h->now;
	bool found = false;

	set.averages = 10000;
	CU_ASSERT_EQUAL(sim_link_fibre(&h->link, &bend, false), 0);
	CU_ASSERT_EQUAL_FATAL(card_otdr_start(card, &set), 0);
	for (int i = 0; i < 4000; i++) {
		card_poll(card, h->now);
		turn(h);
	}
	CU_ASSERT(card_otdr_progress(card) > 1000 && card_otdr_progress(card) < 9000);
	CU_ASSERT_EQUAL_FATAL(run(card, 10, NULL), CARD_OTDR_READY);
	/* 10,000 times 255 us there and back. */
	CU_ASSERT(h->now - start > 2500 * NS_PER_MS && h->now - start < 3200 * NS_PER_MS);
	find(card, &e);
	for (unsigned int i = 0; i < e.count; i++)
		found |= fabs(e.list[i].km - 7.5) < 0.02 && fabs(e.list[i].loss_db - 1) < 0.1;
	CU_ASSERT(found);
	CU_ASSERT_EQUAL(h->link.clicks.more_loss_db, 1);
	sim_link_fibre_restore(&h->link);
	CU_ASSERT_EQUAL(h->link.clicks.more_loss_db, 0);
	CU_ASSERT_EQUAL(sim_link_fibre(&h->link, &(struct otdr_point){25, 1, 0}, false), -EINVAL);
	close_card(card);
}

static void test_refused(void)
{
	struct card *card = open_card(B, true);
	struct card_otdr_settings set = short_one;

	set.wavelength_pm = 1550000; /* it would blind the detectors */
	CU_ASSERT_EQUAL(card_otdr_start(card, &set), -ERANGE);
	set = short_one;
	set.pulse_ns = 2;
	CU_ASSERT_EQUAL(card_otdr_start(card, &set), -EINVAL);
	set = short_one;
	set.averages = 0;
	CU_ASSERT_EQUAL(card_otdr_start(card, &set), -EINVAL);
	CU_ASSERT_EQUAL(card_otdr_state(card), CARD_OTDR_NOTHING);
	/* A laser that the card does not have is its fault to tell. */
	set = short_one;
	set.wavelength_pm = 1610000;
	CU_ASSERT_EQUAL(card_otdr_start(card, &set), 0);
	for (int i = 0; i < 100 && card_poll(card, h->now) >= 0; i++)
		turn(h);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_CODE), CARD_FAULT_CONFIG);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_ARG), CARD_OTDR_WAVELENGTH);
	close_card(card);
}

/* No light leaves a card that is not armed; one that goes dark ends its acquisition. */
static void test_dark(void)
{
	struct card *card = open_card(A, false);

	CU_ASSERT_EQUAL(card_otdr_start(card, &short_one), -EAGAIN);
	for (int i = 0; i < 100 && card_poll(card, h->now) >= 0; i++)
		turn(h);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_CODE), 0);
	close_card(card);

	card = open_card(A, true);
	CU_ASSERT_EQUAL(card_otdr_start(card, &short_one), 0);
	for (int i = 0; i < 200; i++) {
		card_poll(card, h->now);
		turn(h);
	}
	card_safe_off(card);
	CU_ASSERT_EQUAL(reg(h, A, CARD_OTDR_STATE), CARD_OTDR_ABORTED);
	CU_ASSERT_EQUAL(run(card, 2, NULL), CARD_OTDR_BROKEN);
	close_card(card);
}

static void test_abort(void)
{
	struct card *card = open_card(B, true);

	CU_ASSERT_EQUAL(card_otdr_start(card, &short_one), 0);
	for (int i = 0; i < 200; i++) {
		card_poll(card, h->now);
		turn(h);
	}
	card_otdr_abort(card);
	CU_ASSERT_EQUAL(run(card, 1, NULL), CARD_OTDR_BROKEN);
	CU_ASSERT_EQUAL(reg(h, B, CARD_OTDR_STATE), CARD_OTDR_ABORTED);
	card_otdr_release(card);
	CU_ASSERT_EQUAL(card_otdr_start(card, &short_one), 0);
	CU_ASSERT_EQUAL(run(card, 5, NULL), CARD_OTDR_READY);
	close_card(card);
}

/* A buffer that changed on its way ends the acquisition: no trace of doubtful samples. */
static void test_spoilt_buffer(void)
{
	struct card *card = open_card(A, true);
	struct card_status status;

	CU_ASSERT_EQUAL(card_otdr_start(card, &short_one), 0);
	spoil_at = 6;
	CU_ASSERT_EQUAL(run(card, 5, NULL), CARD_OTDR_BROKEN);
	card_status_read(card, &status);
	CU_ASSERT_EQUAL(status.sequence_errors, 1);
	CU_ASSERT(status.otdr);
	close_card(card);
}

int main(void)
{
	static const struct unit units[] = {UNIT(test_both_ends), UNIT(test_progress_and_fibre),
	                                    UNIT(test_refused),   UNIT(test_dark),
	                                    UNIT(test_abort),     UNIT(test_spoilt_buffer)};
	struct err err;

	if (secret_init(4 << 20, &err) < 0 || transport_add(&over_model) < 0)
		return 2;
	return unit_main(__FILE__, units, sizeof(units) / sizeof(units[0]));
}
