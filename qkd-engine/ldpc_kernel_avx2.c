/* SPDX-License-Identifier: BSD-3-Clause */

/* The layer of ldpc_kernel.c, 32 checks at once. */

#include "qkd-engine/ldpc_code.h"
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

TARGET static inline __m256i table(const uint8_t *p)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)p));
}

/*
 * Of 0 to 15 near[a] + far[a], to 31 far[a - 16], above 0: an index with bit 7 set gives 0, others
 * count by their low 4 bits.
 */
TARGET static inline __m256i phi(__m256i near, __m256i far, __m256i a)
{
	__m256i v = _mm256_shuffle_epi8(near, _mm256_add_epi8(a, _mm256_set1_epi8(0x70)));
	__m256i w = _mm256_shuffle_epi8(far, _mm256_add_epi8(a, _mm256_set1_epi8(0x60)));

	return _mm256_add_epi8(v, w);
}

/* V / 2^SHIFT, unsigned. */
TARGET static inline __m256i divided(__m256i v, int shift)
{
	return _mm256_and_si256(_mm256_srli_epi16(v, shift),
	                        _mm256_set1_epi8((char)(0xff >> shift)));
}

/* message_of() of ldpc_kernel.c */
TARGET static inline __m256i message_of(const struct ldpc_rule *rule, __m256i sum, __m256i least)
{
	const __m256i fifteen = _mm256_set1_epi8(15);
	const __m256i up = _mm256_set1_epi32(0x03010200);
	__m256i by4 = divided(sum, 2), by16 = divided(sum, 4), v;

	/* The sizes are told by what is left of the sum; both wide steps begin at index 4. */
	v = _mm256_shuffle_epi8(table(rule->inverse[2]), by16);
	v = _mm256_blendv_epi8(
	        _mm256_shuffle_epi8(table(rule->inverse[1]), _mm256_min_epu8(by4, fifteen)), v,
	        _mm256_cmpgt_epi8(by16, _mm256_set1_epi8(3)));
	v = _mm256_blendv_epi8(
	        _mm256_shuffle_epi8(table(rule->inverse[0]), _mm256_min_epu8(sum, fifteen)), v,
	        _mm256_cmpgt_epi8(by4, _mm256_set1_epi8(3)));
	/* Below 256: nothing crosses a byte. */
	least = _mm256_slli_epi16(_mm256_min_epu8(least, _mm256_set1_epi8(63)), 2);
	return divided(_mm256_adds_epu8(_mm256_min_epu8(v, least), up), 2);
}

