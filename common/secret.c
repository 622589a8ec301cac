/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Blocks have four sizes an octave (64, 80, 96, 112, 128, 160 ... bytes, in whole cache
 * lines), so that at most a quarter is lost to rounding. They are carved from the arena in
 * order and kept on a free list per size afterwards. Every block is preceded by a header of
 * one cache line.
 */
#define ALIGNMENT   64
#define CLASS_COUNT 104
#define PAGE        4096UL
#define HUGE_PAGE   (2UL << 20)

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447 /* x86-64, in the kernel's headers since 5.14 */
#endif

struct header {
	unsigned int class;
	struct header *next;
};

static struct {
	pthread_mutex_t lock;
	enum secret_kind kind;
	uint8_t *base;
	size_t size;
	size_t carved;
	size_t used;
	struct header *free[CLASS_COUNT];
} arena = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t class_bytes(unsigned int class)
{
	size_t octave = (size_t)ALIGNMENT << class / 4;
	size_t bytes = octave + octave / 4 * (class % 4);

	return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Huge pages are never swapped and need no lock, so they do not count against its limit. */
static void *map_huge(size_t size, struct err *err)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (p != MAP_FAILED)
		return p;
	err_set(err, ENOMEM, "secret memory: no huge pages for %zu bytes", size);
	return NULL;
}

/*
 * memfd_secret(2), Linux 5.14: what of the kernel reads memory by its own map of it, of all
 * processes, finds none of these pages, and ptrace(2) and /proc/PID/mem do not, either. They are
 * locked as mlock(2) locks.
 */
static void *map_hidden(size_t size, struct err *err)
{
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC), rc;
	void *p = MAP_FAILED;

	if (fd < 0) {
		err_set(err, errno, "secret memory: memfd_secret: %s", strerror(errno));
		return NULL;
	}
	if (ftruncate(fd, (off_t)size) == 0)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	rc = errno;
	close(fd);
	if (p != MAP_FAILED)
		return p;
	err_set(err, ENOMEM, "secret memory: cannot lock %zu bytes (%s); raise LimitMEMLOCK", size,
	        strerror(rc));
	return NULL;
}

static void *map_locked(size_t size, struct err *err)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		err_set(err, ENOMEM, "secret memory: cannot map %zu bytes", size);
		return NULL;
	}
	madvise(p, size, MADV_HUGEPAGE); /* these may be had where none are set aside */
	if (mlock(p, size) < 0) {
		err_set(err, ENOMEM,
		        "secret memory: cannot lock %zu bytes (%s); raise LimitMEMLOCK", size,
		        strerror(errno));
		munmap(p, size);
		return NULL;
	}
	return p;
}

/*
 * Memory that is not in use, as proc(5) has it. What is locked beyond that has the kernel end
 * processes to find some, this one or others.
 */
static size_t available(void)
{
	unsigned long long kilobytes = SIZE_MAX >> 10;
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "MemAvailable: %llu", &kilobytes) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return (size_t)kilobytes << 10;
}

int secret_init_on(enum secret_kind kind, size_t bytes, struct err *err)
{
	size_t page = kind == SECRET_HUGE ? HUGE_PAGE : PAGE;
	size_t size = (bytes + page - 1) & ~(page - 1);
	struct err why = {0};
	void *p;

	if (arena.base != NULL)
		return err_set(err, EALREADY, "secret memory: already initialised");
	if (kind != SECRET_HUGE && size > available())
		return err_set(err, ENOMEM,
		               "secret memory: %zu MiB are wanted, and %zu MiB of memory are free",
		               size >> 20, available() >> 20);
	p = kind == SECRET_HUGE     ? map_huge(size, &why)
	    : kind == SECRET_HIDDEN ? map_hidden(size, &why)
	                            : map_locked(size, &why);
	if (p == NULL)
		return err_set(err, why.code, "%s", why.text);
	/* A page that cannot be had is a fault at its first use: now, not later. */
	memset(p, 0, size);
	madvise(p, size, MADV_DONTDUMP);
	madvise(p, size, MADV_DONTFORK);
	arena.kind = kind;
	arena.base = p;
	arena.size = size;
	return 0;
}

int secret_init_hidden(size_t bytes, struct err *err)
{
	if (arena.base == NULL && secret_init_on(SECRET_HIDDEN, bytes, NULL) == 0)
		return 0;
	return secret_init_on(SECRET_LOCKED, bytes, err);
}

int secret_init(size_t bytes, struct err *err)
{
	if (arena.base == NULL && bytes >= HUGE_PAGE &&
	    secret_init_on(SECRET_HUGE, bytes, NULL) == 0)
		return 0;
	return secret_init_hidden(bytes, err);
}

const char *secret_kind_name(void)
{
	static const char *const names[] = {
	        [SECRET_NONE] = "none",
	        [SECRET_HUGE] = "huge pages",
	        [SECRET_HIDDEN] = "memfd_secret",
	        [SECRET_LOCKED] = "locked pages",
	};

	return names[arena.kind];
}

void secret_fini(void)
{
	if (arena.base == NULL)
		return;
	secret_wipe(arena.base, arena.size);
	munmap(arena.base, arena.size);
	arena.base = NULL;
	arena.kind = SECRET_NONE;
	arena.size = arena.carved = arena.used = 0;
	memset(arena.free, 0, sizeof(arena.free));
}

void *secret_alloc(size_t size)
{
	unsigned int class = 0;
	struct header *h;
	size_t bytes;

	while (class < CLASS_COUNT && class_bytes(class) < size)
		class ++;
	if (class == CLASS_COUNT)
		return NULL;
	bytes = class_bytes(class);

	pthread_mutex_lock(&arena.lock);
	h = arena.free[class];
	if (h != NULL) {
		arena.free[class] = h->next;
	} else if (arena.size - arena.carved >= ALIGNMENT + bytes) {
		h = (struct header *)(arena.base + arena.carved);
		arena.carved += ALIGNMENT + bytes;
	}
	if (h != NULL) {
		h->class = class;
		arena.used += bytes;
	}
	pthread_mutex_unlock(&arena.lock);
	return h == NULL ? NULL : (uint8_t *)h + ALIGNMENT;
}

void secret_free(void *p)
{
	struct header *h;
	size_t bytes;

	if (p == NULL)
		return;
	h = (struct header *)((uint8_t *)p - ALIGNMENT);
	bytes = class_bytes(h->class);
	secret_wipe(p, bytes);
	pthread_mutex_lock(&arena.lock);
	h->next = arena.free[h->class];
	arena.free[h->class] = h;
	arena.used -= bytes;
	pthread_mutex_unlock(&arena.lock);
}

void secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

size_t secret_used(void)
{
	size_t used;

	pthread_mutex_lock(&arena.lock);
	used = arena.used;
	pthread_mutex_unlock(&arena.lock);
	return used;
}

size_t secret_size(void)
{
	return arena.size;
}
