/* SPDX-License-Identifier: BSD-3-Clause */

/* Data sheets of a fibre of 20 km and its receiver, as an operator gives them. */

#ifndef TESTS_UNIT_CONTROL_PREDICTION_20KM_H
#define TESTS_UNIT_CONTROL_PREDICTION_20KM_H

#include "config/config.h"

static const struct config_dwdm_prediction prediction_20km = {.known = true,
                                                              .km = 20,
                                                              .quantum_db = 4,
                                                              .bandwidth_nm = 0.12,
                                                              .quantum = "C34",
                                                              .dispersion = 17,
                                                              .receiver_db = 3,
                                                              .efficiency = 0.2,
                                                              .dark = 1e-6,
                                                              .misalignment = 0.01,
                                                              .afterpulse = 0.01};

#endif
