/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/key_level.h"

bool key_level_low(struct key_level *l, uint64_t available)
{
	uint64_t margin = ((uint64_t)l->low_water + 3) / 4;
	uint64_t room = l->max_keys > l->low_water ? (l->max_keys - l->low_water) / 2 : 0;

	if (available > 0)
		l->expected = true;
	if (!l->expected || l->low_water == 0)
		l->low = false;
	else if (available < l->low_water)
		l->low = true;
	else if (available >= l->low_water + (margin < room ? margin : room))
		l->low = false;
	return l->low;
}
