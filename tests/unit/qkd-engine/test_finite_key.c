/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qkd-engine/finite_key.h"
#include "tests/unit/unit.h"

#define COLUMNS 24

static void near(double got, double want, double absolute)
{
	CU_ASSERT(fabs(got - want) <= 1e-6 * fabs(want) + absolute);
	if (!(fabs(got - want) <= 1e-6 * fabs(want) + absolute))
		fprintf(stderr, "got %.9f, want %.9f\n", got, want);
}

/* Figures of a line; "-" is NaN. */
static size_t parse_row(char *line, double *v, size_t max)
{
	size_t n = 0;
	char *save, *word;

	for (word = strtok_r(line, " \t\n", &save); word != NULL && n < max;
	     word = strtok_r(NULL, " \t\n", &save))
		v[n++] = strcmp(word, "-") == 0 ? NAN : strtod(word, NULL);
	return n;
}

/* Calls ROW for each line of figures; the number of them. */
static unsigned int each_row(const char *proof, size_t columns, void (*row)(const double *v))
{
	char path[512], line[512];
	const char *dir = getenv("LUMENGATE_VECTORS");
	unsigned int rows = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/finite_key_%s.txt", dir ? dir : "tests/vectors", proof);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f)) {
		double v[COLUMNS];

		if (line[0] == '#')
			continue;
		CU_ASSERT_EQUAL_FATAL(parse_row(line, v, COLUMNS), columns);
		row(v);
		rows++;
	}
	fclose(f);
	return rows;
}

static void pair(uint64_t *out, const double *v)
{
	out[0] = (uint64_t)v[0];
	out[1] = (uint64_t)v[1];
}

/* mu1 mu2 p1, eight counts, leak. */
static struct finite_key_input one_decoy(const double *v, double eps_sec)
{
	struct finite_key_input in = {.source = {{v[0], v[1]}, {v[2], 1 - v[2]}, eps_sec, 1e-15},
	                              .leak = v[11]};

	pair(in.counts.n_z, v + 3);
	pair(in.counts.m_z, v + 5);
	pair(in.counts.n_x, v + 7);
	pair(in.counts.m_x, v + 9);
	return in;
}

static void key_is_floor(const struct finite_key_result *r)
{
	CU_ASSERT_EQUAL(r->secret_bits, r->length > 0 ? (uint64_t)r->length : 0);
	CU_ASSERT_EQUAL(r->secret_bits == 0, r->reason[0] != '\0');
}

/* The printed figures end after three or eight decimals, the leak after two. */
static void one_decoy_row(const struct finite_key_result *r, const double *v)
{
	near(r->z.s1_lower, v[12], 6e-4);
	near(r->x.s1_lower, v[13], 6e-4);
	near(r->x.v1_upper, v[14], 6e-4);
	near(r->phi_z_upper, v[15], 6e-9);
	/* The leak counts as whole bits. */
	near(r->length + r->leak - v[11], v[16], 0.006);
	key_is_floor(r);
}

static void rusca_row(const double *v)
{
	struct finite_key_input in = one_decoy(v, 1e-9);
	struct finite_key_result r;

	CU_ASSERT_EQUAL(finite_key_bound(FINITE_KEY_RUSCA2018, &in, &r), 0);
	if (v[17] == 0) {
		one_decoy_row(&r, v);
	} else {
		near(r.z.s1_lower, v[12], 6e-4);
		near(r.x.s1_lower, v[13], 6e-4);
		CU_ASSERT(r.x.v1_upper < v[14]);
		CU_ASSERT(r.phi_z_upper < v[15]);
		near(r.length + r.leak - v[11], v[16], 0.006);
	}
	CU_ASSERT_EQUAL(r.z.s0_lower, 0);
}

static void test_rusca_vectors(void)
{
	CU_ASSERT_EQUAL(each_row("rusca2018", 18, rusca_row), 9);
}

static void wiesemann_row(const double *v)
{
	struct finite_key_input in = one_decoy(v, 1e-10);
	struct finite_key_result r;

	CU_ASSERT_EQUAL(finite_key_bound(FINITE_KEY_WIESEMANN2024, &in, &r), 0);
	one_decoy_row(&r, v);
}

static void test_wiesemann_vectors(void)
{
	CU_ASSERT_EQUAL(each_row("wiesemann2024", 17, wiesemann_row), 5);
}

