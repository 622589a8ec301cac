/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/store_audit.h"

#include "tests/unit/control/kms/store_rig.h"

static struct key_uuid_place place[KMS_STORE_BATCH];
static uint8_t keys[KMS_STORE_BATCH * KEY_UUID_LENGTH];
static struct kms_audit_segment segments[16];
static struct kms_audit_use uses[16];

static enum kms_found fetch(struct kms_store *s, uint64_t position, uint16_t length)
{
	int rc = RIG_WAITS;
	enum kms_found found;

	place[0] = rig_place(KEY_UUID_FROM_B, position, length);
	found = kms_store_fetch(s, place, 1, keys, rig_done, &rc);
	rig_work(s);
	if (found == KMS_FOUND) {
		CU_ASSERT_EQUAL(rc, 0);
		CU_ASSERT(rig_is_key(place, keys));
	}
	return found;
}

static void reopen(struct kms_store **s, struct kms_audit_store *audit)
{
	kms_store_close(*s);
	*s = rig_open();
	kms_store_audit(*s, audit);
	rig_check_sums(*s);
}

/* Both ends list the same, in the order of positions, when their bytes are gone too. */
static void test_lists_records(void)
{
	struct kms_segment second;
	struct kms_audit_store audit;
	struct kms_store *s;
	uint64_t position;

	rig_begin();
	s = rig_open();
	kms_store_audit(s, &audit);
	CU_ASSERT_EQUAL(audit.oldest(audit.ctx, 1, KEY_UUID_FROM_B, &position), 0);
	CU_ASSERT_EQUAL(position, UINT64_MAX);
	CU_ASSERT_EQUAL(audit.list(audit.ctx, 1, KEY_UUID_FROM_B, 0, segments, 16), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 3000, 40), 0);
	rig_tick(s, 10);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 1000, 32), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 2000, 32), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 500, 32), 0);
	CU_ASSERT_EQUAL(fetch(s, 1000, 256), KMS_FOUND);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(audit.oldest(audit.ctx, 1, KEY_UUID_FROM_B, &position), 0);
		CU_ASSERT_EQUAL(position, 2000);
		CU_ASSERT_EQUAL(audit.list(audit.ctx, 1, KEY_UUID_FROM_B, 0, segments, 16), 3);
		CU_ASSERT_EQUAL(segments[0].position, 1000);
		CU_ASSERT_EQUAL(segments[1].position, 2000);
		CU_ASSERT_EQUAL(segments[2].position, 3000);
		CU_ASSERT_EQUAL(segments[2].units, 40);
		CU_ASSERT_EQUAL(segments[0].added_wall_ns, rig_wall);
		CU_ASSERT_EQUAL(segments[2].added_wall_ns, rig_wall - 10 * NS_PER_S);
		for (int k = 0; k < 3; k++) {
			second = rig_segment(KEY_UUID_FROM_B, segments[k].position,
			                     segments[k].units);
			CU_ASSERT_EQUAL(memcmp(segments[k].hash, second.hash, 32), 0);
			CU_ASSERT_FALSE(segments[k].voided);
		}
		CU_ASSERT_EQUAL(audit.list(audit.ctx, 1, KEY_UUID_FROM_B, 1001, segments, 16), 2);
		CU_ASSERT_EQUAL(audit.list(audit.ctx, 1, KEY_UUID_FROM_B, 0, segments, 1), 1);
		CU_ASSERT_EQUAL(audit.list(audit.ctx, 1, KEY_UUID_FROM_B, UINT64_MAX, segments, 1),
		                0);
		CU_ASSERT_EQUAL(audit.list(audit.ctx, 2, KEY_UUID_FROM_B, 0, segments, 1), 0);
		reopen(&s, &audit);
	}
	kms_store_close(s);
	rig_end();
}

