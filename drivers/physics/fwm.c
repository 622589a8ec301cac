/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/physics/fwm.h"

#include <math.h>

#include "drivers/physics/itu_grid.h"
#include "drivers/physics/raman.h"

double fwm_mismatch(const struct fwm_fibre *f, double quantum_nm, double ik_ghz, double jk_ghz)
{
	double nm_per_ghz = quantum_nm * quantum_nm / ITU_LIGHT_M_S; /* l^2 / c */
	double ik = fabs(ik_ghz), jk = fabs(jk_ghz);
	double d = f->dispersion_ps_nm_km + nm_per_ghz / 2 * (ik + jk) * f->slope_ps_nm2_km;

	/* nm/GHz * GHz^2 * ps/(nm km) = 1e-3 / km */
	return 2 * M_PI * nm_per_ghz * ik * jk * d * 1e-3;
}

double fwm_efficiency(const struct fwm_fibre *f, double mismatch_km)
{
	double a = raman_alpha(f->loss_db_km), left = exp(-a * f->length_km);
	double s = sin(mismatch_km * f->length_km / 2);

	if (!(a > 0))
		return 1; /* a fibre without loss is not planned with */
	return a * a / (a * a + mismatch_km * mismatch_km) *
	       (1 + 4 * left * s * s / ((1 - left) * (1 - left)));
}

double fwm_product(const struct fwm_fibre *f, double quantum_nm, double ik_ghz, double jk_ghz,
                   double p_i, double p_j, double p_k, int degenerate)
{
	double a = raman_alpha(f->loss_db_km), left = exp(-a * f->length_km);
	double effective = a > 0 ? (1 - left) / a : f->length_km;
	double eta = fwm_efficiency(f, fwm_mismatch(f, quantum_nm, ik_ghz, jk_ghz));

	return eta * (degenerate ? 1 : 4) * f->gamma_w_km * f->gamma_w_km * p_i * p_j * p_k * left *
	       effective * effective;
}
