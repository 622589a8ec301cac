/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl plan link: what a link comes to by its closed form, with no gateway at hand. */

#include <errno.h>
#include <math.h>

#include "control/lgctl.h"
#include "control/plan_json.h"
#include "control/plan_link_json.h"

#define DISTANCE_MAX  1000.0
#define DISTANCES_MAX 1001

/* A list of distances, or {"from", "to", "step"}. */
static int distances(const json_t *o, double *km, unsigned int *count, struct err *err)
{
	const json_t *v = json_object_get(o, "distances_km");
	double from = 0, to = 0, step = 0;

	if (v == NULL)
		return err_set(err, EINVAL, "distances_km: is missing");
	if (json_is_array(v)) {
		size_t n = json_array_size(v);

		if (n < 1 || n > DISTANCES_MAX)
			return err_set(err, EINVAL, "distances_km: is not a list of 1 to %d",
			               DISTANCES_MAX);
		*count = (unsigned int)n;
		return plan_json_list(o, "distances_km", *count, 0, DISTANCE_MAX, km, err);
	}
	if (plan_json_number(v, "from", 0, DISTANCE_MAX, &from, err) != 0 ||
	    plan_json_number(v, "to", from, DISTANCE_MAX, &to, err) != 0 ||
	    plan_json_number(v, "step", 0.001, DISTANCE_MAX, &step, err) != 0)
		return err_set(err, EINVAL,
		               "distances_km: is neither a list nor {from, to, step} within 0 to "
		               "%g with a step of 0.001 or more",
		               DISTANCE_MAX);
	if ((to - from) / step > DISTANCES_MAX - 1)
		return err_set(err, EINVAL, "distances_km: are more than %d", DISTANCES_MAX);
	*count = (unsigned int)floor((to - from) / step + 1e-9) + 1;
	for (unsigned int i = 0; i < *count; i++)
		km[i] = from + i * step;
	return 0;
}

static json_t *basis_json(const struct plan_basis *b, const struct plan_link *l)
{
	unsigned int n = plan_intensities(l->protocol);

	return json_pack("{s:o, s:o, s:f, s:f}", "gain", plan_json_array(b->gain, n), "error_rate",
	                 plan_json_array(b->error_rate, n), "sifted_per_pulse", b->sifted, "qber",
	                 b->qber);
}

static json_t *single_json(const struct physics_single *s)
{
	return json_pack("{s:f, s:f, s:f}", "y1", s->y1, "e1", s->e1, "rate_per_signal_pulse",
	                 s->rate);
}

static json_t *bounds_json(const struct physics_bounds *b)
{
	return json_pack("{s:f, s:f, s:f, s:f}", "s0_lower", b->s0_lower, "s0_upper", b->s0_upper,
	                 "s1_lower", b->s1_lower, "v1_upper", b->v1_upper);
}

static json_t *key_json(const struct plan_link *l, const struct plan_point *p)
{
	const struct finite_key_result *k = &p->key;
	unsigned int n = plan_intensities(l->protocol);
	const struct finite_key_expected *c = &p->counts;
	json_t *counts =
	        json_pack("{s:o, s:o, s:o, s:o, s:o}", "n_z", plan_json_array(c->n_z, n), "m_z",
	                  plan_json_array(c->m_z, n), "n_x", plan_json_array(c->n_x, n), "m_x",
	                  plan_json_array(c->m_x, n), "cross", plan_json_array(c->cross, 2));

	return json_pack("{s:s, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, "
	                 "s:s}",
	                 "proof",
	                 l->protocol == PLAN_THREE_STATE ? "none" : finite_key_proof_name(l->proof),
	                 "counts", counts, "s_z0_lower", k->z.s0_lower, "s_z1_lower", k->z.s1_lower,
	                 "s_x1_lower", k->x.s1_lower, "v_x1_upper", k->x.v1_upper, "test_error",
	                 k->test_error, "deviation", k->deviation, "phi_z_upper", k->phi_z_upper,
	                 "leak", k->leak, "cost", k->cost_sec + k->cost_cor, "length", k->length,
	                 "block_s", p->block_s, "rate", p->rate_finite, "reason", k->reason);
}

