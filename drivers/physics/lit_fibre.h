/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The noise that a fibre's data channels and amplifiers put into a quantum channel, in detected
 * counts per gate: Raman scattering, leakage through the filters, four-wave mixing, amplifiers'
 * spontaneous emission.
 *
 *	lit_fibre_noise(&fibre, &quantum, channels, n, amplifiers, m, &noise);
 *	use(noise.total * detected);
 *
 * Powers are those at launch; the quantum channel goes from Alice (0 km) to Bob.
 */

#ifndef DRIVERS_PHYSICS_LIT_FIBRE_H
#define DRIVERS_PHYSICS_LIT_FIBRE_H

#include <stdbool.h>

#include "drivers/physics/fwm.h"

#define LIT_CHANNELS_MAX   128
#define LIT_AMPLIFIERS_MAX 16
#define LIT_OFF_DBM        -200.0

struct lit_fibre {
	struct fwm_fibre data; /* at the data channels */
	double quantum_db_km;  /* at the quantum channel: larger in the O band */
};

struct lit_quantum {
	double ghz, bandwidth_nm;
	double gate_ns;
	/* Filters in a row, and what each keeps off: the next channel, those beyond. */
	double filters, adjacent_db, other_db;
	double spacing_ghz;    /* channels no farther apart than this are next to each other */
	double return_loss_db; /* of light that comes from Bob's side: reflections, backscatter */
};

struct lit_channel {
	double ghz, dbm;
	bool counter; /* launched at Bob's end */
};

struct lit_amplifier {
	double km, gain_db, nf_db;
	bool counter, on_quantum_path;
	double notch_db; /* what keeps its emission off the quantum channel */
};

/* Photons per second in the quantum channel, behind its filters, before Bob's receiver. */
struct lit_noise {
	double raman_forward, raman_backward, leakage, fwm, ase, total;
};
void lit_fibre_noise(const struct lit_fibre *f, const struct lit_quantum *q,
                     const struct lit_channel *c, unsigned int channels,
                     const struct lit_amplifier *a, unsigned int amplifiers, struct lit_noise *out);

/* The same of channel WHICH alone; four-wave mixing that needs it is its. */
void lit_fibre_noise_of(const struct lit_fibre *f, const struct lit_quantum *q,
                        const struct lit_channel *c, unsigned int channels, unsigned int which,
                        struct lit_noise *out);

/* Counts per gate of PHOTONS a second behind a receiver of this loss and efficiency. */
double lit_counts(double photons, double gate_ns, double receiver_loss_db, double efficiency);

/* Isolation that a channel at DBM needs for COUNTS a gate to leak at most. */
double lit_isolation_needed(const struct lit_fibre *f, const struct lit_quantum *q,
                            const struct lit_channel *c, double counts, double receiver_loss_db,
                            double efficiency);

/* Isolation that the filters give against channel C. */
double lit_isolation(const struct lit_quantum *q, const struct lit_channel *c);

/*
 * Optical signal to noise ratio of a data channel in 0.1 nm behind a preamplifier of noise figure
 * NF_DB: 58 + P - loss - NF.
 */
double lit_osnr_db(const struct lit_fibre *f, const struct lit_channel *c, double nf_db);

#endif
