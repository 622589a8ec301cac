/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/phase_track.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>

#define MS 1000000ULL /* slots of 1 ns */

/* A transmitter, a channel and a receiver whose clocks differ. */
struct link {
	uint64_t random;
	double rate;  /* clicks per slot */
	double noise; /* share of clicks at any phase */
	double jitter;
	double frequency;                     /* receiver's slots are shorter by so much */
	double drift_amplitude, drift_period; /* of the frequency, in slots */
	uint64_t k;                           /* transmitter's slot */
	uint64_t slot;                        /* receiver's clock: whole slots ... */
	double frac;                          /* ... and the rest */
};

struct arrival {
	uint64_t slot, k;
	unsigned int sub;
	bool signal;
};

static double gauss[1 << 16], spacing[1 << 16];

static uint64_t next_random(uint64_t *s)
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void fill_tables(void)
{
	uint64_t s = 1;

	for (int i = 0; i < 1 << 16; i++) {
		double u = ((double)(next_random(&s) >> 11) + 0.5) / 9007199254740992.0;
		double v = (double)(next_random(&s) >> 11) / 9007199254740992.0;

		gauss[i] = sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
		spacing[i] = -log((i + 0.5) / 65536);
	}
}

static struct link link_new(uint64_t seed, double per_second, double frequency)
{
	struct link l = {.random = seed, .rate = per_second * 1e-9, .noise = 0.3, .jitter = 0.05};

	l.frequency = frequency;
	l.k = 1000000 + next_random(&l.random) % 100000000;
	l.slot = next_random(&l.random) % 100000000;
	l.frac = (double)(next_random(&l.random) % 1000) / 1000;
	return l;
}

/* Let STEP of the transmitter's slots pass. */
static void pass(struct link *l, uint64_t step)
{
	double f = l->frequency, whole;

	if (l->drift_period > 0)
		f += l->drift_amplitude * sin(6.283185307179586 * (double)l->k / l->drift_period);
	l->k += step;
	l->frac += f * (double)step;
	whole = floor(l->frac);
	l->slot += step + (uint64_t)(int64_t)whole;
	l->frac -= whole;
}

static struct arrival click(struct link *l)
{
	uint64_t r = next_random(&l->random);
	struct arrival a;
	double at, whole;

	/* A hold-off of 500 slots, then exponential. */
	pass(l, 500 + (uint64_t)(spacing[r & 0xffff] * (1 / l->rate - 500)));
	a.signal = (double)(r >> 48) / 65536 >= l->noise;
	at = l->frac + (a.signal ? l->jitter * gauss[r >> 16 & 0xffff]
	                         : (double)(r >> 32 & 0xffff) / 65536 - 0.5);
	whole = floor(at);
	a.slot = l->slot + (uint64_t)(int64_t)whole;
	a.sub = (unsigned int)((at - whole) * 256);
	a.k = l->k;
	return a;
}

/* Follow the link up to receiver's slot END; numbers must differ from k by *OFFSET. */
struct follow {
	bool have_offset;
	int64_t offset;
	uint64_t clicks, unlocked, wrong, backwards, last;
};

static void follow(struct phase_track *t, struct link *l, uint64_t end, struct follow *f)
{
	while (l->slot < end) {
		struct arrival a = click(l);
		uint64_t out;
		int64_t d;

		f->clicks++;
		if (!phase_track_click(t, a.slot, a.sub, &out)) {
			f->unlocked++;
			continue;
		}
		d = (int64_t)(out - a.k);
		if (!f->have_offset && a.signal) {
			f->have_offset = true;
			f->offset = d;
		}
		if (!f->have_offset)
			continue;
		f->wrong += a.signal ? d != f->offset : llabs(d - f->offset) > 1;
		f->backwards += out < f->last;
		f->last = out;
	}
}

static uint64_t lock_time(struct phase_track *t, struct link *l)
{
	uint64_t start = l->slot, out;

	while (!t->locked && l->slot - start < 1000 * MS) {
		struct arrival a = click(l);

		phase_track_click(t, a.slot, a.sub, &out);
	}
	return l->slot - start;
}

static void test_locks_soon_and_holds(void)
{
	static const double rates[] = {1e5, 3e5, 8.6e5, 1e6};
	static const double frequencies[] = {-1e-6, -2e-7, -1.3e-8, 0, 2e-9, 2.4e-7, 7e-7, 1e-6};
	static struct phase_track t;
	uint64_t worst = 0;

	fill_tables();
	for (unsigned int r = 0; r < 4; r++) {
		for (unsigned int i = 0; i < 8; i++) {
			struct link l = link_new(100 * r + i + 1, rates[r], frequencies[i]);
			struct follow f = {0};
			uint64_t time;

			phase_track_init(&t);
			time = lock_time(&t, &l);
			worst = time > worst ? time : worst;
			CU_ASSERT(time < (rates[r] > 8e5 ? 10 * MS : 30 * MS));
			follow(&t, &l, l.slot + 30 * MS, &f);
			CU_ASSERT_EQUAL(f.unlocked, 0);
			CU_ASSERT_EQUAL(f.wrong, 0);
			CU_ASSERT_EQUAL(f.backwards, 0);
			CU_ASSERT_EQUAL(t.epoch, 1);
			CU_ASSERT_DOUBLE_EQUAL(t.frequency, frequencies[i], 2e-8);
			CU_ASSERT_DOUBLE_EQUAL(t.coherence, 0.67, 0.25);
		}
	}
	printf("slowest lock: %.1f ms\n", (double)worst / MS);
}

