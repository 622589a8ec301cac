/* SPDX-License-Identifier: BSD-3-Clause */

/* Programs that tests call, without a shell. */

#ifndef TESTS_UNIT_COMMAND_H
#define TESTS_UNIT_COMMAND_H

#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/*
 * Runs the program of WORDS, which are separated by single blanks, and gives its exit status, -1
 * when it did not run or end by itself. OUT, unless NULL, gets the first CAP - 1 bytes that it
 * printed.
 */
static inline int command(const char *words, char *out, size_t cap)
{
	char copy[256], *argv[32], *rest = copy;
	posix_spawn_file_actions_t actions;
	int ends[2], status, n = 0;
	size_t have = 0;
	ssize_t got;
	char spill[512];
	pid_t pid;
	int rc;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", words) >= sizeof(copy) || pipe(ends) < 0)
		return -1;
	while (n < 31 && (argv[n] = strsep(&rest, " ")) != NULL)
		n++;
	argv[n] = NULL;
	posix_spawn_file_actions_init(&actions);
	if (out != NULL)
		posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	rc = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	while (rc == 0 && (got = read(ends[0], spill, sizeof(spill))) > 0)
		for (ssize_t i = 0; out != NULL && i < got && have + 1 < cap; i++)
			out[have++] = spill[i];
	close(ends[0]);
	if (out != NULL)
		out[have] = '\0';
	if (rc != 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* How often WHAT stands in TEXT. */
static inline unsigned int occurrences(const char *text, const char *what)
{
	unsigned int n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

#endif