/* REST less one edge's share of it. */
TARGET static inline __m256i without_one(__m256i rest, __m256i share)
{
	const __m256i zero = _mm256_setzero_si256();
	__m256i low = _mm256_mulhi_epu16(_mm256_unpacklo_epi8(rest, zero), share);
	__m256i high = _mm256_mulhi_epu16(_mm256_unpackhi_epi8(rest, zero), share);

	return _mm256_sub_epi8(rest, _mm256_packus_epi16(low, high));
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

/* Where a layer's entries are. */
struct place {
	uint32_t column, shift;
};

/* What the checks of a block have found about their edges, and tell them. */
struct block {
	__m256i first, second, sum, sign, hard;
	__m256i others, if_first, if_second; /* the latter to be XORed where they apply */
};

/* One edge; the sum is taken with NEAR and FAR. */
#define GATHER(k, near, far)                                                                       \
	do {                                                                                       \
		__m256i x = load(llr + place[k].column + ((at + place[k].shift) & mask));          \
		__m256i t = _mm256_subs_epi8(x, load(message + LANES * (k)));                      \
		__m256i a = _mm256_abs_epi8(t);                                                    \
                                                                                                   \
		store(message + LANES * (k), t);                                                   \
		sign = _mm256_xor_si256(sign, t);                                                  \
		hard = _mm256_xor_si256(hard, x);                                                  \
		second = _mm256_min_epu8(second, _mm256_max_epu8(a, first));                       \
		first = _mm256_min_epu8(a, first);                                                 \
		sum = _mm256_adds_epu8(sum, phi(near, far, a));                                    \
	} while (0)

TARGET static inline void gather(const struct ldpc_layer *l, const struct place *place,
                                 const struct ldpc_rule *rule, size_t at, int8_t *message,
                                 struct block *b)
{
	const __m256i near0 = table(rule->phi_near[0]), far0 = table(rule->phi_far[0]);
	const __m256i near1 = table(rule->phi_near[1]), far1 = table(rule->phi_far[1]);
	size_t mask = l->z - 1;
	unsigned int degree = l->degree, k = 0;
	const int8_t *llr = l->llr;
	__m256i first = _mm256_set1_epi8(LDPC_LLR_MAX), second = first;
	__m256i sign = spread((uint32_t)(l->syndrome[at / 64] >> (at % 64)));
	__m256i sum = _mm256_setzero_si256(), hard = sign;

	for (; k + 1 < degree; k += 2) {
		GATHER(k, near0, far0);
		GATHER(k + 1, near1, far1);
	}
	if (k < degree)
		GATHER(k, near0, far0);
	b->first = first;
	b->second = second;
	b->sum = sum;
	b->sign = sign;
	b->hard = hard;
}

TARGET static inline void conclude(const struct ldpc_layer *l, const struct ldpc_rule *rule,
                                   struct block *b)
{
	const __m256i share = _mm256_set1_epi16((short)ldpc_share(l->degree));
	const __m256i near = table(rule->phi_near_mid), far = table(rule->phi_far_mid);
	__m256i p = phi(near, far, b->first), q = phi(near, far, b->second);
	__m256i both = _mm256_adds_epu8(p, q), rest = _mm256_subs_epu8(b->sum, both);
	__m256i first = message_of(rule, _mm256_adds_epu8(rest, q), b->second);
	__m256i second = message_of(rule, _mm256_adds_epu8(rest, p), b->first);

	b->others = message_of(rule, _mm256_adds_epu8(without_one(rest, share), both), b->first);
	b->if_first = _mm256_xor_si256(first, b->others);
	/* Where both are the least the first applies alone. */
	b->if_second = _mm256_andnot_si256(_mm256_cmpeq_epi8(b->first, b->second),
	                                   _mm256_xor_si256(second, b->others));
}

TARGET static inline void scatter(const struct ldpc_layer *l, const struct place *place, size_t at,
                                  int8_t *message, const struct block *b)
{
	const __m256i one = _mm256_set1_epi8(1);
	size_t mask = l->z - 1;
	unsigned int degree = l->degree;
	const uint32_t *limit = l->limit;
	int8_t *llr = l->llr;
	__m256i first = b->first, second = b->second, sign = b->sign;
	__m256i others = b->others, if_first = b->if_first, if_second = b->if_second;

	for (unsigned int k = 0; k < degree; k++, message += LANES) {
		__m256i t = load(message), a = _mm256_abs_epi8(t), r;

		r = _mm256_xor_si256(others,
		                     _mm256_and_si256(_mm256_cmpeq_epi8(a, first), if_first));
		r = _mm256_xor_si256(r, _mm256_and_si256(_mm256_cmpeq_epi8(a, second), if_second));
		r = _mm256_min_epu8(r, _mm256_set1_epi32((int)limit[k]));
		/* one: sign_epi8 makes zero of what goes with zero */
		r = _mm256_sign_epi8(r, _mm256_or_si256(_mm256_xor_si256(sign, t), one));
		store(message, r);
		store(llr + place[k].column + ((at + place[k].shift) & mask),
		      _mm256_adds_epi8(t, r));
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
		violated += (unsigned int)__builtin_popcount(
		        (unsigned int)_mm256_movemask_epi8(b.hard));
		conclude(l, rule, &b);
		scatter(l, place, at, message, &b);
	}
	mend(l);
	return violated;
}

const struct ldpc_kernel *ldpc_kernel_avx2(void)
{
	static const struct ldpc_kernel kernel = {"avx2", LANES, 6000, layer};

	return __builtin_cpu_supports("avx2") ? &kernel : NULL;
}
