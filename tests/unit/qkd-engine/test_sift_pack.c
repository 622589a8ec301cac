/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/sift.h"
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

static void random_detections(struct detection *d, uint64_t first)
{
	for (unsigned int k = 0; k < 64; k++) {
		memset(&d[k], 0xa5, sizeof(d[k])); /* what is between the fields says nothing */
		d[k].slot = first;
		d[k].basis = next_random() & 1;
		d[k].bit = next_random() & 1 ? 128 : 0; /* any value but 0 is 1 */
		d[k].cross = (next_random() & 7) == 0;
		first += 1 + (next_random() & 1 ? 0 : next_random() % 1000);
	}
}

static void check_detections(const struct sift_pack *pack)
{
	uint64_t slot[64], x, bit, cross, offset = (uint64_t)-5000;
	struct detection d[64];

	for (int run = 0; run < 300; run++) {
		unsigned int at = run % 64;

		random_detections(d, 10000);
		CU_ASSERT_TRUE(pack->detections(d, offset, 5000, slot, &x, &bit, &cross));
		for (unsigned int k = 0; k < 64; k++)
			if (slot[k] != d[k].slot - 5000 || (x >> k & 1) != d[k].basis ||
			    (bit >> k & 1) != (d[k].bit != 0) || (cross >> k & 1) != d[k].cross)
				CU_FAIL("a detection came out as another");
		CU_ASSERT_FALSE(pack->detections(d, offset, 5001, slot, &x, &bit, &cross));
		/* below 0, that is; then twice the same, one before, and one out of range */
		CU_ASSERT_FALSE(pack->detections(d, (uint64_t)-10001, 0, slot, &x, &bit, &cross));
		if (at > 0) {
			uint64_t kept = d[at].slot;

			d[at].slot = d[at - 1].slot;
			CU_ASSERT_FALSE(pack->detections(d, offset, 0, slot, &x, &bit, &cross));
			d[at].slot = d[at - 1].slot - 1;
			CU_ASSERT_FALSE(pack->detections(d, offset, 0, slot, &x, &bit, &cross));
			d[at].slot = kept;
		}
		d[at].slot = SIFT_SLOT_MAX + 5001;
		CU_ASSERT_FALSE(pack->detections(d, offset, 0, slot, &x, &bit, &cross));
		d[at].slot = UINT64_MAX - 3;
		CU_ASSERT_FALSE(pack->detections(d, offset, 0, slot, &x, &bit, &cross));
	}
	random_detections(d, 10000);
	d[63].slot = SIFT_SLOT_MAX + 5000;
	CU_ASSERT_TRUE(pack->detections(d, offset, 0, slot, &x, &bit, &cross));
}

/* Number I of WIDTH bits, bit by bit from the lowest of each byte on. */
static uint64_t number_at(const uint8_t *bytes, size_t i, unsigned int width)
{
	uint64_t v = 0;

	for (unsigned int k = 0; k < width; k++) {
		size_t bit = i * width + k;

		v |= (uint64_t)(bytes[bit / 8] >> (bit % 8) & 1) << k;
	}
	return v;
}

static void check_numbers(const struct sift_pack *pack)
{
	uint8_t bytes[64 * SIFT_PACK_WIDTH_MAX + 8];
	uint64_t slot[513], least, most;
	uint16_t back[512];

	for (unsigned int width = 1; width <= SIFT_PACK_WIDTH_MAX; width++) {
		for (size_t n = 8; n <= 512; n += n < 40 ? 8 : 472) {
			uint64_t base = next_random() >> (8 + next_random() % 40),
			         less = UINT64_MAX;
			uint64_t more = 0;

			slot[0] = next_random() & 0xffffffffff;
			for (size_t i = 1; i <= n; i++) {
				uint64_t d = base / 1024 + next_random() % (1ULL << width);

				slot[i] = slot[i - 1] + d;
				less = d < less ? d : less;
				more = d > more ? d : more;
			}
			pack->range(slot, n + 1, &least, &most);
			CU_ASSERT_EQUAL(least, less);
			CU_ASSERT_EQUAL(most, more);
			memset(bytes, 0xff, sizeof(bytes));
			pack->put(slot, n, least, width, bytes);
			CU_ASSERT_EQUAL(bytes[n / 8 * width + 7], 0xff);
			pack->get(bytes, n, width, back);
			for (size_t i = 0; i < n; i++) {
				uint64_t want = slot[i + 1] - slot[i] - least;

				if (number_at(bytes, i, width) != want || back[i] != want)
					CU_FAIL("a number came out as another");
			}
		}
	}
}

static void test_portable(void)
{
	check_strings(&sift_pack_portable);
	check_choices(&sift_pack_portable);
	check_detections(&sift_pack_portable);
	check_numbers(&sift_pack_portable);
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
	check_detections(pack);
	check_numbers(pack);
}

UNIT_MAIN(UNIT(test_portable), UNIT(test_bmi2))
