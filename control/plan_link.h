/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A link in closed form: from the parameters of source, fibre and receiver to gain, errors, yields
 * and key against distance. Key basis Z, test basis X.
 *
 * The key is that of a block of N_Z key bits: its counts are what the closed form expects of them,
 * and finite_key.h bounds them as the gateway does.
 */

#ifndef CONTROL_PLAN_LINK_H
#define CONTROL_PLAN_LINK_H

#include <stdbool.h>

#include "drivers/physics/closed_form.h"
#include "drivers/physics/decoy_rate.h"
#include "qkd-engine/finite_key.h"

enum plan_protocol {
	PLAN_ONE_DECOY,   /* four states */
	PLAN_TWO_DECOY,   /* four states */
	PLAN_THREE_STATE, /* |0>, |1>, |+>: for study, no finite-key proof here */
	PLAN_PROTOCOLS
};

struct plan_link {
	enum plan_protocol protocol;
	enum finite_key_proof proof;
	/* source */
	double slot_hz, mu[PHYSICS_INTENSITIES], p[PHYSICS_INTENSITIES], p_z_alice;
	/* fibre and what is in front of the detectors */
	double loss_db_per_km, receiver_loss_db, p_z_bob;
	double e_d[2]; /* Z, X */
	bool splitter; /* light goes to both bases, as in the device model; else one is looked at */
	bool additive;
	double gate_light, gate_noise;
	/* detectors: all alike */
	double efficiency, dark_probability, detectors, afterpulse, dead_time_ns;
	bool independent; /* dead times of their own; clicks count when all are live */
	unsigned int traps;
	double amplitude[PHYSICS_TRAPS], tau_us[PHYSICS_TRAPS];
	double noise; /* counts of other light per gate and detector */
	/* post-processing */
	double n_z;      /* key bits of a block */
	double n_sifted; /* or, if above 0, bits of both bases */
	double f, eps_sec, eps_cor;
	bool symmetric; /* both bases make key; X is a sample of sqrt(sifted) * sample_root */
	double sample_root;
};

/* Of one basis: the matched pulses of each intensity. */
struct plan_basis {
	double gain[PHYSICS_INTENSITIES], error_rate[PHYSICS_INTENSITIES];
	double sifted; /* per pulse sent: this basis at both ends and a click */
	double qber;   /* of these */
};

struct plan_point {
	double km, loss_db, eta, y0;
	struct plan_basis z, x;
	double afterpulse_share; /* of the clicks */
	double live;             /* share of time */
	double clicks_s, sifted_z_s, sifted_x_s;
	struct physics_single infinite, weak_vacuum; /* of mu1, mu2: per signal pulse, sifted */
	struct physics_bounds bounds_z, bounds_x;    /* of the protocol, no deviations */
	double phase_error, rate_asymptotic;         /* bits per second */
	struct finite_key_source source;
	struct finite_key_expected counts; /* of a block */
	struct finite_key_result key;
	double block_s;     /* time that a block takes */
	double rate_finite; /* bits per second */
};

/* The demonstration link; mu and p are not set. */
extern const struct plan_link plan_link_default;

void plan_link_point(const struct plan_link *l, double km, struct plan_point *out);

const char *plan_protocol_name(enum plan_protocol p);
unsigned int plan_intensities(enum plan_protocol p);

#endif
