/* SPDX-License-Identifier: BSD-3-Clause */

/* Cisco SKIP on the same keys (draft-cisco-skip-02). */

#include "tests/unit/control/kms/service_rig.h"

static struct answer a, b;

static void done(void)
{
	answer_free(&a);
	answer_free(&b);
	rig_down();
}

static const char *member(const struct answer *from, const char *name)
{
	const char *text = json_string_value(json_object_get(from->body, name));

	return text != NULL ? text : "";
}

static void get_by_id(const char *sae, const char *remote, const char *id)
{
	char target[300];

	snprintf(target, sizeof(target), "/key/%s?remoteSystemID=%s", id, remote);
	ask(&site_b, sae, "GET", target, NULL, &b);
}

static void test_capabilities_and_entropy(void)
{
	rig_up(0);
	ask(&site_a, "alice", "GET", "/capabilities", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_STRING_EQUAL(member(&a, "localSystemID"), "KME-A");
	CU_ASSERT_STRING_EQUAL(
	        json_string_value(json_array_get(json_object_get(a.body, "remoteSystemID"), 0)),
	        "KME-B");
	ask(&site_a, "alice", "GET", "/entropy?minentropy=128", NULL, &a);
	CU_ASSERT_EQUAL(strlen(member(&a, "randomStr")), 32);
	done();
}

/* A key for whoever of the peer speaks SKIP: once. */
static void test_key_for_the_peer_kme(void)
{
	uint8_t key[32];
	struct key_uuid_place place = {.class = KEY_UUID_FROM_A, .length = 32};
	char hex[65] = "";

	rig_up(100);
	ask(&site_a, "alice", "GET", "/key?remoteSystemID=KME-B", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT(a.secret);
	fake_bytes(&place, key);
	for (int i = 0; i < 32; i++)
		sprintf(hex + 2 * i, "%02x", key[i]);
	CU_ASSERT_STRING_EQUAL(member(&a, "key"), hex);
	CU_ASSERT_EQUAL(strlen(member(&a, "keyId")), 32);
	get_by_id("dave", "KME-A", member(&a, "keyId"));
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_STRING_EQUAL(member(&b, "key"), hex);
	CU_ASSERT_STRING_EQUAL(member(&b, "keyId"), member(&a, "keyId"));
	get_by_id("bob", "KME-A", member(&a, "keyId"));
	check_refused(&b, 400, "one or more keys specified are not found on KME");
	done();
}

/* A key for one SAE of the peer, which may fetch it in either way. */
static void test_key_for_one_sae(void)
{
	char target[300];
	const char *id;

	rig_up(100);
	ask(&site_a, "alice", "GET", "/key?remoteSystemID=bob&size=128", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_EQUAL(strlen(member(&a, "key")), 32);
	id = member(&a, "keyId");
	get_by_id("dave", "alice", id);
	check_refused(&b, 400, "one or more keys were issued to other SAEs");
	get_by_id("bob", "KME-A", id);
	check_refused(&b, 400, "one or more keys were issued to other SAEs");
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%.8s-%.4s-%.4s-%.4s-%s", id, id + 8,
	         id + 12, id + 16, id + 20);
	ask(&site_b, "bob", "GET", target, NULL, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	done();
}

static void test_guesses_lock_out(void)
{
	rig_up(100);
	ask(&site_a, "alice", "GET", "/key?remoteSystemID=bob", NULL, &a);
	for (int i = 0; i < 5; i++)
		get_by_id("dave", "alice", member(&a, "keyId"));
	get_by_id("dave", "alice", member(&a, "keyId"));
	check_refused(&b, 401, "this SAE asked too often");
	done();
}

static void refused(const char *target, const char *body, int status, const char *message)
{
	ask(&site_a, "alice", "GET", target, body, &a);
	check_refused(&a, status, message);
}

static void test_refusals(void)
{
	struct kms_limits limits = rig_config.limits;

	rig_up(4);
	refused("/key?remoteSystemID=nobody", NULL, 400, "remoteSystemID: is not a registered SAE");
	refused("/key?remoteSystemID=carol", NULL, 400, "remoteSystemID: is an SAE of this KME");
	refused("/key?remoteSystemID=alice", NULL, 400, "remoteSystemID: is the caller itself");
	refused("/key?remoteSystemID=KME-A", NULL, 400, "remoteSystemID: is not a registered SAE");
	refused("/key?remoteSystemID=KME-B", "x", 400, "body: does not go with GET");
	refused("/key/00112233445566778899001122334455?remoteSystemID=KME-B", NULL, 400,
	        "one or more keys specified are not found on KME");
	refused("/nothing", NULL, 404, "no such path");
	ask(&site_a, "alice", "GET", "/key?remoteSystemID=KME-B", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	refused("/key?remoteSystemID=KME-B", NULL, 503, "not so many keys");
	rig_set(&site_a, "alice", "{\"skip\": false}");
	refused("/capabilities", NULL, 401, "this SAE may not speak SKIP");
	kms_service_limits(site_a.service, &limits, false);
	refused("/capabilities", NULL, 404, "no such path");
	done();
}

static void test_globs(void)
{
	static const char *const east[] = {"KME-B", "east-*"};

	rig_config.skip_remote = east;
	rig_config.skip_remote_count = 2;
	rig_up(100);
	rig_config.skip_remote_count = 0;
	ask(&site_a, "alice", "GET", "/capabilities", NULL, &a);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(a.body, "remoteSystemID")), 2);
	ask(&site_a, "alice", "GET", "/key?remoteSystemID=east-7", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	get_by_id("dave", "east-1", member(&a, "keyId"));
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_STRING_EQUAL(member(&b, "key"), member(&a, "key"));
	refused("/key?remoteSystemID=west-7", NULL, 400, "remoteSystemID: is not a registered SAE");
	done();
}

UNIT_MAIN(UNIT(test_capabilities_and_entropy), UNIT(test_key_for_the_peer_kme),
          UNIT(test_key_for_one_sae), UNIT(test_guesses_lock_out), UNIT(test_refusals),
          UNIT(test_globs))
