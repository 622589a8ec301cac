/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/decoy_share.h"
#include "drivers/watch/monitors.h"
#include "drivers/watch/samples.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "tests/unit/unit.h"

/* 50 km, hold-off 10 us: 97,000 clicks a second, of which 1/64 is shown and 0.68 matched. */
#define SAMPLES 1030
#define MU      0.5
#define NU      0.1
#define P_MU    0.7
/* Decoys of the samples: of a gain that is linear, less so many of them. */
#define SHARE(left) (0.03 * (left) / (0.35 + 0.03 * (left)))
/* What photon-number splitting of all pulses leaves of the decoy's gain there. */
#define SPLIT 0.231

static void init(struct watch_samples *w)
{
	watch_samples_init(w, MU, NU, P_MU, 1 - P_MU);
}

static uint32_t seconds(struct watch_samples *w, unsigned int n, double share, bool doubt)
{
	uint32_t over = 0;

	for (unsigned int i = 0; i < 10 * n; i++) {
		uint64_t all = SAMPLES / 10, k = number_binomial(all, share);

		over |= watch_samples_add(w, all - k, k, 0.1, doubt);
	}
	return over;
}

/* Hours: the least share of an honest fibre does not cross, and noise adds to it. */
static void test_honest(void)
{
	struct watch_samples w;

	init(&w);
	CU_ASSERT_EQUAL(seconds(&w, 3600, w.p0, false), 0);
	CU_ASSERT_EQUAL(seconds(&w, 3600, SHARE(1), false), 0);
	CU_ASSERT_EQUAL(seconds(&w, 3600, SHARE(1.3), false), 0);
}

/* Without a baseline, in seconds to half a minute. */
static void test_alarm(void)
{
	static const struct {
		double fraction;
		unsigned int seconds;
	} rows[] = {{1, 6}, {0.5, 15}, {0.25, 50}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned int r = 0; r < 20; r++) {
			double left = 1 - rows[i].fraction * (1 - SPLIT);
			struct watch_samples w;

			init(&w);
			CU_ASSERT_EQUAL(seconds(&w, rows[i].seconds, SHARE(left), false),
			                1u << WATCH_DECOY_SAMPLES);
			CU_ASSERT_TRUE(w.few.over);
			watch_samples_clear(&w);
			CU_ASSERT_FALSE(w.few.over);
			CU_ASSERT_EQUAL(seconds(&w, 60, SHARE(1), false), 0);
		}
}

/* What is said within N more seconds after the first FROM, as fibre_watch.c asks. */
static enum watch_samples_word word(struct watch_samples *w, unsigned int from, unsigned int n,
                                    double share)
{
	enum watch_samples_word says;

	seconds(w, from, share, false);
	for (unsigned int i = 0;; i++) {
		says = watch_samples_say(w, from + i, false);
		if (says != WATCH_SAMPLES_UNSETTLED || i == n)
			return says;
		seconds(w, 1, share, false);
	}
}

/* After a step of the loss: what lost decoys, and what lost light. */
static void test_word(void)
{
	unsigned int split[3] = {0}, tap[3] = {0}, strong[3] = {0}, soon[3] = {0};
	struct watch_samples learnt;

	init(&learnt);
	seconds(&learnt, 700, SHARE(1), false);
	CU_ASSERT_TRUE(learnt.base.ready);
	CU_ASSERT(fabs(exp(learnt.base.value) / SHARE(1) - 1) < 0.02);
	for (unsigned int r = 0; r < 200; r++) {
		struct watch_samples w = learnt;

		strong[word(&w, 2, 3, SHARE(SPLIT))]++;
		w = learnt;
		split[word(&w, 5, 10, SHARE(1 - 0.25 * (1 - SPLIT)))]++;
		w = learnt;
		tap[word(&w, 5, 10, SHARE(1))]++;
		w = learnt;
		soon[word(&w, 17, 1, SHARE(1))]++;
	}
	CU_ASSERT_EQUAL(strong[WATCH_SAMPLES_FEWER], 200);
	CU_ASSERT(split[WATCH_SAMPLES_FEWER] >= 190 && split[WATCH_SAMPLES_SAME] <= 2);
	CU_ASSERT(tap[WATCH_SAMPLES_SAME] >= 195 && tap[WATCH_SAMPLES_FEWER] <= 2);
	CU_ASSERT(soon[WATCH_SAMPLES_SAME] >= 195);
}

/* Noise that a shorter or brighter link does not have is no lack of decoys. */
static void test_more_light(void)
{
	struct watch_samples w;

	init(&w);
	seconds(&w, 700, SHARE(1.4), false);
	seconds(&w, 60, SHARE(1), false);
	CU_ASSERT_EQUAL(watch_samples_say(&w, 60, false), WATCH_SAMPLES_FEWER);
	CU_ASSERT_EQUAL(watch_samples_say(&w, 60, true), WATCH_SAMPLES_SAME);
}

/* Nobody teaches it more than the intensities may do, and nothing while it is in doubt. */
static void test_taught(void)
{
	struct watch_samples w;

	init(&w);
	seconds(&w, 700, SHARE(1.4), false);
	seconds(&w, 7200, SHARE(1.2), true);
	CU_ASSERT(fabs(exp(w.base.value) / SHARE(1.4) - 1) < 0.02);
	seconds(&w, 7200, SHARE(1.1), false);
	CU_ASSERT(exp(w.base.value) > SHARE(1.4) * 0.93);
	watch_samples_accept(&w);
	CU_ASSERT(fabs(exp(w.base.value) / SHARE(1.1) - 1) < 0.05);
}

static void test_recent(void)
{
	struct watch_samples w;
	uint64_t n, k;

	init(&w);
	CU_ASSERT_EQUAL(watch_samples_say(&w, 10, false), WATCH_SAMPLES_UNSETTLED);
	watch_samples_add(&w, 90, 10, 1, false);
	watch_samples_add(&w, 160, 40, 1, false);
	watch_samples_recent(&w, 1, &n, &k);
	CU_ASSERT(n == 200 && k == 40);
	watch_samples_recent(&w, 1000, &n, &k);
	CU_ASSERT(n == 300 && k == 50);
	/* A vacuum for a decoy says nothing. */
	watch_samples_init(&w, MU, 0, P_MU, 1 - P_MU);
	CU_ASSERT_EQUAL(watch_samples_add(&w, 1000, 0, 1, false), 0);
	CU_ASSERT_EQUAL(watch_samples_say(&w, 10, false), WATCH_SAMPLES_SAME);
}

UNIT_MAIN(UNIT(test_honest), UNIT(test_alarm), UNIT(test_word), UNIT(test_more_light),
          UNIT(test_taught), UNIT(test_recent))
