/* SPDX-License-Identifier: BSD-3-Clause */

/* Scans of the model's channel monitor, as the driver hands them on. */

#include <errno.h>
#include <math.h>

#include "common/secret.h"
#include "drivers/card.h"
#include "tests/unit/drivers/model_transport.h"

static struct card *open_card(int which)
{
	const struct card_config c = {.transport = "model",
	                              .path = "card",
	                              .role = which == A ? CARD_IS_ALICE : CARD_IS_BOB,
	                              .mu1 = 0.3,
	                              .mu2 = 0.1,
	                              .p_mu1 = 0.3,
	                              .p_z = 0.8,
	                              .holdoff_ns = 1000,
	                              .watchdog_ms = 60000};
	struct card *card = NULL;
	struct err err = {0};

	if (secret_size() == 0) {
		CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
		CU_ASSERT_EQUAL_FATAL(transport_add(&over_model), 0);
	}
	end = which;
	h = host_open(&optics_link_default, 7);
	CU_ASSERT_EQUAL_FATAL(card_open(&c, &card, &err), 0);
	return card;
}

static void close_card(struct card *card)
{
	card_close(card);
	host_close(h);
}

static void put_on(const char *text)
{
	struct lit lit = h->link.lit;
	struct lit_channel c;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(lit_parse(text, &c, &err), 0);
	CU_ASSERT_EQUAL_FATAL(lit_add(&lit, &c, &err), 0);
	sim_link_lit(&h->link, &lit);
}

static void pass(struct card *card, unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i++) {
		pass_ms(h, 1);
		card_poll(card, h->now);
	}
}

/* At either end each channel, as strong as it is there. */
static void test_scans(void)
{
	for (int which = A; which <= B; which++) {
		struct card *card = open_card(which);
		struct card_ocm_scan scan;
		struct card_status s;
		/* 20 km of .2 dB: 4 dB less for what has come through. */
		double want[2] = {which == A ? -10 : -14, which == A ? -16 : -12};

		card_status_read(card, &s);
		CU_ASSERT_TRUE(s.ocm);
		CU_ASSERT_FALSE(card_ocm_read(card, &scan));
		put_on("C38 -12 counter");
		put_on("C31 -10");
		pass(card, 1500);
		CU_ASSERT_TRUE_FATAL(card_ocm_read(card, &scan));
		CU_ASSERT_EQUAL_FATAL(scan.count, 2);
		CU_ASSERT_EQUAL(scan.channel[0].centre_mhz, 193100000);
		CU_ASSERT_EQUAL(scan.channel[1].centre_mhz, 193800000);
		for (int i = 0; i < 2; i++)
			CU_ASSERT(fabs(scan.channel[i].power_mdbm * 1e-3 - want[i]) < 0.3);
		CU_ASSERT(scan.floor_mdbm == -50000 && scan.scan >= 1);
		/* One a second, of the fibre as it is then; what is weaker than the floor is not
		 * seen. */
		put_on("C45 -55");
		put_on("C46 -20");
		pass(card, 2000);
		CU_ASSERT_TRUE(card_ocm_read(card, &scan));
		CU_ASSERT(scan.count == 3 && scan.scan >= 3);
		close_card(card);
	}
}

/* A buffer that does not add up is no scan. */
static void test_spoilt(void)
{
	struct card *card = open_card(B);
	struct card_ocm_scan scan;
	struct card_status s;

	put_on("C31 -10");
	pass_ms(h, 300); /* the card is not polled: the scan lies in its buffer */
	CU_ASSERT_EQUAL_FATAL(h->link.bob.card.ring[CARD_RING_OCM].head, 1);
	h->link.bob.card.ring[CARD_RING_OCM].data[sizeof(struct card_ocm_head)] ^= 1;
	card_poll(card, h->now);
	CU_ASSERT_FALSE(card_ocm_read(card, &scan));
	card_status_read(card, &s);
	CU_ASSERT_EQUAL(s.sequence_errors, 1);
	close_card(card);
}

UNIT_MAIN(UNIT(test_scans), UNIT(test_spoilt))
