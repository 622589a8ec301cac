/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/store.h"

#include <sys/stat.h>

#include "common/gcm.h"
#include "tests/unit/control/kms/store_rig.h"

static struct key_uuid_place place[KMS_STORE_BATCH];
static uint8_t keys[KMS_STORE_BATCH * KEY_UUID_LENGTH];

static void test_gives_what_came_once(void)
{
	struct kms_store_stats st;
	struct kms_store *s;
	uint64_t next = 0;
	int n = 0;

	rig_begin();
	s = rig_open();
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), -EAGAIN);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 4096), 0);
	CU_ASSERT_EQUAL(kms_store_bytes(s, 1, KEY_UUID_FROM_A), SEGMENT_BYTES);
	/* Not before it is reserved. */
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), -EAGAIN);
	rig_work(s);
	kms_store_stats_read(s, &st);
	CU_ASSERT(st.from_a.reserved >= 4096);
	while (rig_give(s, 3, 32, place, keys) == 0) {
		for (int i = 0; i < 3; i++) {
			CU_ASSERT_EQUAL(place[i].position, next);
			CU_ASSERT_EQUAL(place[i].class, KEY_UUID_FROM_A);
			CU_ASSERT_EQUAL(place[i].link, 1);
			CU_ASSERT_EQUAL(place[i].length, 32);
			CU_ASSERT(rig_is_key(&place[i], keys + 32 * i));
			next += 4;
		}
		rig_check_sums(s);
		rig_work(s);
		n += 3;
	}
	CU_ASSERT_EQUAL(n, 1023); /* 1024 of them, and three at a time */
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
	CU_ASSERT_EQUAL(rig_give(s, 1, 1, place, keys), -EAGAIN);
	rig_tick(s, 1);
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_a.delivered, SEGMENT_BYTES);
	CU_ASSERT_EQUAL(st.from_a.held, 0);
	CU_ASSERT_EQUAL(st.from_a.segments, 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 4096), -EEXIST);
	kms_store_close(s);
	rig_end();
}

/* Sizes that do not divide a segment: its end is cut off, never joined to another's. */
static void test_ends_of_segments(void)
{
	struct kms_store_stats st;
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 100, 70), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 1000, 64), 0);
	rig_work(s);
	/* 17 units each: 4 and 2 units are left of the first, then 3 keys in the second. */
	CU_ASSERT_EQUAL(rig_give(s, 8, 130, place, keys), -EAGAIN);
	CU_ASSERT_EQUAL(rig_give(s, 7, 130, place, keys), 0);
	for (int i = 0; i < 7; i++) {
		CU_ASSERT_EQUAL(place[i].position, i < 4 ? 100 + 17 * i : 1000 + 17 * (i - 4));
		CU_ASSERT(rig_is_key(&place[i], keys + 130 * i));
	}
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_a.voided, 2 * 8);
	/* A shorter key fits. */
	CU_ASSERT_EQUAL(rig_give(s, 3, 32, place, keys), 0);
	CU_ASSERT_EQUAL(place[2].position, 1000 + 51 + 8);
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

static void test_real_and_simulated(void)
{
	struct kms_take take = {.link = 1, .number = 4, .key_bytes = 32, .want_real = true};
	struct kms_segment seg;
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	seg = rig_segment(KEY_UUID_FROM_A, 0, 64);
	seg.simulated = true;
	CU_ASSERT_EQUAL(kms_store_add(s, &seg, &rig_err), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 64, 64), 0);
	rig_work(s);
	CU_ASSERT_EQUAL(kms_store_give(s, &take, place, keys), 0);
	CU_ASSERT_EQUAL(place[0].position, 64);
	take.want_real = false;
	take.want_simulated = true;
	CU_ASSERT_EQUAL(kms_store_give(s, &take, place, keys), 0);
	CU_ASSERT_EQUAL(place[0].position, 0);
	/* Both will do: 12 of each are left. */
	take.want_simulated = false;
	take.number = 24;
	CU_ASSERT_EQUAL(kms_store_give(s, &take, place, keys), 0);
	CU_ASSERT_EQUAL(place[11].position, 64 + 4 * 15);
	CU_ASSERT_EQUAL(place[12].position, 16);
	for (int i = 0; i < 24; i++)
		CU_ASSERT(rig_is_key(&place[i], keys + 32 * i));
	kms_store_close(s);
	rig_end();
}

