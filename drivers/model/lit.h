/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What else is on the modelled fibre: data channels, the gateway's own WAN wavelength among them,
 * and the noise that they put into the quantum channel (drivers/physics/lit_fibre.h).
 */

#ifndef DRIVERS_MODEL_LIT_H
#define DRIVERS_MODEL_LIT_H

#include "common/err.h"
#include "drivers/model/physics.h"
#include "drivers/physics/lit_fibre.h"

#define LIT_MODEL_CHANNELS 64

struct lit {
	struct lit_quantum quantum;
	double dispersion_ps_nm_km, gamma_w_km;
	struct lit_channel channel[LIT_MODEL_CHANNELS];
	unsigned int channels;
};

/* The quantum channel C34, three filters, nothing else on the fibre. */
extern const struct lit lit_default;

/* "C38 -3" or "C38 -3 co|counter": EINVAL names what is wrong. */
int lit_parse(const char *text, struct lit_channel *out, struct err *err);

/* EEXIST, ENOSPC, or EINVAL: the channel is the quantum one or too near to it. */
int lit_add(struct lit *l, const struct lit_channel *c, struct err *err);
/* The channel of this frequency and direction; ENOENT. */
int lit_remove(struct lit *l, const struct lit_channel *c, struct err *err);

/* Counts per slot of all detectors of LINK together, gates open throughout. */
double lit_counts_per_slot(const struct lit *l, const struct optics_link *link,
                           struct lit_noise *noise);

#endif