/* What differs goes, the record says so, and what comes to such a place later is refused. */
static void test_voids_for_good(void)
{
	struct kms_store_stats st;
	struct kms_audit_store audit;
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	kms_store_audit(s, &audit);
	for (uint64_t p = 1000; p <= 3000; p += 1000) {
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, p, 128), 0);
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, p, 128), 0);
	}
	CU_ASSERT_EQUAL(fetch(s, 2000, 32), KMS_FOUND);
	CU_ASSERT_EQUAL(fetch(s, 3000, 32), KMS_FOUND);
	rig_work(s);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
	/* Of the other's stream: the second, and the space around it. */
	CU_ASSERT_EQUAL(audit.void_range(audit.ctx, 1, KEY_UUID_FROM_B, 1500, 1000), 1);
	CU_ASSERT_EQUAL(audit.void_range(audit.ctx, 1, KEY_UUID_FROM_B, 1500, 1000), 0);
	/* Of the own one: the first, of which a key is given, and the second. */
	CU_ASSERT_EQUAL(audit.void_range(audit.ctx, 1, KEY_UUID_FROM_A, 1000, 1100), 2);
	CU_ASSERT_EQUAL(audit.void_range(audit.ctx, 1, KEY_UUID_FROM_A, KEY_UUID_POSITIONS, 1),
	                -EINVAL);
	for (int i = 0; i < 2; i++) {
		kms_store_stats_read(s, &st);
		CU_ASSERT_EQUAL(st.from_b.voided, (128 - 4) * 8);
		CU_ASSERT_EQUAL(st.from_b.delivered, 2 * 32);
		CU_ASSERT_EQUAL(st.from_a.voided, (128 - 4 + 128) * 8);
		CU_ASSERT_EQUAL(st.from_a.delivered, 32);
		CU_ASSERT_EQUAL(st.from_a.segments, 1);
		CU_ASSERT_EQUAL(fetch(s, 2000, 32), KMS_SPENT);
		CU_ASSERT_EQUAL(fetch(s, 2004, 32), KMS_VOIDED);
		CU_ASSERT_EQUAL(fetch(s, 1600, 32), KMS_VOIDED);
		CU_ASSERT_EQUAL(fetch(s, 2600, 32), KMS_NOT_YET);
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 2000, 128), -ESTALE);
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 1490, 11), -ESTALE);
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 2498, 2), -ESTALE);
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 1130, 10), -ESTALE);
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 2500 + (uint64_t)i, 1), 0);
		CU_ASSERT_EQUAL(audit.list(audit.ctx, 1, KEY_UUID_FROM_B, 0, segments, 3), 3);
		CU_ASSERT_FALSE(segments[0].voided);
		CU_ASSERT_TRUE(segments[1].voided);
		CU_ASSERT_FALSE(segments[2].voided);
		rig_check_sums(s);
		reopen(&s, &audit);
	}
	/* The own one goes on with what is left. */
	rig_work(s);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
	CU_ASSERT_EQUAL(place[0].position, 3000);
	/* A record without key may be voided too: both ends must end with the same list. */
	CU_ASSERT_EQUAL(audit.void_range(audit.ctx, 1, KEY_UUID_FROM_B, 0, 5000), 4);
	CU_ASSERT_EQUAL(audit.list(audit.ctx, 1, KEY_UUID_FROM_B, 0, segments, 16), 5);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_TRUE(segments[i].voided);
	kms_store_close(s);
	rig_end();
}

/* What is voided without ever having come does not move the end of the stream. */
static void test_next_position(void)
{
	struct kms_store_stats st;
	struct kms_audit_store audit;
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 100, 64), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 64), 0);
	CU_ASSERT_EQUAL(kms_store_void(s, 1, KEY_UUID_FROM_B, 0, KEY_UUID_POSITIONS, NULL, NULL),
	                0);
	for (int i = 0; i < 2; i++) {
		kms_store_stats_read(s, &st);
		CU_ASSERT_EQUAL(st.from_b.next, 164);
		CU_ASSERT_EQUAL(st.from_a.next, 0);
		CU_ASSERT_EQUAL(fetch(s, KEY_UUID_POSITIONS - 1, 8), KMS_VOIDED);
		reopen(&s, &audit);
	}
	kms_store_close(s);
	rig_end();
}

