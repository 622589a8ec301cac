/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/physics/detector.h"

#include <string.h>

#include "tests/unit/unit.h"

static void test_presets(void)
{
	CU_ASSERT(detector_preset_count >= 3);
	for (unsigned int i = 0; i < detector_preset_count; i++) {
		const struct detector_preset *d = &detector_presets[i];

		CU_ASSERT_PTR_EQUAL(detector_preset_find(d->name), d);
		CU_ASSERT_PTR_NOT_NULL(strstr(DETECTOR_PRESET_NAMES, d->name));
		CU_ASSERT(d->efficiency > 0 && d->efficiency <= 1 && d->dead_time_ns > 0);
		CU_ASSERT((d->dark_rate_hz > 0) != (d->dark_probability > 0));
	}
	CU_ASSERT_PTR_NULL(detector_preset_find("pmt"));
}

static void test_units(void)
{
	/* 100 a second in slots of 1 ns; by the gate it is what it is. */
	CU_ASSERT_DOUBLE_EQUAL(detector_dark(detector_preset_find("snspd"), 1e-9), 1e-7, 1e-20);
	CU_ASSERT_DOUBLE_EQUAL(detector_dark(detector_preset_find("ingaas-gated"), 1e-9), 2e-6,
	                       1e-20);
	CU_ASSERT_DOUBLE_EQUAL(detector_jitter_sigma_ps(detector_preset_find("snspd")), 12.74,
	                       0.01);
}

UNIT_MAIN(UNIT(test_presets), UNIT(test_units))
