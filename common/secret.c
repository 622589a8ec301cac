/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/secret.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

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

struct header {
	unsigned int class;
	struct header *next;
};

static struct {
	pthread_mutex_t lock;
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

/*
 * Huge pages are never swapped and need no lock, so they do not count against its limit; others
 * are locked. *SIZE becomes what was mapped.
 */
static void *map_locked(size_t *size, struct err *err)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	size_t huge = (*size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	void *p = MAP_FAILED;

	if (*size >= HUGE_PAGE)
		p = mmap(NULL, huge, prot, flags | MAP_HUGETLB, -1, 0);
	if (p != MAP_FAILED) {
		*size = huge;
		return p;
	}
	p = mmap(NULL, *size, prot, flags, -1, 0);
	if (p == MAP_FAILED) {
		err_set(err, ENOMEM, "secret memory: cannot map %zu bytes", *size);
		return NULL;
	}
	madvise(p, *size, MADV_HUGEPAGE); /* these may be had where none are set aside */
	if (mlock(p, *size) < 0) {
		err_set(err, ENOMEM,
		        "secret memory: cannot lock %zu bytes (%s); raise LimitMEMLOCK", *size,
		        strerror(errno));
		munmap(p, *size);
		return NULL;
	}
	return p;
}

int secret_init(size_t bytes, struct err *err)
{
	size_t size = (bytes + PAGE - 1) & ~(PAGE - 1);
	void *p;

	if (arena.base != NULL)
		return err_set(err, EALREADY, "secret memory: already initialised");
	p = map_locked(&size, err);
	if (p == NULL)
		return -ENOMEM;
	madvise(p, size, MADV_DONTDUMP);
	madvise(p, size, MADV_DONTFORK);
	arena.base = p;
	arena.size = size;
	return 0;
}

void secret_fini(void)
{
	if (arena.base == NULL)
		return;
	secret_wipe(arena.base, arena.size);
	munmap(arena.base, arena.size);
	arena.base = NULL;
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
	return arena.used;
}

size_t secret_size(void)
{
	return arena.size;
}
