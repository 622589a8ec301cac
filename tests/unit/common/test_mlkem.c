/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/mlkem.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/random.h"

#define LINE_MAX_BYTES 8192

/* NULL, and said why, where libcrypto has none: Debian 12's. */
static const struct mlkem *kem_or_skip(void)
{
	struct err err = {0};
	const struct mlkem *kem = mlkem_find(&err);

	if (kem == NULL) {
		CU_ASSERT_EQUAL(err.code, ENOTSUP);
		printf("skipped: %s\n", err.text);
	}
	return kem;
}

static void test_is_where_openssl_has_it(void)
{
	struct err err = {0};
	bool has = OpenSSL_version_num() >= 0x30500000L;

	CU_ASSERT_EQUAL(mlkem_find(&err) != NULL, has);
	if (!has) {
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ML-KEM-768 is not in OpenSSL 3."));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "it takes 3.5 or later"));
	}
}

/* Bytes of a field in hex; false when they are not N. */
static bool unhex(const char *text, uint8_t *out, size_t n)
{
	unsigned int byte;

	if (text == NULL || strlen(text) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		out[i] = (uint8_t)byte;
	}
	return true;
}

struct vector {
	uint8_t seed[MLKEM_SEED_BYTES], ek[MLKEM_KEY_BYTES], dk[MLKEM_SECRET_KEY_BYTES];
	uint8_t m[32], ct[MLKEM_CIPHERTEXT_BYTES], shared[MLKEM_SHARED_BYTES];
};

static void check_keygen(const struct mlkem *kem, struct vector *v, char **f)
{
	uint8_t ek[MLKEM_KEY_BYTES], ct[MLKEM_CIPHERTEXT_BYTES], there[MLKEM_SHARED_BYTES],
	        by_key[MLKEM_SHARED_BYTES], by_seed[MLKEM_SHARED_BYTES];

	CU_ASSERT_TRUE(unhex(f[1], v->seed, 32) && unhex(f[2], v->seed + 32, 32) &&
	               unhex(f[3], v->ek, sizeof(v->ek)) && unhex(f[4], v->dk, sizeof(v->dk)));
	CU_ASSERT_EQUAL(kem->key(v->seed, ek), 0);
	CU_ASSERT_EQUAL(memcmp(ek, v->ek, sizeof(ek)), 0);
	/* The decapsulation key that follows from the seed is the published one. */
	CU_ASSERT_EQUAL(kem->encapsulate(ek, ct, there), 0);
	CU_ASSERT_EQUAL(mlkem_decapsulate_by(v->dk, ct, by_key), 0);
	CU_ASSERT_EQUAL(kem->decapsulate(v->seed, ct, by_seed), 0);
	CU_ASSERT_EQUAL(memcmp(there, by_key, sizeof(there)), 0);
	CU_ASSERT_EQUAL(memcmp(there, by_seed, sizeof(there)), 0);
}

static void check_encapsulate(struct vector *v, char **f)
{
	uint8_t ct[MLKEM_CIPHERTEXT_BYTES], shared[MLKEM_SHARED_BYTES];

	CU_ASSERT_TRUE(unhex(f[1], v->ek, sizeof(v->ek)) && unhex(f[2], v->m, sizeof(v->m)) &&
	               unhex(f[3], v->ct, sizeof(v->ct)) &&
	               unhex(f[4], v->shared, sizeof(v->shared)));
	CU_ASSERT_EQUAL(mlkem_encapsulate_by(v->ek, v->m, ct, shared), 0);
	CU_ASSERT_EQUAL(memcmp(ct, v->ct, sizeof(ct)), 0);
	CU_ASSERT_EQUAL(memcmp(shared, v->shared, sizeof(shared)), 0);
}

static void check_decapsulate(struct vector *v, char **f)
{
	uint8_t shared[MLKEM_SHARED_BYTES];

	CU_ASSERT_TRUE(unhex(f[1], v->ct, sizeof(v->ct)) &&
	               unhex(f[2], v->shared, sizeof(v->shared)));
	CU_ASSERT_EQUAL(mlkem_decapsulate_by(v->dk, v->ct, shared), 0);
	CU_ASSERT_EQUAL(memcmp(shared, v->shared, sizeof(shared)), 0);
}

