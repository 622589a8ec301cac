/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/store.h"

#include "tests/unit/control/kms/store_rig.h"

static struct key_uuid_place place[KMS_STORE_BATCH];
static uint8_t keys[KMS_STORE_BATCH * KEY_UUID_LENGTH];

/* A job that adds a segment, writes a record, and then returns what it is told to. */
struct job {
	struct kms_store_job post;
	uint64_t position;
	const char *name;
	int answer;
	int rc;
	char text[128];
};

static int run(void *ctx, struct kms_store *s, struct err *err)
{
	struct job *j = ctx;
	struct kms_record r = {"test", j->name, &j->position, sizeof(j->position)};
	int rc = rig_add(s, KEY_UUID_FROM_B, j->position, 64);

	if (rc == 0)
		rc = kms_store_records_write(s, &r, 1, err);
	if (rc < 0) {
		*err = rig_err;
		return rc;
	}
	return j->answer == 0 ? 0 : err_set(err, -j->answer, "as told");
}

static void done(void *ctx, int rc, const struct err *err)
{
	struct job *j = ctx;

	j->rc = rc;
	snprintf(j->text, sizeof(j->text), "%s", rc < 0 ? err->text : "");
}

static void post(struct kms_store *s, struct job *j, uint64_t position, const char *name,
                 int answer)
{
	*j = (struct job){{run, done, j, NULL}, position, name, answer, RIG_WAITS, ""};
	kms_store_post(s, &j->post);
}

static int count_names(void *arg, const struct kms_record *r)
{
	char *names = arg;

	strcat(names, r->name);
	return 0;
}

static const char *names(struct kms_store *s)
{
	static char out[64];

	out[0] = '\0';
	CU_ASSERT_EQUAL(kms_store_records_read(s, "test", count_names, out, &rig_err), 0);
	return out;
}

static int rung;

static void ring(void *ctx)
{
	rung++;
}

/* One transaction for all of a turn; one that fails is undone alone. */
static void test_jobs(void)
{
	struct kms_store_stats before, after;
	struct kms_store *s;
	struct job j[3];
	int rc = RIG_WAITS;

	rig_begin();
	s = rig_open();
	kms_store_wake(s, ring, NULL);
	rung = 0;
	kms_store_stats_read(s, &before);
	post(s, &j[0], 0, "a", 0);
	CU_ASSERT_EQUAL(rung, 1);
	post(s, &j[1], 100, "b", -EPERM);
	post(s, &j[2], 200, "c", 0);
	CU_ASSERT_EQUAL(j[0].rc, RIG_WAITS);
	CU_ASSERT_TRUE(kms_store_work(s, &rig_err));
	CU_ASSERT_EQUAL(j[0].rc, 0);
	CU_ASSERT_EQUAL(j[1].rc, -EPERM);
	CU_ASSERT_STRING_EQUAL(j[1].text, "as told");
	CU_ASSERT_EQUAL(j[2].rc, 0);
	CU_ASSERT_STRING_EQUAL(names(s), "ac");
	kms_store_stats_read(s, &after);
	CU_ASSERT_EQUAL(after.commits, before.commits + 1);
	CU_ASSERT_EQUAL(after.from_b.came, 2 * 64 * 8);
	CU_ASSERT_EQUAL(after.from_b.segments, 2);
	/* What failed may come again, beside one that is there. */
	post(s, &j[0], 0, "d", 0);
	post(s, &j[1], 100, "b", 0);
	place[0] = rig_place(KEY_UUID_FROM_B, 200, 32);
	CU_ASSERT_EQUAL(kms_store_fetch(s, place, 1, keys, rig_done, &rc), KMS_FOUND);
	CU_ASSERT_EQUAL(rung, 6);
	rig_work(s);
	CU_ASSERT_EQUAL(j[0].rc, -EEXIST);
	CU_ASSERT_EQUAL(j[1].rc, 0);
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_STRING_EQUAL(names(s), "abc");
	/* Twice in one turn. */
	post(s, &j[0], 300, "e", 0);
	post(s, &j[1], 300, "f", 0);
	post(s, &j[2], 310, "g", 0);
	rig_work(s);
	CU_ASSERT_EQUAL(j[0].rc, 0);
	CU_ASSERT_EQUAL(j[1].rc, -EEXIST);
	CU_ASSERT_EQUAL(j[2].rc, -ENOTUNIQ);
	rig_check_sums(s);
	kms_store_close(s);
	s = rig_open();
	CU_ASSERT_STRING_EQUAL(names(s), "abce");
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 300, 64), -EEXIST);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 364, 64), 0);
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

