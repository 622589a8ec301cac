/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ring of pointers between one producer thread and one consumer thread; neither ever waits.
 * The two indices live on cache lines of their own, each with the owner's copy of the other's.
 */

#ifndef COMMON_SPSC_H
#define COMMON_SPSC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct spsc {
	/* producer: rw, consumer: ro */
	_Alignas(64) size_t head;
	size_t tail_seen;
	/* consumer: rw, producer: ro */
	_Alignas(64) size_t tail;
	size_t head_seen;
	/* both: ro */
	_Alignas(64) size_t mask;
	void **slot;
};

/* CAPACITY must be a power of two; 0 or -1 when memory is short. */
static inline int spsc_init(struct spsc *r, size_t capacity)
{
	*r = (struct spsc){.mask = capacity - 1};
	r->slot = calloc(capacity, sizeof(*r->slot));
	return r->slot == NULL ? -1 : 0;
}

static inline void spsc_fini(struct spsc *r)
{
	free(r->slot);
	r->slot = NULL;
}

/* False when full. */
static inline bool spsc_push(struct spsc *r, void *p)
{
	if (r->head - r->tail_seen > r->mask) {
		r->tail_seen = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
		if (r->head - r->tail_seen > r->mask)
			return false;
	}
	r->slot[r->head & r->mask] = p;
	__atomic_store_n(&r->head, r->head + 1, __ATOMIC_RELEASE);
	return true;
}

/* As many of the N as there is room for, in their order; how many. */
static inline size_t spsc_push_bulk(struct spsc *r, void *const *p, size_t n)
{
	if (r->mask + 1 - (r->head - r->tail_seen) < n) {
		size_t room;

		r->tail_seen = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
		room = r->mask + 1 - (r->head - r->tail_seen);
		n = room < n ? room : n;
	}
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		r->slot[(r->head + i) & r->mask] = p[i];
	__atomic_store_n(&r->head, r->head + n, __ATOMIC_RELEASE);
	return n;
}

/* Producer: places that are free, at least. */
static inline size_t spsc_room(struct spsc *r)
{
	r->tail_seen = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	return r->mask + 1 - (r->head - r->tail_seen);
}

/* NULL when empty. */
static inline void *spsc_pop(struct spsc *r)
{
	void *p;

	if (r->tail == r->head_seen) {
		r->head_seen = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
		if (r->tail == r->head_seen)
			return NULL;
	}
	p = r->slot[r->tail & r->mask];
	__atomic_store_n(&r->tail, r->tail + 1, __ATOMIC_RELEASE);
	return p;
}

/* Up to MAX; how many. */
static inline size_t spsc_pop_bulk(struct spsc *r, void **p, size_t max)
{
	size_t n = r->head_seen - r->tail;

	if (n < max) {
		r->head_seen = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
		n = r->head_seen - r->tail;
	}
	n = n < max ? n : max;
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		p[i] = r->slot[(r->tail + i) & r->mask];
	__atomic_store_n(&r->tail, r->tail + n, __ATOMIC_RELEASE);
	return n;
}

#endif
