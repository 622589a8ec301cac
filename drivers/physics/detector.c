/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/physics/detector.h"

#include <string.h>

/* Full width at half maximum over the standard deviation: 2 sqrt(2 ln 2). */
#define FWHM_PER_SIGMA 2.354820045

const struct detector_preset detector_presets[] = {
        {
                .name = "ingaas-gated",
                .about = "self-differencing InGaAs APD gated at 1 GHz; middle of the ranges in "
                         "the papers of Yuan et al. and Walenta et al.",
                .efficiency = 0.22,
                .dark_probability = 2e-6,
                .afterpulse = 0.04,
                .afterpulse_tau_ns = 20,
                .dead_time_ns = 5,
                .jitter_ps = 80,
        },
        {
                .name = "ingaas-free-running",
                .about = "negative-feedback InGaAs APD at -110 C: Korzh et al., APL 104 081108 "
                         "(2014), arXiv:1312.2636; decay of traps as in arXiv:2106.05599",
                .efficiency = 0.1,
                .dark_rate_hz = 1,
                .afterpulse = 0.022,
                .afterpulse_tau_ns = 1800,
                .dead_time_ns = 20000,
                .jitter_ps = 150,
        },
        {
                .name = "ingaas-warm",
                .about = "the same without deep cooling: Lunghi et al., arXiv:1204.4594",
                .efficiency = 0.1,
                .dark_rate_hz = 600,
                .afterpulse = 0.022,
                .afterpulse_tau_ns = 1800,
                .dead_time_ns = 20000,
                .jitter_ps = 150,
        },
        {
                .name = "snspd",
                .about = "superconducting nanowire: Zhang et al., arXiv:1611.02726 (92 %, below "
                         "130 dark counts a second)",
                .efficiency = 0.85,
                .dark_rate_hz = 100,
                .afterpulse_tau_ns = 1000,
                .dead_time_ns = 30,
                .jitter_ps = 30,
        },
};
const unsigned int detector_preset_count = sizeof(detector_presets) / sizeof(detector_presets[0]);

const struct detector_preset *detector_preset_find(const char *name)
{
	for (unsigned int i = 0; i < detector_preset_count; i++)
		if (strcmp(detector_presets[i].name, name) == 0)
			return &detector_presets[i];
	return NULL;
}

double detector_dark(const struct detector_preset *d, double slot_s)
{
	return d->dark_rate_hz > 0 ? d->dark_rate_hz * slot_s : d->dark_probability;
}

double detector_jitter_sigma_ps(const struct detector_preset *d)
{
	return d->jitter_ps / FWHM_PER_SIGMA;
}
