/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Anti-replay window over 64-bit sequence numbers, of which the wire carries the low half
 * (RFC 4303 sections 3.4.3 and 2.2.1, appendix A). One core uses a window; nothing is atomic
 * but `top`, which the control thread reads.
 *
 * The order for a packet: replay_infer(), replay_check(), authenticate, replay_update(). The
 * update checks again, so that two copies in one burst do not both pass between the two.
 *
 * The window is the numbers top - size + 1 to top; bit (seq mod size) tells that seq was seen.
 */

#ifndef DATAPLANE_REPLAY_H
#define DATAPLANE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLAY_WINDOW_MIN     64
#define REPLAY_WINDOW_MAX     32768
#define REPLAY_WINDOW_DEFAULT 4096

struct replay {
	uint64_t top;   /* highest authenticated number; 0: none yet */
	uint64_t *bits; /* size / 64 words */
	uint32_t size;  /* a power of two */
};

/* A power of two from REPLAY_WINDOW_MIN to REPLAY_WINDOW_MAX. */
bool replay_size_valid(uint32_t size);

/* BITS: SIZE / 64 words that the window uses from now on. */
void replay_init(struct replay *r, uint64_t *bits, uint32_t size);

/* Clear the bits of top + 1 to SEQ, which is above top. */
void replay_clear_above(struct replay *r, uint64_t seq);

/*
 * The whole sequence number of LOW (RFC 4303 appendix A2.1). False when there is none: before
 * number 1 or past 2^64 - 1.
 */
static inline bool replay_infer(const struct replay *r, uint32_t low, uint64_t *seq)
{
	uint32_t top_low = (uint32_t)r->top, top_high = (uint32_t)(r->top >> 32);
	uint32_t bottom_low = top_low - (r->size - 1);
	uint32_t high = top_high;

	if (top_low >= r->size - 1) {
		/* Case A: the window is within one subspace of 2^32. */
		if (low < bottom_low && ++high == 0)
			return false;
	} else if (low >= bottom_low) {
		/* Case B: it spans two, and LOW is in the lower one. */
		if (high-- == 0)
			return false;
	}
	*seq = (uint64_t)high << 32 | low;
	return *seq != 0;
}

/* May SEQ be new? */
static inline bool replay_check(const struct replay *r, uint64_t seq)
{
	uint32_t at = (uint32_t)seq & (r->size - 1);

	if (seq > r->top)
		return true;
	if (r->top - seq >= r->size)
		return false;
	return (r->bits[at / 64] >> (at % 64) & 1) == 0;
}

/* The packet of SEQ is authentic: mark it. False when it was not new after all. */
static inline bool replay_update(struct replay *r, uint64_t seq)
{
	uint32_t at = (uint32_t)seq & (r->size - 1);

	if (!replay_check(r, seq))
		return false;
	if (seq > r->top) {
		if (seq != r->top + 1)
			replay_clear_above(r, seq);
		__atomic_store_n(&r->top, seq, __ATOMIC_RELAXED);
	}
	r->bits[at / 64] |= 1ULL << (at % 64);
	return true;
}

#endif
