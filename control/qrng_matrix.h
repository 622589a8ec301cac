/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A look at what was recorded of a random source: the most common value's estimate of min-entropy
 * (SP 800-90B section 6.3.1), and the sanity check of a restart matrix (section 3.1.4.3). Symbols
 * are bytes of which BITS count, 1 or 8, as NIST's tool reads them.
 */

#ifndef CONTROL_QRNG_MATRIX_H
#define CONTROL_QRNG_MATRIX_H

#include <stddef.h>
#include <stdint.h>

/*
 * Bits of min-entropy a symbol at most: from the upper end of the 99 % confidence interval of the
 * most common one's share. N at least 2.
 */
double qrng_most_common(const uint8_t *symbols, size_t n);

struct qrng_matrix {
	/* How often a value comes in one row, one column at the most. */
	uint32_t row, column;
	/* So many are not to be expected at the claimed min-entropy. */
	uint32_t row_cutoff, column_cutoff;
};

/*
 * SYMBOLS holds ROWS rows (restarts) of COLUMNS; CLAIM is min-entropy a symbol, above 0. All tests
 * together fail by chance with 0.01 at most when a symbol has just what is claimed. -ENOMEM.
 */
int qrng_matrix_check(const uint8_t *symbols, uint32_t rows, uint32_t columns, double claim,
                      struct qrng_matrix *out);

#endif
