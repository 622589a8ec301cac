/* SPDX-License-Identifier: BSD-3-Clause */

/* The health tests of one lane, fed window by window. */

#ifndef DRIVERS_QRNG_LANE_H
#define DRIVERS_QRNG_LANE_H

#include "drivers/qrng.h"
#include "drivers/qrng_window.h"

#define QRNG_HISTORY      QRNG_REPEAT_MAX
#define QRNG_SEEK_WINDOWS 512 /* 2^16 bytes, then another pattern is taken */

/* What ended with a window. */
#define QRNG_ENDS_LONG 1u /* a long window */
#define QRNG_ENDS_SEEK 2u /* a pattern's seeking */

struct qrng_lane {
	uint8_t samples[QRNG_HISTORY + QRNG_WINDOW_BYTES]; /* history, then the window */
	uint8_t pattern[QRNG_REPEAT_MAX];
	uint32_t used; /* bytes of the window so far */
	uint32_t run, run_bit;
	uint64_t windows;      /* since the stream began, for what needs a history */
	uint32_t seek_windows; /* left for the pattern; 0: take another */
	uint32_t long_windows; /* of the long window so far */
	uint32_t long_ones;
	uint32_t long_differ[QRNG_LAGS];
};

void qrng_lane_reset(struct qrng_lane *l);

/*
 * A full window: tests it, and makes it history. QRNG_FAULT_NONE, or what failed, with words for
 * people. *ENDS: QRNG_ENDS_*.
 */
enum qrng_fault qrng_lane_window(struct qrng_lane *l, const struct qrng_limits *limits,
                                 const struct qrng_kernel *kernel, unsigned int *ends, char *what,
                                 size_t size);

#endif
