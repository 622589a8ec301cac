/* SPDX-License-Identifier: BSD-3-Clause */

/* What the machine says about itself and about our services. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "control/lgctl_bundle.h"

#define TEXT_MAX  ((size_t)8 << 20)
#define WAIT_NS   (15 * NS_PER_S) /* for one program */
#define JOURNAL_N "20000"         /* newest lines */

/* Everything that FD gives until its end, TEXT_MAX or UNTIL_NS; the caller frees it. */
static char *read_all(int fd, uint64_t until_ns, size_t *len)
{
	size_t capacity = 65536;
	char *buf = malloc(capacity), *larger;

	*len = 0;
	while (buf != NULL) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		uint64_t now = clock_mono_ns();
		ssize_t n;

		if (now >= until_ns || poll(&p, 1, (int)((until_ns - now) / NS_PER_MS) + 1) == 0)
			break;
		if (*len == capacity) {
			larger = capacity < TEXT_MAX ? realloc(buf, 2 * capacity) : NULL;
			if (larger == NULL)
				break;
			buf = larger;
			capacity *= 2;
		}
		n = read(fd, buf + *len, capacity - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	return buf;
}

static void add_file(struct bundle *b, const char *name, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len;
	char *text;

	if (fd < 0) {
		bundle_miss(b, name, strerror(errno));
		return;
	}
	text = read_all(fd, clock_mono_ns() + WAIT_NS, &len);
	if (text != NULL)
		bundle_tar_add(b->tar, name, text, len);
	free(text);
	close(fd);
}

/* Started with its output, and what it complains of, in the pipe; -1: there is none. */
static pid_t start(char *const argv[], int *out)
{
	char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", NULL};
	posix_spawn_file_actions_t actions;
	int fds[2], rc;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 2);
	rc = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	*out = fds[0];
	if (rc == 0)
		return pid;
	close(fds[0]);
	errno = rc;
	return -1;
}

static void add_program(struct bundle *b, const char *name, char *const argv[])
{
	char reason[160];
	size_t len;
	char *text;
	int fd, status = 0;
	pid_t pid = start(argv, &fd);

	if (pid < 0) {
		snprintf(reason, sizeof(reason), "%s: %s", argv[0], strerror(errno));
		bundle_miss(b, name, reason);
		return;
	}
	text = read_all(fd, clock_mono_ns() + WAIT_NS, &len);
	close(fd);
	/* It is through, or takes too long, or has said enough. */
	if (waitpid(pid, &status, WNOHANG) == 0) {
		usleep(20000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	if (text != NULL)
		bundle_tar_add(b->tar, name, text, len);
	free(text);
}

#define PROGRAM(b, name, ...) add_program((b), (name), (char *const[]){__VA_ARGS__, NULL})

void bundle_add_system(struct bundle *b)
{
	static const char *const files[][2] = {
	        {"system/os-release", "/etc/os-release"}, {"system/cmdline", "/proc/cmdline"},
	        {"system/cpuinfo", "/proc/cpuinfo"},      {"system/meminfo", "/proc/meminfo"},
	        {"system/uptime", "/proc/uptime"},        {"system/interrupts", "/proc/interrupts"},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		add_file(b, files[i][0], files[i][1]);
	PROGRAM(b, "system/uname", "uname", "-a");
	PROGRAM(b, "system/links", "ip", "-s", "-d", "link", "show");
	PROGRAM(b, "system/addresses", "ip", "address", "show");
	PROGRAM(b, "system/routes", "ip", "route", "show", "table", "all");
	PROGRAM(b, "system/pci", "lspci", "-nnk");
	PROGRAM(b, "system/packages", "dpkg-query", "-W", "lumengate*", "dpdk*", "librte*",
	        "libipsec-mb*", "libyang*", "libssl*", "linux-image*");
	PROGRAM(b, "system/units", "systemctl", "--no-pager", "--full", "--lines=0", "status",
	        "lumengate*");
	PROGRAM(b, "system/journal", "journalctl", "--no-pager", "--quiet", "--output=short-iso",
	        "--lines=" JOURNAL_N, "--unit=lumengate*");
}