/* Single keys, as a withdrawn grant has them: the rest of the segment stays, for the audit too. */
static void test_voids_single_keys(void)
{
	struct kms_audit_store audit;
	struct kms_store *s;
	uint64_t bytes;

	rig_begin();
	s = rig_open();
	kms_store_audit(s, &audit);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 100, 256), 0);
	CU_ASSERT_EQUAL(fetch(s, 100 + 70, 32), KMS_FOUND);
	CU_ASSERT_EQUAL(kms_store_void(s, 1, KEY_UUID_FROM_B, 100 + 60, 12, &bytes, &rig_err), 0);
	CU_ASSERT_EQUAL(bytes, 10 * 8); /* two of them were fetched */
	CU_ASSERT_EQUAL(kms_store_void(s, 1, KEY_UUID_FROM_B, 100, 0, &bytes, &rig_err), -EINVAL);
	CU_ASSERT_EQUAL(kms_store_void(s, 1, 1, 100, 1, &bytes, &rig_err), -EINVAL);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(fetch(s, 100 + 60, 8), KMS_VOIDED);
		CU_ASSERT_EQUAL(fetch(s, 100 + 57, 32), KMS_VOIDED);
		CU_ASSERT_EQUAL(fetch(s, 100 + 72, 8), KMS_SPENT);
		CU_ASSERT_EQUAL(audit.list(audit.ctx, 1, KEY_UUID_FROM_B, 0, segments, 16), 1);
		CU_ASSERT_FALSE(segments[0].voided);
		reopen(&s, &audit);
	}
	CU_ASSERT_EQUAL(fetch(s, 100 + 74, 256), KMS_FOUND);
	CU_ASSERT_EQUAL(fetch(s, 100, 256), KMS_FOUND);
	kms_store_close(s);
	rig_end();
}

/* What was fetched is told until it is known to be told, and counts at the other end once. */
static void test_tells_what_was_fetched(void)
{
	struct kms_store_stats st;
	struct kms_audit_store audit;
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	kms_store_audit(s, &audit);
	for (uint64_t p = 0; p < 3; p++)
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 1000 * p, 32), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 1000, 32), 0);
	CU_ASSERT_EQUAL(fetch(s, 1003, 32), KMS_FOUND);
	CU_ASSERT_EQUAL(fetch(s, 2000, 256), KMS_FOUND);
	CU_ASSERT_EQUAL(kms_store_void(s, 1, KEY_UUID_FROM_B, 1007, 2, NULL, &rig_err), 0);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(audit.fetched(audit.ctx, 1, KEY_UUID_FROM_B, uses, 16), 2);
		CU_ASSERT_EQUAL(uses[0].position, 1000);
		CU_ASSERT_EQUAL(uses[0].units, 32);
		CU_ASSERT_EQUAL(uses[0].bitmap[0], 0x78);
		CU_ASSERT_EQUAL(uses[0].bitmap[1] | uses[0].bitmap[2] | uses[0].bitmap[3], 0);
		CU_ASSERT_EQUAL(uses[1].position, 2000);
		for (int k = 0; k < 4; k++)
			CU_ASSERT_EQUAL(uses[1].bitmap[k], 0xff);
		CU_ASSERT_EQUAL(uses[1].bitmap[4], 0);
		reopen(&s, &audit);
	}
	/* Fetched after the list was made: told next time. */
	CU_ASSERT_EQUAL(fetch(s, 1000, 8), KMS_FOUND);
	CU_ASSERT_EQUAL(audit.reported(audit.ctx, 1, KEY_UUID_FROM_B, uses, 2), 0);
	CU_ASSERT_EQUAL(audit.fetched(audit.ctx, 1, KEY_UUID_FROM_B, uses, 16), 1);
	CU_ASSERT_EQUAL(uses[0].bitmap[0], 0x79);
	CU_ASSERT_EQUAL(audit.reported(audit.ctx, 1, KEY_UUID_FROM_B, uses, 1), 0);
	CU_ASSERT_EQUAL(audit.fetched(audit.ctx, 1, KEY_UUID_FROM_B, uses, 16), 0);

	/* The giver's side. */
	rig_work(s);
	CU_ASSERT_EQUAL(rig_give(s, 2, 32, place, keys), 0);
	uses[0] = (struct kms_audit_use){.position = 1000, .units = 32, .bitmap = {0x0f}};
	CU_ASSERT_EQUAL(audit.both(audit.ctx, 1, KEY_UUID_FROM_A, uses, 1), 0);
	CU_ASSERT_EQUAL(audit.both(audit.ctx, 1, KEY_UUID_FROM_A, uses, 1), 0);
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_a.delivered, 64);
	CU_ASSERT_EQUAL(st.from_a.delivered_both, 32);
	uses[0].bitmap[0] = 0xff;
	uses[1] = (struct kms_audit_use){.position = 7000, .units = 32, .bitmap = {0x0f}};
	CU_ASSERT_EQUAL(audit.both(audit.ctx, 1, KEY_UUID_FROM_A, uses, 2), 0);
	reopen(&s, &audit);
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_a.delivered_both, 64);
	CU_ASSERT_EQUAL(kms_store_both(s, 1, 7000, 4, &rig_err), -ENOENT);
	CU_ASSERT_EQUAL(kms_store_both(s, 2, 1000, 4, &rig_err), -ENOENT);
	kms_store_close(s);
	rig_end();
}

