/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/spd_slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct spd_rule rules[SPD_RULES_MAX];
static struct spd_entry entry[SPD_RULES_MAX];
static bool mine[SPD_SLOTS];

static struct spd_slots *start(void)
{
	struct spd_slots *s = calloc(1, sizeof(*s));

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL_FATAL(spd_slots_init(s, 2), 0);
	return s;
}

static void stop(struct spd_slots *s)
{
	spd_slots_fini(s);
	free(s);
}

/* COUNT rules, whose names begin with LETTER, take the place of those before. */
static void replace(struct spd_slots *s, char letter, unsigned int count)
{
	memset(mine, 0, sizeof(mine));
	for (unsigned int i = 0; i < count; i++)
		snprintf(rules[i].name, sizeof(rules[i].name), "%c%u", letter, i);
	CU_ASSERT_TRUE_FATAL(spd_slots_assign(s, rules, count, entry, mine));
	spd_slots_settle(s, mine);
}

static uint64_t packets(const struct spd_slots *s, unsigned int slot)
{
	uint64_t n, bytes;

	spd_slots_read(s, slot, &n, &bytes);
	CU_ASSERT_EQUAL(bytes, n * 10);
	return n;
}

static void test_a_name_keeps_its_slot(void)
{
	struct spd_slots *s = start();
	unsigned int first, second;

	replace(s, 'a', 2);
	first = entry[0].slot;
	second = entry[1].slot;
	CU_ASSERT_TRUE(first != 0 && second != 0 && first != second && first < SPD_UNCOUNTED);
	spd_count(s->hits[0], first, 10);
	spd_count(s->hits[1], first, 10);
	replace(s, 'a', 1);
	CU_ASSERT_EQUAL(entry[0].slot, first);
	CU_ASSERT_EQUAL(packets(s, first), 2);
	stop(s);
}

/* A name may come back, with its counts, while there is room. */
static void test_a_slot_is_free_after_two_updates(void)
{
	struct spd_slots *s = start();
	unsigned int old;

	replace(s, 'a', 1);
	old = entry[0].slot;
	spd_count(s->hits[0], old, 10);
	replace(s, 'b', 1);
	CU_ASSERT_NOT_EQUAL(entry[0].slot, old);
	replace(s, 'c', 1);
	CU_ASSERT_NOT_EQUAL(entry[0].slot, old);
	replace(s, 'd', 1);
	CU_ASSERT_EQUAL(entry[0].slot, old);
	CU_ASSERT_EQUAL(packets(s, old), 0);
	spd_count(s->hits[1], old, 10);
	CU_ASSERT_EQUAL(packets(s, old), 1);
	stop(s);
}

/* As many rules as there may be, and all of them with other names at once. */
static void test_there_are_enough(void)
{
	struct spd_slots *s = start();

	replace(s, 'a', SPD_RULES_MAX);
	replace(s, 'b', SPD_RULES_MAX);
	replace(s, 'c', SPD_RULES_MAX);
	CU_ASSERT_TRUE(entry[SPD_RULES_MAX - 1].slot < SPD_UNCOUNTED);
	stop(s);
}

static void test_names_differ(void)
{
	struct spd_slots *s = start();

	memset(mine, 0, sizeof(mine));
	strcpy(rules[0].name, "x");
	strcpy(rules[1].name, "x");
	CU_ASSERT_FALSE(spd_slots_assign(s, rules, 2, entry, mine));
	stop(s);
}

UNIT_MAIN(UNIT(test_a_name_keeps_its_slot), UNIT(test_a_slot_is_free_after_two_updates),
          UNIT(test_there_are_enough), UNIT(test_names_differ))
