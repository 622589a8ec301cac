/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/transmitter.h"
#include "drivers/watch/monitors.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "tests/unit/unit.h"

#define EXPECTED_FW 48000.0

struct card {
	double laser, attenuator_db, damage_db, reflection_pw, peak; /* 1, 0, 0, 900, 1.1 */
	bool sync;
};
static const struct card honest = {.laser = 1, .reflection_pw = 900, .peak = 1.1};

static uint32_t reading(double x)
{
	return (uint32_t)(x * (1 + 0.002 * number_normal()));
}

static uint32_t run(struct watch_transmitter *w, unsigned int n, const struct card *c)
{
	uint32_t over = 0;

	for (unsigned int i = 0; i < n; i++) {
		double out =
		        EXPECTED_FW * c->laser * pow(10, (c->damage_db - c->attenuator_db) / 10);
		struct card_tx_reading r = {
		        .seconds = 0.1,
		        .key_light = !c->sync,
		        .power_nw = {reading(480000 * c->laser)},
		        .output_fw = {reading(c->sync ? 0.66 * out : out)},
		        .reflection_pw = reading(c->reflection_pw),
		        .reflection_peak_pw = reading(c->reflection_pw * c->peak),
		        .voa_mdb = (uint32_t)(30000 + 1000 * c->attenuator_db),
		};

		over |= watch_transmitter_add(w, &r);
	}
	return over;
}

static void learn(struct watch_transmitter *w)
{
	watch_transmitter_init(w, EXPECTED_FW);
	CU_ASSERT_EQUAL(run(w, 110, &honest), 0);
	CU_ASSERT(w->output.base.ready && w->reflection.base.ready);
}

/* The laser drifts, the attenuator is set to make up for it, other light shines: all honest. */
static void test_honest(void)
{
	struct watch_transmitter w;
	struct card c = honest;

	learn(&w);
	for (double laser = 0.9; laser < 1.11; laser += 0.02) {
		c.laser = laser;
		c.attenuator_db = 0;
		CU_ASSERT_EQUAL(run(&w, 50, &c), 0);
		c.attenuator_db = 10 * log10(laser);
		CU_ASSERT_EQUAL(run(&w, 50, &c), 0);
	}
	c.sync = true;
	CU_ASSERT_EQUAL(run(&w, 50, &c), 0);
}

static void test_damage(void)
{
	struct watch_transmitter w;
	struct card c = honest;

	learn(&w);
	c.damage_db = 0.5;
	CU_ASSERT_EQUAL(run(&w, 10, &c), 1u << WATCH_OUTPUT);
	/* Made up for by the attenuator, it still lets more through than it is set to. */
	learn(&w);
	c.attenuator_db = 0.5;
	CU_ASSERT_EQUAL(run(&w, 10, &c), 1u << WATCH_OUTPUT);
	/* From the start, nothing is learnt that is so far beyond the configuration. */
	watch_transmitter_init(&w, EXPECTED_FW);
	c.attenuator_db = 0;
	c.damage_db = 2;
	CU_ASSERT_EQUAL(run(&w, 10, &c), 1u << WATCH_OUTPUT);
}

static void test_trojan_horse(void)
{
	struct watch_transmitter w;
	struct card c = honest;

	learn(&w);
	c.reflection_pw = 2000;
	CU_ASSERT(run(&w, 10, &c) & 1u << WATCH_REFLECTION);
	/* Short pulses: the mean hardly moves. */
	learn(&w);
	c.reflection_pw = 920;
	c.peak = 5;
	CU_ASSERT_EQUAL(run(&w, 10, &c), 1u << WATCH_REFLECTION_PEAK);
}

UNIT_MAIN(UNIT(test_honest), UNIT(test_damage), UNIT(test_trojan_horse))
