/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory for key bytes and key schedules: an arena that is locked, left out of core dumps
 * and not inherited by children; every block is zeroised on release. It lies on the first of
 * these that may be had.
 */

#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stddef.h>

#include "common/err.h"

enum secret_kind {
	SECRET_NONE,
	SECRET_HUGE,   /* 2 MiB pages of the machine's pool, for an arena of that size */
	SECRET_HIDDEN, /* memfd_secret(2): not in the kernel's own map of memory, either */
	SECRET_LOCKED, /* ordinary pages, locked */
};

/* Once per process, before secret_alloc(). Fails with ENOMEM when BYTES cannot be locked. */
int secret_init(size_t bytes, struct err *err);

/* The same, never on huge pages: these are for programs that need their speed. */
int secret_init_hidden(size_t bytes, struct err *err);

/* The same, on KIND or not at all. ENOSYS, EPERM: this kernel has none, or does not give it. */
int secret_init_on(enum secret_kind kind, size_t bytes, struct err *err);

/* Zeroise and give back the whole arena. */
void secret_fini(void);

/* SIZE bytes, zeroed, aligned to 64; NULL when the arena is full. Thread-safe; takes a lock. */
void *secret_alloc(size_t size);

/* Zeroise and free; NULL is allowed. */
void secret_free(void *p);

/* Overwrite with zeros in a way that the compiler keeps. */
void secret_wipe(void *p, size_t n);

/* What the arena lies on, in words: "huge pages", "memfd_secret", "locked pages", "none". */
const char *secret_kind_name(void);

/* Bytes in use and in the whole arena, for status. */
size_t secret_used(void);
size_t secret_size(void);

#endif
