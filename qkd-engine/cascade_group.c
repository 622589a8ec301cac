/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Errors that the passes have missed, an even number in each of their ranges. When no frame of
 * a group has an odd range, parities of random subsets of all its bits tell whether errors are
 * left; an odd subset is searched in quarters. Each subset misses two errors with probability
 * 1/2, all of them with 2^-CASCADE_SUBSETS.
 */

#include <errno.h>

#include "qkd-engine/cascade_run.h"

/* Words of the key in one call for all subsets: about 50 us. */
#define CHECK_WORDS 1024

/* Bits of a part of a subset in one piece: 4 us. */
#define PART_BITS ((size_t)1 << 17)

/* Parities of the bits [from, to) of the block in all subsets. */
static uint32_t check(const struct cascade_plan *plan, const uint64_t *key, size_t from, size_t to)
{
	uint64_t sums[CASCADE_SUBSETS] = {0};
	uint32_t parities = 0;

	/* Four words abreast, for vector registers. */
	for (size_t at = from / 64; at < BITS_WORDS(to); at += 4) {
		uint64_t x[4], mask[4];

		for (size_t k = 0; k < 4; k++) {
			size_t w = at + k;

			x[k] = w < BITS_WORDS(to) ? key[w] : 0;
			if (w == from / 64)
				x[k] &= ~0ULL << (from % 64);
			if (w == (to - 1) / 64)
				x[k] &= ~0ULL >> (63 - (to - 1) % 64);
			mask[k] = cascade_subset_word(plan, w);
		}
		for (unsigned int s = 0; s < CASCADE_SUBSETS; s++) {
			sums[s] ^= (x[0] & mask[0]) ^ (x[1] & mask[1]) ^ (x[2] & mask[2]) ^
			           (x[3] & mask[3]);
			for (size_t k = 0; k < 4; k++)
				mask[k] = cascade_rotate(mask[k], 1);
		}
	}
	for (unsigned int s = 0; s < CASCADE_SUBSETS; s++)
		parities |= (uint32_t)__builtin_parityll(sums[s]) << s;
	return parities;
}

/* Parity of the bits [from, to) of the block that are in SUBSET. */
static bool part(const struct cascade_plan *plan, const uint64_t *key, unsigned int subset,
                 size_t from, size_t to)
{
	uint64_t x = 0;

	for (size_t w = from / 64; w <= (to - 1) / 64; w++) {
		uint64_t v = key[w] & cascade_rotate(cascade_subset_word(plan, w), subset);

		if (w == from / 64)
			v &= ~0ULL << (from % 64);
		if (w == (to - 1) / 64)
			v &= ~0ULL >> (63 - (to - 1) % 64);
		x ^= v;
	}
	return __builtin_parityll(x);
}

/* The range under search is halved without asking while its right half is empty. */
static void narrow(const struct cascade_run *r, size_t g)
{
	struct cascade_group *group = &r->groups[g];
	size_t bits = cascade_group_start(&r->plan, g + 1) - cascade_group_start(&r->plan, g);

	while (group->level > 0 && (size_t)(2 * group->index + 1) << (group->level - 1) >= bits) {
		group->level--;
		group->index *= 2;
	}
}

/* Quarters, or halves in the end. */
static unsigned int parts_log2(const struct cascade_group *group)
{
	return group->level < 2 ? group->level : 2;
}

