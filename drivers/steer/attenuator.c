/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/steer/attenuator.h"

#include <math.h>

#define FILTER   0.3 /* share of a new reading: a time constant of three */
#define GAIN     0.3 /* of what is off, set at once: no overshoot behind that filter */
#define DEAD_MDB 4   /* 0.1 %: below the monitor's own scatter */

void steer_attenuator_init(struct steer_attenuator *a, double target_fw, int32_t calibrated,
                           int32_t min, int32_t max)
{
	*a = (struct steer_attenuator){.target_fw = target_fw};
	a->least_mdb =
	        calibrated - STEER_VOA_RANGE_MDB > min ? calibrated - STEER_VOA_RANGE_MDB : min;
	a->most_mdb =
	        calibrated + STEER_VOA_RANGE_MDB < max ? calibrated + STEER_VOA_RANGE_MDB : max;
	a->s.set = calibrated;
	a->due_mdb = calibrated;
	a->s.state = target_fw > 0 ? STEER_SETTLING : STEER_OFF;
}

/* AGAINST the state for STEER_VOA_RUN readings in a row: it becomes NEXT. */
static void count(struct steer_attenuator *a, bool against, enum steer_state next)
{
	if (!against) {
		a->run = 0;
		return;
	}
	if (++a->run < STEER_VOA_RUN)
		return;
	a->run = 0;
	a->s.limits += next == STEER_LIMIT;
	a->s.state = next;
}

static bool may_follow(const struct steer_attenuator *a, double off_mdb)
{
	double most = a->s.state == STEER_SETTLING ? STEER_VOA_START_MDB : STEER_VOA_STEP_MDB;

	return isfinite(off_mdb) && fabs(off_mdb) <= most;
}

/* Where the loop stands, with WANTED mdB not yet clamped. */
static void judge(struct steer_attenuator *a, double wanted)
{
	bool beyond = wanted < a->least_mdb || wanted > a->most_mdb;
	bool near = fabs(a->off_mdb) <= STEER_VOA_HELD_MDB;

	switch (a->s.state) {
	case STEER_REFUSED:
		count(a, true, STEER_SETTLING);
		break;
	case STEER_LIMIT:
		count(a, !beyond && near, STEER_HELD);
		break;
	default:
		if (beyond && !near)
			count(a, true, STEER_LIMIT);
		else if (a->s.state == STEER_SETTLING)
			count(a, near, STEER_HELD);
		else
			a->run = 0;
	}
}

bool steer_attenuator_reading(struct steer_attenuator *a, double output_fw, double seconds)
{
	double off, move, most = STEER_VOA_RATE_MDB_S * seconds, wanted;
	int32_t before = a->s.set;

	if (a->s.state == STEER_OFF || !(seconds > 0))
		return false;
	off = output_fw > 0 ? 1e4 * log10(output_fw / a->target_fw) : NAN;
	if (!may_follow(a, off)) {
		a->s.refused++;
		a->begun = false;
		if (a->s.state == STEER_REFUSED)
			a->run = 0;
		else
			count(a, true, STEER_REFUSED);
		return false;
	}
	a->off_mdb = a->begun ? a->off_mdb + FILTER * (off - a->off_mdb) : off;
	a->begun = true;
	wanted = a->due_mdb + (fabs(a->off_mdb) > DEAD_MDB ? GAIN * a->off_mdb : 0);
	judge(a, wanted);
	/* What was refused moves nothing until it has been good for as long. */
	if (a->s.state == STEER_REFUSED)
		return false;
	move = fmin(fmax(wanted - a->due_mdb, -most), most);
	a->due_mdb = fmin(fmax(a->due_mdb + move, a->least_mdb), a->most_mdb);
	a->s.set = (int32_t)lrint(a->due_mdb);
	a->s.moves += a->s.set != before;
	return a->s.set != before;
}
