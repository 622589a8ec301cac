/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/qrng.h"
#include "drivers/qrng_lane.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "common/hkdf.h"
#include "common/secret.h"

#define BUFFER  4096
#define STARTUP (QRNG_LONG_BITS / 8) /* bytes of a lane */

static uint64_t seed;

static uint64_t next_random(void)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void good(uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = next_random();

		memcpy(out + i, &v, n - i < 8 ? n - i : 8);
	}
}

static struct qrng *make(double claim, unsigned int alpha, unsigned int lanes)
{
	struct err err = {0};
	static bool ready;
	struct qrng *q = NULL;

	if (!ready)
		CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, &err), 0);
	ready = true;
	CU_ASSERT_EQUAL_FATAL(qrng_create(claim, alpha, &q, &err), 0);
	qrng_begin(q, lanes);
	return q;
}

static struct qrng_status status_of(const struct qrng *q)
{
	struct qrng_status s;

	qrng_status_read(q, &s);
	return s;
}

static void start(struct qrng *q, unsigned int lanes)
{
	uint8_t raw[BUFFER];

	for (size_t fed = 0; fed < (size_t)STARTUP * lanes; fed += BUFFER) {
		CU_ASSERT_EQUAL(qrng_state(q), QRNG_STARTUP);
		good(raw, sizeof(raw));
		qrng_feed(q, raw, sizeof(raw), 1, NULL, 0);
	}
	CU_ASSERT_EQUAL_FATAL(qrng_state(q), QRNG_OK);
}

static void test_refuses(void)
{
	struct err err = {0};
	struct qrng *q;

	CU_ASSERT_EQUAL(qrng_create(0.05, 60, &q, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "min-entropy: 0.05"));
	CU_ASSERT_EQUAL(qrng_create(NAN, 60, &q, &err), -EINVAL);
	CU_ASSERT_EQUAL(qrng_create(0.5, 81, &q, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "2^-81"));
}

/* 256 Mb of each claim raise nothing at 2^-60. */
static void test_good_stream(void)
{
	static const double claims[] = {0.1, 0.5, 0.9, 1.0};
	uint8_t raw[BUFFER], out[BUFFER];

	seed = 4711;
	for (size_t c = 0; c < sizeof(claims) / sizeof(claims[0]); c++) {
		struct qrng *q = make(claims[c], 60, 1);
		size_t made = 0, in = 0;

		start(q, 1);
		for (; in < (8u << 20); in += BUFFER) {
			good(raw, sizeof(raw));
			made += qrng_feed(q, raw, sizeof(raw), 1, out, sizeof(out));
		}
		CU_ASSERT_EQUAL(qrng_state(q), QRNG_OK);
		CU_ASSERT_EQUAL(status_of(q).failures, 0);
		/* 320 bits of min-entropy in for 256 out. */
		CU_ASSERT_DOUBLE_EQUAL((double)made / (double)in, 32 / ceil(40 / claims[c]), 1e-3);
		CU_ASSERT_EQUAL(status_of(q).conditioned, made);
		qrng_destroy(q);
	}
}

/*
 * False alarms as they must come. Runs of 21 of a fair coin begin at one sample in 2^21: 64 of
 * them in 2^27 samples, within 5 deviations. All tests together stay in their budget.
 */
static void test_false_alarms(void)
{
	struct qrng_limits limits;
	uint32_t run = 0, bit = 0, runs = 0;
	uint64_t failures;
	uint8_t window[QRNG_WINDOW_BYTES], raw[BUFFER];
	struct qrng *q;

	seed = 99;
	qrng_limits_set(&limits, 1.0, 20);
	CU_ASSERT_EQUAL(limits.rct, 21);
	for (uint32_t i = 0; i < 1u << 17; i++) {
		good(window, sizeof(window));
		if (qrng_window_runs(window, limits.rct, &run, &bit)) {
			runs++;
			run = 0; /* the rest of the window is not looked at */
		}
	}
	CU_ASSERT_DOUBLE_EQUAL(runs, 64, 40);

	q = make(1.0, 20, 1);
	for (uint32_t i = 0; i < (1u << 24) / BUFFER; i++) {
		good(raw, sizeof(raw));
		qrng_feed(q, raw, sizeof(raw), 1, NULL, 0);
		if (qrng_state(q) == QRNG_FAILED)
			qrng_restart(q);
	}
	/* 2^27 samples: at most 144 are expected; half of them, as a run needs a first sample. */
	failures = status_of(q).failures;
	CU_ASSERT(failures > 30 && failures < 144);
	qrng_destroy(q);
}

