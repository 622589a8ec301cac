/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/replay.h"

#include <string.h>

bool replay_size_valid(uint32_t size)
{
	return size >= REPLAY_WINDOW_MIN && size <= REPLAY_WINDOW_MAX && (size & (size - 1)) == 0;
}

void replay_init(struct replay *r, uint64_t *bits, uint32_t size)
{
	r->top = 0;
	r->bits = bits;
	r->size = size;
	memset(bits, 0, size / 8);
}

void replay_clear_above(struct replay *r, uint64_t seq)
{
	uint32_t words = r->size / 64;
	uint64_t first, last;

	if (seq - r->top >= r->size) {
		memset(r->bits, 0, r->size / 8);
		return;
	}
	/* Less than a whole turn: the first and the last word in part, those between whole. */
	first = (r->top + 1) / 64;
	last = seq / 64;
	for (uint64_t w = first; w <= last; w++) {
		uint64_t mask = UINT64_MAX;

		if (w == first)
			mask &= UINT64_MAX << ((r->top + 1) % 64);
		if (w == last)
			mask &= UINT64_MAX >> (63 - seq % 64);
		r->bits[w & (words - 1)] &= ~mask;
	}
}
