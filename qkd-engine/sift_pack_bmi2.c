/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/sift_pack.h"

#include <immintrin.h>
#include <string.h>

#include "qkd-engine/sift.h"

/* CPUs with BMI2 have AVX2; what the compiler makes of plain loops with it is good enough. */
#define TARGET __attribute__((target("bmi2,popcnt,avx2")))

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

/* Which of the bytes basis, bit, cross of four detections, and the next basis, are 0. */
static uint64_t zeros(const struct detection *d)
{
	const __m128i *v = (const __m128i *)d;
	__m128i low = _mm_unpackhi_epi32(_mm_loadu_si128(v), _mm_loadu_si128(v + 1));
	__m128i high = _mm_unpackhi_epi32(_mm_loadu_si128(v + 2), _mm_loadu_si128(v + 3));
	__m128i all = _mm_unpacklo_epi64(low, high);

	return (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(all, _mm_setzero_si128()));
}

TARGET static bool detections(const struct detection *d, uint64_t offset, uint64_t first,
                              uint64_t *slot, uint64_t *x, uint64_t *bit, uint64_t *cross)
{
	uint64_t field[3] = {0}, seen = 0, back = 0;

	_Static_assert(sizeof(struct detection) == 16 && offsetof(struct detection, basis) == 8 &&
	                       offsetof(struct detection, bit) == 9 &&
	                       offsetof(struct detection, cross) == 10,
	               "the third quarter of a detection is basis, bit, cross");
	for (unsigned int k = 0; k < 64; k += 16) {
		uint64_t v = ~(zeros(d + k) | zeros(d + k + 4) << 16 | zeros(d + k + 8) << 32 |
		               zeros(d + k + 12) << 48);

		field[0] |= _pext_u64(v, 0x1111111111111111ULL) << k;
		field[1] |= _pext_u64(v, 0x2222222222222222ULL) << k;
		field[2] |= _pext_u64(v, 0x4444444444444444ULL) << k;
	}
	for (unsigned int k = 0; k < 64; k++) {
		slot[k] = d[k].slot + offset;
		seen |= slot[k];
	}
	for (unsigned int k = 1; k < 64; k++)
		back |= slot[k] - slot[k - 1] - 1;
	*x = field[0];
	*bit = field[1];
	*cross = field[2];
	return seen <= SIFT_SLOT_MAX && back >> 63 == 0 && slot[0] >= first;
}

/* Below 2^63 all of them, which AVX2 compares as signed. */
TARGET static void range(const uint64_t *slot, size_t n, uint64_t *least, uint64_t *most)
{
	int64_t low = INT64_MAX, high = 0;

	for (size_t i = 1; i < n; i++) {
		int64_t d = (int64_t)(slot[i] - slot[i - 1]);

		low = d < low ? d : low;
		high = d > high ? d : high;
	}
	*least = (uint64_t)low;
	*most = (uint64_t)high;
}

TARGET static void put(const uint64_t *slot, size_t n, uint64_t least, unsigned int width,
                       uint8_t *out)
{
	uint64_t mask = ((1ULL << width) - 1) * 0x0001000100010001ULL;
	uint16_t d[SIFT_BATCH_MAX];

	for (size_t i = 0; i < n; i++)
		d[i] = (uint16_t)(slot[i + 1] - slot[i] - least);
	for (size_t i = 0; i < n; i += 8, out += width) {
		uint64_t half[2];

		memcpy(half, d + i, sizeof(half));
		half[0] = _pext_u64(half[0], mask);
		half[1] = _pext_u64(half[1], mask);
		memcpy(out, &half[0], sizeof(half[0]));
		half[1] = half[1] << (4 * width % 8) | half[0] >> (width / 2 * 8);
		memcpy(out + width / 2, &half[1], sizeof(half[1]));
	}
}

TARGET static void get(const uint8_t *in, size_t n, unsigned int width, uint16_t *out)
{
	uint64_t mask = ((1ULL << width) - 1) * 0x0001000100010001ULL, half[2];

	for (size_t i = 0; i < n; i += 8, in += width) {
		memcpy(&half[0], in, sizeof(half[0]));
		memcpy(&half[1], in + width / 2, sizeof(half[1]));
		half[0] = _pdep_u64(half[0], mask);
		half[1] = _pdep_u64(half[1] >> (4 * width % 8), mask);
		memcpy(out + i, half, sizeof(half));
	}
}

static const struct sift_pack bmi2 = {"bmi2",     extract, deposit, count, choices,
                                      detections, range,   put,     get};

const struct sift_pack *sift_pack_bmi2(void)
{
	return __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") &&
	                       __builtin_cpu_supports("avx2")
	               ? &bmi2
	               : NULL;
}
