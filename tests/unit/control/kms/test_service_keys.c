/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Conformance to ETSI GS QKD 014, points 14 to 22 of the list in docs/etsi-014.md: who gets which
 * keys, once, and how many.
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
	CU_ASSERT_EQUAL(sae.usage.bits_fetched, 256);
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

UNIT_MAIN(UNIT(test_14_dec_one_many_partial_unknown_duplicate_replayed),
          UNIT(test_14_expired_and_voided), UNIT(test_14_repeated_replays_raise_an_alarm),
          UNIT(test_15_third_sae_gets_401_and_the_key_survives),
          UNIT(test_15_own_stream_is_not_fetched), UNIT(test_15_lockout),
          UNIT(test_16_master_calls_dec_for_its_own_key),
          UNIT(test_17_two_requests_race_for_one_id), UNIT(test_18_both_kmes_return_equal_bytes),
          UNIT(test_20_pool_decrements_by_number), UNIT(test_22_quota_and_rate),
          UNIT(test_22_refusal_costs_no_quota),
          UNIT(test_22_short_key_is_for_the_high_priority_and_for_credits))
