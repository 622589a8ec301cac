/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/gf2_mul.h"

#include <immintrin.h>

#define TARGET __attribute__((target("vpclmulqdq,pclmul,avx2")))

/* The pairs of words at P and, in the upper lane, at P + 1. */
TARGET static inline __m256i load_both(const uint64_t *p)
{
	return _mm256_loadu2_m128i((const __m128i *)(const void *)(p + 1),
	                           (const __m128i *)(const void *)p);
}

/*
 * Words q and q + 1 of the sum (see gf2_mul_pclmul.c) in the two lanes of a register. T[2w],
 * behind the end, is reached where w is even: the last word is then computed on its own.
 */
TARGET static void toeplitz(uint64_t *out, const uint64_t *t, const uint64_t *v, size_t w)
{
	uint64_t high = 0;

	for (size_t q = 0; q <= w; q += 2) {
		/* The upper lane is not used when q is the last: keep inside of T by going back. */
		size_t back = q == w;
		const uint64_t *x = t + q + w - 1 - back;
		__m256i s0 = _mm256_setzero_si256(), s1 = _mm256_setzero_si256();
		uint64_t s[4];
		size_t j = 0;

		for (; j + 1 < w; j += 2) {
			__m256i a = load_both(x - j - 1);
			__m256i b = _mm256_broadcastsi128_si256(
			        _mm_loadu_si128((const __m128i *)(const void *)(v + j)));

			s0 = _mm256_xor_si256(s0, _mm256_clmulepi64_epi128(a, b, 0x01));
			s1 = _mm256_xor_si256(s1, _mm256_clmulepi64_epi128(a, b, 0x10));
		}
		if (j < w) {
			__m256i a = _mm256_set_epi64x(0, (long long)x[1 - (long)j], 0,
			                              (long long)x[-(long)j]);

			s0 = _mm256_xor_si256(
			        s0, _mm256_clmulepi64_epi128(a, _mm256_set1_epi64x((long long)v[j]),
			                                     0));
		}
		_mm256_storeu_si256((__m256i *)(void *)s, _mm256_xor_si256(s0, s1));
		if (back) {
			out[q - 1] = high ^ s[2];
			break;
		}
		if (q > 0)
			out[q - 1] = high ^ s[0];
		out[q] = s[1] ^ s[2];
		high = s[3];
	}
}

const struct gf2_mul *gf2_mul_vpclmul(void)
{
	static const struct gf2_mul mul = {"vpclmulqdq", toeplitz, 1500};

	return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx2") ? &mul : NULL;
}
