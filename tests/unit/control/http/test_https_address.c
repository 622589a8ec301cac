/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/https_address.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static struct https_address address(const char *text)
{
	struct sockaddr_storage from = {0};
	struct https_address a;

	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&from)->sin_addr) == 1)
		from.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&from)->sin6_addr) == 1)
		from.ss_family = AF_INET6;
	https_address_of(&from, &a);
	return a;
}

static bool same(const char *a, const char *b)
{
	struct https_address x = address(a), y = address(b);

	return memcmp(&x, &y, sizeof(x)) == 0;
}

static void test_what_is_one(void)
{
	CU_ASSERT_TRUE(same("192.0.2.1", "192.0.2.1"));
	CU_ASSERT_FALSE(same("192.0.2.1", "192.0.2.2"));
	CU_ASSERT_TRUE(same("2001:db8::1", "2001:db8::ffff:1:2:3"));
	CU_ASSERT_FALSE(same("2001:db8::1", "2001:db8:0:1::1"));
	CU_ASSERT_FALSE(same("::", "0.0.0.0"));
}

static void test_limit(void)
{
	struct https_addresses *t = https_addresses_new(100);
	struct https_address a = address("192.0.2.1"), b = address("192.0.2.2");

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_TRUE(https_address_take(t, &a, 3));
	CU_ASSERT_FALSE(https_address_take(t, &a, 3));
	CU_ASSERT_TRUE(https_address_take(t, &b, 3));
	https_address_release(t, &a);
	CU_ASSERT_TRUE(https_address_take(t, &a, 3));
	CU_ASSERT_FALSE(https_address_take(t, &a, 3));
	https_addresses_free(t);
}

/* Far more than there are chains, taken and released in another order. */
static void test_many(void)
{
	struct https_addresses *t = https_addresses_new(100);
	char text[32];

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 2000; i++) {
			struct https_address a;

			snprintf(text, sizeof(text), "10.1.%d.%d", i / 250, i % 250);
			a = address(text);
			CU_ASSERT_TRUE(https_address_take(t, &a, 1));
			CU_ASSERT_FALSE(https_address_take(t, &a, 1));
		}
		for (int i = 1999; i >= 0; i--) {
			struct https_address a;

			snprintf(text, sizeof(text), "10.1.%d.%d", i / 250, i % 250);
			a = address(text);
			https_address_release(t, &a);
		}
	}
	https_addresses_free(t);
}

UNIT_MAIN(UNIT(test_what_is_one), UNIT(test_limit), UNIT(test_many))