static void lim_row(const double *v)
{
	struct finite_key_input in = {
	        .source = {{v[1], v[2], 2e-4}, {v[3], v[4], 1 - v[3] - v[4]}, v[0], 1e-15},
	        .f = 1.16,
	        .counts.m_z = {(uint64_t)v[8]},
	};
	struct finite_key_result r;

	for (int k = 0; k < 3; k++) {
		in.counts.n_z[k] = (uint64_t)v[5 + k];
		in.counts.n_x[k] = (uint64_t)v[9 + k];
		in.counts.m_x[k] = (uint64_t)v[12 + k];
	}
	/* The bound asks for no errors of the key basis by intensity; they must fit, though. */
	for (int k = 0; k < 2; k++)
		if (in.counts.m_z[k] > in.counts.n_z[k]) {
			in.counts.m_z[k + 1] = in.counts.m_z[k] - in.counts.n_z[k];
			in.counts.m_z[k] = in.counts.n_z[k];
		}
	CU_ASSERT_EQUAL(finite_key_bound(FINITE_KEY_LIM2014, &in, &r), 0);
	near(r.length, v[21], 6e-3);
	key_is_floor(&r);
	if (isnan(v[15]))
		return;
	near(r.z.s0_lower, v[15], 6e-4);
	near(r.z.s1_lower, v[16], 6e-4);
	near(r.x.s1_lower, v[17], 6e-4);
	near(r.x.v1_upper, v[18], 6e-4);
	near(r.phi_z_upper, v[19], 6e-9);
	near(r.leak, v[20], 6e-3);
}

static void test_lim_vectors(void)
{
	CU_ASSERT_EQUAL(each_row("lim2014", 22, lim_row), 11);
}

static void tomamichel_row(const double *v)
{
	struct finite_key_input in = {
	        .source = {.eps_sec = 1e-10, .eps_cor = 1e-15},
	        .f = 1.1,
	        .counts = {{(uint64_t)v[0]},
	                   {(uint64_t)llround(v[0] * v[2])},
	                   {(uint64_t)v[1]},
	                   {(uint64_t)llround(v[1] * v[2])}},
	};
	struct finite_key_result r;

	CU_ASSERT_EQUAL(finite_key_bound(FINITE_KEY_TOMAMICHEL2012, &in, &r), 0);
	near(r.deviation, v[3], 6e-10);
	near(r.length, v[4], 6e-4);
	key_is_floor(&r);
}

static void test_tomamichel_vectors(void)
{
	CU_ASSERT_EQUAL(each_row("tomamichel2012", 5, tomamichel_row), 5);
}

/* A block of each proof that has key. */
static struct finite_key_input good(enum finite_key_proof proof)
{
	struct finite_key_input in = {
	        .source = {{0.3, 0.1}, {0.3, 0.7}, 1e-9, 1e-15},
	        .counts = {{5600000, 4400000}, {84000, 66000}, {350000, 275000}, {3500, 2750}},
	        .leak = 1000000,
	};

	if (proof == FINITE_KEY_LIM2014) {
		in.source = (struct finite_key_source){
		        {0.45, 0.2, 2e-4}, {0.43, 0.44, 0.13}, 1e-9, 1e-15};
		in.counts = (struct finite_key_counts){{6869472, 3129049, 1480},
		                                       {164000, 78000, 400},
		                                       {153381, 69865, 33},
		                                       {3707, 1699, 7}};
	} else if (proof == FINITE_KEY_TOMAMICHEL2012) {
		for (int k = 1; k < 3; k++)
			in.counts.n_z[k] = in.counts.m_z[k] = in.counts.n_x[k] = in.counts.m_x[k] =
			        0;
	}
	return in;
}

