/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/qrng_lane.h"

#include <stdio.h>
#include <string.h>

void qrng_lane_reset(struct qrng_lane *l)
{
	explicit_bzero(l, sizeof(*l));
}

static uint32_t more(uint32_t count, uint32_t of)
{
	return count > of - count ? count : of - count;
}

static enum qrng_fault stuck(struct qrng_lane *l, const uint8_t *window,
                             const struct qrng_limits *limits, char *what, size_t size)
{
	if (!qrng_window_runs(window, limits->rct, &l->run, &l->run_bit))
		return QRNG_FAULT_NONE;
	snprintf(what, size, "repetition count: %u samples in a row are %u", l->run, l->run_bit);
	return QRNG_FAULT_STUCK;
}

static enum qrng_fault biased(struct qrng_lane *l, const uint8_t *window,
                              const struct qrng_limits *limits, const struct qrng_kernel *kernel,
                              char *what, size_t size)
{
	uint32_t ones = kernel->ones(window);

	/* Section 4.4.2 counts those like the first; a first one that is rare hides no bias here.
	 */
	if (more(ones, QRNG_WINDOW_BITS) >= limits->apt) {
		snprintf(what, size, "adaptive proportion: %u of %u samples are %u",
		         more(ones, QRNG_WINDOW_BITS), QRNG_WINDOW_BITS,
		         ones > QRNG_WINDOW_BITS / 2);
		return QRNG_FAULT_BIASED;
	}
	l->long_ones += ones;
	if (l->long_windows + 1 < QRNG_LONG_BITS / QRNG_WINDOW_BITS ||
	    more(l->long_ones, QRNG_LONG_BITS) < limits->bias_long)
		return QRNG_FAULT_NONE;
	snprintf(what, size, "bias: %u of %u samples are 1", l->long_ones, QRNG_LONG_BITS);
	return QRNG_FAULT_BIASED;
}

static enum qrng_fault lagged(struct qrng_lane *l, const uint8_t *window,
                              const struct qrng_limits *limits, const struct qrng_kernel *kernel,
                              char *what, size_t size)
{
	bool full = l->long_windows + 1 == QRNG_LONG_BITS / QRNG_WINDOW_BITS;
	uint16_t differ[QRNG_LAGS];
	unsigned int i;

	if (l->windows == 0) {
		/* Nothing is before it: in the long window it counts as chance would have it. */
		for (i = 0; i < QRNG_LAGS; i++)
			l->long_differ[i] += QRNG_WINDOW_BITS / 2;
		return QRNG_FAULT_NONE;
	}
	kernel->lags(window, differ);
	for (i = 0; i < QRNG_LAGS; i++) {
		l->long_differ[i] += differ[i];
		if (more(differ[i], QRNG_WINDOW_BITS) >= limits->lag)
			break;
	}
	if (i < QRNG_LAGS) {
		snprintf(what, size, "lag %u: %u of %u samples are those before", i + 1,
		         QRNG_WINDOW_BITS - differ[i], QRNG_WINDOW_BITS);
		return QRNG_FAULT_PERIODIC;
	}
	for (i = 0; full && i < QRNG_LAGS; i++) {
		if (more(l->long_differ[i], QRNG_LONG_BITS) < limits->lag_long)
			continue;
		snprintf(what, size, "lag %u: %u of %u samples are those before", i + 1,
		         QRNG_LONG_BITS - l->long_differ[i], QRNG_LONG_BITS);
		return QRNG_FAULT_PERIODIC;
	}
	return QRNG_FAULT_NONE;
}

static enum qrng_fault repeated(struct qrng_lane *l, const uint8_t *window,
                                const struct qrng_limits *limits, const struct qrng_kernel *kernel,
                                char *what, size_t size)
{
	const size_t n = limits->repeat_bytes;
	const uint8_t *from = window - (n - 1);

	if (l->windows == 0)
		return QRNG_FAULT_NONE;
	if (l->seek_windows == 0) {
		memcpy(l->pattern, window - n, n);
		l->seek_windows = QRNG_SEEK_WINDOWS;
	}
	l->seek_windows--;
	if (!kernel->seek(from, l->pattern) ||
	    memmem(from, QRNG_WINDOW_BYTES + n - 1, l->pattern, n) == NULL)
		return QRNG_FAULT_NONE;
	snprintf(what, size, "a pattern of %u bytes came again within %u", (unsigned int)n,
	         (QRNG_SEEK_WINDOWS - l->seek_windows) * QRNG_WINDOW_BYTES);
	return QRNG_FAULT_PERIODIC;
}

enum qrng_fault qrng_lane_window(struct qrng_lane *l, const struct qrng_limits *limits,
                                 const struct qrng_kernel *kernel, unsigned int *ends, char *what,
                                 size_t size)
{
	const uint8_t *window = l->samples + QRNG_HISTORY;
	enum qrng_fault fault = stuck(l, window, limits, what, size);

	if (fault == QRNG_FAULT_NONE)
		fault = biased(l, window, limits, kernel, what, size);
	if (fault == QRNG_FAULT_NONE)
		fault = lagged(l, window, limits, kernel, what, size);
	if (fault == QRNG_FAULT_NONE)
		fault = repeated(l, window, limits, kernel, what, size);
	memmove(l->samples, l->samples + QRNG_WINDOW_BYTES, QRNG_HISTORY);
	l->used = 0;
	*ends = l->windows > 0 && l->seek_windows == 0 ? QRNG_ENDS_SEEK : 0;
	l->windows++;
	if (++l->long_windows < QRNG_LONG_BITS / QRNG_WINDOW_BITS)
		return fault;
	*ends |= QRNG_ENDS_LONG;
	l->long_windows = l->long_ones = 0;
	memset(l->long_differ, 0, sizeof(l->long_differ));
	return fault;
}
