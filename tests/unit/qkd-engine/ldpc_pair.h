/* SPDX-License-Identifier: BSD-3-Clause */

/* Both ends of LDPC reconciliation, and blocks for them. */

#ifndef TESTS_LDPC_PAIR_H
#define TESTS_LDPC_PAIR_H

#include "qkd-engine/ldpc.h"

#include "common/gcm.h"
#include "common/secret.h"
#include "tests/unit/qkd-engine/ldpc_frames.h"

#define PAIR_OF(x)       ldpc_##x
#define PAIR_MESSAGE_MAX LDPC_MESSAGE_MAX
#include "tests/unit/qkd-engine/reconcile_pair.h"

static inline bool has_code(double qber)
{
	struct ldpc_params p = {1 << 16, 1 << 16, qber, 0};

	return ldpc_budget(&p) != 0;
}

/* An error rate in the middle of the family's range. */
static inline double usual_rate(void)
{
	return has_code(0.03) ? 0.03 : 0.02;
}

/* Keys with so many errors. */
static inline void pair_init(struct pair *t, struct ldpc_params params, size_t errors)
{
	uint64_t *alice = random_bits(params.bits), *bob = malloc(BITS_WORDS(params.bits) * 8 + 8);

	memcpy(bob, alice, BITS_WORDS(params.bits) * 8);
	flip_bits(bob, params.bits, errors);
	pair_start(t, &params, alice, bob, errors);
}

static inline void pair_init_rate(struct pair *t, struct ldpc_params params, double qber)
{
	pair_init(t, params, (size_t)(qber * (double)params.bits));
}

/* A block that provides for a frame in full; its frames have 2^14 - 3 bits. */
static inline struct ldpc_params many_frames(void)
{
	return (struct ldpc_params){256 * ((1 << 14) - 3), 1 << 14, usual_rate(), 9};
}

static inline void test_setup(void)
{
	CU_ASSERT_EQUAL_FATAL(secret_init(32 << 20, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, NULL), 0);
}

#endif
