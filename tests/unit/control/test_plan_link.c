/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/plan_link.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/plan_link_json.h"
#include "tests/unit/unit.h"

static bool near(double got, double want, double relative)
{
	bool ok = fabs(got - want) <= relative * fabs(want);

	if (!ok)
		printf("got %.8g, want %.8g\n", got, want);
	return ok;
}

static struct plan_link link_of(const char *text)
{
	struct err err = {0};
	struct plan_link l;
	json_t *o = json_loads(text, 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	if (plan_link_read(o, &l, &err) < 0)
		printf("%s\n", err.text);
	CU_ASSERT_EQUAL_FATAL(err.code, 0);
	json_decref(o);
	return l;
}

#define WIESEMANN(hz, eff, dcr, e, mu, p)                                                          \
	"{\"protocol\":\"one-decoy\",\"proof\":\"wiesemann\",\"source\":{\"slot_hz\":" hz          \
	",\"mu\":" mu ",\"p\":" p ",\"p_z\":0.9},"                                                 \
	"\"receiver\":{\"loss_db\":0,\"p_z\":0.9,\"misalignment\":" e "},"                         \
	"\"detector\":{\"efficiency\":" eff ",\"count\":1,\"dark_rate_hz\":" dcr                   \
	",\"dead_time_ns\":0,\"afterpulse\":0},"                                                   \
	"\"block\":{\"n_sifted\":1e7,\"f\":1.16,\"eps_sec\":1e-9,\"eps_cor\":1e-15}}"

static const struct {
	char set;
	const char *text;
} sets[] = {
        {'W', WIESEMANN("625e6", "1", "200", "0.02", "[0.5,0.15]", "[0.5,0.5]")},
        {'D', WIESEMANN("1e9", "0.2", "1000", "0.01", "[0.5,0.1]", "[0.7,0.3]")},
        {'G', WIESEMANN("2.5e9", "0.8", "100", "0.005", "[0.45,0.15]", "[0.7,0.3]")},
        {'R', "{\"proof\":\"rusca\",\"source\":{\"slot_hz\":1e9,\"mu\":[0.5,0.1],\"p\":[0.5,0.5],"
              "\"p_z\":0.9},"
              "\"receiver\":{\"loss_db\":0,\"p_z\":0.9,\"misalignment\":0.01,"
              "\"background\":\"additive\",\"gate_noise\":0.26},"
              "\"detector\":{\"efficiency\":0.5,\"count\":1,\"dark_probability\":1e-8,"
              "\"dead_time_ns\":100,\"afterpulse\":0},"
              "\"block\":{\"n_z\":1e7,\"f\":1.16,\"eps_sec\":1e-9,\"eps_cor\":1e-15}}"},
        {'A', "{\"proof\":\"rusca\",\"source\":{\"slot_hz\":80e6,\"mu\":[0.29,0.103],\"p\":[0.62,"
              "0.38],\"p_z\":0.5},\"fibre\":{\"loss_db_per_km\":0.23},"
              "\"receiver\":{\"loss_db\":13,\"p_z\":0.5,\"misalignment\":0.01,\"background\":"
              "\"additive\",\"sifting\":\"symmetric\",\"gate_light\":0.78,\"gate_noise\":0.26},"
              "\"detector\":{\"efficiency\":0.2,\"count\":1,\"dark_probability\":1.33e-6,"
              "\"dead_time_ns\":10000,\"traps\":[[0.32039698598403304,2.8724115466588267],"
              "[0.032208330133852284,11.643131595469473]]},"
              "\"block\":{\"n_z\":1e7,\"f\":1.16,\"eps_sec\":1e-10,\"eps_cor\":1e-10}}"},
};

static struct plan_link set_of(char set)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (sets[i].set == set)
			return link_of(sets[i].text);
	CU_FAIL_FATAL("no such set");
	return plan_link_default;
}

static void simulator_row(const char *line, char set)
{
	double km, gain, qber, phase, asymptotic, finite, mean = 0;
	struct plan_link l = set_of(set);
	struct plan_point p;

	CU_ASSERT_EQUAL_FATAL(sscanf(line, "%*c %lf %lf %lf %lf %lf %lf", &km, &gain, &qber, &phase,
	                             &asymptotic, &finite),
	                      6);
	plan_link_point(&l, km, &p);
	for (int k = 0; k < 2; k++)
		mean += l.p[k] * p.z.gain[k];
	CU_ASSERT(near(mean, gain, 1e-4));
	CU_ASSERT(near(100 * p.z.qber, qber, 1e-4));
	CU_ASSERT(near(100 * p.phase_error, phase, 1e-4));
	CU_ASSERT(near(p.rate_asymptotic, asymptotic, 1e-4));
	CU_ASSERT(near(p.rate_finite, finite, 1e-4));
}

