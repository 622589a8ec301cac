/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads that give, fetch, peek, look and post while the store thread works, on a disk that
 * refuses now and then: each key once, none wrong.
 */

#include "control/kms/store.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "control/kms/store_audit.h"
#include "tests/unit/control/kms/store_rig.h"

#define SEGMENTS 24
#define UNITS    1000
#define ALL      (SEGMENTS * UNITS)
#define PER_CALL 8

static struct kms_store *store;
static atomic_uchar given[ALL], got[ALL];
static atomic_bool stop;
static atomic_int wrong, twice, undone, came;
static sem_t bell;

static void ring(void *ctx)
{
	sem_post(&bell);
}

/* A segment of each stream: both or none, and again until the disk has them. */
struct segment_job {
	struct kms_store_job job;
	uint64_t at;
};

static int add_one(void *ctx, struct kms_store *s, struct err *err)
{
	static uint8_t bytes[2][UNITS * KEY_UUID_UNIT];
	uint64_t at = ((struct segment_job *)ctx)->at;

	for (int i = 0; i < 2; i++) {
		enum key_uuid_class class = i ? KEY_UUID_FROM_B : KEY_UUID_FROM_A;
		struct kms_segment seg = {.link = 1,
		                          .class = class,
		                          .position = at,
		                          .units = UNITS,
		                          .time_wall_ns = rig_wall,
		                          .bytes = bytes[i]};
		int rc;

		rig_bytes(1, class, at, UNITS, bytes[i]);
		sha256(bytes[i], sizeof(bytes[i]), seg.hash);
		rc = kms_store_add(s, &seg, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void added(void *ctx, int rc, const struct err *err)
{
	struct segment_job *j = ctx;

	if (rc == 0)
		atomic_fetch_add(&came, 1);
	else if (!atomic_load(&stop))
		kms_store_post(store, &j->job);
}

static void *store_thread(void *arg)
{
	struct err err;
	int turn = 0;

	while (!atomic_load(&stop)) {
		struct timespec until;

		/* Each eighth turn the disk is full for a moment. */
		if (turn % 8 == 0) {
			disk.code = SQLITE_FULL;
			disk.fail_at = disk.changes + 1;
			disk.fail_to = disk.changes + 3;
		}
		kms_store_work(store, &err);
		disk.fail_at = 0;
		if (turn++ % 64 == 0)
			kms_store_tick(store, rig_wall, rig_mono, &err);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		sem_timedwait(&bell, &until);
	}
	return NULL;
}

static void count_keys(const struct key_uuid_place *place, const uint8_t *keys, uint32_t n,
                       atomic_uchar *seen)
{
	for (uint32_t i = 0; i < n; i++, keys += place->length, place++) {
		if (!rig_is_key(place, keys))
			atomic_fetch_add(&wrong, 1);
		for (uint32_t u = 0; u < place->length / 8u; u++)
			if (atomic_exchange(&seen[place->position + u], 1))
				atomic_fetch_add(&twice, 1);
	}
}

static void *giver(void *arg)
{
	struct key_uuid_place place[PER_CALL];
	uint8_t keys[PER_CALL * 32];

	while (!atomic_load(&stop))
		if (rig_give(store, PER_CALL, 32, place, keys) == 0)
			count_keys(place, keys, PER_CALL, given);
		else
			usleep(100);
	return NULL;
}

struct asked {
	struct key_uuid_place place[PER_CALL];
	uint8_t keys[PER_CALL * 8];
	sem_t done;
	int rc;
};

static void answer(void *ctx, int rc)
{
	struct asked *a = ctx;

	a->rc = rc;
	sem_post(&a->done);
}

/* Two of them go through the stream in step, and fight for each key. */
static void *fetcher(void *arg)
{
	struct asked a;

	sem_init(&a.done, 0, 0);
	for (uint64_t at = 0; at + PER_CALL <= ALL && !atomic_load(&stop);) {
		enum kms_found found;

		for (int i = 0; i < PER_CALL; i++)
			a.place[i] = rig_place(KEY_UUID_FROM_B, at + (uint64_t)i, 8);
		found = kms_store_fetch(store, a.place, PER_CALL, a.keys, answer, &a);
		if (found == KMS_NOT_YET) {
			usleep(100);
			continue;
		}
		if (found == KMS_FOUND) {
			sem_wait(&a.done);
			if (a.rc < 0) {
				atomic_fetch_add(&undone, 1);
				continue;
			}
			count_keys(a.place, a.keys, PER_CALL, got);
		}
		at += PER_CALL;
	}
	sem_destroy(&a.done);
	return NULL;
}

static void *looker(void *arg)
{
	struct kms_store_stats st;
	struct key_uuid_place place;
	uint8_t key[8];

	for (uint64_t at = 0; !atomic_load(&stop); at = (at + 37) % ALL) {
		place = rig_place(KEY_UUID_FROM_B, at, 8);
		if (kms_store_peek(store, &place, 1, key) == KMS_FOUND && !rig_is_key(&place, key))
			atomic_fetch_add(&wrong, 1);
		kms_store_stats_read(store, &st);
		kms_store_room(store, KEY_UUID_FROM_A);
		usleep(50);
	}
	return NULL;
}

static int count(const atomic_uchar *seen)
{
	int n = 0;

	for (int i = 0; i < ALL; i++)
		n += seen[i];
	return n;
}

static void test_threads(void)
{
	static void *(*const body[])(void *) = {store_thread, giver,   giver,
	                                        fetcher,      fetcher, looker};
	static struct segment_job jobs[SEGMENTS];
	struct kms_store_stats st;
	pthread_t threads[6];

	rig_begin();
	rig_config.max_bytes = 64 * SEGMENT_BYTES;
	store = rig_open();
	sem_init(&bell, 0, 0);
	kms_store_wake(store, ring, NULL);
	for (int i = 0; i < 6; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, body[i], NULL), 0);
	for (uint64_t i = 0; i < SEGMENTS; i++) {
		jobs[i] = (struct segment_job){{add_one, added, &jobs[i], NULL}, i * UNITS};
		kms_store_post(store, &jobs[i].job);
		usleep(3000);
	}
	for (int i = 0; i < 8000 && (count(given) < ALL || count(got) < ALL); i++)
		usleep(1000);
	atomic_store(&stop, true);
	for (int i = 0; i < 6; i++) {
		/* Fetchers wait for an answer. */
		if (i == 1)
			rig_work(store);
		pthread_join(threads[i], NULL);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(twice, 0);
	CU_ASSERT_EQUAL(came, SEGMENTS);
	CU_ASSERT_EQUAL(count(given), ALL);
	CU_ASSERT_EQUAL(count(got), ALL);
	CU_ASSERT(undone > 0);
	rig_check_sums(store);
	kms_store_stats_read(store, &st);
	CU_ASSERT_EQUAL(st.from_a.delivered, ALL * 8);
	CU_ASSERT_EQUAL(st.from_b.delivered, (uint64_t)count(got) * 8);
	kms_store_close(store);
	rig_end();
}

UNIT_MAIN(UNIT(test_threads))
