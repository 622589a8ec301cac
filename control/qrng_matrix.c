/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/qrng_matrix.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/qrng_limits.h"

#define VALUES     256
#define Z_99       2.5758293035489008 /* of a normal deviate, either way */
#define CONFIDENCE 0.99

static uint32_t most(const uint32_t count[VALUES])
{
	uint32_t max = 0;

	for (unsigned int v = 0; v < VALUES; v++)
		max = count[v] > max ? count[v] : max;
	return max;
}

double qrng_most_common(const uint8_t *symbols, size_t n)
{
	uint32_t count[VALUES] = {0};
	double p;

	for (size_t i = 0; i < n; i++)
		count[symbols[i]]++;
	p = (double)most(count) / (double)n;
	p += Z_99 * sqrt(p * (1 - p) / (double)(n - 1));
	return p < 1 ? -log2(p) : 0;
}

/*
 * The least count that no row or column is to have: with min-entropy CLAIM no value has more than
 * 2^-CLAIM, and floor(2^CLAIM) of them may have that; each is counted in ROWS + COLUMNS tests.
 */
static uint32_t cutoff(uint32_t n, uint32_t tests, double claim)
{
	double alpha = -expm1(log(CONFIDENCE) / tests), likely = floor(exp2(claim));

	return qrng_critical(n, exp2(-claim), -log2(alpha / likely));
}

int qrng_matrix_check(const uint8_t *symbols, uint32_t rows, uint32_t columns, double claim,
                      struct qrng_matrix *out)
{
	uint32_t(*by_column)[VALUES] = calloc(columns, sizeof(*by_column));
	uint32_t by_row[VALUES];

	if (by_column == NULL)
		return -ENOMEM;
	*out = (struct qrng_matrix){.row_cutoff = cutoff(columns, rows + columns, claim),
	                            .column_cutoff = cutoff(rows, rows + columns, claim)};
	for (uint32_t r = 0; r < rows; r++) {
		memset(by_row, 0, sizeof(by_row));
		for (uint32_t c = 0; c < columns; c++) {
			uint8_t v = symbols[(size_t)r * columns + c];

			by_row[v]++;
			by_column[c][v]++;
		}
		out->row = most(by_row) > out->row ? most(by_row) : out->row;
	}
	for (uint32_t c = 0; c < columns; c++)
		out->column = most(by_column[c]) > out->column ? most(by_column[c]) : out->column;
	free(by_column);
	return 0;
}
