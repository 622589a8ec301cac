/* SPDX-License-Identifier: BSD-3-Clause */

/* Sources of randomness: the kernel's generator, or any other behind the same interface. */

#ifndef COMMON_RANDOM_H
#define COMMON_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* fill() writes N bytes and returns 0, or -EAGAIN when the source cannot give them yet. */
struct random_source {
	const char *name; /* shown wherever the randomness was used */
	int (*fill)(void *ctx, void *buf, size_t n);
	void *ctx;
};

/* getrandom(2); aborts the process when the kernel has no generator. */
void random_bytes(void *buf, size_t n);
/* Bytes of it that this process has taken so far. Any thread. */
uint64_t random_bytes_given(void);

/* The same as a source named "getrandom". */
extern const struct random_source random_kernel;

#endif
