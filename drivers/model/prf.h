/* SPDX-License-Identifier: BSD-3-Clause */

/* SipHash-2-4 of one 64-bit word (Aumasson, Bernstein, INDOCRYPT 2012). */

#ifndef DRIVERS_MODEL_PRF_H
#define DRIVERS_MODEL_PRF_H

#include <stdint.h>

struct prf {
	uint64_t k0, k1;
};

uint64_t prf_word(const struct prf *prf, uint64_t word);

#endif