int cascade_group_apply(struct cascade_run *r, size_t g)
{
	struct cascade_group *group = &r->groups[g];
	size_t start = cascade_group_start(&r->plan, g), bits, at, f;
	unsigned int log2, found;

	if (group->asked == CASCADE_CHECK) {
		for (unsigned int s = 0; s < CASCADE_SUBSETS; s++)
			group->differ |= (uint32_t)cascade_difference(r) << s;
		group->checked = true;
	}
	if (group->asked != CASCADE_PARTS) {
		group->asked = CASCADE_NOTHING;
		return 0;
	}
	group->asked = CASCADE_NOTHING;
	bits = cascade_group_start(&r->plan, g + 1) - start;
	log2 = parts_log2(group);
	group->level -= (uint8_t)log2;
	group->index <<= log2;
	found = (1u << log2) - 1;
	for (unsigned int i = 0; i + 1 < 1u << log2; i++) {
		if ((size_t)(group->index + i) << group->level >= bits)
			break;
		if (cascade_difference(r) && found == (1u << log2) - 1)
			found = i;
	}
	group->index += found;
	at = (size_t)group->index << group->level;
	if (at >= bits)
		return -EPROTO; /* none of the parts is odd, but the whole is */
	narrow(r, g);
	if (group->level > 0)
		return 0;
	group->searching = false;
	at = start + group->index;
	/* A bit outside of the subset cannot change its parity. */
	if ((cascade_rotate(cascade_subset_word(&r->plan, at / 64), group->subset) >> (at % 64) &
	     1) == 0)
		return -EPROTO;
	f = cascade_group_first(&r->plan, g);
	while (at >= r->frames[f].end)
		f++;
	at = cascade_position(&r->plan, 0, at - r->frames[f].start);
	if (!cascade_correct(r, f, CASCADE_PASSES, 0, at))
		return -EPROTO;
	cascade_flush(r);
	return 0;
}

/* Own parities of all subsets, CHECK_WORDS words in a call. */
static int ask_check(struct cascade_run *r, size_t g)
{
	struct cascade_group *group = &r->groups[g];
	size_t start = cascade_group_start(&r->plan, g), end = cascade_group_start(&r->plan, g + 1);
	size_t from = start / 64 * 64 + r->i * CHECK_WORDS * 64;
	size_t to = from + (size_t)CHECK_WORDS * 64;

	if (from < end) {
		group->own ^=
		        check(&r->plan, r->key, from < start ? start : from, to < end ? to : end);
		r->i++;
		r->work += CASCADE_WORK;
		return -EAGAIN;
	}
	for (unsigned int s = 0; s < CASCADE_SUBSETS; s++)
		cascade_tell(r, group->own >> s & 1, 1);
	group->asked = CASCADE_CHECK;
	return 0;
}

/* Own parities of all parts but the last one, PART_BITS in a piece. */
static int ask_parts(struct cascade_run *r, struct cascade_group *group, size_t start, size_t bits)
{
	unsigned int log2 = parts_log2(group), parts = (1u << log2) - 1;
	size_t size = (size_t)1 << (group->level - log2);

	for (; r->pass < parts; r->pass++, r->i = 0) {
		size_t from = ((size_t)group->index << group->level) + r->pass * size, end;

		if (from >= bits)
			break;
		end = from + size < bits ? from + size : bits;
		if (r->i == 0)
			r->sum = false;
		for (; from + r->i * PART_BITS < end; r->i++) {
			size_t a = from + r->i * PART_BITS, b = a + PART_BITS;

			if (r->work >= r->work_most)
				return -EAGAIN;
			b = b < end ? b : end;
			r->sum ^= part(&r->plan, r->key, group->subset, start + a, start + b);
			/* It takes about 2 ns a word. */
			r->work += 1 + (b - a) / 1536;
		}
		cascade_tell(r, r->sum, 1);
	}
	group->asked = CASCADE_PARTS;
	return 0;
}

int cascade_group_ask(struct cascade_run *r, size_t g)
{
	struct cascade_group *group = &r->groups[g];
	size_t start = cascade_group_start(&r->plan, g);
	size_t bits = cascade_group_start(&r->plan, g + 1) - start;

	if (!group->checked)
		return ask_check(r, g);
	if (group->differ == 0)
		return 0;
	if (!group->searching) {
		group->searching = true;
		group->subset = (uint8_t)__builtin_ctz(group->differ);
		group->level = (uint8_t)(64 - __builtin_clzll(bits - 1));
		group->index = 0;
		narrow(r, g);
	}
	return ask_parts(r, group, start, bits);
}
