/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Searches column degrees for a code of qkd-engine/ldpc_code.h:
 *
 *      ldpc_evolve ROWS COLS MERGED PATH WORK [SEED [EVALUATIONS]]
 *
 * with MERGED pairs of its rows merged, at most PATH columns of degree 2 and no degree above that
 * (rows, of which pairs count as one, less one), and decoded with WORK, that is edges a bit times
 * iterations: what decoding costs. It prints the error rate that the
 * best degrees found reach with that, and the degrees for ldpc_lift.
 *
 * An error rate is judged by density evolution (Richardson, Shokrollahi, Urbanke, IEEE Trans. Inf.
 * Theory 47 (2001) 619) on the decoder's lattice of reliabilities, for a random graph without
 * cycles, from a binary symmetric channel; checks have two degrees next to each other, merged ones
 * twice that. The search moves columns between degrees, keeps what takes less work at an error
 * rate, and raises the rate whenever there is work to spare.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qkd-engine/ldpc_code.h"

#define UNITS_PER_NAT  4
#define LEVELS         64 /* of magnitude: 16 nats */
#define WIDTH          (2 * LEVELS + 1)
#define DONE           1e-5 /* error rate of messages: the rest goes by itself */
#define ITERATIONS_MAX 400

/* Of rows, so that two merged ones are within LDPC_DEGREE_MAX. */
#define ROW_DEGREE_MAX (LDPC_DEGREE_MAX / 2 - 8)

static const int degrees[] = {2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 30};

#define KINDS ((int)(sizeof(degrees) / sizeof(degrees[0])))

static int rows, cols, merged, path;
static uint64_t state;

/* Probabilities by magnitude: of both signs together, and positive less negative. */
struct folded {
	float sum[LEVELS + 1], difference[LEVELS + 1];
};

static int combination[LEVELS + 1][LEVELS + 1]; /* of two magnitudes in a check */
static int band;                                /* farther apart, it is the least of them */

static int below(int n)
{
	uint64_t x = state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return (int)(((x ^ (x >> 31)) >> 33) % (uint64_t)n);
}

static double entropy(double q)
{
	return -q * log2(q) - (1 - q) * log2(1 - q);
}

static void init_combination(void)
{
	for (int a = 0; a <= LEVELS; a++)
		for (int b = 0; b <= LEVELS; b++) {
			double x = (double)a / UNITS_PER_NAT, y = (double)b / UNITS_PER_NAT;
			double z = fmin(x, y) + log1p(exp(-x - y)) - log1p(exp(-fabs(x - y)));

			combination[a][b] = (int)lrint(fmax(z, 0) * UNITS_PER_NAT);
			if (combination[a][b] != (a < b ? a : b) && abs(a - b) >= band)
				band = abs(a - b) + 1;
		}
}

static void combine(struct folded *out, const struct folded *a, const struct folded *b)
{
	struct folded r = {{0}, {0}}, a_above = r, b_above = r;

	for (int i = LEVELS; i >= 0; i--) {
		int up = i < LEVELS ? i + 1 : i;
		float more = i < LEVELS ? 1 : 0;

		a_above.sum[i] = a->sum[i] + more * a_above.sum[up];
		b_above.sum[i] = b->sum[i] + more * b_above.sum[up];
		a_above.difference[i] = a->difference[i] + more * a_above.difference[up];
		b_above.difference[i] = b->difference[i] + more * b_above.difference[up];
	}
	for (int i = 0; i <= LEVELS; i++) {
		int first = i - band < 0 ? 0 : i - band + 1, far = i + band;
		int last = far - 1 < LEVELS ? far - 1 : LEVELS;

		if (far <= LEVELS) {
			r.sum[i] += a->sum[i] * b_above.sum[far] + b->sum[i] * a_above.sum[far];
			r.difference[i] += a->difference[i] * b_above.difference[far] +
			                   b->difference[i] * a_above.difference[far];
		}
		for (int j = first; j <= last; j++) {
			r.sum[combination[i][j]] += a->sum[i] * b->sum[j];
			r.difference[combination[i][j]] += a->difference[i] * b->difference[j];
		}
	}
	*out = r;
}

