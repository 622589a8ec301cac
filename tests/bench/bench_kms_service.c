/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * scripts/bench kms_service: what a request costs the KMS besides HTTP and TLS: the service on two
 * stores on disk, one of which gives what is fetched from the other, with a store thread.
 *
 *     status, enc/N, dec/N     N AES-256 keys a request; enc and dec/1 by GET, others by POST
 *     refused, stranger        a bad number; a certificate of nobody
 *
 * Figures: cpu_us, processor time of the thread that asks, a request, and store_cpu_us, that of the
 * store thread; requests_s and keys_s by the clock, IN_FLIGHT requests at a time; mean of batch,
 * requests that one transaction made durable.
 */

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "common/random.h"
#include "common/secret.h"
#include "control/kms/service.h"
#include "control/kms/store.h"

#define IN_FLIGHT  64
#define STORE_MAX  ((uint64_t)24 << 20)
#define SEGMENT    ((uint32_t)KMS_SEGMENT_UNITS)
#define BODIES_MAX 32768 /* requests of a row */
#define LINK       1

struct site {
	char path[128];
	struct kms_store *store;
	struct kms_records records;
	struct kms_registry *registry;
	struct kms_service *service;
};

static struct site site_a, site_b;
static pthread_t thread;
static sem_t bell, slots;
static atomic_bool stop;
static uint64_t next_segment;
static char *bodies[BODIES_MAX]; /* of dec_keys, in the order of their issue */
static atomic_uint bodies_count;
static atomic_ullong answered, refused;

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_kms_service: %s\n", why);
	exit(1);
}

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void ring(void *ctx)
{
	sem_post(&bell);
}

static bool turn(struct site *s)
{
	struct err err = {0};
	bool did = kms_store_work(s->store, &err);

	did |= kms_registry_work(s->registry, clock_mono_ns(), clock_wall_ns(), false, NULL, &err);
	if (did)
		kms_service_arrived(s->service, clock_mono_ns());
	return did;
}

