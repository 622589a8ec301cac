/* SPDX-License-Identifier: BSD-3-Clause */

#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "drivers/qrng_window.h"

#define TARGET  __attribute__((target("avx2,popcnt")))
#define VECTORS (QRNG_WINDOW_BYTES / 32)

TARGET static inline __m256i load(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

TARGET static uint32_t ones(const uint8_t window[QRNG_WINDOW_BYTES])
{
	uint64_t n = 0;

	for (int i = 0; i < QRNG_WINDOW_BYTES / 8; i++) {
		uint64_t w;

		memcpy(&w, window + 8 * i, sizeof(w));
		n += (uint64_t)__builtin_popcountll(w);
	}
	return (uint32_t)n;
}

/* Ones of each byte (Mula: four bits looked up at a time). */
TARGET static inline __m256i bytes_ones(__m256i v)
{
	const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1,
	                                       1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
	const __m256i nibble = _mm256_set1_epi8(15);

	return _mm256_add_epi8(
	        _mm256_shuffle_epi8(table, _mm256_and_si256(v, nibble)),
	        _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble)));
}

TARGET static void lags(const uint8_t *window, uint16_t differ[QRNG_LAGS])
{
	__m256i now[VECTORS], before[VECTORS];

	for (int i = 0; i < VECTORS; i++) {
		now[i] = load(window + 32 * i);
		before[i] = load(window + 32 * i - 8);
	}
	for (int lag = 1; lag <= QRNG_LAGS; lag++) {
		const __m128i up = _mm_cvtsi32_si128(lag), down = _mm_cvtsi32_si128(64 - lag);
		__m256i v[VECTORS], pair, three, sum;
		__m128i half;

		for (int i = 0; i < VECTORS; i++)
			v[i] = _mm256_xor_si256(now[i],
			                        _mm256_or_si256(_mm256_sll_epi64(now[i], up),
			                                        _mm256_srl_epi64(before[i], down)));
		/* Three vectors become their sum and their carries: a count less. */
		pair = _mm256_xor_si256(v[0], v[1]);
		three = _mm256_xor_si256(pair, v[2]);
		pair = _mm256_or_si256(_mm256_and_si256(v[0], v[1]), _mm256_and_si256(pair, v[2]));
		pair = bytes_ones(pair);
		sum = _mm256_add_epi8(bytes_ones(three), bytes_ones(v[3]));
		sum = _mm256_add_epi8(sum, _mm256_add_epi8(pair, pair));
		sum = _mm256_sad_epu8(sum, _mm256_setzero_si256());
		half = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
		differ[lag - 1] = (uint16_t)(_mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1));
	}
}

TARGET static bool seek(const uint8_t *at, const uint8_t pattern[8])
{
	const __m256i a = _mm256_set1_epi8((char)pattern[0]),
	              b = _mm256_set1_epi8((char)pattern[1]),
	              c = _mm256_set1_epi8((char)pattern[2]),
	              d = _mm256_set1_epi8((char)pattern[3]);
	unsigned int found = 0;

	for (int i = 0; i < VECTORS; i++, at += 32) {
		__m256i ab = _mm256_and_si256(_mm256_cmpeq_epi8(load(at), a),
		                              _mm256_cmpeq_epi8(load(at + 1), b));
		__m256i cd = _mm256_and_si256(_mm256_cmpeq_epi8(load(at + 2), c),
		                              _mm256_cmpeq_epi8(load(at + 3), d));

		found |= (unsigned int)_mm256_movemask_epi8(_mm256_and_si256(ab, cd));
	}
	return found != 0;
}

const struct qrng_kernel *qrng_kernel_avx2(void)
{
	static const struct qrng_kernel kernel = {"avx2", ones, lags, seek};

	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") ? &kernel : NULL;
}
