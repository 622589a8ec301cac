/* SPDX-License-Identifier: BSD-3-Clause */

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET __attribute__((target("avx512f,avx512bw,popcnt")))

#define LANES 64

typedef __m512i vec;

#define plus      _mm512_adds_epi8
#define minus     _mm512_subs_epi8
#define sum_of    _mm512_adds_epu8
#define less      _mm512_subs_epu8
#define least     _mm512_min_epu8
#define greatest  _mm512_max_epu8
#define mean      _mm512_avg_epu8
#define exclusive _mm512_xor_si512
#define look_up   _mm512_shuffle_epi8
#define magnitude _mm512_abs_epi8
#define zero      _mm512_setzero_si512
#define load      _mm512_loadu_si512
#define store     _mm512_storeu_si512
#define signs_of  _mm512_movepi8_mask

TARGET static inline vec signs_at(const uint64_t *bits, size_t at)
{
	return _mm512_movm_epi8(bits[at / 64]);
}

TARGET static inline vec all(int v)
{
	return _mm512_set1_epi8((char)v);
}

TARGET static inline vec repeated(uint32_t v)
{
	return _mm512_set1_epi32((int)v);
}

TARGET static inline vec table(const uint8_t *p)
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)p));
}

TARGET static inline vec where(vec a, vec b, vec yes, vec no)
{
	return _mm512_mask_blend_epi8(_mm512_cmpeq_epi8_mask(a, b), no, yes);
}

TARGET static inline vec first_of(unsigned int n, vec yes, vec no)
{
	return _mm512_mask_blend_epi8((1ULL << n) - 1, no, yes);
}

TARGET static inline vec negated(vec v, vec s)
{
	return _mm512_mask_sub_epi8(v, _mm512_movepi8_mask(s), zero(), v);
}

TARGET static inline vec shifted(vec v, unsigned int shift)
{
	return _mm512_and_si512(_mm512_srli_epi16(v, shift),
	                        _mm512_set1_epi8((char)(0xff >> shift)));
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
	return _mm512_mask_blend_epi8(_mm512_cmpgt_epi8_mask(v, all(3)), no, yes);
}

#include "qkd-engine/ldpc_kernel_lanes.h"

const struct ldpc_kernel *ldpc_kernel_avx512(void)
{
	static const struct ldpc_kernel kernel = {"avx512bw", 9000, layer};

	return __builtin_cpu_supports("avx512bw") ? &kernel : NULL;
}
