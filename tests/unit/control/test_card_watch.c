/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/card_watch.h"

#include <math.h>
#include <string.h>

#include "tests/unit/drivers/watch/numbers.h"
#include "tests/unit/unit.h"

#define EXPECTED_FW 48000
#define LIVE        1000000

static struct card_watch w;

static struct card_monitor receiver(double low_ratio, uint32_t extra_na)
{
	struct card_monitor m = {.of = CARD_IS_BOB, .rx.seconds = 0.1};
	static const double p[CARD_STATES] = {1e-2, 1e-2, 4e-5, 1.4e-2};

	for (unsigned int s = 0; s < CARD_STATES; s++) {
		m.rx.live[s] = s == CARD_STATE_NORMAL ? LIVE : LIVE / 10;
		m.rx.clicks[s][0] = (uint32_t)number_binomial(
		        m.rx.live[s], p[s] * (s == CARD_STATE_LOW ? low_ratio : 1));
	}
	for (unsigned int d = 0; d < CARD_DETECTORS; d++) {
		double rate = d == 0 ? 120000 : 0;

		m.rx.current_na[d] = (uint32_t)(3 + 1.6e-3 * rate) + extra_na;
		m.rx.peak_na[d] = 163;
	}
	return m;
}

static struct card_monitor transmitter(double gain, uint32_t reflection_pw)
{
	return (struct card_monitor){.of = CARD_IS_ALICE,
	                             .tx = {.seconds = 0.1,
	                                    .key_light = true,
	                                    .power_nw = {480000},
	                                    .output_fw = {(uint32_t)(EXPECTED_FW * gain)},
	                                    .reflection_pw = reflection_pw,
	                                    .reflection_peak_pw = reflection_pw * 11 / 10}};
}

static uint32_t run(unsigned int n, struct card_monitor (*make)(double, uint32_t), double x,
                    uint32_t y)
{
	uint32_t over = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct card_monitor m = make(x, y);

		over |= card_watch_record(&w, &m);
	}
	return over;
}

static bool says(enum watch_monitor m, const char *words)
{
	char text[160];

	card_watch_describe(&w, m, text, sizeof(text));
	return strstr(text, words) != NULL;
}

static void test_records(void)
{
	uint64_t clicks;
	double live, seconds;

	card_watch_init(&w, 10e-6, EXPECTED_FW);
	CU_ASSERT_FALSE(card_watch_exposure(&w, &clicks, &live, &seconds));
	CU_ASSERT_EQUAL(run(300, receiver, 0.5, 0), 0);
	CU_ASSERT_EQUAL(run(110, transmitter, 1, 900), 0);
	CU_ASSERT(w.records[0] == 110 && w.records[1] == 300);
	CU_ASSERT_TRUE(card_watch_exposure(&w, &clicks, &live, &seconds));
	CU_ASSERT(fabs((double)clicks / 3e6 - 1) < 0.01 && live == 300.0 * LIVE);
	CU_ASSERT(fabs(seconds - 30) < 1e-6);
	CU_ASSERT_FALSE(card_watch_exposure(&w, &clicks, &live, &seconds));

	CU_ASSERT_EQUAL(run(10, receiver, 1, 0), 1u << WATCH_EFFICIENCY);
	CU_ASSERT_TRUE(card_watch_above(&w, WATCH_EFFICIENCY));
	CU_ASSERT_TRUE(says(WATCH_EFFICIENCY, "at an efficiency of 0.50"));
	CU_ASSERT_TRUE(run(10, receiver, 0.5, 1000) & 1u << WATCH_PHOTOCURRENT);
	CU_ASSERT_TRUE(card_watch_above(&w, WATCH_PHOTOCURRENT));
	CU_ASSERT_TRUE(says(WATCH_PHOTOCURRENT, "photocurrent"));
	CU_ASSERT_EQUAL(run(10, transmitter, 1.3, 900), 1u << WATCH_OUTPUT);
	CU_ASSERT_TRUE(card_watch_above(&w, WATCH_OUTPUT) && says(WATCH_OUTPUT, "+1.14 dB"));
	CU_ASSERT_TRUE(run(10, transmitter, 1, 9000) & 1u << WATCH_REFLECTION);
	CU_ASSERT_TRUE(card_watch_above(&w, WATCH_REFLECTION) && says(WATCH_REFLECTION, "9000 pW"));
	CU_ASSERT_FALSE(card_watch_above(&w, WATCH_DARK));
	/* All anew: what was seen is what there is. */
	card_watch_relearn(&w);
	CU_ASSERT_EQUAL(run(300, receiver, 0.5, 1000), 0);
	CU_ASSERT_FALSE(card_watch_above(&w, WATCH_PHOTOCURRENT));
}

