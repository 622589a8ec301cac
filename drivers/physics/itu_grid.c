/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/physics/itu_grid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define BASE_GHZ 190000.0
#define LEAST    180000.0
#define MOST     250000.0
#define NAMED    99

double itu_grid_ghz(const char *name)
{
	char *end;
	double v;

	if (name[0] == 'C' || name[0] == 'H') {
		long number = strtol(name + 1, &end, 10);

		if (end == name + 1 || *end != '\0' || number < 1 || number > NAMED)
			return -1;
		return BASE_GHZ + 100.0 * (double)number + (name[0] == 'H' ? 50 : 0);
	}
	v = 1e3 * strtod(name, &end);
	if (end == name || *end != '\0' || !(v >= LEAST && v <= MOST))
		return -1;
	return v;
}

void itu_grid_name(double ghz, char *out, size_t n)
{
	double number = floor((ghz - BASE_GHZ) / 100 + 1e-6), rest = ghz - BASE_GHZ - 100 * number;

	if (number >= 1 && number <= NAMED && fabs(rest) < 1e-3)
		snprintf(out, n, "C%02.0f", number);
	else if (number >= 1 && number <= NAMED && fabs(rest - 50) < 1e-3)
		snprintf(out, n, "H%02.0f", number);
	else
		snprintf(out, n, "%.6g", ghz / 1e3);
}

double itu_wavelength_nm(double ghz)
{
	return ITU_LIGHT_M_S / ghz;
}

double itu_ghz(double wavelength_nm)
{
	return ITU_LIGHT_M_S / wavelength_nm;
}
