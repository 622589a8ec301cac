/* SPDX-License-Identifier: BSD-3-Clause */

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET __attribute__((target("avx2,popcnt")))

#define LANES 32

typedef __m256i vec;

#define plus      _mm256_adds_epi8
#define minus     _mm256_subs_epi8
#define sum_of    _mm256_adds_epu8
#define less      _mm256_subs_epu8
#define least     _mm256_min_epu8
#define greatest  _mm256_max_epu8
#define mean      _mm256_avg_epu8
#define exclusive _mm256_xor_si256
#define look_up   _mm256_shuffle_epi8
#define magnitude _mm256_abs_epi8
#define zero      _mm256_setzero_si256
TARGET static inline vec load(const int8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

TARGET static inline void store(int8_t *p, vec v)
{
	_mm256_storeu_si256((__m256i *)(void *)p, v);
}

TARGET static inline vec all(int v)
{
	return _mm256_set1_epi8((char)v);
}

TARGET static inline vec repeated(uint32_t v)
{
	return _mm256_set1_epi32((int)v);
}

TARGET static inline vec table(const uint8_t *p)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)p));
}

/* Bytes of all ones where a bit is set. */
TARGET static inline vec signs_at(const uint64_t *bits, size_t at)
{
	const vec from =
	        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
	const vec bit = _mm256_set1_epi64x((long long)0x8040201008040201ULL);
	vec v = _mm256_set1_epi32((int)(bits[at / 64] >> (at % 64)));

	return _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(v, from), bit), bit);
}

TARGET static inline uint64_t signs_of(vec v)
{
	return (uint32_t)_mm256_movemask_epi8(v);
}

/* Cheaper than a blend where YES ^ NO stays the same. */
TARGET static inline vec where(vec a, vec b, vec yes, vec no)
{
	vec equal = _mm256_cmpeq_epi8(a, b);

	return _mm256_xor_si256(no, _mm256_and_si256(equal, _mm256_xor_si256(yes, no)));
}

TARGET static inline vec first_of(unsigned int n, vec yes, vec no)
{
	const vec place =
	        _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
	                         19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);

	return _mm256_blendv_epi8(no, yes, _mm256_cmpgt_epi8(_mm256_set1_epi8((char)n), place));
}

TARGET static inline vec negated(vec v, vec s)
{
	/* one: sign_epi8 makes zero of what goes with zero */
	return _mm256_sign_epi8(v, _mm256_or_si256(s, _mm256_set1_epi8(1)));
}

TARGET static inline vec shifted(vec v, int shift)
{
	return _mm256_and_si256(_mm256_srli_epi16(v, shift),
	                        _mm256_set1_epi8((char)(0xff >> shift)));
}

TARGET static inline vec by4(vec v)
{
	return shifted(v, 2);
}

TARGET static inline vec by16(vec v)
{
	return shifted(v, 4);
}

TARGET static inline vec above3(vec v, vec yes, vec no)
{
	return _mm256_blendv_epi8(no, yes, _mm256_cmpgt_epi8(v, _mm256_set1_epi8(3)));
}

#include "qkd-engine/ldpc_kernel_lanes.h"

const struct ldpc_kernel *ldpc_kernel_avx2(void)
{
	static const struct ldpc_kernel kernel = {"avx2", 6000, layer};

	return __builtin_cpu_supports("avx2") ? &kernel : NULL;
}