static void power(struct folded *out, const struct folded *in, int n)
{
	struct folded square = *in;
	int have = 0;

	for (; n > 0; n >>= 1) {
		if (n & 1 && have)
			combine(out, out, &square);
		else if (n & 1) {
			*out = square;
			have = 1;
		}
		if (n > 1)
			combine(&square, &square, &square);
	}
}

/* Of the sum of two reliabilities, what is beyond the lattice on its ends. */
static void add(float *out, const float *a, const float *b)
{
	float t[2 * WIDTH - 1] = {0}, low = 0, high = 0;

	for (int i = 0; i < WIDTH; i++)
		if (a[i] > 1e-18F)
			for (int j = 0; j < WIDTH; j++)
				t[i + j] += a[i] * b[j];
	for (int i = 0; i <= LEVELS; i++) {
		low += t[i];
		high += t[3 * LEVELS + i];
	}
	memcpy(out, t + LEVELS, WIDTH * sizeof(*out));
	out[0] = low;
	out[WIDTH - 1] = high;
}

static double wrong(const float *p)
{
	double sum = 0.5 * (double)p[LEVELS];

	for (int i = 0; i < LEVELS; i++)
		sum += (double)p[i];
	return sum;
}

static void channel_of(double qber, float *p)
{
	double units = UNITS_PER_NAT * log((1 - qber) / qber);
	int low = units < LEVELS - 1 ? (int)units : LEVELS - 1;
	double part = fmin(units - low, 1);

	memset(p, 0, WIDTH * sizeof(*p));
	p[LEVELS + low] = (float)((1 - qber) * (1 - part));
	p[LEVELS + low + 1] = (float)((1 - qber) * part);
	p[LEVELS - low] += (float)(qber * (1 - part));
	p[LEVELS - low - 1] = (float)(qber * part);
}

static int edges_of(const int *count)
{
	int edges = 0;

	for (int i = 0; i < KINDS; i++)
		edges += count[i] * degrees[i];
	return edges;
}

/* Messages from checks of all degrees there are, from messages X to them. */
static void check_step(const float *x, int edges, float *out)
{
	int low = edges / rows;
	double mean = (double)edges / rows, part = mean - low;
	double single = (double)(rows - 2 * merged) / rows;
	float share[3] = {(float)(single * (1 - part) * low / mean),
	                  (float)(single * part * (low + 1) / mean), (float)(1 - single)};
	struct folded in = {{x[LEVELS]}, {0}}, by_degree[3];

	for (int i = 1; i <= LEVELS; i++) {
		in.sum[i] = x[LEVELS + i] + x[LEVELS - i];
		in.difference[i] = x[LEVELS + i] - x[LEVELS - i];
	}
	power(&by_degree[0], &in, low - 1);
	combine(&by_degree[1], &by_degree[0], &in);
	power(&by_degree[2], &in, (int)(2 * mean + 0.5) - 1);
	for (int i = 0; i <= LEVELS; i++) {
		float sum = 0, difference = 0;

		for (int d = 0; d < 3; d++) {
			sum += share[d] * by_degree[d].sum[i];
			difference += share[d] * by_degree[d].difference[i];
		}
		out[LEVELS + i] = (sum + difference) / 2;
		out[LEVELS - i] = (sum - difference) / 2;
	}
	out[LEVELS] = by_degree[0].sum[0] * share[0] + by_degree[1].sum[0] * share[1] +
	              by_degree[2].sum[0] * share[2];
}

/* Messages from columns, of which COUNT are of each degree, from messages Y to them. */
static void column_step(const float *y, const float *channel, const int *count, int edges, float *x)
{
	float sum[WIDTH], all = 0;
	int have = 0;

	memcpy(sum, channel, sizeof(sum));
	memset(x, 0, WIDTH * sizeof(*x));
	for (int i = 0; i < KINDS; i++) {
		float share = (float)count[i] * (float)degrees[i] / (float)edges;

		for (; have < degrees[i] - 1; have++)
			add(sum, sum, y);
		for (int j = 0; j < WIDTH; j++)
			x[j] += share * sum[j];
	}
	/* Rounding is raised to the power of a check's degree in each iteration. */
	for (int j = 0; j < WIDTH; j++)
		all += x[j];
	for (int j = 0; j < WIDTH; j++)
		x[j] /= all;
}