static void test_published_vectors(void)
{
	const struct mlkem *kem = kem_or_skip();
	const char *dir = getenv("LUMENGATE_VECTORS");
	unsigned int keygens = 0, encapsulations = 0, decapsulations = 0;
	static char line[2 * LINE_MAX_BYTES], path[512];
	static struct vector v;
	FILE *file;

	if (kem == NULL)
		return;
	snprintf(path, sizeof(path), "%s/mlkem768_acvp.txt", dir != NULL ? dir : "tests/vectors");
	file = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		char *field[6] = {NULL}, *save = NULL;
		unsigned int n = 0;

		for (char *f = strtok_r(line, " \n", &save); f != NULL && n < 6;
		     f = strtok_r(NULL, " \n", &save))
			field[n++] = f;
		if (n == 6 && strcmp(field[0], "keygen") == 0 && ++keygens > 0)
			check_keygen(kem, &v, field + 1);
		else if (n == 6 && strcmp(field[0], "encapsulate") == 0 && ++encapsulations > 0)
			check_encapsulate(&v, field + 1);
		else if (n == 5 && strcmp(field[0], "decapsulate") == 0 && ++decapsulations > 0)
			check_decapsulate(&v, field + 1);
		else if (n == 2 && strcmp(field[0], "key") == 0)
			CU_ASSERT_TRUE(unhex(field[1], v.dk, sizeof(v.dk)));
	}
	fclose(file);
	CU_ASSERT_EQUAL(keygens, 4);
	CU_ASSERT_EQUAL(encapsulations, 4);
	CU_ASSERT_EQUAL(decapsulations, 10);
}

/* Both ends have one secret; a bit wrong on the way, and they have two. */
static void test_a_wrong_ciphertext_gives_another_secret(void)
{
	uint8_t seed[MLKEM_SEED_BYTES], ek[MLKEM_KEY_BYTES], ct[MLKEM_CIPHERTEXT_BYTES];
	uint8_t sent[MLKEM_SHARED_BYTES], got[MLKEM_SHARED_BYTES], again[MLKEM_SHARED_BYTES];
	const struct mlkem *kem = kem_or_skip();

	if (kem == NULL)
		return;
	random_bytes(seed, sizeof(seed));
	CU_ASSERT_EQUAL(kem->key(seed, ek), 0);
	CU_ASSERT_EQUAL(kem->encapsulate(ek, ct, sent), 0);
	CU_ASSERT_EQUAL(kem->decapsulate(seed, ct, got), 0);
	CU_ASSERT_EQUAL(memcmp(sent, got, sizeof(sent)), 0);
	for (size_t byte = 0; byte < sizeof(ct); byte += 271) {
		ct[byte] ^= 1;
		CU_ASSERT_EQUAL(kem->decapsulate(seed, ct, got), 0);
		CU_ASSERT_NOT_EQUAL(memcmp(sent, got, sizeof(sent)), 0);
		/* The same wrong one each time. */
		CU_ASSERT_EQUAL(kem->decapsulate(seed, ct, again), 0);
		CU_ASSERT_EQUAL(memcmp(again, got, sizeof(got)), 0);
		ct[byte] ^= 1;
	}
	/* The sender's secret is fresh each time. */
	CU_ASSERT_EQUAL(kem->encapsulate(ek, ct, again), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(sent, again, sizeof(sent)), 0);
}

/* FIPS 203 section 7.2: coefficients are 12 bits each, below q = 3329. */
static void test_a_key_that_is_none_is_refused(void)
{
	static const uint8_t zero[MLKEM_CIPHERTEXT_BYTES];
	uint8_t seed[MLKEM_SEED_BYTES] = {1}, ek[MLKEM_KEY_BYTES], ct[MLKEM_CIPHERTEXT_BYTES],
	        shared[MLKEM_SHARED_BYTES], before[3];
	const struct mlkem *kem = kem_or_skip();

	if (kem == NULL)
		return;
	CU_ASSERT_EQUAL(kem->key(seed, ek), 0);
	for (unsigned int at = 0; at < 1152; at += 3 * 127) {
		memcpy(before, ek + at, 3);
		ek[at] = 0x01; /* 3329 and 0, the low 8 bits first */
		ek[at + 1] = 0x0d;
		ek[at + 2] = 0;
		CU_ASSERT_EQUAL(kem->encapsulate(ek, ct, shared), -EINVAL);
		CU_ASSERT_EQUAL(memcmp(ct, zero, sizeof(ct)), 0);
		CU_ASSERT_EQUAL(memcmp(shared, zero, sizeof(shared)), 0);
		ek[at] = 0x00; /* 3328 is one */
		CU_ASSERT_EQUAL(kem->encapsulate(ek, ct, shared), 0);
		memcpy(ek + at, before, 3);
	}
}

