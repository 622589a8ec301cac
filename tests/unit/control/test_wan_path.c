/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/wan_path.h"

#include <string.h>

#include "tests/unit/unit.h"

#define SECOND 1000000000ULL
#define TICK   (SECOND / 20)

static struct wan_path p;
static struct wan_path_input in;
static uint64_t now;

static void start(void)
{
	memset(&p, 0, sizeof(p));
	in = (struct wan_path_input){.has_backup = true, .reachable = {true, true}};
	now = SECOND;
}

/* Changes within SECONDS. */
static unsigned int run(unsigned int seconds)
{
	unsigned int changes = 0;

	for (uint64_t end = now + seconds * SECOND; now < end; now += TICK)
		changes += wan_path_poll(&p, &in, now);
	return changes;
}

static void test_nothing_changes_while_it_works(void)
{
	start();
	CU_ASSERT_EQUAL(run(100), 0);
	in.reachable[1] = false;
	CU_ASSERT_EQUAL(run(100), 0);
	CU_ASSERT_EQUAL(p.active, 0);
	/* Both gone, as at the start: nowhere to go. */
	in.reachable[0] = false;
	CU_ASSERT_EQUAL(run(100), 0);
}

static void test_a_gone_neighbour(void)
{
	uint64_t from;

	start();
	run(10);
	in.reachable[0] = false;
	from = now;
	while (p.active == 0 && now < from + 10 * SECOND) {
		wan_path_poll(&p, &in, now);
		now += TICK;
	}
	CU_ASSERT_EQUAL(p.active, 1);
	CU_ASSERT_TRUE(now - from >= WAN_PATH_GONE_NS && now - from < SECOND);
	/* Back, when it has answered for a while, and not for a moment only. */
	in.reachable[0] = true;
	CU_ASSERT_EQUAL(run(9), 0);
	in.reachable[0] = false;
	run(1);
	in.reachable[0] = true;
	CU_ASSERT_EQUAL(run(9), 0);
	CU_ASSERT_EQUAL(run(2), 1);
	CU_ASSERT_EQUAL(p.active, 0);
}

static void test_stay(void)
{
	start();
	in.stay = true;
	in.reachable[0] = false;
	CU_ASSERT_EQUAL(run(2), 1);
	in.reachable[0] = true;
	CU_ASSERT_EQUAL(run(1000), 0);
	CU_ASSERT_EQUAL(p.active, 1);
	in.reachable[1] = false;
	CU_ASSERT_EQUAL(run(2), 1);
	CU_ASSERT_EQUAL(p.active, 0);
}

/* The primary's neighbour answers, but what is behind it does not. */
static void test_silence_behind_the_primary(void)
{
	unsigned int changes = 0;

	start();
	run(20);
	in.silent = true;
	CU_ASSERT_EQUAL(run(1), 1);
	CU_ASSERT_EQUAL(p.active, 1);
	/* It is tried again, less and less often: silent after 6 s each time. */
	in.silent = false;
	for (unsigned int i = 0; i < 3600 * 20; i++, now += TICK) {
		in.silent = p.active == 0 && now - p.changed_ns >= 6 * SECOND;
		changes += wan_path_poll(&p, &in, now);
	}
	CU_ASSERT_TRUE(changes >= 10 && changes <= 20);
	CU_ASSERT_TRUE(p.back_ns > 500 * SECOND);
	/* Repaired; after an hour without silence it counts as new. */
	in.silent = false;
	run(3700);
	CU_ASSERT_EQUAL(p.active, 0);
	run(3700);
	CU_ASSERT_EQUAL(p.back_ns, 0);
}

/* Neither works: they take turns, and none is left before it could be judged. */
static void test_silence_on_both(void)
{
	unsigned int changes;

	start();
	in.silent = true;
	changes = run(100);
	CU_ASSERT_TRUE(changes >= 9 && changes <= 11);
}

static void test_the_backup_is_taken_away(void)
{
	start();
	in.reachable[0] = false;
	run(2);
	CU_ASSERT_EQUAL(p.active, 1);
	in.has_backup = false;
	CU_ASSERT_EQUAL(run(1), 1);
	CU_ASSERT_EQUAL(p.active, 0);
	CU_ASSERT_EQUAL(run(10), 0);
}

UNIT_MAIN(UNIT(test_nothing_changes_while_it_works), UNIT(test_a_gone_neighbour), UNIT(test_stay),
          UNIT(test_silence_behind_the_primary), UNIT(test_silence_on_both),
          UNIT(test_the_backup_is_taken_away))
