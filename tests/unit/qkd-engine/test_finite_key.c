/* SPDX-License-Identifier: BSD-3-Clause */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "qkd-engine/finite_key.h"
#include "tests/unit/unit.h"

static void near(double got, double want, double absolute)
{
	CU_ASSERT(fabs(got - want) <= 1e-6 * fabs(want) + absolute);
	if (fabs(got - want) > 1e-6 * fabs(want) + absolute)
		fprintf(stderr, "got %.9f, want %.9f\n", got, want);
}

static size_t parse_row(const char *line, double *v, size_t max)
{
	size_t n = 0;
	char *end;

	while (n < max) {
		v[n] = strtod(line, &end);
		if (end == line)
			break;
		line = end;
		n++;
	}
	return n;
}

static void test_vectors(void)
{
	char path[512], line[512];
	const char *dir = getenv("LUMENGATE_VECTORS");
	unsigned int rows = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/finite_key_rusca2018.txt", dir ? dir : "tests/vectors");
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f)) {
		double v[18];
		struct finite_key_bound b;

		if (line[0] == '#')
			continue;
		CU_ASSERT_EQUAL_FATAL(parse_row(line, v, 18), 18);
		struct finite_key_source s = {{v[0], v[1]}, {v[2], 1 - v[2]}, 1e-9, 1e-15};
		struct finite_key_counts c = {
		        {(uint64_t)v[3], (uint64_t)v[4]},
		        {(uint64_t)v[5], (uint64_t)v[6]},
		        {(uint64_t)v[7], (uint64_t)v[8]},
		        {(uint64_t)v[9], (uint64_t)v[10]},
		};
		finite_key_rusca2018(&s, &c, v[11], &b);
		/* The printed figures end after three or eight decimals. */
		near(b.s_z1_lower, v[12], 6e-4);
		near(b.s_x1_lower, v[13], 6e-4);
		if (v[17] == 0) {
			near(b.v_x1_upper, v[14], 6e-4);
			near(b.phi_z_upper, v[15], 6e-9);
		} else {
			CU_ASSERT(b.v_x1_upper < v[14]);
			CU_ASSERT(b.phi_z_upper < v[15]);
		}
		near(b.length, v[16], 0.005); /* the leak is printed to 0.01 */
		CU_ASSERT_EQUAL(b.secret_bits, (uint64_t)b.length);
		CU_ASSERT_EQUAL(b.s_z0_lower, 0);
		rows++;
	}
	fclose(f);
	CU_ASSERT_EQUAL(rows, 8);
}

static const struct finite_key_source source = {{0.3, 0.1}, {0.3, 0.7}, 1e-9, 1e-15};

static void test_nothing_gives_nothing(void)
{
	struct finite_key_counts none = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
	struct finite_key_counts no_x = {{700000, 300000}, {7000, 3000}, {0, 0}, {0, 0}};
	struct finite_key_bound b;

	finite_key_rusca2018(&source, &none, 0, &b);
	CU_ASSERT_EQUAL(b.secret_bits, 0);
	CU_ASSERT(b.length < 0);
	finite_key_rusca2018(&source, &no_x, 0, &b);
	CU_ASSERT_EQUAL(b.phi_z_upper, 0.5);
	CU_ASSERT_EQUAL(b.secret_bits, 0);
}

/* More leak, more test errors: never more key. Errors of one half: no key at all. */
static void test_monotonic(void)
{
	struct finite_key_counts c = {{560000, 440000}, {8400, 6600}, {35000, 27500}, {0, 0}};
	double before = 1e9;
	struct finite_key_bound b;

	for (uint64_t errors = 0; errors <= 17000; errors += 500) {
		c.m_x[0] = errors;
		c.m_x[1] = errors * 27500 / 35000;
		finite_key_rusca2018(&source, &c, 100000, &b);
		CU_ASSERT(b.length <= before);
		CU_ASSERT_FALSE(isnan(b.length));
		before = b.length;
	}
	CU_ASSERT_EQUAL(b.secret_bits, 0);
	c.m_x[0] = 500;
	c.m_x[1] = 400;
	finite_key_rusca2018(&source, &c, 1000, &b);
	before = b.length;
	finite_key_rusca2018(&source, &c, 1500, &b);
	CU_ASSERT_DOUBLE_EQUAL(before - b.length, 500, 1e-6);
}

static void test_entropy(void)
{
	CU_ASSERT_EQUAL(binary_entropy(0), 0);
	CU_ASSERT_EQUAL(binary_entropy(1), 0);
	CU_ASSERT_EQUAL(binary_entropy(0.5), 1);
	CU_ASSERT_DOUBLE_EQUAL(binary_entropy(0.01), 0.080793, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(binary_entropy(0.11), 0.499916, 1e-6);
}

UNIT_MAIN(UNIT(test_vectors), UNIT(test_nothing_gives_nothing), UNIT(test_monotonic),
          UNIT(test_entropy))