static void hardware_row(const char *line, char set)
{
	double km, clicks, qber, phi, rate;
	struct plan_link l = set_of(set);
	struct plan_point p;

	CU_ASSERT_EQUAL_FATAL(
	        sscanf(line, "%*c %lf %lf %lf %lf %lf", &km, &clicks, &qber, &phi, &rate), 5);
	plan_link_point(&l, km, &p);
	CU_ASSERT(near(p.clicks_s, clicks, 1e-4));
	CU_ASSERT(near(100 * p.z.qber, qber, 1e-4));
	CU_ASSERT(near(100 * p.key.phi_z_upper, phi, 1e-4));
	CU_ASSERT(near(p.rate_finite, rate, 1e-4));
}

static void test_reference_rows(void)
{
	const char *dir = getenv("LUMENGATE_VECTORS");
	char path[512], line[256];
	unsigned int rows = 0;
	FILE *f;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	snprintf(path, sizeof(path), "%s/optics-rows-decoy.txt", dir);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strchr("WDG", line[0]) != NULL)
			simulator_row(line, line[0]);
		else if (strchr("RA", line[0]) != NULL)
			hardware_row(line, line[0]);
		else
			continue;
		rows++;
	}
	fclose(f);
	CU_ASSERT_EQUAL(rows, 15);
}

/* Rows of optics-rows.txt that decoys of any number share: set G, vacuum as a third intensity. */
static void test_asymptotic_rows(void)
{
	struct plan_link l = link_of(
	        "{\"protocol\":\"two-decoy\",\"source\":{\"mu\":[0.48,0.05,0],\"p\":[0.8,0.1,0.1],"
	        "\"p_z\":0.5},\"fibre\":{\"loss_db_per_km\":0.21},"
	        "\"receiver\":{\"loss_db\":0,\"p_z\":0.5,\"misalignment\":0.033,\"background\":"
	        "\"additive\",\"sifting\":\"symmetric\"},\"detector\":{\"efficiency\":0.045,"
	        "\"count\":1,"
	        "\"dark_probability\":1.7e-6,\"dead_time_ns\":0,\"afterpulse\":0},"
	        "\"block\":{\"f\":1.22}}");
	struct plan_point p;
	double low = 130, high = 150;

	plan_link_point(&l, 50, &p);
	CU_ASSERT(near(p.z.gain[0], 1.92495e-3, 1e-4));
	CU_ASSERT(near(p.z.gain[1], 2.02211e-4, 1e-4));
	CU_ASSERT(near(p.z.error_rate[1], 0.036926, 1e-4));
	CU_ASSERT(near(p.infinite.rate, 2.2260e-4, 1e-4));
	CU_ASSERT(near(p.weak_vacuum.rate, 2.0962e-4, 1e-4));
	/* With vacuum for the third intensity, Lim's bounds are Ma's: Y1 by the Poisson share. */
	CU_ASSERT(near(p.bounds_z.v1_upper / p.bounds_z.s1_lower, p.weak_vacuum.e1, 1e-6));
	/* Reach: 140.62 km, where 140.55 was published. */
	while (high - low > 1e-3) {
		double km = (low + high) / 2;

		plan_link_point(&l, km, &p);
		if (p.weak_vacuum.rate > 0)
			low = km;
		else
			high = km;
	}
	CU_ASSERT_DOUBLE_EQUAL(low, 140.62, 0.01);
	CU_ASSERT_STRING_EQUAL(finite_key_proof_name(l.proof), "lim2014");
}

/*
 * The simulated demonstration link, as docs/optics-sim.md states it. The finite key is that of the
 * gateway's own bound.
 */
