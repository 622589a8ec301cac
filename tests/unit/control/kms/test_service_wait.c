/* SPDX-License-Identifier: BSD-3-Clause */

/* Requests that wait: for key under way, for the disk, for a link; and threads. */

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tests/unit/control/kms/service_rig.h"

static struct answer a, b;
static char target[300];

static void done(void)
{
	answer_free(&a);
	answer_free(&b);
	rig_down();
}

/* A key that A gave and whose segment B has not: TARGET is its dec_keys. */
static void given_ahead(void)
{
	rig_up(0);
	fake_come(&site_a.store, 100);
	kms_service_arrived(site_a.service, now += NS_PER_S);
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	CU_ASSERT_EQUAL_FATAL(a.status, 200);
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
}

static void test_key_under_way_is_waited_for(void)
{
	struct kms_service_stats stats;

	given_ahead();
	ask_later(&site_b, "bob", "GET", target, NULL, &b);
	now += NS_PER_S;
	kms_service_tick(site_b.service, now);
	CU_ASSERT_EQUAL(b.count, 0);
	kms_service_stats_read(site_b.service, &stats);
	CU_ASSERT_EQUAL(stats.waiting, 1);
	CU_ASSERT_EQUAL(stats.waited, 1);
	fake_come(&site_b.store, 4);
	kms_service_arrived(site_b.service, now);
	CU_ASSERT_EQUAL(b.count, 0);
	fake_commit(&site_b.store, 0);
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_STRING_EQUAL(key_text(&a, 0), key_text(&b, 0));
	done();
}

