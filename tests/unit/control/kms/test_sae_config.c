/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/sae_config.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static int read(struct kms_sae_config *c, const char *text, struct err *err)
{
	json_t *o = json_loads(text, 0, NULL);
	int rc = kms_sae_config_read(c, o, err);

	CU_ASSERT_PTR_NOT_NULL(o);
	json_decref(o);
	return rc;
}

static void test_defaults(void)
{
	struct kms_sae_config c;
	struct err err = {0};

	kms_sae_config_init(&c);
	CU_ASSERT_EQUAL(read(&c, "{\"id\": \"fw-a\"}", &err), 0);
	CU_ASSERT_STRING_EQUAL(c.id, "fw-a");
	CU_ASSERT_STRING_EQUAL(c.identity, "fw-a");
	CU_ASSERT(c.local);
	CU_ASSERT(c.enabled);
	CU_ASSERT_FALSE(c.skip);
	CU_ASSERT_EQUAL(c.weight, 1);
	CU_ASSERT_EQUAL(c.allowance.quota_bits, 0);
}

static void test_there_and_back(void)
{
	static const char text[] =
	        "{\"id\": \"a/b\", \"side\": \"local\", \"identity\": \"urn:x:1\", \"enabled\": "
	        "false, \"skip\": true, \"priority\": 7, \"weight\": 1000, \"cap_bits\": 1, "
	        "\"requests_per_s\": 2, \"requests_burst\": 3, \"bits_per_s\": 4, "
	        "\"bits_burst\": 5, \"quota_bits\": 9007199254740992, \"quota_period_s\": "
	        "86400}";
	json_t *want = json_loads(text, 0, NULL), *got;
	struct kms_sae_config c;
	struct err err = {0};

	kms_sae_config_init(&c);
	CU_ASSERT_EQUAL(kms_sae_config_read(&c, want, &err), 0);
	got = kms_sae_config_json(&c);
	CU_ASSERT(json_equal(got, want));
	CU_ASSERT_EQUAL(c.priority, 7);
	CU_ASSERT_EQUAL(c.weight, 1000);
	CU_ASSERT_EQUAL(c.allowance.quota_bits, (uint64_t)1 << 53);
	json_decref(want);
	json_decref(got);
}

static void test_only_what_is_given_changes(void)
{
	struct kms_sae_config c;
	struct err err = {0};

	kms_sae_config_init(&c);
	CU_ASSERT_EQUAL(read(&c, "{\"id\": \"a\", \"weight\": 7, \"priority\": 1}", &err), 0);
	CU_ASSERT_EQUAL(read(&c, "{\"priority\": 0}", &err), 0);
	CU_ASSERT_EQUAL(c.weight, 7);
	CU_ASSERT_EQUAL(c.priority, 0);
	CU_ASSERT_EQUAL(read(&c, "{\"side\": \"peer\"}", &err), 0);
	CU_ASSERT_FALSE(c.local);
	CU_ASSERT_STRING_EQUAL(c.identity, "");
}

static void test_bad_input_names_the_member_and_changes_nothing(void)
{
	static const struct {
		const char *text, *want;
	} bad[] = {
	        {"{}", "id: is missing"},
	        {"{\"id\": \"\"}", "id: is empty"},
	        {"{\"id\": 3}", "id: is not a string"},
	        {"{\"id\": \"a\\u0001\"}", "id: has a control character"},
	        {"{\"id\": \"a\", \"identity\": \"\"}", "identity: is empty"},
	        {"{\"id\": \"a\", \"side\": \"left\"}", "side: is not"},
	        {"{\"id\": \"a\", \"side\": \"peer\", \"identity\": \"x\"}",
	         "identity: an SAE of the peer"},
	        {"{\"id\": \"a\", \"weight\": 0}", "weight: is not from 1"},
	        {"{\"id\": \"a\", \"weight\": 1001}", "weight: is not from 1 to 1000"},
	        {"{\"id\": \"a\", \"weight\": 1.5}", "weight: is not an integer"},
	        {"{\"id\": \"a\", \"priority\": 8}", "priority: is not from 0 to 7"},
	        {"{\"id\": \"a\", \"priority\": -1}", "priority: is not from 0 to 7"},
	        {"{\"id\": \"a\", \"enabled\": 1}", "enabled: is not true or false"},
	        {"{\"id\": \"a\", \"quota_bits\": 1}", "quota_period_s: goes with quota_bits"},
	        {"{\"id\": \"a\", \"requests_per_s\": 1}", "requests_burst: goes with"},
	        {"{\"id\": \"a\", \"bits_per_s\": 1}", "bits_burst: goes with"},
	        {"{\"id\": \"a\", \"color\": 1}", "color: there is no such member"},
	};
	struct kms_sae_config c, before;

	kms_sae_config_init(&c);
	before = c;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};

		CU_ASSERT_EQUAL(read(&c, bad[i].text, &err), -EINVAL);
		CU_ASSERT_NSTRING_EQUAL(err.text, bad[i].want, strlen(bad[i].want));
		CU_ASSERT_EQUAL(memcmp(&c, &before, sizeof(c)), 0);
	}
}

UNIT_MAIN(UNIT(test_defaults), UNIT(test_there_and_back), UNIT(test_only_what_is_given_changes),
          UNIT(test_bad_input_names_the_member_and_changes_nothing))