/* The disk refuses: nothing is voided, and all is as it was. */
static void test_void_undone(void)
{
	struct kms_store_stats before, after;
	struct kms_audit_store audit;
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	kms_store_audit(s, &audit);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 128), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 128), 0);
	rig_work(s);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
	kms_store_stats_read(s, &before);
	disk.code = SQLITE_FULL;
	disk.fail_at = disk.changes + 1;
	CU_ASSERT_EQUAL(audit.void_range(audit.ctx, 1, KEY_UUID_FROM_A, 0, 9000), -ENOSPC);
	CU_ASSERT_EQUAL(audit.void_range(audit.ctx, 1, KEY_UUID_FROM_B, 0, 9000), -ENOSPC);
	CU_ASSERT_EQUAL(kms_store_void(s, 1, KEY_UUID_FROM_B, 4, 4, NULL, &rig_err), -ENOSPC);
	disk.fail_at = 0;
	kms_store_stats_read(s, &after);
	CU_ASSERT_EQUAL(memcmp(&after.from_a, &before.from_a, sizeof(after.from_a)), 0);
	CU_ASSERT_EQUAL(memcmp(&after.from_b, &before.from_b, sizeof(after.from_b)), 0);
	CU_ASSERT_EQUAL(after.last_failure.code, ENOSPC);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
	CU_ASSERT_EQUAL(place[0].position, 4);
	CU_ASSERT_EQUAL(fetch(s, 4, 32), KMS_FOUND);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 8000, 128), 0);
	kms_store_close(s);
	rig_end();
}

static struct kms_withdrawn withdrawn[16];
static size_t withdrawn_count;

static int note(void *arg, const struct kms_withdrawn *w)
{
	withdrawn[withdrawn_count++] = *w;
	return withdrawn_count == 16;
}

static size_t list_withdrawn(struct kms_store *s)
{
	withdrawn_count = 0;
	CU_ASSERT_EQUAL(kms_store_withdrawn_list(s, note, NULL, &rig_err), 0);
	return withdrawn_count;
}

static void is_withdrawn(size_t i, uint64_t position, uint64_t units)
{
	CU_ASSERT_EQUAL(withdrawn[i].link, 1);
	CU_ASSERT_EQUAL(withdrawn[i].position, position);
	CU_ASSERT_EQUAL(withdrawn[i].units, units);
	CU_ASSERT_TRUE(withdrawn[i].sure);
}

/* The giver: what it does not give is listed, durably, until the other end has heard of it. */
static void test_lists_what_is_not_given(void)
{
	struct kms_audit_store audit;
	struct kms_store *s;
	int64_t id;

	rig_begin();
	s = rig_open();
	kms_store_audit(s, &audit);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 34), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 1000, 64), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 2000, 64), 0);
	rig_work(s);
	/* An end of two units, then a key of the next. */
	CU_ASSERT_EQUAL(rig_give(s, 9, 32, place, keys), 0);
	CU_ASSERT_EQUAL(place[8].position, 1000);
	CU_ASSERT_EQUAL(list_withdrawn(s), 0);
	rig_tick(s, 1);
	CU_ASSERT_EQUAL(list_withdrawn(s), 1);
	is_withdrawn(0, 32, 2);
	CU_ASSERT_EQUAL(audit.void_range(audit.ctx, 1, KEY_UUID_FROM_A, 2000, 1), 1);
	rig_tick(s, 3600);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(list_withdrawn(s), 3);
		is_withdrawn(0, 32, 2);
		is_withdrawn(1, 2000, 64);
		is_withdrawn(2, 1004, 60);
		CU_ASSERT_EQUAL(withdrawn[0].age_ns, 3600 * NS_PER_S);
		CU_ASSERT_EQUAL(withdrawn[2].age_ns, 0);
		reopen(&s, &audit);
	}
	id = withdrawn[1].id;
	CU_ASSERT_EQUAL(kms_store_withdrawn_forget(s, &id, 1, &rig_err), 0);
	CU_ASSERT_EQUAL(list_withdrawn(s), 2);
	is_withdrawn(1, 1004, 60);
	rig_tick(s, 3 * 3600);
	rig_tick(s, 3600);
	CU_ASSERT_EQUAL(list_withdrawn(s), 0);
	kms_store_close(s);
	rig_end();
}