/* Samples until a fault is found that begins in a stream that ran well. */
static uint64_t found_after(double claim, unsigned int lanes, enum qrng_fault fault,
                            void (*spoil)(uint8_t *raw, size_t n, size_t at), uint64_t most)
{
	struct qrng *q = make(claim, 60, lanes);
	uint8_t raw[BUFFER], out[BUFFER];
	uint64_t before, fed = 0;

	start(q, lanes);
	before = status_of(q).samples;
	while (qrng_state(q) == QRNG_OK && 8 * fed < most) {
		good(raw, sizeof(raw));
		spoil(raw, sizeof(raw), fed);
		qrng_feed(q, raw, sizeof(raw), 1, out, sizeof(out));
		fed += sizeof(raw);
	}
	CU_ASSERT_EQUAL(qrng_state(q), QRNG_FAILED);
	CU_ASSERT_EQUAL(status_of(q).fault, fault);
	before = status_of(q).samples - before;
	qrng_destroy(q);
	return before;
}

static void zeros(uint8_t *raw, size_t n, size_t at)
{
	memset(raw, 0, n);
}

static void ones(uint8_t *raw, size_t n, size_t at)
{
	memset(raw, 0xff, n);
}

/* Each bit 1 with 15/16, with 5/8. */
static void much(uint8_t *raw, size_t n, size_t at)
{
	uint8_t more[BUFFER];

	for (int i = 0; i < 3; i++) {
		good(more, n);
		for (size_t k = 0; k < n; k++)
			raw[k] |= more[k];
	}
}

static void little(uint8_t *raw, size_t n, size_t at)
{
	uint8_t more[2][BUFFER];

	good(more[0], n);
	good(more[1], n);
	for (size_t k = 0; k < n; k++)
		raw[k] |= more[0][k] & more[1][k]; /* 1/2 + 1/2 * 1/4 */
}

static void test_stuck(void)
{
	CU_ASSERT_EQUAL(found_after(0.5, 1, QRNG_FAULT_STUCK, zeros, 1 << 20), 1024);
	CU_ASSERT_EQUAL(found_after(0.9, 1, QRNG_FAULT_STUCK, ones, 1 << 20), 1024);
	CU_ASSERT_EQUAL(found_after(0.1, 1, QRNG_FAULT_STUCK, zeros, 1 << 20), 1024);
}

static void test_biased(void)
{
	CU_ASSERT(found_after(0.5, 1, QRNG_FAULT_BIASED, much, 1 << 20) <= 4096);
	/* 0.625 is above 2^-0.9 = 0.536: the long windows see it. */
	CU_ASSERT(found_after(0.9, 1, QRNG_FAULT_BIASED, little, 1 << 22) <= 1 << 19);
}

static void alternating(uint8_t *raw, size_t n, size_t at)
{
	memset(raw, 0x55, n);
}

static void period(uint8_t *raw, size_t n, size_t at, size_t bits, unsigned int flips)
{
	static uint8_t once[65536 * 8];
	uint64_t keep = seed;

	seed = 5;
	for (size_t i = 0; i < bits; i++)
		once[i] = next_random() & 1;
	seed = keep;
	memset(raw, 0, n);
	for (size_t i = 0; i < 8 * n; i++)
		raw[i / 8] |= (uint8_t)((once[(8 * at + i) % bits] ^
		                         (flips > 0 && next_random() % 100 < flips))
		                        << i % 8);
}

static void period_37(uint8_t *raw, size_t n, size_t at)
{
	period(raw, n, at, 37, 0);
}

