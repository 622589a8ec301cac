/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Conformance to ETSI GS QKD 014, points 3 to 13 of the list in docs/etsi-014.md, as far as they
 * are the service's; the others that are: test_service_keys.c. What TLS and HTTP must do is tested
 * where they are.
 */

#include "tests/unit/control/kms/service_rig.h"

static struct answer a, b;

static void done(void)
{
	answer_free(&a);
	answer_free(&b);
	rig_down();
}

static void refused(const char *sae, const char *method, const char *target, const char *body,
                    int status, const char *message)
{
	ask(&site_a, sae, method, target, body, &a);
	check_refused(&a, status, message);
}

static void test_03_certificate_that_no_sae_is_registered_for(void)
{
	rig_up(100);
	refused("mallory", "GET", STATUS("bob"), NULL, 401, "no SAE is registered");
	refused("mallory", "GET", "/nowhere", NULL, 401, "no SAE is registered");
	CU_ASSERT_EQUAL(a.retry_after_s, 0);
	rig_set(&site_a, "alice", "{\"enabled\": false}");
	refused("alice", "GET", STATUS("bob"), NULL, 401, "this SAE is disabled");
	done();
}

static void test_04_sae_of_the_other_kme_is_a_stranger_here(void)
{
	struct kms_event e;

	rig_up(100);
	/* A knows bob as an SAE of the peer: his certificate is good there alone. */
	for (int i = 0; i < 5; i++)
		refused("bob", "POST", DEC("alice"), "{\"key_IDs\": []}", 401, "no SAE is");
	CU_ASSERT(kms_service_event(site_a.service, &e));
	CU_ASSERT_STRING_EQUAL(e.kind, "kms-unknown-sae");
	CU_ASSERT(e.raised);
	CU_ASSERT_FALSE(kms_service_event(site_a.service, &e));
	now += 61 * NS_PER_S;
	kms_service_tick(site_a.service, now);
	CU_ASSERT(kms_service_event(site_a.service, &e));
	CU_ASSERT_FALSE(e.raised);
	done();
}

static void test_05_status_has_its_members(void)
{
	static const struct {
		const char *name;
		bool text;
		const char *want;
		int number;
	} members[] = {
	        {"source_KME_ID", true, "KME-A", 0},   {"target_KME_ID", true, "KME-B", 0},
	        {"master_SAE_ID", true, "alice", 0},   {"slave_SAE_ID", true, "bob", 0},
	        {"key_size", false, NULL, 256},        {"stored_key_count", false, NULL, 25},
	        {"max_key_count", false, NULL, 32768}, {"max_key_per_request", false, NULL, 128},
	        {"max_key_size", false, NULL, 1024},   {"min_key_size", false, NULL, 64},
	        {"max_SAE_ID_count", false, NULL, 3},
	};
	const json_t *extension;

	rig_up(100);
	kms_service_link_state(site_a.service, true, false, "no key: qber-z");
	ask(&site_a, "alice", "GET", STATUS("bob"), NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const json_t *v = json_object_get(a.body, members[i].name);

		if (members[i].text)
			CU_ASSERT_STRING_EQUAL(json_string_value(v), members[i].want)
		else
			CU_ASSERT(json_is_integer(v));
		if (!members[i].text)
			CU_ASSERT_EQUAL(json_integer_value(v), members[i].number);
	}
	CU_ASSERT_EQUAL(json_object_size(a.body), 12);
	extension = json_object_get(a.body, "status_extension");
	CU_ASSERT(json_is_false(json_object_get(extension, "lumengate_simulated")));
	CU_ASSERT_STRING_EQUAL(
	        json_string_value(json_object_get(extension, "lumengate_link_state")),
	        "no key: qber-z");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(extension, "lumengate_protocol")),
	                       "BB84");
	/* The other end of the pair asks its own KME. */
	ask(&site_b, "bob", "GET", STATUS("alice"), NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a.body, "source_KME_ID")),
	                       "KME-B");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a.body, "master_SAE_ID")), "bob");
	refused("alice", "GET", STATUS("nobody"), NULL, 400, "slave_SAE_ID: is not a registered");
	refused("alice", "GET", STATUS("alice"), NULL, 400, "slave_SAE_ID: is the caller");
	refused("alice", "GET", STATUS("carol"), NULL, 400, "slave_SAE_ID: is an SAE of this KME");
	rig_set(&site_a, "bob", "{\"enabled\": false}");
	refused("alice", "GET", STATUS("bob"), NULL, 400, "slave_SAE_ID: is disabled");
	refused("alice", "GET", ENC("bob"), NULL, 400, "slave_SAE_ID: is disabled");
	done();
}

