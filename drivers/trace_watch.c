/* SPDX-License-Identifier: BSD-3-Clause */

/* Which changes of the newest trace are reported: by themselves, or with one of the two before. */

#include <math.h>
#include <string.h>

#include "drivers/trace_change.h"

void trace_watch_reset(struct trace_watch *w)
{
	memset(w, 0, sizeof(*w));
}

static bool same(const struct trace_change *a, const struct trace_change *b)
{
	int apart = (int)a->cell - (int)b->cell;

	return (a->kind == TRACE_CHANGE_REFLECTION) == (b->kind == TRACE_CHANGE_REFLECTION) &&
	       (a->loss_db < 0) == (b->loss_db < 0) && apart >= -TRACE_SAME_CELLS &&
	       apart <= TRACE_SAME_CELLS;
}

static bool seen_before(const struct trace_watch *w, const struct trace_change *c)
{
	for (unsigned int k = 1; k < 3 && k < w->seen; k++)
		for (unsigned int i = 0; i < w->last[k].count; i++)
			if (same(&w->last[k].list[i], c))
				return true;
	return false;
}

unsigned int trace_watch_report(struct trace_watch *w, const struct trace_changes *changes,
                                struct trace_change *out)
{
	unsigned int n = 0;

	w->last[2] = w->last[1];
	w->last[1] = w->last[0];
	w->last[0] = *changes;
	w->seen += w->seen < 3;
	for (unsigned int i = 0; i < changes->count; i++) {
		const struct trace_change *c = &changes->list[i];

		if (c->kind == TRACE_CHANGE_REFLECTION || fabs(c->sigmas) >= TRACE_K_ONE ||
		    (c->kind != TRACE_CHANGE_GAIN && seen_before(w, c)))
			out[n++] = *c;
	}
	return n;
}
