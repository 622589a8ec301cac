/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/secret.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
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

UNIT_MAIN(UNIT(test_nothing_before_init), UNIT(test_aligned_zeroed_and_wiped),
          UNIT(test_full_arena_says_so), UNIT(test_child_does_not_inherit))
