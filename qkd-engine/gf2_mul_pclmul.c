/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/gf2_mul.h"

#include <immintrin.h>

#define TARGET __attribute__((target("pclmul,sse4.1")))

static inline __m128i load(const uint64_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Word q of the sum holds products of the words of T and V whose numbers add to q + w - 1. */
TARGET static void toeplitz(uint64_t *out, const uint64_t *t, const uint64_t *v, size_t w)
{
	uint64_t high = 0;

	for (size_t q = 0; q <= w; q++) {
		const uint64_t *x = t + q + w - 1;
		__m128i s0 = _mm_setzero_si128(), s1 = _mm_setzero_si128();
		size_t j = 0;

		for (; j + 1 < w; j += 2) {
			__m128i a = load(x - j - 1), b = load(v + j);

			s0 = _mm_xor_si128(s0, _mm_clmulepi64_si128(a, b, 0x01));
			s1 = _mm_xor_si128(s1, _mm_clmulepi64_si128(a, b, 0x10));
		}
		if (j < w)
			s0 = _mm_xor_si128(
			        s0, _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)x[-(long)j]),
			                                 _mm_cvtsi64_si128((long long)v[j]), 0));
		s0 = _mm_xor_si128(s0, s1);
		if (q > 0)
			out[q - 1] = high ^ (uint64_t)_mm_cvtsi128_si64(s0);
		high = (uint64_t)_mm_extract_epi64(s0, 1);
	}
}

const struct gf2_mul *gf2_mul_pclmul(void)
{
	static const struct gf2_mul mul = {"pclmulqdq", toeplitz, 800};

	return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1") ? &mul : NULL;
}