static void test_splitter(void)
{
	struct plan_link l = link_of("{\"source\":{\"mu\":[0.3,0.1],\"p\":[0.3,0.7]},"
	                             "\"receiver\":{\"basis\":\"splitter\"},"
	                             "\"block\":{\"n_z\":1e6}}");
	struct finite_key_input in = {.source = {{0.3, 0.1}, {0.3, 0.7}, 1e-12, 1e-15}, .f = 1.16};
	struct finite_key_result r;
	struct plan_point p;

	plan_link_point(&l, 20, &p);
	CU_ASSERT(near(p.clicks_s, 8.66e5, 1e-3));
	CU_ASSERT(near(p.z.qber, 0.0150, 5e-3));
	CU_ASSERT(near(p.x.qber, 0.0155, 1e-2));
	CU_ASSERT(near(p.afterpulse_share, 0.01 / 1.01, 1e-9));
	CU_ASSERT(p.counts.cross[0] > 0 && p.counts.cross[1] > p.counts.cross[0]);
	for (int k = 0; k < 2; k++) {
		in.counts.n_z[k] = (uint64_t)llround(p.counts.n_z[k]);
		in.counts.m_z[k] = (uint64_t)llround(p.counts.m_z[k]);
		in.counts.n_x[k] = (uint64_t)llround(p.counts.n_x[k]);
		in.counts.m_x[k] = (uint64_t)llround(p.counts.m_x[k]);
		in.counts.cross[k] = (uint64_t)llround(p.counts.cross[k]);
	}
	CU_ASSERT_EQUAL(finite_key_bound(l.proof, &in, &r), 0);
	CU_ASSERT(p.key.length > 1e5 && near(p.key.length, r.length, 1e-3));
	CU_ASSERT(near(p.rate_finite, p.key.length / p.block_s, 1e-12));
	CU_ASSERT(near(p.block_s * p.sifted_z_s, 1e6, 1e-9));
}

static void test_holdoff(void)
{
	const char *common =
	        "{\"source\":{\"mu\":[0.5,0.1],\"p\":[0.7,0.3]},\"receiver\":{\"loss_db\":"
	        "3},\"detector\":{\"dead_time_ns\":10000,\"holdoff\":\"common\"}}";
	const char *own =
	        "{\"source\":{\"mu\":[0.5,0.1],\"p\":[0.7,0.3]},\"receiver\":{\"loss_db\":3},"
	        "\"detector\":{\"dead_time_ns\":10000,\"holdoff\":\"independent\"}}";
	struct plan_link a = link_of(common), b = link_of(own);
	struct plan_point p, q;

	plan_link_point(&a, 10, &p);
	plan_link_point(&b, 10, &q);
	/* Dead times of their own, and every click with a dead detector beside it lost. */
	CU_ASSERT(p.clicks_s > 9e4 && p.clicks_s < 1e5);
	CU_ASSERT(q.clicks_s < p.clicks_s / 5);
	CU_ASSERT_DOUBLE_EQUAL(p.z.qber, q.z.qber, 1e-15);
}

/*
 * With |+> alone the errors seen in X are not the phase error: the bound goes by mismatched bases.
 * The honest link's comes out as its misalignment; there is no finite key.
 */
static void test_three_states(void)
{
	struct plan_link l =
	        link_of("{\"protocol\":\"three-state\",\"source\":{\"mu\":[0.5,0.1],\"p\":["
	                "0.7,0.3]},\"detector\":{\"dark_probability\":0,\"afterpulse\":0}}");
	double hides[3][2] = {{0.52, 0.48}, {0.52, 0.48}, {1, 0}}; /* 4 % of |-> to |+> */
	struct plan_point p;

	plan_link_point(&l, 20, &p);
	CU_ASSERT(near(p.phase_error, 0.01, 1e-9));
	CU_ASSERT(p.rate_asymptotic > 0);
	CU_ASSERT_EQUAL(p.rate_finite, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(p.key.reason, "three states are for study"));
	CU_ASSERT(near(physics_three_state_phase_error(hides), 0.02, 1e-9));
}

static void test_no_clicks(void)
{
	struct plan_link l =
	        link_of("{\"source\":{\"mu\":[0.5,0.1],\"p\":[0.7,0.3]},\"fibre\":{\"loss_"
	                "db_per_km\":10},\"detector\":{\"dark_probability\":0}}");
	struct plan_point p;

	plan_link_point(&l, 1000, &p);
	CU_ASSERT_EQUAL(p.rate_finite, 0);
	CU_ASSERT_EQUAL(p.rate_asymptotic, 0);
	CU_ASSERT_STRING_EQUAL(p.key.reason, "no clicks to speak of");
}

UNIT_MAIN(UNIT(test_reference_rows), UNIT(test_asymptotic_rows), UNIT(test_splitter),
          UNIT(test_holdoff), UNIT(test_three_states), UNIT(test_no_clicks))
