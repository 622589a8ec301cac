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

TARGET static inline __m512i correction(__m512i x, __m512i table)
{
	return _mm512_shuffle_epi8(table, _mm512_min_epu8(x, _mm512_set1_epi8(15)));
}

TARGET static inline __m512i combined(__m512i a, __m512i b, __m512i table)
{
	__m512i least = _mm512_min_epu8(a, b), most = _mm512_max_epu8(a, b);
	__m512i sum = _mm512_adds_epu8(a, b), difference = _mm512_sub_epi8(most, least);

	return _mm512_subs_epu8(_mm512_add_epi8(least, correction(sum, table)),
	                        correction(difference, table));
}

TARGET static inline __m512i table_of(const uint8_t correction[16])
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)correction));
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
	const __m512i table[2] = {table_of(rule->correction[0]), table_of(rule->correction[1])};
	const __m512i zero = _mm512_setzero_si512(), clip = _mm512_set1_epi8((char)rule->clip);
	size_t mask = l->z - 1, stride = STRIDE(l->z);
	unsigned int violated = 0, degree = l->degree;
	const uint16_t *col = l->col, *shift = l->shift;
	int8_t *message = l->messages, *llr = l->llr;

	for (size_t block = 0; block < l->z; block += LANES, message += LANES * degree) {
		__m512i least = _mm512_set1_epi8(LDPC_LLR_MAX), rest = least;
		__m512i sign = _mm512_movm_epi8(l->syndrome[block / 64]);
		__m512i hard = sign, others;

		for (unsigned int k = 0; k < degree; k++) {
			__m512i x = load(llr + col[k] * stride + ((block + shift[k]) & mask));
			__m512i t = _mm512_subs_epi8(x, load(message + LANES * k));
			__m512i a = _mm512_abs_epi8(t);

			store(message + LANES * k, t);
			sign = _mm512_xor_si512(sign, t);
			hard = _mm512_xor_si512(hard, x);
			rest = combined(rest, _mm512_max_epu8(a, least), table[k % 2]);
			least = _mm512_min_epu8(a, least);
		}
		violated += (unsigned int)__builtin_popcountll(_mm512_movepi8_mask(hard));
		others = _mm512_min_epu8(combined(rest, least, table[0]), clip);
		rest = _mm512_min_epu8(rest, clip);
		for (unsigned int k = 0; k < degree; k++) {
			__m512i t = load(message + LANES * k);
			__mmask64 is_least = _mm512_cmpeq_epi8_mask(_mm512_abs_epi8(t), least);
			__m512i r = _mm512_mask_blend_epi8(is_least, others, rest);

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
