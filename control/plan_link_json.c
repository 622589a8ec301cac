/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/plan_link_json.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "control/plan_json.h"
#include "drivers/physics/detector.h"

#define LINK(member) offsetof(struct plan_link, member)
#define OTHERS_MAX   48
#define DISTANCES    "distances_km"

static const struct plan_field fields[] = {
        {"source", "slot_hz", LINK(slot_hz), 1e3, 1e11},
        {"source", "p_z", LINK(p_z_alice), 1e-6, 1},
        {"fibre", "loss_db_per_km", LINK(loss_db_per_km), 0, 10},
        {"receiver", "loss_db", LINK(receiver_loss_db), 0, 100},
        {"receiver", "p_z", LINK(p_z_bob), 1e-6, 1},
        {"receiver", "gate_light", LINK(gate_light), 0.01, 1},
        {"receiver", "gate_noise", LINK(gate_noise), 0.001, 1},
        {"receiver", "noise", LINK(noise), 0, 0.1},
        {"detector", "efficiency", LINK(efficiency), 1e-6, 1},
        {"detector", "dark_probability", LINK(dark_probability), 0, 0.1},
        {"detector", "count", LINK(detectors), 1, 8},
        {"detector", "afterpulse", LINK(afterpulse), 0, 0.5},
        {"detector", "dead_time_ns", LINK(dead_time_ns), 0, 1e9},
        {"block", "n_z", LINK(n_z), 1, 1e13},
        {"block", "n_sifted", LINK(n_sifted), 1, 1e13},
        {"block", "f", LINK(f), 1, 100},
        {"block", "eps_sec", LINK(eps_sec), 1e-100, 0.999},
        {"block", "eps_cor", LINK(eps_cor), 1e-100, 0.999},
        {"block", "sample_root", LINK(sample_root), 1, 1e6},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* Read by hand below. */
static const char *const by_hand[] = {
        "protocol",         "proof",
        "source.mu",        "source.p",
        "receiver.basis",   "receiver.background",
        "receiver.sifting", "receiver.misalignment",
        "detector.preset",  "detector.dark_rate_hz",
        "detector.holdoff", "detector.traps",
};
#define BY_HAND (sizeof(by_hand) / sizeof(by_hand[0]))

static int missing(struct err *err, const char *name)
{
	return err_set(err, EINVAL, "%s: is missing", name);
}

static int read_protocol(const json_t *o, struct plan_link *l, struct err *err)
{
	static const char *const names[] = {"one-decoy", "two-decoy", "three-state"};
	const json_t *proof = json_object_get(o, "proof");
	unsigned int which = 0;

	if (plan_json_word(o, "protocol", names, 3, &which, err) < 0)
		return -EINVAL;
	l->protocol = (enum plan_protocol)which;
	if (l->protocol == PLAN_TWO_DECOY)
		l->proof = FINITE_KEY_LIM2014;
	if (proof == NULL)
		return 0;
	if (!json_is_string(proof) ||
	    finite_key_proof_find(json_string_value(proof), &l->proof) < 0 ||
	    l->proof == FINITE_KEY_TOMAMICHEL2012)
		return err_set(err, EINVAL, "proof: is not wiesemann, rusca or lim");
	if (finite_key_intensities(l->proof) != plan_intensities(l->protocol))
		return err_set(err, EINVAL, "proof: %s is not for %s",
		               finite_key_proof_name(l->proof), plan_protocol_name(l->protocol));
	return 0;
}

static int read_source(const json_t *source, struct plan_link *l, struct err *err)
{
	unsigned int n = plan_intensities(l->protocol);
	double sum = 0;
	int rc = plan_json_list(source, "mu", n, 0, 5, l->mu, err);

	if (rc == 0)
		rc = plan_json_list(source, "p", n, 1e-9, 1, l->p, err);
	if (rc < 0)
		return err_prefix(err, "source");
	if (rc > 0)
		return missing(err,
		               json_object_get(source, "mu") == NULL ? "source.mu" : "source.p");
	for (unsigned int k = 0; k < n; k++) {
		sum += l->p[k];
		if (k > 0 && !(l->mu[k] < l->mu[k - 1]))
			return err_set(err, EINVAL, "source.mu[%u]: %g is not below mu[%u], %g", k,
			               l->mu[k], k - 1, l->mu[k - 1]);
	}
	if (n == 3 && !(l->mu[0] > l->mu[1] + l->mu[2]))
		return err_set(err, EINVAL, "source.mu[0]: %g is not above mu[1] + mu[2]",
		               l->mu[0]);
	if (!(l->mu[1] > 0))
		return err_set(err, EINVAL, "source.mu[1]: is no light at all");
	if (!(fabs(sum - 1) <= 1e-9))
		return err_set(err, EINVAL, "source.p: %.12g is the sum, not 1", sum);
	return 0;
}

static int read_receiver(const json_t *receiver, struct plan_link *l, struct err *err)
{
	static const char *const bases[] = {"chosen", "splitter"};
	static const char *const backgrounds[] = {"exact", "additive"};
	static const char *const siftings[] = {"biased", "symmetric"};
	unsigned int which;
	int rc;

	if (json_is_number(json_object_get(receiver, "misalignment"))) {
		rc = plan_json_number(receiver, "misalignment", 0, 0.5, &l->e_d[0], err);
		l->e_d[1] = l->e_d[0];
	} else {
		rc = plan_json_list(receiver, "misalignment", 2, 0, 0.5, l->e_d, err);
	}
	if (rc >= 0) {
		which = l->splitter;
		rc = plan_json_word(receiver, "basis", bases, 2, &which, err);
		l->splitter = which == 1;
	}
	if (rc >= 0) {
		which = l->additive;
		rc = plan_json_word(receiver, "background", backgrounds, 2, &which, err);
		l->additive = which == 1;
	}
	if (rc >= 0) {
		which = l->symmetric;
		rc = plan_json_word(receiver, "sifting", siftings, 2, &which, err);
		l->symmetric = which == 1;
	}
	return rc < 0 ? err_prefix(err, "receiver") : 0;
}

static int read_traps(const json_t *detector, struct plan_link *l, struct err *err)
{
	const json_t *traps = json_object_get(detector, "traps"), *v;
	size_t i;

	if (traps == NULL)
		return 0;
	if (!json_is_array(traps) || json_array_size(traps) < 1 ||
	    json_array_size(traps) > PHYSICS_TRAPS)
		return err_set(err, EINVAL, "detector.traps: is not a list of 1 to %d",
		               PHYSICS_TRAPS);
	json_array_foreach (traps, i, v) {
		double a = json_number_value(json_array_get(v, 0));
		double tau = json_number_value(json_array_get(v, 1));

		if (!json_is_array(v) || json_array_size(v) != 2 || !(a > 0 && a <= 1) ||
		    !(tau >= 1e-3 && tau <= 1e3))
			return err_set(err, EINVAL,
			               "detector.traps[%zu]: is not [amplitude up to 1, time "
			               "constant of 0.001 to 1000 us]",
			               i);
		l->amplitude[i] = a;
		l->tau_us[i] = tau;
	}
	l->traps = (unsigned int)i;
	l->afterpulse = 0;
	return 0;
}

static int read_preset(const json_t *detector, struct plan_link *l, struct err *err)
{
	const json_t *name = json_object_get(detector, "preset");
	const struct detector_preset *d;

	if (name == NULL)
		return 0;
	d = json_is_string(name) ? detector_preset_find(json_string_value(name)) : NULL;
	if (d == NULL)
		return err_set(err, EINVAL, "detector.preset: is not %s", DETECTOR_PRESET_NAMES);
	l->efficiency = d->efficiency;
	l->dark_probability = detector_dark(d, 1 / l->slot_hz);
	l->afterpulse = d->afterpulse;
	l->dead_time_ns = d->dead_time_ns;
	return 0;
}

static int read_detector(const json_t *detector, struct plan_link *l, struct err *err)
{
	static const char *const holdoffs[] = {"common", "independent"};
	unsigned int which = l->independent;
	double hz;
	int rc = plan_json_number(detector, "dark_rate_hz", 0, 1e7, &hz, err);

	if (rc == 0 && json_object_get(detector, "dark_probability") != NULL)
		rc = err_set(err, EINVAL, "dark_rate_hz: is there beside dark_probability");
	if (rc == 0)
		l->dark_probability = hz / l->slot_hz;
	if (rc >= 0)
		rc = plan_json_word(detector, "holdoff", holdoffs, 2, &which, err);
	if (rc < 0)
		return err_prefix(err, "detector");
	l->independent = which == 1;
	if (l->detectors != floor(l->detectors))
		return err_set(err, EINVAL, "detector.count: is not a whole number");
	if (l->traps > 0 && json_object_get(detector, "afterpulse") != NULL)
		return err_set(err, EINVAL, "detector.afterpulse: is there beside traps");
	if (l->n_sifted > 0 && l->symmetric)
		return err_set(err, EINVAL, "block.n_sifted: symmetric sifting goes by n_z");
	if (l->splitter && (l->traps > 0 || l->additive || l->symmetric || l->detectors != 2 ||
	                    l->gate_light != 1 || l->gate_noise != 1))
		return err_set(
		        err, EINVAL,
		        "receiver.basis: a splitter goes with two detectors a basis, an exact "
		        "background, biased sifting, and neither traps nor soft gates");
	return 0;
}

int plan_link_read_beside(const json_t *o, const char *const *others, size_t other_count,
                          struct plan_link *l, struct err *err)
{
	const json_t *detector = json_object_get(o, "detector");
	const char *all[OTHERS_MAX];
	double slot_hz = plan_link_default.slot_hz;
	int rc;

	*l = plan_link_default;
	for (size_t i = 0; i < BY_HAND; i++)
		all[i] = by_hand[i];
	for (size_t i = 0; i < other_count && BY_HAND + i < OTHERS_MAX; i++)
		all[BY_HAND + i] = others[i];
	/* A preset states dark counts by time: the slot comes first. Its figures may be changed. */
	rc = plan_json_number(json_object_get(o, "source"), "slot_hz", 1e3, 1e11, &slot_hz, err);
	if (rc < 0)
		return err_prefix(err, "source");
	l->slot_hz = slot_hz;
	if (read_preset(detector, l, err) < 0 || read_traps(detector, l, err) < 0)
		return -EINVAL;
	rc = plan_json_fields(o, fields, FIELDS, all, BY_HAND + other_count, l, err);
	if (rc == 0)
		rc = read_protocol(o, l, err);
	if (rc == 0)
		rc = read_source(json_object_get(o, "source"), l, err);
	if (rc == 0)
		rc = read_receiver(json_object_get(o, "receiver"), l, err);
	return rc == 0 ? read_detector(detector, l, err) : rc;
}

int plan_link_read(const json_t *o, struct plan_link *l, struct err *err)
{
	static const char *const distances[] = {DISTANCES};

	return plan_link_read_beside(o, distances, 1, l, err);
}
