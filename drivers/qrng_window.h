/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Counting in a window of 1024 samples, bit 0 of a byte the first of its eight. One kernel is
 * portable, one takes AVX2; both count the same.
 */

#ifndef DRIVERS_QRNG_WINDOW_H
#define DRIVERS_QRNG_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/qrng_limits.h"

#define QRNG_WINDOW_BYTES (QRNG_WINDOW_BITS / 8)

struct qrng_kernel {
	const char *name;
	/* Ones of the window. */
	uint32_t (*ones)(const uint8_t window[QRNG_WINDOW_BYTES]);
	/* Samples that differ from the one LAG = i + 1 before; 8 bytes before WINDOW are read too.
	 */
	void (*lags)(const uint8_t *window, uint16_t differ[QRNG_LAGS]);
	/* Whether PATTERN may begin in the 128 places from AT on; reads 7 bytes behind the last. */
	bool (*seek)(const uint8_t *at, const uint8_t pattern[8]);
};

extern const struct qrng_kernel qrng_kernel_portable;
/* NULL where the CPU cannot. */
const struct qrng_kernel *qrng_kernel_avx2(void);
/* The fastest here. */
const struct qrng_kernel *qrng_kernel_best(void);

/*
 * Repetition count (SP 800-90B section 4.4.1) across windows: RUN samples up to here were BIT.
 * True when a run reaches CUTOFF; *run and *bit then are of the run that did.
 */
bool qrng_window_runs(const uint8_t window[QRNG_WINDOW_BYTES], uint32_t cutoff, uint32_t *run,
                      uint32_t *bit);

#endif
