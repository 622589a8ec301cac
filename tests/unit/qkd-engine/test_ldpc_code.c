/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc_code.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static double entropy(double q)
{
	return -q * log2(q) - (1 - q) * log2(1 - q);
}

static unsigned int row_degree(const struct ldpc_code *c, unsigned int row)
{
	return (unsigned int)(c->row_start[row + 1] - c->row_start[row]);
}

static void test_entries(void)
{
	CU_ASSERT_TRUE(ldpc_code_count > 0);
	for (unsigned int n = 0; n < ldpc_code_count; n++) {
		const struct ldpc_code *c = &ldpc_codes[n];
		size_t z = ldpc_code_z(c, LDPC_FRAME_LOG2_MAX);
		unsigned int degree[LDPC_COLS_MAX] = {0};

		CU_ASSERT_TRUE(c->cols <= LDPC_COLS_MAX && c->rows <= LDPC_ROWS_MAX);
		CU_ASSERT_EQUAL(c->cols * z, (size_t)1 << LDPC_FRAME_LOG2_MAX);
		CU_ASSERT_TRUE(z <= LDPC_Z_MAX);
		CU_ASSERT_TRUE(ldpc_code_z(c, LDPC_FRAME_LOG2_MIN) >= LDPC_Z_MIN);
		CU_ASSERT_TRUE(2 * c->pairs <= c->rows);
		CU_ASSERT_EQUAL(c->row_start[0], 0);
		for (unsigned int r = 0; r < c->rows; r++)
			for (unsigned int e = c->row_start[r]; e < c->row_start[r + 1]; e++) {
				CU_ASSERT_TRUE_FATAL(c->col[e] < c->cols);
				CU_ASSERT_TRUE(e == c->row_start[r] || c->col[e - 1] < c->col[e]);
				CU_ASSERT_TRUE(c->shift[e] < z);
				degree[c->col[e]]++;
			}
		for (unsigned int i = 0; i < c->cols; i++)
			CU_ASSERT_TRUE(degree[i] >= 2);
		/* Checks of a code are alike. */
		for (unsigned int r = 1; r < c->rows; r++)
			CU_ASSERT_TRUE(abs((int)row_degree(c, r) - (int)row_degree(c, 0)) <= 1);
		if (n > 0)
			CU_ASSERT_TRUE(c->rows * ldpc_codes[n - 1].cols >
			               ldpc_codes[n - 1].rows * c->cols);
	}
}

/* Both rows of a pair in one, as they are when merged. */
struct row {
	unsigned int degree;
	uint16_t col[LDPC_DEGREE_MAX], shift[LDPC_DEGREE_MAX];
};

static struct row row_of(const struct ldpc_code *c, unsigned int first, unsigned int count)
{
	struct row r = {.degree = 0};

	for (unsigned int e = c->row_start[first]; e < c->row_start[first + count]; e++) {
		CU_ASSERT_TRUE_FATAL(r.degree < LDPC_DEGREE_MAX);
		r.col[r.degree] = c->col[e];
		r.shift[r.degree++] = c->shift[e];
	}
	return r;
}

static void test_pairs_have_no_column_in_common(void)
{
	for (unsigned int n = 0; n < ldpc_code_count; n++)
		for (unsigned int p = 0; p < ldpc_codes[n].pairs; p++) {
			struct row r = row_of(&ldpc_codes[n], 2 * p, 2);
			bool seen[LDPC_COLS_MAX] = {false};

			for (unsigned int k = 0; k < r.degree; k++) {
				CU_ASSERT_FALSE(seen[r.col[k]]);
				seen[r.col[k]] = true;
			}
		}
}

/*
 * Two columns that are in both of two rows, with the same difference of shifts modulo Z, both of a
 * DEGREE up to MOST.
 */
static unsigned int cycles_of_four(const struct row *a, const struct row *b, size_t z,
                                   const unsigned int *degree, unsigned int most)
{
	int shift[LDPC_COLS_MAX];
	unsigned int count[LDPC_Z_MAX] = {0}, cycles = 0;

	memset(shift, 0xff, sizeof(shift));
	for (unsigned int k = 0; k < a->degree; k++)
		if (degree[a->col[k]] <= most)
			shift[a->col[k]] = a->shift[k];
	for (unsigned int k = 0; k < b->degree; k++)
		if (shift[b->col[k]] >= 0)
			cycles += count[(size_t)(shift[b->col[k]] - b->shift[k]) & (z - 1)]++;
	return cycles;
}

