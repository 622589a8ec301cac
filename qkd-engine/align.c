/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/align.h"

#include <string.h>

#include "common/sync_pattern.h"

/* Slots and offsets are modulo 2^64; only slots that exist are ever lit. */
static uint64_t position(const struct align *a, size_t i)
{
	return a->slot[i] + (uint64_t)a->next;
}

void align_start(struct align *a, const uint64_t *slots, size_t count, int64_t first, int64_t last)
{
	a->count = count < ALIGN_DETECTIONS ? count : ALIGN_DETECTIONS;
	memcpy(a->slot, slots, a->count * sizeof(slots[0]));
	a->next = first;
	a->end = last;
	a->found = 0;
	a->score = 0;
	for (size_t i = 0; i < ALIGN_SCREEN; i++)
		a->ahead[i] = sync_pattern_word(position(a, i) / 64);
}

/* Full adder on 64 lanes: a + b + *sum = *sum + 2 * carry. */
static inline uint64_t carry_save(uint64_t a, uint64_t b, uint64_t *sum)
{
	uint64_t u = a ^ b, carry = (a & b) | (u & *sum);

	*sum ^= u;
	return carry;
}

/* Lit or dark in the slot of detection i, for the 64 offsets from a->next on. */
static inline uint64_t lanes(struct align *a, size_t i)
{
	uint64_t at = position(a, i), low = a->ahead[i];
	unsigned int shift = at % 64;

	a->ahead[i] = sync_pattern_word((at + 64) / 64);
	return shift == 0 ? low : low >> shift | a->ahead[i] << (64 - shift);
}

/* Lanes in which at least 48 of the first 64 detections agree. */
static uint64_t screen(struct align *a)
{
	uint64_t ones = 0, twos = 0, fours = 0, e0 = 0, e1 = 0, e2 = 0, e3 = 0;

	/* Carry-save adders in a tree (Harley and Seal; Warren, Hacker's Delight, 5-2). */
	for (size_t i = 0; i < ALIGN_SCREEN; i += 8) {
		uint64_t t0 = carry_save(lanes(a, i), lanes(a, i + 1), &ones);
		uint64_t t1 = carry_save(lanes(a, i + 2), lanes(a, i + 3), &ones);
		uint64_t t2 = carry_save(lanes(a, i + 4), lanes(a, i + 5), &ones);
		uint64_t t3 = carry_save(lanes(a, i + 6), lanes(a, i + 7), &ones);
		uint64_t f0 = carry_save(t0, t1, &twos), f1 = carry_save(t2, t3, &twos);
		uint64_t eight = carry_save(f0, f1, &fours), c;

		c = e0 & eight, e0 ^= eight, eight = c;
		c = e1 & eight, e1 ^= eight, eight = c;
		c = e2 & eight, e2 ^= eight, e3 ^= c;
	}
	return e3 | (e2 & e1); /* at least six eights */
}

static unsigned int score(const struct align *a, int64_t offset)
{
	unsigned int n = 0;

	for (size_t i = 0; i < a->count; i++)
		n += sync_pattern_on(a->slot[i] + (uint64_t)offset);
	return n;
}

enum align_result align_step(struct align *a, unsigned int words)
{
	while (words-- > 0) {
		uint64_t hits;

		if (a->next > a->end)
			return ALIGN_FAILED;
		hits = screen(a);
		while (hits != 0) {
			int64_t offset = a->next + __builtin_ctzll(hits);
			unsigned int n = score(a, offset);

			hits &= hits - 1;
			if (offset > a->end || n * 4 < a->count * 3)
				continue;
			a->found = offset;
			a->score = n;
			return ALIGN_FOUND;
		}
		a->next += 64;
	}
	return a->next > a->end ? ALIGN_FAILED : ALIGN_MORE;
}
