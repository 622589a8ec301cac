/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/sor.h"

#include <stdlib.h>
#include <string.h>

#define LIGHT_KM_PER_US 0.299792458

void sor_free(struct sor *sor)
{
	free(sor->events);
	free(sor->points);
	memset(sor, 0, sizeof(*sor));
}

uint16_t sor_crc16(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint16_t crc = 0xffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint16_t)(p[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0));
	}
	return crc;
}

double sor_wavelength_nm(const struct sor *sor)
{
	/* No instrument has 200 nm, none 2,000 in tenths. */
	return sor->wavelength < 2000 ? sor->wavelength : sor->wavelength / 10.0;
}

double sor_distance_km(const struct sor *sor, double time)
{
	if (sor->group_index == 0)
		return 0;
	return time * 1e-4 * LIGHT_KM_PER_US / (sor->group_index * 1e-5);
}

double sor_point_db(const struct sor *sor, uint32_t i)
{
	return (double)sor->points[i] * sor->scale * 1e-6;
}
