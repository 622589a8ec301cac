/* SPDX-License-Identifier: BSD-3-Clause */

/* VPCLMULQDQ on 512 bits: eight elements a register. */

#include "qkd-engine/gf2_fft.h"

#include <immintrin.h>

#define TARGET     __attribute__((target("vpclmulqdq,pclmul,avx512f,avx512bw")))
#define LANES      8
#define LANES_LOG2 3

typedef __m512i vec;

TARGET static inline vec load(const uint64_t *p)
{
	return _mm512_loadu_si512((const vec *)(const void *)p);
}

TARGET static inline void store(uint64_t *p, vec v)
{
	_mm512_storeu_si512((vec *)(void *)p, v);
}

TARGET static inline vec set(uint64_t t)
{
	return _mm512_set1_epi64((long long)t);
}

TARGET static inline vec add(vec a, vec b)
{
	return _mm512_xor_si512(a, b);
}

/*
 * The products EVEN and ODD of each lane modulo y^64 + y^4 + y^3 + y + 1: high times (y + 1)
 * (y^3 + 1), and before it what that carries over y^63 (gf2_fft_portable.c), a function of the
 * upper four bits, from a register.
 */
TARGET static inline vec reduce(vec even, vec odd)
{
	const vec carry = _mm512_broadcast_i32x4(
	        _mm_setr_epi8(0, 1, 3, 2, 6, 7, 5, 4, 13, 12, 14, 15, 11, 10, 8, 9));
	vec low = _mm512_unpacklo_epi64(even, odd), high = _mm512_unpackhi_epi64(even, odd);

	high = add(high, _mm512_shuffle_epi8(carry, _mm512_srli_epi64(high, 60)));
	high = add(high, _mm512_slli_epi64(high, 1));
	return add(add(low, high), _mm512_slli_epi64(high, 3));
}

/* Element by element. */
TARGET static inline vec times(vec a, vec b)
{
	return reduce(_mm512_clmulepi64_epi128(a, b, 0x00), _mm512_clmulepi64_epi128(a, b, 0x11));
}

/* Both elements of a lane of A by the first of B's. */
TARGET static inline vec times_first(vec a, vec b)
{
	return reduce(_mm512_clmulepi64_epi128(a, b, 0x00), _mm512_clmulepi64_epi128(a, b, 0x01));
}

/* From SPAN[4g] to SPAN[4g+3], and SPAN[2g], SPAN[2g+1], the first of a lane each. */
TARGET static inline vec span_four(const uint64_t *span, size_t g)
{
	return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 0, 2, 2, 1, 1, 3, 3),
	                                _mm512_castsi256_si512(_mm256_loadu_si256(
	                                        (const __m256i *)(const void *)(span + 4 * g))));
}

TARGET static inline vec span_pair(const uint64_t *span, size_t g)
{
	return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 0, 0, 0, 1, 1, 1, 1),
	                                _mm512_castsi128_si512(_mm_loadu_si128(
	                                        (const __m128i *)(const void *)(span + 2 * g))));
}

/* The eight from SPAN[8g] on in the order that two levels leave: the middle lanes swapped. */
TARGET static inline vec span_eight(const uint64_t *span, size_t g)
{
	vec s = load(span + 8 * g);

	return _mm512_shuffle_i64x2(s, s, 0xd8);
}

TARGET static inline void last_forward(vec *a, vec *b, const vec *base, const uint64_t *span,
                                       size_t g)
{
	vec x = _mm512_shuffle_i64x2(*a, *b, 0x44), y = _mm512_shuffle_i64x2(*a, *b, 0xee);
	vec u, v;

	x = add(x, times_first(y, add(base[2], span_pair(span, g))));
	y = add(y, x);
	u = _mm512_shuffle_i64x2(x, y, 0x88);
	v = _mm512_shuffle_i64x2(x, y, 0xdd);
	u = add(u, times_first(v, add(base[1], span_four(span, g))));
	v = add(v, u);
	x = _mm512_unpacklo_epi64(u, v);
	y = _mm512_unpackhi_epi64(u, v);
	*a = add(x, times(y, add(base[0], span_eight(span, g))));
	*b = add(y, *a);
}

TARGET static inline void last_back(vec *a, vec *b, const vec *base, const uint64_t *span, size_t g)
{
	vec y = add(*b, *a), x = add(*a, times(y, add(base[0], span_eight(span, g))));
	vec u = _mm512_unpacklo_epi64(x, y), v = _mm512_unpackhi_epi64(x, y);

	v = add(v, u);
	u = add(u, times_first(v, add(base[1], span_four(span, g))));
	x = _mm512_permutex2var_epi64(u, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), v);
	y = _mm512_permutex2var_epi64(u, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), v);
	y = add(y, x);
	x = add(x, times_first(y, add(base[2], span_pair(span, g))));
	*a = _mm512_shuffle_i64x2(x, y, 0x44);
	*b = _mm512_shuffle_i64x2(x, y, 0xee);
}

#include "qkd-engine/gf2_fft_simd.h"

const struct gf2_fft *gf2_fft_avx512(void)
{
	static const struct gf2_fft fft = {
	        .name = "vpclmulqdq-512",
	        .chunk = 11,
	        .per_us = 1500,
	        .rows = rows,
	        .rows_back = rows_back,
	        .chunk_forward = chunk_forward,
	        .chunk_back = chunk_back,
	        .multiply = multiply,
	};

	return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx512f") &&
	                       __builtin_cpu_supports("avx512bw")
	               ? &fft
	               : NULL;
}
