/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/key_share.h"

#include <errno.h>

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int key_share_add(struct key_share *s, uint32_t weight, uint64_t cap_bits)
{
	if (weight == 0 || weight > KEY_SHARE_WEIGHT)
		return -EINVAL;
	if (s->count == KEY_SHARE_MAX)
		return -ENOSPC;
	s->member[s->count] = (struct key_share_member){.weight = weight, .cap_bits = cap_bits};
	return (int)s->count++;
}

int key_share_put(struct key_share *s, uint32_t member, uint32_t weight, uint64_t cap_bits,
                  uint64_t reserve_bits)
{
	struct key_share_member *m;

	if (weight == 0 || weight > KEY_SHARE_WEIGHT)
		return -EINVAL;
	if (member >= KEY_SHARE_MAX)
		return -ENOSPC;
	m = &s->member[member];
	m->weight = weight;
	m->cap_bits = cap_bits;
	m->reserve_bits = reserve_bits;
	if (m->credit_bits > cap_bits) {
		s->common_bits += m->credit_bits - cap_bits;
		m->credit_bits = cap_bits;
	}
	if (member >= s->count)
		s->count = member + 1;
	return 0;
}

void key_share_remove(struct key_share *s, uint32_t member)
{
	s->common_bits += s->member[member].credit_bits;
	s->member[member] = (struct key_share_member){0};
}

static uint64_t weight_with_room(const struct key_share *s)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->count; i++)
		if (s->member[i].credit_bits < s->member[i].cap_bits)
			sum += s->member[i].weight;
	return sum;
}

/* One bit each in turn, for what does not divide; there are fewer than members with room. */
static void deal_odd(struct key_share *s, uint64_t bits)
{
	for (uint32_t i = 0; i < s->count && bits > 0; i++) {
		struct key_share_member *m = &s->member[s->turn++ % s->count];

		if (m->credit_bits < m->cap_bits) {
			m->credit_bits++;
			bits--;
		}
	}
	s->common_bits += bits;
}

void key_share_arrive(struct key_share *s, uint32_t bits)
{
	uint64_t left = bits, sum;

	while (left > 0 && (sum = weight_with_room(s)) > 0) {
		uint64_t given = 0;

		for (uint32_t i = 0; i < s->count; i++) {
			struct key_share_member *m = &s->member[i];
			uint64_t part = min(left * m->weight / sum, m->cap_bits - m->credit_bits);

			m->credit_bits += part;
			given += part;
		}
		left -= given;
		if (given == 0) {
			deal_odd(s, left);
			return;
		}
	}
	s->common_bits += left;
}

uint64_t key_share_bits(const struct key_share *s, uint32_t member)
{
	const struct key_share_member *m = &s->member[member];

	return m->credit_bits + s->common_bits - min(s->common_bits, m->reserve_bits);
}

int key_share_take(struct key_share *s, uint32_t member, uint64_t bits)
{
	struct key_share_member *m = &s->member[member];
	uint64_t own = min(bits, m->credit_bits);

	if (bits > key_share_bits(s, member))
		return -EAGAIN;
	m->credit_bits -= own;
	s->common_bits -= bits - own;
	return 0;
}

uint64_t key_share_total(const struct key_share *s)
{
	uint64_t total = s->common_bits;

	for (uint32_t i = 0; i < s->count; i++)
		total += s->member[i].credit_bits;
	return total;
}

void key_share_lose(struct key_share *s, uint32_t bits)
{
	uint64_t common = min(bits, s->common_bits), left = bits - common, total;

	s->common_bits -= common;
	total = key_share_total(s);
	left = min(left, total);
	/* In proportion to what each has of what there is still to go through: no bit is left over.
	 */
	for (uint32_t i = 0; i < s->count && left > 0; i++) {
		struct key_share_member *m = &s->member[i];
		unsigned __int128 part = (unsigned __int128)left * m->credit_bits;
		uint64_t lost = (uint64_t)((part + total - 1) / total);

		total -= m->credit_bits;
		m->credit_bits -= lost;
		left -= lost;
	}
}
