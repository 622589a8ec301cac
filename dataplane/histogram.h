/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Log-linear histogram (as HdrHistogram): 64 buckets to each power of two, so that any value is
 * known to 1/64, from 0 to 2^41 - 1; what is above counts as that. One writer, any readers.
 */

#ifndef DATAPLANE_HISTOGRAM_H
#define DATAPLANE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_TOP_BIT  40
#define HISTOGRAM_BUCKETS  ((HISTOGRAM_TOP_BIT - HISTOGRAM_SUB_BITS + 2) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t count, max, sum;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

static inline unsigned int histogram_index(uint64_t value)
{
	const unsigned int linear = 1u << HISTOGRAM_SUB_BITS;
	unsigned int shift;

	if (value < linear)
		return (unsigned int)value;
	if (value >> (HISTOGRAM_TOP_BIT + 1) != 0)
		value = (UINT64_C(2) << HISTOGRAM_TOP_BIT) - 1;
	shift = 63 - (unsigned int)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	return ((shift + 1) << HISTOGRAM_SUB_BITS) + (unsigned int)(value >> shift) - linear;
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	uint64_t *bucket = &h->bucket[histogram_index(value)];

	__atomic_store_n(bucket, *bucket + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&h->count, h->count + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&h->sum, h->sum + value, __ATOMIC_RELAXED);
	if (value > h->max)
		__atomic_store_n(&h->max, value, __ATOMIC_RELAXED);
}

/* The largest value that falls into bucket INDEX. */
uint64_t histogram_upper(unsigned int index);

/* Add what FROM has, while its writer goes on, to INTO, which is the caller's. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/*
 * The value that a share of SHARE (0 to 1) of all does not exceed, rounded up to its bucket's
 * end; never above max. 0 when there is none.
 */
uint64_t histogram_percentile(const struct histogram *h, double share);

#endif
