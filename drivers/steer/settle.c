/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/steer/settle.h"

#include <stdlib.h>

void steer_settle_start(struct steer_settle *t, int32_t set, uint64_t now_ns)
{
	struct steer_status s = t->s;

	*t = (struct steer_settle){.s = s, .since_ns = now_ns, .turned_ns = now_ns};
	t->s.set = set;
	t->s.moves++;
	t->s.state = STEER_SETTLING;
}

void steer_settle_reading(struct steer_settle *t, int32_t actual, uint64_t now_ns)
{
	bool near = llabs((int64_t)actual - t->s.set) <= STEER_SETTLE_MC;

	if (t->s.state == STEER_OFF)
		return;
	t->actual = actual;
	if (t->since_ns == 0)
		t->since_ns = t->turned_ns = now_ns;
	if (near != t->near) {
		t->near = near;
		t->turned_ns = now_ns;
	}
	if (t->s.state == STEER_HELD && !near && now_ns - t->turned_ns >= STEER_STAY_NS) {
		t->s.state = STEER_SETTLING;
		t->s.refused++;
		t->since_ns = t->turned_ns;
	} else if (t->s.state != STEER_HELD && near && now_ns - t->turned_ns >= STEER_STAY_NS) {
		t->s.state = STEER_HELD;
	} else if (t->s.state == STEER_SETTLING && now_ns - t->since_ns >= STEER_SETTLE_NS) {
		t->s.state = STEER_LIMIT;
		t->s.limits++;
	}
}