static void noisy_37(uint8_t *raw, size_t n, size_t at)
{
	period(raw, n, at, 37, 5);
}

static void period_1001(uint8_t *raw, size_t n, size_t at)
{
	period(raw, n, at, 1001, 0);
}

static void period_50000_bytes(uint8_t *raw, size_t n, size_t at)
{
	period(raw, n, at, 400000, 0);
}

/* Periods up to 64 in the first windows; up to 2^16 bytes within two and the next pattern. */
static void test_periodic(void)
{
	CU_ASSERT(found_after(0.5, 1, QRNG_FAULT_PERIODIC, alternating, 1 << 20) <= 2048);
	CU_ASSERT(found_after(0.5, 1, QRNG_FAULT_PERIODIC, period_37, 1 << 20) <= 2048);
	CU_ASSERT(found_after(0.9, 1, QRNG_FAULT_PERIODIC, noisy_37, 1 << 20) <= 2048);
	CU_ASSERT(found_after(0.5, 1, QRNG_FAULT_PERIODIC, period_1001, 1 << 21) <=
	          8 * 65536 + 8 * 1001);
	CU_ASSERT(found_after(0.5, 1, QRNG_FAULT_PERIODIC, period_50000_bytes, 1 << 22) <=
	          2 * 8 * 65536);
}

/* The third of four lanes. */
static void lane_2(uint8_t *raw, size_t n, size_t at)
{
	for (size_t i = 2; i < n; i += 4)
		raw[i] = 0;
}

static void test_lanes(void)
{
	struct qrng *q = make(0.5, 60, 4);
	uint8_t raw[BUFFER];

	CU_ASSERT(found_after(0.5, 4, QRNG_FAULT_STUCK, lane_2, 1 << 20) <= 4 * 1024);
	start(q, 4);
	good(raw, sizeof(raw));
	lane_2(raw, sizeof(raw), 0);
	qrng_feed(q, raw, sizeof(raw), 1, NULL, 0);
	CU_ASSERT_EQUAL(qrng_state(q), QRNG_FAILED);
	CU_ASSERT_EQUAL(status_of(q).fault_lane, 2);
	qrng_destroy(q);
}

/* What passes comes out as digests of blocks, in order; what does not, does not. */
static void test_conditioning(void)
{
	struct qrng *q = make(0.5, 60, 1);
	uint8_t raw[BUFFER], out[BUFFER], digest[32];
	size_t made;

	seed = 1;
	start(q, 1);
	good(raw, sizeof(raw));
	CU_ASSERT_EQUAL(status_of(q).block_in, 80);
	made = qrng_feed(q, raw, sizeof(raw), 1, out, sizeof(out));
	CU_ASSERT_EQUAL(made, BUFFER / 80 * 32);
	for (size_t i = 0; i < made / 32; i++) {
		sha256(raw + 80 * i, 80, digest);
		CU_ASSERT_EQUAL(memcmp(out + 32 * i, digest, sizeof(digest)), 0);
	}
	/* No more than there is room for, and nothing of a buffer that fails. */
	good(raw, sizeof(raw));
	CU_ASSERT_EQUAL(qrng_feed(q, raw, sizeof(raw), 1, out, 100), 96);
	good(raw, sizeof(raw));
	memset(raw + 2048, 0, 2048);
	memset(out, 0, sizeof(out));
	CU_ASSERT_EQUAL(qrng_feed(q, raw, sizeof(raw), 1, out, sizeof(out)), 0);
	for (size_t i = 0; i < sizeof(out); i++)
		CU_ASSERT_EQUAL(out[i], 0);
	qrng_destroy(q);
}

