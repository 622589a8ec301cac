/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Four-wave mixing of co-propagating data channels into a quantum channel at f_i + f_j - f_k:
 *
 *	P = eta (D / 3)^2 gamma^2 P_i P_j P_k e^(-a L) L_eff^2
 *	eta = a^2 / (a^2 + db^2) (1 + 4 e^(-a L) sin^2(db L / 2) / (1 - e^(-a L))^2)
 *	db = (2 pi l^2 / c) df_ik df_jk (D_c + l^2 / (2 c) (df_ik + df_jk) dD_c/dl)
 *
 * with D 3 where i = j and 6 elsewhere (Shibata, Braun, Waarts, JQE 23 1205 (1987)).
 */

#ifndef DRIVERS_PHYSICS_FWM_H
#define DRIVERS_PHYSICS_FWM_H

struct fwm_fibre {
	double length_km, loss_db_km;
	double dispersion_ps_nm_km;         /* at the quantum channel */
	double slope_ps_nm2_km, gamma_w_km; /* nonlinear coefficient, 1 / (W km) */
};

/* Phase mismatch, 1 / km, of frequency differences in GHz. */
double fwm_mismatch(const struct fwm_fibre *f, double quantum_nm, double ik_ghz, double jk_ghz);

/* Efficiency ETA of that mismatch. */
double fwm_efficiency(const struct fwm_fibre *f, double mismatch_km);

/* Power at the fibre's end in W of channels with these powers in W; DEGENERATE: i = j. */
double fwm_product(const struct fwm_fibre *f, double quantum_nm, double ik_ghz, double jk_ghz,
                   double p_i, double p_j, double p_k, int degenerate);

#endif
