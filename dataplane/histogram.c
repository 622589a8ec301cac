/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/histogram.h"

#include <math.h>

uint64_t histogram_upper(unsigned int index)
{
	const unsigned int linear = 1u << HISTOGRAM_SUB_BITS;
	unsigned int shift;

	if (index < linear)
		return index;
	shift = (index >> HISTOGRAM_SUB_BITS) - 1;
	return ((uint64_t)(linear + index % linear + 1) << shift) - 1;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	uint64_t max = __atomic_load_n(&from->max, __ATOMIC_RELAXED);

	/* The count is that of the buckets, whatever the writer does meanwhile. */
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t n = __atomic_load_n(&from->bucket[i], __ATOMIC_RELAXED);

		into->bucket[i] += n;
		into->count += n;
	}
	into->sum += __atomic_load_n(&from->sum, __ATOMIC_RELAXED);
	into->max = max > into->max ? max : into->max;
}

uint64_t histogram_percentile(const struct histogram *h, double share)
{
	uint64_t rank = (uint64_t)ceil(share * (double)h->count), below = 0;

	if (h->count == 0)
		return 0;
	if (rank < 1)
		rank = 1;
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		below += h->bucket[i];
		if (below >= rank)
			return histogram_upper(i) < h->max ? histogram_upper(i) : h->max;
	}
	return h->max;
}
