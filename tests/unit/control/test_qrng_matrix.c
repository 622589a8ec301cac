/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/qrng_matrix.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

static uint8_t symbols[1000 * 1000];

static void fair(unsigned int values)
{
	for (size_t i = 0; i < sizeof(symbols); i++)
		symbols[i] = (uint8_t)dice(values);
}

/* Of the standard's own example (6.3.1): 20 symbols of which 8 are alike. */
static void test_most_common(void)
{
	static const uint8_t example[] = {0, 1, 1, 2, 0, 1, 2, 2, 0, 1,
	                                  0, 1, 1, 0, 2, 2, 1, 0, 2, 1};

	CU_ASSERT_DOUBLE_EQUAL(qrng_most_common(example, sizeof(example)), 0.5363, 1e-4);
	memset(symbols, 1, 1000);
	CU_ASSERT_EQUAL(qrng_most_common(symbols, 1000), 0);
	/* A fair coin: 1/2 and 2.6 deviations of it. */
	fair(2);
	CU_ASSERT_DOUBLE_EQUAL(qrng_most_common(symbols, sizeof(symbols)), 0.9963, 3e-3);
}

/* Cut-offs at alpha 5.0251e-6, 1 - 0.99^(1/2000): exact binomial tails, found by another program.
 */
static void test_cutoffs(void)
{
	struct qrng_matrix m;

	fair(2);
	CU_ASSERT_EQUAL(qrng_matrix_check(symbols, 1000, 1000, 1.0, &m), 0);
	CU_ASSERT_EQUAL(m.row_cutoff, 573);
	CU_ASSERT_EQUAL(m.column_cutoff, 573);
	CU_ASSERT(m.row < m.row_cutoff && m.row > 500);
	CU_ASSERT(m.column < m.column_cutoff && m.column > 500);
	CU_ASSERT_EQUAL(qrng_matrix_check(symbols, 1000, 1000, 0.5, &m), 0);
	CU_ASSERT_EQUAL(m.row_cutoff, 770);
	fair(256);
	CU_ASSERT_EQUAL(qrng_matrix_check(symbols, 1000, 1000, 8.0, &m), 0);
	CU_ASSERT_EQUAL(m.row_cutoff, 20);
	CU_ASSERT(m.row < m.row_cutoff && m.column < m.column_cutoff);
	/* Rows and columns of their own lengths. */
	CU_ASSERT_EQUAL(qrng_matrix_check(symbols, 100, 1000, 4.0, &m), 0);
	CU_ASSERT_EQUAL(m.row_cutoff, 104);
	CU_ASSERT_EQUAL(m.column_cutoff, 22);
}

/* A generator that begins anew at each start: each row is perfect, the columns are not. */
static void test_same_at_each_start(void)
{
	struct qrng_matrix m;

	fair(256);
	for (unsigned int r = 1; r < 1000; r++)
		memcpy(symbols + 1000 * r, symbols, 1000);
	CU_ASSERT(qrng_most_common(symbols, sizeof(symbols)) > 6);
	CU_ASSERT_EQUAL(qrng_matrix_check(symbols, 1000, 1000, 4.0, &m), 0);
	CU_ASSERT_EQUAL(m.column, 1000);
	CU_ASSERT(m.row < m.row_cutoff);
	CU_ASSERT(m.column >= m.column_cutoff);
}

/* A start that sticks shows in its row. */
static void test_a_start_that_sticks(void)
{
	struct qrng_matrix m;

	fair(2);
	memset(symbols + 17 * 1000, 1, 1000);
	CU_ASSERT_EQUAL(qrng_matrix_check(symbols, 1000, 1000, 0.5, &m), 0);
	CU_ASSERT_EQUAL(m.row, 1000);
	CU_ASSERT(m.row >= m.row_cutoff && m.column < m.column_cutoff);
}

UNIT_MAIN(UNIT(test_most_common), UNIT(test_cutoffs), UNIT(test_same_at_each_start),
          UNIT(test_a_start_that_sticks))
