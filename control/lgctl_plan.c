/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl plan: what a proof makes of given counts, with no gateway at hand. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "control/lgctl.h"
#include "qkd-engine/finite_key.h"

#define INPUT_MAX ((size_t)1 << 20)

/*
 * What may stand in the input and is of no account here, which the answer says: with it a record is
 * an input as it comes, of block_list or of the key store.
 */
static const char *const record_members[] = {
        "number",       "time",     "slots",     "sifted_bits", "secret_bits",
        "efficiency_f", "proof",    "leak_mode", "simulated",   "protocol",
        "eps_auth",     "method",   "reason",    "planned_z",   "disclosed_bits",
        "auth",         "pad_keys", "hash_keys", "qber_z",      "qber_x",
};
static const char *const members[] = {"n_z", "m_z",  "n_x",         "m_x", "cross",   "mu",
                                      "p",   "leak", "leaked_bits", "f",   "eps_sec", "eps_cor"};

static bool is_one_of(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

static int number(const json_t *o, const char *name, double *out, struct err *err)
{
	const json_t *v = json_object_get(o, name);

	if (v == NULL)
		return err_set(err, EINVAL, "%s: is missing", name);
	if (!json_is_number(v))
		return err_set(err, EINVAL, "%s: is not a number", name);
	*out = json_number_value(v);
	return 0;
}

/* An array of N numbers, or one number where N is 1. */
static int numbers(const json_t *o, const char *name, unsigned int n, double *out, struct err *err)
{
	const json_t *list = json_object_get(o, name), *v;

	if (n == 1 && json_is_number(list))
		return number(o, name, out, err);
	if (list == NULL)
		return err_set(err, EINVAL, "%s: is missing", name);
	if (!json_is_array(list) || json_array_size(list) != n)
		return err_set(err, EINVAL, "%s: is not a list of %u", name, n);
	for (unsigned int k = 0; k < n; k++) {
		v = json_array_get(list, k);
		if (!json_is_number(v))
			return err_set(err, EINVAL, "%s[%u]: is not a number", name, k);
		out[k] = json_number_value(v);
	}
	return 0;
}

/* N counts of at most FINITE_KEY_INTENSITIES. */
static int counts(const json_t *o, const char *name, unsigned int n, uint64_t *out, struct err *err)
{
	double v[FINITE_KEY_INTENSITIES];

	if (numbers(o, name, n, v, err) < 0)
		return -EINVAL;
	for (unsigned int k = 0; k < n; k++) {
		if (!(v[k] >= 0 && v[k] <= 0x1p53 && v[k] == floor(v[k])))
			return err_set(err, EINVAL, "%s[%u]: %g is not a whole number from 0 on",
			               name, k, v[k]);
		out[k] = (uint64_t)v[k];
	}
	return 0;
}

static int leak(const json_t *o, struct finite_key_input *in, struct err *err)
{
	static const char *const names[] = {"leak", "leaked_bits", "f"};
	const char *found = NULL;

	for (int i = 0; i < 3; i++) {
		if (json_object_get(o, names[i]) == NULL)
			continue;
		if (found != NULL)
			return err_set(err, EINVAL, "%s: is there beside %s", names[i], found);
		found = names[i];
	}
	if (found == NULL)
		return err_set(err, EINVAL, "leak: is missing, and so is f");
	if (strcmp(found, "f") != 0)
		return number(o, found, &in->leak, err);
	if (number(o, found, &in->f, err) < 0)
		return -EINVAL;
	if (!(in->f >= 1))
		return err_set(err, EINVAL, "f: %g is below 1, Shannon's limit", in->f);
	return 0;
}

/* Of no account in a source of single photons; but nothing else than what it is to others. */
static int check_unused(const json_t *o, const char *name, struct err *err)
{
	const json_t *v = json_object_get(o, name);
	double number;

	if (v == NULL || json_is_number(v))
		return 0;
	if (!json_is_array(v) || json_array_size(v) > FINITE_KEY_INTENSITIES)
		return err_set(err, EINVAL, "%s: is not a list of 1 to %u", name,
		               FINITE_KEY_INTENSITIES);
	for (size_t k = 0; k < json_array_size(v); k++) {
		if (!json_is_number(json_array_get(v, k)))
			return err_set(err, EINVAL, "%s[%zu]: is not a number", name, k);
		number = json_number_value(json_array_get(v, k));
		if (!(number >= 0))
			return err_set(err, EINVAL, "%s[%zu]: %g is below 0", name, k, number);
	}
	return 0;
}

/* The names of what is in the input, but made no difference. */
static json_t *not_used(const json_t *o, enum finite_key_proof proof, bool says_proof)
{
	bool single = finite_key_intensities(proof) == 1;
	json_t *list = json_array();
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)o, name, v)
		if ((single && (strcmp(name, "mu") == 0 || strcmp(name, "p") == 0)) ||
		    (is_one_of(name, record_members,
		               sizeof(record_members) / sizeof(record_members[0])) &&
		     !(says_proof && strcmp(name, "proof") == 0)))
			json_array_append_new(list, json_string(name));
	return list;
}

