/* SPDX-License-Identifier: BSD-3-Clause */

/* Whose turn it is; the card itself is in drivers/test_card_otdr and in system tests. */

#include "dataplane/optics_otdr.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static const struct card_otdr_settings set = {.wavelength_pm = 1625000,
                                              .pulse_ns = 500,
                                              .range_m = 1000,
                                              .averages = 10,
                                              .sample_ps = 49000};

/* Lost at any time: what waited gets an error, and after the release there may be another. */
static void test_lost(void)
{
	static const int at[] = {OPTICS_OTDR_ASKED, OPTICS_OTDR_RUNNING};
	struct card_otdr_trace t;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct optics_otdr o;

		memset(&o, 0, sizeof(o));
		CU_ASSERT_EQUAL(optics_otdr_ask(&o, &set), 0);
		CU_ASSERT_EQUAL(optics_otdr_ask(&o, &set), -EBUSY);
		CU_ASSERT_EQUAL(optics_otdr_take(&o, &t), -EAGAIN);
		o.state = at[i];
		optics_otdr_lost(&o);
		CU_ASSERT_EQUAL(optics_otdr_state(&o), OPTICS_OTDR_FAILED);
		CU_ASSERT_EQUAL(optics_otdr_take(&o, &t), -ENODEV);
		CU_ASSERT_EQUAL(optics_otdr_ask(&o, &set), -EBUSY);
		optics_otdr_release(&o);
		CU_ASSERT_EQUAL(optics_otdr_state(&o), OPTICS_OTDR_TAKEN);
		optics_otdr_closing(&o);
		CU_ASSERT_EQUAL(optics_otdr_ask(&o, &set), 0);
	}
}

/* The trace is the card's memory: it ends with the card, whatever it was about to become. */
static void test_closing(void)
{
	static const int at[] = {OPTICS_OTDR_ASKED, OPTICS_OTDR_RUNNING, OPTICS_OTDR_READY,
	                         OPTICS_OTDR_FAILED};
	struct card_otdr_trace t;
	struct optics_otdr o;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		memset(&o, 0, sizeof(o));
		o.state = at[i];
		optics_otdr_closing(&o);
		CU_ASSERT_EQUAL(optics_otdr_take(&o, &t), -ENODEV);
	}
	memset(&o, 0, sizeof(o));
	optics_otdr_closing(&o);
	CU_ASSERT_EQUAL(optics_otdr_state(&o), OPTICS_OTDR_IDLE);
	/* Nothing to release, nothing happens. */
	optics_otdr_release(&o);
	CU_ASSERT_EQUAL(optics_otdr_state(&o), OPTICS_OTDR_IDLE);
}

static void test_ready(void)
{
	struct card_otdr_trace t;
	struct optics_otdr o;
	int32_t sample = 5;

	memset(&o, 0, sizeof(o));
	CU_ASSERT_EQUAL(optics_otdr_ask(&o, &set), 0);
	CU_ASSERT_EQUAL(o.set.pulse_ns, 500);
	optics_otdr_abort(&o);
	CU_ASSERT(o.abort);
	o.trace = (struct card_otdr_trace){.samples = &sample, .points = 1};
	o.state = OPTICS_OTDR_READY;
	CU_ASSERT_EQUAL(optics_otdr_take(&o, &t), 0);
	CU_ASSERT_EQUAL(t.samples[0], 5);
	optics_otdr_release(&o);
	CU_ASSERT_EQUAL(optics_otdr_take(&o, &t), -EAGAIN);
	o.state = OPTICS_OTDR_IDLE;
	CU_ASSERT_EQUAL(optics_otdr_ask(&o, &set), 0);
	CU_ASSERT_FALSE(o.abort); /* of the one before */
}

UNIT_MAIN(UNIT(test_lost), UNIT(test_closing), UNIT(test_ready))
