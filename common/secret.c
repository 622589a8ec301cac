/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/secret.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Blocks are powers of two from 64 bytes up, carved from the arena in order and kept on a
 * free list per size afterwards. Every block is preceded by a header of one cache line.
 */
#define ALIGNMENT   64
#define CLASS_COUNT 32
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

int secret_init(size_t bytes, struct err *err)
{
	void *p = MAP_FAILED;
	size_t size = (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);

	if (arena.base != NULL)
		return err_set(err, EALREADY, "secret memory: already initialised");
#ifdef MAP_HUGETLB
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1,
	         0);
#endif
	if (p == MAP_FAILED)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return err_set(err, ENOMEM, "secret memory: cannot map %zu bytes", size);
	if (mlock(p, size) < 0) {
		int code = errno;

		munmap(p, size);
		return err_set(err, ENOMEM,
		               "secret memory: cannot lock %zu bytes (%s); raise LimitMEMLOCK",
		               size, strerror(code));
	}
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

	while (class < CLASS_COUNT && ((size_t)ALIGNMENT << class) < size)
		class ++;
	if (class == CLASS_COUNT)
		return NULL;
	bytes = (size_t)ALIGNMENT << class;

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
	bytes = (size_t)ALIGNMENT << h->class;
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