static unsigned int cycles_of_code(const struct ldpc_code *c, unsigned int merged, size_t z,
                                   unsigned int most)
{
	static struct row rows[LDPC_ROWS_MAX];
	unsigned int n = 0, cycles = 0, degree[LDPC_COLS_MAX] = {0};

	for (unsigned int r = 0; r < c->rows; n++) {
		unsigned int count = r < 2 * c->pairs && r / 2 >= c->pairs - merged ? 2 : 1;

		rows[n] = row_of(c, r, count);
		for (unsigned int k = 0; k < rows[n].degree; k++)
			degree[rows[n].col[k]]++;
		r += count;
	}
	CU_ASSERT_EQUAL(n, c->rows - merged);
	for (unsigned int a = 0; a < n; a++)
		for (unsigned int b = a + 1; b < n; b++)
			cycles += cycles_of_four(&rows[a], &rows[b], z, degree, most);
	return cycles;
}

static void test_no_cycles_of_four(void)
{
	for (unsigned int n = 0; n < ldpc_code_count; n++) {
		const struct ldpc_code *c = &ldpc_codes[n];

		CU_ASSERT_EQUAL(cycles_of_code(c, 0, ldpc_code_z(c, 18), 32), 0);
		CU_ASSERT_EQUAL(cycles_of_code(c, c->pairs, ldpc_code_z(c, 18), 32), 0);
		/* In short circulants dense columns cannot but have some. */
		CU_ASSERT_EQUAL(cycles_of_code(c, c->pairs, ldpc_code_z(c, 16), 4), 0);
		CU_ASSERT_EQUAL(cycles_of_code(c, 0, ldpc_code_z(c, 14), 3), 0);
	}
}

static unsigned int root_of(const unsigned int *up, unsigned int row)
{
	while (up[row] != row)
		row = up[row];
	return row;
}

/* A cycle of bits of two checks alone would be a set of errors without a syndrome. */
static void test_columns_of_two_have_no_cycle(void)
{
	for (unsigned int n = 0; n < ldpc_code_count; n++) {
		const struct ldpc_code *c = &ldpc_codes[n];
		unsigned int up[LDPC_ROWS_MAX], ends[LDPC_COLS_MAX][2], degree[LDPC_COLS_MAX] = {0};

		for (unsigned int r = 0; r < c->rows; r++) {
			up[r] = r < 2 * c->pairs ? r & ~1U : r;
			for (unsigned int e = c->row_start[r]; e < c->row_start[r + 1]; e++)
				if (degree[c->col[e]]++ < 2)
					ends[c->col[e]][degree[c->col[e]] - 1] = r;
		}
		for (unsigned int i = 0; i < c->cols; i++) {
			unsigned int a, b;

			if (degree[i] != 2)
				continue;
			a = root_of(up, ends[i][0]);
			b = root_of(up, ends[i][1]);
			CU_ASSERT_NOT_EQUAL(a, b);
			up[a] = b;
		}
	}
}

/*
 * No check follows from others, or its bit would be disclosed for nothing. Circulants of Z, a power
 * of two, are the ring GF(2)[x] / (x + 1)^Z, whose only maximal ideal is that of x + 1: rows are
 * independent when they are with x = 1, that is, those of the base matrix of ones (Nakayama).
 */
