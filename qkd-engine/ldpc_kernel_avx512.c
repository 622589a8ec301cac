/* SPDX-License-Identifier: BSD-3-Clause */

/* The layer of ldpc_kernel.c, 64 checks at once; ldpc_kernel_avx2.c is the same with comments. */

#include "qkd-engine/ldpc_code.h"
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

TARGET static inline __m512i table(const uint8_t *p)
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)p));
}

TARGET static inline __m512i phi(__m512i near, __m512i far, __m512i a)
{
	__m512i v = _mm512_shuffle_epi8(near, _mm512_add_epi8(a, _mm512_set1_epi8(0x70)));
	__m512i w = _mm512_shuffle_epi8(far, _mm512_add_epi8(a, _mm512_set1_epi8(0x60)));

	return _mm512_add_epi8(v, w);
}

TARGET static inline __m512i divided(__m512i v, unsigned int shift)
{
	return _mm512_and_si512(_mm512_srli_epi16(v, shift),
	                        _mm512_set1_epi8((char)(0xff >> shift)));
}

TARGET static inline __m512i message_of(const struct ldpc_rule *rule, __m512i sum, __m512i least)
{
	const __m512i fifteen = _mm512_set1_epi8(15);
	const __m512i up = _mm512_set1_epi32(0x03010200);
	__m512i by4 = divided(sum, 2), by16 = divided(sum, 4), v;

	v = _mm512_shuffle_epi8(table(rule->inverse[0]), _mm512_min_epu8(sum, fifteen));
	v = _mm512_mask_shuffle_epi8(v, _mm512_cmpgt_epi8_mask(by4, _mm512_set1_epi8(3)),
	                             table(rule->inverse[1]), _mm512_min_epu8(by4, fifteen));
	v = _mm512_mask_shuffle_epi8(v, _mm512_cmpgt_epi8_mask(by16, _mm512_set1_epi8(3)),
	                             table(rule->inverse[2]), by16);
	least = _mm512_slli_epi16(_mm512_min_epu8(least, _mm512_set1_epi8(63)), 2);
	return divided(_mm512_adds_epu8(_mm512_min_epu8(v, least), up), 2);
}

TARGET static inline __m512i without_one(__m512i rest, __m512i share)
{
	const __m512i zero = _mm512_setzero_si512();
	__m512i low = _mm512_mulhi_epu16(_mm512_unpacklo_epi8(rest, zero), share);
	__m512i high = _mm512_mulhi_epu16(_mm512_unpackhi_epi8(rest, zero), share);

	return _mm512_sub_epi8(rest, _mm512_packus_epi16(low, high));
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

struct place {
	uint32_t column, shift;
};

struct block {
	__m512i first, second, sum, sign, hard;
	__m512i if_first, if_second, others; /* messages */
};

TARGET static inline void gather(const struct ldpc_layer *l, const struct place *place,
                                 const struct ldpc_rule *rule, size_t at, int8_t *message,
                                 struct block *b)
{
	const __m512i near[2] = {table(rule->phi_near[0]), table(rule->phi_near[1])};
	const __m512i far[2] = {table(rule->phi_far[0]), table(rule->phi_far[1])};
	size_t mask = l->z - 1;
	unsigned int degree = l->degree;
	const int8_t *llr = l->llr;
	__m512i first = _mm512_set1_epi8(LDPC_LLR_MAX), second = first;
	__m512i sign = _mm512_movm_epi8(l->syndrome[at / 64]), sum = _mm512_setzero_si512();
	__m512i hard = sign;

#pragma GCC unroll 2
	for (unsigned int k = 0; k < degree; k++, message += LANES) {
		__m512i x = load(llr + place[k].column + ((at + place[k].shift) & mask));
		__m512i t = _mm512_subs_epi8(x, load(message));
		__m512i a = _mm512_abs_epi8(t);

		store(message, t);
		sign = _mm512_xor_si512(sign, t);
		hard = _mm512_xor_si512(hard, x);
		second = _mm512_min_epu8(second, _mm512_max_epu8(a, first));
		first = _mm512_min_epu8(a, first);
		sum = _mm512_adds_epu8(sum, phi(near[k % 2], far[k % 2], a));
	}
	b->first = first;
	b->second = second;
	b->sum = sum;
	b->sign = sign;
	b->hard = hard;
}

TARGET static inline void conclude(const struct ldpc_layer *l, const struct ldpc_rule *rule,
                                   struct block *b)
{
	const __m512i share = _mm512_set1_epi16((short)ldpc_share(l->degree));
	const __m512i near = table(rule->phi_near_mid), far = table(rule->phi_far_mid);
	__m512i p = phi(near, far, b->first), q = phi(near, far, b->second);
	__m512i both = _mm512_adds_epu8(p, q), rest = _mm512_subs_epu8(b->sum, both);

	b->if_first = message_of(rule, _mm512_adds_epu8(rest, q), b->second);
	b->if_second = message_of(rule, _mm512_adds_epu8(rest, p), b->first);
	b->others = message_of(rule, _mm512_adds_epu8(without_one(rest, share), both), b->first);
}

TARGET static inline void scatter(const struct ldpc_layer *l, const struct place *place, size_t at,
                                  int8_t *message, const struct block *b)
{
	const __m512i zero = _mm512_setzero_si512();
	size_t mask = l->z - 1;
	unsigned int degree = l->degree;
	const uint32_t *limit = l->limit;
	int8_t *llr = l->llr;
	__m512i first = b->first, second = b->second, sign = b->sign;
	__m512i if_first = b->if_first, if_second = b->if_second, others = b->others;

	for (unsigned int k = 0; k < degree; k++, message += LANES) {
		__m512i t = load(message), a = _mm512_abs_epi8(t), r;

		r = _mm512_mask_blend_epi8(_mm512_cmpeq_epi8_mask(a, second), others, if_second);
		r = _mm512_mask_blend_epi8(_mm512_cmpeq_epi8_mask(a, first), r, if_first);
		r = _mm512_min_epu8(r, _mm512_set1_epi32((int)limit[k]));
		r = _mm512_mask_sub_epi8(r, _mm512_movepi8_mask(_mm512_xor_si512(sign, t)), zero,
		                         r);
		store(message, r);
		store(llr + place[k].column + ((at + place[k].shift) & mask),
		      _mm512_adds_epi8(t, r));
	}
}

TARGET static unsigned int layer(const struct ldpc_layer *l, const struct ldpc_rule *rule)
{
	struct place place[LDPC_DEGREE_MAX];
	unsigned int violated = 0;
	int8_t *message = l->messages;

	for (unsigned int k = 0; k < l->degree; k++)
		place[k] = (struct place){(uint32_t)(l->col[k] * STRIDE(l->z)), l->shift[k]};
	for (size_t at = 0; at < l->z; at += LANES, message += LANES * l->degree) {
		struct block b;

		gather(l, place, rule, at, message, &b);
		violated += (unsigned int)__builtin_popcountll(_mm512_movepi8_mask(b.hard));
		conclude(l, rule, &b);
		scatter(l, place, at, message, &b);
	}
	mend(l);
	return violated;
}

const struct ldpc_kernel *ldpc_kernel_avx512(void)
{
	static const struct ldpc_kernel kernel = {"avx512bw", LANES, 9000, layer};

	return __builtin_cpu_supports("avx512bw") ? &kernel : NULL;
}
