/* SPDX-License-Identifier: BSD-3-Clause */

/* The simulated link in closed form: what its clicks must come to. */

#ifndef DRIVERS_MODEL_PHYSICS_H
#define DRIVERS_MODEL_PHYSICS_H

#include "drivers/model/drift.h"
#include "drivers/physics/closed_form.h"

/* The fibre and the receiver: what no card register sets. */
struct optics_link {
	double distance_km;
	double loss_db_per_km;
	double receiver_loss_db;
	double efficiency;       /* of a detector */
	double dark_probability; /* per detector and slot */
	double noise;            /* counts of other light per slot, all detectors together */
	double misalignment;     /* e_d: share of the light that goes to the wrong detector */
	double x_error;          /* further share in basis X: (1 - visibility) / 2 */
	double afterpulse;       /* afterpulses per click of light or dark, at the QKD rate */
	double afterpulse_tau_ns;
	double dead_ns;    /* a detector's own dead time, besides the hold-off common to all */
	double all_live;   /* 1: a click counts only when all detectors are live; 0: always */
	double p_z_bob;    /* share of the light that a passive splitter sends to basis Z */
	double jitter_ps;  /* standard deviation of the arrival time */
	double slot_fs;    /* nominal slot period */
	double offset_ppb; /* receiver's clock against the transmitter's; its error comes besides */
	double max_ppb;    /* clock error is uniform within +- this at the start */
	double walk_ppb_s; /* its random walk, ppb per square root of a second */
	double delay_us_km; /* group delay of the fibre */
	struct drift_params drift;
	/* The intensity modulator's bias point: mV off calibration, and its walk in sqrt(s). */
	double modulator_mv, modulator_walk_mv;
	double otdr_light; /* 1: light of OTDRs that are not gated is on the fibre, too */
};

/* Source statistics: intensities in photons per pulse. */
struct optics_source {
	double mu1, mu2, p_mu1, p_z;
	double mu3, p_mu2; /* a second decoy; P_MU2 0: there is none, all that is not mu1 is mu2 */
	bool three_states; /* |0>, |1> and |+> alone */
};
#define OPTICS_INTENSITIES 3
/* Intensity K of 0 to 2, and how often it is sent. */
double optics_source_mu(const struct optics_source *s, unsigned int k);
double optics_source_p(const struct optics_source *s, unsigned int k);

/* 20 km of fibre, the link of the demonstration. */
extern const struct optics_link optics_link_default;

/* eta = eta_det 10^(-(alpha L + IL_rx) / 10) */
double physics_transmittance(const struct optics_link *link);

/* Counts without light of the link per slot in DETECTOR: dark ones and its part of the noise. */
double physics_background(const struct optics_link *link, unsigned int detector);

/* Share of the light that meets the wrong detector of a basis, 0 for Z and 1 for X. */
double physics_misalignment(const struct optics_link *link, unsigned int basis);

/* The link and the source as they are after DRIFT. */
void physics_drifted(const struct drift *drift, struct optics_link *link,
                     struct optics_source *source);

/*
 * Probability that a click leaves a carrier which outlasts its hold-off, such that
 * afterpulses are link->afterpulse per other click at RATE (clicks per second of live time).
 * Data sheets state the afterpulsing that is left at the operating point; how many carriers
 * the avalanches trap follows from it. At most 1: at higher rates light nearly always comes
 * first and the afterpulses stay fewer.
 */
double physics_afterpulse_left(const struct optics_link *link, double rate, double holdoff_s);

/* What an honest link in QKD mode shows. */
struct physics_expect {
	double live;     /* share of time in which a click counts */
	double rate;     /* clicks of light and dark per second of live time */
	double clicks_s; /* behind the hold-off, afterpulses included */
	double qber_z, qber_x;
	double p_mu1; /* share of mu1 in the clicks of light and dark */
};
void physics_expect(const struct optics_link *link, const struct optics_source *source,
                    double holdoff_s, struct physics_expect *out);

#endif
