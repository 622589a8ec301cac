/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/sift_pack.h"

#include <string.h>

#include "qkd-engine/sift.h"

/* Ones at the places whose number of ones in V below and at them is odd. */
static uint64_t parity_prefix(uint64_t v)
{
	for (unsigned int i = 1; i < 64; i *= 2)
		v ^= v << i;
	return v;
}

/*
 * Warren, Hacker's Delight, 7-4: step I moves by 2^I those bits that have to go an odd multiple
 * of it. MOVE gets the places that each step moves.
 */
static void moves(uint64_t mask, uint64_t move[6])
{
	uint64_t zeros = ~mask << 1;

	for (unsigned int i = 0; i < 6; i++) {
		uint64_t odd = parity_prefix(zeros);

		move[i] = odd & mask;
		mask = (mask ^ move[i]) | move[i] >> (1u << i);
		zeros &= ~odd;
	}
}

static unsigned int ones(uint64_t v)
{
	v -= v >> 1 & 0x5555555555555555ULL;
	v = (v & 0x3333333333333333ULL) + (v >> 2 & 0x3333333333333333ULL);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (unsigned int)(v * 0x0101010101010101ULL >> 56);
}

static size_t extract(const uint64_t *in, const uint64_t *mask, size_t words, uint64_t *out)
{
	uint64_t move[6];
	size_t at = 0;

	out[0] = 0;
	for (size_t w = 0; w < words; w++) {
		uint64_t v = in[w] & mask[w];

		moves(mask[w], move);
		for (unsigned int i = 0; i < 6; i++) {
			uint64_t t = v & move[i];

			v = (v ^ t) | t >> (1u << i);
		}
		out[at / 64] |= v << (at % 64);
		out[at / 64 + 1] = v >> 1 >> (63 - at % 64);
		at += ones(mask[w]);
	}
	for (size_t w = at / 64 + 1; w <= words; w++)
		out[w] = 0;
	return at;
}

static void deposit(const uint64_t *in, const uint64_t *mask, size_t words, uint64_t *out)
{
	uint64_t move[6];
	size_t at = 0;

	for (size_t w = 0; w < words; w++) {
		uint64_t v = in[at / 64] >> (at % 64) | in[at / 64 + 1] << 1 << (63 - at % 64);

		moves(mask[w], move);
		for (unsigned int i = 6; i-- > 0;) {
			uint64_t t = v << (1u << i);

			v = (v & ~move[i]) | (t & move[i]);
		}
		out[w] = v & mask[w];
		at += ones(mask[w]);
	}
}

static size_t count(const uint64_t *in, size_t words)
{
	size_t n = 0;

	for (size_t w = 0; w < words; w++)
		n += ones(in[w]);
	return n;
}

static void choices(const struct choice *c, size_t n, uint64_t *x, uint64_t *bit, uint64_t *decoy,
                    uint64_t *valid, uint64_t *other)
{
	for (size_t i = 0; i < n; i += 64) {
		uint64_t field[5] = {0};

		for (size_t k = 0; k < 64 && i + k < n; k++) {
			const struct choice *one = &c[i + k];

			field[0] |= (uint64_t)(one->basis & 1) << k;
			field[1] |= (uint64_t)(one->bit & 1) << k;
			field[2] |= (uint64_t)(one->intensity & 1) << k;
			field[3] |= (uint64_t)(one->valid & 1) << k;
			field[4] |= (uint64_t)(one->intensity > 1) << k;
		}
		x[i / 64] = field[0];
		bit[i / 64] = field[1];
		decoy[i / 64] = field[2];
		valid[i / 64] = field[3];
		other[i / 64] = field[4];
	}
}

static bool detections(const struct detection *d, uint64_t offset, uint64_t first, uint64_t *slot,
                       uint64_t *x, uint64_t *bit, uint64_t *cross)
{
	uint64_t field[3] = {0}, seen = 0, back = d[0].slot + offset < first;

	for (unsigned int k = 0; k < 64; k++) {
		slot[k] = d[k].slot + offset;
		seen |= slot[k];
		/* Below 0, if neither is above SIFT_SLOT_MAX. */
		back |= k > 0 ? (slot[k] - slot[k - 1] - 1) >> 63 : 0;
		field[0] |= (uint64_t)(d[k].basis != 0) << k;
		field[1] |= (uint64_t)(d[k].bit != 0) << k;
		field[2] |= (uint64_t)(d[k].cross != 0) << k;
	}
	*x = field[0];
	*bit = field[1];
	*cross = field[2];
	return seen <= SIFT_SLOT_MAX && back == 0;
}

static void range(const uint64_t *slot, size_t n, uint64_t *least, uint64_t *most)
{
	*least = UINT64_MAX;
	*most = 0;
	for (size_t i = 1; i < n; i++) {
		uint64_t d = slot[i] - slot[i - 1];

		*least = d < *least ? d : *least;
		*most = d > *most ? d : *most;
	}
}

/* Eight numbers take WIDTH bytes: four of them, and from the middle of these on four more. */
static void put(const uint64_t *slot, size_t n, uint64_t least, unsigned int width, uint8_t *out)
{
	for (size_t i = 0; i < n; i += 8, out += width) {
		uint64_t half[2] = {0};

		for (unsigned int k = 0; k < 8; k++)
			half[k / 4] |= (slot[i + k + 1] - slot[i + k] - least) << (k % 4 * width);
		memcpy(out, &half[0], sizeof(half[0]));
		half[1] = half[1] << (4 * width % 8) | half[0] >> (width / 2 * 8);
		memcpy(out + width / 2, &half[1], sizeof(half[1]));
	}
}

static void get(const uint8_t *in, size_t n, unsigned int width, uint16_t *out)
{
	uint64_t mask = (1ULL << width) - 1, half[2];

	for (size_t i = 0; i < n; i += 8, in += width) {
		memcpy(&half[0], in, sizeof(half[0]));
		memcpy(&half[1], in + width / 2, sizeof(half[1]));
		half[1] >>= 4 * width % 8;
		for (unsigned int k = 0; k < 8; k++)
			out[i + k] = (uint16_t)(half[k / 4] >> (k % 4 * width) & mask);
	}
}

const struct sift_pack sift_pack_portable = {"portable", extract, deposit, count, choices,
                                             detections, range,   put,     get};

const struct sift_pack *sift_pack_best(void)
{
	const struct sift_pack *best = sift_pack_bmi2();

	return best != NULL ? best : &sift_pack_portable;
}
