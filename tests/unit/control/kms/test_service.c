/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The conformance points of ETSI GS QKD 014 that are the service's, by the numbers of the list in
 * docs/etsi-014.md. What TLS and HTTP must do is tested where they are.
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

static void test_14_dec_one_many_partial_unknown_duplicate_replayed(void)
{
	char target[128], body[512], *ids;

	rig_up(1000);
	ask(&site_a, "alice", "GET", ENC("bob") "?number=5", NULL, &a);
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
	ask(&site_b, "bob", "GET", target, NULL, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT(b.secret);
	CU_ASSERT_STRING_EQUAL(key_text(&a, 0), key_text(&b, 0));
	/* Replayed, alone and among others: nothing is lost for its owner. */
	ask(&site_b, "bob", "GET", target, NULL, &b);
	check_refused(&b, 400, "one or more keys specified are not found on KME");
	ids = ids_of(&a, 0, 3);
	ask(&site_b, "bob", "POST", DEC("alice"), ids, &b);
	check_refused(&b, 400, "one or more keys specified are not found on KME");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(b.body, "details")), 1);
	free(ids);
	/* Unknown. */
	snprintf(body, sizeof(body),
	         "{\"key_IDs\": [{\"key_ID\": \"%s\"}, {\"key_ID\": "
	         "\"bc490419-7d60-487f-adc1-4ddcc177c139\"}]}",
	         key_id(&a, 1));
	ask(&site_b, "bob", "POST", DEC("alice"), body, &b);
	check_refused(&b, 400, "one or more keys specified are not found on KME");
	/* Duplicate. */
	snprintf(body, sizeof(body), "{\"key_IDs\": [{\"key_ID\": \"%s\"}, {\"key_ID\": \"%s\"}]}",
	         key_id(&a, 1), key_id(&a, 1));
	ask(&site_b, "bob", "POST", DEC("alice"), body, &b);
	check_refused(&b, 400, "key_IDs: entry 1 is entry 0 again");
	ask(&site_b, "bob", "POST", DEC("nobody"), body, &b);
	check_refused(&b, 400, "master_SAE_ID: is not a registered SAE");
	/* Many. */
	ids = ids_of(&a, 1, 5);
	ask(&site_b, "bob", "POST", DEC("alice"), ids, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_EQUAL(key_count(&b), 4);
	free(ids);
	done();
}

static void test_14_expired_and_voided(void)
{
	char target[128];
	const json_t *detail;

	rig_up(1000);
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
	site_b.store.state[0] = KMS_EXPIRED;
	ask(&site_b, "bob", "GET", target, NULL, &b);
	check_refused(&b, 400, "one or more keys specified are not found on KME");
	detail = json_array_get(json_object_get(b.body, "details"), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(detail, "key_IDs")),
	                       "a key has expired");
	site_b.store.state[0] = KMS_VOIDED;
	ask(&site_b, "bob", "GET", target, NULL, &b);
	check_refused(&b, 400, "one or more keys specified are not found on KME");
	/* What is given at B is not fetched there. */
	ask(&site_b, "bob", "GET", ENC("alice"), NULL, &a);
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
	ask(&site_b, "bob", "GET", target, NULL, &b);
	check_refused(&b, 401, "one or more keys were issued to other SAEs");
	done();
}

static void test_14_repeated_replays_raise_an_alarm(void)
{
	struct kms_service_stats stats;
	struct kms_event e;
	struct kms_sae sae;
	char target[128];

	rig_up(1000);
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
	for (int i = 0; i < 5; i++)
		ask(&site_b, "bob", "GET", target, NULL, &b);
	CU_ASSERT_FALSE(kms_service_event(site_b.service, &e));
	ask(&site_b, "bob", "GET", target, NULL, &b);
	CU_ASSERT(kms_service_event(site_b.service, &e));
	CU_ASSERT_STRING_EQUAL(e.kind, "kms-replay");
	CU_ASSERT_STRING_EQUAL(e.resource, "sae/bob");
	kms_service_stats_read(site_b.service, &stats);
	CU_ASSERT_EQUAL(stats.replays, 5);
	CU_ASSERT(kms_registry_get(site_b.registry, "bob", &sae));
	CU_ASSERT_EQUAL(sae.usage.replays, 5);
	CU_ASSERT_EQUAL(sae.usage.keys_fetched, 1);
	now += 100 * NS_PER_S;
	kms_service_tick(site_b.service, now);
	CU_ASSERT(kms_service_event(site_b.service, &e));
	CU_ASSERT_FALSE(e.raised);
	done();
}

