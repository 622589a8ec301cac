/* SPDX-License-Identifier: BSD-3-Clause */

/* A network namespace for a test program that makes interfaces. */

#ifndef TESTS_UNIT_DATAPLANE_NAMESPACE_H
#define TESTS_UNIT_DATAPLANE_NAMESPACE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Meson's status for a test that this machine does not let run. */
#define NAMESPACE_SKIP 77

/* Before any other thread runs. Ends the program where nobody may have a namespace or a tap. */
static inline void namespace_enter(void)
{
	int flags = geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWNET | CLONE_NEWUSER;

	if (unshare(flags) < 0 || access("/dev/net/tun", R_OK | W_OK) < 0) {
		printf("skipped: no network namespace or no /dev/net/tun: %s\n", strerror(errno));
		exit(NAMESPACE_SKIP);
	}
}

#endif
