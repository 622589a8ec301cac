/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/physics/lit_fibre.h"

#include <math.h>
#include <string.h>

#include "drivers/physics/itu_grid.h"
#include "drivers/physics/raman.h"

#define PLANCK  6.62607015e-34
#define OSNR_DB 58 /* -10 log10(h nu 12.5 GHz / 1 mW), 0.1 nm at 1550 nm */

static double watt(double dbm)
{
	return 1e-3 * pow(10, dbm / 10);
}

static double ratio(double db)
{
	return pow(10, -db / 10);
}

static double photons(double watts, double ghz)
{
	return watts / (PLANCK * ghz * 1e9);
}

double lit_isolation(const struct lit_quantum *q, const struct lit_channel *c)
{
	double apart = fabs(c->ghz - q->ghz);

	return q->filters * (apart <= q->spacing_ghz * 1.001 ? q->adjacent_db : q->other_db);
}

/* What is left of a channel at Bob's filters: through the fibre, or reflected at his end. */
static double arriving_db(const struct lit_fibre *f, const struct lit_quantum *q,
                          const struct lit_channel *c)
{
	return c->counter ? q->return_loss_db : f->data.loss_db_km * f->data.length_km;
}

static void scatter(const struct lit_fibre *f, const struct lit_quantum *q,
                    const struct lit_channel *c, struct lit_noise *out)
{
	double rho = raman_rho(itu_wavelength_nm(c->ghz), itu_wavelength_nm(q->ghz));
	double p = watt(c->dbm) * rho * q->bandwidth_nm, length = f->data.length_km;

	if (c->counter)
		out->raman_backward +=
		        photons(p * raman_backward_km(length, f->data.loss_db_km, f->quantum_db_km),
		                q->ghz);
	else
		out->raman_forward += photons(
		        p * raman_forward_km(length, f->data.loss_db_km, f->quantum_db_km), q->ghz);
	out->leakage +=
	        photons(watt(c->dbm) * ratio(arriving_db(f, q, c) + lit_isolation(q, c)), c->ghz);
}

/*
 * All products i, j, k of channels that go along with the quantum channel and fall into its filter;
 * with WHICH below CHANNELS only those with that one in them.
 */
static double mixing(const struct lit_fibre *f, const struct lit_quantum *q,
                     const struct lit_channel *c, unsigned int channels, unsigned int which)
{
	double nm = itu_wavelength_nm(q->ghz), sum = 0;
	double half_ghz = q->bandwidth_nm / 2 * q->ghz / nm;

	for (unsigned int i = 0; i < channels; i++)
		for (unsigned int j = i; j < channels; j++)
			for (unsigned int k = 0; k < channels; k++) {
				if (k == i || k == j || c[i].counter || c[j].counter ||
				    c[k].counter)
					continue;
				if (which < channels && i != which && j != which && k != which)
					continue;
				if (fabs(c[i].ghz + c[j].ghz - c[k].ghz - q->ghz) > half_ghz)
					continue;
				sum += fwm_product(&f->data, nm, c[i].ghz - c[k].ghz,
				                   c[j].ghz - c[k].ghz, watt(c[i].dbm),
				                   watt(c[j].dbm), watt(c[k].dbm), i == j);
			}
	return photons(sum, q->ghz);
}

/* Spontaneous emission of both polarisations: F h nu (G - 1) B. */
static double emission(const struct lit_fibre *f, const struct lit_quantum *q,
                       const struct lit_amplifier *a)
{
	double noise = pow(10, a->nf_db / 10), gain = pow(10, a->gain_db / 10);
	double bandwidth_hz = q->bandwidth_nm * q->ghz * 1e9 / itu_wavelength_nm(q->ghz);
	double db = f->quantum_db_km * (f->data.length_km - a->km);

	/* Towards Alice: Bob gets what the fibre behind it throws back. */
	if (a->counter)
		db += q->return_loss_db;
	return noise * (gain - 1) * bandwidth_hz * ratio(db + a->notch_db);
}

static void add_up(struct lit_noise *n)
{
	n->total = n->raman_forward + n->raman_backward + n->leakage + n->fwm + n->ase;
}

void lit_fibre_noise(const struct lit_fibre *f, const struct lit_quantum *q,
                     const struct lit_channel *c, unsigned int channels,
                     const struct lit_amplifier *a, unsigned int amplifiers, struct lit_noise *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned int i = 0; i < channels; i++)
		scatter(f, q, &c[i], out);
	out->fwm = mixing(f, q, c, channels, channels);
	for (unsigned int i = 0; i < amplifiers; i++)
		out->ase += emission(f, q, &a[i]);
	add_up(out);
}

void lit_fibre_noise_of(const struct lit_fibre *f, const struct lit_quantum *q,
                        const struct lit_channel *c, unsigned int channels, unsigned int which,
                        struct lit_noise *out)
{
	memset(out, 0, sizeof(*out));
	scatter(f, q, &c[which], out);
	out->fwm = mixing(f, q, c, channels, which);
	add_up(out);
}

double lit_counts(double photons_s, double gate_ns, double receiver_loss_db, double efficiency)
{
	return photons_s * gate_ns * 1e-9 * efficiency * ratio(receiver_loss_db);
}

double lit_isolation_needed(const struct lit_fibre *f, const struct lit_quantum *q,
                            const struct lit_channel *c, double counts, double receiver_loss_db,
                            double efficiency)
{
	double all = lit_counts(photons(watt(c->dbm) * ratio(arriving_db(f, q, c)), c->ghz),
	                        q->gate_ns, receiver_loss_db, efficiency);

	return all > counts ? 10 * log10(all / counts) : 0;
}

double lit_osnr_db(const struct lit_fibre *f, const struct lit_channel *c, double nf_db)
{
	return OSNR_DB + c->dbm - f->data.loss_db_km * f->data.length_km - nf_db;
}