static void test_15_third_sae_gets_401_and_the_key_survives(void)
{
	char target[128];

	rig_up(1000);
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
	ask(&site_b, "dave", "GET", target, NULL, &b);
	check_refused(&b, 401, "one or more keys were issued to other SAEs");
	/* Nor under the name of another master. */
	snprintf(target, sizeof(target), DEC("carol") "?key_ID=%s", key_id(&a, 0));
	ask(&site_b, "bob", "GET", target, NULL, &b);
	check_refused(&b, 401, "one or more keys were issued to other SAEs");
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
	ask(&site_b, "bob", "GET", target, NULL, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_STRING_EQUAL(key_text(&a, 0), key_text(&b, 0));
	done();
}

/* An SAE moved to the other KME: what it was to fetch there is not fetched where it was given. */
static void test_15_own_stream_is_not_fetched(void)
{
	struct kms_store *s = &site_b.store;
	char target[128];

	rig_up(1000);
	ask(&site_b, "bob", "GET", ENC("alice"), NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	rig_set(&site_b, "alice", "{\"side\": \"local\", \"identity\": \"CN of alice\"}");
	snprintf(target, sizeof(target), DEC("bob") "?key_ID=%s", key_id(&a, 0));
	ask(&site_b, "alice", "GET", target, NULL, &b);
	check_refused(&b, 400, "one or more keys specified are not found on KME");
	CU_ASSERT_EQUAL(s->state[0], KMS_FOUND);
	done();
}

static void test_15_lockout(void)
{
	struct kms_event e;
	struct kms_sae sae;
	struct err err = {0};
	char target[128];

	rig_up(1000);
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
	for (int i = 0; i < 5; i++) {
		ask(&site_b, "dave", "GET", target, NULL, &b);
		check_refused(&b, 401, "one or more keys were issued to other SAEs");
	}
	ask(&site_b, "dave", "GET", STATUS("alice"), NULL, &b);
	check_refused(&b, 401, "this SAE asked too often for keys of others and is locked out");
	CU_ASSERT_EQUAL(b.retry_after_s, 60);
	CU_ASSERT(kms_registry_get(site_b.registry, "dave", &sae));
	CU_ASSERT_EQUAL(sae.usage.lockouts, 1);
	CU_ASSERT_EQUAL(sae.usage.unauthorized, 6);
	CU_ASSERT(kms_service_event(site_b.service, &e));
	CU_ASSERT_STRING_EQUAL(e.kind, "kms-lockout");
	CU_ASSERT_STRING_EQUAL(e.resource, "sae/dave");
	CU_ASSERT(e.raised);
	/* Lifted by the operator. */
	CU_ASSERT_EQUAL(kms_registry_unlock_sae(site_b.registry, "dave", now, &err), 0);
	ask(&site_b, "dave", "GET", STATUS("alice"), NULL, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	kms_service_tick(site_b.service, now);
	CU_ASSERT(kms_service_event(site_b.service, &e));
	CU_ASSERT_FALSE(e.raised);
	done();
}

static void test_16_master_calls_dec_for_its_own_key(void)
{
	char target[128];

	rig_up(1000);
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
	ask(&site_a, "alice", "GET", target, NULL, &b);
	check_refused(&b, 401, "one or more keys were issued to other SAEs");
	snprintf(target, sizeof(target), DEC("bob") "?key_ID=%s", key_id(&a, 0));
	ask(&site_a, "alice", "GET", target, NULL, &b);
	check_refused(&b, 401, "one or more keys were issued to other SAEs");
	refused("alice", "GET", ENC("alice"), NULL, 400, "slave_SAE_ID: is the caller itself");
	done();
}

static void test_17_two_requests_race_for_one_id(void)
{
	struct answer first = {0}, second = {0};
	char target[128];

	rig_up(1000);
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
	/* Both before the record of the first is on disk. */
	ask_later(&site_b, "bob", "GET", target, NULL, &first);
	ask_later(&site_b, "bob", "GET", target, NULL, &second);
	CU_ASSERT_EQUAL(first.count, 0);
	check_refused(&second, 400, "one or more keys specified are not found on KME");
	fake_commit(&site_b.store, 0);
	CU_ASSERT_EQUAL(first.status, 200);
	CU_ASSERT_STRING_EQUAL(key_text(&a, 0), key_text(&first, 0));
	answer_free(&first);
	answer_free(&second);
	done();
}

static void test_18_both_kmes_return_equal_bytes(void)
{
	struct answer small = {0};
	char body[512];

	rig_up(1000);
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	ask(&site_a, "alice", "GET", ENC("bob") "?size=72", NULL, &small);
	/* Keys of unlike sizes in one request, not in the order of their issue. */
	snprintf(body, sizeof(body), "{\"key_IDs\": [{\"key_ID\": \"%s\"}, {\"key_ID\": \"%s\"}]}",
	         key_id(&small, 0), key_id(&a, 0));
	ask(&site_b, "bob", "POST", DEC("alice"), body, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_STRING_EQUAL(key_text(&b, 0), key_text(&small, 0));
	CU_ASSERT_STRING_EQUAL(key_text(&b, 1), key_text(&a, 0));
	CU_ASSERT_STRING_EQUAL(key_id(&b, 1), key_id(&a, 0));
	/* And the other way round. */
	ask(&site_b, "bob", "GET", ENC("alice"), NULL, &b);
	snprintf(body, sizeof(body), DEC("bob") "?key_ID=%s", key_id(&b, 0));
	ask(&site_a, "alice", "GET", body, NULL, &a);
	CU_ASSERT_STRING_EQUAL(key_text(&a, 0), key_text(&b, 0));
	answer_free(&small);
	done();
}

static int64_t stored(void)
{
	ask(&site_a, "alice", "GET", STATUS("bob"), NULL, &b);
	return json_integer_value(json_object_get(b.body, "stored_key_count"));
}

static void test_20_pool_decrements_by_number(void)
{
	char *ids;

	rig_up(400);
	CU_ASSERT_EQUAL(stored(), 100);
	ask(&site_a, "alice", "GET", ENC("bob") "?number=7", NULL, &a);
	CU_ASSERT_EQUAL(stored(), 93);
	kms_service_tick(site_a.service, now);
	CU_ASSERT_EQUAL(stored(), 93);
	/* Refused: none. */
	refused("alice", "GET", ENC("bob") "?number=94", NULL, 503, "not so many keys");
	CU_ASSERT(a.retry_after_s > 0);
	CU_ASSERT_EQUAL(stored(), 93);
	/* Fetched at A: of the other stream. */
	ask(&site_b, "bob", "GET", ENC("alice"), NULL, &a);
	ids = ids_of(&a, 0, 1);
	ask(&site_a, "alice", "POST", DEC("bob"), ids, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_EQUAL(stored(), 93);
	free(ids);
	ask(&site_a, "alice", "GET", ENC("bob") "?number=93", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_EQUAL(stored(), 0);
	refused("alice", "GET", ENC("bob"), NULL, 503, "not so many keys");
	/* What comes, and what expires before it is given. */
	rig_come(40);
	CU_ASSERT_EQUAL(stored(), 10);
	site_a.store.stored = site_a.store.reserved -= 12;
	kms_service_tick(site_a.service, now);
	CU_ASSERT_EQUAL(stored(), 7);
	done();
}

static void test_22_quota_and_rate(void)
{
	struct kms_sae sae;

	rig_up(4000);
	rig_set(&site_a, "alice",
	        "{\"requests_per_s\": 2, \"requests_burst\": 3, \"quota_bits\": 512, "
	        "\"quota_period_s\": 60}");
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	/* Refused for want of key, or of reason: it costs a request, and no key. */
	refused("alice", "GET", ENC("bob") "?number=3", NULL, 400,
	        "number: 768 bits of key at once, the quota of this SAE is 512");
	refused("alice", "GET", ENC("bob") "?number=2", NULL, 503, "the quota of this SAE");
	CU_ASSERT_EQUAL(a.retry_after_s, 60);
	refused("alice", "GET", ENC("bob"), NULL, 503, "too many requests of this SAE");
	CU_ASSERT_EQUAL(a.retry_after_s, 1);
	/* Others go on. */
	ask(&site_a, "carol", "GET", ENC("bob") "?number=128", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	now += NS_PER_S;
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT(kms_registry_get(site_a.registry, "alice", &sae));
	CU_ASSERT_EQUAL(sae.usage.requests, 5);
	CU_ASSERT_EQUAL(sae.usage.keys_given, 2);
	CU_ASSERT_EQUAL(sae.usage.bits_given, 512);
	CU_ASSERT_EQUAL(sae.usage.unavailable, 2);
	CU_ASSERT_EQUAL(sae.usage.refused, 1);
	done();
}

/* Refused for want of key: no quota is used up. */
static void test_22_refusal_costs_no_quota(void)
{
	rig_up(4);
	rig_set(&site_a, "alice",
	        "{\"quota_bits\": 512, \"quota_period_s\": 60, \"bits_per_s\": 1, "
	        "\"bits_burst\": 512}");
	for (int i = 0; i < 3; i++)
		refused("alice", "GET", ENC("bob") "?number=2", NULL, 503, "not so many keys");
	rig_come(8);
	ask(&site_a, "alice", "GET", ENC("bob") "?number=2", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	refused("alice", "GET", ENC("bob"), NULL, 503, "too many key bits a second");
	done();
}

static void test_22_short_key_is_for_the_high_priority_and_for_credits(void)
{
	rig_low_bits = 7 * 10 * 256;
	rig_up(4 * 80);
	rig_low_bits = 0;
	rig_set(&site_a, "alice", "{\"priority\": 0}");
	rig_set(&site_a, "carol", "{\"priority\": 7}");
	/* The lowest stops at the low mark, of 70 keys; the highest takes the last. */
	ask(&site_a, "alice", "GET", ENC("bob") "?number=10", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	refused("alice", "GET", ENC("bob"), NULL, 503, "not so many keys");
	ask(&site_a, "carol", "GET", ENC("bob") "?number=70", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	/* With credits each has its share of what comes, whatever the others take. */
	rig_set(&site_a, "alice", "{\"weight\": 1, \"cap_bits\": 25600}");
	rig_set(&site_a, "carol", "{\"weight\": 3, \"cap_bits\": 25600}");
	rig_come(4 * 40);
	CU_ASSERT_EQUAL(stored(), 10);
	ask(&site_a, "carol", "GET", ENC("bob") "?number=31", NULL, &a);
	check_refused(&a, 503, "not so many keys");
	ask(&site_a, "carol", "GET", ENC("bob") "?number=30", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_EQUAL(stored(), 10);
	ask(&site_a, "alice", "GET", ENC("bob") "?number=10", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	done();
}

UNIT_MAIN(UNIT(test_03_certificate_that_no_sae_is_registered_for),
          UNIT(test_04_sae_of_the_other_kme_is_a_stranger_here),
          UNIT(test_05_status_has_its_members), UNIT(test_06_sae_ids_percent_encoded_and_long),
          UNIT(test_07_get_and_post_with_and_without_a_body), UNIT(test_08_number),
          UNIT(test_09_size), UNIT(test_10_extensions), UNIT(test_11_several_slaves),
          UNIT(test_11_the_peer_does_not_take_the_grant), UNIT(test_11_no_additional_slaves),
          UNIT(test_11_plain_and_granted_keys_together), UNIT(test_12_identifiers_are_uuids),
          UNIT(test_12_a_million_identifiers_none_twice), UNIT(test_13_base64_of_every_size),
          UNIT(test_14_dec_one_many_partial_unknown_duplicate_replayed),
          UNIT(test_14_expired_and_voided), UNIT(test_14_repeated_replays_raise_an_alarm),
          UNIT(test_15_third_sae_gets_401_and_the_key_survives),
          UNIT(test_15_own_stream_is_not_fetched), UNIT(test_15_lockout),
          UNIT(test_16_master_calls_dec_for_its_own_key),
          UNIT(test_17_two_requests_race_for_one_id), UNIT(test_18_both_kmes_return_equal_bytes),
          UNIT(test_20_pool_decrements_by_number), UNIT(test_22_quota_and_rate),
          UNIT(test_22_refusal_costs_no_quota),
          UNIT(test_22_short_key_is_for_the_high_priority_and_for_credits))