static void test_06_sae_ids_percent_encoded_and_long(void)
{
	char id[KMS_SAE_ID + 1], target[4 * KMS_SAE_ID];
	char *ids;
	size_t n;

	rig_up(100);
	memset(id, '/', KMS_SAE_ID);
	id[KMS_SAE_ID] = '\0';
	rig_sae(&site_a, id, false);
	rig_sae(&site_b, id, true);
	n = (size_t)snprintf(target, sizeof(target), "/api/v1/keys/");
	for (int i = 0; i < KMS_SAE_ID; i++)
		n += (size_t)snprintf(target + n, sizeof(target) - n, "%%2F");
	snprintf(target + n, sizeof(target) - n, "/enc_keys");
	ask(&site_a, "alice", "GET", target, NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	ids = ids_of(&a, 0, 1);
	ask(&site_b, id, "POST", DEC("%61lice"), ids, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_STRING_EQUAL(key_text(&a, 0), key_text(&b, 0));
	free(ids);
	done();
}

static void test_07_get_and_post_with_and_without_a_body(void)
{
	char body[512];

	rig_up(100);
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_EQUAL(key_count(&a), 1);
	CU_ASSERT(a.secret);
	ask(&site_a, "alice", "POST", ENC("bob"), NULL, &a);
	CU_ASSERT_EQUAL(key_count(&a), 1);
	ask(&site_a, "alice", "POST", ENC("bob"), "{}", &a);
	CU_ASSERT_EQUAL(key_count(&a), 1);
	ask(&site_a, "alice", "GET", ENC("bob") "?number=3&size=128", NULL, &a);
	CU_ASSERT_EQUAL(key_count(&a), 3);
	CU_ASSERT_EQUAL(strlen(key_text(&a, 2)), 24);
	ask(&site_a, "alice", "POST", ENC("bob"), "{\"number\": 2, \"size\": 64}", &a);
	CU_ASSERT_EQUAL(key_count(&a), 2);
	CU_ASSERT_EQUAL(strlen(key_text(&a, 1)), 12);
	/* Clients that write all members that they know, and some of their own. */
	ask(&site_a, "alice", "POST", ENC("bob"),
	    "{\"number\": null, \"size\": null, \"additional_slave_SAE_IDs\": null, "
	    "\"extension_mandatory\": null, \"extension_optional\": null, "
	    "\"additional_target_sae_ids\": []}",
	    &a);
	CU_ASSERT_EQUAL(key_count(&a), 1);
	snprintf(body, sizeof(body),
	         "{\"key_IDs_extension\": null, \"key_IDs\": [{\"key_ID\": \"%s\", "
	         "\"key_ID_extension\": null, \"master_SAE_ID\": \"alice\"}]}",
	         key_id(&a, 0));
	ask(&site_b, "bob", "POST", DEC("alice"), body, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	ask(&site_b, "bob", "POST", DEC("alice"), "{\"key_IDs_extension\": 3, \"key_IDs\": []}",
	    &b);
	check_refused(&b, 400, "key_IDs_extension: is not an object");
	refused("alice", "DELETE", ENC("bob"), NULL, 405, "method not allowed");
	CU_ASSERT_STRING_EQUAL(a.allow, "GET, POST");
	refused("alice", "POST", STATUS("bob"), NULL, 405, "method not allowed");
	refused("alice", "GET", "/api/v2/keys/bob/enc_keys", NULL, 404, "no such path");
	done();
}

static void test_08_number(void)
{
	static const char *const bad[] = {"0",   "129", "-1",  "%22x%22",
	                                  "1.5", "x",   "3.0", "9223372036854775808"};
	static const char *const bad_body[] = {
	        "{\"number\": 0}",     "{\"number\": 129}", "{\"number\": -1}",
	        "{\"number\": \"x\"}", "{\"number\": 1.5}", "{\"number\": 9223372036854775807}"};
	char target[128];

	rig_up(100000);
	ask(&site_a, "alice", "GET", ENC("bob") "?number=128", NULL, &a);
	CU_ASSERT_EQUAL(key_count(&a), 128);
	ask(&site_a, "alice", "POST", ENC("bob"), "{\"number\": 128}", &a);
	CU_ASSERT_EQUAL(key_count(&a), 128);
	ask(&site_a, "alice", "GET", ENC("bob") "?number=1", NULL, &a);
	CU_ASSERT_EQUAL(key_count(&a), 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(target, sizeof(target), ENC("bob") "?number=%s", bad[i]);
		refused("alice", "GET", target, NULL, 400, "number: ");
	}
	for (size_t i = 0; i < sizeof(bad_body) / sizeof(bad_body[0]); i++)
		refused("alice", "POST", ENC("bob"), bad_body[i], 400, "number: ");
	refused("alice", "POST", ENC("bob"), "{\"number\": 9223372036854775808}", 400,
	        "body: is no JSON");
	CU_ASSERT_EQUAL(site_a.store.next, 257 * 4);
	done();
}

static void test_09_size(void)
{
	static const struct {
		const char *size;
		const char *wrong;
	} sizes[] = {
	        {"64", NULL},
	        {"72", NULL},
	        {"1024", NULL},
	        {"1016", NULL},
	        {"56", "size: is not from 64 to 1024"},
	        {"1032", "size: is not from 64 to 1024"},
	        {"257", "size shall be a multiple of 8"},
	        {"0", "size: is not from 64 to 1024"},
	};
	char target[128];

	rig_up(10000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(target, sizeof(target), ENC("bob") "?size=%s", sizes[i].size);
		if (sizes[i].wrong != NULL) {
			refused("alice", "GET", target, NULL, 400, sizes[i].wrong);
		} else {
			ask(&site_a, "alice", "GET", target, NULL, &a);
			CU_ASSERT_EQUAL(a.status, 200);
		}
	}
	done();
}

static void test_10_extensions(void)
{
	rig_up(1000);
	ask(&site_a, "alice", "POST", ENC("bob"),
	    "{\"extension_mandatory\": [{\"lumengate_simulated\": false}]}", &a);
	CU_ASSERT_EQUAL(a.status, 200);
	refused("alice", "POST", ENC("bob"), "{\"extension_mandatory\": [{\"abc_route\": 1}]}", 400,
	        "not all extension_mandatory parameters are supported");
	refused("alice", "POST", ENC("bob"),
	        "{\"extension_mandatory\": [{\"lumengate_simulated\": true}]}", 400,
	        "not all extension_mandatory request options could be met");
	ask(&site_a, "alice", "POST", ENC("bob"),
	    "{\"extension_optional\": [{\"abc_route\": 1}, {\"lumengate_simulated\": true}]}", &a);
	CU_ASSERT_EQUAL(a.status, 200);
	rig_config.limits.optional_strict = true;
	kms_service_limits(site_a.service, &rig_config.limits, true);
	rig_config.limits.optional_strict = false;
	refused("alice", "POST", ENC("bob"), "{\"extension_optional\": [{\"abc_route\": 1}]}", 400,
	        "not all extension_optional request options handled");
	/* Stored before the link became real: such key is not what was asked for. */
	site_a.store.simulated = true;
	ask_later(&site_a, "alice", "POST", ENC("bob"),
	          "{\"extension_mandatory\": [{\"lumengate_simulated\": false}]}",
	          (answer_free(&a), &a));
	CU_ASSERT_EQUAL(a.count, 0);
	now += 2 * NS_PER_S;
	kms_service_tick(site_a.service, now);
	CU_ASSERT_EQUAL(a.count, 1);
	check_refused(&a, 503, "not so many keys");
	done();
}

static void enc_for_three(const char *body)
{
	answer_free(&a);
	ask_later(&site_a, "alice", "POST", ENC("bob"), body, &a);
	CU_ASSERT_EQUAL(a.count, 0);
	fake_ack(&site_a.grants, 0);
	CU_ASSERT_EQUAL(a.count, 1);
	CU_ASSERT_EQUAL(a.status, 200);
}

static void test_11_several_slaves(void)
{
	static const char two[] =
	        "{\"number\": 2, \"additional_slave_SAE_IDs\": [\"dave\", \"eve\"]}";
	char *ids;

	rig_up(1000);
	rig_sae(&site_a, "eve", false);
	rig_sae(&site_b, "eve", true);
	rig_sae(&site_b, "frank", true);
	enc_for_three(two);
	ids = ids_of(&a, 0, 2);
	/* Each once, in any order; the bytes go with the last. */
	ask(&site_b, "dave", "POST", DEC("alice"), ids, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_EQUAL(key_count(&b), 2);
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT_STRING_EQUAL(key_id(&a, i), key_id(&b, i));
		CU_ASSERT_STRING_EQUAL(key_text(&a, i), key_text(&b, i));
	}
	ask(&site_b, "dave", "POST", DEC("alice"), ids, &b);
	check_refused(&b, 400, "one or more keys specified are not found on KME");
	ask(&site_b, "frank", "POST", DEC("alice"), ids, &b);
	check_refused(&b, 401, "one or more keys were issued to other SAEs");
	ask(&site_b, "bob", "POST", DEC("alice"), ids, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_EQUAL(site_b.store.state[0], KMS_FOUND);
	ask(&site_b, "eve", "POST", DEC("alice"), ids, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_STRING_EQUAL(key_text(&a, 1), key_text(&b, 1));
	CU_ASSERT_EQUAL(site_b.store.state[0], KMS_SPENT);
	CU_ASSERT_EQUAL(site_b.store.state[4], KMS_SPENT);
	free(ids);

	refused("alice", "POST", ENC("bob"),
	        "{\"additional_slave_SAE_IDs\": [\"dave\", \"nobody\"]}", 400,
	        "additional_slave_SAE_IDs: is not a registered SAE");
	refused("alice", "POST", ENC("bob"), "{\"additional_slave_SAE_IDs\": [\"carol\"]}", 400,
	        "additional_slave_SAE_IDs: is an SAE of this KME");
	refused("alice", "POST", ENC("bob"), "{\"additional_slave_SAE_IDs\": [\"alice\"]}", 400,
	        "additional_slave_SAE_IDs: entry 0 is the caller");
	refused("alice", "POST", ENC("bob"),
	        "{\"additional_slave_SAE_IDs\": [\"a\", \"b\", \"c\", \"d\"]}", 400,
	        "additional_slave_SAE_IDs: has 4 entries");
	done();
}

static void test_11_the_peer_does_not_take_the_grant(void)
{
	static const char body[] = "{\"additional_slave_SAE_IDs\": [\"dave\"]}";
	struct kms_service_stats stats;

	rig_up(1000);
	ask_later(&site_a, "alice", "POST", ENC("bob"), body, (answer_free(&a), &a));
	fake_ack(&site_a.grants, -ETIMEDOUT);
	CU_ASSERT_EQUAL(a.count, 1);
	check_refused(&a, 503, "the other KME did not take the grant");
	CU_ASSERT(a.retry_after_s > 0);
	site_a.grants.refuse = -ENOBUFS;
	ask(&site_a, "alice", "POST", ENC("bob"), body, &a);
	check_refused(&a, 503, "the other KME did not take the grant");
	/* These keys are given to nobody. */
	CU_ASSERT_EQUAL(site_a.store.next, 8);
	kms_service_stats_read(site_a.service, &stats);
	CU_ASSERT_EQUAL(stats.grants_out, 2);
	CU_ASSERT_EQUAL(stats.keys_given, 0);
	done();
}

static void test_11_no_additional_slaves(void)
{
	rig_config.limits.max_sae_id_count = 0;
	rig_up(1000);
	rig_config.limits.max_sae_id_count = 3;
	ask(&site_a, "alice", "GET", STATUS("bob"), NULL, &a);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(a.body, "max_SAE_ID_count")), 0);
	refused("alice", "POST", ENC("bob"), "{\"additional_slave_SAE_IDs\": [\"dave\"]}", 400,
	        "additional_slave_SAE_IDs: has 1 entries, max_SAE_ID_count is 0");
	ask(&site_a, "alice", "POST", ENC("bob"), "{\"additional_slave_SAE_IDs\": []}", &a);
	CU_ASSERT_EQUAL(a.status, 200);
	done();
}

/* One request asks for keys by pair tag and by grant, in an order of its own. */
static void test_11_plain_and_granted_keys_together(void)
{
	struct answer plain = {0};
	char body[512];

	rig_up(1000);
	enc_for_three("{\"number\": 2, \"size\": 64, \"additional_slave_SAE_IDs\": [\"dave\"]}");
	ask(&site_a, "alice", "GET", ENC("bob") "?number=2", NULL, &plain);
	snprintf(body, sizeof(body),
	         "{\"key_IDs\": [{\"key_ID\": \"%s\"}, {\"key_ID\": \"%s\"}, {\"key_ID\": "
	         "\"%s\"}, {\"key_ID\": \"%s\"}]}",
	         key_id(&a, 0), key_id(&plain, 0), key_id(&a, 1), key_id(&plain, 1));
	ask(&site_b, "bob", "POST", DEC("alice"), body, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_EQUAL_FATAL(key_count(&b), 4);
	CU_ASSERT_STRING_EQUAL(key_text(&b, 0), key_text(&a, 0));
	CU_ASSERT_STRING_EQUAL(key_text(&b, 1), key_text(&plain, 0));
	CU_ASSERT_STRING_EQUAL(key_text(&b, 2), key_text(&a, 1));
	CU_ASSERT_STRING_EQUAL(key_text(&b, 3), key_text(&plain, 1));
	CU_ASSERT_STRING_EQUAL(key_id(&b, 3), key_id(&plain, 1));
	answer_free(&plain);
	done();
}

static void test_12_identifiers_are_uuids(void)
{
	uint8_t uuid[KEY_UUID_BYTES];

	rig_up(1000);
	ask(&site_a, "alice", "GET", ENC("bob") "?number=128&size=64", NULL, &a);
	CU_ASSERT_EQUAL_FATAL(key_count(&a), 128);
	for (size_t k = 0; k < 128; k++) {
		const char *text = key_id(&a, k);

		CU_ASSERT_EQUAL(key_uuid_parse(text, strlen(text), uuid), 0);
		CU_ASSERT_EQUAL(text[14], '8');
		CU_ASSERT_PTR_NOT_NULL(strchr("89ab", text[19]));
	}
	done();
}

#define MILLION (7813 * 128)

static uint8_t (*million)[KEY_UUID_BYTES];
static size_t million_count;

/* Without a JSON parser, for there are many. */
static void take_ids(void *ctx, const struct kms_reply *r)
{
	static const char mark[] = "\"key_ID\":\"";
	const char *p = r->body, *end = r->body + r->len;

	while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1)) != NULL) {
		p += sizeof(mark) - 1;
		if (million_count < MILLION &&
		    key_uuid_parse(p, KEY_UUID_TEXT, million[million_count]) == 0)
			million_count++;
	}
	secret_free(r->body);
}

static int by_bytes(const void *x, const void *y)
{
	return memcmp(x, y, KEY_UUID_BYTES);
}

static void test_12_a_million_identifiers_none_twice(void)
{
	struct kms_request r = {.method = "GET", .target = ENC("bob") "?number=128&size=64"};
	size_t twice = 0;

	million = malloc(MILLION * sizeof(*million));
	rig_up(MILLION);
	while (million_count < MILLION) {
		size_t before = million_count;

		r.identity = million_count / 128 % 2 == 0 ? "CN of alice" : "CN of carol";
		kms_service_request(site_a.service, &r, now, take_ids, NULL);
		CU_ASSERT_EQUAL_FATAL(million_count, before + 128);
	}
	qsort(million, million_count, sizeof(*million), by_bytes);
	for (size_t i = 1; i < million_count; i++)
		twice += memcmp(million[i - 1], million[i], KEY_UUID_BYTES) == 0;
	CU_ASSERT_EQUAL(twice, 0);
	free(million);
	done();
}

static void test_13_base64_of_every_size(void)
{
	uint8_t out[256], want[256];
	struct key_uuid_place place = {.class = KEY_UUID_FROM_A};
	char target[64];

	rig_up(4096);
	for (uint32_t bytes = 8; bytes <= 128; bytes++) {
		snprintf(target, sizeof(target), ENC("bob") "?size=%u", bytes * 8);
		place.position = site_a.store.next;
		place.length = (uint16_t)bytes;
		ask(&site_a, "alice", "GET", target, NULL, &a);
		CU_ASSERT_EQUAL(strlen(key_text(&a, 0)), (bytes + 2) / 3 * 4);
		CU_ASSERT_EQUAL(base64_decode(key_text(&a, 0), strlen(key_text(&a, 0)), out),
		                bytes);
		fake_bytes(&place, want);
		CU_ASSERT_EQUAL(memcmp(out, want, bytes), 0);
	}
	done();
}

UNIT_MAIN(UNIT(test_03_certificate_that_no_sae_is_registered_for),
          UNIT(test_04_sae_of_the_other_kme_is_a_stranger_here),
          UNIT(test_05_status_has_its_members), UNIT(test_06_sae_ids_percent_encoded_and_long),
          UNIT(test_07_get_and_post_with_and_without_a_body), UNIT(test_08_number),
          UNIT(test_09_size), UNIT(test_10_extensions), UNIT(test_11_several_slaves),
          UNIT(test_11_the_peer_does_not_take_the_grant), UNIT(test_11_no_additional_slaves),
          UNIT(test_11_plain_and_granted_keys_together), UNIT(test_12_identifiers_are_uuids),
          UNIT(test_12_a_million_identifiers_none_twice), UNIT(test_13_base64_of_every_size))
