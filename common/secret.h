/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory for key bytes and key schedules: an arena that is locked, left out of core dumps
 * and not inherited by children; every block is zeroised on release. On 2 MiB pages where there
 * are free ones.
 */

#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stddef.h>

#include "common/err.h"

/* Once per process, before secret_alloc(). Fails with ENOMEM when BYTES cannot be locked. */
int secret_init(size_t bytes, struct err *err);

/* Zeroise and give back the whole arena. */
void secret_fini(void);

/* SIZE bytes, zeroed, aligned to 64; NULL when the arena is full. Thread-safe; takes a lock. */
void *secret_alloc(size_t size);

/* Zeroise and free; NULL is allowed. */
void secret_free(void *p);

/* Overwrite with zeros in a way that the compiler keeps. */
void secret_wipe(void *p, size_t n);

/* Bytes in use and in the whole arena, for status. */
size_t secret_used(void);
size_t secret_size(void);

#endif