/* The fetcher: that goes, and its room; what was given stays. */
static void test_drops_what_is_not_given(void)
{
	struct kms_store_stats st;
	struct kms_audit_store audit;
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	kms_store_audit(s, &audit);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 34), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 1000, 640), 0);
	for (uint64_t u = 0; u < 32; u += 4)
		CU_ASSERT_EQUAL(fetch(s, u, 32), KMS_FOUND);
	CU_ASSERT_EQUAL(kms_store_withdraw(s, 1, KEY_UUID_FROM_B, 32, 2, &rig_err), 0);
	CU_ASSERT_EQUAL(kms_store_withdraw(s, 1, KEY_UUID_FROM_B, 1070, 570, &rig_err), 0);
	CU_ASSERT_EQUAL(kms_store_withdraw(s, 1, KEY_UUID_FROM_B, 1070, 570, &rig_err), 0);
	CU_ASSERT_EQUAL(kms_store_withdraw(s, 1, KEY_UUID_FROM_A, 0, 1, &rig_err), -EINVAL);
	CU_ASSERT_EQUAL(kms_store_withdraw(s, 2, KEY_UUID_FROM_B, 0, 1, &rig_err), 0);
	for (int i = 0; i < 2; i++) {
		kms_store_stats_read(s, &st);
		CU_ASSERT_EQUAL(st.from_b.expired, (2 + 570) * 8);
		CU_ASSERT_EQUAL(st.from_b.segments, 1);
		CU_ASSERT_EQUAL(st.from_b.held, 2 * 512);
		/* A replay of what was fetched is told from what was never given. */
		CU_ASSERT_EQUAL(fetch(s, 28, 32), KMS_SPENT);
		CU_ASSERT_EQUAL(fetch(s, 32, 8), KMS_EXPIRED);
		CU_ASSERT_EQUAL(fetch(s, 1066, 32), i == 0 ? KMS_FOUND : KMS_SPENT);
		CU_ASSERT_EQUAL(fetch(s, 1070, 32), KMS_VOIDED);
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 34), -EEXIST);
		reopen(&s, &audit);
	}
	CU_ASSERT_EQUAL(fetch(s, 1000, 256), KMS_FOUND);
	kms_store_close(s);
	rig_end();
}

/* From the moment that the audit voids it, before that is durable, nothing is given of it. */
static int void_and_give(void *ctx, struct kms_store *s, struct err *err)
{
	int rc = kms_store_void(s, 1, KEY_UUID_FROM_A, 0, 1, NULL, err);

	CU_ASSERT_EQUAL(rc, 0);
	*(int *)ctx = rig_give(s, 1, 32, place, keys);
	return err_set(err, EPERM, "as told");
}

static void test_voided_is_not_given(void)
{
	struct kms_store *s;
	int rc = 0;
	struct kms_store_job job = {void_and_give, NULL, &rc, NULL};

	rig_begin();
	s = rig_open();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 64), 0);
	rig_work(s);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
	kms_store_post(s, &job);
	rig_work(s);
	CU_ASSERT_EQUAL(rc, -EAGAIN);
	/* The job failed, so it was not voided. */
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
	CU_ASSERT_EQUAL(place[0].position, 4);
	CU_ASSERT(rig_is_key(place, keys));
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

UNIT_MAIN(UNIT(test_lists_records), UNIT(test_voids_for_good), UNIT(test_next_position),
          UNIT(test_voids_single_keys), UNIT(test_tells_what_was_fetched), UNIT(test_void_undone),
          UNIT(test_voided_is_not_given), UNIT(test_lists_what_is_not_given),
          UNIT(test_drops_what_is_not_given))
