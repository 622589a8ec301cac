/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The card's random source, watched for the operator. Alarms at the link, one for each kind of
 * fault: qrng-stuck, qrng-biased, qrng-periodic, qrng-silent, qrng-card; until start-up tests that
 * were asked for have passed. Control thread only.
 */

#ifndef CONTROL_QRNG_WATCH_H
#define CONTROL_QRNG_WATCH_H

#include <stdint.h>

#include "dataplane/optics.h"

void qrng_watch(const char *resource, const struct optics_status *s, uint64_t now_ns);

/* Samples tested a second, over the last ten seconds or so. */
double qrng_watch_rate(void);

#endif