static json_t *point_json(const struct plan_link *l, const struct plan_point *p)
{
	json_t *asymptotic = json_pack(
	        "{s:o, s:o, s:o, s:o, s:f, s:f}", "infinite_decoys", single_json(&p->infinite),
	        "weak_and_vacuum", single_json(&p->weak_vacuum), "bounds_z",
	        bounds_json(&p->bounds_z), "bounds_x", bounds_json(&p->bounds_x), "phase_error",
	        p->phase_error, "rate", p->rate_asymptotic);

	return json_pack("{s:f, s:f, s:f, s:f, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:o, s:o}",
	                 "distance_km", p->km, "loss_db", p->loss_db, "eta", p->eta, "y0", p->y0,
	                 "z", basis_json(&p->z, l), "x", basis_json(&p->x, l), "afterpulse_share",
	                 p->afterpulse_share, "live", p->live, "clicks_per_s", p->clicks_s,
	                 "sifted_z_per_s", p->sifted_z_s, "sifted_x_per_s", p->sifted_x_s,
	                 "asymptotic", asymptotic, "finite_key", key_json(l, p));
}

int lgctl_plan_link(FILE *input, json_t **result, struct err *err)
{
	static double km[DISTANCES_MAX];
	unsigned int count = 0;
	struct plan_link l;
	json_t *o = NULL, *points;
	int rc = plan_json_load(input, "link", &o, err);

	if (rc == 0)
		rc = plan_link_read(o, &l, err);
	if (rc == 0)
		rc = distances(o, km, &count, err);
	json_decref(o);
	if (rc != 0)
		return rc;
	points = json_array();
	for (unsigned int i = 0; i < count; i++) {
		struct plan_point p;

		plan_link_point(&l, km[i], &p);
		json_array_append_new(points, point_json(&l, &p));
	}
	*result =
	        json_pack("{s:s, s:s, s:o, s:o, s:f, s:f, s:f, s:f, s:o}", "protocol",
	                  plan_protocol_name(l.protocol), "proof",
	                  l.protocol == PLAN_THREE_STATE ? "none" : finite_key_proof_name(l.proof),
	                  "mu", plan_json_array(l.mu, plan_intensities(l.protocol)), "p",
	                  plan_json_array(l.p, plan_intensities(l.protocol)), "eps_sec", l.eps_sec,
	                  "eps_cor", l.eps_cor, "f", l.f, "n_z", l.n_z, "points", points);
	return 0;
}

int lgctl_build_plan_link(char **args, int n, struct lgctl_request *r, struct err *err)
{
	return lgctl_plan_link(stdin, &r->answer, err);
}

static double of(const json_t *o, const char *part, const char *name)
{
	if (part != NULL)
		o = json_object_get(o, part);
	return json_number_value(json_object_get(o, name));
}

void lgctl_print_plan_link(FILE *out, const json_t *result)
{
	const json_t *p;
	size_t i;

	fprintf(out, "%s, %s, blocks of %.6g key bits\n\n",
	        json_string_value(json_object_get(result, "protocol")),
	        json_string_value(json_object_get(result, "proof")), of(result, NULL, "n_z"));
	fprintf(out, "%8s %11s %11s %8s %8s %8s %11s %11s %8s %11s %8s\n", "KM", "GAIN", "CLICKS/s",
	        "QBER Z %", "QBER X %", "PHASE %", "ASYMPTOTIC", "SIFTED/s", "PHASE %", "KEY bit/s",
	        "BLOCK s");
	json_array_foreach (json_object_get(result, "points"), i, p) {
		const json_t *key = json_object_get(p, "finite_key");
		const json_t *gain = json_object_get(json_object_get(p, "z"), "gain");

		fprintf(out,
		        "%8.3g %11.5g %11.5g %8.4f %8.4f %8.4f %11.5g %11.5g %8.4f %11.5g %8.3g\n",
		        of(p, NULL, "distance_km"), json_number_value(json_array_get(gain, 0)),
		        of(p, NULL, "clicks_per_s"), 100 * of(p, "z", "qber"),
		        100 * of(p, "x", "qber"), 100 * of(p, "asymptotic", "phase_error"),
		        of(p, "asymptotic", "rate"), of(p, NULL, "sifted_z_per_s"),
		        100 * of(key, NULL, "phi_z_upper"), of(key, NULL, "rate"),
		        of(key, NULL, "block_s"));
	}
	/* Why there is no key, once for each reason's first distance. */
	json_array_foreach (json_object_get(result, "points"), i, p) {
		const char *reason = json_string_value(
		        json_object_get(json_object_get(p, "finite_key"), "reason"));

		if (reason == NULL || reason[0] == '\0')
			continue;
		fprintf(out, "\nno key from %.4g km: %s\n", of(p, NULL, "distance_km"), reason);
		break;
	}
}