/* What was asked for in vain is reserved, even where it is more than the reservation. */
static void test_reserves_for_a_large_request(void)
{
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 4096 * (uint64_t)i, 4096), 0);
	rig_work(s);
	CU_ASSERT_EQUAL(rig_give(s, 300, 256, place, keys), -EAGAIN);
	rig_work(s);
	CU_ASSERT_EQUAL(rig_give(s, 300, 256, place, keys), 0);
	CU_ASSERT_EQUAL(rig_give(s, 0, 32, place, keys), -EAGAIN);
	CU_ASSERT_EQUAL(rig_give(s, 1, 257, place, keys), -EAGAIN);
	CU_ASSERT_EQUAL(rig_give(s, KMS_STORE_BATCH + 1, 1, place, keys), -EAGAIN);
	kms_store_close(s);
	rig_end();
}

/* A clean stop gives back what was reserved; nothing is lost, nothing comes twice. */
static void test_clean_stop_loses_nothing(void)
{
	struct kms_store_stats st;
	struct kms_store *s;
	uint64_t next = 0;

	rig_begin();
	s = rig_open();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 3001), 0);
	for (uint32_t i = 1; next + i <= 3001; i++) {
		rig_work(s);
		CU_ASSERT_EQUAL(rig_give(s, 1, 8 * (i % 32 + 1), place, keys), 0);
		CU_ASSERT_EQUAL(place[0].position, next);
		CU_ASSERT(rig_is_key(place, keys));
		next += i % 32 + 1;
		if (next + 33 > 3001)
			break;
		kms_store_close(s);
		s = rig_open();
		kms_store_stats_read(s, &st);
		CU_ASSERT_EQUAL(st.from_a.available, (3001 - next) * 8);
		CU_ASSERT_EQUAL(st.from_a.delivered, next * 8);
		CU_ASSERT_EQUAL(st.from_a.lost, 0);
		rig_check_sums(s);
	}
	kms_store_close(s);
	rig_end();
}

static void test_marks(void)
{
	struct kms_store_stats st;
	struct kms_store *s;

	rig_begin();
	rig_config.max_bytes = 4 * SEGMENT_BYTES;
	rig_config.high_bytes = 3 * SEGMENT_BYTES;
	rig_config.low_bytes = SEGMENT_BYTES;
	s = rig_open();
	kms_store_stats_read(s, &st);
	CU_ASSERT_TRUE(st.low);
	CU_ASSERT_EQUAL(kms_store_room(s, KEY_UUID_FROM_A), 3 * SEGMENT_BYTES);
	for (uint64_t i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, i * 4096, 4096), 0);
		kms_store_stats_read(s, &st);
		CU_ASSERT_EQUAL(st.high, i == 3);
		CU_ASSERT_FALSE(st.low);
		CU_ASSERT_EQUAL(kms_store_room(s, KEY_UUID_FROM_A),
		                i < 3 ? (2 - i) * SEGMENT_BYTES : 0);
	}
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 4 * 4096, 1), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_err.text, "the stream is full"));
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 4096), 0);
	CU_ASSERT_EQUAL(kms_store_room(s, KEY_UUID_FROM_B), 2 * SEGMENT_BYTES);
	kms_store_close(s);
	rig_config.low_bytes = 4 * SEGMENT_BYTES;
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_err.text, "low-water-kib"));
	rig_config.low_bytes = 0;
	rig_config.high_bytes = 5 * SEGMENT_BYTES;
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -EINVAL);
	rig_config.high_bytes = 0;
	rig_config.max_bytes = SEGMENT_BYTES - 1;
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -EINVAL);
	rig_end();
}

