/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/unit/control/kms/records.h"
#include "tests/unit/unit.h"

static struct rows rows;
static const struct kms_records records = {rows_write, rows_read, &rows};
static const uint64_t mono = 1000 * NS_PER_S, wall = 1700000000 * NS_PER_S;

static struct kms_registry *open_at(uint64_t mono_ns, uint64_t wall_ns)
{
	struct kms_registry_config config = {.alone = true, .low_bits = 7000};
	struct kms_registry *r;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(kms_registry_new(&config, &records, mono_ns, wall_ns, &r, &err), 0);
	return r;
}

static struct kms_sae_config sae(const char *id, bool local)
{
	struct kms_sae_config c;

	kms_sae_config_init(&c);
	snprintf(c.id, sizeof(c.id), "%s", id);
	snprintf(c.identity, sizeof(c.identity), "%s", local ? id : "");
	c.local = local;
	return c;
}

static void test_added_found_changed_removed(void)
{
	struct kms_registry *r = open_at(mono, wall);
	struct kms_sae_config a = sae("a", true), b = sae("b", false);
	struct kms_sae *s, copy;
	struct err err = {0};
	uint64_t serial;

	CU_ASSERT_EQUAL(kms_registry_add(r, &a, &err), 0);
	CU_ASSERT_EQUAL(kms_registry_add(r, &b, &err), 0);
	kms_registry_lock(r);
	s = kms_registry_by_identity(r, "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_PTR_EQUAL(kms_registry_by_id(r, "a"), s);
	CU_ASSERT_PTR_NULL(kms_registry_by_identity(r, "b"));
	CU_ASSERT_PTR_NULL(kms_registry_by_identity(r, ""));
	CU_ASSERT_PTR_NOT_NULL(kms_registry_by_id(r, "b"));
	serial = s->serial;
	CU_ASSERT_PTR_EQUAL(kms_registry_by_slot(r, s->slot, serial), s);
	kms_registry_unlock(r);

	snprintf(a.identity, sizeof(a.identity), "CN of a");
	a.enabled = false;
	CU_ASSERT_EQUAL(kms_registry_set(r, &a, &err), 0);
	CU_ASSERT_PTR_NULL(kms_registry_by_identity(r, "a"));
	CU_ASSERT_PTR_EQUAL(kms_registry_by_identity(r, "CN of a"), s);
	CU_ASSERT_EQUAL(s->serial, serial);

	CU_ASSERT_EQUAL(kms_registry_remove(r, "a", &err), 0);
	CU_ASSERT_PTR_NULL(kms_registry_by_id(r, "a"));
	CU_ASSERT_PTR_NULL(kms_registry_by_slot(r, 0, serial));
	CU_ASSERT_FALSE(kms_registry_get(r, "a", &copy));
	CU_ASSERT(kms_registry_get(r, "b", &copy));
	/* Who comes into the same slot is another. */
	CU_ASSERT_EQUAL(kms_registry_add(r, &a, &err), 0);
	CU_ASSERT_PTR_NULL(kms_registry_by_slot(r, 0, serial));
	kms_registry_free(r);
	rows_clear(&rows);
}

static void test_refusals_change_nothing(void)
{
	struct kms_registry *r = open_at(mono, wall);
	struct kms_sae_config a = sae("a", true), c = sae("c", true);
	struct err err = {0};
	size_t count;

	CU_ASSERT_EQUAL(kms_registry_add(r, &a, &err), 0);
	count = rows.count;
	CU_ASSERT_EQUAL(kms_registry_add(r, &a, &err), -EEXIST);
	CU_ASSERT_STRING_EQUAL(err.text, "id: there is an SAE a already");
	CU_ASSERT_EQUAL(kms_registry_set(r, &c, &err), -ENOENT);
	CU_ASSERT_EQUAL(kms_registry_remove(r, "c", &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text, "id: there is no SAE c");
	snprintf(c.identity, sizeof(c.identity), "a");
	CU_ASSERT_EQUAL(kms_registry_add(r, &c, &err), -EADDRINUSE);
	CU_ASSERT_STRING_EQUAL(err.text, "identity: SAE a has it");
	CU_ASSERT_EQUAL(kms_registry_unlock_sae(r, "a", mono, &err), -EALREADY);
	CU_ASSERT_EQUAL(kms_registry_unlock_sae(r, "c", mono, &err), -ENOENT);
	CU_ASSERT_EQUAL(rows.count, count);

	/* The disk refuses: neither memory nor disk has it. */
	rows.fail = -ENOSPC;
	c = sae("c", true);
	CU_ASSERT_EQUAL(kms_registry_add(r, &c, &err), -ENOSPC);
	CU_ASSERT_EQUAL(kms_registry_remove(r, "a", &err), -ENOSPC);
	CU_ASSERT_PTR_NULL(kms_registry_by_id(r, "c"));
	CU_ASSERT_PTR_NOT_NULL(kms_registry_by_id(r, "a"));
	rows.fail = 0;
	CU_ASSERT_EQUAL(rows.count, count);
	kms_registry_free(r);
	rows_clear(&rows);
}

static void test_as_many_as_there_may_be(void)
{
	struct kms_registry *r = open_at(mono, wall);
	struct kms_sae_config c;
	struct kms_sae *list = calloc(KMS_SAE_MAX, sizeof(*list));
	struct err err = {0};
	char id[16];

	for (int i = 0; i < KMS_SAE_MAX; i++) {
		snprintf(id, sizeof(id), "sae-%d", i);
		c = sae(id, true);
		CU_ASSERT_EQUAL_FATAL(kms_registry_add(r, &c, &err), 0);
	}
	c = sae("one more", true);
	CU_ASSERT_EQUAL(kms_registry_add(r, &c, &err), -ENOSPC);
	for (int i = 0; i < KMS_SAE_MAX; i++) {
		snprintf(id, sizeof(id), "sae-%d", i);
		CU_ASSERT_PTR_NOT_NULL(kms_registry_by_id(r, id));
		CU_ASSERT_PTR_NOT_NULL(kms_registry_by_identity(r, id));
	}
	CU_ASSERT_EQUAL(kms_registry_list(r, 0, list, KMS_SAE_MAX), KMS_SAE_MAX);
	CU_ASSERT_EQUAL(kms_registry_list(r, 1000, list, KMS_SAE_MAX), KMS_SAE_MAX - 1000);
	CU_ASSERT_STRING_EQUAL(list[0].config.id, "sae-1000");
	free(list);
	kms_registry_free(r);
	rows_clear(&rows);
}

static void take(struct kms_registry *r, const char *id, uint64_t bits, uint64_t now, int want)
{
	struct http_fault f;
	struct kms_sae *s;

	kms_registry_lock(r);
	s = kms_registry_by_id(r, id);
	CU_ASSERT_EQUAL(sae_meter_bits(&s->meter, now, bits, &f), want);
	s->usage.keys_given++;
	kms_registry_touch(r, s, now);
	kms_registry_unlock(r);
}

/* Conformance 22, over a restart: nobody has a new quota by killing the KMS. */
static void test_quota_and_usage_survive_a_restart(void)
{
	struct kms_registry *r = open_at(mono, wall);
	struct kms_sae_config a = sae("a", true);
	struct kms_sae copy;
	struct err err = {0};
	int rc;

	a.allowance.quota_bits = 1000;
	a.allowance.quota_period_s = 3600;
	CU_ASSERT_EQUAL(kms_registry_add(r, &a, &err), 0);
	take(r, "a", 900, mono, 0);
	CU_ASSERT_FALSE(kms_registry_work(r, mono + NS_PER_S / 2, wall, false, &rc, &err));
	CU_ASSERT(kms_registry_work(r, mono + NS_PER_S, wall + NS_PER_S, false, &rc, &err));
	CU_ASSERT_FALSE(kms_registry_work(r, mono + 2 * NS_PER_S, wall, false, &rc, &err));
	kms_registry_free(r);

	/* The machine was started anew: its monotonic clock is younger than the period. */
	r = open_at(7 * NS_PER_S, wall + 600 * NS_PER_S);
	take(r, "a", 101, 7 * NS_PER_S, -503);
	take(r, "a", 100, 7 * NS_PER_S, 0);
	take(r, "a", 1, (7 + 2999) * NS_PER_S, -503);
	take(r, "a", 1000, (7 + 3000) * NS_PER_S, 0);
	CU_ASSERT(kms_registry_get(r, "a", &copy));
	CU_ASSERT_EQUAL(copy.usage.keys_given, 5);
	kms_registry_free(r);

	/* Not flushed: the state of the last flush. And a clock that was set back. */
	r = open_at(mono, wall - 50 * NS_PER_S);
	take(r, "a", 101, mono, -503);
	take(r, "a", 1000, mono + 3600 * NS_PER_S, 0);
	kms_registry_free(r);
	rows_clear(&rows);
}

static void test_consumption_waits_for_the_disk(void)
{
	struct kms_registry *r = open_at(mono, wall);
	struct kms_sae_config a = sae("a", true);
	struct err err = {0};
	int rc;

	CU_ASSERT_EQUAL(kms_registry_add(r, &a, &err), 0);
	take(r, "a", 1, mono, 0);
	rows.fail = -EIO;
	CU_ASSERT_FALSE(kms_registry_work(r, mono + NS_PER_S, wall, false, &rc, &err));
	CU_ASSERT_EQUAL(rc, -EIO);
	rows.fail = 0;
	CU_ASSERT(kms_registry_work(r, mono + NS_PER_S, wall, true, &rc, &err));
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_PTR_NOT_NULL(rows_find(&rows, "usage", "a"));
	CU_ASSERT_EQUAL(kms_registry_remove(r, "a", &err), 0);
	CU_ASSERT_EQUAL(rows.count, 0);
	kms_registry_free(r);
	rows_clear(&rows);
}

static void test_smaller_quota_and_other_terms(void)
{
	struct kms_registry *r = open_at(mono, wall);
	struct kms_sae_config a = sae("a", true);
	struct err err = {0};

	a.allowance = (struct sae_allowance){.quota_bits = 1000, .quota_period_s = 60};
	CU_ASSERT_EQUAL(kms_registry_add(r, &a, &err), 0);
	take(r, "a", 900, mono, 0);
	a.allowance.quota_bits = 500;
	CU_ASSERT_EQUAL(kms_registry_set(r, &a, &err), 0);
	take(r, "a", 1, mono + 59 * NS_PER_S, -503);
	take(r, "a", 500, mono + 60 * NS_PER_S, 0);
	kms_registry_free(r);
	rows_clear(&rows);
}

/* Of common key the lowest priority leaves the low mark alone, the highest nothing. */
static void test_shares_follow_the_table(void)
{
	struct kms_registry *r = open_at(mono, wall);
	struct kms_sae_config a = sae("a", true), b = sae("b", true), c = sae("c", false);
	struct key_share *s = kms_registry_share(r);
	struct err err = {0};

	a.priority = 0;
	a.cap_bits = b.cap_bits = 500;
	b.priority = KMS_PRIORITY_MAX;
	b.weight = 3;
	CU_ASSERT_EQUAL(kms_registry_add(r, &a, &err), 0);
	CU_ASSERT_EQUAL(kms_registry_add(r, &b, &err), 0);
	CU_ASSERT_EQUAL(kms_registry_add(r, &c, &err), 0);
	key_share_arrive(s, 400);
	CU_ASSERT_EQUAL(s->member[0].credit_bits, 100);
	CU_ASSERT_EQUAL(s->member[1].credit_bits, 300);
	key_share_arrive(s, 7600);
	CU_ASSERT_EQUAL(s->common_bits, 7000);
	CU_ASSERT_EQUAL(key_share_bits(s, 0), 500);
	CU_ASSERT_EQUAL(key_share_bits(s, 1), 7500);
	/* Who is away or may not take has no share; what it had is everybody's. */
	b.enabled = false;
	CU_ASSERT_EQUAL(kms_registry_set(r, &b, &err), 0);
	CU_ASSERT_EQUAL(s->common_bits, 7500);
	CU_ASSERT_EQUAL(kms_registry_remove(r, "a", &err), 0);
	CU_ASSERT_EQUAL(key_share_total(s), 8000);
	CU_ASSERT_EQUAL(s->common_bits, 8000);
	kms_registry_free(r);
	rows_clear(&rows);
}

static void test_damaged_records(void)
{
	struct kms_registry_config config = {.alone = true};
	struct kms_registry *r;
	struct err err = {0};

	rows_write(&rows, &(struct kms_record){"sae", "x", "{\"id\": 3}", 9}, 1, NULL);
	CU_ASSERT_EQUAL(kms_registry_new(&config, &records, mono, wall, &r, &err), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "record of SAE x: id: is not a string");
	CU_ASSERT_PTR_NULL(r);
	rows_write(&rows, &(struct kms_record){"sae", "x", "{\"id\"", 5}, 1, NULL);
	CU_ASSERT_EQUAL(kms_registry_new(&config, &records, mono, wall, &r, &err), -EINVAL);
	rows_write(&rows, &(struct kms_record){"sae", "x", "{\"id\": \"x\"}", 11}, 1, NULL);
	rows_write(&rows, &(struct kms_record){"usage", "x", "[]", 2}, 1, NULL);
	rows_write(&rows, &(struct kms_record){"usage", "y", "{}", 2}, 1, NULL);
	CU_ASSERT_EQUAL(kms_registry_new(&config, &records, mono, wall, &r, &err), 0);
	kms_registry_free(r);
	rows_clear(&rows);
}

static atomic_bool stop;
static atomic_int found, wrong; /* CUnit counts in one thread alone */

static void *store_thread(void *arg)
{
	while (!atomic_load(&stop)) {
		kms_registry_work(arg, clock_mono_ns(), clock_wall_ns(), false, NULL, NULL);
		usleep(100);
	}
	return NULL;
}

static void *https_thread(void *arg)
{
	struct kms_registry *r = arg;

	while (!atomic_load(&stop)) {
		struct kms_sae *s;

		kms_registry_lock(r);
		s = kms_registry_by_identity(r, "a");
		if (s != NULL) {
			atomic_fetch_add(&found, 1);
			s->usage.requests++;
			kms_registry_touch(r, s, clock_mono_ns());
			atomic_fetch_add(&wrong, strcmp(s->config.id, "a") != 0);
		}
		kms_registry_unlock(r);
	}
	return NULL;
}

/* The control thread changes the table while requests read it. */
static void test_changes_under_load(void)
{
	struct kms_registry_config config = {0};
	struct kms_sae_config a = sae("a", true), b = sae("b", false);
	struct kms_registry *r;
	struct err err = {0};
	pthread_t store, https;

	atomic_store(&stop, false);
	CU_ASSERT_EQUAL_FATAL(
	        kms_registry_new(&config, &records, clock_mono_ns(), clock_wall_ns(), &r, &err), 0);
	pthread_create(&store, NULL, store_thread, r);
	CU_ASSERT_EQUAL(kms_registry_add(r, &a, &err), 0);
	pthread_create(&https, NULL, https_thread, r);
	for (int i = 0; i < 100; i++) {
		a.weight = (uint32_t)i + 1;
		CU_ASSERT_EQUAL(kms_registry_add(r, &b, &err), 0);
		CU_ASSERT_EQUAL(kms_registry_set(r, &a, &err), 0);
		CU_ASSERT_EQUAL(kms_registry_remove(r, "b", &err), 0);
	}
	atomic_store(&stop, true);
	pthread_join(https, NULL);
	pthread_join(store, NULL);
	CU_ASSERT(found > 0);
	CU_ASSERT_EQUAL(wrong, 0);
	kms_registry_work(r, clock_mono_ns(), clock_wall_ns(), true, NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL(rows_find(&rows, "usage", "a"));
	CU_ASSERT_PTR_NULL(rows_find(&rows, "sae", "b"));
	kms_registry_free(r);
	rows_clear(&rows);
}

UNIT_MAIN(UNIT(test_added_found_changed_removed), UNIT(test_refusals_change_nothing),
          UNIT(test_as_many_as_there_may_be), UNIT(test_quota_and_usage_survive_a_restart),
          UNIT(test_consumption_waits_for_the_disk), UNIT(test_smaller_quota_and_other_terms),
          UNIT(test_shares_follow_the_table), UNIT(test_damaged_records),
          UNIT(test_changes_under_load))