static void *store_thread(void *arg)
{
	uint64_t tick = clock_mono_ns();
	struct timespec until;

	while (!atomic_load(&stop)) {
		while (turn(&site_a) | turn(&site_b))
			;
		if (clock_mono_ns() - tick > NS_PER_S) {
			tick = clock_mono_ns();
			kms_store_tick(site_a.store, clock_wall_ns(), tick, NULL);
			kms_store_tick(site_b.store, clock_wall_ns(), tick, NULL);
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100 * 1000 * 1000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (sem_timedwait(&bell, &until) == 0)
			while (sem_trywait(&bell) == 0)
				;
	}
	return NULL;
}

static void sae(struct site *s, const char *id, bool local)
{
	struct kms_sae_config c;
	struct err err = {0};

	kms_sae_config_init(&c);
	snprintf(c.id, sizeof(c.id), "%s", id);
	snprintf(c.identity, sizeof(c.identity), "%s", local ? id : "");
	c.local = local;
	c.cap_bits = 0;
	if (kms_registry_add(s->registry, &c, &err) < 0)
		fail(err.text);
}

static void site_open(struct site *s, const char *folder, bool is_a)
{
	static const uint8_t key[32] = {1}, secret[32] = {2};
	struct kms_store_config store = {.path = s->path,
	                                 .storage_key = key,
	                                 .own = is_a ? KEY_UUID_FROM_A : KEY_UUID_FROM_B,
	                                 .max_bytes = STORE_MAX,
	                                 .ahead_bytes = 1 << 20,
	                                 .wall_ns = clock_wall_ns(),
	                                 .mono_ns = clock_mono_ns()};
	struct kms_registry_config registry = {.alone = true};
	struct kms_service_config service = {.kme = is_a ? "A" : "B",
	                                     .peer_kme = is_a ? "B" : "A",
	                                     .own = store.own,
	                                     .limits = {256, 64, 1024, 128, 0, false},
	                                     .max_bytes = STORE_MAX};
	const struct kms_link link = {
	        .link = LINK, .secret = secret, .name = "bench", .protocol = "BB84"};
	struct err err = {0};

	snprintf(s->path, sizeof(s->path), "%s/%s.db", folder, service.kme);
	if (kms_store_open(&store, &s->store, &err) < 0)
		fail(err.text);
	kms_store_wake(s->store, ring, NULL);
	s->records =
	        (struct kms_records){kms_store_records_write, kms_store_records_read, s->store};
	if (kms_registry_new(&registry, &s->records, clock_mono_ns(), clock_wall_ns(), &s->registry,
	                     &err) < 0 ||
	    kms_service_new(&service, s->store, s->registry, NULL, &s->service, &err) < 0 ||
	    kms_service_link(s->service, &link, &err) < 0)
		fail(err.text);
	kms_service_link_state(s->service, true, true, "up");
	sae(s, "alice", is_a);
	sae(s, "bob", !is_a);
	/* As many as there may be: a request must not cost more for them. */
	for (int i = 2; i < 1000; i++) {
		char id[16];

		snprintf(id, sizeof(id), "sae-%d", i);
		sae(s, id, is_a);
	}
}

static void site_close(struct site *s)
{
	kms_service_free(s->service);
	kms_registry_free(s->registry);
	kms_store_close(s->store);
	unlink(s->path);
}

static void feed(struct site *s, const struct kms_segment *segment)
{
	struct err err = {0};

	if (kms_store_add(s->store, segment, &err) < 0)
		fail(err.text);
}

/* UNITS more of what A gives, at both ends. Before the store thread is there. */
static void come(uint64_t units)
{
	static uint8_t bytes[SEGMENT * KEY_UUID_UNIT];

	for (uint64_t n = 0; n < units; n += SEGMENT) {
		struct kms_segment segment = {.link = LINK,
		                              .class = KEY_UUID_FROM_A,
		                              .position = next_segment,
		                              .units = SEGMENT,
		                              .time_wall_ns = clock_wall_ns(),
		                              .bytes = bytes};

		random_bytes(bytes, sizeof(bytes));
		random_bytes(segment.block, sizeof(segment.block));
		SHA256(bytes, sizeof(bytes), segment.hash);
		feed(&site_a, &segment);
		feed(&site_b, &segment);
		next_segment += SEGMENT;
	}
}

/* The body of dec_keys for the keys of an answer. */
static char *body_of(const char *text, size_t len)
{
	static const char mark[] = "\"key_ID\":\"", head[] = "{\"key_IDs\":[";
	char *body = malloc(len + sizeof(head)), *out = body + sprintf(body, head);
	const char *p = text;

	while ((p = memmem(p, len - (size_t)(p - text), mark, sizeof(mark) - 1)) != NULL) {
		out += sprintf(out, "%s{%.*s\"}", out[-1] == '}' ? "," : "",
		               (int)sizeof(mark) - 1 + KEY_UUID_TEXT, p);
		p += sizeof(mark) - 1;
	}
	sprintf(out, "]}");
	return body;
}

static void finish(const struct kms_reply *r)
{
	if (r->status == 200)
		atomic_fetch_add(&answered, 1);
	else
		atomic_fetch_add(&refused, 1);
	if (r->secret)
		secret_free(r->body);
	else
		free(r->body);
	sem_post(&slots);
}

static void reply(void *ctx, const struct kms_reply *r)
{
	finish(r);
}

static void reply_kept(void *ctx, const struct kms_reply *r)
{
	if (r->status == 200)
		bodies[atomic_fetch_add(&bodies_count, 1)] = body_of(r->body, r->len);
	finish(r);
}

static uint64_t commits(struct site *s)
{
	struct kms_store_stats stats;

	kms_store_stats_read(s->store, &stats);
	return stats.commits;
}

struct row {
	const char *name;
	struct site *site;
	const char *identity, *target;
	uint32_t keys, requests;
	bool kept, post; /* answers are kept for dec; bodies are those */
	bool refused;
};

static void run(const struct row *row)
{
	struct kms_request r = {.identity = row->identity, .method = "GET", .target = row->target};
	clockid_t clock;
	uint64_t began, cpu, store_cpu, batches;

	if (pthread_getcpuclockid(thread, &clock) != 0)
		fail("no clock of the store thread");
	answered = refused = 0;
	batches = commits(row->site);
	began = clock_mono_ns();
	cpu = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	store_cpu = cpu_ns(clock);
	for (uint32_t i = 0; i < row->requests; i++) {
		if (row->post) {
			r.method = "POST";
			r.body = bodies[i];
			r.body_len = strlen(r.body);
		}
		sem_wait(&slots);
		kms_service_request(row->site->service, &r, clock_mono_ns(),
		                    row->kept ? reply_kept : reply, NULL);
	}
	cpu = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	for (int i = 0; i < IN_FLIGHT; i++)
		sem_wait(&slots);
	began = clock_mono_ns() - began;
	store_cpu = cpu_ns(clock) - store_cpu;
	batches = commits(row->site) - batches;
	for (int i = 0; i < IN_FLIGHT; i++)
		sem_post(&slots);
	if ((row->refused ? answered : refused) != 0)
		fail("answers are not what was asked for");
	printf("{\"name\": \"%s\", \"requests\": %u, \"cpu_us\": %.2f, \"store_cpu_us\": %.2f, "
	       "\"requests_s\": %.0f, \"keys_s\": %.0f, \"batch\": %.1f}\n",
	       row->name, row->requests, (double)cpu / 1e3 / row->requests,
	       (double)store_cpu / 1e3 / row->requests, row->requests * 1e9 / (double)began,
	       row->requests * 1e9 / (double)began * row->keys,
	       row->post && batches > 0 ? (double)row->requests / (double)batches : 0.0);
	fflush(stdout);
}

static void forget_bodies(void)
{
	while (bodies_count > 0)
		free(bodies[--bodies_count]);
}

/* ONLY: "", a name, or what is before its slash. */
static bool wanted(const struct row *row, const char *only)
{
	size_t n = strlen(only);

	return strncmp(row->name, only, n) == 0 &&
	       (n == 0 || row->name[n] == '\0' || row->name[n] == '/');
}

int main(int argc, char **argv)
{
	static const struct row rows[] = {
	        {"status", &site_a, "alice", "/api/v1/keys/bob/status", 0, 20000},
	        {"refused", &site_a, "alice", "/api/v1/keys/bob/enc_keys?number=0", 0, 20000,
	         .refused = true},
	        {"stranger", &site_a, "mallory", "/api/v1/keys/bob/enc_keys", 0, 20000,
	         .refused = true},
	        {"enc/1", &site_a, "alice", "/api/v1/keys/bob/enc_keys", 1, 20000, .kept = true},
	        {"dec/1", &site_b, "bob", "/api/v1/keys/alice/dec_keys", 1, 20000, .post = true},
	        {"enc/128", &site_a, "alice", "/api/v1/keys/bob/enc_keys?number=128", 128, 3000,
	         .kept = true},
	        {"dec/128", &site_b, "bob", "/api/v1/keys/alice/dec_keys", 128, 3000, .post = true},
	};
	const char *only = argc == 3 && strcmp(argv[1], "--only") == 0 ? argv[2] : "";
	char folder[] = "/tmp/bench-kms-XXXXXX";
	struct err err = {0};

	if (secret_init(2 * KMS_STORE_SECRET(STORE_MAX) + ((size_t)16 << 20), &err) < 0 ||
	    gcm_provider_init(NULL, &err) < 0)
		fail(err.text);
	if (mkdtemp(folder) == NULL)
		fail("no folder in /tmp");
	sem_init(&bell, 0, 0);
	sem_init(&slots, 0, IN_FLIGHT);
	site_open(&site_a, folder, true);
	site_open(&site_b, folder, false);
	come(20000 * 4 + 3000 * 128 * 4 + 4 * SEGMENT);
	while (turn(&site_a) | turn(&site_b))
		;
	kms_service_tick(site_a.service, clock_mono_ns());
	pthread_create(&thread, NULL, store_thread, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* What is fetched by the next row must have been given. */
		if (!wanted(&rows[i], only) && !(rows[i].kept && wanted(&rows[i + 1], only)))
			continue;
		if (rows[i].kept)
			forget_bodies();
		run(&rows[i]);
	}
	forget_bodies();
	atomic_store(&stop, true);
	sem_post(&bell);
	pthread_join(thread, NULL);
	site_close(&site_a);
	site_close(&site_b);
	rmdir(folder);
	secret_fini();
	return 0;
}
