/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config.h"
#include "tests/unit/unit.h"

static struct config_prefix prefix(const char *text)
{
	struct config_prefix p;

	CU_ASSERT_TRUE_FATAL(config_prefix_parse(text, &p));
	return p;
}

static struct config_addr addr(const char *text)
{
	struct config_addr a;

	CU_ASSERT_TRUE_FATAL(config_addr_parse(text, &a));
	return a;
}

static void test_text_round_trip(void)
{
	static const char *const texts[] = {"10.1.0.1/24", "0.0.0.0/0", "fd00:1::1/64", "::/0",
	                                    "192.0.2.1/32"};
	char buf[CONFIG_ADDR_TEXT];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config_prefix p = prefix(texts[i]);

		CU_ASSERT_STRING_EQUAL(config_prefix_format(&p, buf), texts[i]);
	}
}

static void test_refuses_what_is_no_prefix(void)
{
	static const char *const texts[] = {"",
	                                    "10.1.0.1",
	                                    "10.1.0.1/",
	                                    "10.1.0.1/33",
	                                    "10.1.0.1/-1",
	                                    "10.1.0/24",
	                                    "10.1.0.1/24x",
	                                    "fd00::1/129",
	                                    "/24",
	                                    "fd00:::1/64",
	                                    "10.1.0.1/ 4",
	                                    "010.1.0.1.2/8"};
	struct config_prefix p;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CU_ASSERT_FALSE(config_prefix_parse(texts[i], &p));
}

static void test_covers(void)
{
	struct config_prefix p = prefix("10.1.0.1/22"), q = prefix("fd00:1::/61");
	struct config_addr in = addr("10.1.3.255"), out = addr("10.1.4.0");
	struct config_addr in6 = addr("fd00:1:0:7::1"), out6 = addr("fd00:1:0:8::1");
	struct config_prefix all = prefix("0.0.0.0/0");

	CU_ASSERT_TRUE(config_prefix_covers(&p, &in));
	CU_ASSERT_FALSE(config_prefix_covers(&p, &out));
	CU_ASSERT_TRUE(config_prefix_covers(&q, &in6));
	CU_ASSERT_FALSE(config_prefix_covers(&q, &out6));
	CU_ASSERT_TRUE(config_prefix_covers(&all, &in));
	CU_ASSERT_FALSE(config_prefix_covers(&all, &in6));
}

static void test_overlaps(void)
{
	struct config_prefix wide = prefix("10.0.0.0/8"), narrow = prefix("10.9.0.0/16");
	struct config_prefix other = prefix("11.0.0.0/8");

	CU_ASSERT_TRUE(config_prefix_overlaps(&wide, &narrow));
	CU_ASSERT_TRUE(config_prefix_overlaps(&narrow, &wide));
	CU_ASSERT_FALSE(config_prefix_overlaps(&other, &narrow));
}

UNIT_MAIN(UNIT(test_text_round_trip), UNIT(test_refuses_what_is_no_prefix), UNIT(test_covers),
          UNIT(test_overlaps))