static void test_key_that_does_not_come(void)
{
	struct kms_service_stats stats;
	struct kms_sae bob;

	given_ahead();
	ask_later(&site_b, "bob", "GET", target, NULL, &b);
	now += 2 * NS_PER_S;
	kms_service_tick(site_b.service, now);
	CU_ASSERT_EQUAL(b.count, 1);
	check_refused(&b, 503, "a key is on its way to this KME and not yet here");
	CU_ASSERT_EQUAL(b.retry_after_s, 1);
	kms_service_stats_read(site_b.service, &stats);
	CU_ASSERT_EQUAL(stats.waited_out, 1);
	CU_ASSERT_EQUAL(stats.waiting, 0);
	CU_ASSERT(kms_registry_get(site_b.registry, "bob", &bob));
	CU_ASSERT_EQUAL(bob.waiting, 0);
	/* It is there for its owner still. */
	fake_come(&site_b.store, 4);
	ask(&site_b, "bob", "GET", target, NULL, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	done();
}

static void test_only_so_many_may_wait(void)
{
	struct answer third = {0};
	struct kms_sae bob;
	size_t used;

	rig_config.waiting_max = 5; /* and of one SAE two */
	given_ahead();
	rig_config.waiting_max = 0;
	used = secret_used();
	ask_later(&site_b, "bob", "GET", target, NULL, &b);
	ask_later(&site_b, "bob", "GET", target, NULL, (answer_free(&a), &a));
	ask_later(&site_b, "bob", "GET", target, NULL, &third);
	CU_ASSERT_EQUAL(third.count, 1);
	check_refused(&third, 503, "a key is on its way");
	/* Who waits holds no secret memory. */
	CU_ASSERT_EQUAL(secret_used(), used);
	CU_ASSERT(kms_registry_get(site_b.registry, "bob", &bob));
	CU_ASSERT_EQUAL(bob.waiting, 2);
	/* The process ends: who waits is told. */
	answer_free(&third);
	CU_ASSERT_EQUAL(a.count + b.count, 0);
	rig_down();
	check_refused(&a, 503, "this KME is stopping");
	check_refused(&b, 503, "this KME is stopping");
	answer_free(&a);
	answer_free(&b);
}

static void test_sae_that_is_removed_while_it_waits(void)
{
	struct err err = {0};

	given_ahead();
	ask_later(&site_b, "bob", "GET", target, NULL, &b);
	CU_ASSERT_EQUAL(kms_registry_remove(site_b.registry, "bob", &err), 0);
	fake_come(&site_b.store, 4);
	kms_service_arrived(site_b.service, now);
	check_refused(&b, 401, "this SAE is no longer registered");
	CU_ASSERT_EQUAL(site_b.store.state[0], KMS_FOUND);
	done();
}

/* The reservation ran out for a moment: enc_keys waits for the store thread. */
static void test_reservation_is_waited_for(void)
{
	rig_up(100);
	site_a.store.reserved = 0;
	ask_later(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	CU_ASSERT_EQUAL(a.count, 0);
	site_a.store.reserved = 100;
	kms_service_arrived(site_a.service, now);
	CU_ASSERT_EQUAL(a.status, 200);
	site_a.store.reserved = 0;
	ask_later(&site_a, "alice", "GET", ENC("bob"), NULL, (answer_free(&a), &a));
	now += NS_PER_S;
	kms_service_tick(site_a.service, now);
	check_refused(&a, 503, "not so many keys");
	CU_ASSERT_EQUAL(site_a.store.next, 4);
	/* Disabled while it waits. */
	ask_later(&site_a, "alice", "GET", ENC("bob"), NULL, (answer_free(&a), &a));
	CU_ASSERT_EQUAL(a.count, 0);
	rig_set(&site_a, "alice", "{\"enabled\": false}");
	site_a.store.reserved = 100;
	kms_service_arrived(site_a.service, now);
	check_refused(&a, 401, "this SAE is no longer registered");
	done();
}

/* Conformance 19: the record of a delivery cannot be written: nothing is answered, nothing lost. */
static void test_19_disk_that_fails(void)
{
	struct kms_service_stats stats;

	rig_up(100);
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
	ask_later(&site_b, "bob", "GET", target, NULL, &b);
	CU_ASSERT_EQUAL(b.count, 0);
	fake_commit(&site_b.store, -ENOSPC);
	check_refused(&b, 503, "it cannot be recorded that these keys are delivered");
	CU_ASSERT(b.retry_after_s > 0);
	kms_service_stats_read(site_b.service, &stats);
	CU_ASSERT_EQUAL(stats.undone, 1);
	CU_ASSERT_EQUAL(stats.keys_fetched, 0);
	ask(&site_b, "bob", "GET", target, NULL, &b);
	CU_ASSERT_EQUAL(b.status, 200);
	CU_ASSERT_STRING_EQUAL(key_text(&a, 0), key_text(&b, 0));
	done();
}

static void test_19_grant_that_cannot_be_marked(void)
{
	static const char body[] = "{\"additional_slave_SAE_IDs\": [\"dave\"]}";

	rig_up(100);
	ask_later(&site_a, "alice", "POST", ENC("bob"), body, &a);
	fake_ack(&site_a.grants, 0);
	snprintf(target, sizeof(target), DEC("alice") "?key_ID=%s", key_id(&a, 0));
	ask_later(&site_b, "dave", "GET", target, NULL, &b);
	CU_ASSERT_EQUAL(b.count, 0);
	fake_grants_commit(&site_b.grants, -EIO);
	check_refused(&b, 503, "it cannot be recorded");
	done();
}

static void test_no_link_yet(void)
{
	struct kms_service_config config = rig_config;
	struct kms_service *s;
	struct err err = {0};
	const char *state;

	rig_up(100);
	kms_service_free(site_a.service);
	config.kme = "KME-A";
	config.peer_kme = "KME-B";
	config.own = KEY_UUID_FROM_A;
	CU_ASSERT_EQUAL_FATAL(
	        kms_service_new(&config, &site_a.store, site_a.registry, NULL, &s, &err), 0);
	site_a.service = s;
	ask(&site_a, "alice", "GET", ENC("bob"), NULL, &a);
	check_refused(&a, 503, "there is no link to make keys yet");
	ask(&site_a, "alice", "GET", DEC("bob") "?key_ID=bc490419-7d60-487f-adc1-4ddcc177c139",
	    NULL, &a);
	check_refused(&a, 503, "there is no link to know identifiers by yet");
	ask(&site_a, "alice", "GET", STATUS("bob"), NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	state = json_string_value(json_object_get(json_object_get(a.body, "status_extension"),
	                                          "lumengate_link_state"));
	CU_ASSERT_STRING_EQUAL(state, "no gateway yet");
	done();
}

/* After a start the store has key before the gateway is there: it may be taken at once. */
static void test_key_of_before_the_link(void)
{
	const struct kms_link link = {
	        .link = 3, .secret = rig_secret, .name = "demo", .protocol = "BB84"};
	struct err err = {0};

	rig_up(0);
	fake_come(&site_a.store, 100);
	CU_ASSERT_EQUAL_FATAL(kms_service_link(site_a.service, &link, &err), 0);
	ask(&site_a, "alice", "GET", ENC("bob") "?number=4", NULL, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	done();
}

static void test_bad_configurations(void)
{
	static const struct {
		const char *kme, *peer;
		uint32_t number, slaves;
		const char *want;
	} bad[] = {
	        {"", "B", 128, 0, "name of the KME: is no ID"},
	        {"A", "\n", 128, 0, "name of the peer KME: is no ID"},
	        {"A", "A", 128, 0, "name of the peer KME: is that of this one"},
	        {"A", "B", KMS_STORE_BATCH + 1, 0, "keys per request: more than"},
	        {"A", "B", 128, KMS_GRANT_SLAVES, "additional slaves: more than"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kms_service_config c = {.kme = bad[i].kme, .peer_kme = bad[i].peer};
		struct kms_service *s;
		struct err err = {0};

		c.limits.max_key_per_request = bad[i].number;
		c.limits.max_sae_id_count = bad[i].slaves;
		CU_ASSERT_EQUAL(kms_service_new(&c, NULL, NULL, NULL, &s, &err), -EINVAL);
		CU_ASSERT_NSTRING_EQUAL(err.text, bad[i].want, strlen(bad[i].want));
	}
}

/* Two https threads a site, a store thread for both, a main thread that changes things. */
static atomic_bool stop;
static atomic_int winners, losers, equal, refusals; /* CUnit counts in one thread alone */

#define ROUNDS 200

struct wait {
	struct answer answer;
	atomic_bool done;
};

static void wake(void *ctx, const struct kms_reply *r)
{
	struct wait *w = ctx;

	answer_take(&w->answer, r);
	atomic_store(&w->done, true);
}

static void ask_and_wait(struct site *s, const char *identity, const char *path, struct wait *w)
{
	const struct kms_request r = {.identity = identity, .method = "GET", .target = path};

	answer_free(&w->answer);
	atomic_store(&w->done, false);
	kms_service_request(s->service, &r, clock_mono_ns(), wake, w);
	while (!atomic_load(&w->done))
		usleep(20);
}

static void *store_thread(void *arg)
{
	while (!atomic_load(&stop)) {
		fake_commit(&site_a.store, 0);
		fake_commit(&site_b.store, 0);
		kms_service_arrived(site_a.service, clock_mono_ns());
		usleep(50);
	}
	return NULL;
}

static void *main_thread(void *arg)
{
	const struct kms_link link = {
	        .link = 3, .secret = rig_secret, .name = "demo", .protocol = "BB84"};
	struct kms_sae carol;
	struct kms_event e;
	struct err err;

	while (!atomic_load(&stop)) {
		kms_service_tick(site_a.service, clock_mono_ns());
		kms_service_tick(site_b.service, clock_mono_ns());
		kms_service_link(site_b.service, &link, &err);
		kms_service_link_state(site_b.service, true, true, "up");
		kms_service_limits(site_a.service, &rig_config.limits, true);
		kms_registry_get(site_a.registry, "carol", &carol);
		carol.config.weight = carol.config.weight % 7 + 1;
		kms_registry_set(site_a.registry, &carol.config, &err);
		kms_service_event(site_b.service, &e);
		usleep(500);
	}
	return NULL;
}

static char ids[ROUNDS][KEY_UUID_TEXT + 1], keys[ROUNDS][64];
static atomic_int given;

static void *master_thread(void *arg)
{
	struct wait w = {0};

	for (int i = 0; i < ROUNDS; i++) {
		ask_and_wait(&site_a, "CN of alice", ENC("bob"), &w);
		atomic_fetch_add(&refusals, w.answer.status != 200);
		snprintf(ids[i], sizeof(ids[i]), "%s", key_id(&w.answer, 0));
		snprintf(keys[i], sizeof(keys[i]), "%s", key_text(&w.answer, 0));
		atomic_store(&given, i + 1);
	}
	answer_free(&w.answer);
	return NULL;
}

/* Conformance 17: two of these ask for each key. */
static void *slave_thread(void *arg)
{
	struct wait w = {0};
	char path[128];

	for (int i = 0; i < ROUNDS; i++) {
		while (atomic_load(&given) <= i)
			usleep(20);
		snprintf(path, sizeof(path), DEC("alice") "?key_ID=%s", ids[i]);
		ask_and_wait(&site_b, "CN of bob", path, &w);
		if (w.answer.status == 200) {
			atomic_fetch_add(&winners, 1);
			atomic_fetch_add(&equal, strcmp(keys[i], key_text(&w.answer, 0)) == 0);
		} else {
			atomic_fetch_add(&losers, w.answer.status == 400);
		}
	}
	answer_free(&w.answer);
	return NULL;
}

static void test_17_races_of_threads_have_one_winner_each(void)
{
	pthread_t store, control, master, slave[2];

	now = clock_mono_ns();
	rig_up(4 * ROUNDS);
	pthread_create(&store, NULL, store_thread, NULL);
	pthread_create(&control, NULL, main_thread, NULL);
	pthread_create(&master, NULL, master_thread, NULL);
	pthread_create(&slave[0], NULL, slave_thread, NULL);
	pthread_create(&slave[1], NULL, slave_thread, NULL);
	pthread_join(master, NULL);
	pthread_join(slave[0], NULL);
	pthread_join(slave[1], NULL);
	atomic_store(&stop, true);
	pthread_join(store, NULL);
	pthread_join(control, NULL);
	CU_ASSERT_EQUAL(refusals, 0);
	CU_ASSERT_EQUAL(winners, ROUNDS);
	CU_ASSERT_EQUAL(losers, ROUNDS);
	CU_ASSERT_EQUAL(equal, ROUNDS);
	done();
}

UNIT_MAIN(UNIT(test_key_under_way_is_waited_for), UNIT(test_key_that_does_not_come),
          UNIT(test_only_so_many_may_wait), UNIT(test_sae_that_is_removed_while_it_waits),
          UNIT(test_reservation_is_waited_for), UNIT(test_19_disk_that_fails),
          UNIT(test_19_grant_that_cannot_be_marked), UNIT(test_no_link_yet),
          UNIT(test_key_of_before_the_link), UNIT(test_bad_configurations),
          UNIT(test_17_races_of_threads_have_one_winner_each))
