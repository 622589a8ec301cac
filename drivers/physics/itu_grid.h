/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Optical channels by name: ITU-T G.694.1, f = 193.1 THz + n times the grid. Vendors count
 * C21, C22, ... as 190.0 THz + 0.1 THz times the number, and H21 50 GHz above C21.
 */

#ifndef DRIVERS_PHYSICS_ITU_GRID_H
#define DRIVERS_PHYSICS_ITU_GRID_H

#include <stddef.h>

#define ITU_LIGHT_M_S 299792458.0 /* in vacuum: wavelengths are vacuum ones */

/* "C34", "H34" or "193.4" (THz); GHz, or a negative number: neither, or not within 180 to 250 THz.
 */
double itu_grid_ghz(const char *name);
/* The name of the channel at GHZ, or its frequency in THz where it has none. */
void itu_grid_name(double ghz, char *out, size_t n);

double itu_wavelength_nm(double ghz);
double itu_ghz(double wavelength_nm);

#endif
