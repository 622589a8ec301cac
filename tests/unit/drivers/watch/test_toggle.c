/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/toggle.h"
#include "drivers/watch/monitors.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "tests/unit/unit.h"

#include <string.h>

#define LIVE 1e7 /* slots of a tenth of a second outside of hold-offs */

/* Clicks a slot by state. */
struct link {
	double light, dark, emitter, low_ratio;
	double dark_seen; /* share of the dark counts that still come */
	int32_t mc;
};

static const struct link honest = {
        .light = 1e-3, .dark = 4e-6, .emitter = 4e-3, .low_ratio = 0.5, .dark_seen = 1};

static void count(struct card_rx_reading *r, unsigned int s, double live, double p)
{
	r->live[s] = (uint64_t)live;
	r->clicks[s][0] = (uint32_t)number_binomial((uint64_t)live, p);
}

static uint32_t step(struct watch_toggle *w, const struct link *l)
{
	struct card_rx_reading r = {.seconds = 0.1};
	double dark = l->dark * l->dark_seen;

	for (unsigned int d = 0; d < CARD_DETECTORS; d++)
		r.detector_mc[d] = l->mc;
	count(&r, CARD_STATE_NORMAL, LIVE, l->light + dark);
	count(&r, CARD_STATE_LOW, LIVE / 128, l->light * l->low_ratio + dark);
	/* Hardly any hold-offs in the dark. */
	count(&r, CARD_STATE_SHUT, 10 * LIVE / 256, dark);
	count(&r, CARD_STATE_EMIT, LIVE / 1024, l->light + dark + l->emitter);
	return watch_toggle_add(w, &r);
}

/* Seconds until monitor M fires and no other; -1: another did, 0: none. */
static double run(struct watch_toggle *w, const struct link *l, double seconds, unsigned int m)
{
	for (unsigned int i = 1; i <= seconds * 10; i++) {
		uint32_t over = step(w, l);

		if (over != 0)
			return m < WATCH_MONITORS && over == 1u << m ? i / 10.0 : -1;
	}
	return 0;
}

static void learn(struct watch_toggle *w, const struct link *l)
{
	watch_toggle_init(w);
	CU_ASSERT_EQUAL(run(w, l, 120, WATCH_MONITORS), 0);
	CU_ASSERT(w->efficiency.base.ready && w->emitter.base.ready && w->dark.base.ready);
}

static void test_honest(void)
{
	struct watch_toggle w;
	struct link l = honest;

	learn(&w, &l);
	CU_ASSERT(fabs(exp(w.efficiency.base.value) - 0.5) < 0.03);
	CU_ASSERT(fabs(exp(w.emitter.base.value) / 4e-3 - 1) < 0.05);
	CU_ASSERT(fabs(exp(w.dark.base.value) / 4e-6 - 1) < 0.2);
	/* Light that changes, or goes and leaves dark counts alone, changes no answer. */
	l.light *= 5;
	CU_ASSERT_EQUAL(run(&w, &l, 60, WATCH_MONITORS), 0);
	l.light = 0;
	CU_ASSERT_EQUAL(run(&w, &l, 60, WATCH_MONITORS), 0);
	l.light = 1e-4;
	CU_ASSERT_EQUAL(run(&w, &l, 60, WATCH_MONITORS), 0);
}

/* The light goes while the efficiency is low: hardly any hold-offs, so many live slots of that. */
static void test_light_goes(void)
{
	struct watch_toggle w;
	struct link l = honest, gone = honest;

	gone.light = 0;
	learn(&w, &l);
	for (unsigned int i = 0; i < 20; i++) {
		struct card_rx_reading r = {.seconds = 0.1};

		CU_ASSERT_EQUAL(run(&w, &l, 3, WATCH_MONITORS), 0);
		count(&r, CARD_STATE_NORMAL, LIVE, l.light);
		count(&r, CARD_STATE_LOW, LIVE / 128, l.light / 2);
		r.live[CARD_STATE_LOW] += 1000000;
		CU_ASSERT_EQUAL(watch_toggle_add(&w, &r), 0);
		CU_ASSERT_EQUAL(run(&w, &gone, 1, WATCH_MONITORS), 0);
	}
}

static void test_efficiency(void)
{
	struct watch_toggle w;
	struct link l = honest;
	double found;

	learn(&w, &l);
	l.low_ratio = 1;
	found = run(&w, &l, 30, WATCH_EFFICIENCY);
	CU_ASSERT(found > 0 && found < 10);
	/* A threshold that moves with the efficiency: nothing passes it. */
	l = honest;
	learn(&w, &l);
	l.low_ratio = 0;
	found = run(&w, &l, 30, WATCH_EFFICIENCY);
	CU_ASSERT(found > 0 && found < 10);
}

static void test_dark_and_emitter(void)
{
	struct watch_toggle w;
	struct link l = honest;
	double found;

	learn(&w, &l);
	l.dark_seen = 0;
	found = run(&w, &l, 60, WATCH_DARK);
	CU_ASSERT(found > 0 && found < 60);
	l = honest;
	learn(&w, &l);
	l.emitter = 0;
	found = run(&w, &l, 60, WATCH_EMITTER);
	CU_ASSERT(found > 0 && found < 30);
}

/* Cooled detectors have fewer dark counts, and that is not an attack. */
static void test_temperature(void)
{
	struct watch_toggle w;
	struct link l = honest;

	l.mc = -50000;
	learn(&w, &l);
	l.mc = -90000;
	l.dark_seen = 0.05;
	CU_ASSERT_EQUAL(run(&w, &l, 300, WATCH_MONITORS), 0);
	CU_ASSERT(w.dark.base.ready && fabs(exp(w.dark.base.value) / 2e-7 - 1) < 0.5);
}

UNIT_MAIN(UNIT(test_honest), UNIT(test_light_goes), UNIT(test_efficiency),
          UNIT(test_dark_and_emitter), UNIT(test_temperature))
