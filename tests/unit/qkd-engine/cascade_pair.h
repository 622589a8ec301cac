/* SPDX-License-Identifier: BSD-3-Clause */

/* Both ends of Cascade, and blocks for them. */

#ifndef TESTS_CASCADE_PAIR_H
#define TESTS_CASCADE_PAIR_H

#include "qkd-engine/cascade.h"

#include <math.h>

#include "common/secret.h"

#define PAIR_OF(x)       cascade_##x
#define PAIR_MESSAGE_MAX CASCADE_MESSAGE_MAX
#include "tests/unit/qkd-engine/reconcile_pair.h"

static uint64_t state;

/* Splitmix64: the same runs on every machine. */
static inline uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Keys with errors at rate QBER; the protocol is told PARAMS.qber. */
static inline void pair_init(struct pair *t, struct cascade_params params, double qber)
{
	size_t words = BITS_WORDS(params.bits), errors = 0;
	uint64_t *alice = malloc(words * 8), *bob = malloc(words * 8);

	if (secret_size() == 0)
		CU_ASSERT_EQUAL_FATAL(secret_init(64 << 20, NULL), 0);
	for (size_t i = 0; i < words; i++)
		alice[i] = next();
	if (params.bits % 64 != 0)
		alice[words - 1] &= ~0ULL >> (64 - params.bits % 64);
	memcpy(bob, alice, words * 8);
	for (size_t i = 0; i < params.bits; i++)
		if ((double)(next() >> 11) * 0x1p-53 < qber) {
			bob[i / 64] ^= 1ULL << (i % 64);
			errors++;
		}
	pair_start(t, &params, alice, bob, errors);
}

/* Run to the end; the leak in bits. */
static inline uint64_t run(struct pair *t)
{
	struct cascade_stats a, b;

	CU_ASSERT_EQUAL(run_to_end(t), 0);
	CU_ASSERT_TRUE(cascade_bob_done(t->bob));
	cascade_alice_stats(t->alice, &a);
	cascade_bob_stats(t->bob, &b);
	CU_ASSERT_EQUAL(a.alice_parities, b.alice_parities);
	CU_ASSERT_EQUAL(a.bob_parities, b.bob_parities);
	CU_ASSERT_EQUAL(a.bob_parities, a.alice_parities);
	CU_ASSERT_EQUAL(a.rounds, b.rounds);
	CU_ASSERT_EQUAL(b.corrected, t->errors);
	CU_ASSERT_TRUE(pair_equal(t));
	return a.alice_parities;
}

#endif
