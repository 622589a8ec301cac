/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/prf.h"

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static void sip_rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

uint64_t prf_word(const struct prf *prf, uint64_t word)
{
	uint64_t last = (uint64_t)sizeof(word) << 56; /* the length, in the top byte */
	uint64_t v[4] = {prf->k0 ^ 0x736f6d6570736575ULL, prf->k1 ^ 0x646f72616e646f6dULL,
	                 prf->k0 ^ 0x6c7967656e657261ULL, prf->k1 ^ 0x7465646279746573ULL};

	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
	v[3] ^= last;
	sip_rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
