/* SPDX-License-Identifier: BSD-3-Clause */

/* Settings within their limits, and the modulator's bias: found, and followed. */

#include "drivers/card_analog.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>

#include "common/clock.h"
#include "common/secret.h"
#include "drivers/card.h"
#include "tests/unit/drivers/fake_card.h"

#define MODULATOR(which) fake_reg(CARD_ANALOG(CARD_ANALOG_MODULATOR) + CARD_ANALOG_##which)

static uint64_t now = 1000 * NS_PER_S;
static struct err err;

static struct card *armed(double point)
{
	struct card_config c = {.transport = "fake",
	                        .path = "card0",
	                        .role = CARD_IS_ALICE,
	                        .mu1 = 0.3,
	                        .mu2 = 0.1,
	                        .p_mu1 = 0.3,
	                        .p_z = 0.8,
	                        .watchdog_ms = 300};
	struct card *card = NULL;

	fake_new(CARD_ROLE_ALICE);
	fake.analog = true;
	fake.point = point;
	*fake_reg(CARD_FEATURES_LO) |= CARD_FEATURE_ANALOG;
	fake_defaults();
	CU_ASSERT_EQUAL_FATAL(card_open(&c, &card, &err), 0);
	CU_ASSERT(*fake_reg(CARD_FEATURES_USED_LO) & CARD_FEATURE_ANALOG);
	CU_ASSERT_EQUAL_FATAL(card_arm(card, &err), 0);
	return card;
}

static void test_limits(void)
{
	const struct card_setting good = {CARD_ANALOG_MODULATOR, 6000},
	                          both[2] = {{CARD_ANALOG_MODULATOR, 1000},
	                                     {CARD_ANALOG_MODULATOR, 6001}},
	                          low = {CARD_ANALOG_MODULATOR, -1}, none = {CARD_ANALOG_VOA, 1},
	                          never = {99, 1};
	struct card *card = armed(2500);
	unsigned int written;
	int32_t value = 0;

	CU_ASSERT_EQUAL(card_analog_set(card, &good, 1, &err), 0);
	CU_ASSERT_EQUAL(card_analog_actual(card, CARD_ANALOG_MODULATOR, &value), 0);
	CU_ASSERT_EQUAL(value, 6000);
	written = fake.written;
	CU_ASSERT_EQUAL(card_analog_set(card, both, 2, &err), -ERANGE);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "modulator bias: 6001 is outside"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "0 to 6000"));
	CU_ASSERT_EQUAL(card_analog_set(card, &low, 1, &err), -ERANGE);
	CU_ASSERT_EQUAL(card_analog_set(card, &none, 1, &err), -ENOTSUP);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "attenuation"));
	CU_ASSERT_EQUAL(card_analog_set(card, &never, 1, &err), -ENOTSUP);
	CU_ASSERT_EQUAL(card_analog_actual(card, CARD_ANALOG_PHASE, &value), -ENOTSUP);
	CU_ASSERT_EQUAL(fake.written, written); /* what is refused is not written */
	card_close(card);
}

static void test_finds_the_point(void)
{
	/* Where it was calibrated; near; far off; near a limit. */
	static const double points[] = {2500, 2310, 4700, 180};

	for (unsigned int i = 0; i < 4; i++) {
		struct card *card = armed(points[i]);
		uint64_t start = clock_mono_ns();

		CU_ASSERT_EQUAL(card_bias_find(card, &err), 0);
		CU_ASSERT(fabs((int32_t)*MODULATOR(ACTUAL) - points[i]) <= 65);
		CU_ASSERT_EQUAL(*fake_reg(CARD_TX_MODE), CARD_TX_MODE_DARK);
		CU_ASSERT(clock_mono_ns() - start < 3 * NS_PER_S);
		CU_ASSERT(*fake_reg(CARD_STATUS) & CARD_STATUS_ARMED);
		card_close(card);
	}
}

static void test_follows_the_point(void)
{
	struct card *card = armed(2500);
	struct card_status s;
	uint64_t from;
	uint32_t before;

	CU_ASSERT_EQUAL(card_bias_find(card, &err), 0);
	before = fake.applied;
	for (int ms = 0; ms < 200; ms++)
		card_poll(card, now += NS_PER_MS);
	CU_ASSERT_EQUAL(fake.applied, before); /* nothing to see while dark */
	CU_ASSERT_EQUAL(card_tx_mode(card, CARD_TX_QKD, &from), 0);
	for (int ms = 0; ms < 1000; ms++)
		card_poll(card, now += NS_PER_MS);
	CU_ASSERT(fake.applied - before >= 20); /* ten times a second, above and below */
	/* It runs away by 40 mV a second, for 30 s. */
	for (int ms = 0; ms < 30000; ms++) {
		fake.point += 0.04;
		card_poll(card, now += NS_PER_MS);
	}
	card_status_read(card, &s);
	CU_ASSERT(fabs(s.bias_mv - fake.point) < 25);
	CU_ASSERT(s.extinction_mdb > 27500);
	/* Past a limit it is not followed. */
	for (int ms = 0; ms < 20000; ms++) {
		fake.point = fake.point > -300 ? fake.point - 0.3 : -300;
		card_poll(card, now += NS_PER_MS);
		CU_ASSERT((int32_t)*MODULATOR(SET) >= 0 && (int32_t)*MODULATOR(SET) <= 6000);
	}
	card_status_read(card, &s);
	CU_ASSERT(s.bias_mv < 100);
	card_close(card);
}

static void test_without_one(void)
{
	struct card *card = armed(2500);

	*fake_reg(CARD_ANALOG_PRESENT) = 0;
	CU_ASSERT_EQUAL(card_bias_find(card, &err), 0);
	CU_ASSERT_EQUAL(fake.applied, 0);
	/* A card whose monitor shows nothing is not armed for good. */
	*fake_reg(CARD_ANALOG_PRESENT) = 1u << CARD_ANALOG_MODULATOR;
	fake.absent = true;
	CU_ASSERT(card_bias_find(card, &err) < 0);
	fake.absent = false;
	card_close(card);
}

int main(void)
{
	static const struct unit units[] = {UNIT(test_limits), UNIT(test_finds_the_point),
	                                    UNIT(test_follows_the_point), UNIT(test_without_one)};

	if (transport_add(&fake_transport) < 0 || secret_init(2u << 20, NULL) < 0)
		return 2;
	return unit_main(__FILE__, units, sizeof(units) / sizeof(units[0]));
}
