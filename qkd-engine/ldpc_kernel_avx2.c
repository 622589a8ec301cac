/* SPDX-License-Identifier: BSD-3-Clause */

/* The layer of ldpc_kernel.c, 32 checks at once. */

#include "qkd-engine/ldpc_kernel.h"

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,popcnt")))
#define LANES  32

/* Behind a column its beginning is repeated, so that a load may run over its end. */
#define STRIDE(z) ((z) + LDPC_PAD)

TARGET static inline __m256i load(const int8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

TARGET static inline void store(int8_t *p, __m256i v)
{
	_mm256_storeu_si256((__m256i *)(void *)p, v);
}

/* Bytes of all ones where a bit of BITS is set. */
TARGET static inline __m256i spread(uint32_t bits)
{
	const __m256i from =
	        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
	const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201ULL);
	__m256i v = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), from);

	return _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
}

TARGET static inline __m256i correction(__m256i x, __m256i table)
{
	return _mm256_shuffle_epi8(table, _mm256_min_epu8(x, _mm256_set1_epi8(15)));
}

TARGET static inline __m256i combined(__m256i a, __m256i b, __m256i table)
{
	__m256i difference = _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a));
	__m256i sum = _mm256_adds_epu8(a, b), least = _mm256_min_epu8(a, b);

	return _mm256_subs_epu8(_mm256_add_epi8(least, correction(sum, table)),
	                        correction(difference, table));
}

TARGET static inline __m256i table_of(const uint8_t correction[16])
{
	return _mm256_broadcastsi128_si256(
	        _mm_loadu_si128((const __m128i *)(const void *)correction));
}

/* What went over the end of a column belongs to its beginning, and is repeated behind it. */
TARGET static void mend(const struct ldpc_layer *l)
{
	for (unsigned int k = 0; k < l->degree; k++) {
		int8_t *llr = l->llr + l->col[k] * STRIDE(l->z);
		const __m256i place = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
		                                       14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
		                                       25, 26, 27, 28, 29, 30, 31);
		__m256i over =
		        _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(l->shift[k] % LANES)), place);
		__m256i v = _mm256_blendv_epi8(load(llr), load(llr + l->z), over);

		store(llr, v);
		store(llr + l->z, v);
	}
}

TARGET static unsigned int layer(const struct ldpc_layer *l, const struct ldpc_rule *rule)
{
	const __m256i table[2] = {table_of(rule->correction[0]), table_of(rule->correction[1])};
	const __m256i one = _mm256_set1_epi8(1), clip = _mm256_set1_epi8((char)rule->clip);
	size_t mask = l->z - 1, stride = STRIDE(l->z);
	unsigned int violated = 0, degree = l->degree;
	const uint16_t *col = l->col, *shift = l->shift;
	int8_t *message = l->messages, *llr = l->llr;

	for (size_t block = 0; block < l->z; block += LANES, message += LANES * degree) {
		__m256i least = _mm256_set1_epi8(LDPC_LLR_MAX), rest = least;
		__m256i sign = spread((uint32_t)(l->syndrome[block / 64] >> (block % 64)));
		__m256i hard = sign, others, flip;

		for (unsigned int k = 0; k < degree; k++) {
			__m256i x = load(llr + col[k] * stride + ((block + shift[k]) & mask));
			__m256i t = _mm256_subs_epi8(x, load(message + LANES * k));
			__m256i a = _mm256_abs_epi8(t);

			store(message + LANES * k, t);
			sign = _mm256_xor_si256(sign, t);
			hard = _mm256_xor_si256(hard, x);
			rest = combined(rest, _mm256_max_epu8(a, least), table[k % 2]);
			least = _mm256_min_epu8(a, least);
		}
		violated +=
		        (unsigned int)__builtin_popcount((unsigned int)_mm256_movemask_epi8(hard));
		others = _mm256_min_epu8(combined(rest, least, table[0]), clip);
		flip = _mm256_xor_si256(others, _mm256_min_epu8(rest, clip));
		for (unsigned int k = 0; k < degree; k++) {
			__m256i t = load(message + LANES * k);
			__m256i is_least = _mm256_cmpeq_epi8(_mm256_abs_epi8(t), least);
			__m256i r = _mm256_xor_si256(others, _mm256_and_si256(is_least, flip));

			/* one: sign_epi8 makes zero of what goes with zero */
			r = _mm256_sign_epi8(r, _mm256_or_si256(_mm256_xor_si256(sign, t), one));
			store(message + LANES * k, r);
			store(llr + col[k] * stride + ((block + shift[k]) & mask),
			      _mm256_adds_epi8(t, r));
		}
	}
	mend(l);
	return violated;
}

const struct ldpc_kernel *ldpc_kernel_avx2(void)
{
	static const struct ldpc_kernel kernel = {"avx2", LANES, 8000, layer};

	return __builtin_cpu_supports("avx2") ? &kernel : NULL;
}