/* A fault stays, over a card that comes anew too, until start-up tests that were asked for pass. */
static void test_latch(void)
{
	struct qrng *q = make(0.5, 60, 1);
	uint8_t raw[BUFFER], out[BUFFER];

	start(q, 1);
	memset(raw, 0, sizeof(raw));
	qrng_feed(q, raw, sizeof(raw), 7, out, sizeof(out));
	CU_ASSERT_EQUAL(qrng_state(q), QRNG_FAILED);
	CU_ASSERT_STRING_EQUAL(qrng_fault_name(status_of(q).fault), "stuck");
	CU_ASSERT(strncmp(status_of(q).fault_text, "repetition count", 16) == 0);
	for (int i = 0; i < 64; i++) {
		good(raw, sizeof(raw));
		CU_ASSERT_EQUAL(qrng_feed(q, raw, sizeof(raw), 8, out, sizeof(out)), 0);
	}
	qrng_fail(q, QRNG_FAULT_CARD, 0, "later");
	CU_ASSERT_EQUAL(status_of(q).fault, QRNG_FAULT_STUCK);
	qrng_begin(q, 1);
	CU_ASSERT_EQUAL(qrng_state(q), QRNG_FAILED);
	/* A restart on a source that is still stuck is another fault. */
	qrng_restart(q);
	memset(raw, 0, sizeof(raw));
	qrng_feed(q, raw, sizeof(raw), 9, out, sizeof(out));
	CU_ASSERT_EQUAL(qrng_state(q), QRNG_FAILED);
	CU_ASSERT_EQUAL(status_of(q).failures, 2);
	qrng_restart(q);
	good(raw, sizeof(raw));
	qrng_feed(q, raw, sizeof(raw), 10, out, sizeof(out));
	CU_ASSERT_EQUAL(qrng_state(q), QRNG_STARTUP);
	CU_ASSERT(status_of(q).latched);
	CU_ASSERT_EQUAL(qrng_tested_until(q), 0);
	for (int i = 1; i < STARTUP / BUFFER; i++) {
		good(raw, sizeof(raw));
		CU_ASSERT_EQUAL(qrng_feed(q, raw, sizeof(raw), 10, out, sizeof(out)), 0);
	}
	CU_ASSERT_EQUAL(qrng_state(q), QRNG_OK);
	CU_ASSERT_FALSE(status_of(q).latched);
	CU_ASSERT_EQUAL(qrng_tested_until(q), 0);
	for (int i = 0; i < STARTUP / BUFFER + 1; i++) {
		good(raw, sizeof(raw));
		qrng_feed(q, raw, sizeof(raw), 11, out, sizeof(out));
	}
	CU_ASSERT_EQUAL(qrng_tested_until(q), 10);
	qrng_destroy(q);
}

/*
 * What all tests have seen is what was drawn before their round began, of two long windows, by when
 * a pattern out of its first window was sought in the 512 behind it.
 */
static void test_tested_until(void)
{
	const unsigned int round = 2 * STARTUP / BUFFER;
	struct qrng *q = make(0.5, 60, 1);
	uint8_t raw[BUFFER], out[BUFFER];

	for (unsigned int i = 0; i < 3 * round; i++) {
		CU_ASSERT_EQUAL(qrng_tested_until(q),
		                i <= round ? 0 : 1000 + ((i - 1) / round - 1) * round);
		good(raw, sizeof(raw));
		qrng_feed(q, raw, sizeof(raw), 1000 + i, out, sizeof(out));
	}
	/* After a hole the windows begin anew, and no sample is one before another. */
	qrng_gap(q);
	CU_ASSERT_EQUAL(qrng_state(q), QRNG_OK);
	CU_ASSERT_EQUAL(qrng_tested_until(q), 1000 + round);
	for (unsigned int i = 0; i <= round; i++) {
		good(raw, sizeof(raw));
		qrng_feed(q, raw, sizeof(raw), 5000 + i, out, sizeof(out));
	}
	CU_ASSERT_EQUAL(qrng_tested_until(q), 5000);
	qrng_destroy(q);
}

UNIT_MAIN(UNIT(test_refuses), UNIT(test_good_stream), UNIT(test_false_alarms), UNIT(test_stuck),
          UNIT(test_biased), UNIT(test_periodic), UNIT(test_lanes), UNIT(test_conditioning),
          UNIT(test_latch), UNIT(test_tested_until))
