/* SPDX-License-Identifier: BSD-3-Clause */

/* PCLMULQDQ: two elements a register. */

#include "qkd-engine/gf2_fft.h"

#include <immintrin.h>

#define TARGET     __attribute__((target("pclmul,ssse3,sse4.1")))
#define LANES      2
#define LANES_LOG2 1

typedef __m128i vec;

TARGET static inline vec load(const uint64_t *p)
{
	return _mm_loadu_si128((const vec *)(const void *)p);
}

TARGET static inline void store(uint64_t *p, vec v)
{
	_mm_storeu_si128((vec *)(void *)p, v);
}

TARGET static inline vec set(uint64_t t)
{
	return _mm_set1_epi64x((long long)t);
}

TARGET static inline vec add(vec a, vec b)
{
	return _mm_xor_si128(a, b);
}

/*
 * The products EVEN and ODD of each lane modulo y^64 + y^4 + y^3 + y + 1: high times (y + 1)
 * (y^3 + 1), and before it what that carries over y^63 (gf2_fft_portable.c), a function of the
 * upper four bits, from a register.
 */
TARGET static inline vec reduce(vec even, vec odd)
{
	const vec carry = _mm_setr_epi8(0, 1, 3, 2, 6, 7, 5, 4, 13, 12, 14, 15, 11, 10, 8, 9);
	vec low = _mm_unpacklo_epi64(even, odd), high = _mm_unpackhi_epi64(even, odd);

	high = add(high, _mm_shuffle_epi8(carry, _mm_srli_epi64(high, 60)));
	high = add(high, _mm_slli_epi64(high, 1));
	return add(add(low, high), _mm_slli_epi64(high, 3));
}

/* Element by element. */
TARGET static inline vec times(vec a, vec b)
{
	return reduce(_mm_clmulepi64_si128(a, b, 0x00), _mm_clmulepi64_si128(a, b, 0x11));
}

TARGET static inline void last_forward(vec *a, vec *b, const vec *base, const uint64_t *span,
                                       size_t g)
{
	vec even = _mm_unpacklo_epi64(*a, *b), odd = _mm_unpackhi_epi64(*a, *b);

	*a = add(even, times(odd, add(base[0], load(span + 2 * g))));
	*b = add(odd, *a);
}

TARGET static inline void last_back(vec *a, vec *b, const vec *base, const uint64_t *span, size_t g)
{
	vec odd = add(*b, *a), even = add(*a, times(odd, add(base[0], load(span + 2 * g))));

	*a = _mm_unpacklo_epi64(even, odd);
	*b = _mm_unpackhi_epi64(even, odd);
}

#include "qkd-engine/gf2_fft_simd.h"

const struct gf2_fft *gf2_fft_pclmul(void)
{
	static const struct gf2_fft fft = {
	        .name = "pclmulqdq",
	        .chunk = 11,
	        .per_us = 450,
	        .rows = rows,
	        .rows_back = rows_back,
	        .chunk_forward = chunk_forward,
	        .chunk_back = chunk_back,
	        .multiply = multiply,
	};

	return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("ssse3") &&
	                       __builtin_cpu_supports("sse4.1")
	               ? &fft
	               : NULL;
}