static void test_rank(void)
{
	for (unsigned int n = 0; n < ldpc_code_count; n++) {
		const struct ldpc_code *c = &ldpc_codes[n];
		static uint64_t m[LDPC_ROWS_MAX][LDPC_COLS_MAX / 64];
		unsigned int rank = 0;

		memset(m, 0, sizeof(m));
		for (unsigned int r = 0; r < c->rows; r++)
			for (unsigned int e = c->row_start[r]; e < c->row_start[r + 1]; e++)
				m[r][c->col[e] / 64] |= 1ULL << (c->col[e] % 64);
		for (unsigned int i = 0; i < c->cols && rank < c->rows; i++) {
			unsigned int r = rank;
			uint64_t swap;

			while (r < c->rows && (m[r][i / 64] >> (i % 64) & 1) == 0)
				r++;
			if (r == c->rows)
				continue;
			for (unsigned int w = 0; w < LDPC_COLS_MAX / 64; w++) {
				swap = m[rank][w];
				m[rank][w] = m[r][w];
				m[r][w] = swap;
			}
			for (r = rank + 1; r < c->rows; r++)
				if (m[r][i / 64] >> (i % 64) & 1)
					for (unsigned int w = 0; w < LDPC_COLS_MAX / 64; w++)
						m[r][w] ^= m[rank][w];
			rank++;
		}
		CU_ASSERT_EQUAL(rank, c->rows);
	}
}

static void test_choice_range(void)
{
	struct ldpc_choice choice;

	CU_ASSERT_EQUAL(ldpc_choose(&choice, 0.02, LDPC_FRAME_LOG2_MIN - 1), -EINVAL);
	CU_ASSERT_EQUAL(ldpc_choose(&choice, 0.02, LDPC_FRAME_LOG2_MAX + 1), -EINVAL);
	CU_ASSERT_EQUAL(ldpc_choose(&choice, -0.01, 18), -ERANGE);
	CU_ASSERT_EQUAL(ldpc_choose(&choice, LDPC_QBER_MAX + 0.001, 18), -ERANGE);
	CU_ASSERT_EQUAL(ldpc_choose(&choice, (double)NAN, 18), -ERANGE);
	CU_ASSERT_EQUAL(ldpc_choose(&choice, 0, 18), 0);
	CU_ASSERT_EQUAL(ldpc_choose(&choice, LDPC_QBER_MAX, 18), 0);
}

static double started(const struct ldpc_choice *choice)
{
	const struct ldpc_code *c = &ldpc_codes[choice->code];

	return (double)(c->rows - choice->merged[0]) / c->cols;
}

/* More errors take more; a shorter frame takes more; each round splits what is left. */
static void test_choice(void)
{
	for (unsigned int log2_bits = LDPC_FRAME_LOG2_MIN; log2_bits <= LDPC_FRAME_LOG2_MAX;
	     log2_bits++) {
		double before = 0;

		for (double q = LDPC_QBER_MIN; q <= LDPC_QBER_MAX; q += 0.0005) {
			struct ldpc_choice choice;
			double now;

			CU_ASSERT_EQUAL_FATAL(ldpc_choose(&choice, q, log2_bits), 0);
			CU_ASSERT_TRUE_FATAL(choice.code < ldpc_code_count);
			now = started(&choice);
			CU_ASSERT_TRUE(now > 1.05 * entropy(q));
			CU_ASSERT_TRUE(log2_bits < 18 || q < 0.008 || now < 1.25 * entropy(q));
			/* to a row of the coarser bases */
			CU_ASSERT_TRUE(now >= before - 1.0 / 256);
			before = now;
			CU_ASSERT_TRUE(choice.merged[0] <= ldpc_codes[choice.code].pairs);
			for (unsigned int r = 1; r <= LDPC_BLIND_ROUNDS; r++)
				CU_ASSERT_TRUE(choice.merged[r] <= choice.merged[r - 1]);
			CU_ASSERT_TRUE(choice.merged[0] == 0 ||
			               choice.merged[LDPC_BLIND_ROUNDS] < choice.merged[0]);
		}
	}
}

/* Worked out from the formula with another program's normal quantile. */
static void test_floor(void)
{
	CU_ASSERT_DOUBLE_EQUAL(ldpc_f_floor(0.02, 1 << 18, 1e-3), 1.033300321550267, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(ldpc_f_floor(0.05, 1 << 16, 1e-4), 1.0465354540449932, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(ldpc_f_floor(0.01, 1e4, 1e-2), 1.181704784718286, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(ldpc_f_floor(0.02, 1e12, 0.5), 1, 1e-6);
}

UNIT_MAIN(UNIT(test_entries), UNIT(test_pairs_have_no_column_in_common),
          UNIT(test_no_cycles_of_four), UNIT(test_columns_of_two_have_no_cycle), UNIT(test_rank),
          UNIT(test_choice_range), UNIT(test_choice), UNIT(test_floor))