static int read_input(const json_t *o, enum finite_key_proof proof, struct finite_key_input *in,
                      struct err *err)
{
	unsigned int n = finite_key_intensities(proof);
	struct finite_key_counts *c = &in->counts;
	struct finite_key_source *s = &in->source;
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)o, name, v)
		if (!is_one_of(name, members, sizeof(members) / sizeof(members[0])) &&
		    !is_one_of(name, record_members,
		               sizeof(record_members) / sizeof(record_members[0])))
			return err_set(err, EINVAL, "%.64s: there is no such field", name);
	if (counts(o, "n_z", n, c->n_z, err) < 0 || counts(o, "m_z", n, c->m_z, err) < 0 ||
	    counts(o, "n_x", n, c->n_x, err) < 0 || counts(o, "m_x", n, c->m_x, err) < 0)
		return -EINVAL;
	/* Only a splitter makes any. */
	if (json_object_get(o, "cross") != NULL && counts(o, "cross", 2, c->cross, err) < 0)
		return -EINVAL;
	if (n > 1 && (numbers(o, "mu", n, s->mu, err) < 0 || numbers(o, "p", n, s->p, err) < 0))
		return -EINVAL;
	if (n == 1 && (check_unused(o, "mu", err) < 0 || check_unused(o, "p", err) < 0))
		return -EINVAL;
	if (number(o, "eps_sec", &s->eps_sec, err) < 0 ||
	    number(o, "eps_cor", &s->eps_cor, err) < 0)
		return -EINVAL;
	return leak(o, in, err);
}

static json_t *list(const double *v, unsigned int n)
{
	json_t *a = json_array();

	for (unsigned int k = 0; k < n; k++)
		json_array_append_new(a, json_real(v[k]));
	return a;
}

static json_t *basis_json(const struct finite_key_basis *b, unsigned int n)
{
	json_t *o = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "n", b->n, "m", b->m,
	                      "delta_n", b->delta_n, "delta_m", b->delta_m, "s0_lower", b->s0_lower,
	                      "s0_upper", b->s0_upper, "s1_lower", b->s1_lower, "v1_upper",
	                      b->v1_upper);

	json_object_set_new(o, "n_lower", list(b->n_lower, n));
	json_object_set_new(o, "n_upper", list(b->n_upper, n));
	json_object_set_new(o, "m_lower", list(b->m_lower, n));
	json_object_set_new(o, "m_upper", list(b->m_upper, n));
	return o;
}

static json_t *result_json(enum finite_key_proof proof, const struct finite_key_input *in,
                           const struct finite_key_result *r)
{
	unsigned int n = finite_key_intensities(proof);

	return json_pack(
	        "{s:s, s:s, s:f, s:f, s:f, s:f, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, "
	        "s:I, s:s}",
	        "protocol", finite_key_protocol_name(proof), "proof", finite_key_proof_name(proof),
	        "eps_sec", in->source.eps_sec, "eps_cor", in->source.eps_cor, "tau0", r->tau[0],
	        "tau1", r->tau[1], "z", basis_json(&r->z, n), "x", basis_json(&r->x, n),
	        "test_error", r->test_error, "deviation", r->deviation, "phi_z_upper",
	        r->phi_z_upper, "leak", r->leak, "cost_sec", r->cost_sec, "cost_cor", r->cost_cor,
	        "length", r->length, "secret_bits", (json_int_t)r->secret_bits, "keys",
	        (json_int_t)(r->secret_bits / 256), "reason", r->reason);
}