static void test_refuses_what_is_wrong(void)
{
	struct kms_segment seg;
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	seg = rig_segment(KEY_UUID_FROM_A, 0, 64);
	seg.hash[31] ^= 1;
	CU_ASSERT_EQUAL(kms_store_add(s, &seg, &rig_err), -EBADMSG);
	seg.hash[31] ^= 1;
	seg.class = 1;
	CU_ASSERT_EQUAL(kms_store_add(s, &seg, &rig_err), -EINVAL);
	seg.class = KEY_UUID_FROM_A;
	seg.route = 16;
	CU_ASSERT_EQUAL(kms_store_add(s, &seg, &rig_err), -EINVAL);
	seg.route = 0;
	seg.units = 4097;
	CU_ASSERT_EQUAL(kms_store_add(s, &seg, &rig_err), -EINVAL);
	seg.units = 0;
	CU_ASSERT_EQUAL(kms_store_add(s, &seg, &rig_err), -EINVAL);
	/* The last unit of the stream, and no way around its end. */
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, KEY_UUID_POSITIONS - 3, 4), -ERANGE);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, KEY_UUID_POSITIONS, 1), -ERANGE);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, UINT64_MAX, 2), -ERANGE);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, KEY_UUID_POSITIONS - 4, 4), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, KEY_UUID_POSITIONS - 4, 4), -EEXIST);
	/* Other key at a place that is taken, wholly or in part; the same key elsewhere. */
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 1000, 64), 0);
	seg = rig_segment(KEY_UUID_FROM_A, 2000, 64);
	seg.position = 1000;
	CU_ASSERT_EQUAL(kms_store_add(s, &seg, &rig_err), -ENOTUNIQ);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 1063, 64), -ENOTUNIQ);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 937, 64), -ENOTUNIQ);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 936, 64), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 1064, 64), 0);
	seg = rig_segment(KEY_UUID_FROM_A, 1000, 64);
	seg.position = 5000;
	CU_ASSERT_EQUAL(kms_store_add(s, &seg, &rig_err), -ENOTUNIQ);
	seg.class = KEY_UUID_FROM_B;
	CU_ASSERT_EQUAL(kms_store_add(s, &seg, &rig_err), -ENOTUNIQ);
	rig_check_sums(s);
	kms_store_close(s);
	/* The same after a restart. */
	s = rig_open();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 1000, 64), -EEXIST);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 1010, 4), -ENOTUNIQ);
	kms_store_close(s);
	rig_end();
}

static void test_opens_only_what_is_its_own(void)
{
	struct kms_store *s = NULL;
	struct stat st;

	rig_begin();
	rig_config.own = 0;
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -ENODATA);
	rig_config.own = KEY_UUID_FROM_B;
	s = rig_open();
	CU_ASSERT_EQUAL(stat(rig_path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	kms_store_close(s);
	/* Site A's file at site B would give each key a second time. */
	rig_config.own = KEY_UUID_FROM_A;
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_err.text, "gives what B delivers, not A"));
	rig_config.own = 0;
	s = rig_open();
	CU_ASSERT_EQUAL(kms_store_own(s), KEY_UUID_FROM_B);
	kms_store_close(s);
	rig_key[31] ^= 1;
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -EKEYREJECTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_err.text, "another storage key"));
	rig_key[31] ^= 1;
	rig_config.path = "/nonexistent/kms.db";
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -ENOENT);
	rig_end();
}

UNIT_MAIN(UNIT(test_gives_what_came_once), UNIT(test_ends_of_segments),
          UNIT(test_real_and_simulated), UNIT(test_reserves_for_a_large_request),
          UNIT(test_clean_stop_loses_nothing), UNIT(test_marks), UNIT(test_refuses_what_is_wrong),
          UNIT(test_opens_only_what_is_its_own))
