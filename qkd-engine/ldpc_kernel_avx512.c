/* SPDX-License-Identifier: BSD-3-Clause */

/* The layer of ldpc_kernel.c, 64 checks at once; ldpc_kernel_avx2.c is the same with comments. */

#include "qkd-engine/ldpc_kernel.h"

#include <immintrin.h>

#define TARGET    __attribute__((target("avx512f,avx512bw,popcnt")))
#define LANES     64
#define STRIDE(z) ((z) + LDPC_PAD)

TARGET static inline __m512i load(const int8_t *p)
{
	return _mm512_loadu_si512(p);
}

TARGET static inline void store(int8_t *p, __m512i v)
{
	_mm512_storeu_si512(p, v);
}

TARGET static inline __m512i corrected(__m512i least, __m512i next, __m512i table)
{
	__m512i half = _mm512_srli_epi16(_mm512_subs_epu8(next, least), 1);

	half = _mm512_min_epu8(_mm512_and_si512(half, _mm512_set1_epi8(0x7f)),
	                       _mm512_set1_epi8(15));
	return _mm512_subs_epu8(least, _mm512_shuffle_epi8(table, half));
}

TARGET static inline __m512i scaled(__m512i v, const struct ldpc_rule *rule)
{
	const __m512i factor = _mm512_set1_epi16((short)rule->factor);
	const __m512i half = _mm512_set1_epi16(128), zero = _mm512_setzero_si512();
	__m512i low = _mm512_mullo_epi16(_mm512_unpacklo_epi8(v, zero), factor);
	__m512i high = _mm512_mullo_epi16(_mm512_unpackhi_epi8(v, zero), factor);

	low = _mm512_srli_epi16(_mm512_add_epi16(low, half), 8);
	high = _mm512_srli_epi16(_mm512_add_epi16(high, half), 8);
	return _mm512_min_epu8(_mm512_packus_epi16(low, high), _mm512_set1_epi8((char)rule->clip));
}

TARGET static void mend(const struct ldpc_layer *l)
{
	for (unsigned int k = 0; k < l->degree; k++) {
		int8_t *llr = l->llr + l->col[k] * STRIDE(l->z);
		__mmask64 over = (1ULL << (l->shift[k] % LANES)) - 1;
		__m512i v = _mm512_mask_blend_epi8(over, load(llr), load(llr + l->z));

		store(llr, v);
		store(llr + l->z, v);
	}
}

TARGET static unsigned int layer(const struct ldpc_layer *l, const struct ldpc_rule *rule)
{
	const __m512i table = _mm512_broadcast_i32x4(
	        _mm_loadu_si128((const __m128i *)(const void *)rule->correction));
	const __m512i zero = _mm512_setzero_si512();
	size_t mask = l->z - 1, stride = STRIDE(l->z);
	unsigned int violated = 0, degree = l->degree;
	const uint16_t *col = l->col, *shift = l->shift;
	int8_t *message = l->messages, *llr = l->llr;

	for (size_t block = 0; block < l->z; block += LANES, message += LANES * degree) {
		__m512i first = _mm512_set1_epi8(LDPC_LLR_MAX), second = first, third = first;
		__m512i sign = _mm512_movm_epi8(l->syndrome[block / 64]);
		__m512i hard = sign, least, others;

		for (unsigned int k = 0; k < degree; k++) {
			__m512i x = load(llr + col[k] * stride + ((block + shift[k]) & mask));
			__m512i t = _mm512_subs_epi8(x, load(message + LANES * k));
			__m512i a = _mm512_abs_epi8(t), b, c;

			store(message + LANES * k, t);
			sign = _mm512_xor_si512(sign, t);
			hard = _mm512_xor_si512(hard, x);
			b = _mm512_max_epu8(a, first);
			first = _mm512_min_epu8(a, first);
			c = _mm512_max_epu8(b, second);
			second = _mm512_min_epu8(b, second);
			third = _mm512_min_epu8(c, third);
		}
		violated += (unsigned int)__builtin_popcountll(_mm512_movepi8_mask(hard));
		least = scaled(corrected(second, third, table), rule);
		others = scaled(corrected(corrected(first, second, table), third, table), rule);
		for (unsigned int k = 0; k < degree; k++) {
			__m512i t = load(message + LANES * k);
			__mmask64 is_least = _mm512_cmpeq_epi8_mask(_mm512_abs_epi8(t), first);
			__m512i r = _mm512_mask_blend_epi8(is_least, others, least);

			r = _mm512_mask_sub_epi8(r, _mm512_movepi8_mask(_mm512_xor_si512(sign, t)),
			                         zero, r);
			store(message + LANES * k, r);
			store(llr + col[k] * stride + ((block + shift[k]) & mask),
			      _mm512_adds_epi8(t, r));
		}
	}
	mend(l);
	return violated;
}

const struct ldpc_kernel *ldpc_kernel_avx512(void)
{
	static const struct ldpc_kernel kernel = {"avx512bw", LANES, 12000, layer};

	return __builtin_cpu_supports("avx512bw") ? &kernel : NULL;
}
