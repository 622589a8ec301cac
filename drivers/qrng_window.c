/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/qrng_window.h"

#include <string.h>

#define WORDS (QRNG_WINDOW_BYTES / 8)

static inline uint64_t word(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w)); /* little-endian, as the card's */
	return w;
}

/* Without the instruction, which the baseline does not have: sums of 2, 4, 8 bits side by side. */
static inline uint64_t bytes_ones(uint64_t v)
{
	v -= v >> 1 & 0x5555555555555555;
	v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
	return (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f;
}

static inline uint32_t total(uint64_t bytes)
{
	/* 16 words have 128 ones in a byte place at most. */
	uint64_t pairs = (bytes & 0x00ff00ff00ff00ff) + (bytes >> 8 & 0x00ff00ff00ff00ff);

	return (uint32_t)(pairs * 0x0001000100010001 >> 48);
}

static uint32_t ones(const uint8_t window[QRNG_WINDOW_BYTES])
{
	uint64_t bytes = 0;

	for (int i = 0; i < WORDS; i++)
		bytes += bytes_ones(word(window + 8 * i));
	return total(bytes);
}

static void lags(const uint8_t *window, uint16_t differ[QRNG_LAGS])
{
	uint64_t w[WORDS + 1];

	memcpy(w, window - 8, sizeof(w));
	for (unsigned int lag = 1; lag <= QRNG_LAGS; lag++) {
		uint64_t bytes = 0;

		for (int i = 0; i < WORDS; i++) {
			uint64_t before = lag == 64 ? w[i] : w[i + 1] << lag | w[i] >> (64 - lag);

			bytes += bytes_ones(w[i + 1] ^ before);
		}
		differ[lag - 1] = (uint16_t)total(bytes);
	}
	explicit_bzero(w, sizeof(w));
}

static bool seek(const uint8_t *at, const uint8_t pattern[8])
{
	const uint64_t wanted = word(pattern);
	bool found = false;

	for (int i = 0; i < QRNG_WINDOW_BYTES; i++)
		found |= word(at + i) == wanted;
	return found;
}

const struct qrng_kernel qrng_kernel_portable = {"portable", ones, lags, seek};

const struct qrng_kernel *qrng_kernel_best(void)
{
	const struct qrng_kernel *avx2 = qrng_kernel_avx2();

	return avx2 != NULL ? avx2 : &qrng_kernel_portable;
}

static bool runs_exactly(const uint8_t *window, uint32_t cutoff, uint32_t *run, uint32_t *bit)
{
	for (unsigned int i = 0; i < QRNG_WINDOW_BITS; i++) {
		uint32_t b = window[i / 8] >> i % 8 & 1;

		*run = *run > 0 && b == *bit ? *run + 1 : 1;
		*bit = b;
		if (*run >= cutoff)
			return true;
	}
	return false;
}

bool qrng_window_runs(const uint8_t window[QRNG_WINDOW_BYTES], uint32_t cutoff, uint32_t *run,
                      uint32_t *bit)
{
	const uint64_t low = 0x0001000100010001, high = 0x8000800080008000;
	uint64_t previous = *run > 0 ? *bit : ~word(window) & 1, differ = 0, hit = 0, first = 0;

	/*
	 * Where a sample differs from the one before. 31 in a row that do not hold 16 at a place
	 * that is a multiple of 16, which is rare: only then each sample is looked at.
	 */
	for (int i = 0; i < WORDS; i++) {
		uint64_t w = word(window + 8 * i);

		differ = w ^ (w << 1 | previous);
		previous = w >> 63;
		hit |= (differ - low) & ~differ & high;
		if (i == 0)
			first = differ;
	}
	if (hit != 0 || cutoff < 32)
		return runs_exactly(window, cutoff, run, bit);
	if (*run > 0 && *run + (uint32_t)__builtin_ctzll(first) >= cutoff) {
		*run += (uint32_t)__builtin_ctzll(first);
		return true;
	}
	*run = (uint32_t)__builtin_clzll(differ) + 1;
	*bit = (uint32_t)previous;
	return false;
}
