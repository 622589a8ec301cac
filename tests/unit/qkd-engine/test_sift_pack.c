/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/sift_pack.h"
#include "tests/unit/unit.h"

#define WORDS 9

static uint64_t state = 0x9e3779b97f4a7c15ULL;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* From all zeros to all ones. */
static uint64_t random_mask(int kind)
{
	uint64_t v = next_random();

	switch (kind % 5) {
	case 0:
		return 0;
	case 1:
		return v & next_random() & next_random();
	case 2:
		return v | next_random() | next_random();
	case 3:
		return UINT64_MAX;
	default:
		return v;
	}
}

/* Bit by bit. */
static size_t extract(const uint64_t *in, const uint64_t *mask, size_t words, uint64_t *out)
{
	size_t n = 0;

	memset(out, 0, (words + 1) * sizeof(out[0]));
	for (size_t i = 0; i < 64 * words; i++)
		if (bits_get(mask, i))
			bits_put(out, n++, bits_get(in, i));
	return n;
}

static void check_strings(const struct sift_pack *pack)
{
	uint64_t in[WORDS], mask[WORDS], want[WORDS + 1], got[WORDS + 1], back[WORDS];

	for (int run = 0; run < 3000; run++) {
		size_t words = (size_t)run % (WORDS + 1), n;

		for (size_t w = 0; w < words; w++) {
			in[w] = next_random();
			mask[w] = random_mask(run % 7 == 6 ? (int)next_random() & 7 : run);
		}
		n = extract(in, mask, words, want);
		memset(got, 0xff, sizeof(got));
		CU_ASSERT_EQUAL(pack->extract(in, mask, words, got), n);
		CU_ASSERT_EQUAL(memcmp(got, want, (words + 1) * sizeof(got[0])), 0);
		CU_ASSERT_EQUAL(pack->count(mask, words), n);
		pack->deposit(got, mask, words, back);
		for (size_t w = 0; w < words; w++)
			CU_ASSERT_EQUAL(back[w], in[w] & mask[w]);
	}
}

static void check_choices(const struct sift_pack *pack)
{
	struct choice c[200];
	uint64_t x[4], bit[4], decoy[4], valid[4], other[4];

	for (size_t n = 0; n <= 200; n++) {
		for (size_t i = 0; i < n; i++)
			c[i] = (struct choice){next_random() & 1, next_random() & 1,
			                       n % 3 == 0 ? next_random() & 3 : next_random() & 1,
			                       next_random() & 1};
		memset(x, 0, sizeof(x));
		memset(bit, 0, sizeof(bit));
		memset(decoy, 0, sizeof(decoy));
		memset(valid, 0, sizeof(valid));
		memset(other, 0, sizeof(other));
		pack->choices(c, n, x, bit, decoy, valid, other);
		for (size_t i = 0; i < 200; i++) {
			struct choice want = i < n ? c[i] : (struct choice){0};

			if (bits_get(x, i) != want.basis || bits_get(bit, i) != want.bit ||
			    bits_get(decoy, i) != (want.intensity & 1) ||
			    bits_get(valid, i) != want.valid ||
			    bits_get(other, i) != (want.intensity > 1))
				CU_FAIL("a choice came out as another");
		}
	}
}

static void test_portable(void)
{
	check_strings(&sift_pack_portable);
	check_choices(&sift_pack_portable);
}

static void test_bmi2(void)
{
	const struct sift_pack *pack = sift_pack_bmi2();

	if (pack == NULL) {
		CU_ASSERT_PTR_EQUAL(sift_pack_best(), &sift_pack_portable);
		return;
	}
	CU_ASSERT_PTR_EQUAL(sift_pack_best(), pack);
	check_strings(pack);
	check_choices(pack);
}

UNIT_MAIN(UNIT(test_portable), UNIT(test_bmi2))
