/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Makes a code of qkd-engine/ldpc_code.h with given column degrees and prints its table:
 *
 *      ldpc_lift ROWS COLS PAIRS SEED "2:56 3:277 8:40 ..." > qkd-engine/ldpc_codes_ROWS_of_COLS.c
 *
 * Columns of degree 2 form a path over the rows, so that no cycle consists of them alone. The
 * others go into rows that have the most room, high degrees first; then, low degrees first, a
 * column's shifts are those that close the fewest short cycles that are badly connected to the rest
 * of the graph: ACE, the sum of (degree - 2) over a cycle's columns, counts the edges that lead out
 * of it (Tian, Jones, Villasenor, Wesel, IEEE Trans. Commun. 52 (2004) 1242). All paths of little
 * ACE between the rows of the new column are enumerated in the graph with all pairs merged, so that
 * the cycles of any number of merged pairs are among them; each path is one difference of shifts to
 * avoid, in the longest circulants and, with less weight, in shorter ones.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qkd-engine/ldpc_code.h"

#define DEGREE_MAX      32
#define PATH_MAX        6  /* columns of a path that is looked at */
#define ACE_MAX         3  /* with the new column's own, of a path of three columns or more */
#define PAIR_DEGREE_MAX 12 /* of the columns of a path of two */

struct entry {
	int col, shift;
};

static int rows, cols, pairs, z;
static uint64_t state;

static int degree[LDPC_COLS_MAX];
static int row_of[LDPC_COLS_MAX][DEGREE_MAX], shift_of[LDPC_COLS_MAX][DEGREE_MAX];
/* By row, or by pair of rows at the number of the first. */
static struct entry entries[LDPC_ROWS_MAX][LDPC_DEGREE_MAX + DEGREE_MAX];
static int entry_count[LDPC_ROWS_MAX], room[LDPC_ROWS_MAX];

/* What closing a cycle with a difference of shifts costs, from one row of the new column. */
static uint64_t cost[LDPC_ROWS_MAX][LDPC_Z_MAX];
static char wanted[LDPC_ROWS_MAX];

