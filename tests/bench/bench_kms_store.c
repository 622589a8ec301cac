/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * scripts/bench kms_store: the key store alone, with a disk that synchronises, on one core that
 * the store thread and the thread that asks share.
 *
 *     add            segments of 32 KiB, each durable before the next
 *     give           AES-256 keys of the own stream, 128 a call
 *     fetch/N        of the other's, 128 a call, N calls wait for their commit at a time
 *     fetch/single   one key a call, 64 at a time
 *     open           a start with 48 MiB of key, or 4 where less memory may be locked
 *
 * Figures: keys_per_s by the clock, keys_per_cpu_s by processor time of both threads; call_us, the
 * median of a call, and call_p99_us, call_max_us: the lock is held for less than that; batch, calls
 * that one commit made durable.
 */

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "common/hkdf.h"
#include "common/random.h"
#include "common/secret.h"
#include "control/kms/store.h"

#define MAX_BYTES ((uint64_t)24 << 20)
#define MIN_BYTES ((uint64_t)2 << 20) /* where so much memory cannot be locked */
#define KEYS      128
#define CALLS_MAX (MAX_BYTES / KEYS / 32)
#define SINGLES   32768

static struct kms_store *store;
static char path[128] = "/tmp/bench_kms_store.XXXXXX";
static uint8_t storage_key[32];
static sem_t bell, slots;
static atomic_bool stop;
static uint64_t max_bytes = MAX_BYTES, segments, calls;
static uint64_t call_ns[SINGLES > CALLS_MAX ? SINGLES : CALLS_MAX];

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_kms_store: %s\n", why);
	exit(1);
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void open_store(void)
{
	const struct kms_store_config config = {.path = path,
	                                        .storage_key = storage_key,
	                                        .own = KEY_UUID_FROM_A,
	                                        .max_bytes = max_bytes,
	                                        .high_bytes = max_bytes,
	                                        .wall_ns = clock_wall_ns(),
	                                        .mono_ns = clock_mono_ns()};
	struct err err;

	if (kms_store_open(&config, &store, &err) < 0)
		fail(err.text);
}

static void ring(void *ctx)
{
	sem_post(&bell);
}

