/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The model's dice: xoshiro256++ (Blackman, Vigna, "Scrambled linear pseudorandom number
 * generators", ACM TOMS 2021). Fast and good, but no source of secrets.
 */

#ifndef DRIVERS_MODEL_RNG_H
#define DRIVERS_MODEL_RNG_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
	double spare; /* the polar method makes two Gaussian deviates at once */
	bool has_spare;
};

/* From the kernel's generator, or from SEED for a repeatable run. */
void rng_init(struct rng *rng);
void rng_init_seed(struct rng *rng, uint64_t seed);

/* Normal deviate of mean 0 and variance 1. */
double rng_gauss(struct rng *rng);

static inline uint64_t rng_rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t *s = rng->s, out = rng_rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rng_rotl(s[3], 45);
	return out;
}

/* Uniform in [0, 1). */
static inline double rng_uniform(struct rng *rng)
{
	return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

/* Exponential deviate of mean 1. */
static inline double rng_exp(struct rng *rng)
{
	return -log((double)((rng_next(rng) >> 11) + 1) * 0x1p-53);
}

#endif
