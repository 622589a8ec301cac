/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Version 2.0's VAES code for AVX2 returns with dirty upper halves of the vector registers: it
 * has no VZEROUPPER. Every SSE instruction of ours that follows then waits for the one before
 * it to merge those halves (Intel 64 and IA-32 Architectures Optimization Reference Manual, "Mixing
 * AVX code with SSE code"): 300 cycles a packet where that was measured.
 */

#ifndef COMMON_GCM_UPPER_H
#define COMMON_GCM_UPPER_H

#include <stdbool.h>

#include "common/gcm.h"

/*
 * Let P's functions clean up behind themselves. There is one place for such functions in a
 * process: false when those of another library are in it.
 */
bool gcm_upper_clean(struct gcm_provider *p);

#endif