static void *store_thread(void *arg)
{
	uint64_t ticked = clock_mono_ns();
	struct timespec until;
	struct err err;

	while (!atomic_load(&stop)) {
		while (kms_store_work(store, &err))
			if (err.code != 0)
				fail(err.text);
		if (clock_mono_ns() - ticked > NS_PER_S) {
			ticked = clock_mono_ns();
			kms_store_tick(store, clock_wall_ns(), ticked, &err);
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		sem_timedwait(&bell, &until);
		while (sem_trywait(&bell) == 0)
			;
	}
	return NULL;
}

static pthread_t start(void)
{
	pthread_t thread;

	atomic_store(&stop, false);
	kms_store_wake(store, ring, NULL);
	if (pthread_create(&thread, NULL, store_thread, NULL) != 0)
		fail("no thread");
	return thread;
}

static void end(pthread_t thread)
{
	atomic_store(&stop, true);
	sem_post(&bell);
	pthread_join(thread, NULL);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct clocks {
	uint64_t wall_ns;
	double cpu;
	struct kms_store_stats stats;
};

static struct clocks now(void)
{
	struct clocks c = {.cpu = cpu_s(), .wall_ns = clock_mono_ns()};

	kms_store_stats_read(store, &c.stats);
	return c;
}

static void row(const char *name, const struct clocks *from, uint64_t keys, uint64_t n)
{
	struct clocks to = now();
	double s = (double)(to.wall_ns - from->wall_ns) / 1e9;
	uint64_t commits = to.stats.commits - from->stats.commits;

	qsort(call_ns, n, sizeof(call_ns[0]), by_size);
	printf("{\"name\": \"%s\", \"keys_per_s\": %.0f, \"keys_per_cpu_s\": %.0f, \"call_us\": "
	       "%.1f,"
	       " \"call_p99_us\": %.1f, \"call_max_us\": %.1f, \"batch\": %.1f}\n",
	       name, (double)keys / s, (double)keys / (to.cpu - from->cpu),
	       (double)call_ns[n / 2] / 1e3, (double)call_ns[n * 99 / 100] / 1e3,
	       (double)call_ns[n - 1] / 1e3, (double)n / (double)(commits ? commits : 1));
	fflush(stdout);
}

/* The next segments of CLASS: how far the stream is. */
static uint64_t fill(enum key_uuid_class class, uint64_t at)
{
	static uint8_t bytes[KMS_SEGMENT_UNITS * KEY_UUID_UNIT];
	struct err err;

	for (uint64_t i = 0; i < segments; i++, at += KMS_SEGMENT_UNITS) {
		struct kms_segment seg = {.link = 1,
		                          .class = class,
		                          .position = at,
		                          .units = KMS_SEGMENT_UNITS,
		                          .time_wall_ns = clock_wall_ns(),
		                          .bytes = bytes};
		uint64_t from;

		random_bytes(bytes, sizeof(bytes));
		sha256(bytes, sizeof(bytes), seg.hash);
		from = clock_mono_ns();
		if (kms_store_add(store, &seg, &err) < 0)
			fail(err.text);
		call_ns[i] = clock_mono_ns() - from;
	}
	kms_store_tick(store, clock_wall_ns(), clock_mono_ns(), &err);
	return at;
}

static void give_all(void)
{
	static struct key_uuid_place place[KEYS];
	static uint8_t keys[KEYS * 32];
	const struct kms_take take = {.link = 1, .number = KEYS, .key_bytes = 32};
	pthread_t thread = start();
	struct clocks from = now();

	for (uint64_t i = 0; i < calls;) {
		uint64_t at = clock_mono_ns();

		if (kms_store_give(store, &take, place, keys) == 0)
			call_ns[i++] = clock_mono_ns() - at;
		else
			sched_yield();
	}
	row("give", &from, calls * KEYS, calls);
	end(thread);
}

static void done(void *ctx, int rc)
{
	if (rc < 0)
		fail("a fetch was undone");
	sem_post(&slots);
}

static void fetch_all(const char *name, uint64_t position, uint64_t n, uint32_t number,
                      unsigned int in_flight)
{
	static struct key_uuid_place place[KEYS];
	static uint8_t keys[KEYS * 32];
	pthread_t thread = start();
	struct clocks from = now();

	sem_init(&slots, 0, in_flight);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at;

		for (uint32_t k = 0; k < number; k++, position += 4)
			place[k] = (struct key_uuid_place){.link = 1,
			                                   .class = KEY_UUID_FROM_B,
			                                   .position = position,
			                                   .length = 32};
		sem_wait(&slots);
		at = clock_mono_ns();
		if (kms_store_fetch(store, place, number, keys, done, NULL) != KMS_FOUND)
			fail("a key is not there");
		call_ns[i] = clock_mono_ns() - at;
	}
	for (unsigned int i = 0; i < in_flight; i++)
		sem_wait(&slots);
	row(name, &from, n * number, n);
	end(thread);
}

static void measure_open(void)
{
	struct clocks from;

	fill(KEY_UUID_FROM_A, (uint64_t)1 << 40);
	fill(KEY_UUID_FROM_B, (uint64_t)1 << 40);
	kms_store_close(store);
	from = (struct clocks){.cpu = cpu_s(), .wall_ns = clock_mono_ns()};
	open_store();
	call_ns[0] = clock_mono_ns() - from.wall_ns;
	row("open", &from, 2 * max_bytes / 32, 1);
}

int main(int argc, char **argv)
{
	const char *only = argc == 3 && strcmp(argv[1], "--only") == 0 ? argv[2] : NULL;
	struct clocks from;
	uint64_t b = 0;
	struct err err;

	if (argc > 1 && only == NULL)
		fail("usage: bench_kms_store [--only ROW]");
	if (gcm_provider_init(NULL, &err) < 0)
		fail(err.text);
	if (secret_init(KMS_STORE_SECRET(max_bytes), &err) < 0) {
		max_bytes = MIN_BYTES;
		if (secret_init(KMS_STORE_SECRET(max_bytes), &err) < 0)
			fail(err.text);
	}
	segments = max_bytes / KMS_SEGMENT_UNITS / KEY_UUID_UNIT;
	calls = max_bytes / KEYS / 32;
	if (mkdtemp(path) == NULL)
		fail("no directory");
	strcat(path, "/kms.db");
	sem_init(&bell, 0, 0);
	random_bytes(storage_key, sizeof(storage_key));
	open_store();
	if (only == NULL || strcmp(only, "add") == 0 || strcmp(only, "give") == 0) {
		from = now();
		fill(KEY_UUID_FROM_A, 0);
		row("add", &from, max_bytes / 32, segments);
		give_all();
	}
	for (unsigned int i = 0; i < 2; i++) {
		static const char *const names[] = {"fetch/16", "fetch/1"};

		if (only != NULL && strcmp(only, names[i]) != 0)
			continue;
		fill(KEY_UUID_FROM_B, b);
		fetch_all(names[i], b, calls, KEYS, i == 0 ? 16 : 1);
		b += segments * KMS_SEGMENT_UNITS;
	}
	if (only == NULL || strcmp(only, "fetch/single") == 0) {
		fill(KEY_UUID_FROM_B, b);
		fetch_all("fetch/single", b, max_bytes == MAX_BYTES ? SINGLES : SINGLES / 2, 1, 64);
	}
	kms_store_close(store);
	unlink(path);
	open_store();
	if (only == NULL || strcmp(only, "open") == 0)
		measure_open();
	kms_store_close(store);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return 0;
}
