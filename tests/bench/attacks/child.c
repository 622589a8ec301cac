/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_attacks: %s\n", why);
	exit(1);
}

struct child child_begin(void (*do_it)(void *ctx, void *out), void *ctx, void *out, size_t size)
{
	uint8_t *to = out;
	int fds[2];
	pid_t pid;

	fflush(NULL);
	if (pipe(fds) < 0 || (pid = fork()) < 0)
		fail("no process for a trial");
	if (pid > 0) {
		close(fds[1]);
		return (struct child){fds[0], pid, out, size};
	}
	close(fds[0]);
	do_it(ctx, out);
	while (size > 0) {
		ssize_t n = write(fds[1], to, size);

		if (n <= 0)
			_exit(1);
		to += n;
		size -= (size_t)n;
	}
	_exit(0);
}

void child_end(struct child *c)
{
	int status;

	while (c->size > 0) {
		ssize_t n = read(c->fd, c->out, c->size);

		if (n <= 0)
			break;
		c->out += n;
		c->size -= (size_t)n;
	}
	close(c->fd);
	if (waitpid(c->pid, &status, 0) < 0 || status != 0 || c->size > 0)
		fail("a trial ended without a result");
}
