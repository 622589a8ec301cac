/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/ipv6_upper.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

/* Headers of a packet; each call appends one and names it in the one before. */
static uint8_t packet[512];
static unsigned int length, next_at;

static void begin(void)
{
	memset(packet, 0, sizeof(packet));
	packet[0] = 0x60;
	length = 40;
	next_at = 6;
}

static void append(uint8_t type, unsigned int bytes)
{
	packet[next_at] = type;
	next_at = length;
	if (type == 51)
		packet[length + 1] = (uint8_t)(bytes / 4 - 2);
	else if (type == 0 || type == 43 || type == 60)
		packet[length + 1] = (uint8_t)(bytes / 8 - 1);
	length += bytes;
}

/* From a block of exactly N bytes, so that a sanitizer sees what is read beyond. */
static bool find(unsigned int n, struct ipv6_upper *out)
{
	uint8_t *exact = malloc(n);
	bool found;

	CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
	memcpy(exact, packet, n);
	found = ipv6_upper_find(exact, n, out);
	free(exact);
	return found;
}

static void test_without_extensions(void)
{
	struct ipv6_upper u;

	begin();
	append(6, 20);
	CU_ASSERT_TRUE(find(length, &u));
	CU_ASSERT_EQUAL(u.proto, 6);
	CU_ASSERT_EQUAL(u.offset, 40);
	CU_ASSERT_FALSE(u.fragment);
}

static void test_behind_all_kinds_and_every_cut(void)
{
	struct ipv6_upper u;

	begin();
	append(0, 16);
	append(43, 24);
	append(44, 8);
	append(51, 28);
	append(60, 8);
	append(17, 8);
	CU_ASSERT_TRUE(find(length, &u));
	CU_ASSERT_EQUAL(u.proto, 17);
	CU_ASSERT_EQUAL(u.offset, 40 + 16 + 24 + 8 + 28 + 8);
	CU_ASSERT_FALSE(u.fragment);
	for (unsigned int n = 40; n < length - 8; n++) {
		CU_ASSERT_FALSE(find(n, &u));
		/* No rule with ports may match. */
		CU_ASSERT_TRUE(u.fragment);
	}
}

static void test_later_fragment(void)
{
	struct ipv6_upper u;

	begin();
	append(60, 8);
	append(44, 8);
	packet[50] = 1; /* offset */
	append(6, 20);
	CU_ASSERT_TRUE(find(length, &u));
	CU_ASSERT_EQUAL(u.proto, 6);
	CU_ASSERT_TRUE(u.fragment);
}

static void test_too_many(void)
{
	struct ipv6_upper u;

	begin();
	for (unsigned int i = 0; i < IPV6_EXTENSIONS_MAX; i++)
		append(60, 8);
	append(6, 20);
	CU_ASSERT_TRUE(find(length, &u));
	CU_ASSERT_EQUAL(u.proto, 6);
	begin();
	for (unsigned int i = 0; i <= IPV6_EXTENSIONS_MAX; i++)
		append(60, 8);
	append(6, 20);
	CU_ASSERT_FALSE(find(length, &u));
}

UNIT_MAIN(UNIT(test_without_extensions), UNIT(test_behind_all_kinds_and_every_cut),
          UNIT(test_later_fragment), UNIT(test_too_many))