/* Edges a bit times iterations to decode, or, above LIMIT, LIMIT and how far it was from that. */
static double work(const int *count, double qber, double limit)
{
	int edges = edges_of(count), most;
	double density = (double)edges / cols, before = qber, now = qber;
	float channel[WIDTH], x[WIDTH], y[WIDTH];

	most = (int)fmin(ceil(limit / density), ITERATIONS_MAX);
	channel_of(qber, channel);
	memcpy(x, channel, sizeof(x));
	for (int n = 0; n < most; n++) {
		check_step(x, edges, y);
		column_step(y, channel, count, edges, x);
		before = now;
		now = wrong(x);
		if (now < DONE)
			return density * (n + log(before / DONE) / log(before / now));
		if (n > 5 && now > before * 0.99999)
			break;
	}
	return limit * (1 + log(now / DONE) / log(qber / DONE));
}

/* The highest error rate from LOW on that takes at most LIMIT. */
static double reach(const int *count, double low, double high, double limit)
{
	for (int i = 0; i < 12; i++) {
		double q = (low + high) / 2;

		if (work(count, q, limit * 1.05) <= limit)
			low = q;
		else
			high = q;
	}
	return low;
}

/* One to three random moves of up to MOST columns; false where that is not a code. */
static int move(int *count, int most)
{
	for (int n = 1 + below(3); n > 0;) {
		int from = below(KINDS), to = below(KINDS), columns = 1 + below(most);

		if (from == to || count[from] == 0 || degrees[to] > path)
			continue;
		columns = columns < count[from] ? columns : count[from];
		count[from] -= columns;
		count[to] += columns;
		n--;
	}
	return count[0] <= path && edges_of(count) <= rows * ROW_DEGREE_MAX;
}

static double search(int *count, double limit, double capacity, int evaluations)
{
	double qber = reach(count, capacity * 0.3, capacity, limit * 1.05);
	double best = work(count, qber, limit * 1.3);

	for (int n = 0; n < evaluations; n++) {
		int other[KINDS];
		double w;

		if (best < limit * 0.985) {
			qber = reach(count, qber, qber * 1.1, limit * 1.05);
			best = work(count, qber, limit * 1.3);
		}
		memcpy(other, count, sizeof(other));
		if (!move(other, (int)(cols * 0.06 * (1 - 0.9 * n / evaluations)) + 1))
			continue;
		w = work(other, qber, best * 1.001);
		if (w < best) {
			best = w;
			memcpy(count, other, sizeof(other));
		}
	}
	return reach(count, qber * 0.95, qber * 1.05, limit);
}

int main(int argc, char **argv)
{
	double syndrome, capacity = 0.25, qber;
	int count[KINDS] = {0};

	if (argc < 6) {
		fprintf(stderr, "usage: %s ROWS COLS MERGED PATH WORK [SEED [EVALUATIONS]]\n",
		        argv[0]);
		return 2;
	}
	rows = atoi(argv[1]);
	cols = atoi(argv[2]);
	merged = atoi(argv[3]);
	path = atoi(argv[4]);
	state = argc > 6 ? strtoull(argv[6], NULL, 10) : 1;
	if (rows < 8 || cols <= rows || merged < 0 || 2 * merged > rows || path < 0) {
		fprintf(stderr, "ROWS, COLS, MERGED or PATH is out of range\n");
		return 2;
	}
	init_combination();
	syndrome = (double)(rows - merged) / cols;
	while (entropy(capacity) > syndrome)
		capacity *= 0.9999;
	/* To start with: five edges a bit, of columns of 2, 3 and 12 or so. */
	count[0] = rows * 8 / 10 < path ? rows * 8 / 10 : path;
	count[9] = (5 * cols - 2 * count[0] - 3 * (cols - count[0])) / (degrees[9] - 3);
	while (edges_of(count) + 3 * (cols - count[0] - count[9]) > rows * ROW_DEGREE_MAX)
		count[9]--;
	count[1] = cols - count[0] - count[9];
	qber = search(count, atof(argv[5]), capacity, argc > 7 ? atoi(argv[7]) : 3000);
	printf("%d of %d merged %d: work %s at %.5f (f %.4f), %.2f edges a bit: \"", rows, cols,
	       merged, argv[5], qber, syndrome / entropy(qber), (double)edges_of(count) / cols);
	for (int i = 0; i < KINDS; i++)
		if (count[i] > 0)
			printf(" %d:%d", degrees[i], count[i]);
	printf(" \"\n");
	return 0;
}
