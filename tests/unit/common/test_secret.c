/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/secret.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_nothing_before_init(void)
{
	CU_ASSERT_PTR_NULL(secret_alloc(64));
}

static void test_aligned_zeroed_and_wiped(void)
{
	struct err err = {0};
	uint8_t *a, *b;

	CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, &err), 0);
	CU_ASSERT_EQUAL(secret_init(1 << 20, &err), -EALREADY);
	a = secret_alloc(100);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL((uintptr_t)a % 64, 0);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(a[i], 0);
	memset(a, 0xaa, 100);
	secret_free(a);
	b = secret_alloc(128); /* the same class takes the same block */
	CU_ASSERT_PTR_EQUAL(a, b);
	for (int i = 0; i < 128; i++)
		CU_ASSERT_EQUAL(b[i], 0);
	CU_ASSERT_EQUAL(secret_used(), 128);
	secret_free(b);
	CU_ASSERT_EQUAL(secret_used(), 0);
	secret_free(NULL);
}

static void test_full_arena_says_so(void)
{
	void *first = secret_alloc(secret_size() / 4);

	CU_ASSERT_PTR_NOT_NULL(first);
	CU_ASSERT_PTR_NULL(secret_alloc(secret_size()));
	secret_free(first);
}

/* A child must not find the keys: touching the arena there kills it. */
static void test_child_does_not_inherit(void)
{
	volatile uint8_t *p = secret_alloc(64);
	int status = 0;
	pid_t pid;

	p[0] = 1;
	pid = fork();
	if (pid == 0) {
		/* ASan turns the fault into an exit of its own. */
		_exit(p[0] == 1 ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	CU_ASSERT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	secret_free((void *)p);
	secret_fini();
	CU_ASSERT_PTR_NULL(secret_alloc(64));
}

static bool in_maps(const char *what)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	bool found = false;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		found |= strstr(line, what) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

/* Is what lies at P to be had by the file that debuggers and the like read? */
static bool to_be_read_from_outside(const uint8_t *p)
{
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	uint8_t byte = 0;
	ssize_t n = pread(fd, &byte, 1, (off_t)(uintptr_t)p);

	close(fd);
	return n == 1 && byte == *p;
}

/* The first that this kernel has is taken, each works alike, and the name is the right one. */
static void test_kinds_of_memory(void)
{
	static const struct {
		enum secret_kind kind;
		const char *name;
	} kinds[] = {{SECRET_HUGE, "huge pages"},
	             {SECRET_HIDDEN, "memfd_secret"},
	             {SECRET_LOCKED, "locked pages"}};
	const char *first_small = NULL;

	CU_ASSERT_STRING_EQUAL(secret_kind_name(), "none");
	for (unsigned int i = 0; i < 3; i++) {
		struct err err = {0};
		uint8_t *p;

		if (secret_init_on(kinds[i].kind, 1 << 20, &err) < 0) {
			CU_ASSERT_NOT_EQUAL(kinds[i].kind, SECRET_LOCKED);
			CU_ASSERT(strncmp(err.text, "secret memory: ", 15) == 0);
			printf("not on %s: %s\n", kinds[i].name, err.text);
			continue;
		}
		CU_ASSERT_STRING_EQUAL(secret_kind_name(), kinds[i].name);
		if (kinds[i].kind != SECRET_HUGE && first_small == NULL)
			first_small = kinds[i].name;
		p = secret_alloc(100000);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		for (size_t k = 0; k < 100000; k += 997)
			CU_ASSERT_EQUAL(p[k], 0);
		memset(p, 0x5a, 100000);
		CU_ASSERT_EQUAL(to_be_read_from_outside(p), kinds[i].kind != SECRET_HIDDEN);
		CU_ASSERT_EQUAL(in_maps("/secretmem"), kinds[i].kind == SECRET_HIDDEN);
		secret_free(p);
		secret_fini();
		CU_ASSERT_STRING_EQUAL(secret_kind_name(), "none");
		CU_ASSERT_FALSE(in_maps("/secretmem"));
	}
	CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, NULL), 0);
	CU_ASSERT_STRING_EQUAL(secret_kind_name(), first_small);
}

/* More than may be locked is an error, not a fault later, on whatever it would lie. */
static void test_more_than_may_be_locked(void)
{
	struct err err = {0};
	int status = -1;
	pid_t pid;

	secret_fini();
	pid = fork();
	if (pid == 0) {
		const struct rlimit little = {1 << 20, 1 << 20};
		int bad = 0;

		setrlimit(RLIMIT_MEMLOCK, &little);
		/* Root may lock as much as it likes. */
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(9);
		if (secret_init_on(SECRET_HIDDEN, 1 << 18, NULL) == 0) {
			secret_fini();
			bad += secret_init_on(SECRET_HIDDEN, 4 << 20, &err) != -ENOMEM;
			bad += strstr(err.text, "raise LimitMEMLOCK") == NULL;
		}
#ifndef __SANITIZE_ADDRESS__ /* which has mlock(2) do nothing */
		bad += secret_init_on(SECRET_LOCKED, 4 << 20, &err) != -ENOMEM;
		bad += strstr(err.text, "raise LimitMEMLOCK") == NULL;
		bad += secret_init(4 << 20, &err) != -ENOMEM &&
		       strcmp(secret_kind_name(), "huge pages") != 0;
#endif
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Refused before a page of it is touched: the kernel would end processes to find them all. */
static void test_more_than_there_is(void)
{
	static const enum secret_kind kinds[] = {SECRET_HIDDEN, SECRET_LOCKED};
	size_t bytes = 2 * (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
	struct err err = {0};

	secret_fini();
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(secret_init_on(kinds[i], bytes, &err), -ENOMEM);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "of memory are free"));
	}
}

UNIT_MAIN(UNIT(test_nothing_before_init), UNIT(test_aligned_zeroed_and_wiped),
          UNIT(test_full_arena_says_so), UNIT(test_child_does_not_inherit),
          UNIT(test_kinds_of_memory), UNIT(test_more_than_may_be_locked),
          UNIT(test_more_than_there_is))
