/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/key_forecast.h"

#include <string.h>

#include "common/clock.h"
#include "tests/unit/unit.h"

static struct key_forecast f;
static uint64_t now, level, came, gone;

static void begin(uint64_t keys)
{
	memset(&f, 0, sizeof(f));
	now = 7 * NS_PER_S;
	level = keys;
	came = gone = 0;
	key_forecast_look(&f, now, level, came, gone);
}

/* SECONDS in which USED keys go each second, and every BLOCK_S seconds MADE come. */
static void run(unsigned int seconds, unsigned int used, unsigned int block_s, unsigned int made)
{
	for (unsigned int s = 1; s <= seconds; s++) {
		now += NS_PER_S;
		level -= used < level ? used : level;
		if (block_s != 0 && s % block_s == 0) {
			level += made;
			came += made;
		}
		key_forecast_look(&f, now, level, came, gone);
	}
}

static struct key_forecast_view view(void)
{
	struct key_forecast_view v;

	key_forecast_read(&f, &v);
	return v;
}

static void test_nothing_is_known_at_first(void)
{
	json_t *o = json_object();
	struct key_forecast_view v;

	begin(1000);
	v = view();
	CU_ASSERT_FALSE(v.known || v.lasts || v.drains);
	key_forecast_json(&v, o);
	CU_ASSERT_TRUE(json_is_null(json_object_get(o, "used_per_s")));
	CU_ASSERT_TRUE(json_is_null(json_object_get(o, "empty_in_s")));
	CU_ASSERT_EQUAL(json_object_size(o), 4);
	json_decref(o);
	run(4, 2, 0, 0);
	CU_ASSERT_FALSE(view().known);
	run(1, 2, 0, 0);
	CU_ASSERT_TRUE(view().known);
}

static void test_no_key_comes(void)
{
	struct key_forecast_view v;

	begin(1000);
	run(60, 2, 0, 0);
	v = view();
	CU_ASSERT_DOUBLE_EQUAL(v.used_per_s, 2, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(v.net_per_s, -2, 1e-9);
	CU_ASSERT_TRUE(v.lasts && v.drains);
	CU_ASSERT_EQUAL(v.lasts_s, 440);
	CU_ASSERT_EQUAL(v.empty_in_s, 440);
	run(440, 2, 0, 0);
	v = view();
	CU_ASSERT_EQUAL(v.lasts_s, 0);
	CU_ASSERT_EQUAL(v.empty_in_s, 0);
}

/* Blocks come, more than is used: the store does not drain, and how long it lasts is known. */
static void test_blocks_come(void)
{
	struct key_forecast_view v;

	begin(1000);
	run(600, 2, 20, 100);
	v = view();
	CU_ASSERT_DOUBLE_EQUAL(v.used_per_s, 2, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(v.net_per_s, 3, 0.01);
	CU_ASSERT_FALSE(v.drains);
	CU_ASSERT_TRUE(v.lasts);
	CU_ASSERT_EQUAL(v.lasts_s, level / 2);
}

static void test_less_comes_than_goes(void)
{
	struct key_forecast_view v;

	begin(100000);
	run(600, 8, 20, 100);
	v = view();
	CU_ASSERT_DOUBLE_EQUAL(v.used_per_s, 8, 1e-9);
	CU_ASSERT_TRUE(v.drains);
	CU_ASSERT_DOUBLE_EQUAL((double)v.empty_in_s, (double)level / 3, (double)level / 100);
}

/* What expired was not used; what nobody uses lasts for ever. */
static void test_expired_is_not_used(void)
{
	struct key_forecast_view v;

	begin(1000);
	for (int i = 0; i < 60; i++) {
		now += NS_PER_S;
		level -= 5;
		gone += 5;
		key_forecast_look(&f, now, level, came, gone);
	}
	v = view();
	CU_ASSERT_EQUAL(v.used_per_s, 0);
	CU_ASSERT_FALSE(v.lasts);
	CU_ASSERT_TRUE(v.drains);
	CU_ASSERT_EQUAL(v.empty_in_s, level / 5);
}

/* After ten minutes what was before is forgotten. */
static void test_the_window(void)
{
	struct key_forecast_view v;

	begin(1000000);
	run(3600, 100, 0, 0);
	run(600, 1, 0, 0);
	v = view();
	CU_ASSERT_DOUBLE_EQUAL(v.used_per_s, 1, 1e-9);
	CU_ASSERT_EQUAL(v.lasts_s, level);
	/* Nobody has time between two looks for more than one of them. */
	key_forecast_look(&f, now, level, came, gone);
	CU_ASSERT_DOUBLE_EQUAL(view().used_per_s, 1, 1e-9);
}

UNIT_MAIN(UNIT(test_nothing_is_known_at_first), UNIT(test_no_key_comes), UNIT(test_blocks_come),
          UNIT(test_less_comes_than_goes), UNIT(test_expired_is_not_used), UNIT(test_the_window))
