/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/random.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t given;

void random_bytes(void *buf, size_t n)
{
	uint8_t *p = buf;

	__atomic_fetch_add(&given, n, __ATOMIC_RELAXED);
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			abort();
		}
		p += got;
		n -= (size_t)got;
	}
}

uint64_t random_bytes_given(void)
{
	return __atomic_load_n(&given, __ATOMIC_RELAXED);
}

static int kernel_fill(void *ctx, void *buf, size_t n)
{
	(void)ctx;
	random_bytes(buf, n);
	return 0;
}

const struct random_source random_kernel = {.name = "getrandom", .fill = kernel_fill};
