/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/gcm_library.h"
#include "tests/unit/common/gcm_libraries.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>

static void test_what_is_not_the_library_is_named(void)
{
	struct gcm_library lib;
	struct err err = {0};

	CU_ASSERT_EQUAL(gcm_library_open("/nonexistent/libIPSec_MB.so", &lib, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ipsec-mb: /nonexistent/libIPSec_MB.so"));
	CU_ASSERT_EQUAL(gcm_library_open("libc.so.6", &lib, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ipsec-mb: libc.so.6 is not IPsec-MB"));
}

static void test_system_library_has_our_layout(void)
{
	struct gcm_library lib;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(gcm_library_open(NULL, &lib, &err), 0);
	CU_ASSERT_TRUE(lib.same_layout);
	CU_ASSERT_PTR_NOT_NULL(strstr(lib.name, "libIPSec_MB.so."));
}

static void test_newer_library_is_bound_by_name(void)
{
	struct gcm_provider p = {0};
	struct gcm_library lib;
	struct err err = {0};

	if (newer_library() == NULL) {
		puts("  no newer library here");
		return;
	}
	CU_ASSERT_EQUAL_FATAL(gcm_library_open(newer_library(), &lib, &err), 0);
	CU_ASSERT_TRUE(gcm_library_dispatched(&lib, &p));
	CU_ASSERT_STRING_EQUAL(p.library, lib.name);
	CU_ASSERT_STRING_NOT_EQUAL(p.name, "other");
}

/* The manager's choice has a name of ours, and binding that name gives the same functions. */
static void test_dispatched_code_has_a_name(void)
{
	struct gcm_provider own = {0}, named = {0};
	struct gcm_library lib;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(gcm_library_open(NULL, &lib, &err), 0);
	CU_ASSERT_TRUE_FATAL(gcm_library_dispatched(&lib, &own));
	for (const struct gcm_code *c = gcm_codes; c->name != NULL; c++)
		if (strcmp(c->name, own.name) == 0) {
			CU_ASSERT_TRUE(c->runs());
			CU_ASSERT_TRUE_FATAL(gcm_library_bind(&lib, c, &named));
		}
	CU_ASSERT_STRING_EQUAL(named.name, own.name);
	/* That one is bound with something around it. */
	if (strcmp(own.name, "vaes-avx2") == 0)
		return;
	CU_ASSERT_TRUE(named.seal == own.seal && named.open == own.open && named.init == own.init &&
	               named.seal_update == own.seal_update &&
	               named.open_update == own.open_update && named.seal_final == own.seal_final &&
	               named.open_final == own.open_final && named.key_expand == own.key_expand &&
	               named.ghash_key == own.ghash_key && named.ghash == own.ghash);
}

static void test_unknown_code_is_not_bound(void)
{
	static const struct gcm_code code = {.name = "none", .suffix = "no_such_code"};
	struct gcm_provider p = {0};
	struct gcm_library lib;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(gcm_library_open(NULL, &lib, &err), 0);
	CU_ASSERT_FALSE(gcm_library_bind(&lib, &code, &p));
}

/* XGETBV with ECX = 1: which parts of the state are in use; bit 2 is the upper halves of YMM. */
static bool upper_in_use(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
	return low & 4;
}

/* Needs XGETBV with ECX = 1 (CPUID leaf 13, sub-leaf 1, EAX bit 2). */
static bool can_tell_upper(void)
{
	uint32_t a, b, c, d;

	return __builtin_cpu_supports("avx2") && __get_cpuid_count(13, 1, &a, &b, &c, &d) != 0 &&
	       a & 4;
}

/* Else each SSE instruction that follows would pay for it. */
static void test_no_code_leaves_registers_dirty(void)
{
	_Alignas(64) static uint8_t schedule[GCM_KEY_BYTES], context[GCM_CONTEXT_BYTES];
	struct gcm_provider p[PROVIDERS_MAX];
	unsigned int n = providers(p);
	uint8_t text[1420] = {0}, iv[12] = {0}, tag[16];

	if (!can_tell_upper()) {
		puts("  this CPU does not tell");
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct gcm_key *k = (struct gcm_key *)schedule;
		struct gcm_context *c = (struct gcm_context *)context;

		for (unsigned int len = 20; len <= sizeof(text); len += 200) {
			p[i].key_expand(text, k);
			p[i].seal(k, c, text, text, len, iv, text, 12, tag, 16);
			CU_ASSERT_FALSE(upper_in_use());
			p[i].open(k, c, text, text, len, iv, text, 12, tag, 16);
			CU_ASSERT_FALSE(upper_in_use());
			p[i].init(k, c, iv, text, 12);
			p[i].open_update(k, c, text, text, len);
			p[i].open_final(k, c, tag, 16);
			CU_ASSERT_FALSE(upper_in_use());
		}
	}
}

UNIT_MAIN(UNIT(test_what_is_not_the_library_is_named), UNIT(test_system_library_has_our_layout),
          UNIT(test_newer_library_is_bound_by_name), UNIT(test_dispatched_code_has_a_name),
          UNIT(test_unknown_code_is_not_bound), UNIT(test_no_code_leaves_registers_dirty))
