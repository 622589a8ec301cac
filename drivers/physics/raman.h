/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Spontaneous Raman scattering of data channels into a quantum channel, after Eraerds, Walenta,
 * Legre, Gisin, Zbinden, NJP 12 063027 (2010):
 *
 *	forward    P rho dl L e^(-a L)         (unequal losses: (e^(-ap L) - e^(-aq L)) / (aq - ap))
 *	backward   P rho dl (1 - e^(-(ap + aq) L)) / (ap + aq)
 *
 * rho is a table for a pump at 1550 nm; other pumps by the same shift in wavenumber and the fourth
 * power of the wavelength.
 */

#ifndef DRIVERS_PHYSICS_RAMAN_H
#define DRIVERS_PHYSICS_RAMAN_H

/* Scattering into 1 nm around QUANTUM_NM of light at PUMP_NM: 1 / (km nm). */
double raman_rho(double pump_nm, double quantum_nm);

/*
 * The same from the Raman gain of standard fibre at 300 K: within a third of the table, and all
 * there is farther off, where it is an order of magnitude.
 */
double raman_rho_from_gain(double pump_nm, double quantum_nm);

/* Effective lengths, km; losses in dB/km. */
double raman_forward_km(double length_km, double pump_db_km, double quantum_db_km);
double raman_backward_km(double length_km, double pump_db_km, double quantum_db_km);

/* Nepers per km of a loss in dB/km. */
double raman_alpha(double db_km);

#endif