/* 10^7 clicks while the clocks drift by up to 30 ppb a second: no slot is ever slipped. */
static void test_never_slips(void)
{
	static struct phase_track t;
	struct link l = link_new(7, 8.6e5, 2e-7);
	struct follow f = {0};

	l.drift_amplitude = 2e-8;
	l.drift_period = 4e9;
	phase_track_init(&t);
	lock_time(&t, &l);
	while (f.clicks < 10000000)
		follow(&t, &l, l.slot + 100 * MS, &f);
	CU_ASSERT_EQUAL(f.unlocked, 0);
	CU_ASSERT_EQUAL(f.wrong, 0);
	CU_ASSERT_EQUAL(f.backwards, 0);
	CU_ASSERT_EQUAL(t.epoch, 1);
}

static void test_noise_never_locks(void)
{
	static struct phase_track t;
	struct link l = link_new(8, 8.6e5, 0);
	struct follow f = {0};

	l.noise = 1;
	phase_track_init(&t);
	follow(&t, &l, l.slot + 1000 * MS, &f);
	CU_ASSERT_EQUAL(f.unlocked, f.clicks);
	CU_ASSERT_EQUAL(t.epoch, 0);
}

static void test_random_phases_lose_the_lock(void)
{
	static struct phase_track t;
	static const double rates[] = {1e5, 8.6e5};

	for (int r = 0; r < 2; r++) {
		struct link l = link_new(9, rates[r], -3e-7);
		uint64_t start, out;

		phase_track_init(&t);
		lock_time(&t, &l);
		l.noise = 1;
		start = l.slot;
		while (t.locked && l.slot - start < 1000 * MS) {
			struct arrival a = click(&l);

			phase_track_click(&t, a.slot, a.sub, &out);
		}
		CU_ASSERT(l.slot - start < 22 * MS);
		CU_ASSERT_FALSE(t.locked);
		l.noise = 0.3;
		CU_ASSERT(lock_time(&t, &l) < 30 * MS);
	}
}

static void test_light_gone_loses_the_lock(void)
{
	static struct phase_track t;
	struct link l = link_new(10, 8.6e5, 1e-7);
	uint64_t start, out;

	phase_track_init(&t);
	lock_time(&t, &l);
	/* No clicks at all: time alone shows it. */
	start = l.slot;
	for (uint64_t now = start; t.locked && now < start + 1000 * MS; now += MS / 10) {
		phase_track_idle(&t, now);
		l.slot = now;
	}
	CU_ASSERT_FALSE(t.locked);
	CU_ASSERT(l.slot - start < 28 * MS);
	/* Dark counts only. */
	CU_ASSERT(lock_time(&t, &l) < 10 * MS);
	l.noise = 1;
	l.rate = 4e-6;
	start = l.slot;
	while (t.locked && l.slot - start < 1000 * MS) {
		struct arrival a = click(&l);

		phase_track_click(&t, a.slot, a.sub, &out);
	}
	CU_ASSERT(l.slot - start < 28 * MS);
	/* The first click after a long silence that nobody reported. */
	l.noise = 0.3;
	l.rate = 8.6e-4;
	CU_ASSERT(lock_time(&t, &l) < 10 * MS);
	pass(&l, 500 * MS);
	struct arrival a = click(&l);
	CU_ASSERT_FALSE(phase_track_click(&t, a.slot, a.sub, &out));
	CU_ASSERT_FALSE(t.locked);
}

/* Short outages change neither the lock nor the numbers. */
static void test_numbers_go_on_over_gaps(void)
{
	static struct phase_track t;

	for (uint64_t seed = 0; seed < 20; seed++) {
		struct link l = link_new(20 + seed, seed % 2 ? 8.6e5 : 1e5, 5e-7);
		struct follow f = {0};

		phase_track_init(&t);
		lock_time(&t, &l);
		follow(&t, &l, l.slot + 50 * MS, &f);
		for (int i = 0; i < 20; i++) {
			pass(&l, MS + next_random(&l.random) % (i < 10 ? 1 : 9 * MS));
			phase_track_idle(&t, l.slot);
			follow(&t, &l, l.slot + 5 * MS, &f);
		}
		CU_ASSERT_EQUAL(f.unlocked, 0);
		CU_ASSERT_EQUAL(f.wrong, 0);
		CU_ASSERT_EQUAL(t.epoch, 1);
	}
}