static void test_nothing_gives_nothing(void)
{
	for (int p = 0; p < FINITE_KEY_PROOFS; p++) {
		struct finite_key_input in = good(p);
		struct finite_key_result r;

		CU_ASSERT_EQUAL(finite_key_bound(p, &in, &r), 0);
		CU_ASSERT(r.secret_bits > 100000);
		CU_ASSERT_STRING_EQUAL(r.reason, "");
		memset(in.counts.n_x, 0, sizeof(in.counts.n_x));
		memset(in.counts.m_x, 0, sizeof(in.counts.m_x));
		CU_ASSERT_EQUAL(finite_key_bound(p, &in, &r), 0);
		CU_ASSERT_EQUAL(r.phi_z_upper, 0.5);
		CU_ASSERT_EQUAL(r.secret_bits, 0);
		CU_ASSERT_STRING_EQUAL(r.reason, "no detections in the test basis");
		memset(&in.counts, 0, sizeof(in.counts));
		CU_ASSERT_EQUAL(finite_key_bound(p, &in, &r), 0);
		CU_ASSERT_EQUAL(r.secret_bits, 0);
		CU_ASSERT(r.length < 0);
		CU_ASSERT_STRING_EQUAL(r.reason, "no detections in the key basis");
	}
}

/* More leak, more test errors: never more key. Errors of one half: no key at all. */
static void test_monotonic(void)
{
	for (int p = 0; p < FINITE_KEY_PROOFS; p++) {
		struct finite_key_input in = good(p);
		struct finite_key_result r;
		double before = 1e12;

		for (int share = 0; share <= 500; share += 10) {
			for (int k = 0; k < 3; k++)
				in.counts.m_x[k] = in.counts.n_x[k] * (uint64_t)share / 1000;
			CU_ASSERT_EQUAL(finite_key_bound(p, &in, &r), 0);
			CU_ASSERT(r.length <= before);
			before = r.length;
		}
		CU_ASSERT_EQUAL(r.secret_bits, 0);
		in = good(p);
		finite_key_bound(p, &in, &r);
		before = r.length;
		in.leak += 500;
		finite_key_bound(p, &in, &r);
		CU_ASSERT_DOUBLE_EQUAL(before - r.length, 500, 1e-6);
		in.source.eps_sec = 1e-12;
		before = r.length;
		finite_key_bound(p, &in, &r);
		CU_ASSERT(r.length < before);
	}
}

struct refusal {
	const char *field;
	enum finite_key_proof proof;
	void (*spoil)(struct finite_key_input *in);
};

#define SPOIL(name, what)                                                                          \
	static void spoil_##name(struct finite_key_input *in)                                      \
	{                                                                                          \
		what;                                                                              \
	}

SPOIL(mu_nan, in->source.mu[1] = NAN)
SPOIL(mu_order, in->source.mu[1] = 0.5)
SPOIL(mu_same, in->source.mu[1] = in->source.mu[0])
SPOIL(mu_zero, in->source.mu[1] = 0)
SPOIL(mu_sum, in->source.mu[1] = 0.4499)
SPOIL(mu_huge, in->source.mu[0] = INFINITY)
SPOIL(p_zero, in->source.p[0] = 0)
SPOIL(p_sum, in->source.p[0] = 0.31)
SPOIL(p_nan, in->source.p[0] = NAN)
SPOIL(eps_zero, in->source.eps_sec = 0)
SPOIL(eps_one, in->source.eps_sec = 1)
SPOIL(eps_nan, in->source.eps_cor = NAN)
SPOIL(leak_negative, in->leak = -1)
SPOIL(leak_nan, in->leak = NAN)
SPOIL(f_negative, in->f = -1)
SPOIL(errors, in->counts.m_x[1] = in->counts.n_x[1] + 1)
SPOIL(huge, in->counts.n_z[0] = UINT64_MAX)
SPOIL(third, in->counts.n_x[2] = 1)

