/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/qrng_window.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <string.h>

#define BEFORE 8
#define BEHIND 8

static uint8_t buf[BEFORE + QRNG_WINDOW_BYTES + BEHIND];
static uint8_t *const window = buf + BEFORE;

static unsigned int sample(int i)
{
	return window[(i + 64) / 8 - 8] >> (i + 64) % 8 & 1;
}

/* Fair, biased, with runs, constant. */
static void draw(unsigned int kind)
{
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = kind == 0   ? (uint8_t)dice(256)
		         : kind == 1 ? (uint8_t)(dice(256) & dice(256))
		         : kind == 2 ? (uint8_t)(dice(8) == 0 ? dice(256) : buf[i > 0 ? i - 1 : 0])
		                     : (uint8_t)(dice(40) == 0 ? dice(256) : 0xff);
}

static void check_kernel(const struct qrng_kernel *k)
{
	for (unsigned int round = 0; round < 400; round++) {
		uint16_t differ[QRNG_LAGS];
		uint32_t ones = 0;

		draw(round % 4);
		for (int i = 0; i < QRNG_WINDOW_BITS; i++)
			ones += sample(i);
		CU_ASSERT_EQUAL(k->ones(window), ones);
		k->lags(window, differ);
		for (int lag = 1; lag <= QRNG_LAGS; lag++) {
			uint32_t n = 0;

			for (int i = 0; i < QRNG_WINDOW_BITS; i++)
				n += sample(i) != sample(i - lag);
			CU_ASSERT_EQUAL(differ[lag - 1], n);
		}
	}
}

static void check_seek(const struct qrng_kernel *k)
{
	uint8_t pattern[8];

	memset(buf, 0x55, sizeof(buf));
	for (uint8_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i + 1;
	CU_ASSERT_FALSE(k->seek(window, pattern));
	for (size_t i = 0; i < QRNG_WINDOW_BYTES; i++) {
		memset(buf, 0x55, sizeof(buf));
		memcpy(window + i, pattern, sizeof(pattern));
		CU_ASSERT(k->seek(window, pattern));
	}
	memset(buf, 0x55, sizeof(buf));
	memcpy(window - 4, pattern, sizeof(pattern));
	CU_ASSERT_FALSE(k->seek(window, pattern));
}

static void test_portable(void)
{
	check_kernel(&qrng_kernel_portable);
	check_seek(&qrng_kernel_portable);
}

static void test_avx2(void)
{
	if (qrng_kernel_avx2() == NULL) {
		CU_ASSERT_PTR_EQUAL(qrng_kernel_best(), &qrng_kernel_portable);
		puts("no AVX2 here");
		return;
	}
	check_kernel(qrng_kernel_avx2());
	check_seek(qrng_kernel_avx2());
}

/* Against counting sample by sample, across windows and for each cut-off. */
static void test_runs(void)
{
	static const uint32_t cutoffs[] = {21, 31, 32, 33, 61, 121, 601};

	for (unsigned int c = 0; c < sizeof(cutoffs) / sizeof(cutoffs[0]); c++) {
		uint32_t run = 0, bit = 0, my_run = 0, my_bit = 0, found = 0;

		for (unsigned int round = 0; round < 400; round++) {
			bool mine = false, got;

			draw(round / 8 % 4);
			for (int i = 0; i < QRNG_WINDOW_BITS && !mine; i++) {
				my_run = my_run > 0 && sample(i) == my_bit ? my_run + 1 : 1;
				my_bit = sample(i);
				mine = my_run >= cutoffs[c];
			}
			got = qrng_window_runs(window, cutoffs[c], &run, &bit);
			CU_ASSERT_EQUAL_FATAL(got, mine);
			if (mine) {
				CU_ASSERT_EQUAL(bit, my_bit);
				CU_ASSERT(run >= cutoffs[c]);
				run = my_run = 0;
				found++;
			}
			CU_ASSERT_EQUAL(run, my_run);
			CU_ASSERT(run == 0 || bit == my_bit);
		}
		CU_ASSERT(found > 0 && found < 400);
	}
}

UNIT_MAIN(UNIT(test_portable), UNIT(test_avx2), UNIT(test_runs))
