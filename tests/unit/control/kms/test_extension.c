/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/extension.h"

#include "tests/unit/control/http/check.h"

static const struct kms_offer real = {.simulated = false}, model = {.simulated = true};
static struct http_fault f;

static int mandatory(const char *text, const struct kms_offer *offer)
{
	json_t *list = json_loads(text, 0, NULL);
	int rc;

	CU_ASSERT_PTR_NOT_NULL_FATAL(list);
	rc = kms_extension_mandatory(list, offer, &f);
	json_decref(list);
	return rc;
}

static int optional(const char *text, const struct kms_offer *offer, bool strict)
{
	json_t *list = json_loads(text, 0, NULL);
	int rc;

	CU_ASSERT_PTR_NOT_NULL_FATAL(list);
	rc = kms_extension_optional(list, offer, strict, &f);
	json_decref(list);
	return rc;
}

static void test_mandatory_met(void)
{
	CU_ASSERT_EQUAL(kms_extension_mandatory(NULL, &real, &f), 0);
	CU_ASSERT_EQUAL(mandatory("[]", &real), 0);
	CU_ASSERT_EQUAL(mandatory("[{}]", &real), 0);
	CU_ASSERT_EQUAL(mandatory("[{\"lumengate_simulated\":false}]", &real), 0);
	CU_ASSERT_EQUAL(mandatory("[{\"lumengate_simulated\":true},"
	                          "{\"lumengate_route_type\":\"direct\"}]",
	                          &model),
	                0);
}

/* The example of section 6.2. */
static void test_mandatory_not_supported(void)
{
	check_fault(mandatory("[{\"abc_route_type\":\"direct\"},{\"abc_transfer_method\":\"qkd\"}]",
	                      &real),
	            &f, 400, KMS_MANDATORY_UNSUPPORTED);
	CU_ASSERT_STRING_EQUAL(f.message, "not all extension_mandatory parameters are supported");
	CU_ASSERT_EQUAL(f.count, 2);
	CU_ASSERT_STRING_EQUAL(f.detail[0].reason, "abc_route_type is not supported");
	CU_ASSERT_STRING_EQUAL(f.detail[1].reason, "abc_transfer_method is not supported");
}

static void test_mandatory_not_met(void)
{
	check_fault(mandatory("[{\"lumengate_simulated\":false}]", &model), &f, 400,
	            KMS_MANDATORY_UNMET);
	CU_ASSERT_STRING_EQUAL(f.message,
	                       "not all extension_mandatory request options could be met");
	check_fault(mandatory("[{\"lumengate_route_type\":\"relayed\"}]", &real), &f, 400,
	            KMS_MANDATORY_UNMET);
	check_fault(mandatory("[{\"lumengate_route_type\":7}]", &real), &f, 400,
	            KMS_MANDATORY_UNMET);
	check_fault(mandatory("[{\"lumengate_simulated\":\"false\"}]", &real), &f, 400,
	            KMS_MANDATORY_UNMET);
	/* What there is not comes before what cannot be. */
	check_fault(mandatory("[{\"lumengate_simulated\":false,\"x_y\":1}]", &model), &f, 400,
	            KMS_MANDATORY_UNSUPPORTED);
	CU_ASSERT_EQUAL(f.count, 1);
}

static void test_optional(void)
{
	static const char *const lists[] = {"[{\"abc_max_age\":30000}]",
	                                    "[{\"lumengate_simulated\":false}]"};

	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(optional(lists[i], &model, false), 0);
		check_fault(optional(lists[i], &model, true), &f, 400, KMS_OPTIONAL_UNHANDLED);
		CU_ASSERT_STRING_EQUAL(f.message,
		                       "not all extension_optional request options handled");
	}
	CU_ASSERT_EQUAL(optional(lists[1], &real, true), 0);
	CU_ASSERT_EQUAL(kms_extension_optional(NULL, &real, true, &f), 0);
}

static void test_entries_that_are_no_objects(void)
{
	static const char *const bad[] = {"[1]", "[\"abc_x\"]", "[[]]", "[null]", "[{},true]"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		check_fault(mandatory(bad[i], &real), &f, 400, "extension_mandatory: entry ");
		check_fault(optional(bad[i], &real, false), &f, 400, "extension_optional: entry ");
	}
}

UNIT_MAIN(UNIT(test_mandatory_met), UNIT(test_mandatory_not_supported),
          UNIT(test_mandatory_not_met), UNIT(test_optional), UNIT(test_entries_that_are_no_objects))
