/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Statistics by the million: of the OTDR, one a cell of an honest trace, and of the loss tracking,
 * one a window of 5 s. Those of the loss are counts drawn from the model's closed form on a link
 * that drifts, with the spread that clicks of the same link have: FANO, variance over mean.
 */

#ifndef TESTS_BENCH_ATTACKS_STATISTICS_H
#define TESTS_BENCH_ATTACKS_STATISTICS_H

#include "tests/bench/attacks/link.h"

struct otdr_statistics {
	double statistics, variance, kurtosis, largest; /* in deviations */
	double sigma_db;                                /* of the difference, at most */
	uint64_t traces, above_more, above_one;         /* cells above 4.5, above 6.2 */
	uint64_t reported;                              /* traces with an alarm */
	double cpu_s;
};
void statistics_otdr(double count, double km, uint64_t seed, struct otdr_statistics *out);

/*
 * Taps of LOSS_DB anywhere outside the dead zones, on traces of their own, by a source of WIDTH_HZ:
 * the narrower, the more coherent Rayleigh noise. 0: the model's own.
 */
struct otdr_taps {
	unsigned int taps, one, of_three; /* found in one trace at 6.2; at 4.5 in two of three */
	unsigned int within_20m;          /* of those found */
	double furthest_m, rms_m, sigma_db, least_sigmas;
};
void statistics_taps(unsigned int taps, double loss_db, double width_hz, double km, uint64_t seed,
                     struct otdr_taps *out);
/* The baseline's dead zones as a JSON list. */
size_t statistics_zones(double km, uint64_t seed, char *buf, size_t n);

struct loss_statistics {
	double windows, years, cpu_s;
	uint64_t loss, gain, drifted; /* alarms */
	double fano;                  /* of clicks in 0.1 s, without drift */
};
void statistics_loss(double count, const struct link_params *p, uint64_t seed,
                     struct loss_statistics *out);

#endif