#define SCAN_MAX (64u << 20)

/* How often the 32 bytes whose complement is FLIPPED lie in memory that this process writes to. */
static unsigned int copies(const uint8_t flipped[32])
{
	uint8_t *buf =
	        mmap(NULL, SCAN_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned int found = 0;
	char line[512];

	CU_ASSERT_FATAL(buf != MAP_FAILED && mem >= 0 && maps != NULL);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to;
		char rights[8];
		ssize_t n;

		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[1] != 'w' ||
		    to - from > SCAN_MAX || (from <= (unsigned long)buf && (unsigned long)buf < to))
			continue;
		n = pread(mem, buf, to - from, (off_t)from);
		for (ssize_t i = 0; i + 32 <= n; i++) {
			int k = 0;

			while (k < 32 && buf[i + k] + flipped[k] == 0xff)
				k++;
			found += k == 32;
		}
		if (n > 0)
			memset(buf, 0, (size_t)n);
	}
	munmap(buf, SCAN_MAX);
	close(mem);
	fclose(maps);
	return found;
}

static void flip(const uint8_t in[32], uint8_t out[32])
{
	for (int i = 0; i < 32; i++)
		out[i] = in[i] ^ 0xff;
}

/* Seed and secret are where the caller has them, once, and libcrypto's copies are wiped. */
static void test_leaves_no_copies(void)
{
	static uint8_t seed[MLKEM_SEED_BYTES], ek[MLKEM_KEY_BYTES], ct[MLKEM_CIPHERTEXT_BYTES],
	        sent[MLKEM_SHARED_BYTES], got[MLKEM_SHARED_BYTES];
	uint8_t d[32], z[32], shared[32];
	const struct mlkem *kem = kem_or_skip();

	if (kem == NULL)
		return;
	random_bytes(seed, sizeof(seed));
	flip(seed, d);
	flip(seed + 32, z);
	CU_ASSERT_EQUAL(kem->key(seed, ek), 0);
	CU_ASSERT_EQUAL(copies(d), 1);
	CU_ASSERT_EQUAL(copies(z), 1);
	CU_ASSERT_EQUAL(kem->encapsulate(ek, ct, sent), 0);
	flip(sent, shared);
	CU_ASSERT_EQUAL(copies(shared), 1);
	CU_ASSERT_EQUAL(kem->decapsulate(seed, ct, got), 0);
	CU_ASSERT_EQUAL(copies(d), 1);
	CU_ASSERT_EQUAL(copies(z), 1);
	CU_ASSERT_EQUAL(copies(shared), 2);
}

static double us_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)(now.tv_sec - start->tv_sec) * 1e6 +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e3;
}

/* It runs on the control thread, up to a thousand times a second: told, and bounded loosely. */
static void test_takes_little_time(void)
{
	enum { ROUNDS = 100 };
	uint8_t seed[MLKEM_SEED_BYTES] = {1}, ek[MLKEM_KEY_BYTES], ct[MLKEM_CIPHERTEXT_BYTES],
	        shared[MLKEM_SHARED_BYTES];
	const struct mlkem *kem = kem_or_skip();
	double us[3] = {0};
	struct timespec start;

	if (kem == NULL)
		return;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
		CU_ASSERT_EQUAL(kem->key(seed, ek), 0);
		us[0] += us_since(&start) / ROUNDS;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
		CU_ASSERT_EQUAL(kem->encapsulate(ek, ct, shared), 0);
		us[1] += us_since(&start) / ROUNDS;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
		CU_ASSERT_EQUAL(kem->decapsulate(seed, ct, shared), 0);
		us[2] += us_since(&start) / ROUNDS;
	}
	printf("key %.0f us, encapsulate %.0f us, decapsulate by seed %.0f us\n", us[0], us[1],
	       us[2]);
	for (int i = 0; i < 3; i++)
		CU_ASSERT(us[i] < 20000);
}

UNIT_MAIN(UNIT(test_is_where_openssl_has_it), UNIT(test_published_vectors),
          UNIT(test_a_wrong_ciphertext_gives_another_secret),
          UNIT(test_a_key_that_is_none_is_refused), UNIT(test_leaves_no_copies),
          UNIT(test_takes_little_time))