int lgctl_plan_finite_key(FILE *input, const char *protocol, json_t **result, struct err *err)
{
	struct finite_key_input in = {0};
	struct finite_key_result r;
	enum finite_key_proof proof;
	json_error_t where;
	static char text[INPUT_MAX + 1];
	size_t len = fread(text, 1, sizeof(text), input);
	bool says_proof;
	json_t *o;
	int rc;

	if (ferror(input) || len > INPUT_MAX)
		return err_set(err, EINVAL, "counts: %s",
		               len > INPUT_MAX ? "larger than 1 MiB" : "cannot be read");
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (o == NULL)
		return err_set(err, EINVAL, "counts: line %d column %d: %s", where.line,
		               where.column, where.text);
	says_proof = protocol == NULL;
	if (says_proof)
		protocol = json_string_value(json_object_get(o, "proof"));
	if (!json_is_object(o))
		rc = err_set(err, EINVAL, "counts: not an object");
	else if (protocol == NULL)
		rc = err_set(err, EINVAL,
		             "plan finite-key: --protocol is missing, and the counts "
		             "do not say proof");
	else if (finite_key_proof_find(protocol, &proof) < 0)
		rc = err_set(err, EINVAL,
		             "--protocol: %.32s is not wiesemann, rusca, lim or tomamichel",
		             protocol);
	else
		rc = read_input(o, proof, &in, err);
	if (rc == 0 && finite_key_bound(proof, &in, &r) < 0)
		rc = err_set(err, EINVAL, "%s", r.reason);
	if (rc == 0) {
		*result = result_json(proof, &in, &r);
		json_object_set_new(*result, "not_used", not_used(o, proof, says_proof));
	}
	json_decref(o);
	return rc;
}

int lgctl_build_plan(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"protocol"};

	if (lgctl_options_build("plan finite-key", options, 1, args, n, &r->params, err) < 0)
		return -EINVAL;
	return lgctl_plan_finite_key(
	        stdin, json_string_value(json_object_get(r->params, "protocol")), &r->answer, err);
}

static double real(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

void lgctl_print_plan(FILE *out, const json_t *result)
{
	static const struct {
		const char *title, *member;
	} lines[] = {
	        {"detections", "n"},
	        {"errors", "m"},
	        {"deviation of detections", "delta_n"},
	        {"deviation of errors", "delta_m"},
	        {"of empty pulses, at least", "s0_lower"},
	        {"of empty pulses, at most", "s0_upper"},
	        {"of single photons, at least", "s1_lower"},
	        {"errors of these, at most", "v1_upper"},
	};
	const json_t *z = json_object_get(result, "z"), *x = json_object_get(result, "x");
	const char *reason = json_string_value(json_object_get(result, "reason"));
	size_t at = 0;
	json_t *name;

	fprintf(out, "%s, %s\n\n", json_string_value(json_object_get(result, "protocol")),
	        json_string_value(json_object_get(result, "proof")));
	fprintf(out, "%-28s %18s %18s\n", "", "KEY BASIS Z", "TEST BASIS X");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		double of_z = real(z, lines[i].member), of_x = real(x, lines[i].member);

		fprintf(out, "%-28s %18.3f %18.3f\n", lines[i].title, of_z, of_x);
	}
	fprintf(out, "\n%-28s %18.8f\n", "error rate in X, at most", real(result, "test_error"));
	fprintf(out, "%-28s %18.8f\n", "deviation from X to Z", real(result, "deviation"));
	fprintf(out, "%-28s %18.8f\n", "phase error, at most", real(result, "phi_z_upper"));
	fprintf(out, "%-28s %18.3f\n", "leak", real(result, "leak"));
	fprintf(out, "%-28s %18.3f\n", "cost of secrecy", real(result, "cost_sec"));
	fprintf(out, "%-28s %18.3f\n", "cost of correctness", real(result, "cost_cor"));
	fprintf(out, "%-28s %18.3f\n", "length", real(result, "length"));
	fprintf(out, "%-28s %18" JSON_INTEGER_FORMAT "\n", "secret bits",
	        json_integer_value(json_object_get(result, "secret_bits")));
	fprintf(out, "%-28s %18" JSON_INTEGER_FORMAT "\n", "keys of 256 bits",
	        json_integer_value(json_object_get(result, "keys")));
	if (reason != NULL && reason[0] != '\0')
		fprintf(out, "no key: %s\n", reason);
	json_array_foreach (json_object_get(result, "not_used"), at, name)
		fprintf(out, "%s%s", at == 0 ? "in the input, but not used: " : ", ",
		        json_string_value(name));
	if (at > 0)
		fprintf(out, "\n");
}