static void test_refusals(void)
{
	static const struct refusal cases[] = {
	        {"mu[1]:", FINITE_KEY_RUSCA2018, spoil_mu_nan},
	        {"mu[1]:", FINITE_KEY_WIESEMANN2024, spoil_mu_order},
	        {"mu[1]:", FINITE_KEY_WIESEMANN2024, spoil_mu_same},
	        {"mu[1]:", FINITE_KEY_WIESEMANN2024, spoil_mu_zero},
	        {"mu[0]:", FINITE_KEY_LIM2014, spoil_mu_sum},
	        {"mu[0]:", FINITE_KEY_LIM2014, spoil_mu_huge},
	        {"p[0]:", FINITE_KEY_RUSCA2018, spoil_p_zero},
	        {"p[0]:", FINITE_KEY_RUSCA2018, spoil_p_nan},
	        {"p:", FINITE_KEY_LIM2014, spoil_p_sum},
	        {"eps_sec:", FINITE_KEY_TOMAMICHEL2012, spoil_eps_zero},
	        {"eps_sec:", FINITE_KEY_WIESEMANN2024, spoil_eps_one},
	        {"eps_cor:", FINITE_KEY_WIESEMANN2024, spoil_eps_nan},
	        {"leak:", FINITE_KEY_WIESEMANN2024, spoil_leak_negative},
	        {"leak:", FINITE_KEY_RUSCA2018, spoil_leak_nan},
	        {"f:", FINITE_KEY_LIM2014, spoil_f_negative},
	        {"m_x[1]:", FINITE_KEY_RUSCA2018, spoil_errors},
	        {"n_z[0]:", FINITE_KEY_RUSCA2018, spoil_huge},
	        {"n_x[2], m_x[2]:", FINITE_KEY_WIESEMANN2024, spoil_third},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct finite_key_input in = good(cases[i].proof);
		struct finite_key_result r;

		cases[i].spoil(&in);
		CU_ASSERT_EQUAL(finite_key_bound(cases[i].proof, &in, &r), -EINVAL);
		CU_ASSERT_EQUAL(strncmp(r.reason, cases[i].field, strlen(cases[i].field)), 0);
		if (strncmp(r.reason, cases[i].field, strlen(cases[i].field)) != 0)
			fprintf(stderr, "%s is not about %s\n", r.reason, cases[i].field);
		CU_ASSERT_EQUAL(r.secret_bits, 0);
		CU_ASSERT_EQUAL(r.length, 0);
	}
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Whatever comes in: finite bounds within their ranges, no more key than was sifted. */
static void test_hostile(void)
{
	static const double reals[] = {0,    1e-320, 1e-6,      2e-6, 0.1, 0.3,
	                               0.45, 0.5,    0.9999999, 1,    5,   1e-9};
	uint64_t state = 88172645463325252ULL;
	unsigned int computed = 0, keys = 0;

	for (int i = 0; i < 200000; i++) {
		enum finite_key_proof p = next(&state) % FINITE_KEY_PROOFS;
		struct finite_key_input in = good(p);
		struct finite_key_result r;
		unsigned int k = (unsigned int)(next(&state) % finite_key_intensities(p));
		uint64_t n = next(&state) >> (14 + next(&state) % 50);

		switch (next(&state) % 6) {
		case 0:
			in.counts.n_z[k] = n;
			break;
		case 1:
			in.counts.n_x[k] = n;
			in.counts.m_x[k] = n > 0 ? next(&state) % (n + 1) : 0;
			break;
		case 2:
			in.source.mu[k] = reals[next(&state) % 12];
			break;
		case 3:
			in.source.p[0] = reals[next(&state) % 12];
			in.source.p[1] = 1 - in.source.p[0] - in.source.p[2];
			break;
		case 4:
			in.source.eps_sec = pow(10, -(double)(next(&state) % 101));
			in.source.eps_cor = pow(10, -(double)(next(&state) % 101));
			break;
		default:
			in.leak = (double)n;
		}
		if (finite_key_bound(p, &in, &r) < 0) {
			CU_ASSERT(r.reason[0] != '\0');
			continue;
		}
		computed++;
		keys += r.secret_bits > 0;
		if (!(isfinite(r.length) && r.phi_z_upper >= 0 && r.phi_z_upper <= 0.5 &&
		      r.z.s1_lower >= 0 && r.z.s1_lower <= r.z.n && r.x.s1_lower >= 0 &&
		      r.x.s1_lower <= r.x.n && r.x.v1_upper >= 0 && r.z.s0_lower >= 0 &&
		      (double)r.secret_bits <= r.z.n && isfinite(r.deviation))) {
			CU_FAIL("a bound out of its range");
			fprintf(stderr, "%s: case %d: length %g\n", finite_key_proof_name(p), i,
			        r.length);
		}
	}
	CU_ASSERT(computed > 100000);
	CU_ASSERT(keys > 50000);
}

/* Lower bounds are below what long double arithmetic gives, upper bounds above. */
static void test_rounding(void)
{
	struct finite_key_input in = good(FINITE_KEY_WIESEMANN2024);
	uint64_t state = 1234567;
	struct finite_key_result r;

	for (int i = 0; i < 1000; i++) {
		in.counts.n_z[0] = 5600000 + next(&state) % 100000;
		in.counts.n_z[1] = 4400000 + next(&state) % 100000;
		in.counts.m_z[1] = 60000 + next(&state) % 10000;
		CU_ASSERT_EQUAL(finite_key_bound(FINITE_KEY_WIESEMANN2024, &in, &r), 0);

		long double mu1 = in.source.mu[0], mu2 = in.source.mu[1];
		long double p1 = in.source.p[0], p2 = in.source.p[1];
		long double ln = logl(15 / (long double)in.source.eps_sec);
		long double n = in.counts.n_z[0] + in.counts.n_z[1];
		long double m = in.counts.m_z[0] + in.counts.m_z[1];
		long double dn = sqrtl(n * ln / 2), dm = sqrtl(m * ln / 2);
		long double t0 = p1 * expl(-mu1) + p2 * expl(-mu2);
		long double t1 = p1 * mu1 * expl(-mu1) + p2 * mu2 * expl(-mu2);
		long double a = 2 * (t0 * expl(mu1) / p1 * (in.counts.m_z[0] + dm) + dn);
		long double b = 2 * (t0 * expl(mu2) / p2 * (in.counts.m_z[1] + dm) + dn);
		long double s0 = a < b ? a : b;
		long double s1 =
		        mu1 * t1 / (mu2 * (mu1 - mu2)) *
		        (expl(mu2) / p2 * (in.counts.n_z[1] - dn) -
		         mu2 * mu2 / (mu1 * mu1) * expl(mu1) / p1 * (in.counts.n_z[0] + dn) -
		         (mu1 * mu1 - mu2 * mu2) / (mu1 * mu1 * t0) * s0);

		CU_ASSERT(r.z.s0_upper >= s0 && r.z.s0_upper < s0 * (1 + 1e-12L));
		CU_ASSERT(r.z.s1_lower <= s1 && r.z.s1_lower > s1 * (1 - 1e-11L));
	}
}

static void test_proofs_by_name(void)
{
	enum finite_key_proof p;

	CU_ASSERT_EQUAL(finite_key_proof_find("wiesemann", &p), 0);
	CU_ASSERT_EQUAL(p, FINITE_KEY_WIESEMANN2024);
	CU_ASSERT_EQUAL(finite_key_proof_find("lim2014", &p), 0);
	CU_ASSERT_EQUAL(p, FINITE_KEY_LIM2014);
	CU_ASSERT_EQUAL(finite_key_proof_find("wiese", &p), -EINVAL);
	CU_ASSERT_EQUAL(finite_key_proof_find("", &p), -EINVAL);
	CU_ASSERT_STRING_EQUAL(finite_key_proof_name(FINITE_KEY_RUSCA2018), "rusca2018");
	CU_ASSERT_STRING_EQUAL(finite_key_proof_name(FINITE_KEY_PROOFS), "none");
	CU_ASSERT_EQUAL(finite_key_intensities(FINITE_KEY_LIM2014), 3);
}

static void test_entropy(void)
{
	CU_ASSERT_EQUAL(binary_entropy(0), 0);
	CU_ASSERT_EQUAL(binary_entropy(1), 0);
	CU_ASSERT_EQUAL(binary_entropy(NAN), 0);
	CU_ASSERT_EQUAL(binary_entropy(0.5), 1);
	CU_ASSERT_DOUBLE_EQUAL(binary_entropy(0.01), 0.080793, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(binary_entropy(0.11), 0.499916, 1e-6);
}

/*
 * Clicks in both bases: X is a sample without those that matched, and the rate that it shows is
 * that of Z with the others: docs/security.md.
 */
static void test_cross_clicks(void)
{
	struct finite_key_input in = {
	        .source = {{0.5, 0.1}, {0.7, 0.3}, 1e-10, 1e-15},
	        .counts = {{900000, 80000}, {9000, 800}, {300000, 27000}, {3000, 270}, {0}},
	        .leak = 100000};
	struct finite_key_result none, some, matched, rest;

	for (int proof = 0; proof < FINITE_KEY_PROOFS; proof++) {
		if (finite_key_intensities((enum finite_key_proof)proof) != 2)
			continue;
		in.counts.cross[0] = in.counts.cross[1] = 0;
		CU_ASSERT_EQUAL(finite_key_bound((enum finite_key_proof)proof, &in, &none), 0);
		in.counts.cross[1] = 5000;
		CU_ASSERT_EQUAL(finite_key_bound((enum finite_key_proof)proof, &in, &rest), 0);
		near(rest.phi_z_upper, none.phi_z_upper * (1 + 5000 / none.z.s1_lower), 0);
		in.counts.cross[0] = 3000;
		CU_ASSERT_EQUAL(finite_key_bound((enum finite_key_proof)proof, &in, &some), 0);
		near(some.test_error, none.x.v1_upper / (none.x.s1_lower - 3000), 0);
		CU_ASSERT(some.deviation > none.deviation);
		near(some.phi_z_upper,
		     (some.test_error + some.deviation) * (1 + 5000 / none.z.s1_lower), 0);
		in.counts.cross[1] = 0;
		CU_ASSERT_EQUAL(finite_key_bound((enum finite_key_proof)proof, &in, &matched), 0);
		CU_ASSERT(none.secret_bits > matched.secret_bits);
		CU_ASSERT(none.secret_bits > rest.secret_bits);
		CU_ASSERT(matched.secret_bits > some.secret_bits);
		CU_ASSERT(rest.secret_bits > some.secret_bits);
		/* More than the single photons of the sample: nothing is known of the phase. */
		in.counts.cross[0] = 326000;
		CU_ASSERT_EQUAL(finite_key_bound((enum finite_key_proof)proof, &in, &some), 0);
		CU_ASSERT_EQUAL(some.phi_z_upper, 0.5);
		in.counts.cross[0] = 327001;
		CU_ASSERT_EQUAL(finite_key_bound((enum finite_key_proof)proof, &in, &some),
		                -EINVAL);
		CU_ASSERT(strncmp(some.reason, "cross[0]", 8) == 0);
	}
	in.counts.cross[0] = 1;
	in.source = (struct finite_key_source){.eps_sec = 1e-10, .eps_cor = 1e-15};
	in.counts = (struct finite_key_counts){{1000}, {1}, {1000}, {1}, {1, 0}};
	CU_ASSERT_EQUAL(finite_key_bound(FINITE_KEY_TOMAMICHEL2012, &in, &some), -EINVAL);
	CU_ASSERT(strncmp(some.reason, "cross", 5) == 0);
}

/*
 * Counts that no source of these intensities makes: no detection is of an empty pulse and of a
 * single photon both, nor are more empty pulses key than there can be.
 */
static void test_counts_at_odds(void)
{
	struct finite_key_input in = {
	        .source = {{0.71, 0.66}, {0.5, 0.5}, 1e-12, 1e-15},
	        .counts = {{13439836626, 14113259031},
	                   {270601540, 286037244},
	                   {13179093848, 6525782579},
	                   {244129264, 123737116},
	                   {0}},
	        .leak = 883639534,
	};
	struct finite_key_result r;

	CU_ASSERT_EQUAL(finite_key_bound(FINITE_KEY_RUSCA2018, &in, &r), 0);
	CU_ASSERT(r.z.s0_lower <= r.z.s0_upper);
	CU_ASSERT(r.z.s0_lower + r.z.s1_lower <= r.z.n);
	CU_ASSERT_EQUAL(r.phi_z_upper, 0.5);
	CU_ASSERT(r.length < r.z.s0_upper);
	in = (struct finite_key_input){
	        .source = {{0.5, 0.1, 0.001}, {0.9, 0.05, 0.05}, 1e-12, 1e-15},
	        .counts = {{10000, 1000000, 600000},
	                   {0},
	                   {100000, 20000, 10000},
	                   {50000, 10000, 5000},
	                   {0}},
	};
	CU_ASSERT_EQUAL(finite_key_bound(FINITE_KEY_LIM2014, &in, &r), 0);
	CU_ASSERT(r.z.s0_lower + r.z.s1_lower <= r.z.n);
}

UNIT_MAIN(UNIT(test_counts_at_odds), UNIT(test_cross_clicks), UNIT(test_rusca_vectors),
          UNIT(test_wiesemann_vectors), UNIT(test_lim_vectors), UNIT(test_tomamichel_vectors),
          UNIT(test_nothing_gives_nothing), UNIT(test_monotonic), UNIT(test_refusals),
          UNIT(test_hostile), UNIT(test_rounding), UNIT(test_proofs_by_name), UNIT(test_entropy))
