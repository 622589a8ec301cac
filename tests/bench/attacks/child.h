/* SPDX-License-Identifier: BSD-3-Clause */

/* Work in a process of its own, which is forked from here and ends with it. */

#ifndef TESTS_BENCH_ATTACKS_CHILD_H
#define TESTS_BENCH_ATTACKS_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A process that makes SIZE bytes, for OUT. */
struct child {
	int fd;
	pid_t pid;
	uint8_t *out;
	size_t size;
};

/* DO_IT makes OUT of CTX there; both are as they are now. Fails with a message and the process's
 * end.
 */
struct child child_begin(void (*do_it)(void *ctx, void *out), void *ctx, void *out, size_t size);
/* OUT is there. */
void child_end(struct child *c);

#endif
