/* SPDX-License-Identifier: BSD-3-Clause */

/* Kinds of single-photon detectors, as figures to start from. */

#ifndef DRIVERS_PHYSICS_DETECTOR_H
#define DRIVERS_PHYSICS_DETECTOR_H

struct detector_preset {
	const char *name, *about;
	double efficiency;
	double dark_rate_hz;     /* free-running; 0 where dark_probability is stated */
	double dark_probability; /* per gate */
	double afterpulse;       /* per click, at dead_time_ns */
	double afterpulse_tau_ns;
	double dead_time_ns;
	double jitter_ps; /* full width at half maximum */
};

extern const struct detector_preset detector_presets[];
extern const unsigned int detector_preset_count;

/* NULL: there is none of this name. */
const struct detector_preset *detector_preset_find(const char *name);
/* Their names, for an error's sentence. */
#define DETECTOR_PRESET_NAMES "ingaas-gated, ingaas-free-running, ingaas-warm or snspd"

/* Dark counts per gate of SLOT_S. */
double detector_dark(const struct detector_preset *d, double slot_s);
/* Standard deviation of the arrival time, of a Gaussian of that width. */
double detector_jitter_sigma_ps(const struct detector_preset *d);

#endif
