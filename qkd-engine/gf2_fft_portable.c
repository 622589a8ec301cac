/* SPDX-License-Identifier: BSD-3-Clause */

/* The additive FFT in ordinary C: what the other implementations are tested against. */

#include "qkd-engine/gf2_fft.h"

/* Every fifth bit of 128, from bit 0. */
#define FIFTH_LOW  0x1084210842108421ULL
#define FIFTH_HIGH 0x2108421084210842ULL

typedef unsigned __int128 u128;

/*
 * Bits five apart leave room for the carries of an integer product: at most 13 terms meet in
 * one place, less than 2^5, and the lowest bit of their number is the sum over GF(2).
 * Integer multiplication takes constant time on the CPUs that this runs on.
 */
static u128 carryless(uint64_t a, uint64_t b)
{
	const u128 fifth = (u128)FIFTH_HIGH << 64 | FIFTH_LOW;
	uint64_t x[5], y[5];
	u128 sum = 0;

	for (unsigned int i = 0; i < 5; i++) {
		x[i] = a & (uint64_t)(fifth << i);
		y[i] = b & (uint64_t)(fifth << i);
	}
	for (unsigned int c = 0; c < 5; c++) {
		u128 s = 0;

		for (unsigned int i = 0; i < 5; i++)
			s ^= (u128)x[i] * y[(c + 5 - i) % 5];
		sum |= s & (fifth << c);
	}
	return sum;
}

uint64_t gf2_multiply(uint64_t a, uint64_t b)
{
	u128 product = carryless(a, b);
	uint64_t low = (uint64_t)product, high = (uint64_t)(product >> 64);

	/* y^64 = y^4 + y^3 + y + 1; what that carries over y^63 once more */
	high ^= high >> 60 ^ high >> 61 ^ high >> 63;
	return low ^ high ^ high << 1 ^ high << 3 ^ high << 4;
}

static void rows(uint64_t *x, uint64_t *y, size_t n, uint64_t t)
{
	for (size_t i = 0; i < n; i++) {
		x[i] ^= gf2_multiply(y[i], t);
		y[i] ^= x[i];
	}
}

static void rows_back(uint64_t *x, uint64_t *y, size_t n, uint64_t t)
{
	for (size_t i = 0; i < n; i++) {
		y[i] ^= x[i];
		x[i] ^= gf2_multiply(y[i], t);
	}
}

static void chunk_forward(uint64_t *x, unsigned int k, const uint64_t *t, const uint64_t *span)
{
	for (unsigned int i = k; i-- > 0;)
		for (size_t j = 0; j < 1u << (k - 1 - i); j++)
			rows(x + (j << (i + 1)), x + (j << (i + 1)) + (1u << i), 1u << i,
			     t[i] ^ span[j]);
}

static void chunk_back(uint64_t *x, unsigned int k, const uint64_t *t, const uint64_t *span)
{
	for (unsigned int i = 0; i < k; i++)
		for (size_t j = 0; j < 1u << (k - 1 - i); j++)
			rows_back(x + (j << (i + 1)), x + (j << (i + 1)) + (1u << i), 1u << i,
			          t[i] ^ span[j]);
}

static void multiply(uint64_t *x, const uint64_t *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = gf2_multiply(x[i], y[i]);
}

const struct gf2_fft gf2_fft_portable = {
        .name = "portable",
        .chunk = 7,
        .per_us = 20,
        .rows = rows,
        .rows_back = rows_back,
        .chunk_forward = chunk_forward,
        .chunk_back = chunk_back,
        .multiply = multiply,
};