static uint64_t next(void)
{
	uint64_t x = state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static int below(int n)
{
	return (int)((next() >> 33) % (uint64_t)n);
}

static int merged_row(int row)
{
	return row < 2 * pairs ? row & ~1 : row;
}

/* Degrees in increasing order; fractions of columns are carried over to the next degree. */
static void read_degrees(const char *text)
{
	double share[DEGREE_MAX + 1] = {0}, sum = 0;
	int n = 0, d, used;
	double count;

	while (sscanf(text, " %d:%lf%n", &d, &count, &used) == 2 && d >= 2 && d <= DEGREE_MAX) {
		share[d] = count;
		text += used;
	}
	for (d = 2; d <= DEGREE_MAX; d++)
		for (sum += share[d]; n < (int)(sum + 0.5) && n < cols;)
			degree[n++] = d;
	if (n != cols) {
		fprintf(stderr, "%d columns, not %d\n", n, cols);
		exit(1);
	}
}

static void place(int col)
{
	for (int k = 0; k < degree[col]; k++) {
		int m = merged_row(row_of[col][k]);

		entries[m][entry_count[m]++] = (struct entry){col, shift_of[col][k]};
	}
}

/*
 * A path over the rows, a pair counting as one: it comes by one row and leaves by the other, so
 * that it stays a path where the pair is merged. The number of columns in it.
 */
static int place_path(void)
{
	int node[LDPC_ROWS_MAX], nodes = 0, n = 0;

	for (int r = 0; r < rows; r++)
		if (r == merged_row(r))
			node[nodes++] = r;
	for (int i = nodes - 1; i > 0; i--) {
		int other = below(i + 1), swap = node[i];

		node[i] = node[other];
		node[other] = swap;
	}
	for (; n < cols && degree[n] == 2; n++) {
		if (n + 1 >= nodes) {
			fprintf(stderr, "more columns of degree 2 than make a path\n");
			exit(1);
		}
		row_of[n][0] = node[n] < 2 * pairs ? node[n] + 1 : node[n];
		row_of[n][1] = node[n + 1];
		room[row_of[n][0]]--;
		room[row_of[n][1]]--;
	}
	return n;
}

/* Rows for a column: those with the most room, and some chance. */
static int choose_rows(int col)
{
	char used[LDPC_ROWS_MAX] = {0};

	for (int k = 0; k < degree[col]; k++) {
		double best_score = 0;
		int best = -1;

		for (int r = 0; r < rows; r++) {
			double score = room[r] + below(1 << 20) * (2.5 / (1 << 20));

			if (room[r] > 0 && !used[merged_row(r)] &&
			    (best < 0 || score > best_score)) {
				best = r;
				best_score = score;
			}
		}
		if (best < 0)
			return -1;
		used[merged_row(best)] = 1;
		row_of[col][k] = best;
		room[best]--;
	}
	return 0;
}

/*
 * By columns of a cycle and its ACE, how likely it is to trap the decoder, roughly. All costs are
 * integers, so that a code comes out the same everywhere.
 */
static uint64_t weight(int columns, int ace)
{
	uint64_t w = UINT64_C(1) << 40;

	if (columns == 2)
		return w;
	while (columns-- > 0)
		w /= 3;
	for (; ace > 0 && w > 0; ace--)
		w /= 6;
	return w;
}

static uint64_t weights[PATH_MAX + 2][4 * DEGREE_MAX];

static void init_weights(void)
{
	for (int n = 2; n < PATH_MAX + 2; n++)
		for (int ace = 0; ace < 4 * DEGREE_MAX; ace++)
			weights[n][ace] = weight(n, ace);
}

/*
 * What ends at wanted rows by paths from ROW on, SHIFT being the sum so far: all paths of one
 * column, those of two of low degrees, and of the longer ones those of little ACE.
 */
static void walk(int row, int from, int shift, int columns, int ace)
{
	for (int i = 0; i < entry_count[row]; i++) {
		int col = entries[row][i].col, all = shift + entries[row][i].shift;
		int more = ace + degree[col] - 2;

		if (col == from || (columns == 1 && degree[col] > PAIR_DEGREE_MAX) ||
		    (columns >= 2 && more > ACE_MAX))
			continue;
		for (int k = 0; k < degree[col]; k++) {
			int other = merged_row(row_of[col][k]);
			int sum = (all - shift_of[col][k]) & (z - 1);

			if (other == row && shift_of[col][k] == entries[row][i].shift)
				continue;
			if (wanted[other])
				cost[other][sum] += weights[columns + 2][more];
			if (columns + 1 < PATH_MAX &&
			    (columns == 0 ? degree[col] <= PAIR_DEGREE_MAX : more < ACE_MAX))
				walk(other, col, sum, columns + 1, more);
		}
	}
}

/* Costs count in shorter circulants as well, a tenth and a hundredth: frames of n / 4 and n / 16.
 */
static void fold(uint64_t *c)
{
	uint64_t quarter[LDPC_Z_MAX / 4] = {0}, sixteenth[LDPC_Z_MAX / 16] = {0};

	for (int i = 0; i < z; i++) {
		quarter[i % (z / 4)] += c[i];
		sixteenth[i % (z / 16)] += c[i];
	}
	for (int i = 0; i < z; i++)
		c[i] = 100 * c[i] + 10 * quarter[i % (z / 4)] + sixteenth[i % (z / 16)];
}

/* Shifts of COL, edge by edge, in the graph of the columns before. */
static void choose_shifts(int col)
{
	static uint64_t total[DEGREE_MAX][LDPC_Z_MAX];

	memset(total, 0, sizeof(total));
	shift_of[col][0] = below(z);
	for (int k = 0; k < degree[col]; k++) {
		int best = 0, start = below(z);

		if (k > 0) {
			for (int i = 0; i < z; i++)
				if (total[k][(start + i) % z] < total[k][(start + best) % z])
					best = i;
			shift_of[col][k] = (start + best) % z;
		}
		/* What this edge makes of later ones: a difference D costs cost[row][D]. */
		memset(wanted, 0, sizeof(wanted));
		for (int later = k + 1; later < degree[col]; later++) {
			wanted[merged_row(row_of[col][later])] = 1;
			memset(cost[merged_row(row_of[col][later])], 0, sizeof(cost[0]));
		}
		walk(merged_row(row_of[col][k]), -1, 0, 0, degree[col] - 2);
		for (int later = k + 1; later < degree[col]; later++) {
			uint64_t *c = cost[merged_row(row_of[col][later])];

			fold(c);
			for (int i = 0; i < z; i++)
				total[later][(shift_of[col][k] - i) & (z - 1)] += c[i];
		}
	}
}

static int make(void)
{
	int edges = 0, first;

	for (int c = 0; c < cols; c++)
		edges += degree[c];
	for (int r = 0; r < rows; r++)
		room[r] = edges / rows + (r < edges % rows);
	memset(entry_count, 0, sizeof(entry_count));
	first = place_path();
	for (int c = cols - 1; c >= first; c--)
		if (choose_rows(c) < 0)
			return -1;
	for (int c = 0; c < cols; c++) {
		choose_shifts(c);
		place(c);
	}
	return 0;
}

static void print_array(const char *name, const int *v, int n)
{
	int width = 0;

	printf("const uint16_t ldpc_%d_of_%d_%s[] = {\n", rows, cols, name);
	for (int i = 0; i < n; i++) {
		char text[16];
		int length = snprintf(text, sizeof(text), "%d,", v[i]);

		if (width + length > 100) {
			printf("\n");
			width = 0;
		}
		printf("%s", text);
		width += length;
	}
	printf("\n};\n");
}

static void print_table(const char *seed, const char *degrees)
{
	int start[LDPC_ROWS_MAX + 1], n = 0;
	int col[LDPC_COLS_MAX * DEGREE_MAX], shift[LDPC_COLS_MAX * DEGREE_MAX];

	for (int r = 0; r < rows; r++) {
		start[r] = n;
		for (int c = 0; c < cols; c++)
			for (int k = 0; k < degree[c]; k++)
				if (row_of[c][k] == r) {
					col[n] = c;
					shift[n++] = shift_of[c][k];
				}
	}
	start[rows] = n;
	printf("/* SPDX-License-Identifier: BSD-3-Clause */\n\n");
	printf("/* ldpc_lift %d %d %d %s \"%s\" */\n\n", rows, cols, pairs, seed, degrees);
	printf("#include \"qkd-engine/ldpc_codes.h\"\n\n/* clang-format off */\n");
	print_array("row_start", start, rows + 1);
	print_array("col", col, n);
	print_array("shift", shift, n);
	printf("/* clang-format on */\n");
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: %s ROWS COLS PAIRS SEED DEGREES\n", argv[0]);
		return 2;
	}
	rows = atoi(argv[1]);
	cols = atoi(argv[2]);
	pairs = atoi(argv[3]);
	state = strtoull(argv[4], NULL, 10);
	if (rows < 4 || rows > LDPC_ROWS_MAX || cols < 1 || cols > LDPC_COLS_MAX || pairs < 0 ||
	    2 * pairs > rows || (1 << LDPC_FRAME_LOG2_MAX) / cols > LDPC_Z_MAX) {
		fprintf(stderr, "ROWS, COLS or PAIRS is out of range\n");
		return 2;
	}
	z = (1 << LDPC_FRAME_LOG2_MAX) / cols;
	init_weights();
	read_degrees(argv[5]);
	for (int attempt = 0; make() < 0; attempt++)
		if (attempt == 100) {
			fprintf(stderr, "no room for all columns\n");
			return 1;
		}
	print_table(argv[4], argv[5]);
	return 0;
}
