/* SPDX-License-Identifier: BSD-3-Clause */

/* VPCLMULQDQ on 256 bits: four elements a register. */

#include "qkd-engine/gf2_fft.h"

#include <immintrin.h>

#define TARGET     __attribute__((target("vpclmulqdq,pclmul,avx2")))
#define LANES      4
#define LANES_LOG2 2

typedef __m256i vec;

TARGET static inline vec load(const uint64_t *p)
{
	return _mm256_loadu_si256((const vec *)(const void *)p);
}

TARGET static inline void store(uint64_t *p, vec v)
{
	_mm256_storeu_si256((vec *)(void *)p, v);
}

TARGET static inline vec set(uint64_t t)
{
	return _mm256_set1_epi64x((long long)t);
}

TARGET static inline vec add(vec a, vec b)
{
	return _mm256_xor_si256(a, b);
}

/*
 * The products EVEN and ODD of each lane modulo y^64 + y^4 + y^3 + y + 1: high times (y + 1)
 * (y^3 + 1), and before it what that carries over y^63 (gf2_fft_portable.c), a function of the
 * upper four bits, from a register.
 */
TARGET static inline vec reduce(vec even, vec odd)
{
	const vec carry = _mm256_broadcastsi128_si256(
	        _mm_setr_epi8(0, 1, 3, 2, 6, 7, 5, 4, 13, 12, 14, 15, 11, 10, 8, 9));
	vec low = _mm256_unpacklo_epi64(even, odd), high = _mm256_unpackhi_epi64(even, odd);

	high = add(high, _mm256_shuffle_epi8(carry, _mm256_srli_epi64(high, 60)));
	high = add(high, _mm256_slli_epi64(high, 1));
	return add(add(low, high), _mm256_slli_epi64(high, 3));
}

/* Element by element. */
TARGET static inline vec times(vec a, vec b)
{
	return reduce(_mm256_clmulepi64_epi128(a, b, 0x00), _mm256_clmulepi64_epi128(a, b, 0x11));
}

/* Both elements of a lane of A by the first of B's. */
TARGET static inline vec times_first(vec a, vec b)
{
	return reduce(_mm256_clmulepi64_epi128(a, b, 0x00), _mm256_clmulepi64_epi128(a, b, 0x01));
}

/* SPAN[2g] and SPAN[2g+1], the first of a lane each. */
TARGET static inline vec span_pair(const uint64_t *span, size_t g)
{
	return _mm256_permute4x64_epi64(_mm256_castsi128_si256(_mm_loadu_si128(
	                                        (const __m128i *)(const void *)(span + 2 * g))),
	                                0x50);
}

TARGET static inline void last_forward(vec *a, vec *b, const vec *base, const uint64_t *span,
                                       size_t g)
{
	vec x = _mm256_permute2x128_si256(*a, *b, 0x20),
	    y = _mm256_permute2x128_si256(*a, *b, 0x31);
	vec even, odd;

	x = add(x, times_first(y, add(base[1], span_pair(span, g))));
	y = add(y, x);
	even = _mm256_unpacklo_epi64(x, y);
	odd = _mm256_unpackhi_epi64(x, y);
	*a = add(even, times(odd, add(base[0], load(span + 4 * g))));
	*b = add(odd, *a);
}

TARGET static inline void last_back(vec *a, vec *b, const vec *base, const uint64_t *span, size_t g)
{
	vec odd = add(*b, *a), even = add(*a, times(odd, add(base[0], load(span + 4 * g))));
	vec x = _mm256_unpacklo_epi64(even, odd), y = _mm256_unpackhi_epi64(even, odd);

	y = add(y, x);
	x = add(x, times_first(y, add(base[1], span_pair(span, g))));
	*a = _mm256_permute2x128_si256(x, y, 0x20);
	*b = _mm256_permute2x128_si256(x, y, 0x31);
}

#include "qkd-engine/gf2_fft_simd.h"

const struct gf2_fft *gf2_fft_vpclmul(void)
{
	static const struct gf2_fft fft = {
	        .name = "vpclmulqdq",
	        .chunk = 11,
	        .per_us = 900,
	        .rows = rows,
	        .rows_back = rows_back,
	        .chunk_forward = chunk_forward,
	        .chunk_back = chunk_back,
	        .multiply = multiply,
	};

	return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx2") ? &fft : NULL;
}
