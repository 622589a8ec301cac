/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/rng.h"

#include "common/random.h"

void rng_init(struct rng *rng)
{
	do
		random_bytes(rng->s, sizeof(rng->s));
	while ((rng->s[0] | rng->s[1] | rng->s[2] | rng->s[3]) == 0);
	rng->has_spare = false;
}

void rng_init_seed(struct rng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		/* SplitMix64, the seeding that xoshiro's authors advise. */
		uint64_t z = seed += 0x9e3779b97f4a7c15ULL;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
		rng->s[i] = z ^ (z >> 31);
	}
	rng->has_spare = false;
}

double rng_gauss(struct rng *rng)
{
	double u, v, r;

	if (rng->has_spare) {
		rng->has_spare = false;
		return rng->spare;
	}
	do {
		u = 2 * rng_uniform(rng) - 1;
		v = 2 * rng_uniform(rng) - 1;
		r = u * u + v * v;
	} while (r >= 1 || r == 0);
	r = sqrt(-2 * log(r) / r);
	rng->spare = v * r;
	rng->has_spare = true;
	return u * r;
}
