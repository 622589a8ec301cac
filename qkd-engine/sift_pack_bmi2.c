/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/sift_pack.h"

#include <immintrin.h>

#define TARGET __attribute__((target("bmi2,popcnt")))

TARGET static size_t extract(const uint64_t *in, const uint64_t *mask, size_t words, uint64_t *out)
{
	size_t at = 0;

	out[0] = 0;
	for (size_t w = 0; w < words; w++) {
		uint64_t v = _pext_u64(in[w], mask[w]);

		out[at / 64] |= v << (at % 64);
		out[at / 64 + 1] = v >> 1 >> (63 - at % 64);
		at += (size_t)_mm_popcnt_u64(mask[w]);
	}
	for (size_t w = at / 64 + 1; w <= words; w++)
		out[w] = 0;
	return at;
}

TARGET static void deposit(const uint64_t *in, const uint64_t *mask, size_t words, uint64_t *out)
{
	size_t at = 0;

	for (size_t w = 0; w < words; w++) {
		uint64_t v = in[at / 64] >> (at % 64) | in[at / 64 + 1] << 1 << (63 - at % 64);

		out[w] = _pdep_u64(v, mask[w]);
		at += (size_t)_mm_popcnt_u64(mask[w]);
	}
}

TARGET static size_t count(const uint64_t *in, size_t words)
{
	size_t n = 0;

	for (size_t w = 0; w < words; w++)
		n += (size_t)_mm_popcnt_u64(in[w]);
	return n;
}

/* The lowest bits of the bytes of four choices: basis, bit, intensity, valid, the next basis. */
static uint64_t four(const struct choice *c, __m128i *seen)
{
	__m128i v = _mm_loadu_si128((const __m128i *)c);

	*seen = _mm_or_si128(*seen, v);
	return (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_slli_epi16(v, 7));
}

TARGET static void choices(const struct choice *c, size_t n, uint64_t *x, uint64_t *bit,
                           uint64_t *decoy, uint64_t *valid, uint64_t *other)
{
	const __m128i above_one = _mm_set1_epi32(0x00fe0000);
	size_t w;

	_Static_assert(sizeof(struct choice) == 4, "a choice is four bytes");
	for (w = 0; w < n / 64; w++) {
		const struct choice *at = c + 64 * w;
		uint64_t field[4] = {0};
		__m128i seen = _mm_setzero_si128();

		for (unsigned int k = 0; k < 64; k += 16) {
			uint64_t v = four(at + k, &seen) | four(at + k + 4, &seen) << 16 |
			             four(at + k + 8, &seen) << 32 | four(at + k + 12, &seen) << 48;

			field[0] |= _pext_u64(v, 0x1111111111111111ULL) << k;
			field[1] |= _pext_u64(v, 0x2222222222222222ULL) << k;
			field[2] |= _pext_u64(v, 0x4444444444444444ULL) << k;
			field[3] |= _pext_u64(v, 0x8888888888888888ULL) << k;
		}
		x[w] = field[0];
		bit[w] = field[1];
		decoy[w] = field[2];
		valid[w] = field[3];
		other[w] = 0;
		/* Intensities are public. */
		seen = _mm_cmpeq_epi32(_mm_and_si128(seen, above_one), _mm_setzero_si128());
		if (_mm_movemask_epi8(seen) != 0xffff)
			for (unsigned int k = 0; k < 64; k++)
				other[w] |= (uint64_t)(at[k].intensity > 1) << k;
	}
	if (n % 64 != 0)
		sift_pack_portable.choices(c + 64 * w, n % 64, x + w, bit + w, decoy + w, valid + w,
		                           other + w);
}

static const struct sift_pack bmi2 = {"bmi2", extract, deposit, count, choices};

const struct sift_pack *sift_pack_bmi2(void)
{
	return __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") ? &bmi2 : NULL;
}
