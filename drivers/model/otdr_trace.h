/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What an OTDR sees of a fibre: Rayleigh backscatter of a pulse, Fresnel reflections, losses,
 * the receiver's response and noise, and coherent Rayleigh noise.
 *
 * The backscatter of a pulse of W ns that has gone down by A dB one way is 10 log10(W) +
 * backscatter - 2 A dB below the launch. In a coherent source the scatterers within a pulse
 * interfere: the power has the relative deviation 1 / sqrt(2 W B) for a source of width B
 * (two polarisations), over a correlation length of one pulse, and no averaging at the same
 * wavelength takes it away: Healey, Electron. Lett. 20 30 (1984); Shimizu, Horiguchi,
 * Koyamada, J. Lightwave Technol. 10 982 (1992).
 */

#ifndef DRIVERS_MODEL_OTDR_TRACE_H
#define DRIVERS_MODEL_OTDR_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/model/rng.h"

#define OTDR_POINTS_OF_FIBRE 64

/* Something on the fibre: a splice, a connector, a bend, a coupler that taps it. */
struct otdr_point {
	double km;
	double loss_db;        /* one way; negative where the backscatter rises */
	double reflectance_db; /* negative; 0: none */
};

struct otdr_fibre {
	double length_km;
	double loss_db_per_km; /* at the OTDR's wavelength */
	double group_index;
	double backscatter_db;                         /* of a pulse of 1 ns, negative */
	double end_reflectance_db;                     /* as of a point */
	double stretch;                                /* relative change of length: temperature */
	struct otdr_point point[OTDR_POINTS_OF_FIBRE]; /* by distance */
	unsigned int points;
};

struct otdr_instrument {
	double peak_w;
	double path_loss_db; /* inside, there and back together */
	double width_hz;     /* of the source, swept or at once */
	double nep_w_rthz;   /* noise-equivalent power */
	double saturation_w; /* the receiver shows no more */
	double tail;         /* share of a reflection that the receiver lets go slowly */
	double tail_ns;      /* with this time constant */
	double launch_db;    /* deviation of the launch from trace to trace */
	double slope_db_km;  /* deviation of the attenuation likewise */
};

struct otdr_settings {
	uint32_t pulse_ns;
	uint32_t spacing_ps; /* of the samples, there and back */
	uint32_t points;
	uint32_t averages;
};

extern const struct otdr_instrument otdr_instrument_default;

/*
 * A fibre of LENGTH_KM as it is laid: connectors at both ends, a splice about each 4 km with
 * losses of 0.02 to 0.1 dB, a few of them with a reflection. RNG places them.
 */
void otdr_fibre_lay(struct otdr_fibre *fibre, double length_km, double loss_db_per_km,
                    struct rng *rng);

/* Put one more thing on it; -ENOSPC. */
int otdr_fibre_add(struct otdr_fibre *fibre, const struct otdr_point *point);

/* The same fibre from its other end. */
void otdr_fibre_turn(struct otdr_fibre *fibre);

/* Time constant of the receiver for a pulse: it is as slow as the pulse lets it be. */
double otdr_response_ns(uint32_t pulse_ns);

/* Deviation of one sample's noise, W. */
double otdr_noise_w(const struct otdr_instrument *instrument, const struct otdr_settings *set);

/*
 * The averaged trace in W: sample i is the mean of the interval i after the pulse began to leave.
 * WATTS has room for twice as many: the second half is work space.
 */
void otdr_trace(const struct otdr_fibre *fibre, const struct otdr_instrument *instrument,
                const struct otdr_settings *set, struct rng *rng, double *watts);

#endif