static void test_counts(void)
{
	static struct optics_monitor_counts c;
	uint32_t over = 0;

	memset(&c, 0, sizeof(c));
	card_watch_init(&w, 10e-6, EXPECTED_FW);
	/* What was before the first look is nobody's. */
	c.trips[0] = 3;
	CU_ASSERT_EQUAL(card_watch_counts(&w, &c, 0.1), 0);
	for (unsigned int i = 0; i < 150; i++) {
		for (unsigned int d = 0; d < CARD_DETECTORS; d++) {
			c.arrivals[d][15] += 500;
			c.arrivals[d][16] += 500;
			for (unsigned int b = 0; b < OPTICS_ARRIVAL_BINS; b++)
				c.arrivals[d][b]++;
		}
		over |= card_watch_counts(&w, &c, 0.1);
	}
	CU_ASSERT_EQUAL(over, 0);
	for (unsigned int d = 0; d < CARD_DETECTORS; d++)
		c.arrivals[d][24] += 500;
	CU_ASSERT_EQUAL(card_watch_counts(&w, &c, 0.1), 1u << WATCH_ARRIVALS_FAR);
	CU_ASSERT_TRUE(card_watch_above(&w, WATCH_ARRIVALS_FAR));
	CU_ASSERT_TRUE(says(WATCH_ARRIVALS_FAR, "clicks arrive elsewhere"));
}

/* A card that its limits took down has told nothing by records. */
static void test_limits(void)
{
	static const struct {
		unsigned int limit;
		enum watch_monitor m;
		const char *alarm;
	} all[] = {{0, WATCH_REFLECTION_PEAK, "trojan-horse"},
	           {1, WATCH_OUTPUT, "laser-damage"},
	           {2, WATCH_PHOTOCURRENT_PEAK, "detector-blinding"},
	           {3, WATCH_TEMPERATURE, "card-temperature"}};
	static struct optics_monitor_counts c;

	memset(&c, 0, sizeof(c));
	card_watch_init(&w, 10e-6, EXPECTED_FW);
	card_watch_counts(&w, &c, 0.1);
	for (unsigned int i = 0; i < 4; i++) {
		c.trips[all[i].limit]++;
		CU_ASSERT_EQUAL(card_watch_counts(&w, &c, 0.1), 1u << all[i].m);
		CU_ASSERT_STRING_EQUAL(watch_row(all[i].m)->alarm, all[i].alarm);
		CU_ASSERT_TRUE(says(all[i].m, "the card went dark"));
		CU_ASSERT_EQUAL(card_watch_counts(&w, &c, 0.1), 0);
	}
}

static void test_status(void)
{
	struct watch_learnt l = {.count = 0};
	json_t *o;

	card_watch_init(&w, 10e-6, EXPECTED_FW);
	o = card_watch_json(&w);
	CU_ASSERT_PTR_NULL(json_object_get(o, "receiver"));
	json_decref(o);
	run(300, receiver, 0.5, 0);
	run(110, transmitter, 1, 900);
	o = card_watch_json(&w);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "records")), 410);
	CU_ASSERT_EQUAL(
	        json_array_size(json_object_get(json_object_get(o, "receiver"), "arrivals")),
	        CARD_DETECTORS + 1);
	CU_ASSERT_TRUE(json_is_true(json_object_get(json_object_get(o, "transmitter"), "learnt")));
	json_decref(o);
	/* Each once, and accepting changes none that is as it was. */
	card_watch_learnt(&w, &l);
	CU_ASSERT(l.count == 10 && l.count <= WATCH_STORE_BASELINES);
	for (unsigned int i = 0; i < l.count; i++)
		CU_ASSERT(!l.base[i].base->ready || (l.base[i].base->value > l.base[i].least &&
		                                     l.base[i].base->value < l.base[i].most));
	card_watch_accept(&w);
	CU_ASSERT_EQUAL(run(100, receiver, 0.5, 0), 0);
}

UNIT_MAIN(UNIT(test_records), UNIT(test_counts), UNIT(test_limits), UNIT(test_status))
