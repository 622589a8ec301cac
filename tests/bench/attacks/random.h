/* SPDX-License-Identifier: BSD-3-Clause */

/* A random source fails: the model's raw stream into the gateway's tests (drivers/qrng.h). */

#ifndef TESTS_BENCH_ATTACKS_RANDOM_H
#define TESTS_BENCH_ATTACKS_RANDOM_H

#include "tests/bench/attacks/trial.h"

/* The stream as an idle gateway tests it, 33 Mb/s, which fails somewhere within its windows. */
void random_trial(const struct attack *attack, const struct link_params *link, uint64_t seed,
                  struct trial *out);
/* SAMPLES of an honest stream: faults that were latched. */
uint64_t random_honest(double samples, uint64_t seed);

#endif
