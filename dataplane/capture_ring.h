/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ring of captured frames between one forwarding core and the thread that writes them: bytes,
 * not slots, so that short frames take little room. Records begin at multiples of 8 and never
 * wrap; what is left at the end is skipped. Nobody waits.
 *
 *   core:    r = capture_ring_reserve(ring, n); fill in; capture_ring_commit(ring, r) ...
 *            capture_ring_publish(ring) once a burst
 *   writer:  while ((r = capture_ring_peek(ring)) != NULL) { ...; capture_ring_next(ring, r); }
 */

#ifndef DATAPLANE_CAPTURE_RING_H
#define DATAPLANE_CAPTURE_RING_H

#include <stddef.h>
#include <stdint.h>

struct capture_record {
	uint64_t tsc;
	uint32_t captured; /* bytes that follow; CAPTURE_RING_SKIP: on to the ring's beginning */
	uint32_t length;   /* bytes of the frame */
	uint8_t data[];
};

#define CAPTURE_RING_SKIP UINT32_MAX

struct capture_ring {
	/* core: rw, writer: ro */
	_Alignas(64) size_t head; /* published */
	size_t pending;           /* committed, not yet published; the core's own */
	size_t tail_seen;
	/* writer: rw, core: ro */
	_Alignas(64) size_t tail;
	/* both: ro */
	_Alignas(64) size_t size; /* a power of two */
	uint8_t *bytes;
};

static inline size_t capture_record_size(uint32_t captured)
{
	return (sizeof(struct capture_record) + captured + 7) & ~(size_t)7;
}

/* Room for CAPTURED bytes in one piece, or NULL. Not handed over before commit and publish. */
static inline struct capture_record *capture_ring_reserve(struct capture_ring *r, uint32_t captured)
{
	size_t need = capture_record_size(captured);
	size_t at = r->pending & (r->size - 1), to_end = r->size - at;
	size_t skip = to_end < need ? to_end : 0;

	if (r->pending + skip + need - r->tail_seen > r->size) {
		r->tail_seen = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
		if (r->pending + skip + need - r->tail_seen > r->size)
			return NULL;
	}
	if (skip > 0) {
		if (to_end >= sizeof(struct capture_record))
			((struct capture_record *)(void *)(r->bytes + at))->captured =
			        CAPTURE_RING_SKIP;
		r->pending += skip;
		at = 0;
	}
	return (struct capture_record *)(void *)(r->bytes + at);
}

static inline void capture_ring_commit(struct capture_ring *r, const struct capture_record *record)
{
	r->pending += capture_record_size(record->captured);
}

static inline void capture_ring_publish(struct capture_ring *r)
{
	__atomic_store_n(&r->head, r->pending, __ATOMIC_RELEASE);
}

static inline const struct capture_record *capture_ring_peek(struct capture_ring *r)
{
	size_t head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);

	while (r->tail != head) {
		size_t at = r->tail & (r->size - 1), to_end = r->size - at;
		const struct capture_record *record = (const void *)(r->bytes + at);

		if (to_end >= sizeof(*record) && record->captured != CAPTURE_RING_SKIP)
			return record;
		__atomic_store_n(&r->tail, r->tail + to_end, __ATOMIC_RELEASE);
	}
	return NULL;
}

static inline void capture_ring_next(struct capture_ring *r, const struct capture_record *record)
{
	__atomic_store_n(&r->tail, r->tail + capture_record_size(record->captured),
	                 __ATOMIC_RELEASE);
}

#endif