/* A job without done(); what is pending at a clean stop is done before. */
static void test_close_finishes(void)
{
	struct kms_store *s;
	struct job j[2];
	int rc = RIG_WAITS;

	rig_begin();
	s = rig_open();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 1000, 64), 0);
	post(s, &j[0], 0, "a", 0);
	post(s, &j[1], 100, "b", 0);
	j[1].post.done = NULL;
	place[0] = rig_place(KEY_UUID_FROM_B, 1000, 32);
	CU_ASSERT_EQUAL(kms_store_fetch(s, place, 1, keys, rig_done, &rc), KMS_FOUND);
	kms_store_close(s);
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(j[0].rc, 0);
	CU_ASSERT_EQUAL(j[1].rc, RIG_WAITS);
	s = rig_open();
	CU_ASSERT_STRING_EQUAL(names(s), "ab");
	kms_store_close(s);
	rig_end();
}

static void test_records(void)
{
	static const uint8_t data[3] = {0, 255, 7};
	const struct kms_record many[] = {{"test", "x", data, 3},
	                                  {"test", "y", data, 0},
	                                  {"other", "x", "old", 3},
	                                  {"other", "x", "new", 3}};
	const struct kms_record drop[] = {{"test", "x", NULL, 0}, {"test", "nobody", NULL, 0}};
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	CU_ASSERT_EQUAL(kms_store_records_write(s, many, 4, NULL), 0);
	CU_ASSERT_STRING_EQUAL(names(s), "xy");
	kms_store_close(s);
	s = rig_open();
	CU_ASSERT_STRING_EQUAL(names(s), "xy");
	CU_ASSERT_EQUAL(kms_store_records_write(s, drop, 2, NULL), 0);
	CU_ASSERT_STRING_EQUAL(names(s), "y");
	kms_store_close(s);
	rig_end();
}

/*
 * A disk that is full at any change of a turn with fetches and jobs: who was told 0 has it after a
 * restart, who was told otherwise finds all as it was.
 */
static void test_full_at_any_change(void)
{
	struct kms_store_stats st;
	struct kms_store *s;
	struct job j[3];
	int rc, full = 1;

	for (long at = 1; full; at++) {
		unsigned int jobs = 0;

		rig_begin();
		s = rig_open();
		for (uint64_t i = 0; i < 3; i++)
			CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 1000 + 64 * i, 64), 0);
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 64), 0);
		place[0] = rig_place(KEY_UUID_FROM_B, 1000, 256);
		place[1] = rig_place(KEY_UUID_FROM_B, 1064, 32);
		rc = RIG_WAITS;
		CU_ASSERT_EQUAL(kms_store_fetch(s, place, 2, keys, rig_done, &rc), KMS_FOUND);
		post(s, &j[0], 0, "a", 0);
		post(s, &j[1], 100, "b", -EPERM);
		post(s, &j[2], 200, "c", 0);
		disk.code = SQLITE_FULL;
		disk.fail_at = disk.changes + at;
		kms_store_work(s, &rig_err);
		full = disk.changes >= disk.fail_at;
		disk.fail_at = 0;
		CU_ASSERT(rc == 0 || rc == -ENOSPC);
		for (int i = 0; i < 3; i += 2) {
			CU_ASSERT(j[i].rc == 0 || j[i].rc == -ENOSPC);
			jobs += j[i].rc == 0;
		}
		CU_ASSERT(j[1].rc == -EPERM || j[1].rc == -ENOSPC);
		if (!full)
			CU_ASSERT(rc == 0 && jobs == 2 && j[1].rc == -EPERM);
		for (int i = 0; i < 2; i++) {
			kms_store_stats_read(s, &st);
			CU_ASSERT_EQUAL(st.from_b.came, (3 + jobs) * 64 * 8);
			CU_ASSERT_EQUAL(st.from_b.delivered, rc == 0 ? 256 + 32 : 0);
			CU_ASSERT_EQUAL(st.from_b.pending, 0);
			CU_ASSERT_EQUAL(kms_store_peek(s, place, 2, keys),
			                rc == 0 ? KMS_SPENT : KMS_FOUND);
			CU_ASSERT_EQUAL(strlen(names(s)), jobs);
			rig_check_sums(s);
			kms_store_close(s);
			s = rig_open();
		}
		kms_store_close(s);
		rig_end();
	}
}

UNIT_MAIN(UNIT(test_jobs), UNIT(test_close_finishes), UNIT(test_records),
          UNIT(test_full_at_any_change))