/* A lost lock that comes back soon keeps its numbers; after half a second nobody can tell. */
static void test_epochs(void)
{
	static struct phase_track t;
	struct link l = link_new(30, 8.6e5, -4e-7);
	struct follow f = {0}, g = {0};

	phase_track_init(&t);
	lock_time(&t, &l);
	follow(&t, &l, l.slot + 100 * MS, &f);
	pass(&l, 20 * MS);
	follow(&t, &l, l.slot + 50 * MS, &f);
	CU_ASSERT(f.unlocked > 0 && f.unlocked < 15000);
	CU_ASSERT_EQUAL(f.wrong, 0);
	CU_ASSERT_EQUAL(t.epoch, 1);
	pass(&l, 5000 * MS);
	follow(&t, &l, l.slot + 50 * MS, &g);
	CU_ASSERT_EQUAL(t.epoch, 2);
	CU_ASSERT_EQUAL(g.wrong, 0);
	CU_ASSERT(g.clicks - g.unlocked > 20000);
	CU_ASSERT(g.last > f.last);
}

/* The path changes by half a slot at once: what follows is another epoch, not a silent slip. */
static void test_a_step_is_another_epoch(void)
{
	static struct phase_track t;
	struct link l = link_new(40, 8.6e5, 1e-7);
	struct follow f = {0};

	phase_track_init(&t);
	lock_time(&t, &l);
	follow(&t, &l, l.slot + 20 * MS, &f);
	CU_ASSERT_EQUAL(t.epoch, 1);
	l.frac += 0.45;
	while (t.locked && f.clicks < 100000)
		follow(&t, &l, l.slot + 1, &f);
	CU_ASSERT_FALSE(t.locked);
	CU_ASSERT(lock_time(&t, &l) < 10 * MS);
	CU_ASSERT_EQUAL(t.epoch, 2);
}

static void test_slot_now_follows_the_numbers(void)
{
	static struct phase_track t;
	struct link l = link_new(50, 8.6e5, 9e-7);
	uint64_t out;

	phase_track_init(&t);
	CU_ASSERT_EQUAL(phase_track_slot(&t, 12345), 12345);
	lock_time(&t, &l);
	for (int i = 0; i < 100000; i++) {
		struct arrival a = click(&l);
		int64_t d;

		CU_ASSERT_TRUE_FATAL(phase_track_click(&t, a.slot, a.sub, &out));
		d = (int64_t)(phase_track_slot(&t, a.slot) - out);
		if (d < -1 || d > 1)
			CU_FAIL_FATAL("the grid's slot is not the clicks'");
	}
}

/* Pulses at their place are late by nothing, those moved by as much, until the lock is lost. */
static void test_lateness(void)
{
	static struct phase_track t;
	struct link l = link_new(60, 8.6e5, 3e-7);
	double late, sum = 0, far = 0;
	unsigned int n = 0;
	uint64_t out;

	memset(&t, 0, sizeof(t));
	l.noise = 0;
	CU_ASSERT_FALSE(phase_track_late(&t, l.slot, 0, &late));
	lock_time(&t, &l);
	for (unsigned int i = 0; i < 20000; i++) {
		struct arrival a = click(&l);

		CU_ASSERT_TRUE(phase_track_click(&t, a.slot, a.sub, &out));
		CU_ASSERT_TRUE_FATAL(phase_track_late(&t, a.slot, a.sub, &late));
		sum += late * late;
		far += fabs(late) > 0.25;
	}
	/* 0.05 of jitter, 1/256 of resolution, a hundredth of the filter. */
	CU_ASSERT(sqrt(sum / 20000) > 0.045 && sqrt(sum / 20000) < 0.06);
	CU_ASSERT(far < 10);
	l.frac += 0.5;
	l.noise = 0;
	for (far = 0; n < 2000; n++) {
		struct arrival a = click(&l);

		if (!phase_track_click(&t, a.slot, a.sub, &out))
			break;
		far += phase_track_late(&t, a.slot, a.sub, &late) && fabs(late) > 0.25;
	}
	CU_ASSERT(n > 100 && n < 2000 && far == n);
	CU_ASSERT_FALSE(phase_track_late(&t, l.slot, 0, &late));
}

UNIT_MAIN(UNIT(test_locks_soon_and_holds), UNIT(test_never_slips), UNIT(test_noise_never_locks),
          UNIT(test_random_phases_lose_the_lock), UNIT(test_light_gone_loses_the_lock),
          UNIT(test_numbers_go_on_over_gaps), UNIT(test_epochs), UNIT(test_a_step_is_another_epoch),
          UNIT(test_slot_now_follows_the_numbers), UNIT(test_lateness))
