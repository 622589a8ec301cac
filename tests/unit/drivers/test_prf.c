/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/prf.h"
#include "tests/unit/unit.h"

static void test_published_vector(void)
{
	/* Aumasson, Bernstein, vectors_sip64[8]: key 00..0f, message 00..07. */
	struct prf prf = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

	CU_ASSERT_EQUAL(prf_word(&prf, 0x0706050403020100ULL), 0x93f5f5799a932462ULL);
}

UNIT_MAIN(UNIT(test_published_vector))
